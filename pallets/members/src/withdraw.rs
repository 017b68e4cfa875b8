//! Taking back one's own motion (R9).

use pallet_support::{DispatchResultWithInfo, PostInfo, deposit_event, ensure};
use quire_core::AccountId;

use crate::storage::MOTIONS;
use crate::vote::remove;
use crate::{Error, Event, INDEX, has_passed};

/// Withdraws an open motion.
pub(crate) fn withdraw(who: AccountId, motion: u32) -> DispatchResultWithInfo {
    let open = MOTIONS.get(&motion).ok_or(Error::UnknownMotion)?;
    ensure!(open.proposer == who, Error::NotProposer);
    ensure!(!has_passed(&open), Error::HasPassed);
    remove(motion, &open);
    deposit_event(INDEX, &Event::Withdrawn { motion });
    Ok(PostInfo::default())
}
