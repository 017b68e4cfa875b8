//! Dropping the newest blocks that are not final: the way back from a block that should not have been made.
//!
//! Rules
//! - R1 Final blocks are never dropped: peers and clients rely on them.
//! - R2 What stays is the best chain up to its new head, and nothing else: a fork that was shorter could else become the
//!   best chain by the revert.
//! - R3 The chain is consumed: what was in memory would disagree with the store.

use std::collections::BTreeSet;

use quire_core::{BlockNumber, H256};

use crate::chain::Chain;
use crate::environment::{Commit, Execute, Head, Store, StoreError};

/// What a revert did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reverted {
    /// The best block before.
    pub from: Head,
    /// The best block now.
    pub to: Head,
    /// Blocks that are gone, those of forks included.
    pub dropped: Vec<H256>,
}

/// Why nothing was reverted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RevertError {
    /// R1.
    #[error(
        "only {unfinalised} blocks above the final block {finalised} can be reverted, not {wanted}: final blocks stay for ever, since others rely on them; to go back further, run purge-chain and import-blocks up to the block wanted, on every node of the chain"
    )]
    Final {
        /// How many were to be reverted.
        wanted: BlockNumber,
        /// How many are not final.
        unfinalised: BlockNumber,
        /// The last final block.
        finalised: BlockNumber,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl<S: Store + ?Sized + 'static, E: Execute + ?Sized> Chain<S, E> {
    /// Drops the newest `count` blocks of the best chain, or all that are not final, and every fork (R2).
    pub fn revert(self, count: Option<BlockNumber>) -> Result<Reverted, RevertError> {
        let (from, to, dropped) = {
            let tree = self.tree();
            let (from, root) = (tree.best().head(), tree.root().head());
            let unfinalised = from.number.saturating_sub(root.number);
            let count = count.unwrap_or(unfinalised);
            if count > unfinalised {
                return Err(RevertError::Final { wanted: count, unfinalised, finalised: root.number });
            }
            let target = from.number.saturating_sub(count);
            let path = tree.path(from.hash).unwrap_or_default();
            let kept: BTreeSet<H256> =
                path.iter().filter(|node| node.number <= target).map(|node| node.hash).collect();
            let to = path.iter().find(|node| node.number == target).map_or(root, |node| node.head());
            let dropped: Vec<H256> =
                tree.iter().map(|node| node.hash).filter(|hash| !kept.contains(hash)).collect();
            (from, to, dropped)
        };
        if !dropped.is_empty() {
            self.durable(Commit { dropped: dropped.clone(), ..Commit::default() }, None)?;
        }
        Ok(Reverted { from, to, dropped })
    }
}

#[cfg(test)]
mod tests;
