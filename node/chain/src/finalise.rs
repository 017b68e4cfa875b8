//! Making a block final: its justification, one durable commit, and who loses.
//!
//! Rules
//! - R1 The justification is verified with the voter set in the state of the target's parent.
//! - R2 No set change lies between the finalised head and the target: what changes the set is finalised itself first,
//!   so light clients find a justification for it.
//! - R3 One commit folds every newly finalised layer under its own height, drops what lost, keeps the justification and
//!   notes a change of the voters ([`crate::warp`]); then the tree changes.
//! - R4 Finalising the finalised head again changes nothing.
//! - R5 What lost leaves the store and stays readable from memory for a while ([`Chain::dropped`]).

use std::sync::Arc;

use parity_scale_codec::Encode;
use quire_consensus::finality::change::changes_voters;
use quire_consensus::finality::justification;
use quire_consensus::finality::solo::{ChainView, LastVote};
use quire_consensus::{JustificationError, VoterSet};
use quire_core::{BlockNumber, GrandpaJustification, H256, Header, OpaqueExtrinsic};

use crate::chain::{BlockData, Chain, groups};
use crate::dropped::DroppedBlock;
use crate::environment::{CODE_KEY, Commit, Execute, Fault, Finalise, Head, Store, StoreError};
use crate::tree::{Tree, TreeRoute};
use crate::warp::index;

/// What finalising a block changed.
#[derive(Clone, Debug)]
pub struct Finalised {
    /// The newly finalised blocks with their headers, ascending; the last one is the target.
    pub blocks: Vec<(Head, Arc<Header>)>,
    /// Blocks of forks that lost; they are gone from the store.
    pub dropped: Vec<H256>,
    /// How the best head moved, if it was on a fork that lost.
    pub new_best: Option<TreeRoute>,
    /// Bodies of the blocks that left the best chain with it, in the order of the route.
    pub retracted: Vec<Arc<Vec<OpaqueExtrinsic>>>,
}

/// Why a block is not made final.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FinaliseError {
    /// The target is not in the tree.
    #[error("block {hash} is unknown or its fork lost")]
    Unknown {
        /// The target.
        hash: H256,
    },
    /// The target is final.
    #[error("block {hash} is final")]
    Known {
        /// The target.
        hash: H256,
    },
    /// R2.
    #[error("block {number} {change} changes the voter set and must be finalised before {hash}")]
    SetChangeBetween {
        /// The target.
        hash: H256,
        /// The block that changes the set.
        change: H256,
        /// Its number.
        number: BlockNumber,
    },
    /// The justification is wrong.
    #[error("block {hash}: {source}")]
    Justification {
        /// The target.
        hash: H256,
        /// What is wrong.
        source: JustificationError,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl FinaliseError {
    /// Whose fault it is.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            Self::Unknown { .. } | Self::Known { .. } | Self::SetChangeBetween { .. } => Fault::Nobody,
            Self::Justification { .. } => Fault::Sender,
            Self::Store(error) => error.fault(),
        }
    }

    /// True when the node must stop.
    #[must_use]
    pub fn is_fatal(&self) -> bool {
        matches!(self, Self::Store(_))
    }
}

impl<S: Store + ?Sized + 'static, E: Execute + ?Sized> Chain<S, E> {
    /// Makes `hash` and everything below it final.
    pub fn finalise(&self, hash: H256, proof: &GrandpaJustification) -> Result<Finalised, FinaliseError> {
        let _writer = self.writer();
        let (commit, code_since, mut lost) = {
            let tree = self.tree();
            check(&tree, hash, proof)?;
            let (mut commit, code_since) = plan(&tree, hash, proof).ok_or(FinaliseError::Unknown { hash })?;
            if let Some(node) = tree.get(hash).filter(|node| changes_voters(&node.data.header)) {
                index::note_target(&*self.store, &mut commit, node.head())?;
            }
            let lost: Vec<_> = commit.dropped.iter().filter_map(|hash| dropped_block(&tree, *hash)).collect();
            (commit, code_since, lost)
        };
        self.read_bodies(&mut lost)?;
        self.durable(commit, code_since)?;
        let done = self.tree_mut().finalise(hash).ok_or(FinaliseError::Unknown { hash })?;
        let blocks = done.chain.iter().map(|node| (node.head(), node.data.header.clone())).collect();
        let route = done.route.iter().flat_map(|route| &route.retracted);
        let body =
            |head: &Head| lost.iter().find(|block| block.hash == head.hash).map(|block| block.body.clone());
        let retracted = route.map(|head| body(head).unwrap_or_default()).collect();
        lost.into_iter().for_each(|block| self.dropped_blocks().push(block));
        Ok(Finalised { blocks, dropped: done.dropped, new_best: done.route, retracted })
    }

    /// R5: bodies must be read before the commit that deletes them.
    fn read_bodies(&self, lost: &mut [DroppedBlock]) -> Result<(), StoreError> {
        for block in lost {
            let body = self.store.body(block.hash)?.unwrap_or_default();
            let bytes = body.iter().fold(0_usize, |sum, one| sum.saturating_add(one.0.len()));
            block.bytes = block.bytes.saturating_add(bytes);
            block.body = Arc::new(body);
        }
        Ok(())
    }

    /// The voter set that decides about the next block to finalise, and that block, for
    /// [`quire_consensus::finality::solo::Solo::next`]: the best block, or the first set change below it.
    #[must_use]
    pub fn finality(&self, last: Option<LastVote>) -> (Arc<VoterSet>, ChainView) {
        let tree = self.tree();
        view_of(&tree, tree.best(), last)
    }

    /// Like [`finality`](Self::finality) with `target` instead of the best block; `None` if it is not in the tree.
    #[must_use]
    pub fn finality_of(&self, target: H256, last: Option<LastVote>) -> Option<(Arc<VoterSet>, ChainView)> {
        let tree = self.tree();
        Some(view_of(&tree, tree.get(target)?, last))
    }
}

fn view_of(
    tree: &Tree<BlockData>,
    target: &crate::tree::Node<BlockData>,
    last: Option<LastVote>,
) -> (Arc<VoterSet>, ChainView) {
    let root = tree.root();
    let change = tree.path(target.hash).and_then(|path| first_change(&root.data.sets.voters, &path));
    let candidate = change.unwrap_or_else(|| target.head());
    let last_target_known = last.is_some_and(|vote| tree.get(vote.target_hash).is_some());
    let view = ChainView {
        finalised: (root.number, root.hash),
        candidate: (candidate.number, candidate.hash),
        last_target_known,
    };
    (root.data.sets.voters.clone(), view)
}

/// R1, R2, R4.
fn check(tree: &Tree<BlockData>, hash: H256, proof: &GrandpaJustification) -> Result<(), FinaliseError> {
    if tree.root().hash == hash {
        return Err(FinaliseError::Known { hash });
    }
    let path = tree.path(hash).ok_or(FinaliseError::Unknown { hash })?;
    let voters = &tree.root().data.sets.voters;
    if let Some(change) = first_change(voters, &path).filter(|change| change.hash != hash) {
        return Err(FinaliseError::SetChangeBetween { hash, change: change.hash, number: change.number });
    }
    let number = path.last().map_or(0, |node| node.number);
    justification::verify(proof, (hash, number), voters)
        .map_err(|source| FinaliseError::Justification { hash, source })
}

/// R5: what a losing block needs to stay readable, without its body.
fn dropped_block(tree: &Tree<BlockData>, hash: H256) -> Option<DroppedBlock> {
    let node = tree.get(hash)?;
    let path = tree.path(hash)?;
    Some(DroppedBlock {
        hash,
        header: node.data.header.clone(),
        body: Arc::default(),
        code: node.data.sets.code.clone(),
        base: tree.root().number,
        groups: groups(tree, hash)?,
        bytes: path.iter().fold(0, |sum, node| sum.saturating_add(node.data.layer_bytes)),
    })
}

/// The first block of an ascending path after which another set votes.
pub(crate) fn first_change(voters: &Arc<VoterSet>, path: &[&crate::tree::Node<BlockData>]) -> Option<Head> {
    path.iter().find(|node| *node.data.sets.voters != **voters).map(|node| node.head())
}

/// R3. Also the height from which the new head's code is valid, if it changed on the way.
fn plan(
    tree: &Tree<BlockData>,
    hash: H256,
    proof: &GrandpaJustification,
) -> Option<(Commit, Option<BlockNumber>)> {
    let path = tree.path(hash)?;
    let changes_code = |node: &&&crate::tree::Node<BlockData>| node.data.layer.values.contains_key(CODE_KEY);
    let code_since = path.iter().rev().find(changes_code).map(|node| node.number);
    let finalise = path
        .iter()
        .map(|node| Finalise {
            number: node.number,
            hash: node.hash,
            layer: node.data.layer.clone(),
            justification: (node.hash == hash).then(|| proof.encode()),
        })
        .collect();
    let commit = Commit { finalise, dropped: tree.losers(hash)?, ..Commit::default() };
    Some((commit, code_since))
}

#[cfg(test)]
mod tests;
