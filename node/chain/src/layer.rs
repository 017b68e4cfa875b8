//! The difference between a block's state and its parent's: values and trie nodes.
//!
//! A layer is immutable once made and shared by `Arc`. It is journalled as one SCALE value, so that a restart
//! brings unfinalised blocks back without executing them; the first byte is the format's version.

use std::collections::BTreeMap;

use parity_scale_codec::{Decode, Encode, Error, Input, Output};
use quire_trie::{NodeChanges, NodePath};

/// Version byte of the journalled form.
const FORMAT: u8 = 1;

/// What one block changed. `None` means deleted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layer {
    /// Flat state: key to new value.
    pub values: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    /// State trie: path to new node encoding.
    pub nodes: NodeChanges,
}

impl Layer {
    /// Approximate size in memory in bytes: contents plus a fixed share per entry. Counted against
    /// [`crate::Config::unfinalised_bytes_max`].
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        const ENTRY_BYTES: usize = 64;
        let values: usize =
            self.values.iter().map(|(key, value)| ENTRY_BYTES + key.len() + value.as_ref().map_or(0, Vec::len)).sum();
        let nodes: usize =
            self.nodes.values().map(|node| 2 * ENTRY_BYTES + node.as_ref().map_or(0, Vec::len)).sum();
        values + nodes
    }
}
