//! A block on its way into the chain. Each step consumes the one before, so nothing is checked twice or skipped.
//!
//! ```text
//!  bytes -> Received -> HeaderChecked -> Executed -> (durable) -> Imported
//!            limits      parent, slot,    runtime,                 event with tree route
//!            hash        seal, body root  state root
//! ```
//!
//! Rules
//! - R1 Cheap checks first: size, parent, number, slot, seal, extrinsics root; the runtime runs last.
//! - R2 The seal is by the author that the parent's state names for the slot.
//! - R3 State root and extrinsics root are checked by the runtime and again by the node.
//! - R4 A known block is no error of anybody ([`ImportError::Known`]); a block below the finalised head on another
//!   chain is refused for ever.
//! - R5 A block enters the tree only after it is durable.

mod recheck;

pub use recheck::{RecheckError, Rechecked};

use std::sync::Arc;

use parity_scale_codec::Encode;
use quire_consensus::equivocation::EquivocationProof;
use quire_consensus::slots::claim;
use quire_consensus::slots::verify::{SlotError, check_seal, check_slot};
use quire_core::{AuraId, Block, BlockNumber, DigestItem, H256, Header, OpaqueExtrinsic, Slot, limits};
use quire_trie::StateVersion;

use crate::author::Built;
use crate::chain::{Chain, Sets, Writer, block_node};
use crate::environment::{
    Commit, Execute, ExecuteError, Fault, Head, NewBlock, StateError, StateView, Store, StoreError,
};
use crate::layer::Layer;
use crate::overlay::{Overlay, RootError};
use crate::tree::{TreeError, TreeRoute};

/// Own blocks may fill the limits of unfinalised blocks to one over this: what is authored on other sides of a partition
/// needs room too.
const AUTHORED_SHARE: usize = 4;

/// A block that has its hash and keeps the size limits.
#[derive(Debug)]
pub struct Received {
    hash: H256,
    header: Arc<Header>,
    body: Arc<Vec<OpaqueExtrinsic>>,
}

/// A block whose header is right on top of its parent.
pub struct HeaderChecked {
    received: Received,
    slot: Slot,
    author: AuraId,
    parent: Sets,
    state: Arc<dyn StateView>,
}

/// A block that the runtime accepted, with what it changed.
#[derive(Debug)]
pub struct Executed {
    received: Received,
    slot: Slot,
    author: AuraId,
    layer: Arc<Layer>,
    sets: Sets,
}

/// A block that is durable and in the tree.
#[derive(Clone, Debug)]
pub struct Imported {
    /// Number and hash.
    pub block: Head,
    /// The header, seal included.
    pub header: Arc<Header>,
    /// The extrinsics.
    pub body: Arc<Vec<OpaqueExtrinsic>>,
    /// Who sealed it.
    pub author: AuraId,
    /// How the best head moved; `None` if this block is not the new best head.
    pub new_best: Option<TreeRoute>,
    /// The block changed the runtime.
    pub new_code: bool,
    /// Proof that the author sealed another block in the same slot.
    pub equivocation: Option<EquivocationProof>,
}

/// Why a block is not imported.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// It is in the chain.
    #[error("block {hash} is known")]
    Known {
        /// Its hash.
        hash: H256,
    },
    /// Its parent is not in the tree.
    #[error("parent {parent} of block {hash} is unknown: fetch it first")]
    UnknownParent {
        /// The block.
        hash: H256,
        /// Its parent.
        parent: H256,
    },
    /// It contradicts finality.
    #[error("block {number} {hash} is not above the finalised block {finalised}")]
    NotAboveFinalised {
        /// Its number.
        number: BlockNumber,
        /// The block.
        hash: H256,
        /// Height of the finalised head.
        finalised: BlockNumber,
    },
    /// Its number does not follow the parent's.
    #[error("block {hash} has number {found}, its parent says {expected}")]
    WrongNumber {
        /// The block.
        hash: H256,
        /// Parent's number plus one.
        expected: BlockNumber,
        /// Number in the header.
        found: BlockNumber,
    },
    /// It is too large.
    #[error(
        "block {hash} has {bytes} bytes in {extrinsics} extrinsics; limits are {bytes_max} and {extrinsics_max}",
        bytes_max = limits::MAX_BLOCK_BYTES,
        extrinsics_max = limits::MAX_BLOCK_EXTRINSICS
    )]
    TooLarge {
        /// The block.
        hash: H256,
        /// Encoded bytes.
        bytes: usize,
        /// Number of extrinsics.
        extrinsics: usize,
    },
    /// More than one seal, or a seal in the wrong place.
    #[error("block {hash} has a seal that is not its last digest entry")]
    StraySeal {
        /// The block.
        hash: H256,
    },
    /// Slot or seal are wrong.
    #[error("block {hash}: {source}")]
    Slot {
        /// The block.
        hash: H256,
        /// What is wrong.
        source: SlotError,
    },
    /// The body is not the header's.
    #[error("block {hash} claims extrinsics root {claimed}, its extrinsics give {computed}")]
    ExtrinsicsRoot {
        /// The block.
        hash: H256,
        /// Root in the header.
        claimed: H256,
        /// Root of the body.
        computed: H256,
    },
    /// The state after the block is not the header's.
    #[error("block {hash} claims state root {claimed}, executing it gives {computed}")]
    StateRoot {
        /// The block.
        hash: H256,
        /// Root in the header.
        claimed: H256,
        /// Root after execution.
        computed: H256,
    },
    /// The runtime refuses it, or could not be run.
    #[error("block {hash} was not executed: {source}")]
    Execute {
        /// The block.
        hash: H256,
        /// What happened.
        source: ExecuteError,
    },
    /// Too much is unfinalised.
    #[error("{blocks} blocks with {bytes} bytes wait for finality: no more blocks until it moves")]
    FinalityLags {
        /// Unfinalised blocks.
        blocks: usize,
        /// Bytes of their layers.
        bytes: usize,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The state could not be read.
    #[error(transparent)]
    State(#[from] StateError),
}

impl ImportError {
    /// Whose fault it is: [`Fault::Sender`] means that the block is wrong for ever.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            Self::Known { .. } | Self::UnknownParent { .. } | Self::FinalityLags { .. } => Fault::Nobody,
            Self::Slot { source, .. } if source.retry() => Fault::Nobody,
            Self::NotAboveFinalised { .. }
            | Self::WrongNumber { .. }
            | Self::TooLarge { .. }
            | Self::StraySeal { .. }
            | Self::Slot { .. }
            | Self::ExtrinsicsRoot { .. }
            | Self::StateRoot { .. } => Fault::Sender,
            Self::Execute { source, .. } => source.fault(),
            Self::Store(error) => error.fault(),
            Self::State(error) => error.fault(),
        }
    }

    /// True when the node must stop.
    #[must_use]
    pub fn is_fatal(&self) -> bool {
        match self {
            Self::Execute { source, .. } => source.is_fatal(),
            Self::Store(error) => error.is_fatal(),
            Self::State(error) => error.is_fatal(),
            _ => false,
        }
    }

    /// True when the same block may be taken later.
    #[must_use]
    pub fn retry(&self) -> bool {
        match self {
            Self::UnknownParent { .. } | Self::FinalityLags { .. } => true,
            Self::Slot { source, .. } => source.retry(),
            _ => false,
        }
    }

    /// True when the peer that sent the block should lose score.
    #[must_use]
    pub fn punish_peer(&self) -> bool {
        self.fault() == Fault::Sender
    }
}

impl Received {
    /// Takes a block and checks its size.
    pub fn new(block: Block) -> Result<Self, ImportError> {
        let hash = block.hash();
        let received = Self { hash, header: Arc::new(block.header), body: Arc::new(block.extrinsics) };
        let bytes = received.body.iter().fold(received.header.encoded_size(), |sum, extrinsic| {
            sum.saturating_add(extrinsic.encoded_bytes())
        });
        let extrinsics = received.body.len();
        if bytes > limits::MAX_BLOCK_BYTES as usize || extrinsics > limits::MAX_BLOCK_EXTRINSICS as usize {
            return Err(ImportError::TooLarge { hash, bytes, extrinsics });
        }
        Ok(received)
    }

    /// Hash of the block.
    #[must_use]
    pub fn hash(&self) -> H256 {
        self.hash
    }
}

impl<S: Store + ?Sized + 'static, E: Execute + ?Sized> Chain<S, E> {
    /// Imports a block of somebody else: checks, executes, makes durable. `now_ms` is Unix time.
    pub fn import(&self, now_ms: u64, block: Block) -> Result<Imported, ImportError> {
        let checked = self.check_header(now_ms, Received::new(block)?)?;
        let executed = self.execute(checked)?;
        self.insert(executed)
    }

    /// Imports a block that this node built, with its seal; it is not executed again.
    pub fn import_built(&self, built: Built, seal: [u8; 64]) -> Result<Imported, ImportError> {
        let header = Arc::new(claim::seal(built.header, seal));
        let received = Received { hash: header.hash(), header, body: built.body };
        let wrong = |source| ImportError::Slot { hash: received.hash, source };
        let author = check_seal(&received.header, built.slot, &built.parent.aura).map_err(wrong)?;
        self.complete(received, built.slot, author, &built.parent, Arc::new(built.layer))
            .and_then(|executed| self.insert_within(executed, AUTHORED_SHARE))
    }

    /// First step: everything that the header says, and that the body is its own.
    pub fn check_header(&self, now_ms: u64, received: Received) -> Result<HeaderChecked, ImportError> {
        let (hash, header) = (received.hash, &received.header);
        if self.is_known(hash)? {
            return Err(ImportError::Known { hash });
        }
        let (parent, parent_slot) = self.find_parent(hash, header)?;
        let view = self.view_over(header.parent_hash, None);
        let view = view.ok_or(ImportError::UnknownParent { hash, parent: header.parent_hash })?;
        check_on(now_ms, received, parent, parent_slot, Arc::new(view))
    }

    /// Second step: the runtime executes the block, and its changes give the state root of the header.
    pub fn execute(&self, checked: HeaderChecked) -> Result<Executed, ImportError> {
        let layer = self.run(&checked)?;
        let HeaderChecked { received, slot, author, parent, .. } = checked;
        self.complete(received, slot, author, &parent, Arc::new(layer))
    }

    /// What the block changes (R3).
    fn run(&self, checked: &HeaderChecked) -> Result<Layer, ImportError> {
        let HeaderChecked { received, parent, state, .. } = checked;
        let hash = received.hash;
        let mut overlay = Overlay::new();
        // The encoding of a block without copying its body into one first.
        let mut args = received.header.without_seal().encode();
        received.body.encode_to(&mut args);
        self.executor
            .call(&parent.code, &**state, &mut overlay, "Core_execute_block", &args)
            .map_err(|source| ImportError::Execute { hash, source })?;
        let (computed, layer) = overlay
            .into_layer(&**state, StateVersion::V1)
            .map_err(|error: RootError| ImportError::State(error.into()))?;
        if computed != received.header.state_root {
            return Err(ImportError::StateRoot { hash, claimed: received.header.state_root, computed });
        }
        Ok(layer)
    }

    /// Third step: one durable commit, then the block is in the tree.
    pub fn insert(&self, executed: Executed) -> Result<Imported, ImportError> {
        self.insert_within(executed, 1)
    }

    fn insert_within(&self, executed: Executed, share: usize) -> Result<Imported, ImportError> {
        let Executed { received, slot, author, layer, sets } = executed;
        let Received { hash, header, body } = received;
        let mut writer = self.writer();
        let mut node = block_node(hash, header.clone(), layer.clone(), sets);
        self.close_group(&mut node);
        let new_code = {
            let tree = self.tree();
            tree.check(&node).map_err(|error| self.tree_error(error, hash, &header))?;
            self.check_room(&tree, node.data.layer_bytes, share)?;
            tree.get(node.parent).is_none_or(|parent| parent.data.sets.code.hash != node.data.sets.code.hash)
        };
        let block = NewBlock { hash, header: header.clone(), body: body.clone(), layer };
        self.durable(Commit { blocks: vec![block], ..Commit::default() }, None)?;
        let head = node.head();
        let new_best = self.tree_mut().insert(node).map_err(|error| self.tree_error(error, hash, &header))?;
        let Writer { equivocations } = &mut *writer;
        let equivocation = equivocations.note(slot, author, hash, &header);
        Ok(Imported { block: head, header, body, author, new_best, new_code, equivocation })
    }

    fn complete(
        &self,
        received: Received,
        slot: Slot,
        author: AuraId,
        parent: &Sets,
        layer: Arc<Layer>,
    ) -> Result<Executed, ImportError> {
        let (hash, parent_hash) = (received.hash, received.header.parent_hash);
        let view = self.view_over(parent_hash, Some(layer.clone()));
        let view = view.ok_or(ImportError::UnknownParent { hash, parent: parent_hash })?;
        let sets = self
            .sets_after(parent, &received.header, &layer, &view)
            .map_err(|source| ImportError::Execute { hash, source })?;
        Ok(Executed { received, slot, author, layer, sets })
    }

    fn find_parent(&self, hash: H256, header: &Header) -> Result<(Sets, Option<Slot>), ImportError> {
        let tree = self.tree();
        let finalised = tree.root().number;
        if header.number <= finalised {
            return Err(ImportError::NotAboveFinalised { number: header.number, hash, finalised });
        }
        let parent = tree.get(header.parent_hash);
        let parent = parent.ok_or(ImportError::UnknownParent { hash, parent: header.parent_hash })?;
        let expected = parent.number.saturating_add(1);
        if header.number != expected {
            return Err(ImportError::WrongNumber { hash, expected, found: header.number });
        }
        Ok((parent.data.sets.clone(), (parent.number > 0).then_some(parent.slot)))
    }

    fn check_room(
        &self,
        tree: &crate::tree::Tree<crate::chain::BlockData>,
        layer_bytes: usize,
        share: usize,
    ) -> Result<(), ImportError> {
        let blocks_max = self.config.unfinalised_blocks_max / share;
        let bytes_max = self.config.unfinalised_bytes_max / share;
        let blocks = tree.len();
        let bytes = tree.iter().fold(layer_bytes, |sum, node| sum.saturating_add(node.data.layer_bytes));
        // The first block above the finalised one always has room, or a huge block could stop the chain.
        if blocks > 0 && (blocks >= blocks_max || bytes > bytes_max) {
            return Err(ImportError::FinalityLags { blocks, bytes });
        }
        Ok(())
    }

    fn tree_error(&self, error: TreeError, hash: H256, header: &Header) -> ImportError {
        match error {
            TreeError::Known => ImportError::Known { hash },
            TreeError::UnknownParent => ImportError::UnknownParent { hash, parent: header.parent_hash },
            TreeError::WrongNumber => ImportError::WrongNumber {
                hash,
                expected: header.number.saturating_add(1),
                found: header.number,
            },
        }
    }
}

/// Seal, slot and body of a block on the state of its parent (R1, R2).
fn check_on(
    now_ms: u64,
    received: Received,
    parent: Sets,
    parent_slot: Option<Slot>,
    state: Arc<dyn StateView>,
) -> Result<HeaderChecked, ImportError> {
    let (hash, header) = (received.hash, &received.header);
    let seals = header.digest.logs.iter().filter(|item| matches!(item, DigestItem::Seal(..))).count();
    if seals > 1 {
        return Err(ImportError::StraySeal { hash });
    }
    let wrong = |source| ImportError::Slot { hash, source };
    let slot = check_slot(header, parent_slot, &parent.aura, now_ms).map_err(wrong)?;
    let author = check_seal(header, slot, &parent.aura).map_err(wrong)?;
    let computed = extrinsics_root(&received.body);
    if computed != header.extrinsics_root {
        return Err(ImportError::ExtrinsicsRoot { hash, claimed: header.extrinsics_root, computed });
    }
    Ok(HeaderChecked { slot, author, parent, state, received })
}

/// Root of the extrinsics as Substrate computes it: trie version 0 over the length-prefixed encodings.
pub(crate) fn extrinsics_root(body: &[OpaqueExtrinsic]) -> H256 {
    let encoded: Vec<Vec<u8>> = body.iter().map(Encode::encode).collect();
    quire_trie::ordered_root(StateVersion::V0, &encoded)
}

#[cfg(test)]
mod tests;
