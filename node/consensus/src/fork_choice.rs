//! Which of two blocks is the better head.
//!
//! Rules
//! - R1 Only descendants of the last finalised block are compared (the tree holds no others).
//! - R2 The longer chain is better.
//! - R3 At equal length the lower slot is better: it was there first by the chain's own time.
//! - R4 At equal slots (an equivocation) the lower hash is better, so that all nodes agree whatever came first.
//!
//! The order is total over distinct blocks, so the best head does not depend on the order of arrival.

use core::cmp::Ordering;

use quire_core::{BlockNumber, H256, Slot};

/// What fork choice looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Height.
    pub number: BlockNumber,
    /// Slot of the block; 0 for the genesis block.
    pub slot: Slot,
    /// Hash of the block.
    pub hash: H256,
}

impl Candidate {
    /// [`Ordering::Greater`] when `self` is the better head.
    #[must_use]
    pub fn compare(&self, other: &Self) -> Ordering {
        self.number
            .cmp(&other.number)
            .then_with(|| other.slot.cmp(&self.slot))
            .then_with(|| other.hash.cmp(&self.hash))
    }

    /// True when `self` is strictly better than `other`.
    #[must_use]
    pub fn better_than(&self, other: &Self) -> bool {
        self.compare(other) == Ordering::Greater
    }
}

#[cfg(test)]
mod tests;
