//! What must hold after any block.

use alloc::format;
use alloc::string::String;

use crate::slots::{authorities, check};

/// Checks every stored invariant of Aura.
///
/// # Errors
/// The first one that does not hold.
pub fn check_invariants() -> Result<(), String> {
    check(&authorities()).map_err(|why| format!("authorities: {why:?} (R3)"))
}
