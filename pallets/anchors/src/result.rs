//! Results: `commit`, `reveal` (R5, R6).

use pallet_support::{deposit_event, ensure};
use quire_channel::rules::{self, Expected, RevealError};
use quire_channel::{BlockState, ResultHeader, commitment};
use quire_core::{AccountId, DispatchResult, H256};

use crate::live::{Live, genesis_hash};
use crate::{Error, Event, INDEX};

/// R5.
pub(crate) fn commit(who: &AccountId, channel: u64, block: u32, commitment: H256) -> DispatchResult {
    let mut live = Live::load(channel, block)?;
    live.expect(BlockState::Committing)?;
    let duties = &mut live.record.duties;
    let duty = duties.iter_mut().find(|duty| duty.validator == *who).ok_or(Error::NotDelegated)?;
    ensure!(duty.commitment.is_none(), Error::AlreadyCommitted);
    duty.commitment = Some(commitment);
    deposit_event(INDEX, &Event::Committed { channel, block, validator: *who });
    live.store()
}

/// R6.
pub(crate) fn reveal(
    who: &AccountId,
    channel: u64,
    block: u32,
    result: ResultHeader,
    salt: &[u8; 32],
) -> DispatchResult {
    let mut live = Live::load(channel, block)?;
    live.expect(BlockState::Revealing)?;
    let expected =
        Expected { channel, block, program: live.record.program, parts: live.record.counted_parts() };
    let duties = &mut live.record.duties;
    let duty = duties.iter_mut().find(|duty| duty.validator == *who).ok_or(Error::NotDelegated)?;
    ensure!(duty.reveal.is_none(), Error::AlreadyRevealed);
    let committed = duty.commitment.ok_or(Error::NotCommitted)?;
    let hash = result.hash();
    let opened = commitment(genesis_hash(), channel, block, who, hash, salt);
    ensure!(opened == committed, Error::CommitmentMismatch);
    rules::check_reveal(&result, &expected).map_err(reveal_error)?;
    duty.reveal = Some(result);
    deposit_event(INDEX, &Event::Revealed { channel, block, validator: *who, result: hash });
    live.store()
}

/// The number that clients see.
fn reveal_error(error: RevealError) -> Error {
    match error {
        RevealError::Commitment => Error::CommitmentMismatch,
        RevealError::Place { .. } => Error::ResultPlace,
        RevealError::Program { .. } => Error::ResultProgram,
        RevealError::Parts { .. } => Error::ResultParts,
        RevealError::TooManyOutputs { .. } => Error::ResultTooLarge,
    }
}
