//! Counting one round of GRANDPA over the vote graph of the crate `finality-grandpa`.
//!
//! The crate's own `Round` takes votes only through its `Voter`, a future with unbounded channels, a lock and no way
//! to be restarted between two votes; so the counting stands here, on the crate's graph, as plain calls. The rules are
//! the crate's, and a test drives both with the same votes and compares every state.
//!
//! Terms: *base* = block below which nothing is voted; *ghost* = highest block with enough prevotes on it or above;
//! *estimate* = highest block at or below the ghost that the round may still finalise; *completable* = nothing above
//! the estimate can be finalised any more, so the next round may build on it.
//!
//! Rules
//! - R1 A vote for a block that is not imported, or imported under another number, waits. One for a block that does
//!   not descend from the base is never counted.
//! - R2 Who voted for two blocks counts for every block.
//! - R3 The estimate considers every voter that did not vote yet, and as many future equivocations as the set
//!   tolerates.
//! - R4 What is *proven* final needs distinct voters with a vote each, because a justification admits no equivocation:
//!   see [`super::commit`].

use std::collections::BTreeSet;
use std::ops::AddAssign;
use std::sync::Arc;

use finality_grandpa::vote_graph::VoteGraph;
use quire_core::{BlockNumber, H256};

use super::blocks::{Blocks, ancestry, contains, is_known};
use super::justification::VoterSet;
use super::message::{Ballot, Target};
use super::votes::{Added, PHASES, Phase, Votes};

/// A set of voters by place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Places(Vec<u64>);

impl Places {
    fn insert(&mut self, place: usize) {
        let word = place / 64;
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= 1 << (place % 64);
    }

    fn merge(&mut self, other: &Self) {
        if self.0.len() < other.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        for (word, more) in self.0.iter_mut().zip(&other.0) {
            *word |= more;
        }
    }

    fn len(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    fn len_with(&self, other: &Self) -> usize {
        let mut both = self.clone();
        both.merge(other);
        both.len()
    }
}

/// Who voted for a block or above it, by phase.
#[derive(Clone, Debug, Default)]
struct Tally([Places; 2]);

struct Mark(Phase, usize);

impl AddAssign<&Tally> for Tally {
    fn add_assign(&mut self, other: &Tally) {
        for (places, more) in self.0.iter_mut().zip(&other.0) {
            places.merge(more);
        }
    }
}

impl AddAssign<&Mark> for Tally {
    fn add_assign(&mut self, mark: &Mark) {
        self.0[mark.0.index()].insert(mark.1);
    }
}

/// The chain, as the crate's graph asks for it.
struct Ancestry<'a>(&'a dyn Blocks);

impl finality_grandpa::Chain<H256, BlockNumber> for Ancestry<'_> {
    fn ancestry(&self, base: H256, block: H256) -> Result<Vec<H256>, finality_grandpa::Error> {
        let mut passed = ancestry(self.0, base, block).ok_or(finality_grandpa::Error::NotDescendent)?;
        // The crate wants it without the base.
        passed.pop();
        Ok(passed)
    }
}

/// What a round says so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, parity_scale_codec::Encode, parity_scale_codec::Decode)]
pub struct RoundState {
    /// Highest block with enough prevotes.
    pub ghost: Option<Target>,
    /// Highest block at or below the ghost with enough precommits, equivocators counting for all.
    pub finalised: Option<Target>,
    /// Highest block that the round may have finalised or may still finalise.
    pub estimate: Option<Target>,
    /// The next round may build on the estimate.
    pub completable: bool,
}

impl RoundState {
    /// The state of the round before the first of a set: its base is final.
    #[must_use]
    pub fn genesis(base: Target) -> Self {
        Self { ghost: Some(base), finalised: Some(base), estimate: Some(base), completable: true }
    }
}

/// One round; see the module doc.
pub struct Round {
    number: u64,
    voters: Arc<VoterSet>,
    base: Target,
    votes: Votes,
    graph: VoteGraph<H256, BlockNumber, Tally>,
    /// First votes that are not in the graph yet (R1).
    waiting: BTreeSet<(Phase, usize)>,
    /// Voters that take part in a phase: with a counted vote, or equivocators.
    present: [Places; 2],
    equivocators: [Places; 2],
    state: RoundState,
}

impl Round {
    /// A round without votes on `base`, which is imported.
    #[must_use]
    pub fn new(number: u64, voters: Arc<VoterSet>, base: Target) -> Self {
        Self {
            number,
            voters,
            base,
            votes: Votes::default(),
            graph: VoteGraph::new(base.hash, base.number, Tally::default()),
            waiting: BTreeSet::new(),
            present: Default::default(),
            equivocators: Default::default(),
            state: RoundState { ghost: None, finalised: None, estimate: None, completable: false },
        }
    }

    /// A round with votes that came before it began.
    #[must_use]
    pub fn with_votes(
        number: u64,
        voters: Arc<VoterSet>,
        base: Target,
        votes: &Votes,
        blocks: &dyn Blocks,
    ) -> Self {
        let mut round = Self::new(number, voters, base);
        for phase in PHASES {
            for ballot in votes.ballots(phase) {
                round.note(phase, *ballot);
            }
        }
        round.count(blocks);
        round
    }

    /// Its number.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The block below which nothing is voted.
    #[must_use]
    pub fn base(&self) -> Target {
        self.base
    }

    /// What it says so far.
    #[must_use]
    pub fn state(&self) -> RoundState {
        self.state
    }

    /// All votes, counted or not.
    #[must_use]
    pub fn votes(&self) -> &Votes {
        &self.votes
    }

    /// Number of voters that take part in a phase.
    #[must_use]
    pub fn participation(&self, phase: Phase) -> usize {
        self.present[phase.index()].len()
    }

    /// Adds a vote whose signature was checked, and counts it if it can be.
    pub fn add(&mut self, phase: Phase, ballot: Ballot, blocks: &dyn Blocks) -> Added {
        let added = self.note(phase, ballot);
        if matches!(added, Added::New | Added::Equivocation { .. }) {
            self.count_waiting(blocks);
            self.update();
        }
        added
    }

    /// Counts waiting votes whose blocks have come in since (R1).
    pub fn count(&mut self, blocks: &dyn Blocks) {
        self.count_waiting(blocks);
        self.update();
    }

    /// Targets that are voted for and not imported.
    pub fn unknown_targets<'a>(&'a self, blocks: &'a dyn Blocks) -> impl Iterator<Item = Target> + 'a {
        let first =
            |(phase, place): &(Phase, usize)| self.votes.casts(*phase).get(place).map(|c| c.first.target);
        self.waiting.iter().filter_map(first).filter(|target| !is_known(blocks, *target))
    }

    /// The counted precommits, one per voter.
    pub fn counted_precommits(&self) -> impl Iterator<Item = Ballot> {
        let counted = |(place, _): &(&usize, _)| !self.waiting.contains(&(Phase::Precommit, **place));
        self.votes.casts(Phase::Precommit).iter().filter(counted).map(|(_, cast)| cast.first)
    }

    fn note(&mut self, phase: Phase, ballot: Ballot) -> Added {
        let added = self.votes.add(&self.voters, phase, ballot);
        let Some(place) = self.voters.place(&ballot.id) else { return added };
        match added {
            Added::New => {
                self.waiting.insert((phase, place));
            }
            Added::Equivocation { .. } => {
                self.equivocators[phase.index()].insert(place);
                self.present[phase.index()].insert(place);
            }
            Added::Duplicate | Added::Surplus => {}
        }
        added
    }

    fn count_waiting(&mut self, blocks: &dyn Blocks) {
        let waiting = std::mem::take(&mut self.waiting);
        for (phase, place) in waiting {
            let Some(cast) = self.votes.casts(phase).get(&place) else { continue };
            let target = cast.first.target;
            // The graph takes numbers at their word, so they are checked here.
            let fits = is_known(blocks, target) && contains(blocks, self.base.hash, target.hash);
            let mark = Mark(phase, place);
            if fits && self.graph.insert(target.hash, target.number, mark, &Ancestry(blocks)).is_ok() {
                self.present[phase.index()].insert(place);
            } else {
                self.waiting.insert((phase, place));
            }
        }
    }

    fn update(&mut self) {
        let needed = self.voters.threshold();
        let [prevotes, precommits] = self.present.each_ref().map(Places::len);
        if prevotes < needed {
            return;
        }
        let [slow, fast] = &self.equivocators;
        let enough = |tally: &Tally| tally.0[0].len_with(slow) >= needed;
        let known = self.state.ghost.map(|ghost| (ghost.hash, ghost.number));
        let Some((hash, number)) = self.graph.find_ghost(known, enough) else {
            self.state.ghost = None;
            return;
        };
        let ghost = Target { hash, number };
        self.state.ghost = Some(ghost);
        if precommits < needed {
            self.state.estimate = Some(ghost);
            return;
        }
        let target = |(hash, number)| Target { hash, number };
        let precommitted = |tally: &Tally| tally.0[1].len_with(fast) >= needed;
        self.state.finalised = self.graph.find_ancestor(hash, number, precommitted).map(target);
        let total = self.voters.authorities().len();
        let tolerated = (total - needed).saturating_sub(fast.len());
        let possible = |tally: &Tally| {
            let votes = tally.0[1].len_with(fast);
            // Voters on other blocks that may still turn out to have voted for this one too (R3).
            let turncoats = (precommits - votes).min(tolerated);
            votes + (total - precommits) + turncoats >= needed
        };
        self.state.estimate = self.graph.find_ancestor(hash, number, possible).map(target);
        self.state.completable = self.state.estimate.is_some_and(|estimate| {
            let above = || self.graph.find_ghost(Some((estimate.hash, estimate.number)), possible);
            estimate != ghost || above().is_none_or(|highest| target(highest) == ghost)
        });
    }
}

impl core::fmt::Debug for Round {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Round")
            .field("number", &self.number)
            .field("base", &self.base)
            .field("state", &self.state)
            .field("votes", &self.votes)
            .field("waiting", &self.waiting)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
