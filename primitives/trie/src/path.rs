//! Positions of nodes, as keys of database rows.
//!
//! R1. The byte form packs two nibbles a byte, high one first. An odd path ends in a byte whose low nibble is 0; an
//!     even path ends in an extra byte `0f`. So the low nibble of the last byte tells the parity, and no two paths
//!     have one form.
//! R2. Paths are ordered as their byte forms, so that a map of changes is already in the order of database keys.

use alloc::vec::Vec;
use core::fmt;
use parity_scale_codec::{Decode, Encode, Error, Input};
use quire_core::codec::decode_bytes;
use quire_core::limits::MAX_STORAGE_KEY_BYTES;

const EVEN_END: u8 = 0x0f;

/// Position of a node: the nibbles by which its parent reaches it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Encode)]
pub struct NodePath(Vec<u8>);

impl NodePath {
    /// The position of the root.
    pub fn root() -> Self {
        NodePath::from_nibbles(&[])
    }

    /// A path of nibbles, one a byte; only the low four bits of each count.
    pub fn from_nibbles(nibbles: &[u8]) -> Self {
        let mut path = NodePath(Vec::with_capacity(nibbles.len() / 2 + 1));
        path.set(nibbles);
        path
    }

    /// Overwrites the path in place.
    pub(crate) fn set(&mut self, nibbles: &[u8]) {
        self.0.clear();
        let pairs = nibbles.chunks_exact(2);
        let last = pairs.remainder().first().map_or(EVEN_END, |nibble| nibble << 4);
        self.0.extend(pairs.map(|pair| pair[0] << 4 | (pair[1] & 0x0f)));
        self.0.push(last);
    }

    /// Reads the byte form.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        match bytes.last()? {
            last if last & 0x0f == 0 || *last == EVEN_END => Some(NodePath(bytes.to_vec())),
            _ => None,
        }
    }

    /// The byte form, the key of the node's row.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// How many nibbles.
    pub fn len(&self) -> usize {
        let odd = self.0.last().is_some_and(|last| *last != EVEN_END);
        (self.0.len().saturating_sub(1)) * 2 + usize::from(odd)
    }

    /// Whether it is the root's position.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The nibbles, one a byte.
    pub fn nibbles(&self) -> impl Iterator<Item = u8> + '_ {
        (0..self.len()).map(|at| {
            let byte = self.0[at / 2];
            if at % 2 == 0 { byte >> 4 } else { byte & 0x0f }
        })
    }
}

impl Default for NodePath {
    fn default() -> Self {
        NodePath::root()
    }
}

impl fmt::Debug for NodePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("/")?;
        for nibble in self.nibbles() {
            write!(f, "{nibble:x}")?;
        }
        Ok(())
    }
}

impl fmt::Display for NodePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl Decode for NodePath {
    fn decode<I: Input>(input: &mut I) -> Result<Self, Error> {
        let bytes = decode_bytes(input, MAX_STORAGE_KEY_BYTES + 1, "NodePath")?;
        match bytes.last() {
            Some(last) if last & 0x0f == 0 || *last == EVEN_END => Ok(NodePath(bytes)),
            _ => Err("no path of a trie node".into()),
        }
    }
}

/// Appends the nibbles of `bytes`, one a byte.
pub(crate) fn push_nibbles(bytes: &[u8], nibbles: &mut Vec<u8>) {
    nibbles.reserve(bytes.len() * 2);
    nibbles.extend(bytes.iter().flat_map(|byte| [byte >> 4, byte & 0x0f]));
}
