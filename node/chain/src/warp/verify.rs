//! Following proofs of finality from a set of voters that is known.
//!
//! Rules
//! - R1 Every fragment is higher than the one before, and its justification is by the voters that the fragments before it
//!   lead to.
//! - R2 Only the last fragment of a finished proof may leave the voters as they are.
//! - R3 A proof that is not finished leads further than its start.

use quire_consensus::finality::change::{ChangeError, new_voters};
use quire_consensus::finality::justification;
use quire_consensus::{JustificationError, VoterSet};
use quire_core::BlockNumber;

use super::Fragment;
use crate::environment::Head;

/// How far finality was followed: a block after which `voters` decide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Followed {
    /// The last change of the voters, or the genesis block.
    pub at: Head,
    /// Who decides above it.
    pub voters: VoterSet,
    /// The changes up to it.
    pub changes: Vec<Fragment>,
}

/// Where a finished proof ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The last fragment: a block that is final.
    pub last: Fragment,
    /// The way to it. The last change is the target itself, if it is one.
    pub followed: Followed,
}

/// Why a proof is none. Whoever sent it is at fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// R1.
    #[error("block {number} does not lie above block {above}")]
    NotAbove {
        /// The fragment's block.
        number: BlockNumber,
        /// The block before.
        above: BlockNumber,
    },
    /// R1.
    #[error("block {number}: {source}")]
    Justification {
        /// The fragment's block.
        number: BlockNumber,
        /// What is wrong.
        source: JustificationError,
    },
    /// A change that cannot be followed.
    #[error(transparent)]
    Change(#[from] ChangeError),
    /// R2.
    #[error("block {number} changes no voters and is not the end of a finished proof")]
    NoChange {
        /// The fragment's block.
        number: BlockNumber,
    },
    /// R3.
    #[error("a proof that is not finished leads nowhere")]
    NoProgress,
}

impl Followed {
    /// At the beginning of a chain.
    #[must_use]
    pub fn genesis(at: Head, voters: VoterSet) -> Self {
        Self { at, voters, changes: Vec::new() }
    }

    /// Follows a proof that begins here. The target is the end of a finished one; a finished proof without fragments has
    /// none: there is nothing above.
    ///
    /// # Errors
    /// When the proof breaks a rule.
    pub fn follow(
        mut self,
        fragments: Vec<Fragment>,
        is_finished: bool,
    ) -> Result<(Self, Option<Target>), ProofError> {
        if fragments.is_empty() && !is_finished {
            return Err(ProofError::NoProgress);
        }
        let mut left = fragments.len();
        let mut last = None;
        for fragment in fragments {
            left -= 1;
            let head = Head { number: fragment.header.number, hash: fragment.header.hash() };
            if head.number <= self.at.number {
                return Err(ProofError::NotAbove { number: head.number, above: self.at.number });
            }
            justification::verify(&fragment.justification, (head.hash, head.number), &self.voters)
                .map_err(|source| ProofError::Justification { number: head.number, source })?;
            match new_voters(&fragment.header)? {
                Some(voters) => {
                    self.voters = VoterSet::new(self.voters.set_id.saturating_add(1), voters);
                    self.at = head;
                    self.changes.push(fragment.clone());
                }
                None if left == 0 && is_finished => {}
                None => return Err(ProofError::NoChange { number: head.number }),
            }
            last = Some(fragment);
        }
        let target = last.filter(|_| is_finished).map(|last| Target { last, followed: self.clone() });
        Ok((self, target))
    }
}
