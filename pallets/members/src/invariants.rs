//! What must hold after any block.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;

use quire_core::{AccountId, limits};

use crate::genesis::check;
use crate::members;
use crate::storage::{
    DUE, DUE_ON, MOTION_CALLS, MOTION_COUNT, MOTIONS, NEXT_DAY, NEXT_EXPIRY, PEER_USAGE, PEERS, PRINCIPALS,
    REVOKED_PEERS, THRESHOLDS, TOTAL_CALL_BYTES, USAGE,
};
use crate::types::{PeerUsage, Usage};

/// Checks every stored invariant of Members.
///
/// # Errors
/// The first one that does not hold.
pub fn check_invariants() -> Result<(), String> {
    check(&members(), &THRESHOLDS.get_or_default())?;
    check_motions()?;
    check_principals()?;
    check_peers()
}

/// R4 to R8.
fn check_motions() -> Result<(), String> {
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
        if voters.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(format!("motion {number} has a vote twice (R4)"));
        }
        if !motion.classes.is_sorted() || motion.classes.is_empty() {
            return Err(format!("motion {number} is about nothing (R10)"));
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

/// R11 to R13, R15.
fn check_principals() -> Result<(), String> {
    let mut voting: alloc::vec::Vec<_> =
        PRINCIPALS.iter().filter(|(_, one)| one.revoked_at.is_none()).map(|(account, _)| account).collect();
    voting.sort_unstable();
    if voting != members() {
        return Err("the members are not the principals that were not revoked (R11, R13)".into());
    }
    let all = PRINCIPALS.iter_keys().count();
    if all != PRINCIPALS.count() as usize || all > limits::MAX_PRINCIPALS as usize {
        return Err(format!("there are {all} principals, {} are counted (R11)", PRINCIPALS.count()));
    }
    for (day, holder, ()) in DUE.iter() {
        if DUE_ON.get(&holder) != Some(day) || NEXT_DAY.get().is_none_or(|next| next > day) {
            return Err(format!("{holder:?} would not be looked at on day {day} (R15)"));
        }
    }
    if DUE.iter().count() != DUE_ON.iter_keys().count() {
        return Err("something has a day and is not due on it (R15)".into());
    }
    Ok(())
}

/// R14.
fn check_peers() -> Result<(), String> {
    let mut usage = BTreeMap::<AccountId, PeerUsage>::new();
    for (member, ..) in PEERS.iter() {
        let own = usage.entry(member).or_default();
        own.registered = own.registered.saturating_add(1);
    }
    for (member, ..) in REVOKED_PEERS.iter() {
        let own = usage.entry(member).or_default();
        own.revoked = own.revoked.saturating_add(1);
    }
    if PEER_USAGE.iter().collect::<BTreeMap<_, _>>() != usage {
        return Err(format!("members have {usage:?}, something else is counted (R14)"));
    }
    let is_greedy = |own: &PeerUsage| {
        own.registered > limits::MAX_PEERS_OF_MEMBER || own.revoked > limits::MAX_REVOKED_PEERS_OF_MEMBER
    };
    match usage.iter().find(|(_, own)| is_greedy(own)) {
        Some((member, own)) => Err(format!("{member} has {own:?}, more than it may (R14)")),
        None => Ok(()),
    }
}
