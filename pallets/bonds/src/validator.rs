//! The list of validators: `validate`, `chill` (R5, R6).

use pallet_support::{deposit_event, ensure};
use quire_core::limits::MAX_VALIDATORS;
use quire_core::{AccountId, DispatchResult};

use crate::storage::{LEDGERS, PARAMETERS, SIGNING_KEYS, VALIDATORS, ValidatorKeys};
use crate::{Error, Event, INDEX};

/// Whether `who` is on the list of validators.
pub fn is_validator(who: &AccountId) -> bool {
    VALIDATORS.contains(who)
}

/// The keys of a registered validator.
pub fn keys(who: &AccountId) -> Option<ValidatorKeys> {
    VALIDATORS.get(who)
}

/// R5.
pub(crate) fn validate(who: &AccountId, keys: ValidatorKeys) -> DispatchResult {
    ensure!(keys.signing != [0; 32] && keys.sealing != [0; 32], Error::ZeroKey);
    let active = LEDGERS.get(who).ok_or(Error::NotBonded)?.active;
    ensure!(active >= PARAMETERS.get_or_default().minimum_bond, Error::BelowMinimumBond);
    let user = SIGNING_KEYS.get(&keys.signing);
    ensure!(user.is_none_or(|user| user == *who), Error::KeyInUse);
    match VALIDATORS.get(who) {
        Some(old) => SIGNING_KEYS.remove(&old.signing),
        None => ensure!(VALIDATORS.count() < MAX_VALIDATORS, Error::TooManyValidators),
    }
    SIGNING_KEYS.insert(&keys.signing, who);
    VALIDATORS.insert(who, &keys);
    deposit_event(INDEX, &Event::ValidatorSet { who: *who, keys });
    Ok(())
}

/// R6, by the validator's own call.
pub(crate) fn chill(who: &AccountId) -> DispatchResult {
    ensure!(remove(who), Error::NotValidator);
    Ok(())
}

/// Takes `who` off the list; false when it was not on it.
pub(crate) fn remove(who: &AccountId) -> bool {
    let Some(keys) = VALIDATORS.take(who) else { return false };
    SIGNING_KEYS.remove(&keys.signing);
    deposit_event(INDEX, &Event::Chilled { who: *who });
    true
}
