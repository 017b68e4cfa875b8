//! Finality with a set of one authority: its own precommit is the justification.
//!
//! ```text
//!  next() -> Vote ---- guard durable, keystore signs ----> justify() -> chain.finalise() -> finalised()
//!    ^                                                                                        |
//!    +----------------------------------------------------------------------------------------+
//! ```
//!
//! Rules
//! - R1 A round is never used for two targets: each new target takes the round after the last one voted.
//! - R2 After a crash between vote and finalisation the same vote is made again, in the same round.
//! - R3 A block voted for is final, since the threshold is one. If the chain no longer knows it, nothing is voted
//!   ([`Decision::Missing`]): finalising another block would contradict a signature that may be out.
//! - R4 A new set starts at round 1.
//!
//! Out of scope: more than one authority ([`SoloError::NotAlone`]), signing, the guard's file.

use quire_core::justification::{SignedPrecommit, precommit_payload};
use quire_core::{BlockNumber, GrandpaId, GrandpaJustification, H256};

use super::justification::VoterSet;

/// A precommit to make durable in the guard, then to sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vote {
    /// The voter.
    pub id: GrandpaId,
    /// Number of the voter set.
    pub set_id: u64,
    /// Round, from 1.
    pub round: u64,
    /// Block to finalise.
    pub target_hash: H256,
    /// Its number.
    pub target_number: BlockNumber,
}

impl Vote {
    /// The bytes to sign with ed25519.
    #[must_use]
    pub fn payload(&self) -> Vec<u8> {
        precommit_payload(self.target_hash, self.target_number, self.round, self.set_id)
    }

    /// The justification made of this vote and its signature.
    #[must_use]
    pub fn justify(&self, signature: [u8; 64]) -> GrandpaJustification {
        GrandpaJustification {
            round: self.round,
            target_hash: self.target_hash,
            target_number: self.target_number,
            precommits: vec![SignedPrecommit {
                target_hash: self.target_hash,
                target_number: self.target_number,
                signature,
                id: self.id,
            }],
            votes_ancestries: Vec::new(),
        }
    }
}

/// What a lone authority knows of its own last vote, taken from the vote guard at start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastVote {
    /// Number of the voter set.
    pub set_id: u64,
    /// The round.
    pub round: u64,
    /// The target.
    pub target_hash: H256,
    /// Its number.
    pub target_number: BlockNumber,
}

/// What the chain looks like to the voter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChainView {
    /// The last finalised block.
    pub finalised: (BlockNumber, H256),
    /// The block to finalise: the best one, or the first set change below it.
    pub candidate: (BlockNumber, H256),
    /// Whether the last voted target is in the tree of blocks above the finalised one or is finalised.
    pub last_target_known: bool,
}

/// What to do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Vote.
    Vote(Vote),
    /// Everything is final.
    Idle,
    /// The block voted for before is not in the database (R3): restore it or sync it.
    Missing {
        /// The vote that cannot be honoured.
        vote: LastVote,
    },
}

/// Why this machine cannot finalise.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SoloError {
    /// The set is not exactly our key.
    #[error("the finality set has {authorities} authorities; a lone voter needs exactly its own key {id}")]
    NotAlone {
        /// Our key.
        id: GrandpaId,
        /// Size of the set.
        authorities: usize,
    },
    /// Rounds are used up.
    #[error("no round is left after {round}")]
    RoundsExhausted {
        /// The last round voted.
        round: u64,
    },
}

/// Decides the next vote of a lone authority.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Solo {
    id: GrandpaId,
    last: Option<LastVote>,
}

impl Solo {
    /// A voter with the key `id` that made the vote `last` before, according to its guard.
    #[must_use]
    pub fn new(id: GrandpaId, last: Option<LastVote>) -> Self {
        Self { id, last }
    }

    /// The last vote decided.
    #[must_use]
    pub fn last(&self) -> Option<LastVote> {
        self.last
    }

    /// What to do next; remembers the vote that it returns.
    pub fn next(&mut self, voters: &VoterSet, chain: &ChainView) -> Result<Decision, SoloError> {
        if voters.authorities() != [self.id] {
            return Err(SoloError::NotAlone { id: self.id, authorities: voters.authorities().len() });
        }
        if let Some(vote) = self.last.filter(|vote| vote.target_number > chain.finalised.0) {
            if !chain.last_target_known {
                return Ok(Decision::Missing { vote });
            }
            if vote.set_id == voters.set_id {
                return Ok(Decision::Vote(self.vote(vote)));
            }
        }
        if chain.candidate.0 <= chain.finalised.0 {
            return Ok(Decision::Idle);
        }
        let round = match self.last.filter(|vote| vote.set_id == voters.set_id) {
            Some(vote) => {
                vote.round.checked_add(1).ok_or(SoloError::RoundsExhausted { round: vote.round })?
            }
            None => 1,
        };
        let (target_number, target_hash) = chain.candidate;
        let vote = LastVote { set_id: voters.set_id, round, target_hash, target_number };
        self.last = Some(vote);
        Ok(Decision::Vote(self.vote(vote)))
    }

    fn vote(&self, vote: LastVote) -> Vote {
        Vote {
            id: self.id,
            set_id: vote.set_id,
            round: vote.round,
            target_hash: vote.target_hash,
            target_number: vote.target_number,
        }
    }
}

#[cfg(test)]
mod tests;
