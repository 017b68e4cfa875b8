//! What must hold after any block.

use alloc::string::String;

use crate::storage::COLLECTED;

/// Checks every stored invariant of TransactionPayment.
///
/// # Errors
/// The first one that does not hold.
pub fn check_invariants() -> Result<(), String> {
    if COLLECTED.exists() {
        return Err("collected fees outlive the block (R3)".into());
    }
    Ok(())
}
