//! Settlement in slices: `settle` (R8).

use alloc::vec::Vec;

use pallet_support::{deposit_event, ensure};
use quire_channel::result::verify_slice;
use quire_channel::rules::{AppliedOutputs, SliceError};
use quire_channel::{BlockState, Output};
use quire_core::limits::MAX_SETTLE_OUTPUTS;
use quire_core::{Balance, DispatchResult, H256};

use crate::live::Live;
use crate::storage::{ClaimRecord, REPORTS, SETTLEMENTS, Settlement};
use crate::{Error, Event, INDEX, Payee};

/// R8.
pub(crate) fn settle(
    channel: u64,
    block: u32,
    first: u32,
    outputs: Vec<Output>,
    proof: &[H256],
) -> DispatchResult {
    let count = u32::try_from(outputs.len()).map_err(|_| Error::SliceTooLarge)?;
    ensure!(count <= MAX_SETTLE_OUTPUTS, Error::SliceTooLarge);
    let live = Live::load(channel, block)?;
    live.expect(BlockState::Settling)?;
    let result = live.record.result.ok_or(Error::WrongState)?;
    let mut settlement = match SETTLEMENTS.get(&channel, &block) {
        Some(settlement) => settlement,
        None => {
            let applied = AppliedOutputs::new(result.outputs_count).ok_or(Error::ResultTooLarge)?;
            Settlement { applied, claims: Vec::new() }
        }
    };
    settlement.applied.apply(first, count).map_err(slice_error)?;
    ensure!(verify_slice(&result, first, &outputs, proof), Error::WrongProof);
    for (index, output) in (first..).zip(outputs) {
        if !apply(&live, &mut settlement, output) {
            deposit_event(INDEX, &Event::OutputIgnored { channel, block, index });
        }
    }
    SETTLEMENTS.insert(&channel, &block, &settlement);
    deposit_event(INDEX, &Event::SliceApplied { channel, block, first, count });
    live.store()
}

/// Applies one output; false when it names participants that do not exist.
fn apply(live: &Live, settlement: &mut Settlement, output: Output) -> bool {
    let (channel, block) = (live.channel, live.block);
    let known = |participant: u8| participant < live.participants();
    match output {
        Output::Transfer { from, to, amount } => {
            if !known(from) || !known(to) || from == to {
                return false;
            }
            claim(settlement, from, Payee::Participant(to), amount);
        }
        Output::Fee { from, amount } => {
            if !known(from) {
                return false;
            }
            claim(settlement, from, Payee::Validators, amount);
        }
        Output::Report { key, value } => {
            let value = REPORTS.mutate_default(&(channel, block), &key, |figure| {
                *figure = figure.saturating_add(value);
                *figure
            });
            deposit_event(INDEX, &Event::Reported { channel, block, key, value });
        }
        Output::Notice { node, kind, data } => {
            deposit_event(INDEX, &Event::Noticed { channel, block, node, kind, data });
        }
    }
    true
}

/// Adds to what `from` owes; payers and payees are at most 16 and 17, so the list is bounded.
fn claim(settlement: &mut Settlement, from: u8, to: Payee, amount: Balance) {
    let claims = &mut settlement.claims;
    match claims.binary_search_by_key(&(from, to), |claim| (claim.from, claim.to)) {
        Ok(place) => {
            if let Some(claim) = claims.get_mut(place) {
                claim.amount = claim.amount.saturating_add(amount);
            }
        }
        Err(place) => claims.insert(place, ClaimRecord { from, to, amount, paid: 0 }),
    }
}

/// The number that clients see.
fn slice_error(error: SliceError) -> Error {
    match error {
        SliceError::Empty { .. } => Error::SliceEmpty,
        SliceError::OutOfRange { .. } => Error::SliceOutOfRange,
        SliceError::Repeated { .. } => Error::SliceRepeated,
    }
}
