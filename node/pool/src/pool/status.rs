//! Who watches what, and what they are told.
//!
//! ```text
//!  future <-> ready -> inBlock -> finalized | finalityTimeout
//!               ^         |
//!               +-retracted
//!  usurped, dropped, invalid end it from anywhere before a block
//! ```

use std::collections::BTreeMap;

use quire_core::{BlockNumber, H256};

use super::{BlockRef, Change, Effect, Pool};
use crate::key::Key;

/// What became of a watched transaction; the names are those of Substrate's `author_extrinsicUpdate`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It waits for another transaction.
    Future,
    /// It can go into a block.
    Ready,
    /// It is in a block of the best chain.
    InBlock {
        /// The block.
        block: H256,
        /// Its place among the extrinsics.
        index: u32,
    },
    /// The block that it was in left the best chain.
    Retracted(H256),
    /// The block that it is in is not final after a long time. Ends the stream.
    FinalityTimeout(H256),
    /// The block that it is in is final. Ends the stream.
    Finalized {
        /// The block.
        block: H256,
        /// Its place among the extrinsics.
        index: u32,
    },
    /// Another transaction took its place. Ends the stream.
    Usurped(H256),
    /// The pool had no room for it any more. Ends the stream.
    Dropped,
    /// It is not valid any more. Ends the stream.
    Invalid,
}

impl Status {
    /// True if nothing follows.
    #[must_use]
    pub fn is_final(&self) -> bool {
        !matches!(self, Self::Future | Self::Ready | Self::InBlock { .. } | Self::Retracted(_))
    }
}

/// Watched transactions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Watches {
    /// The last status told.
    last: BTreeMap<Key, Option<Status>>,
    /// Watched transactions by the block of the best chain that they are in.
    in_blocks: BTreeMap<BlockRef, Vec<(H256, u32)>>,
}

impl Watches {
    pub(super) fn len(&self) -> usize {
        self.last.len()
    }

    pub(super) fn contains(&self, hash: &H256) -> bool {
        self.last.contains_key(&hash.into())
    }

    pub(super) fn watch(&mut self, hash: H256) {
        self.last.insert(Key::from(&hash), None);
    }

    pub(super) fn unwatch(&mut self, hash: &H256) {
        // Entries of blocks are skipped when their turn comes.
        self.last.remove(&hash.into());
    }

    /// R8: tells a change once.
    pub(super) fn tell(&mut self, hash: &H256, status: Status, out: &mut Vec<Effect>) {
        let is_news = if status.is_final() {
            self.last.remove(&hash.into()).is_some()
        } else {
            self.last.get_mut(&hash.into()).is_some_and(|last| last.replace(status) != Some(status))
        };
        if is_news {
            out.push(Effect::Status { hash: *hash, status });
        }
    }

    pub(super) fn included(&mut self, hash: &H256, block: BlockRef, index: u32, out: &mut Vec<Effect>) {
        let status = Status::InBlock { block: block.hash, index };
        if let Some(last) = self.last.get_mut(&hash.into())
            && last.replace(status) != Some(status)
        {
            self.in_blocks.entry(block).or_default().push((*hash, index));
            out.push(Effect::Status { hash: *hash, status });
        }
    }

    pub(super) fn retracted(&mut self, block: &BlockRef, out: &mut Vec<Effect>) {
        for (hash, _) in self.in_blocks.remove(block).unwrap_or_default() {
            self.tell(&hash, Status::Retracted(block.hash), out);
        }
    }

    pub(super) fn finalised(&mut self, blocks: &[BlockRef], out: &mut Vec<Effect>) {
        for block in blocks {
            for (hash, index) in self.in_blocks.remove(block).unwrap_or_default() {
                self.tell(&hash, Status::Finalized { block: block.hash, index }, out);
            }
        }
    }

    /// Gives up transactions in blocks at or below height `below`.
    pub(super) fn time_out(&mut self, below: BlockNumber, out: &mut Vec<Effect>) {
        while self.in_blocks.first_key_value().is_some_and(|(block, _)| block.number <= below) {
            let Some((block, hashes)) = self.in_blocks.pop_first() else { return };
            for (hash, _) in hashes {
                self.tell(&hash, Status::FinalityTimeout(block.hash), out);
            }
        }
    }
}

impl Pool {
    /// Tells watchers what an operation did; `arrived` is the transaction that it was about.
    pub(super) fn tell_moves(&mut self, arrived: H256, changes: Vec<Change>, out: &mut Vec<Effect>) {
        for change in changes {
            match change {
                Change::Gone(hash, status) => self.watches.tell(&hash, status, out),
                Change::Moved(moves) => {
                    // A transaction may move to and fro in one operation: where it is now counts.
                    for hash in moves.to_future.iter().chain(&moves.to_ready).filter(|hash| **hash != arrived)
                    {
                        self.tell_side(hash, out);
                    }
                    for hash in moves.to_ready.iter().filter(|hash| **hash != arrived) {
                        self.propagate(hash, out);
                    }
                }
                Change::Arrived(hash) => {
                    self.tell_side(&hash, out);
                    self.propagate(&hash, out);
                }
            }
        }
    }

    fn tell_side(&mut self, hash: &H256, out: &mut Vec<Effect>) {
        if self.order.contains(hash) {
            let status = if self.order.is_ready(hash) { Status::Ready } else { Status::Future };
            self.watches.tell(hash, status, out);
        }
    }

    fn propagate(&self, hash: &H256, out: &mut Vec<Effect>) {
        if let Some(transaction) = self.order.get(hash).filter(|transaction| transaction.propagate)
            && self.order.is_ready(hash)
        {
            out.push(Effect::Propagate { hash: *hash, extrinsic: transaction.extrinsic.clone() });
        }
    }
}
