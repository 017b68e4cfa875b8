//! The tree of unfinalised blocks over the last finalised one, and the best head in it.
//!
//! ```text
//!            root (finalised)
//!             |
//!             1a ---- 2a ---- 3a     best: longest, then lower slot, then lower hash
//!              \
//!               `---- 2b
//! ```
//!
//! Rules
//! - R1 Every block in the tree descends from the root.
//! - R2 The best head is the maximum of [`Candidate::compare`] over the whole tree, so it does not depend on the order
//!   in which blocks came.
//! - R3 Finalising a block makes it the root; whatever does not descend from it leaves the tree.
//! - R4 The best chain is known by number without a walk.
//!
//! The payload `D` is opaque here: tests use `()`.

use std::collections::BTreeMap;

use quire_consensus::Candidate;
use quire_core::{BlockNumber, H256, Slot};

use crate::environment::Head;

/// A block in the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node<D> {
    /// Hash of the block.
    pub hash: H256,
    /// Hash of its parent.
    pub parent: H256,
    /// Height.
    pub number: BlockNumber,
    /// Slot; 0 for the genesis block.
    pub slot: Slot,
    /// What the owner of the tree keeps with the block.
    pub data: D,
}

impl<D> Node<D> {
    /// Number and hash.
    #[must_use]
    pub fn head(&self) -> Head {
        Head { number: self.number, hash: self.hash }
    }

    pub(crate) fn candidate(&self) -> Candidate {
        Candidate { number: self.number, slot: self.slot, hash: self.hash }
    }
}

/// The way from one block to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeRoute {
    /// The last block that both share.
    pub common: Head,
    /// Blocks that leave the chain, from the old head downwards.
    pub retracted: Vec<Head>,
    /// Blocks that enter the chain, upwards to the new head.
    pub enacted: Vec<Head>,
}

/// A block that the tree does not take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TreeError {
    /// It is there.
    #[error("block is in the tree")]
    Known,
    /// Its parent is not there.
    #[error("parent is not in the tree")]
    UnknownParent,
    /// Its number is not the parent's plus one.
    #[error("number does not follow the parent's")]
    WrongNumber,
}

/// What finalising changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeFinalised<D> {
    /// The newly finalised blocks, ascending; the last one is the new root.
    pub chain: Vec<Node<D>>,
    /// Blocks of forks that lost.
    pub dropped: Vec<H256>,
    /// How the best head moved, if it was on a fork that lost.
    pub route: Option<TreeRoute>,
}

/// The tree; see the module doc.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tree<D> {
    root: Node<D>,
    nodes: BTreeMap<H256, Node<D>>,
    best: H256,
    /// The best chain above the root.
    best_chain: BTreeMap<BlockNumber, H256>,
}

impl<D: Clone> Tree<D> {
    /// A tree of its root alone.
    #[must_use]
    pub fn new(root: Node<D>) -> Self {
        Self { best: root.hash, root, nodes: BTreeMap::new(), best_chain: BTreeMap::new() }
    }

    /// The last finalised block.
    #[must_use]
    pub fn root(&self) -> &Node<D> {
        &self.root
    }

    /// The best head.
    #[must_use]
    pub fn best(&self) -> &Node<D> {
        self.nodes.get(&self.best).unwrap_or(&self.root)
    }

    /// A block of the tree, the root included.
    #[must_use]
    pub fn get(&self, hash: H256) -> Option<&Node<D>> {
        if hash == self.root.hash { Some(&self.root) } else { self.nodes.get(&hash) }
    }

    /// Number of unfinalised blocks.
    #[must_use]
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// True if nothing is unfinalised.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Unfinalised blocks in order of their hashes.
    pub fn iter(&self) -> impl Iterator<Item = &Node<D>> {
        self.nodes.values()
    }

    /// The block of the best chain at `number`, from the root upwards.
    #[must_use]
    pub fn best_at(&self, number: BlockNumber) -> Option<H256> {
        if number == self.root.number { Some(self.root.hash) } else { self.best_chain.get(&number).copied() }
    }

    /// Heads without children, ascending by hash.
    #[must_use]
    pub fn leaves(&self) -> Vec<Head> {
        let mut leaves: BTreeMap<H256, Head> =
            self.nodes.values().map(|node| (node.hash, node.head())).collect();
        for node in self.nodes.values() {
            leaves.remove(&node.parent);
        }
        if self.nodes.is_empty() { vec![self.root.head()] } else { leaves.into_values().collect() }
    }

    /// The blocks from above the root up to `hash`, ascending; `None` if it is not in the tree.
    #[must_use]
    pub fn path(&self, hash: H256) -> Option<Vec<&Node<D>>> {
        let mut path = Vec::new();
        let mut at = hash;
        while at != self.root.hash {
            let node = self.nodes.get(&at)?;
            path.push(node);
            at = node.parent;
        }
        path.reverse();
        Some(path)
    }

    /// Adds a block; returns the way to the new best head if that changed.
    pub fn insert(&mut self, node: Node<D>) -> Result<Option<TreeRoute>, TreeError> {
        self.check(&node)?;
        let better = node.candidate().better_than(&self.best().candidate());
        let hash = node.hash;
        self.nodes.insert(hash, node);
        if !better {
            return Ok(None);
        }
        let route = self.route(self.best, hash);
        self.set_best(hash);
        Ok(route)
    }

    /// Whether [`Self::insert`] would take the block.
    pub fn check(&self, node: &Node<D>) -> Result<(), TreeError> {
        if self.get(node.hash).is_some() {
            return Err(TreeError::Known);
        }
        let parent = self.get(node.parent).ok_or(TreeError::UnknownParent)?;
        if parent.number.checked_add(1) == Some(node.number) { Ok(()) } else { Err(TreeError::WrongNumber) }
    }

    /// The way between two blocks of the tree.
    #[must_use]
    pub fn route(&self, from: H256, to: H256) -> Option<TreeRoute> {
        let (mut down, mut up) = (self.get(from)?, self.get(to)?);
        let (mut retracted, mut enacted) = (Vec::new(), Vec::new());
        while down.hash != up.hash {
            // Above the root every block has its parent in the tree (R1), so both walks end at the root at last.
            if down.number >= up.number {
                retracted.push(down.head());
                down = self.get(down.parent)?;
            } else {
                enacted.push(up.head());
                up = self.get(up.parent)?;
            }
        }
        enacted.reverse();
        Some(TreeRoute { common: down.head(), retracted, enacted })
    }

    /// What finalising `hash` would drop: blocks neither on the way to it nor above it.
    #[must_use]
    pub fn losers(&self, hash: H256) -> Option<Vec<H256>> {
        let mut kept: BTreeMap<H256, bool> = self.path(hash)?.iter().map(|node| (node.hash, true)).collect();
        kept.insert(self.root.hash, hash == self.root.hash);
        let mut by_number: Vec<&Node<D>> = self.nodes.values().collect();
        by_number.sort_by_key(|node| node.number);
        let floor = self.get(hash)?.number;
        for node in by_number {
            // Above the target a block stays if its parent stays; up to it only the path does.
            let stays = node.number > floor && kept.get(&node.parent).copied().unwrap_or(false);
            kept.entry(node.hash).or_insert(stays);
        }
        kept.remove(&self.root.hash);
        Some(kept.into_iter().filter(|(_, stays)| !stays).map(|(hash, _)| hash).collect())
    }

    /// Makes `hash` the root (R3). `None` if it is not in the tree above the root.
    pub fn finalise(&mut self, hash: H256) -> Option<TreeFinalised<D>> {
        let dropped = self.losers(hash)?;
        let path: Vec<H256> = self.path(hash)?.iter().map(|node| node.hash).collect();
        let old_best = self.best;
        let best_lost = dropped.contains(&old_best);
        let target = self.nodes.get(&hash)?.clone();
        let new_best = if best_lost { self.best_among(&dropped, &target) } else { old_best };
        let route = if best_lost { self.route(old_best, new_best) } else { None };
        for loser in &dropped {
            self.nodes.remove(loser);
        }
        let chain: Vec<Node<D>> = path.iter().filter_map(|hash| self.nodes.remove(hash)).collect();
        self.root = target;
        self.set_best(new_best);
        Some(TreeFinalised { chain, dropped, route })
    }

    fn best_among(&self, dropped: &[H256], target: &Node<D>) -> H256 {
        let mut best = target.candidate();
        for node in self.nodes.values() {
            if node.number > target.number
                && !dropped.contains(&node.hash)
                && node.candidate().better_than(&best)
            {
                best = node.candidate();
            }
        }
        best.hash
    }

    fn set_best(&mut self, hash: H256) {
        self.best = hash;
        let mut chain = BTreeMap::new();
        let mut at = hash;
        while let Some(node) = self.nodes.get(&at) {
            if self.best_chain.get(&node.number) == Some(&at) {
                break;
            }
            chain.insert(node.number, at);
            at = node.parent;
        }
        let top = self.best().number;
        self.best_chain.extend(chain);
        let root = self.root.number;
        self.best_chain.retain(|number, _| *number > root && *number <= top);
    }
}

#[cfg(test)]
mod tests;
