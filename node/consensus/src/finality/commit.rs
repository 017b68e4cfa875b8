//! From precommits to a justification that light clients accept.
//!
//! A commit on the wire has votes and no headers, because its receivers have the blocks; a justification carries the
//! headers that link its votes. Light clients want every vote to reach the lowest one, so votes beside the winning
//! chain are left out.
//!
//! Rules
//! - R1 One vote per authority. Of an equivocator the first one in the list counts; the others are dropped.
//! - R2 The base is the highest block with a vote exactly on it and enough votes on it or above. Votes that do not
//!   descend from it are left out.
//! - R3 The block that is final is the highest one with enough of the remaining votes on it or above.
//! - R4 Nothing is decided while a block that is voted for is not imported.

use std::collections::{BTreeMap, BTreeSet};

use quire_core::{GrandpaJustification, H256};

use super::blocks::{Blocks, ancestry, contains, is_known};
use super::justification::VoterSet;
use super::message::{Ballot, Commit, Target};

/// Why precommits prove nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unproven {
    /// A block is not imported (R4).
    Unknown(Target),
    /// There are not enough votes on one chain.
    TooFew,
}

/// The justification that these precommits of `round` give; signatures are checked elsewhere.
pub fn prove(
    round: u64,
    ballots: impl IntoIterator<Item = Ballot>,
    voters: &VoterSet,
    blocks: &dyn Blocks,
) -> Result<GrandpaJustification, Unproven> {
    let mut seen = BTreeSet::new();
    let mut votes: Vec<Ballot> =
        ballots.into_iter().filter(|ballot| voters.contains(&ballot.id) && seen.insert(ballot.id)).collect();
    if votes.len() < voters.threshold() {
        return Err(Unproven::TooFew);
    }
    if let Some(unknown) = votes.iter().find(|ballot| !is_known(blocks, ballot.target)) {
        return Err(Unproven::Unknown(unknown.target));
    }
    let base = find_base(&votes, voters.threshold(), blocks).ok_or(Unproven::TooFew)?;
    votes.retain(|ballot| contains(blocks, base.hash, ballot.target.hash));
    votes.sort_by_key(|ballot| ballot.id);
    let target = find_target(&votes, base, voters.threshold(), blocks).ok_or(Unproven::TooFew)?;
    Ok(GrandpaJustification {
        round,
        target_hash: target.hash,
        target_number: target.number,
        precommits: votes.iter().map(Ballot::to_precommit).collect(),
        votes_ancestries: link(&votes, base, blocks),
    })
}

/// The commit that says what a justification says.
#[must_use]
pub fn to_commit(justification: &GrandpaJustification, set_id: u64) -> Commit {
    Commit {
        round: justification.round,
        set_id,
        target: Target { hash: justification.target_hash, number: justification.target_number },
        precommits: justification.precommits.iter().map(Ballot::from_precommit).collect(),
    }
}

/// R2.
fn find_base(votes: &[Ballot], needed: usize, blocks: &dyn Blocks) -> Option<Target> {
    let distinct: BTreeSet<Target> = votes.iter().map(|ballot| ballot.target).collect();
    let enough = |base: &Target| {
        let above = votes.iter().filter(|ballot| contains(blocks, base.hash, ballot.target.hash));
        above.count() >= needed
    };
    distinct.into_iter().filter(enough).max_by_key(|base| (base.number, base.hash))
}

/// R3.
fn find_target(votes: &[Ballot], base: Target, needed: usize, blocks: &dyn Blocks) -> Option<Target> {
    let mut counts: BTreeMap<H256, usize> = BTreeMap::new();
    for ballot in votes {
        *counts.entry(ballot.target.hash).or_default() += 1;
        for hash in ancestry(blocks, base.hash, ballot.target.hash)? {
            *counts.entry(hash).or_default() += 1;
        }
    }
    counts
        .into_iter()
        .filter(|(_, count)| *count >= needed)
        .filter_map(|(hash, _)| Some(Target { hash, number: blocks.parent(hash)?.0 }))
        .max_by_key(|target| (target.number, target.hash))
}

/// The headers between the votes and their base, each once.
fn link(votes: &[Ballot], base: Target, blocks: &dyn Blocks) -> Vec<quire_core::Header> {
    let mut headers = BTreeMap::new();
    for ballot in votes {
        let mut at = ballot.target.hash;
        while at != base.hash && !headers.contains_key(&at) {
            let Some(header) = blocks.header(at) else { break };
            let parent = header.parent_hash;
            headers.insert(at, (*header).clone());
            at = parent;
        }
    }
    headers.into_values().collect()
}

#[cfg(test)]
mod tests;
