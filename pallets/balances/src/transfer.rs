//! Moving free balance (R2 to R4).

use pallet_support::{DispatchResult, deposit_event};
use quire_core::{AccountId, Balance};

use crate::ledger::{Change, spendable_balance};
use crate::{Event, INDEX};

/// Transfers free balance; with `keep_alive`, fails rather than removes the sender's account. Nothing changes on
/// failure, also outside of a storage transaction.
///
/// # Errors
/// `InsufficientBalance`, `Expendability`, `ExistentialDeposit`, `LiquidityRestrictions`, overflow.
pub fn transfer(from: &AccountId, to: &AccountId, amount: Balance, keep_alive: bool) -> DispatchResult {
    let debit = Change::of(from).debit(amount, keep_alive)?;
    if from == to {
        return Ok(());
    }
    let credit = Change::of(to).credit(amount)?;
    debit.store();
    credit.store();
    deposit_event(INDEX, &Event::Transfer { from: *from, to: *to, amount });
    Ok(())
}

/// Transfers all that can go.
///
/// # Errors
/// As [`transfer`].
pub fn transfer_all(from: &AccountId, to: &AccountId, keep_alive: bool) -> DispatchResult {
    transfer(from, to, spendable_balance(from, keep_alive), keep_alive)
}
