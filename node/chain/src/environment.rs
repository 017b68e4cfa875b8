//! The world as the chain sees it: what executes a runtime, what keeps bytes, and what may go wrong.
//!
//! The shells implement these traits (`quire-executor`: [`Execute`], `quire-store`: [`Store`]), so knowledge
//! points down only and the chain is tested with maps and a native runtime.
//!
//! Rules of the contract
//! - R1 [`Store::commit`] is one atomic batch. It returns only when the batch is durable (survives a power
//!   cut), and a reader sees either all of it or nothing.
//! - R2 The flat state of every finalised height from [`Store::oldest_state`] to the finalised head stays
//!   readable under its own height, also while later heights are committed. A view pins its height only by
//!   that promise; below it reads answer [`StateError::Pruned`], never a wrong value.
//! - R3 A journalled block (inserted, not yet finalised or dropped) comes back from [`Store::journal`] with
//!   its layer, byte for byte, so a restart executes nothing again.
//! - R4 [`Execute::call`] depends on nothing but its arguments: same code, state, overlay, method and
//!   arguments give the same result and overlay on every machine.
//! - R5 Every error says whose fault it is ([`Fault`]) and whether this node may go on (`is_fatal`).
//!
//! Out of scope: how bytes lie on the disk, pruning policy, caches, which Wasm engine.

use std::collections::BTreeMap;
use std::sync::Arc;

use quire_core::{BlockNumber, H256, Header, OpaqueExtrinsic, RuntimeVersion};
use quire_trie::NodePath;

use crate::layer::Layer;
use crate::overlay::Overlay;

/// Key of the runtime's Wasm code in the state.
pub const CODE_KEY: &[u8] = b":code";

/// Read access to the state after one block. Cheap to share; never changes.
pub trait StateView: Send + Sync {
    /// The value under `key`, `None` if absent.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StateError>;
    /// The lowest key strictly after `key` (lexicographic) that has a value.
    fn next_key(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StateError>;
    /// The encoding of the trie node at `path`.
    fn node(&self, path: &NodePath) -> Result<Option<Vec<u8>>, StateError>;
}

/// The Wasm code of a runtime with its blake2-256 hash; cloning is cheap.
#[derive(Clone, PartialEq, Eq)]
pub struct RuntimeCode {
    /// blake2-256 of `bytes`: the key of compiled-module caches.
    pub hash: H256,
    /// The value under [`CODE_KEY`], possibly zstd-compressed.
    pub bytes: Arc<[u8]>,
}

impl RuntimeCode {
    /// Wraps the value stored under [`CODE_KEY`] and hashes it.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        Self { hash: H256(quire_core::hash::blake2_256(bytes)), bytes: bytes.into() }
    }
}

impl core::fmt::Debug for RuntimeCode {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "RuntimeCode({:?}, {} bytes)", self.hash, self.bytes.len())
    }
}

/// Runs entry points of a runtime.
pub trait Execute: Send + Sync {
    /// Calls the exported function `method` with the SCALE-encoded `args`. Reads fall through `overlay` to
    /// `state`, writes go to `overlay`. On an error the overlay may hold half of the call's writes: the
    /// caller opens a transaction before, or throws the overlay away. On success the executor leaves no
    /// transaction open that it did not find open.
    fn call(
        &self,
        code: &RuntimeCode,
        state: &dyn StateView,
        overlay: &mut Overlay,
        method: &str,
        args: &[u8],
    ) -> Result<Vec<u8>, ExecuteError>;

    /// Makes the first call of this code as quick as later ones, without slowing calls of other code meanwhile.
    fn prepare(&self, code: &RuntimeCode) -> Result<(), ExecuteError> {
        let _ = code;
        Ok(())
    }

    /// The version that the code declares.
    fn version(&self, code: &RuntimeCode) -> Result<RuntimeVersion, ExecuteError>;
}

/// Keeps the finalised flat state with its history, blocks, and the journal of unfinalised blocks.
pub trait Store: Send + Sync {
    /// The last finalised block; `None` before the genesis commit.
    fn finalised(&self) -> Result<Option<Head>, StoreError>;
    /// The lowest finalised height whose state is still readable.
    fn oldest_state(&self) -> Result<BlockNumber, StoreError>;
    /// A value in the state after finalised block `at`.
    fn state_get(&self, at: BlockNumber, key: &[u8]) -> Result<Option<Vec<u8>>, StateError>;
    /// The lowest key strictly after `key` in the state after finalised block `at`.
    fn state_next_key(&self, at: BlockNumber, key: &[u8]) -> Result<Option<Vec<u8>>, StateError>;
    /// A trie node in the state after finalised block `at`.
    fn node_get(&self, at: BlockNumber, path: &NodePath) -> Result<Option<Vec<u8>>, StateError>;
    /// The header of any stored block, finalised or journalled.
    fn header(&self, hash: H256) -> Result<Option<Header>, StoreError>;
    /// The extrinsics of any stored block.
    fn body(&self, hash: H256) -> Result<Option<Vec<OpaqueExtrinsic>>, StoreError>;
    /// The encoded GRANDPA justification kept with a finalised block, if it was the target of one.
    fn justification(&self, hash: H256) -> Result<Option<Vec<u8>>, StoreError>;
    /// The hash of the finalised block at `number`; `None` above the finalised head.
    fn hash_by_number(&self, number: BlockNumber) -> Result<Option<H256>, StoreError>;
    /// Every block inserted and neither finalised nor dropped since, in any order.
    fn journal(&self) -> Result<Vec<Journalled>, StoreError>;
    /// A small value kept by [`Commit::meta`].
    fn meta(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;
    /// Applies `commit` atomically and returns when it is durable (R1).
    fn commit(&self, commit: Commit) -> Result<(), StoreError>;
}

/// Number and hash of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Head {
    /// Height, genesis is 0.
    pub number: BlockNumber,
    /// blake2-256 of the header with its seal.
    pub hash: H256,
}

/// One atomic, durable batch. The store applies the fields in the order in which they stand here.
#[derive(Clone, Debug, Default)]
pub struct Commit {
    /// Blocks to insert, parents before children; journalled until finalised or dropped.
    pub blocks: Vec<NewBlock>,
    /// Newly finalised blocks in ascending order without gaps: each layer is folded into the flat state
    /// under its own height, and the block leaves the journal. The blocks are in the journal or in `blocks`.
    pub finalise: Vec<Finalise>,
    /// Unfinalised blocks on forks that lost: header, body and journalled layer go.
    pub dropped: Vec<H256>,
    /// A whole state in the place of the genesis state; nothing else but `meta` comes with it.
    pub install: Option<Install>,
    /// Small values of the chain itself: `Some` sets, `None` removes.
    pub meta: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
}

/// A block with what it changed.
#[derive(Clone, Debug)]
pub struct NewBlock {
    /// Hash of `header`.
    pub hash: H256,
    /// The header, seal included.
    pub header: Arc<Header>,
    /// The extrinsics in order.
    pub body: Arc<Vec<OpaqueExtrinsic>>,
    /// Difference to the parent's state; goes to the journal (`Encode`, `Decode`).
    pub layer: Arc<Layer>,
}

/// A block that became final.
#[derive(Clone, Debug)]
pub struct Finalise {
    /// Its height: the finalised height before plus one (or 0 for the genesis block).
    pub number: BlockNumber,
    /// Its hash.
    pub hash: H256,
    /// The values and trie nodes to fold into the flat state. `None` deletes.
    pub layer: Arc<Layer>,
    /// The encoded justification, on its target only.
    pub justification: Option<Vec<u8>>,
}

/// A final block whose state was downloaded: it becomes the finalised head, and the oldest state.
#[derive(Clone, Debug)]
pub struct Install {
    /// The block; its body stays unknown.
    pub block: ProvedBlock,
    /// All values and trie nodes of its state; what else the store has of a state goes.
    pub layer: Arc<Layer>,
    /// Final blocks below it that light clients need, ascending; their bodies stay unknown.
    pub below: Vec<ProvedBlock>,
}

/// A header with why it is final.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvedBlock {
    /// Hash of `header`.
    pub hash: H256,
    /// The header, seal included.
    pub header: Arc<Header>,
    /// The encoded justification.
    pub justification: Vec<u8>,
}

/// A block as it comes back after a restart.
#[derive(Clone, Debug)]
pub struct Journalled {
    /// Hash of `header`.
    pub hash: H256,
    /// The header, seal included.
    pub header: Header,
    /// The layer as it was inserted.
    pub layer: Layer,
}

/// Whose fault an error is, so that the caller knows whom to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The author or sender of what was examined: it stays wrong for ever.
    Sender,
    /// Who asked: another argument would have worked.
    Caller,
    /// This node: its disk, memory or a defect of its software.
    Ours,
    /// Nobody: it may work later (a missing parent, a clock, finality that lags).
    Nobody,
}

/// A state could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    /// The state of this height has been pruned.
    #[error(
        "state of block {at} is pruned: the oldest kept is {oldest}; ask a node with --state-pruning archive"
    )]
    Pruned {
        /// The finalised height asked for.
        at: BlockNumber,
        /// The lowest readable height.
        oldest: BlockNumber,
    },
    /// The database failed or holds what it must not hold.
    #[error("state database failed while reading {what}: {reason}; the node must stop")]
    Backend {
        /// What was being read.
        what: String,
        /// The cause.
        reason: String,
    },
}

impl StateError {
    /// Whose fault it is.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            Self::Pruned { .. } => Fault::Caller,
            Self::Backend { .. } => Fault::Ours,
        }
    }

    /// True when the node must stop rather than go on with a broken database.
    #[must_use]
    pub fn is_fatal(&self) -> bool {
        matches!(self, Self::Backend { .. })
    }
}

/// Blocks or meta data could not be read, or a commit could not be made durable. Always fatal: a node never
/// goes on over a half-known store.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The disk is full.
    #[error(
        "no space left while writing {what}: free space on the base path and start again, nothing is lost"
    )]
    Full {
        /// What was being written.
        what: String,
    },
    /// The database failed.
    #[error("database failed at {what}: {reason}")]
    Backend {
        /// What was being done.
        what: String,
        /// The cause.
        reason: String,
    },
    /// The database holds what nothing could have written.
    #[error("database is corrupted at {what}: {reason}; restore the base path or sync again")]
    Corrupted {
        /// Which entry.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl StoreError {
    /// Always [`Fault::Ours`].
    #[must_use]
    pub fn fault(&self) -> Fault {
        Fault::Ours
    }

    /// Always true.
    #[must_use]
    pub fn is_fatal(&self) -> bool {
        true
    }
}

/// A runtime call failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExecuteError {
    /// The runtime has no such entry point. The text is what clients of Substrate recognise.
    #[error("Exported method {method} is not found")]
    MethodMissing {
        /// The name asked for.
        method: String,
    },
    /// The runtime trapped: it refused its input (a block, a call), deterministically.
    #[error("Execution failed: runtime trapped in {method}: {reason}")]
    Trapped {
        /// The entry point.
        method: String,
        /// The panic message or trap kind.
        reason: String,
    },
    /// The answer of the runtime does not decode.
    #[error("Execution failed: {method} answered something that does not decode: {reason}")]
    BadResult {
        /// The entry point.
        method: String,
        /// Why it does not decode.
        reason: String,
    },
    /// The code is no valid runtime (bad Wasm, forbidden feature, unknown import).
    #[error("runtime code {hash:?} cannot be used: {reason}")]
    BadCode {
        /// Hash of the code.
        hash: H256,
        /// What is wrong with it.
        reason: String,
    },
    /// The state under the call could not be read.
    #[error(transparent)]
    State(#[from] StateError),
    /// The engine itself failed (no memory for an instance, a broken cache file): says nothing about the
    /// call.
    #[error("executor failed in {method}: {reason}")]
    Engine {
        /// The entry point.
        method: String,
        /// The cause.
        reason: String,
    },
}

impl ExecuteError {
    /// Whose fault it is; [`Fault::Sender`] means that the same input fails everywhere for ever.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            Self::MethodMissing { .. } => Fault::Caller,
            Self::Trapped { .. } | Self::BadResult { .. } | Self::BadCode { .. } => Fault::Sender,
            Self::State(error) => error.fault(),
            Self::Engine { .. } => Fault::Ours,
        }
    }

    /// True when the node must stop.
    #[must_use]
    pub fn is_fatal(&self) -> bool {
        match self {
            Self::State(error) => error.is_fatal(),
            Self::Engine { .. } => true,
            _ => false,
        }
    }
}
