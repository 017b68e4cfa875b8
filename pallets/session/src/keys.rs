//! Keys of members: `set_keys`, `purge_keys` (R2).

use pallet_support::{DispatchResult, deposit_event, ensure};
use quire_core::AccountId;

use crate::storage::{KEY_OWNER, NEXT_KEYS};
use crate::types::SessionKeys;
use crate::{Error, Event, INDEX};

/// Sets the keys of a member, in the place of earlier ones.
pub(crate) fn set(who: &AccountId, keys: SessionKeys) -> DispatchResult {
    ensure!(pallet_members::is_member(who), Error::NoAssociatedValidatorId);
    for (key_type, key) in keys.typed() {
        let owner = KEY_OWNER.get(&(key_type, key.to_vec()));
        ensure!(owner.is_none_or(|owner| owner == *who), Error::DuplicatedKey);
    }
    remove(who);
    put(who, &keys);
    deposit_event(INDEX, &Event::KeysSet { who: *who, keys });
    Ok(())
}

/// Takes the keys of an account back.
pub(crate) fn purge(who: &AccountId) -> DispatchResult {
    ensure!(remove(who), Error::NoKeys);
    deposit_event(INDEX, &Event::KeysPurged { who: *who });
    Ok(())
}

/// Writes keys and their owner.
pub(crate) fn put(who: &AccountId, keys: &SessionKeys) {
    for (key_type, key) in keys.typed() {
        KEY_OWNER.insert(&(key_type, key.to_vec()), who);
    }
    NEXT_KEYS.insert(who, keys);
}

/// Removes keys and their owner; false when there were none.
pub(crate) fn remove(who: &AccountId) -> bool {
    let Some(keys) = NEXT_KEYS.take(who) else { return false };
    for (key_type, key) in keys.typed() {
        KEY_OWNER.remove(&(key_type, key.to_vec()));
    }
    true
}
