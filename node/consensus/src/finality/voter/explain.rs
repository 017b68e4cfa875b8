//! Why finality is where it is: for RPC, log and metric.

use quire_core::{BlockNumber, GrandpaId};

use super::{Own, Voter};
use crate::finality::message::Target;
use crate::finality::votes::Phase;

/// What the current round waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Awaiting {
    /// A new block: everything is final.
    News,
    /// The time in which the previous round's last votes and the proposal may come.
    Proposal,
    /// Prevotes of the authorities that are missing.
    Prevotes,
    /// The block of the previous round's estimate, or enough prevotes above it.
    Estimate,
    /// Precommits of the authorities that are missing.
    Precommits,
}

/// The state of finality, readable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// Number of the voter set.
    pub set_id: u64,
    /// The current round.
    pub round: u64,
    /// Since when it runs, in the machine's clock, milliseconds.
    pub since_ms: u64,
    /// The last final block.
    pub finalised: Target,
    /// Since when that is the last one, milliseconds.
    pub finalised_since_ms: u64,
    /// Authorities in the set.
    pub authorities: usize,
    /// Votes needed in each phase.
    pub threshold: usize,
    /// What the round waits for.
    pub awaiting: Awaiting,
    /// Highest block with enough prevotes.
    pub ghost: Option<Target>,
    /// The previous round's estimate, which must become final.
    pub estimate: Option<Target>,
    /// Who has not prevoted in this round.
    pub missing_prevotes: Vec<GrandpaId>,
    /// Who has not precommitted in this round.
    pub missing_precommits: Vec<GrandpaId>,
    /// Highest finalised block that a peer claims.
    pub peers_finalised: Option<BlockNumber>,
    /// Our guard refuses to vote in this round.
    pub is_barred: bool,
}

impl Voter {
    /// The state of finality.
    #[must_use]
    pub fn explain(&self) -> Explanation {
        let state = self.current.round.state();
        let missing = |phase| {
            let votes = self.current.round.votes();
            let authorities = self.voters.authorities().iter().enumerate();
            authorities.filter(|(place, _)| !votes.has_voted(phase, *place)).map(|(_, id)| *id).collect()
        };
        Explanation {
            set_id: self.voters.set_id,
            round: self.current.round.number(),
            since_ms: self.current.since_ms,
            finalised: self.finalised,
            finalised_since_ms: self.finalised_at_ms,
            authorities: self.voters.authorities().len(),
            threshold: self.voters.threshold(),
            awaiting: self.awaiting(),
            ghost: state.ghost,
            estimate: self.previous.state().estimate,
            missing_prevotes: missing(Phase::Prevote),
            missing_precommits: missing(Phase::Precommit),
            peers_finalised: self.peers.highest_finalised(self.voters.set_id),
            is_barred: [self.current.prevote, self.current.precommit].contains(&Own::Barred),
        }
    }

    fn awaiting(&self) -> Awaiting {
        let needed = self.voters.threshold();
        let round = &self.current.round;
        if round.participation(Phase::Prevote) == 0 {
            return if self.is_settled() { Awaiting::News } else { Awaiting::Proposal };
        }
        if round.participation(Phase::Prevote) < needed {
            return Awaiting::Prevotes;
        }
        if round.participation(Phase::Precommit) == 0 && self.current.precommit == Own::Due {
            return Awaiting::Estimate;
        }
        Awaiting::Precommits
    }
}
