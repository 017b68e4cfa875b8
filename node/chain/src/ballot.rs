//! The chain as finality votes on it.
//!
//! Rules
//! - R1 The block to vote for is the best head among those that contain the base, or the first block on the way to it
//!   after which another set votes: nothing above a set change is voted for by the old set.
//! - R2 A block whose fork lost is not there any more, though readers may still see it: nothing contains it, and nothing is voted for on it.
//! - R3 A store that cannot be read looks like a missing block; the write that follows stops the node.

use std::sync::Arc;

use quire_consensus::finality::blocks::Blocks;
use quire_consensus::finality::message::Target;
use quire_core::{BlockNumber, H256, Header};

use crate::chain::{BlockData, Chain};
use crate::environment::{Execute, Head, Store};
use crate::finalise::first_change;
use crate::tree::Tree;

impl<S: Store + ?Sized + 'static, E: Execute + ?Sized> Blocks for Chain<S, E> {
    fn header(&self, hash: H256) -> Option<Arc<Header>> {
        let known = self.tree().get(hash).map(|node| node.data.header.clone());
        known.or_else(|| self.store.header(hash).ok().flatten().map(Arc::new))
    }

    fn parent(&self, hash: H256) -> Option<(BlockNumber, H256)> {
        let known = self.tree().get(hash).map(|node| (node.number, node.parent));
        known.or_else(|| {
            let header = self.store.header(hash).ok().flatten()?;
            Some((header.number, header.parent_hash))
        })
    }

    fn finalised(&self) -> Target {
        target(Chain::finalised(self))
    }

    fn best_containing(&self, base: H256) -> Option<Target> {
        let is_below = self.tree().get(base).is_none() && self.is_finalised(base).ok()?;
        let tree = self.tree();
        let base = if is_below { tree.root().head() } else { tree.get(base)?.head() };
        let head = best_above(&tree, base);
        let change = tree.path(head.hash).and_then(|path| first_change(&tree.root().data.sets.voters, &path));
        Some(target(change.unwrap_or(head))).filter(|chosen| chosen.number >= base.number)
    }
}

fn target(head: Head) -> Target {
    Target { hash: head.hash, number: head.number }
}

/// The best head on or above a block of the tree.
fn best_above(tree: &Tree<BlockData>, base: Head) -> Head {
    if tree.best_at(base.number) == Some(base.hash) {
        return tree.best().head();
    }
    let descends = |head: &Head| {
        let mut at = tree.get(head.hash);
        while let Some(node) = at.filter(|node| node.number > base.number) {
            at = tree.get(node.parent);
        }
        at.is_some_and(|node| node.hash == base.hash)
    };
    let heads = tree.leaves().into_iter().filter(descends).filter_map(|head| tree.get(head.hash));
    let best = heads.max_by(|a, b| a.candidate().compare(&b.candidate()));
    best.map_or(base, |node| node.head())
}

#[cfg(test)]
mod tests;
