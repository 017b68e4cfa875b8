//! What must hold after every block.

use alloc::format;
use alloc::string::String;

use pallet_support::host;

use crate::storage::{MEMBERS, NEXT_MOTION, OPEN, motions};

/// Members are sorted and distinct; the list of open motions names exactly the motions there are, each below the next
/// number.
///
/// # Errors
/// What does not hold.
pub fn check_invariants() -> Result<(), String> {
    if !MEMBERS.get_or_default().is_sorted_by(|a, b| a < b) {
        return Err("members are not in strictly ascending order".into());
    }
    let (open, next) = (OPEN.get_or_default(), NEXT_MOTION.get_or_default());
    if !open.is_sorted_by(|a, b| a.0 < b.0) || open.iter().any(|(number, _)| *number >= next) {
        return Err(format!("open motions {open:?} are not ascending below {next}"));
    }
    let prefix = motions::<()>().prefix();
    let (mut key, mut stored) = (prefix.to_vec(), 0);
    while let Some(next) = host::storage_next_key(&key).filter(|next| next.starts_with(&prefix)) {
        stored += 1;
        key = next;
    }
    if stored != open.len() || open.iter().any(|(number, _)| !motions::<()>().contains(number)) {
        return Err(format!("{stored} motions are stored, {} are listed as open", open.len()));
    }
    Ok(())
}
