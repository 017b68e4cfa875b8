//! How much of the room for open motions is taken, in all and by each member (R8).

use pallet_support::{DispatchResult, ensure};
use quire_core::{AccountId, limits};

use crate::Error;
use crate::storage::{MOTIONS, TOTAL_CALL_BYTES, USAGE};
use crate::types::Usage;

/// Whether another motion with a call of so many bytes may be opened.
pub(crate) fn check(who: &AccountId, call_bytes: u32) -> DispatchResult {
    let (own, total) = (USAGE.get_or_default(who), TOTAL_CALL_BYTES.get_or_default());
    ensure!(MOTIONS.count() < limits::MAX_OPEN_MOTIONS, Error::TooManyMotions);
    ensure!(own.motions < limits::MAX_OPEN_MOTIONS_OF_MEMBER, Error::TooManyOwnMotions);
    let fits = own.call_bytes.saturating_add(call_bytes) <= limits::MAX_MOTION_CALLS_BYTES_OF_MEMBER
        && total.saturating_add(call_bytes) <= limits::MAX_MOTION_CALLS_BYTES;
    ensure!(fits, Error::TooManyCallBytes);
    Ok(())
}

/// Counts a motion that was opened.
pub(crate) fn take(who: &AccountId, call_bytes: u32) {
    let own = USAGE.get_or_default(who);
    let (motions, bytes) = (own.motions.saturating_add(1), own.call_bytes.saturating_add(call_bytes));
    USAGE.insert(who, &Usage { motions, call_bytes: bytes });
    TOTAL_CALL_BYTES.mutate_default(|total| *total = total.saturating_add(call_bytes));
}

/// Counts a motion that is gone.
pub(crate) fn give_back(who: &AccountId, call_bytes: u32) {
    let own = USAGE.get_or_default(who);
    let (motions, bytes) = (own.motions.saturating_sub(1), own.call_bytes.saturating_sub(call_bytes));
    match motions {
        0 => USAGE.remove(who),
        _ => USAGE.insert(who, &Usage { motions, call_bytes: bytes }),
    }
    TOTAL_CALL_BYTES.mutate_default(|total| *total = total.saturating_sub(call_bytes));
}
