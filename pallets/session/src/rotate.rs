//! Boundaries (R1, R3 to R7).

use alloc::format;
use alloc::vec::Vec;

use pallet_support::deposit_event;
use pallet_support::host::{self, LogLevel};
use pallet_timestamp::channel_clock;
use quire_core::{AccountId, Slot};

use crate::draw::{next_set, shuffle};
use crate::storage::{
    BARRED, CURRENT_INDEX, NEXT_KEYS, PARAMETERS, QUEUED_KEYS, RECORDS, STARTED_AFTER, VALIDATORS,
};
use crate::types::{Authority, End, Forgotten, Record, SessionIndex};
use crate::{BARRED_SESSIONS, Event, INDEX, keys, record};

/// The account of the current block's author (R6: until `on_finalize` the list is the one that it authored by).
pub fn author_account() -> Option<AccountId> {
    let validators = VALIDATORS.get_or_default();
    let place = pallet_aura::current_slot().0.checked_rem(validators.len() as u64)?;
    validators.get(usize::try_from(place).ok()?).copied()
}

/// Makes somebody unfit for some sessions and takes its keys (R7).
pub fn bar(who: &AccountId) {
    let until = CURRENT_INDEX.get_or_default().saturating_add(BARRED_SESSIONS).saturating_add(1);
    BARRED.mutate_default(|barred| match barred.binary_search_by_key(who, |(other, _)| *other) {
        Ok(place) => barred[place].1 = until,
        Err(place) => barred.insert(place, (*who, until)),
    });
    keys::remove(who);
    deposit_event(INDEX, &Event::Barred { who: *who, until });
}

/// Whether somebody may be an authority of a session (R3).
fn is_fit(who: &AccountId, session: SessionIndex, barred: &[(AccountId, SessionIndex)]) -> bool {
    let stake = PARAMETERS.get_or_default().minimum_stake;
    let is_barred = barred.iter().any(|(other, until)| other == who && session < *until);
    !is_barred && pallet_members::is_eligible(who) && (stake == 0 || pallet_bonds::active(who) >= stake)
}

/// Whether the block of this slot ends the session (R1). The first block fixes where the first session starts.
pub fn ends_with(slot: Slot) -> bool {
    let after = STARTED_AFTER.get().unwrap_or_else(|| {
        let before = Slot(slot.0.saturating_sub(1));
        STARTED_AFTER.put(&before);
        before
    });
    slot.0.saturating_sub(after.0) >= u64::from(PARAMETERS.get_or_default().length_slots)
}

/// Ends the session with this block, when [`ends_with`] says so; `randomness` is that of the session that begins. Comes
/// after everything that asks who authored the block (R6).
pub fn on_finalize(slot: Slot, randomness: &[u8; 32]) -> Forgotten {
    let index = CURRENT_INDEX.get_or_default();
    let next = index.saturating_add(1);
    let Some(mut ending) = RECORDS.get(&index) else { return Forgotten::default() };
    let barred = BARRED.get_or_default();
    let is_barred = |who: &AccountId| barred.iter().any(|(other, until)| other == who && next < *until);
    let mut set = next_set(
        &ending.authorities,
        &QUEUED_KEYS.get_or_default(),
        |who| is_fit(who, next, &barred),
        is_barred,
    );
    ending.end = Some(End { slot, tick: channel_clock() });
    RECORDS.insert(&index, &ending);
    CURRENT_INDEX.put(&next);
    STARTED_AFTER.put(&slot);
    if !install(&set, randomness) {
        set = ending.authorities;
    }
    record::add(
        next,
        &Record { set_id: pallet_grandpa::current_set_id(), after: slot, end: None, authorities: set },
    );
    queue(next.saturating_add(1), &barred);
    pallet_members::note_set_change();
    deposit_event(INDEX, &Event::NewSession { session_index: next });
    record::forget()
}

/// R5. False when a list was refused, and nothing was changed: R4 gives none that is.
fn install(set: &[Authority], randomness: &[u8; 32]) -> bool {
    let mut order = set.to_vec();
    shuffle(&mut order, randomness);
    let aura: Vec<_> = order.iter().map(|(_, keys)| keys.aura).collect();
    let grandpa: Vec<_> = set.iter().map(|(_, keys)| keys.grandpa).collect();
    if let Err(why) = pallet_grandpa::change_authorities(&grandpa) {
        host::log(LogLevel::Error, "session", &format!("the voters stay, since the new ones are {why:?}"));
        return false;
    }
    if let Err(why) = pallet_aura::change_authorities(&aura) {
        host::log(LogLevel::Error, "session", &format!("the authors stay, since the new ones are {why:?}"));
        return false;
    }
    VALIDATORS.put(&order.iter().map(|(who, _)| *who).collect());
    true
}

/// R3: who is to be in a session, and what nobody needs any more.
fn queue(session: SessionIndex, barred: &[(AccountId, SessionIndex)]) {
    let mut queued: Vec<Authority> = Vec::new();
    for (who, keys) in NEXT_KEYS.iter().collect::<Vec<_>>() {
        if !pallet_members::is_member(&who) {
            keys::remove(&who);
        } else if is_fit(&who, session, barred) {
            queued.push((who, keys));
        }
    }
    queued.sort_unstable();
    QUEUED_KEYS.put(&queued);
    let now = CURRENT_INDEX.get_or_default();
    if barred.iter().any(|(_, until)| *until <= now) {
        BARRED.mutate_default(|barred| barred.retain(|(_, until)| *until > now));
    }
}
