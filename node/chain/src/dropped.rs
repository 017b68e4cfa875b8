//! Blocks of forks that lost, readable from memory for a while.
//!
//! Finality deletes them from the store at once; a client that still reads such a block keeps its answers.
//!
//! Rules
//! - R1 At most [`BLOCKS_MAX`] blocks and [`BYTES_MAX`] bytes are kept; the oldest go first, and a block that is too
//!   large alone is not kept. A block counts with its body and every layer that its state needs.
//! - R2 The state is the one of the block for as long as the finalised state below it is kept.
//! - R3 A restart forgets them. Import knows nothing of them: they are unknown blocks.

use std::collections::VecDeque;
use std::sync::Arc;

use quire_core::{BlockNumber, H256, Header, OpaqueExtrinsic};

use crate::environment::RuntimeCode;
use crate::view::Group;

/// Most blocks that are kept (R1): more than the forks of a minute.
const BLOCKS_MAX: usize = 256;
/// Most bytes that are kept (R1).
const BYTES_MAX: usize = 64 * 1024 * 1024;

/// A block of a fork that lost.
#[derive(Debug)]
pub(crate) struct DroppedBlock {
    pub(crate) hash: H256,
    pub(crate) header: Arc<Header>,
    pub(crate) body: Arc<Vec<OpaqueExtrinsic>>,
    /// The code of its children.
    pub(crate) code: RuntimeCode,
    /// Height of the finalised state under the groups.
    pub(crate) base: BlockNumber,
    pub(crate) groups: Vec<Group>,
    /// Of the body and all layers.
    pub(crate) bytes: usize,
}

/// The last blocks that lost.
#[derive(Debug, Default)]
pub(crate) struct DroppedBlocks {
    oldest_first: VecDeque<Arc<DroppedBlock>>,
    bytes: usize,
}

impl DroppedBlocks {
    pub(crate) fn get(&self, hash: H256) -> Option<Arc<DroppedBlock>> {
        // Few blocks, and only what is found nowhere else is looked for here.
        self.oldest_first.iter().rev().find(|block| block.hash == hash).cloned()
    }

    /// R1.
    pub(crate) fn push(&mut self, block: DroppedBlock) {
        if block.bytes > BYTES_MAX {
            return;
        }
        self.bytes = self.bytes.saturating_add(block.bytes);
        self.oldest_first.push_back(Arc::new(block));
        while self.bytes > BYTES_MAX || self.oldest_first.len() > BLOCKS_MAX {
            let Some(oldest) = self.oldest_first.pop_front() else { break };
            self.bytes = self.bytes.saturating_sub(oldest.bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(seed: u8, bytes: usize) -> DroppedBlock {
        DroppedBlock {
            hash: H256([seed; 32]),
            header: Arc::default(),
            body: Arc::default(),
            code: RuntimeCode::new(b"code"),
            base: 0,
            groups: Vec::new(),
            bytes,
        }
    }

    fn has(blocks: &DroppedBlocks, seed: u8) -> bool {
        blocks.get(H256([seed; 32])).is_some()
    }

    #[test]
    fn r1_the_oldest_go_when_bytes_run_out() {
        let mut blocks = DroppedBlocks::default();
        for seed in 0..3 {
            blocks.push(block(seed, BYTES_MAX / 2));
        }
        assert_eq!([0, 1, 2].map(|seed| has(&blocks, seed)), [false, true, true]);
        blocks.push(block(3, BYTES_MAX + 1));
        assert_eq!([1, 2, 3].map(|seed| has(&blocks, seed)), [true, true, false]);
        blocks.push(block(4, BYTES_MAX));
        assert_eq!([1, 2, 4].map(|seed| has(&blocks, seed)), [false, false, true]);
        assert_eq!(blocks.bytes, BYTES_MAX);
    }

    #[test]
    fn r1_the_oldest_go_when_there_are_too_many() {
        let mut blocks = DroppedBlocks::default();
        blocks.push(block(1, 1));
        for _ in 0..BLOCKS_MAX {
            assert!(blocks.oldest_first.len() <= BLOCKS_MAX);
            blocks.push(block(2, 1));
        }
        assert!(!has(&blocks, 1));
        assert_eq!((blocks.oldest_first.len(), blocks.bytes), (BLOCKS_MAX, BLOCKS_MAX));
    }
}
