//! Setting the time of a block (R1 to R3).

use pallet_support::{DispatchError, DispatchResult, ensure};

use crate::DEFAULT_SLOT_DURATION_MS;
use crate::storage::{DID_UPDATE, NOW, SLOT_DURATION_MS};

/// Time of the current block, in milliseconds since the Unix epoch; that of the parent before `set`.
pub fn now() -> u64 {
    NOW.get_or_default()
}

/// Length of a slot, in milliseconds; never zero.
pub fn slot_duration_ms() -> u64 {
    SLOT_DURATION_MS.get().filter(|duration| *duration > 0).unwrap_or(DEFAULT_SLOT_DURATION_MS)
}

/// Least milliseconds between two blocks: half a slot.
pub fn minimum_period_ms() -> u64 {
    slot_duration_ms() / 2
}

/// Sets the time.
pub(crate) fn set(new: u64) -> DispatchResult {
    ensure!(!DID_UPDATE.get_or_default(), DispatchError::Other("timestamp: set twice in one block (R1)"));
    let old = now();
    let in_time = old == 0 || new >= old.saturating_add(minimum_period_ms());
    ensure!(in_time, DispatchError::Other("timestamp: less than half a slot after the parent block (R2)"));
    let claimed = pallet_system::digest().aura_slot();
    let slot = new.checked_div(slot_duration_ms());
    let matches = claimed.is_some_and(|claimed| Some(claimed.0) == slot);
    ensure!(matches, DispatchError::Other("timestamp: not in the slot that the digest claims (R3)"));
    NOW.put(&new);
    DID_UPDATE.put(&true);
    Ok(())
}

/// Ends a block.
///
/// # Errors
/// When the block has not set the time (R1); then it is invalid.
pub fn on_finalize() -> Result<(), &'static str> {
    match DID_UPDATE.take() {
        Some(true) => Ok(()),
        _ => Err("timestamp: the block has not set its time (R1)"),
    }
}
