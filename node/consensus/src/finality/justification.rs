//! Verification of GRANDPA justifications, as strict as light clients are (smoldot 5).
//!
//! Rules
//! - R1 Every precommit is by an authority of the expected set, and no authority appears twice.
//! - R2 At least `floor(2n / 3) + 1` precommits.
//! - R3 Every signature covers the precommit with the justification's round and the *expected* set id.
//! - R4 The lowest precommit is the base; every other one reaches it through `votes_ancestries`.
//! - R5 The target is the ghost: the highest block on which or above which enough precommits lie.
//! - R6 No header in `votes_ancestries` is unused, none appears twice.

use std::collections::{BTreeMap, BTreeSet};

use quire_core::justification::{SignedPrecommit, precommit_payload};
use quire_core::{BlockNumber, GrandpaId, GrandpaJustification, H256, Header, limits};

/// The authorities of GRANDPA at some block, with the number of their set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VoterSet {
    /// Counts the changes of the set since genesis.
    pub set_id: u64,
    /// ed25519 keys, sorted and distinct.
    authorities: Vec<GrandpaId>,
}

impl VoterSet {
    /// A set of equal weights; duplicates are dropped.
    #[must_use]
    pub fn new(set_id: u64, authorities: impl IntoIterator<Item = GrandpaId>) -> Self {
        let distinct: BTreeSet<_> = authorities.into_iter().collect();
        Self { set_id, authorities: distinct.into_iter().collect() }
    }

    /// The authorities in order.
    #[must_use]
    pub fn authorities(&self) -> &[GrandpaId] {
        &self.authorities
    }

    /// True if `id` may vote.
    #[must_use]
    pub fn contains(&self, id: &GrandpaId) -> bool {
        self.authorities.binary_search(id).is_ok()
    }

    /// The place of `id` among the authorities.
    #[must_use]
    pub fn place(&self, id: &GrandpaId) -> Option<usize> {
        self.authorities.binary_search(id).ok()
    }

    /// Votes needed: `floor(2n / 3) + 1`; 1 for an empty set, which nothing reaches.
    #[must_use]
    pub fn threshold(&self) -> usize {
        self.authorities.len().saturating_mul(2) / 3 + 1
    }
}

/// What is wrong with a justification. All of it is the sender's fault and stays wrong for ever.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JustificationError {
    /// It is about another block.
    #[error("justification is for block {found_number} {found}, expected {expected_number} {expected}")]
    WrongTarget {
        /// Hash of the block to be finalised.
        expected: H256,
        /// Its number.
        expected_number: BlockNumber,
        /// Target of the justification.
        found: H256,
        /// Its number.
        found_number: BlockNumber,
    },
    /// Too few distinct votes.
    #[error("justification has {votes} precommits, the set needs {threshold}")]
    TooFew {
        /// Votes found.
        votes: usize,
        /// Votes needed.
        threshold: usize,
    },
    /// A vote by somebody outside the set.
    #[error("precommit by {id}, which is not in the set")]
    NotInSet {
        /// The key.
        id: GrandpaId,
    },
    /// Two votes by one authority.
    #[error("two precommits by {id}")]
    Duplicate {
        /// The key.
        id: GrandpaId,
    },
    /// A signature does not verify.
    #[error("precommit by {id} is not signed for round {round} of set {set_id}")]
    BadSignature {
        /// The key.
        id: GrandpaId,
        /// The justification's round.
        round: u64,
        /// The expected set.
        set_id: u64,
    },
    /// More ancestry headers than allowed.
    #[error("justification carries {count} ancestry headers, at most {max} are allowed", max = limits::MAX_VOTES_ANCESTRIES)]
    TooManyHeaders {
        /// Headers found.
        count: usize,
    },
    /// A vote that `votes_ancestries` does not link to the lowest one.
    #[error("precommit for block {number} {hash} does not reach the base of the votes")]
    Unlinked {
        /// Target of the vote.
        hash: H256,
        /// Its number.
        number: BlockNumber,
    },
    /// The votes finalise another block than the target.
    #[error("the votes do not make the target the highest final block")]
    WrongGhost,
    /// A header that links nothing, or twice the same.
    #[error("ancestry header {hash} is unused or repeated")]
    UnusedHeader {
        /// Its hash.
        hash: H256,
    },
}

/// Checks `justification` for the block `target` against the set that had to vote on it.
pub fn verify(
    justification: &GrandpaJustification,
    target: (H256, BlockNumber),
    voters: &VoterSet,
) -> Result<(), JustificationError> {
    check_target(justification, target)?;
    check_voters(justification, voters)?;
    check_ancestry(justification, voters.threshold())?;
    check_signatures(justification, voters.set_id)
}

fn check_target(
    justification: &GrandpaJustification,
    target: (H256, BlockNumber),
) -> Result<(), JustificationError> {
    if (justification.target_hash, justification.target_number) == target {
        return Ok(());
    }
    Err(JustificationError::WrongTarget {
        expected: target.0,
        expected_number: target.1,
        found: justification.target_hash,
        found_number: justification.target_number,
    })
}

/// R1, R2.
fn check_voters(justification: &GrandpaJustification, voters: &VoterSet) -> Result<(), JustificationError> {
    let mut seen = BTreeSet::new();
    for precommit in &justification.precommits {
        if !voters.contains(&precommit.id) {
            return Err(JustificationError::NotInSet { id: precommit.id });
        }
        if !seen.insert(precommit.id) {
            return Err(JustificationError::Duplicate { id: precommit.id });
        }
    }
    if seen.len() < voters.threshold() {
        return Err(JustificationError::TooFew { votes: seen.len(), threshold: voters.threshold() });
    }
    Ok(())
}

/// R3. The dear check comes last.
fn check_signatures(justification: &GrandpaJustification, set_id: u64) -> Result<(), JustificationError> {
    for precommit in &justification.precommits {
        let payload =
            precommit_payload(precommit.target_hash, precommit.target_number, justification.round, set_id);
        if !verify_signature(&precommit.id, &payload, &precommit.signature) {
            return Err(JustificationError::BadSignature {
                id: precommit.id,
                round: justification.round,
                set_id,
            });
        }
    }
    Ok(())
}

/// R4, R5, R6: walks from every vote down to the base and counts the votes on each block passed.
fn check_ancestry(justification: &GrandpaJustification, threshold: usize) -> Result<(), JustificationError> {
    let parents = index_headers(&justification.votes_ancestries)?;
    let base = justification.precommits.iter().min_by_key(|vote| vote.target_number);
    let Some(base) = base.map(|vote| (vote.target_number, vote.target_hash)) else {
        return Err(JustificationError::TooFew { votes: 0, threshold });
    };
    let mut used = BTreeSet::new();
    let mut counts: BTreeMap<(BlockNumber, H256), usize> = BTreeMap::new();
    for vote in &justification.precommits {
        for block in route(vote, base, &parents)? {
            *counts.entry(block).or_default() += 1;
            if block != base {
                used.insert(block.1);
            }
        }
    }
    let ghost = counts.iter().rev().find(|(_, votes)| **votes >= threshold).map(|(block, _)| *block);
    if ghost != Some((justification.target_number, justification.target_hash)) {
        return Err(JustificationError::WrongGhost);
    }
    match parents.keys().find(|hash| !used.contains(*hash)) {
        Some(hash) => Err(JustificationError::UnusedHeader { hash: *hash }),
        None => Ok(()),
    }
}

fn index_headers(headers: &[Header]) -> Result<BTreeMap<H256, &Header>, JustificationError> {
    if headers.len() > limits::MAX_VOTES_ANCESTRIES as usize {
        return Err(JustificationError::TooManyHeaders { count: headers.len() });
    }
    let mut parents = BTreeMap::new();
    for header in headers {
        let hash = header.hash();
        if parents.insert(hash, header).is_some() {
            return Err(JustificationError::UnusedHeader { hash });
        }
    }
    Ok(parents)
}

/// The blocks from a vote's target down to the base, both included.
fn route(
    vote: &SignedPrecommit,
    base: (BlockNumber, H256),
    parents: &BTreeMap<H256, &Header>,
) -> Result<Vec<(BlockNumber, H256)>, JustificationError> {
    let unlinked = || JustificationError::Unlinked { hash: vote.target_hash, number: vote.target_number };
    let mut at = (vote.target_number, vote.target_hash);
    let mut passed = vec![at];
    while at != base {
        let header = parents.get(&at.1).ok_or_else(unlinked)?;
        if header.number != at.0 || at.0 <= base.0 {
            return Err(unlinked());
        }
        at = (at.0 - 1, header.parent_hash);
        passed.push(at);
    }
    Ok(passed)
}

/// True if `signature` is `id`'s ed25519 signature over `payload` (ZIP-215 rules).
#[must_use]
pub fn verify_signature(id: &GrandpaId, payload: &[u8], signature: &[u8; 64]) -> bool {
    let Ok(key) = ed25519_zebra::VerificationKey::try_from(id.0) else { return false };
    key.verify(&ed25519_zebra::Signature::from(*signature), payload).is_ok()
}

#[cfg(test)]
mod tests;
