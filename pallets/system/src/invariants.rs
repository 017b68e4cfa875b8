//! What must hold after any block.

use alloc::format;
use alloc::string::String;

use crate::storage::{ACCOUNT, BLOCK_HASH, EXECUTION_PHASE, EXTRINSIC_DATA, NUMBER};
use crate::{BLOCK_HASH_COUNT, CONSUMERS_MAX};

/// Checks every stored invariant of System; walks over all accounts, so for tests and simulation.
///
/// # Errors
/// The first one that does not hold.
pub fn check_invariants() -> Result<(), String> {
    for (who, info) in ACCOUNT.iter() {
        if info.providers == 0 && info.sufficients == 0 {
            return Err(format!("account {who} is stored and nothing provides for it (R5)"));
        }
        if info.consumers > CONSUMERS_MAX {
            return Err(format!(
                "account {who} has {} consumers, more than {CONSUMERS_MAX} (R5)",
                info.consumers
            ));
        }
    }
    let number = NUMBER.get_or_default();
    if BLOCK_HASH.get(&0).is_none() {
        return Err("the hash of block 0 is missing (R1)".into());
    }
    for old in BLOCK_HASH.iter_keys() {
        let kept = old == 0 || (old < number && number - old <= BLOCK_HASH_COUNT);
        if !kept {
            return Err(format!("at block {number}, the hash of block {old} is stored (R1)"));
        }
    }
    if EXECUTION_PHASE.exists() || EXTRINSIC_DATA.exists() {
        return Err("phase or extrinsics outlive the block (R2)".into());
    }
    Ok(())
}
