//! The chain as finality sees it.

use std::sync::Arc;

use quire_core::{BlockNumber, H256, Header};

use super::message::Target;

/// Imported blocks. What an implementation answers may change between two steps of a machine, never within one.
pub trait Blocks {
    /// The header of an imported block: final, or descending from the last final block.
    fn header(&self, hash: H256) -> Option<Arc<Header>>;

    /// Number and parent of an imported block; implementations that know them without the header say so faster.
    fn parent(&self, hash: H256) -> Option<(BlockNumber, H256)> {
        self.header(hash).map(|header| (header.number, header.parent_hash))
    }

    /// The last final block.
    fn finalised(&self) -> Target;

    /// The block to vote for among those that contain `base` (itself included): the best head, or the first block on
    /// the way to it that changes the voter set. `None` if `base` is not imported.
    fn best_containing(&self, base: H256) -> Option<Target>;
}

/// Whether `target` is imported under its number.
pub(crate) fn is_known(blocks: &dyn Blocks, target: Target) -> bool {
    blocks.parent(target.hash).is_some_and(|(number, _)| number == target.number)
}

/// The hashes from the parent of `block` down to `base`, `base` included; empty if they are the same block, `None` if
/// `block` does not descend from `base` or is not imported.
pub(crate) fn ancestry(blocks: &dyn Blocks, base: H256, block: H256) -> Option<Vec<H256>> {
    let (lowest, _) = blocks.parent(base)?;
    let mut passed = Vec::new();
    let mut at = block;
    while at != base {
        let (number, parent) = blocks.parent(at)?;
        if number <= lowest {
            return None;
        }
        passed.push(parent);
        at = parent;
    }
    Some(passed)
}

/// Whether `block` is `base` or descends from it.
pub(crate) fn contains(blocks: &dyn Blocks, base: H256, block: H256) -> bool {
    ancestry(blocks, base, block).is_some()
}
