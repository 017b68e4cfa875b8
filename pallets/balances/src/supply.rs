//! Creating and destroying balance (R1), and the two halves of a fee.

use pallet_support::{DispatchError, DispatchResult, deposit_event};
use quire_core::{AccountId, ArithmeticError, Balance};

use crate::ledger::{Change, free_balance};
use crate::storage::TOTAL_ISSUANCE;
use crate::{Event, INDEX};

/// All plancks there are.
pub fn total_issuance() -> Balance {
    TOTAL_ISSUANCE.get_or_default()
}

/// Creates balance.
///
/// # Errors
/// `ExistentialDeposit`, overflow of the account or of the issuance.
pub fn mint(who: &AccountId, amount: Balance) -> DispatchResult {
    let change = Change::of(who).credit(amount)?;
    let total = total_issuance().checked_add(amount).ok_or(ArithmeticError::Overflow)?;
    change.store();
    TOTAL_ISSUANCE.put(&total);
    deposit_event(INDEX, &Event::Minted { who: *who, amount });
    Ok(())
}

/// Destroys free balance; may remove the account.
///
/// # Errors
/// `InsufficientBalance`, `Expendability` when the account has consumers.
pub fn burn(who: &AccountId, amount: Balance) -> DispatchResult {
    burn_own(who, amount, false)
}

/// Destroys free balance; with `keep_alive`, fails rather than removes the account.
pub(crate) fn burn_own(who: &AccountId, amount: Balance, keep_alive: bool) -> DispatchResult {
    let change = Change::of(who).debit(amount, keep_alive)?;
    let total = total_issuance().checked_sub(amount).ok_or(ArithmeticError::Underflow)?;
    TOTAL_ISSUANCE.put(&total);
    change.store();
    deposit_event(INDEX, &Event::Burned { who: *who, amount });
    Ok(())
}

/// Sets the free balance, and the issuance with it.
pub(crate) fn set_balance(who: &AccountId, new_free: Balance) -> DispatchResult {
    let old_free = free_balance(who);
    if new_free >= old_free {
        mint(who, new_free - old_free)?;
    } else {
        burn(who, old_free - new_free)?;
    }
    deposit_event(INDEX, &Event::BalanceSet { who: *who, free: free_balance(who) });
    Ok(())
}

/// Takes balance out of an account for a fee, without removing the account. Whoever calls holds the plancks until it
/// gives them to somebody with [`give`], or destroys them with [`burn_taken`], in the same block.
///
/// # Errors
/// `InsufficientBalance`, `Expendability`.
pub fn take(who: &AccountId, amount: Balance) -> DispatchResult {
    if amount == 0 {
        return Ok(());
    }
    Change::of(who).debit(amount, true)?.store();
    deposit_event(INDEX, &Event::Withdraw { who: *who, amount });
    Ok(())
}

/// Gives balance that [`take`] took.
///
/// # Errors
/// `ExistentialDeposit` when the account does not exist and the amount is below; then nothing changes.
pub fn give(who: &AccountId, amount: Balance) -> DispatchResult {
    if amount == 0 {
        return Ok(());
    }
    Change::of(who).credit(amount)?.store();
    deposit_event(INDEX, &Event::Deposit { who: *who, amount });
    Ok(())
}

/// Destroys balance that [`take`] took.
///
/// # Errors
/// Underflow, when more is destroyed than there is.
pub fn burn_taken(amount: Balance) -> DispatchResult {
    let total =
        total_issuance().checked_sub(amount).ok_or(DispatchError::from(ArithmeticError::Underflow))?;
    TOTAL_ISSUANCE.put(&total);
    Ok(())
}
