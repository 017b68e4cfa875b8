//! What must hold after any block.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;

use pallet_channels::BlockStage;
use pallet_channels::storage::{CHANNELS, OPEN_BLOCKS};
use quire_channel::{BlockState, rules};
use quire_core::{AccountId, Balance};

use crate::storage::{BLOCKS, BlockRecord, SETTLEMENTS};

/// What all blocks together say about money and bonds.
#[derive(Default)]
struct Sums {
    locked: BTreeMap<AccountId, Balance>,
    reserved: BTreeMap<(u64, usize), Balance>,
    debts: BTreeMap<(u64, usize), Balance>,
}

/// Checks the whole pallet against the others; walks over all blocks, so it is for simulation and tests.
///
/// # Errors
/// A sentence that names the rule and the figures.
pub fn check_invariants() -> Result<(), String> {
    let mut sums = Sums::default();
    for (channel, number, block) in BLOCKS.iter() {
        check_block(channel, number, &block)?;
        add_block(&mut sums, channel, number, &block);
    }
    for (who, ledger) in pallet_bonds::storage::LEDGERS.iter() {
        let locked = sums.locked.remove(&who).unwrap_or(0);
        if locked != ledger.locked {
            return Err(format!("R14: duties lock {locked} of {who}, its ledger says {}", ledger.locked));
        }
    }
    if let Some((who, locked)) = sums.locked.into_iter().find(|(_, locked)| *locked > 0) {
        return Err(format!("R14: duties lock {locked} of {who}, which has no bond"));
    }
    for (channel, _) in CHANNELS.iter() {
        for (index, money) in pallet_channels::money(channel).iter().enumerate() {
            let reserved = sums.reserved.get(&(channel, index)).copied().unwrap_or(0);
            let debt = sums.debts.get(&(channel, index)).copied().unwrap_or(0);
            if (reserved, debt) != (money.reserved, money.debt) {
                return Err(format!(
                    "R7, R10: blocks of channel {channel} reserve {reserved} of participant {index} and say it owes \
                     {debt}; its money says {} and {}",
                    money.reserved, money.debt
                ));
            }
        }
    }
    Ok(())
}

/// Checks one block by itself and against the list of open ones.
fn check_block(channel: u64, number: u32, block: &BlockRecord) -> Result<(), String> {
    let place = format!("block {number} of channel {channel} ({:?})", block.state());
    let open = OPEN_BLOCKS.get_or_default(&channel);
    let stage = open.iter().find(|open| open.number == number).map(|open| open.stage);
    let expected = match block.state() {
        BlockState::Agreed | BlockState::Settling => Some(BlockStage::Decided),
        state if state.is_terminal() => None,
        _ => Some(BlockStage::Undecided),
    };
    if stage.filter(|stage| *stage != BlockStage::Done) != expected {
        return Err(format!("R1: {place} is listed as {stage:?}, not {expected:?}"));
    }
    let validators = u32::try_from(block.duties.len()).unwrap_or(u32::MAX);
    for part in &block.parts {
        if !rules::has_receipt_quorum(part.custodians.count_ones(), validators) {
            return Err(format!("R4: a part of {place} counts without enough receipts"));
        }
        if Some(part.anchor.key_commitment) != block.key_commitment() {
            return Err(format!("R4: two parts of {place} have different keys"));
        }
    }
    if block.duties.iter().any(|duty| block.delegated_by(&duty.validator) == 0) {
        return Err(format!("R2: a validator of {place} is named by nobody"));
    }
    if block.duties.iter().any(|duty| duty.reveal.is_some() && duty.commitment.is_none()) {
        return Err(format!("R6: a validator of {place} revealed without a commitment"));
    }
    if block.state().is_terminal() && block.duties.iter().any(|duty| duty.locked > 0) {
        return Err(format!("R14: {place} is done and still locks a bond"));
    }
    if expected != Some(BlockStage::Decided) && !block.reserves.is_empty() {
        return Err(format!("R7: {place} reserves money"));
    }
    Ok(())
}

/// Adds what a block says.
fn add_block(sums: &mut Sums, channel: u64, number: u32, block: &BlockRecord) {
    for duty in &block.duties {
        add(sums.locked.entry(duty.validator).or_default(), duty.locked);
    }
    for (index, reserve) in block.reserves.iter().enumerate() {
        add(sums.reserved.entry((channel, index)).or_default(), *reserve);
    }
    if block.state() != BlockState::Underfunded {
        return;
    }
    for claim in SETTLEMENTS.get(&channel, &number).map(|settlement| settlement.claims).unwrap_or_default() {
        let debt = claim.amount.saturating_sub(claim.paid);
        add(sums.debts.entry((channel, usize::from(claim.from))).or_default(), debt);
    }
}

fn add(sum: &mut Balance, amount: Balance) {
    *sum = sum.saturating_add(amount);
}
