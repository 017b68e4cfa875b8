//! What must hold after any extrinsic.

use alloc::format;
use alloc::string::{String, ToString};

use pallet_system::storage::ACCOUNT;
use quire_core::Balance;

use crate::{EXISTENTIAL_DEPOSIT, total_issuance};

/// Checks every stored invariant of Balances; walks over all accounts, so for tests and simulation.
///
/// # Errors
/// The first one that does not hold.
pub fn check_invariants() -> Result<(), String> {
    let mut sum: Balance = 0;
    for (who, info) in ACCOUNT.iter() {
        let data = info.data;
        let total =
            data.free.checked_add(data.reserved).ok_or_else(|| format!("account {who} overflows (R8)"))?;
        sum = sum.checked_add(total).ok_or_else(|| "the sum of all accounts overflows (R8)".to_string())?;
        if data.flags.is_pot() {
            continue;
        }
        if data.free < EXISTENTIAL_DEPOSIT && (data.free > 0 || data.reserved > 0) {
            return Err(format!(
                "account {who} holds {} free plancks, below the existential deposit (R4)",
                data.free
            ));
        }
        if data.reserved > 0 && info.consumers == 0 {
            return Err(format!("account {who} has reserves and no consumer (R5)"));
        }
    }
    let issuance = total_issuance();
    if sum != issuance {
        return Err(format!("all accounts hold {sum} plancks, the issuance is {issuance} (R1)"));
    }
    Ok(())
}
