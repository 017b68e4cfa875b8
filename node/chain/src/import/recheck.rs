//! Executing a block once more, without importing it: one of this chain, or one that is offered in its place.
//!
//! Rules
//! - R1 The checks are those of an import (R1 to R3 of [`super`]); nothing is stored.
//! - R2 The parent may be final, as long as its state is kept.

use std::sync::Arc;

use quire_core::Block;

use super::{ImportError, Received, check_on};
use crate::chain::{Chain, Sets, aura_set, voter_set};
use crate::environment::{Execute, Head, Store};
use crate::query::QueryError;

/// What executing a block came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rechecked {
    /// Number and hash.
    pub block: Head,
    /// Extrinsics in it.
    pub extrinsics: usize,
    /// Storage values that it changed.
    pub changes: usize,
}

/// Why a block does not check.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecheckError {
    /// Block 0 is written down, not executed.
    #[error("block 0 is the genesis: it is what the chain spec says, and executes nothing")]
    Genesis,
    /// The parent, or its state, is not here.
    #[error("the state of its parent: {0}")]
    Parent(#[from] QueryError),
    /// The block is wrong.
    #[error(transparent)]
    Wrong(#[from] ImportError),
}

impl<S: Store + ?Sized + 'static, E: Execute + ?Sized> Chain<S, E> {
    /// Checks and executes a block on the state of its parent.
    pub fn recheck(&self, now_ms: u64, block: Block) -> Result<Rechecked, RecheckError> {
        if block.header.number == 0 {
            return Err(RecheckError::Genesis);
        }
        let received = Received::new(block)?;
        let (hash, parent_hash) = (received.hash, received.header.parent_hash);
        let parent = self.header(parent_hash).map_err(QueryError::from)?;
        let parent = parent.ok_or(QueryError::UnknownBlock { hash: parent_hash })?;
        let (number, expected) = (received.header.number, parent.number.saturating_add(1));
        if number != expected {
            return Err(ImportError::WrongNumber { hash, expected, found: number }.into());
        }
        let state = self.state_at(parent_hash)?;
        let code = self.code_at(parent_hash)?;
        let aura = Arc::new(aura_set(&*self.executor, &code, &*state).map_err(QueryError::from)?);
        let voters = Arc::new(voter_set(&*self.executor, &code, &*state).map_err(QueryError::from)?);
        let slot = if parent.number > 0 { parent.digest.aura_slot() } else { None };
        let extrinsics = received.body.len();
        let checked = check_on(now_ms, received, Sets { code, aura, voters }, slot, state)?;
        let layer = self.run(&checked)?;
        Ok(Rechecked { block: Head { number, hash }, extrinsics, changes: layer.values.len() })
    }
}

#[cfg(test)]
mod tests;
