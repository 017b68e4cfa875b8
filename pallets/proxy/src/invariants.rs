//! What must hold after any block.

use alloc::format;
use alloc::string::String;

use crate::storage::{ANNOUNCEMENTS, PROXIES};
use crate::{MAX_PENDING, MAX_PROXIES};

/// Checks every stored invariant of Proxy. That the deposits of proxies are reserved is not among them: those of a pure
/// account are its spawner's (R6).
///
/// # Errors
/// The first one that does not hold.
pub fn check_invariants() -> Result<(), String> {
    for (who, (proxies, _)) in PROXIES.iter() {
        if proxies.is_empty() || proxies.len() > MAX_PROXIES as usize {
            return Err(format!("{who} has {} proxies (R1)", proxies.len()));
        }
        if !proxies.windows(2).all(|pair| pair[0] < pair[1]) {
            return Err(format!("the proxies of {who} are not sorted, or one stands there twice (R1)"));
        }
        if proxies.iter().any(|one| one.delegate == who) {
            return Err(format!("{who} is its own proxy (R1)"));
        }
    }
    let now = pallet_system::block_number();
    for (who, (pending, deposit)) in ANNOUNCEMENTS.iter() {
        if pending.is_empty() || pending.len() > MAX_PENDING as usize {
            return Err(format!("{who} has {} announcements (R4)", pending.len()));
        }
        if pending.iter().any(|one| one.height > now) {
            return Err(format!("{who} has announced something in the future (R4)"));
        }
        let reserved = pallet_balances::reserved_balance(&who);
        if deposit > reserved {
            return Err(format!("{who} has deposited {deposit} and reserved {reserved} (R5)"));
        }
    }
    Ok(())
}
