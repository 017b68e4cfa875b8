//! What must hold after any block.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::storage::{
    BARRED, CURRENT_INDEX, KEY_OWNER, NEXT_KEYS, OLDEST_RECORD, QUEUED_KEYS, RECORDS, VALIDATORS,
};
use crate::{RECORDS_MAX, record};

/// Checks every stored invariant of Session.
///
/// # Errors
/// The first one that does not hold.
pub fn check_invariants() -> Result<(), String> {
    let (oldest, current) = (OLDEST_RECORD.get_or_default(), CURRENT_INDEX.get_or_default());
    let running = RECORDS.get(&current).ok_or_else(|| format!("no record of session {current} (R8)"))?;
    let keys_of = |who| running.authorities.iter().find(|(other, _)| other == who).map(|(_, keys)| keys);
    let validators = VALIDATORS.get_or_default();
    let aura: Option<Vec<_>> = validators.iter().map(|who| Some(keys_of(who)?.aura)).collect();
    if validators.len() != running.authorities.len() || aura.as_ref() != Some(&pallet_aura::authorities()) {
        return Err("Validators, Aura and the record of the session differ (R5)".into());
    }
    let mut voters: Vec<_> = running.authorities.iter().map(|(_, keys)| (keys.grandpa, 1)).collect();
    voters.sort_unstable();
    if voters != pallet_grandpa::authorities() || running.set_id != pallet_grandpa::current_set_id() {
        return Err("Grandpa and the record of the session differ (R5)".into());
    }
    for list in [&running.authorities, &QUEUED_KEYS.get_or_default()] {
        if !list.is_sorted_by(|a, b| a.0 < b.0) {
            return Err("authorities or queue are not by account (R4)".into());
        }
    }
    check_records(oldest, current)?;
    for (who, keys) in NEXT_KEYS.iter() {
        for (key_type, key) in keys.typed() {
            if KEY_OWNER.get(&(key_type, key.to_vec())) != Some(who) {
                return Err(format!("a key of {who} has another owner (R2)"));
            }
        }
    }
    if KEY_OWNER.iter_keys().count() != 2 * NEXT_KEYS.iter_keys().count() {
        return Err("a key has an owner that has not set it (R2)".into());
    }
    if !BARRED.get_or_default().is_sorted_by(|a, b| a.0 < b.0) {
        return Err("the barred accounts are not by account (R7)".into());
    }
    Ok(())
}

/// R8.
fn check_records(oldest: u32, current: u32) -> Result<(), String> {
    let count = RECORDS.iter_keys().count();
    if count != (current.saturating_sub(oldest) as usize).saturating_add(1)
        || count > RECORDS_MAX as usize + 1
    {
        return Err(format!("{count} records for sessions {oldest} to {current} (R8)"));
    }
    for (session, kept) in RECORDS.iter() {
        if record::session_of_set(kept.set_id).is_none_or(|last| last < session) {
            return Err(format!("set {} of session {session} leads to no record (R8)", kept.set_id));
        }
        if kept.end.is_none() != (session == current) {
            return Err(format!("session {session} has no end, or one too soon (R8)"));
        }
    }
    Ok(())
}
