//! Questions to the chain: heads, blocks, states, runtime calls.
//!
//! Rules
//! - R1 A state of an unfinalised block and of every finalised block that is not pruned can be read; an unknown block
//!   and a pruned state are different errors.
//! - R2 A call leaves nothing behind.
//! - R3 A block runs with the code in its own state.
//! - R4 A block of a fork that lost answers reads of its state for a while, and nothing else; [`Chain::dropped`] has
//!   its header and body.

use std::sync::Arc;

use parity_scale_codec::Encode;
use quire_consensus::{AuraSet, VoterSet};
use quire_core::{
    BlockNumber, H256, Header, OpaqueExtrinsic, RuntimeVersion, Slot, TransactionSource, TransactionValidity,
    codec, limits,
};

use crate::chain::{Chain, bad_result};
use crate::environment::{
    CODE_KEY, Execute, ExecuteError, Fault, Head, RuntimeCode, StateError, StateView, Store, StoreError,
};
use crate::overlay::Overlay;
use crate::tree::TreeRoute;
use crate::view::View;

/// Why a question has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// No such block.
    #[error("UnknownBlock: no block {hash} in this chain")]
    UnknownBlock {
        /// The hash asked for.
        hash: H256,
    },
    /// The state is pruned or unreadable.
    #[error(transparent)]
    State(#[from] StateError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The runtime refused, failed, or lacks the method.
    #[error(transparent)]
    Execute(#[from] ExecuteError),
}

impl QueryError {
    /// Whose fault it is.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            Self::UnknownBlock { .. } => Fault::Caller,
            Self::State(error) => error.fault(),
            Self::Store(error) => error.fault(),
            Self::Execute(error) => error.fault(),
        }
    }

    /// True when the node must stop.
    #[must_use]
    pub fn is_fatal(&self) -> bool {
        match self {
            Self::UnknownBlock { .. } => false,
            Self::State(error) => error.is_fatal(),
            Self::Store(error) => error.is_fatal(),
            Self::Execute(error) => error.is_fatal(),
        }
    }
}

/// Sizes of what waits for finality.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unfinalised {
    /// Blocks.
    pub blocks: usize,
    /// Bytes of their layers.
    pub bytes: usize,
    /// Heads of forks.
    pub leaves: usize,
}

/// The tree at one instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeSnapshot {
    /// The last finalised block.
    pub finalised: Head,
    /// The best head.
    pub best: Head,
    /// The blocks above the finalised one, parents before children.
    pub blocks: Vec<WaitingBlock>,
}

/// A block that waits for finality.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitingBlock {
    /// Number and hash.
    pub head: Head,
    /// Hash of its parent.
    pub parent: H256,
    /// Whether its children run other code than itself.
    pub changes_code: bool,
}

impl<S: Store + ?Sized + 'static, E: Execute + ?Sized> Chain<S, E> {
    /// The tree as it is now.
    #[must_use]
    pub fn snapshot(&self) -> TreeSnapshot {
        let tree = self.tree();
        let waiting = |node: &crate::tree::Node<crate::chain::BlockData>| WaitingBlock {
            head: node.head(),
            parent: node.parent,
            changes_code: tree
                .get(node.parent)
                .is_some_and(|parent| parent.data.sets.code.hash != node.data.sets.code.hash),
        };
        let mut blocks: Vec<WaitingBlock> = tree.iter().map(waiting).collect();
        blocks.sort_by_key(|block| block.head);
        TreeSnapshot { finalised: tree.root().head(), best: tree.best().head(), blocks }
    }

    /// The hashes of the blocks above the finalised one with this number, ascending.
    #[must_use]
    pub fn waiting_at(&self, number: BlockNumber) -> Vec<H256> {
        let tree = self.tree();
        tree.iter().filter(|node| node.number == number).map(|node| node.hash).collect()
    }

    /// R4: header and body of a block whose fork lost lately.
    #[must_use]
    pub fn dropped(&self, hash: H256) -> Option<(Arc<Header>, Arc<Vec<OpaqueExtrinsic>>)> {
        let block = self.dropped_blocks().get(hash)?;
        Some((block.header.clone(), block.body.clone()))
    }

    /// The best head.
    #[must_use]
    pub fn best(&self) -> Head {
        self.tree().best().head()
    }

    /// The last finalised block.
    #[must_use]
    pub fn finalised(&self) -> Head {
        self.tree().root().head()
    }

    /// Header of the best head.
    #[must_use]
    pub fn best_header(&self) -> Arc<Header> {
        self.tree().best().data.header.clone()
    }

    /// Slot of the best head; 0 for the genesis block.
    #[must_use]
    pub fn best_slot(&self) -> Slot {
        self.tree().best().slot
    }

    /// Heads without children.
    #[must_use]
    pub fn leaves(&self) -> Vec<Head> {
        self.tree().leaves()
    }

    /// Sizes of what waits for finality.
    #[must_use]
    pub fn unfinalised(&self) -> Unfinalised {
        let tree = self.tree();
        let bytes = tree.iter().map(|node| node.data.layer_bytes).sum();
        Unfinalised { blocks: tree.len(), bytes, leaves: tree.leaves().len() }
    }

    /// True if the block is in the tree or in the store.
    pub fn is_known(&self, hash: H256) -> Result<bool, StoreError> {
        Ok(self.tree().get(hash).is_some() || self.store.header(hash)?.is_some())
    }

    /// A header, finalised or not.
    pub fn header(&self, hash: H256) -> Result<Option<Arc<Header>>, StoreError> {
        let known = self.tree().get(hash).map(|node| node.data.header.clone());
        match known {
            Some(header) => Ok(Some(header)),
            None => Ok(self.store.header(hash)?.map(Arc::new)),
        }
    }

    /// The extrinsics of a block.
    pub fn body(&self, hash: H256) -> Result<Option<Vec<OpaqueExtrinsic>>, StoreError> {
        self.store.body(hash)
    }

    /// The encoded justification of a finalised block, if it was the target of one.
    pub fn justification(&self, hash: H256) -> Result<Option<Vec<u8>>, StoreError> {
        self.store.justification(hash)
    }

    /// The block of the best chain at `number`.
    pub fn hash_by_number(&self, number: BlockNumber) -> Result<Option<H256>, StoreError> {
        let (in_tree, finalised) = {
            let tree = self.tree();
            (tree.best_at(number), tree.root().number)
        };
        if in_tree.is_some() || number > finalised { Ok(in_tree) } else { self.store.hash_by_number(number) }
    }

    /// True if the block is final.
    pub fn is_finalised(&self, hash: H256) -> Result<bool, StoreError> {
        if self.tree().root().hash == hash {
            return Ok(true);
        }
        match self.store.header(hash)? {
            Some(header) => Ok(self.store.hash_by_number(header.number)? == Some(hash)),
            None => Ok(false),
        }
    }

    /// The way between two blocks that are not below the finalised head.
    #[must_use]
    pub fn tree_route(&self, from: H256, to: H256) -> Option<TreeRoute> {
        self.tree().route(from, to)
    }

    /// The state after a block.
    pub fn state_at(&self, hash: H256) -> Result<Arc<dyn StateView>, QueryError> {
        Ok(Arc::new(self.view_at(hash)?))
    }

    /// The runtime code in the state after a block: what executes its children and the calls at it.
    pub fn code_at(&self, hash: H256) -> Result<RuntimeCode, QueryError> {
        match self.tree_code(hash) {
            Some(code) => Ok(code),
            None => self.code_of(&self.view_at(hash)?),
        }
    }

    /// The Aura authorities after a block of the tree: those who author its children.
    #[must_use]
    pub fn aura_set(&self, hash: H256) -> Option<Arc<AuraSet>> {
        self.tree().get(hash).map(|node| node.data.sets.aura.clone())
    }

    /// The GRANDPA authorities after a block of the tree: those who finalise its children.
    #[must_use]
    pub fn voter_set(&self, hash: H256) -> Option<Arc<VoterSet>> {
        self.tree().get(hash).map(|node| node.data.sets.voters.clone())
    }

    /// Calls the runtime on the state after a block and throws its writes away.
    pub fn call(&self, hash: H256, method: &str, args: &[u8]) -> Result<Vec<u8>, QueryError> {
        let view = self.view_at(hash)?;
        let code = match self.tree_code(hash) {
            Some(code) => code,
            None => self.code_of(&view)?,
        };
        Ok(self.executor.call(&code, &view, &mut Overlay::new(), method, args)?)
    }

    /// The version of the runtime in the state after a block.
    pub fn runtime_version(&self, hash: H256) -> Result<RuntimeVersion, QueryError> {
        Ok(self.executor.version(&self.code_at(hash)?)?)
    }

    /// Validates transactions for the pool on the state after a block: one answer for each, in order.
    pub fn validate(
        &self,
        at: H256,
        source: TransactionSource,
        transactions: &[Arc<OpaqueExtrinsic>],
    ) -> Result<Vec<TransactionValidity>, QueryError> {
        const METHOD: &str = "QuirePool_validate_transactions";
        let mut args = source.encode();
        transactions.encode_to(&mut args);
        at.encode_to(&mut args);
        let answer = self.call(at, METHOD, &args)?;
        let answers: Vec<TransactionValidity> =
            codec::decode_vec(&mut answer.as_slice(), limits::MAX_BLOCK_EXTRINSICS, METHOD)
                .map_err(|error| bad_result(METHOD, &error.to_string()))?;
        if answers.len() == transactions.len() {
            return Ok(answers);
        }
        let reason = format!("{} answers to {} transactions", answers.len(), transactions.len());
        Err(bad_result(METHOD, &reason).into())
    }

    fn tree_code(&self, hash: H256) -> Option<RuntimeCode> {
        let known = self.tree().get(hash).map(|node| node.data.sets.code.clone());
        known.or_else(|| self.dropped_blocks().get(hash).map(|block| block.code.clone()))
    }

    pub(crate) fn view_at(&self, hash: H256) -> Result<View<S>, QueryError> {
        if let Some(view) = self.view_over(hash, None) {
            return Ok(view);
        }
        if let Some(lost) = self.dropped_blocks().get(hash) {
            return Ok(View { store: self.store.clone(), base: lost.base, groups: lost.groups.clone() });
        }
        let header = self.store.header(hash)?.ok_or(QueryError::UnknownBlock { hash })?;
        let at = header.number;
        if self.store.hash_by_number(at)? != Some(hash) {
            return Err(QueryError::UnknownBlock { hash });
        }
        let oldest = self.store.oldest_state()?;
        if at < oldest {
            return Err(StateError::Pruned { at, oldest }.into());
        }
        Ok(View { store: self.store.clone(), base: at, groups: Vec::new() })
    }

    /// The code of a finalised state; the head's is at hand, older ones are read.
    fn code_of(&self, view: &View<S>) -> Result<RuntimeCode, QueryError> {
        let (head, head_code) = {
            let tree = self.tree();
            (tree.root().number, tree.root().data.sets.code.clone())
        };
        if (self.code_since()..=head).contains(&view.base) {
            return Ok(head_code);
        }
        let code = view.get(CODE_KEY)?.ok_or_else(|| StoreError::Corrupted {
            what: format!("state of block {}", view.base),
            reason: "it has no :code".into(),
        })?;
        Ok(RuntimeCode::new(&code))
    }
}
