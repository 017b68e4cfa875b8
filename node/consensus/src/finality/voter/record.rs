//! What a voter must remember over a crash beside its own votes: the completed round that its next votes build on, and the
//! prevotes that its precommit relied on.
//!
//! Without the first it might vote against its own estimate. Without the second a power cut of everybody could destroy the
//! only evidence (a prevote of an equivocator, seen by one) for which a block was precommitted to: the round could then
//! neither finalise the block nor exclude that it is final, and would last for ever.
//!
//! Rules
//! - R1 The record is on disk with the first vote of the round after it, in the same write of the guard, and again with the
//!   precommit of that round.
//! - R2 After a restart the round is counted again from its votes. If some of its blocks are not to be found (their
//!   fork lost meanwhile), the state that was recorded holds.
//! - R3 A lone authority that voted without this machine ([`super::super::solo`]) goes on after the round of its last
//!   precommit: that alone completed the round, and made its block final.

use std::sync::Arc;

use parity_scale_codec::{Decode, Encode, Error, Input};
use quire_core::codec::decode_vec;
use quire_core::limits;

use super::Previous;
use crate::finality::blocks::{Blocks, is_known};
use crate::finality::justification::VoterSet;
use crate::finality::message::{Ballot, Target};
use crate::finality::round::{Round, RoundState};
use crate::finality::solo::LastVote;
use crate::finality::votes::{Phase, Votes};

/// Two ballots per authority and phase.
const MAX_BALLOTS: u32 = 2 * limits::MAX_AUTHORITIES;

/// A completed round.
#[derive(Clone, Debug, PartialEq, Eq, Encode)]
pub struct RoundRecord {
    /// The set.
    pub set_id: u64,
    /// The round; 0 for the one before the first.
    pub round: u64,
    /// The block it was built on.
    pub base: Target,
    /// The block that the next round is built on.
    pub next_base: Target,
    /// Its state when it was completed.
    pub state: RoundState,
    /// Its prevotes.
    pub prevotes: Vec<Ballot>,
    /// Its precommits.
    pub precommits: Vec<Ballot>,
    /// Prevotes of the round after it.
    pub next_prevotes: Vec<Ballot>,
}

impl Decode for RoundRecord {
    fn decode<I: Input>(input: &mut I) -> Result<Self, Error> {
        let (set_id, round, base, next_base, state) = Decode::decode(input)?;
        let prevotes = decode_vec(input, MAX_BALLOTS, "RoundRecord.prevotes")?;
        let precommits = decode_vec(input, MAX_BALLOTS, "RoundRecord.precommits")?;
        let next_prevotes = decode_vec(input, MAX_BALLOTS, "RoundRecord.next_prevotes")?;
        Ok(Self { set_id, round, base, next_base, state, prevotes, precommits, next_prevotes })
    }
}

impl RoundRecord {
    pub(super) fn new(set_id: u64, previous: &Previous, current: &Round) -> Self {
        let ballots = |phase| {
            let votes = previous.round.as_ref().map(Round::votes);
            votes.map_or_else(Vec::new, |votes| votes.ballots(phase).copied().collect())
        };
        Self {
            set_id,
            round: previous.number,
            base: previous.base,
            next_base: current.base(),
            state: previous.state(),
            prevotes: ballots(Phase::Prevote),
            precommits: ballots(Phase::Precommit),
            next_prevotes: current.votes().ballots(Phase::Prevote).copied().collect(),
        }
    }

    /// R3: the record to start from, given the one that the guard holds and the last precommit of the only voter.
    #[must_use]
    pub fn of_lone(kept: Option<Self>, last: LastVote) -> Option<Self> {
        let is_newer = |kept: &Self| {
            kept.set_id > last.set_id
                || (kept.set_id == last.set_id && kept.round.saturating_add(1) >= last.round)
        };
        if kept.as_ref().is_some_and(is_newer) {
            return kept;
        }
        let target = Target { hash: last.target_hash, number: last.target_number };
        Some(Self {
            set_id: last.set_id,
            round: last.round,
            base: target,
            next_base: target,
            state: RoundState::genesis(target),
            prevotes: Vec::new(),
            precommits: Vec::new(),
            next_prevotes: Vec::new(),
        })
    }

    /// R2.
    pub(super) fn restore(&self, voters: &Arc<VoterSet>, blocks: &dyn Blocks) -> Previous {
        let mut previous = Previous { number: self.round, base: self.base, state: self.state, round: None };
        if self.round == 0 || !is_known(blocks, self.base) {
            return previous;
        }
        let votes = votes_of(voters, &self.prevotes, &self.precommits);
        let round = Round::with_votes(self.round, voters.clone(), self.base, &votes, blocks);
        previous.round = Some(round).filter(|round| round.state().completable);
        previous
    }
}

/// Ballots in order, as a round takes them.
pub(super) fn votes_of(voters: &VoterSet, prevotes: &[Ballot], precommits: &[Ballot]) -> Votes {
    let mut votes = Votes::default();
    for (phase, ballots) in [(Phase::Prevote, prevotes), (Phase::Precommit, precommits)] {
        for ballot in ballots {
            votes.add(voters, phase, *ballot);
        }
    }
    votes
}
