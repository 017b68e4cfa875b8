//! What must hold after any block.

use alloc::format;
use alloc::string::String;

use pallet_support::host;
use quire_core::{H256, Verdict, limits};

use crate::storage::{DID_ATTEST, PARAMETERS, PENDING_CODE, UPGRADE, VERDICTS};

/// Checks every stored invariant of Upgrade.
///
/// # Errors
/// The first one that does not hold.
pub fn check_invariants() -> Result<(), String> {
    if !PARAMETERS.get_or_default().is_valid() {
        return Err(format!("parameters out of bounds: {:?}", PARAMETERS.get_or_default()));
    }
    let open = UPGRADE.get().filter(|upgrade| upgrade.state.is_open());
    match (&open, PENDING_CODE.get()) {
        (None, None) => {}
        (None, Some(_)) => return Err("code waits without an open upgrade (R2)".into()),
        (Some(_), None) => return Err("the open upgrade has no code (R1)".into()),
        (Some(open), Some(code)) => {
            if H256(host::blake2_256(&code)) != open.code_hash || code.len() != open.code_bytes as usize {
                return Err("the code that waits is not that of the open upgrade (R1)".into());
            }
        }
    }
    for (authority, verdict) in VERDICTS.iter() {
        if let Verdict::Refuse { reason } = verdict
            && reason.len() > limits::MAX_VERDICT_REASON_BYTES as usize
        {
            return Err(format!("the reason of {authority:?} is too long (R3)"));
        }
    }
    if DID_ATTEST.exists() {
        return Err("the mark of a verdict outlives its block (R3)".into());
    }
    Ok(())
}
