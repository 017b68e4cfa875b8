//! What must hold after any block.

use alloc::format;
use alloc::string::String;

use crate::authorities::{authorities, check};
use crate::finality::last_finalised;
use crate::storage::DID_NOTE;

/// Checks every stored invariant of Grandpa.
///
/// # Errors
/// The first one that does not hold.
pub fn check_invariants() -> Result<(), String> {
    check(&authorities()).map_err(|why| format!("voters: {why:?} (R1)"))?;
    let number = pallet_system::block_number();
    if let Some(last) = last_finalised().filter(|last| *last >= number) {
        return Err(format!("block {last} is noted as final at block {number} (R3)"));
    }
    if DID_NOTE.exists() {
        return Err("the mark of a finality note outlives the block (R3)".into());
    }
    Ok(())
}
