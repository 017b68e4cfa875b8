//! What must hold after any block.

use alloc::format;
use alloc::string::String;

use crate::storage::PUNISHED;
use crate::types::Offence;

/// Checks every stored invariant of Equivocation.
///
/// # Errors
/// The first one that does not hold.
pub fn check_invariants() -> Result<(), String> {
    for (offence, who, _) in PUNISHED.iter() {
        let can_be_reported = match offence {
            Offence::Authored { session } => pallet_session::record(session).is_some(),
            Offence::Voted { set_id } => pallet_session::session_of_set(set_id).is_some(),
        };
        if !can_be_reported {
            return Err(format!("{offence:?} of {who} is noted and cannot be reported again (R4)"));
        }
    }
    Ok(())
}
