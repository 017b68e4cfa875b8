//! What is kept of past sessions (R8), and looking it up.

use pallet_timestamp::channel_clock;
use quire_core::Slot;

use crate::RECORDS_MAX;
use crate::storage::{CURRENT_INDEX, OLDEST_RECORD, RECORDS, SET_SESSIONS};
use crate::types::{Forgotten, Record, SessionIndex};

/// Records removed at one boundary: more than appear, so that their number falls when the clock ran on after a stall.
const REMOVED_PER_BOUNDARY: u32 = 4;

/// Number of the session.
pub fn current_index() -> SessionIndex {
    CURRENT_INDEX.get_or_default()
}

/// What is kept of a session.
pub fn record(session: SessionIndex) -> Option<Record> {
    RECORDS.get(&session)
}

/// The session of a slot, if there is a record of it.
pub fn session_of_slot(slot: Slot) -> Option<SessionIndex> {
    // Sessions are in the order of their slots: halve.
    let (mut low, mut high) = (OLDEST_RECORD.get_or_default(), current_index());
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        if RECORDS.get(&middle)?.after < slot { low = middle } else { high = middle.saturating_sub(1) }
    }
    RECORDS.get(&low)?.covers(slot).then_some(low)
}

/// The last session in which a GRANDPA set voted, if there is a record of it.
pub fn session_of_set(set_id: u64) -> Option<SessionIndex> {
    SET_SESSIONS.get(&set_id)
}

/// Adds the record of a session that begins.
pub(crate) fn add(session: SessionIndex, record: &Record) {
    RECORDS.insert(&session, record);
    SET_SESSIONS.insert(&record.set_id, &session);
}

/// Removes what is kept no longer (R8).
pub(crate) fn forget() -> Forgotten {
    let (current, now) = (current_index(), channel_clock());
    let unbonding_ticks = pallet_bonds::unbonding_ticks();
    let mut forgotten = Forgotten::default();
    let mut oldest = OLDEST_RECORD.get_or_default();
    for _ in 0..REMOVED_PER_BOUNDARY {
        let Some(record) = RECORDS.get(&oldest) else { break };
        let Some(end) = record.end else { break };
        let is_over = end.tick.saturating_add(unbonding_ticks) < now;
        if !is_over && current.saturating_sub(oldest) < RECORDS_MAX {
            break;
        }
        RECORDS.remove(&oldest);
        forgotten.sessions.push(oldest);
        if SET_SESSIONS.get(&record.set_id) == Some(oldest) {
            SET_SESSIONS.remove(&record.set_id);
            forgotten.sets.push(record.set_id);
        }
        oldest = oldest.saturating_add(1);
    }
    OLDEST_RECORD.put(&oldest);
    forgotten
}
