//! Setting balance aside (R5).

use pallet_support::{DispatchError, DispatchResult, deposit_event};
use quire_core::{AccountId, Balance};

use crate::ledger::Change;
use crate::storage::TOTAL_ISSUANCE;
use crate::{BalanceStatus, Event, INDEX};

/// Sets free balance aside.
///
/// # Errors
/// `InsufficientBalance`, `Expendability` when less than the existential deposit would stay free, too many consumers.
pub fn reserve(who: &AccountId, amount: Balance) -> DispatchResult {
    Change::of(who).reserve(amount)?.store();
    deposit_event(INDEX, &Event::Reserved { who: *who, amount });
    Ok(())
}

/// Makes up to `amount` of the reserve free again; returns how much.
///
/// # Errors
/// Overflow.
pub fn unreserve(who: &AccountId, amount: Balance) -> Result<Balance, DispatchError> {
    let (change, freed) = Change::of(who).unreserve(amount)?;
    change.store();
    if freed > 0 {
        deposit_event(INDEX, &Event::Unreserved { who: *who, amount: freed });
    }
    Ok(freed)
}

/// Destroys up to `amount` of the reserve; returns how much.
///
/// # Errors
/// None in practice; those of the references otherwise.
pub fn slash_reserved(who: &AccountId, amount: Balance) -> Result<Balance, DispatchError> {
    let (change, slashed) = Change::of(who).debit_reserved(amount)?;
    change.store();
    if slashed > 0 {
        TOTAL_ISSUANCE.mutate_default(|total| *total = total.saturating_sub(slashed));
        deposit_event(INDEX, &Event::Slashed { who: *who, amount: slashed });
    }
    Ok(slashed)
}

/// Moves up to `amount` of one account's reserve to another's free balance or reserve; returns how much.
///
/// # Errors
/// `DeadAccount` when the beneficiary does not exist and a reserve is asked for, `ExistentialDeposit`, overflow.
pub fn repatriate_reserved(
    from: &AccountId,
    to: &AccountId,
    amount: Balance,
    status: BalanceStatus,
) -> Result<Balance, DispatchError> {
    if from == to {
        return match status {
            BalanceStatus::Free => unreserve(from, amount),
            BalanceStatus::Reserved => Ok(amount.min(crate::reserved_balance(from))),
        };
    }
    let (debit, moved) = Change::of(from).debit_reserved(amount)?;
    let credit = match status {
        BalanceStatus::Free => Change::of(to).credit(moved)?,
        BalanceStatus::Reserved => Change::of(to).credit_reserved(moved)?,
    };
    debit.store();
    credit.store();
    if moved > 0 {
        let event =
            Event::ReserveRepatriated { from: *from, to: *to, amount: moved, destination_status: status };
        deposit_event(INDEX, &event);
    }
    Ok(moved)
}
