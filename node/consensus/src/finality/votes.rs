//! The votes of one round, whoever counts them: at most two per voter and phase, the second being the proof of an
//! equivocation.
//!
//! Rules
//! - R1 The first vote of a voter in a phase is kept; the same target again is a duplicate, whatever its signature.
//! - R2 A second target is an equivocation, kept with both signatures; everything after it is surplus.
//! - R3 Memory is bounded by four ballots per authority, and only authorities get in.
//!
//! Out of scope: signatures (checked before), whether the blocks are known ([`super::round`]).

use std::collections::BTreeMap;

use super::justification::VoterSet;
use super::message::{Ballot, Target};
use crate::vote_guard::VoteKind;
use quire_core::GrandpaId;

/// The two phases in which votes are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// First.
    Prevote,
    /// Second.
    Precommit,
}

/// Both phases in order.
pub const PHASES: [Phase; 2] = [Phase::Prevote, Phase::Precommit];

impl Phase {
    /// The kind of a vote in this phase.
    #[must_use]
    pub fn kind(self) -> VoteKind {
        match self {
            Self::Prevote => VoteKind::Prevote,
            Self::Precommit => VoteKind::Precommit,
        }
    }

    /// The phase in which a vote is counted; `None` for a proposal.
    #[must_use]
    pub fn of(kind: VoteKind) -> Option<Self> {
        match kind {
            VoteKind::Prevote => Some(Self::Prevote),
            VoteKind::Precommit => Some(Self::Precommit),
            VoteKind::Propose => None,
        }
    }

    pub(crate) fn index(self) -> usize {
        self as usize
    }
}

/// Two votes of one authority in one phase of a round: the proof that `bonds` slashes for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VoteEquivocation {
    /// Number of the voter set.
    pub set_id: u64,
    /// The round.
    pub round: u64,
    /// The phase.
    pub phase: Phase,
    /// The vote that came first.
    pub first: Ballot,
    /// The other one, by the same voter for another block.
    pub second: Ballot,
}

impl VoteEquivocation {
    /// Who did it.
    #[must_use]
    pub fn offender(&self) -> GrandpaId {
        self.first.id
    }
}

/// What became of a vote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Added {
    /// The voter's first vote in this phase.
    New,
    /// Known.
    Duplicate,
    /// The voter's second vote, for another block.
    Equivocation {
        /// The vote that came first.
        first: Ballot,
    },
    /// More of an equivocator, or not an authority: not kept.
    Surplus,
}

/// The votes of one voter in one phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cast {
    pub(crate) first: Ballot,
    pub(crate) second: Option<Ballot>,
}

/// The votes of one round by phase and place of the voter in its set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Votes {
    casts: [BTreeMap<usize, Cast>; 2],
}

impl Votes {
    /// Adds a vote whose signature was checked.
    pub fn add(&mut self, voters: &VoterSet, phase: Phase, ballot: Ballot) -> Added {
        let Some(place) = voters.place(&ballot.id) else { return Added::Surplus };
        let casts = &mut self.casts[phase.index()];
        let Some(cast) = casts.get_mut(&place) else {
            casts.insert(place, Cast { first: ballot, second: None });
            return Added::New;
        };
        let known =
            |target: Target| cast.first.target == target || cast.second.map(|b| b.target) == Some(target);
        if known(ballot.target) {
            return Added::Duplicate;
        }
        if cast.second.is_some() {
            return Added::Surplus;
        }
        cast.second = Some(ballot);
        Added::Equivocation { first: cast.first }
    }

    /// Whether [`Self::add`] would keep or has kept this vote, without its signature being looked at.
    #[must_use]
    pub fn is_news(&self, voters: &VoterSet, phase: Phase, id: &GrandpaId, target: Target) -> bool {
        let cast = voters.place(id).map(|place| self.casts[phase.index()].get(&place));
        match cast {
            None => false,
            Some(None) => true,
            Some(Some(cast)) => cast.first.target != target && cast.second.is_none(),
        }
    }

    /// All ballots of a phase, first votes before second ones of a voter, by place.
    pub fn ballots(&self, phase: Phase) -> impl Iterator<Item = &Ballot> {
        self.casts[phase.index()].values().flat_map(|cast| std::iter::once(&cast.first).chain(&cast.second))
    }

    /// Whether the voter at `place` has voted.
    #[must_use]
    pub fn has_voted(&self, phase: Phase, place: usize) -> bool {
        self.casts[phase.index()].contains_key(&place)
    }

    pub(crate) fn casts(&self, phase: Phase) -> &BTreeMap<usize, Cast> {
        &self.casts[phase.index()]
    }
}
