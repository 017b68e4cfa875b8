//! Money in and out of bonds: `bond`, `unbond`, `withdraw` (R1 to R4, R10).

use pallet_support::{deposit_event, ensure};
use quire_core::limits::MAX_UNBONDING_CHUNKS;
use quire_core::{AccountId, Balance, DispatchResult};

use crate::storage::{LEDGERS, Ledger, PARAMETERS, TOTAL_BONDED, UnbondingChunk, VALIDATORS, pot};
use crate::{Error, Event, INDEX};

/// Bonded money of `who` that is not on its way out.
pub fn active(who: &AccountId) -> Balance {
    LEDGERS.get_or_default(who).active
}

/// All bonded money of `who`.
pub fn total(who: &AccountId) -> Balance {
    LEDGERS.get_or_default(who).total()
}

/// Ticks of the channel clock from `unbond` to `withdraw`.
pub fn unbonding_ticks() -> u32 {
    PARAMETERS.get_or_default().unbonding_ticks
}

/// Writes a ledger, or removes an empty one, and keeps the total (R1).
pub(crate) fn store(who: &AccountId, before: Balance, ledger: &Ledger) {
    let after = ledger.total();
    if after == 0 && ledger.locked == 0 {
        LEDGERS.remove(who);
    } else {
        LEDGERS.insert(who, ledger);
    }
    TOTAL_BONDED.mutate_default(|total| *total = total.saturating_add(after).saturating_sub(before));
}

/// R2.
pub(crate) fn bond(who: &AccountId, amount: Balance) -> DispatchResult {
    ensure!(amount > 0, Error::ZeroAmount);
    let mut ledger = LEDGERS.get_or_default(who);
    let before = ledger.total();
    ledger.active = ledger.active.checked_add(amount).ok_or(Error::Overflow)?;
    ensure!(ledger.active >= PARAMETERS.get_or_default().minimum_bond, Error::BelowMinimumBond);
    pallet_balances::transfer(who, &pot(), amount, true)?;
    store(who, before, &ledger);
    deposit_event(INDEX, &Event::Bonded { who: *who, amount });
    Ok(())
}

/// R3, R10.
pub(crate) fn unbond(who: &AccountId, amount: Balance) -> DispatchResult {
    ensure!(amount > 0, Error::ZeroAmount);
    let mut ledger = LEDGERS.get(who).ok_or(Error::NotBonded)?;
    let before = ledger.total();
    let parameters = PARAMETERS.get_or_default();
    ensure!(amount <= ledger.free(), Error::InsufficientActive);
    ledger.active = ledger.active.saturating_sub(amount);
    if ledger.active < parameters.minimum_bond {
        ensure!(!VALIDATORS.contains(who), Error::ChillFirst);
        // Duties that outlive `chill` may need less than the minimum, but somebody who left nothing owes nothing.
        ensure!(ledger.active == ledger.locked, Error::BelowMinimumBond);
    }
    let free_at = pallet_timestamp::channel_clock().saturating_add(parameters.unbonding_ticks);
    match ledger.unbonding.last_mut() {
        Some(last) if last.free_at == free_at => last.amount = last.amount.saturating_add(amount),
        _ => {
            ensure!(ledger.unbonding.len() < MAX_UNBONDING_CHUNKS as usize, Error::TooManyUnbonding);
            ledger.unbonding.push(UnbondingChunk { amount, free_at });
        }
    }
    store(who, before, &ledger);
    deposit_event(INDEX, &Event::Unbonded { who: *who, amount, free_at });
    Ok(())
}

/// R4.
pub(crate) fn withdraw(who: &AccountId) -> DispatchResult {
    let mut ledger = LEDGERS.get(who).ok_or(Error::NotBonded)?;
    let before = ledger.total();
    let now = pallet_timestamp::channel_clock();
    ledger.unbonding.retain(|chunk| chunk.free_at > now);
    let amount = before.saturating_sub(ledger.total());
    ensure!(amount > 0, Error::NothingDue);
    pallet_balances::transfer(&pot(), who, amount, false)?;
    store(who, before, &ledger);
    deposit_event(INDEX, &Event::Withdrawn { who: *who, amount });
    Ok(())
}
