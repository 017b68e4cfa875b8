//! From state to state: asks the rules what is due, and does what a new state brings with it (R6, R7, R11 to R14).

use alloc::vec::Vec;

use pallet_bonds::Beneficiary;
use pallet_channels::BlockStage;
use pallet_support::{deposit_event, ensure};
use quire_channel::BlockState;
use quire_channel::rules::{self, Progress, Verdict};
use quire_core::{Balance, DispatchResult, H256};

use crate::live::Live;
use crate::part::duty_bit;
use crate::{Breach, Error, Event, INDEX, payment};

/// What of its duty bond a validator loses that committed and did not reveal.
const NOT_REVEALED_PERCENT: Balance = 100;
/// What of its duty bond a validator loses that held every counted part of an expired block and did not commit.
const SILENT_PERCENT: Balance = 25;
/// What of a slashed bond goes to the participants that did not choose the validator; the rest is burned.
const COMPENSATION_PERCENT: u8 = 50;

/// R12: does what the clock has made due, or pays debts of an underfunded block.
pub(crate) fn advance(channel: u64, block: u32) -> DispatchResult {
    let before = crate::block(channel, block).ok_or(Error::UnknownBlock)?.progress;
    let mut live = Live::load(channel, block)?;
    let changed = live.record.progress != before;
    if !changed && live.record.state() == BlockState::Underfunded {
        ensure!(payment::pay_claims(&mut live, false)?.moved > 0, Error::NothingDue);
    } else {
        ensure!(changed, Error::NothingDue);
    }
    live.store()
}

/// Applies all transitions that are due. States follow one another without a loop, so there are few.
pub(crate) fn touch(live: &mut Live) -> DispatchResult {
    loop {
        let settled = live.record.state() == BlockState::Settling && live.applied() >= live.outputs();
        let unpaid = settled && payment::pay_claims(live, true)?.owed > 0;
        let facts = live.facts(unpaid);
        let record = &live.record;
        let next = rules::next_state(record.progress, &facts, record.period, &record.windows, live.now);
        let Some(next) = next else { return Ok(()) };
        enter(live, next)?;
    }
}

/// Moves the block to its next state.
fn enter(live: &mut Live, next: Progress) -> DispatchResult {
    let former = live.record.state();
    live.record.progress = next;
    let (channel, block) = (live.channel, live.block);
    deposit_event(INDEX, &Event::StateChanged { channel, block, state: next.state, entered: next.entered });
    if former == BlockState::Revealing {
        punish(live, Breach::NotRevealed)?;
    }
    match next.state {
        BlockState::Agreed => agree(live),
        BlockState::Disputed => {
            deposit_event(INDEX, &Event::Disputed { channel, block, results: results(live) });
            Ok(())
        }
        BlockState::Expired => {
            // Before Committing validators had nothing to say.
            if matches!(former, BlockState::Committing | BlockState::Revealing) {
                punish(live, Breach::Silent)?;
            }
            finish(live)
        }
        BlockState::Settled | BlockState::Underfunded => finish(live),
        _ => Ok(()),
    }
}

/// R7: one result stands.
fn agree(live: &mut Live) -> DispatchResult {
    let (channel, block) = (live.channel, live.block);
    let Verdict::Agreed(result) = live.verdict() else { return Err(Error::WrongState.into()) };
    let header = live.record.duties.iter().find_map(|duty| duty.reveal).ok_or(Error::WrongState)?;
    live.record.result = Some(header);
    live.record.reserves = pallet_channels::reserve(channel, header.total);
    deposit_event(INDEX, &Event::Agreed { channel, block, result, total: header.total });
    pallet_channels::set_stage(channel, block, BlockStage::Decided, live.now)
}

/// The different results, ascending.
fn results(live: &Live) -> Vec<H256> {
    let revealed = live.record.duties.iter().filter_map(|duty| duty.reveal);
    let mut hashes: Vec<H256> = revealed.map(|result| result.hash()).collect();
    hashes.sort_unstable();
    hashes.dedup();
    hashes
}

/// R14: ends all duties and takes the block off the list of open ones.
fn finish(live: &mut Live) -> DispatchResult {
    for duty in &mut live.record.duties {
        pallet_bonds::unlock(&duty.validator, duty.locked);
        duty.locked = 0;
    }
    pallet_channels::set_stage(live.channel, live.block, BlockStage::Done, live.now)
}

/// R6, R11: slashes whoever is guilty of `breach`.
fn punish(live: &mut Live, breach: Breach) -> DispatchResult {
    let held_all = live.record.parts.iter().fold(u32::MAX, |bits, part| bits & part.custodians);
    for place in 0..live.record.duties.len() {
        let Some(duty) = live.record.duties.get_mut(place) else { continue };
        let (guilty, percent) = match breach {
            Breach::NotRevealed => (duty.commitment.is_some() && duty.reveal.is_none(), NOT_REVEALED_PERCENT),
            Breach::Silent => (duty.commitment.is_none() && held_all & duty_bit(place) != 0, SILENT_PERCENT),
        };
        if guilty {
            let (validator, locked) = (duty.validator, core::mem::take(&mut duty.locked));
            pallet_bonds::unlock(&validator, locked);
            let amount = locked.saturating_mul(percent) / 100;
            slash(live, validator, breach, amount)?;
        }
    }
    Ok(())
}

/// Slashes one validator; half goes to the participants that did not choose it, the rest is burned.
fn slash(live: &Live, validator: quire_core::AccountId, breach: Breach, amount: Balance) -> DispatchResult {
    let (channel, block) = (live.channel, live.block);
    let named = (0..live.participants()).zip(&live.record.delegations);
    let harmed: Vec<u8> =
        named.filter(|(_, named)| **named != Some(validator)).map(|(index, _)| index).collect();
    let beneficiary = match harmed.is_empty() {
        true => Beneficiary::Burn,
        false => {
            Beneficiary::Share { account: pallet_channels::storage::pot(), percent: COMPENSATION_PERCENT }
        }
    };
    let slashed = pallet_bonds::slash(&validator, amount, &beneficiary)?;
    if slashed.paid > 0 {
        pallet_channels::compensate(channel, &harmed, slashed.paid)?;
    }
    deposit_event(INDEX, &Event::DutyBroken { channel, block, validator, breach, amount: slashed.taken });
    Ok(())
}
