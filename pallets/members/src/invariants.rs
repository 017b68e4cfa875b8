//! What must hold after any block.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;

use quire_core::{AccountId, limits};

use crate::genesis::check;
use crate::storage::{MOTION_CALLS, MOTION_COUNT, MOTIONS, NEXT_EXPIRY, SHARE, TOTAL_CALL_BYTES, USAGE};
use crate::types::Usage;
use crate::{approvals_needed, is_member, members};

/// Checks every stored invariant of Members.
///
/// # Errors
/// The first one that does not hold.
pub fn check_invariants() -> Result<(), String> {
    let members = members();
    check(&members, SHARE.get_or_default())?;
    let (mut open, mut usage) = (0u32, BTreeMap::<AccountId, Usage>::new());
    for (number, motion) in MOTIONS.iter() {
        open = open.saturating_add(1);
        if number >= MOTION_COUNT.get_or_default() {
            return Err(format!("motion {number} was never counted"));
        }
        if MOTION_CALLS.get(&number).map(|call| call.len()) != Some(motion.call_bytes as usize) {
            return Err(format!("motion {number} has no call of its length (R5, R8)"));
        }
        let own = usage.entry(motion.proposer).or_default();
        own.motions = own.motions.saturating_add(1);
        own.call_bytes = own.call_bytes.saturating_add(motion.call_bytes);
        let mut voters: alloc::vec::Vec<_> = motion.ayes.iter().chain(&motion.nays).collect();
        voters.sort_unstable();
        if voters.windows(2).any(|pair| pair[0] == pair[1]) || !voters.iter().all(|voter| is_member(voter)) {
            return Err(format!("motion {number} has a vote twice or of a stranger (R2, R4)"));
        }
        if members.len().saturating_sub(motion.nays.len()) < approvals_needed() as usize {
            return Err(format!("motion {number} cannot pass and is open (R6)"));
        }
        if NEXT_EXPIRY.get().is_none_or(|next| next > motion.expires_at) {
            return Err(format!("motion {number} would not be seen to expire (R7)"));
        }
    }
    if open != MOTIONS.count() || open > limits::MAX_OPEN_MOTIONS {
        return Err(format!("{open} motions are open, {} are counted (R8)", MOTIONS.count()));
    }
    if MOTION_CALLS.iter_keys().count() != open as usize {
        return Err("a call outlives its motion (R5)".into());
    }
    let total: u32 = usage.values().map(|own| own.call_bytes).sum();
    if USAGE.iter().collect::<BTreeMap<_, _>>() != usage || TOTAL_CALL_BYTES.get_or_default() != total {
        return Err(format!("the motions take up {usage:?}, something else is counted (R8)"));
    }
    let is_greedy = |own: &Usage| {
        own.motions > limits::MAX_OPEN_MOTIONS_OF_MEMBER
            || own.call_bytes > limits::MAX_MOTION_CALLS_BYTES_OF_MEMBER
    };
    if total > limits::MAX_MOTION_CALLS_BYTES || usage.values().any(is_greedy) {
        return Err(format!("the motions take up {usage:?}, more than they may (R8)"));
    }
    Ok(())
}
