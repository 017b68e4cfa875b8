//! Voting in a motion (R4, R6).

use pallet_support::{DispatchResultWithInfo, PostInfo, deposit_event, ensure};
use quire_core::AccountId;

use crate::storage::{MOTION_CALLS, MOTIONS};
use crate::types::Motion;
use crate::{Error, Event, INDEX, approvals_needed, count, has_passed, members, usage};

/// Counts a vote, and says so when the motion passes or can no longer pass.
pub(crate) fn vote(who: AccountId, motion: u32, approve: bool) -> DispatchResultWithInfo {
    let mut open = MOTIONS.get(&motion).ok_or(Error::UnknownMotion)?;
    let had_passed = has_passed(&open);
    let (side, other) = match approve {
        true => (&mut open.ayes, &mut open.nays),
        false => (&mut open.nays, &mut open.ayes),
    };
    ensure!(!side.contains(&who), Error::AlreadyVoted);
    other.retain(|member| *member != who);
    side.push(who);
    let members = members();
    let (ayes, nays) = (count(&open.ayes, &members), count(&open.nays, &members));
    deposit_event(INDEX, &Event::Voted { motion, member: who, approve, ayes, nays });
    let needed = approvals_needed(&open.classes);
    if (members.len() as u32).saturating_sub(nays) < needed {
        remove(motion, &open);
        deposit_event(INDEX, &Event::Rejected { motion });
        return Ok(PostInfo::default());
    }
    MOTIONS.insert(&motion, &open);
    if !had_passed && ayes >= needed {
        deposit_event(INDEX, &Event::Passed { motion });
    }
    Ok(PostInfo::default())
}

/// Forgets a motion.
pub(crate) fn remove(motion: u32, open: &Motion) {
    usage::give_back(&open.proposer, open.call_bytes);
    MOTIONS.remove(&motion);
    MOTION_CALLS.remove(&motion);
}
