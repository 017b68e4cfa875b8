//! The state trie: base-16 Patricia over blake2-256 with Substrate's node layout, kept up incrementally.
//!
//! Terms. A *nibble* is half a byte. A node's *position* ([`NodePath`]) is the nibble path by which its parent reaches
//! it: the parent's full path and the child's nibble; the root has the empty position. A node's *partial key* follows
//! its position; both together are its full path. A node's *Merkle value* is its encoding if that is shorter than 32
//! bytes, else the encoding's blake2-256.
//!
//! R1. A node exists where a key ends or where at least two keys part; nothing else. No node has one child and no value.
//! R2. The root is always hashed; the empty trie's root is blake2-256 of the byte `00` ([`EMPTY_ROOT`]).
//! R3. Under state version 1 a value of 33 bytes or more stands in its node as its hash; the value itself is only in
//!     the flat state, and a separate item of a proof. Nodes written under version 0 stay readable and keep their
//!     values until these are written again.
//! R4. Every node has its row under its position, the ones embedded in their parents too, so that a node is found by
//!     one lookup and overwritten in place.
//! R5. [`update`] visits only nodes on the paths of changed keys, and the one sibling that a deletion leaves alone; it
//!     reads each once (a left-alone sibling perhaps again), and hashes each node that it writes once.
//! R6. Nothing here recurses, panics on bytes, or allocates by a number that it read.
//!
//! Out of scope: where rows are stored (`node/store`), child tries (Quire has none).
#![no_std]

extern crate alloc;

mod closest;
pub mod compact;
mod diff;
mod node;
mod path;
mod proof;
mod range;
mod root;
mod update;

#[cfg(test)]
mod tests;

pub use closest::closest_merkle_value;
pub use diff::Diff;
pub use node::{MAX_INLINE_VALUE_BYTES, NodeError, NodeRef, ValueRef};
pub use path::NodePath;
pub use proof::{Proof, ProofError, prove, verify_proof};
pub use range::{ProvedRange, Range, prove_range, read_range};
pub use root::{ordered_root, root};
pub use update::update;

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::convert::Infallible;
use quire_core::H256;

/// Root of a trie without keys: blake2-256 of the byte `00`.
pub const EMPTY_ROOT: H256 = H256([
    0x03, 0x17, 0x0a, 0x2e, 0x75, 0x97, 0xb7, 0xb7, 0xe3, 0xd8, 0x4c, 0x05, 0x39, 0x1d, 0x13, 0x9a, 0x62,
    0xb1, 0x57, 0xe7, 0x87, 0x86, 0xd8, 0xc0, 0x82, 0xf2, 0x9d, 0xcf, 0x4c, 0x11, 0x13, 0x14,
]);

/// How values stand in their nodes (R3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StateVersion {
    /// All values stand in their nodes; the layout of the extrinsics root.
    V0,
    /// Values of 33 bytes and more stand there as hashes; the layout of the state.
    V1,
}

impl StateVersion {
    /// The version that a `system_version` of a runtime, or a host function's argument, names.
    pub const fn from_number(number: u8) -> Option<StateVersion> {
        match number {
            0 => Some(StateVersion::V0),
            1 => Some(StateVersion::V1),
            _ => None,
        }
    }
}

/// Rows of nodes by position.
pub trait NodeReader {
    /// A failure to read.
    type Error;

    /// The encoding of the node at a position; none when there is no node.
    ///
    /// # Errors
    /// When the row cannot be read.
    fn node(&self, path: &NodePath) -> Result<Option<Vec<u8>>, Self::Error>;
}

impl<R: NodeReader + ?Sized> NodeReader for &R {
    type Error = R::Error;

    fn node(&self, path: &NodePath) -> Result<Option<Vec<u8>>, Self::Error> {
        (**self).node(path)
    }
}

/// Nodes in memory: tests, genesis.
impl NodeReader for BTreeMap<NodePath, Vec<u8>> {
    type Error = Infallible;

    fn node(&self, path: &NodePath) -> Result<Option<Vec<u8>>, Infallible> {
        Ok(self.get(path).cloned())
    }
}

/// A trie without nodes, to build the first one from.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoNodes;

impl NodeReader for NoNodes {
    type Error = Infallible;

    fn node(&self, _path: &NodePath) -> Result<Option<Vec<u8>>, Infallible> {
        Ok(None)
    }
}

/// Rows that an update writes (`Some`) and removes (`None`).
pub type NodeChanges = BTreeMap<NodePath, Option<Vec<u8>>>;

/// Why the trie cannot be read. Nothing here is the user's fault: the rows do not fit the state.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrieError<E> {
    /// The rows cannot be read.
    #[error("cannot read trie nodes: {0}")]
    Read(E),
    /// A parent names a child whose row is missing.
    #[error(
        "trie node at {path:?} is missing: the store lost it, restore the database from a copy or sync again"
    )]
    Missing {
        /// Position of the node.
        path: NodePath,
    },
    /// A row is no node.
    #[error("trie node at {path:?} is corrupt ({error}): restore the database from a copy or sync again")]
    Corrupt {
        /// Position of the node.
        path: NodePath,
        /// What is wrong with it.
        error: NodeError,
    },
    /// The flat state lacks a value that the trie has.
    #[error("the value under key 0x{} is in the trie but not in the state", hex::encode(key))]
    MissingValue {
        /// The key.
        key: Vec<u8>,
    },
}
