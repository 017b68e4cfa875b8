//! What must hold after any block.

use alloc::format;
use alloc::string::String;

use quire_core::Balance;
use quire_core::limits::MAX_UNBONDING_CHUNKS;

use crate::storage::{LEDGERS, PARAMETERS, SIGNING_KEYS, TOTAL_BONDED, VALIDATORS, pot};

/// Checks the whole pallet; walks over all bonds, so it is for simulation and tests.
///
/// # Errors
/// A sentence that names the rule and the figures.
pub fn check_invariants() -> Result<(), String> {
    let mut sum: Balance = 0;
    for (who, ledger) in LEDGERS.iter() {
        sum = sum.checked_add(ledger.total()).ok_or("R1: the sum of all bonds overflows")?;
        if ledger.locked > ledger.active {
            return Err(format!("R7: {who} has {} locked of {} active", ledger.locked, ledger.active));
        }
        if ledger.unbonding.len() > MAX_UNBONDING_CHUNKS as usize {
            return Err(format!("R10: {who} has {} unbonding entries", ledger.unbonding.len()));
        }
        if !ledger.unbonding.is_sorted_by_key(|chunk| chunk.free_at) {
            return Err(format!("R4: the unbonding queue of {who} is out of order"));
        }
    }
    let (total, held) = (TOTAL_BONDED.get_or_default(), pallet_balances::free_balance(&pot()));
    if sum != total || held < total {
        return Err(format!("R1: bonds sum to {sum}, TotalBonded is {total}, the pot holds {held}"));
    }
    let minimum = PARAMETERS.get_or_default().minimum_bond;
    for (who, keys) in VALIDATORS.iter() {
        if SIGNING_KEYS.get(&keys.signing).as_ref() != Some(&who) {
            return Err(format!("R5: the signing key of {who} is not its own"));
        }
        if LEDGERS.get_or_default(&who).active < minimum {
            return Err(format!("R3: validator {who} is below the minimum bond {minimum}"));
        }
    }
    Ok(())
}
