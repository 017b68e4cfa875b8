//! The difference between a block's state and its parent's: values and trie nodes.
//!
//! A layer is immutable once made and shared by `Arc`. It is journalled as one SCALE value, so that a restart
//! brings unfinalised blocks back without executing them; the first byte is the format's version.

use std::collections::BTreeMap;

use parity_scale_codec::{Compact, Decode, Encode, Error, Input, Output};
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
        let values: usize = self
            .values
            .iter()
            .map(|(key, value)| ENTRY_BYTES + key.len() + value.as_ref().map_or(0, Vec::len))
            .sum();
        let nodes: usize =
            self.nodes.values().map(|node| 2 * ENTRY_BYTES + node.as_ref().map_or(0, Vec::len)).sum();
        values + nodes
    }
}

impl Encode for Layer {
    fn encode_to<T: Output + ?Sized>(&self, dest: &mut T) {
        dest.push_byte(FORMAT);
        self.values.encode_to(dest);
        encode_count(self.nodes.len(), dest);
        for (path, node) in &self.nodes {
            path.as_bytes().encode_to(dest);
            node.encode_to(dest);
        }
    }
}

/// Decodes what the node itself journalled. Counts are not trusted: memory follows the bytes that are there.
impl Decode for Layer {
    fn decode<I: Input>(input: &mut I) -> Result<Self, Error> {
        if input.read_byte()? != FORMAT {
            return Err("layer has an unknown format".into());
        }
        let values = BTreeMap::decode(input)?;
        let mut nodes = NodeChanges::new();
        for _ in 0..Compact::<u32>::decode(input)?.0 {
            let path = Vec::<u8>::decode(input)?;
            let path = NodePath::from_bytes(&path).ok_or("layer has a bad node path")?;
            nodes.insert(path, Option::<Vec<u8>>::decode(input)?);
        }
        Ok(Self { values, nodes })
    }
}

/// The number of nodes as a compact u32. More than 2^32 entries do not fit the memory limits of a layer.
fn encode_count<T: Output + ?Sized>(count: usize, dest: &mut T) {
    Compact(u32::try_from(count).unwrap_or(u32::MAX)).encode_to(dest);
}
