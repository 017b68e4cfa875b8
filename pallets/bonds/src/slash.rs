//! What other pallets do with bonds: lock, unlock, slash, reward (R7 to R9).

use pallet_support::{deposit_event, ensure};
use quire_core::{AccountId, Balance, DispatchError, DispatchResult};

use crate::storage::{LEDGERS, Ledger, PARAMETERS, pot};
use crate::{Error, Event, INDEX, ledger, validator};

/// Who gets what of slashed money.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Beneficiary {
    /// All of it is burned.
    Burn,
    /// A share goes to an account, the rest is burned (R9).
    Share {
        /// Who gets the share.
        account: AccountId,
        /// Hundredths of the slashed money; above 100 counts as 100.
        percent: u8,
    },
}

/// Outcome of a slash.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Slashed {
    /// Plancks taken from the bond.
    pub taken: Balance,
    /// Plancks of them that the beneficiary got.
    pub paid: Balance,
}

/// Locks one duty's bond out of `who`'s free active money and returns how much that is (R7).
///
/// # Errors
/// [`Error::NotValidator`], [`Error::InsufficientActive`].
pub fn lock(who: &AccountId) -> Result<Balance, DispatchError> {
    ensure!(validator::is_validator(who), Error::NotValidator);
    let amount = PARAMETERS.get_or_default().duty_bond;
    let mut ledger = LEDGERS.get(who).ok_or(Error::NotBonded)?;
    ensure!(ledger.free() >= amount, Error::InsufficientActive);
    ledger.locked = ledger.locked.saturating_add(amount);
    ledger::store(who, ledger.total(), &ledger);
    Ok(amount)
}

/// Ends a duty that locked `amount`.
pub fn unlock(who: &AccountId, amount: Balance) {
    if let Some(mut ledger) = LEDGERS.get(who) {
        ledger.locked = ledger.locked.saturating_sub(amount);
        ledger::store(who, ledger.total(), &ledger);
    }
}

/// Takes up to `amount` from `who`'s bond (R8) and hands it on (R9).
///
/// # Errors
/// Those of the transfer to the beneficiary; a beneficiary is an account that exists.
pub fn slash(who: &AccountId, amount: Balance, beneficiary: &Beneficiary) -> Result<Slashed, DispatchError> {
    let Some(mut ledger) = LEDGERS.get(who) else { return Ok(Slashed::default()) };
    let before = ledger.total();
    let taken = take(&mut ledger, amount);
    if taken == 0 {
        return Ok(Slashed::default());
    }
    ledger::store(who, before, &ledger);
    if ledger.active < PARAMETERS.get_or_default().minimum_bond {
        validator::remove(who);
    }
    let paid = match beneficiary {
        Beneficiary::Burn => 0,
        Beneficiary::Share { account, percent } => {
            let paid = share(taken, *percent);
            pallet_balances::transfer(&pot(), account, paid, false)?;
            paid
        }
    };
    let burned = taken.saturating_sub(paid);
    pallet_balances::burn(&pot(), burned)?;
    deposit_event(INDEX, &Event::Slashed { who: *who, amount: taken, burned });
    Ok(Slashed { taken, paid })
}

/// Takes active money first, then the unbonding money freed last (R8); returns how much that was.
fn take(ledger: &mut Ledger, amount: Balance) -> Balance {
    let from_active = ledger.active.min(amount);
    ledger.active = ledger.active.saturating_sub(from_active);
    ledger.locked = ledger.locked.min(ledger.active);
    let mut rest = amount.saturating_sub(from_active);
    for chunk in ledger.unbonding.iter_mut().rev() {
        let part = chunk.amount.min(rest);
        chunk.amount = chunk.amount.saturating_sub(part);
        rest = rest.saturating_sub(part);
    }
    ledger.unbonding.retain(|chunk| chunk.amount > 0);
    amount.saturating_sub(rest)
}

/// `percent` hundredths of `amount`, rounded down, without overflow.
fn share(amount: Balance, percent: u8) -> Balance {
    let percent = Balance::from(percent.min(100));
    let (whole, rest) = (amount / 100, amount % 100);
    whole.saturating_mul(percent).saturating_add(rest.saturating_mul(percent) / 100)
}

/// Adds `amount` from `payer` to `who`'s bond: the way to pay a validator whose account cannot receive it.
///
/// # Errors
/// Those of the transfer.
pub fn reward(payer: &AccountId, who: &AccountId, amount: Balance) -> DispatchResult {
    let mut ledger = LEDGERS.get_or_default(who);
    let before = ledger.total();
    ledger.active = ledger.active.checked_add(amount).ok_or(Error::Overflow)?;
    pallet_balances::transfer(payer, &pot(), amount, false)?;
    ledger::store(who, before, &ledger);
    deposit_event(INDEX, &Event::Rewarded { who: *who, amount });
    Ok(())
}
