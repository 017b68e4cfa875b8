//! What must hold after any block.

use alloc::string::String;

use crate::storage::{CHANNEL_CLOCK, DID_UPDATE, SLOT_DURATION_MS};

/// Checks every stored invariant of Timestamp.
///
/// # Errors
/// The first one that does not hold.
pub fn check_invariants() -> Result<(), String> {
    if DID_UPDATE.exists() {
        return Err("the mark that the time was set outlives the block (R1)".into());
    }
    if SLOT_DURATION_MS.get().is_none_or(|duration| duration == 0) {
        return Err("the slot duration is missing or zero".into());
    }
    if CHANNEL_CLOCK.get_or_default() > pallet_system::block_number() {
        return Err("the channel clock ticked more often than there were blocks (R5)".into());
    }
    Ok(())
}
