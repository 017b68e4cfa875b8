//! The life of a motion (R1 to R7).

use alloc::boxed::Box;
use alloc::vec::Vec;

use pallet_support::{DispatchErrorWithInfo, DispatchResult, deposit_event, ensure, with_transaction};
use parity_scale_codec::{Decode, Encode};
use quire_core::{AccountId, BlockNumber, H256, Weight, hash::blake2_256, limits};
use scale_info::TypeInfo;

use crate::storage::{NEXT_MOTION, OPEN, motions};
use crate::{
    Error, Event, INDEX, MOTION_LIFE_BLOCKS, MOTION_WEIGHT_MAX, Motionable, is_member, members, weights,
};

/// A motion that is open or passed.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct Motion<C> {
    /// Who proposed it.
    pub proposer: AccountId,
    /// What it would do.
    pub call: Box<C>,
    /// Who is for it.
    pub ayes: Vec<AccountId>,
    /// Who is against it.
    pub noes: Vec<AccountId>,
    /// The last block at which it lives.
    pub end: BlockNumber,
    /// Whether it has passed.
    pub passed: bool,
}

/// R3: votes that a motion needs among `members`.
pub fn threshold(members: u32) -> u32 {
    // Twice the most members is far below u32::MAX.
    (members.min(limits::MAX_MEMBERS) * 2) / 3 + 1
}

/// Proposes `call`.
pub(crate) fn propose<C: Motionable>(who: &AccountId, call: C) -> DispatchResult {
    ensure!(is_member(who), Error::NotMember);
    ensure!(call.weight().all_lte(MOTION_WEIGHT_MAX), Error::CallTooHeavy);
    let now = pallet_system::block_number();
    drop_expired::<C>(now);
    ensure!((OPEN.get_or_default().len() as u32) < limits::MAX_OPEN_MOTIONS, Error::TooManyMotions);
    let number = NEXT_MOTION.get_or_default();
    NEXT_MOTION.put(&number.checked_add(1).ok_or(Error::NumbersExhausted)?);
    let end = now.saturating_add(MOTION_LIFE_BLOCKS);
    let call_hash = H256(call.using_encoded(blake2_256));
    deposit_event(INDEX, &Event::Proposed { motion: number, proposer: who.clone(), call_hash });
    OPEN.append(&(number, end));
    let mut motion = Motion {
        proposer: who.clone(),
        call: Box::new(call),
        ayes: alloc::vec![who.clone()],
        noes: Vec::new(),
        end,
        passed: false,
    };
    settle(number, &mut motion);
    motions::<C>().insert(&number, &motion);
    Ok(())
}

/// Votes on motion `number`.
pub(crate) fn vote<C: Motionable>(who: &AccountId, number: u32, approve: bool) -> DispatchResult {
    ensure!(is_member(who), Error::NotMember);
    let mut motion = living::<C>(number)?;
    ensure!(!motion.passed, Error::AlreadyPassed);
    let (to, from) = match approve {
        true => (&mut motion.ayes, &mut motion.noes),
        false => (&mut motion.noes, &mut motion.ayes),
    };
    ensure!(!to.contains(who), Error::DuplicateVote);
    from.retain(|member| member != who);
    to.push(who.clone());
    let (ayes, noes) = (motion.ayes.len() as u32, motion.noes.len() as u32);
    deposit_event(INDEX, &Event::Voted { motion: number, member: who.clone(), approve, ayes, noes });
    if settle(number, &mut motion) {
        motions::<C>().insert(&number, &motion);
    } else {
        forget::<C>(number);
    }
    Ok(())
}

/// Executes motion `number`; what that weighed.
pub(crate) fn execute<C: Motionable>(who: &AccountId, number: u32) -> Result<Weight, DispatchErrorWithInfo> {
    ensure!(is_member(who), Error::NotMember);
    let motion = living::<C>(number)?;
    ensure!(motion.passed, Error::NotPassed);
    forget::<C>(number);
    let announced = motion.call.weight();
    let result = with_transaction(|| motion.call.dispatch_as_root());
    let used = match &result {
        Ok(post_info) => post_info.actual_weight.unwrap_or(announced).min(announced),
        Err(failed) => failed.post_info.actual_weight.unwrap_or(announced).min(announced),
    };
    let result = result.map(|_| ()).map_err(|failed| failed.error);
    deposit_event(INDEX, &Event::Executed { motion: number, result });
    Ok(weights::executed(used))
}

/// A motion that has not expired (R5). An expired one stays until the next proposal clears it away: a failing call
/// could not remove it.
fn living<C: Motionable>(number: u32) -> Result<Motion<C>, Error> {
    let now = pallet_system::block_number();
    motions::<C>().get(&number).filter(|motion| motion.end >= now).ok_or(Error::UnknownMotion)
}

/// R3 and R7: notes that the motion has passed, if so. False when it can no longer pass.
fn settle<C>(number: u32, motion: &mut Motion<C>) -> bool {
    let members = members();
    let count =
        |votes: &[AccountId]| votes.iter().filter(|who| members.binary_search(who).is_ok()).count() as u32;
    let all = members.len() as u32;
    if count(&motion.ayes) >= threshold(all) {
        motion.passed = true;
        deposit_event(INDEX, &Event::Passed { motion: number });
    } else if all.saturating_sub(count(&motion.noes)) < threshold(all) {
        deposit_event(INDEX, &Event::Rejected { motion: number });
        return false;
    }
    true
}

fn forget<C: Motionable>(number: u32) {
    motions::<C>().remove(&number);
    let mut open = OPEN.get_or_default();
    open.retain(|(open, _)| *open != number);
    OPEN.put(&open);
}

/// Clears away what has expired (R5): at most `limits::MAX_OPEN_MOTIONS`.
fn drop_expired<C: Motionable>(now: BlockNumber) {
    let open = OPEN.get_or_default();
    if open.iter().all(|(_, end)| *end >= now) {
        return;
    }
    let (living, expired): (Vec<_>, Vec<_>) = open.into_iter().partition(|(_, end)| *end >= now);
    for (number, _) in expired {
        motions::<C>().remove(&number);
        deposit_event(INDEX, &Event::Expired { motion: number });
    }
    OPEN.put(&living);
}
