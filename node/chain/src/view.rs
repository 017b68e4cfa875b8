//! The state after an unfinalised block: its layers over the finalised state at a pinned height.
//!
//! ```text
//!   newest  layer layer layer [ 32 layers with one index ] [ 32 layers with one index ]  finalised state at `base`
//! ```
//!
//! Rules
//! - R1 The newest layer that knows a key or node decides; a deletion there hides everything below.
//! - R2 The view holds its layers and its base height for life, so a finalisation that runs meanwhile changes nothing
//!   that it answers.
//! - R3 While finality lags, a read costs a search in one index per [`GROUP_BLOCKS`] layers, not one per layer. The
//!   index holds hashes of keys and no values; a collision costs a look into one layer more.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use quire_core::BlockNumber;
use quire_core::hash::twox_64;
use quire_trie::NodePath;

use crate::environment::{StateError, StateView, Store};
use crate::layer::Layer;

/// Layers that share an index. A block whose number is a multiple of it closes a group.
pub(crate) const GROUP_BLOCKS: u32 = 32;

/// Layers, newest first, over the finalised state at `base`.
pub(crate) struct View<S: ?Sized> {
    pub(crate) store: Arc<S>,
    pub(crate) base: BlockNumber,
    pub(crate) groups: Vec<Group>,
}

/// Consecutive layers of a view.
#[derive(Clone, Debug)]
pub(crate) enum Group {
    /// One layer.
    Single(Arc<Layer>),
    /// [`GROUP_BLOCKS`] layers with an index.
    Indexed(Arc<Index>),
}

/// Which of some layers know a key or a node.
#[derive(Debug)]
pub(crate) struct Index {
    /// Newest first.
    layers: Vec<Arc<Layer>>,
    /// Hashes of keys with the places of the layers that know them, sorted, newest first per hash.
    values: Vec<(u64, u16)>,
    nodes: Vec<(u64, u16)>,
}

impl Index {
    /// Indexes layers that are given newest first.
    pub(crate) fn new(layers: Vec<Arc<Layer>>) -> Self {
        let (mut values, mut nodes) = (Vec::new(), Vec::new());
        for (place, layer) in (0u16..).zip(&layers) {
            values.extend(layer.values.keys().map(|key| (hash(key), place)));
            nodes.extend(layer.nodes.keys().map(|path| (hash(path.as_bytes()), place)));
        }
        values.sort_unstable();
        nodes.sort_unstable();
        Self { layers, values, nodes }
    }

    /// Bytes that the index takes beside its layers.
    pub(crate) fn size_bytes(&self) -> usize {
        (self.values.len() + self.nodes.len()) * size_of::<(u64, u16)>()
    }

    fn find<'a, T>(
        &'a self,
        index: &'a [(u64, u16)],
        hash: u64,
        look: impl Fn(&'a Layer) -> Option<T>,
    ) -> Option<T> {
        let start = index.partition_point(|(known, _)| *known < hash);
        let same = index[start..].iter().take_while(|(known, _)| *known == hash);
        same.filter_map(|(_, place)| self.layers.get(usize::from(*place))).find_map(|layer| look(layer))
    }
}

fn hash(key: &[u8]) -> u64 {
    u64::from_le_bytes(twox_64(key))
}

impl Group {
    fn value(&self, key: &[u8]) -> Option<&Option<Vec<u8>>> {
        match self {
            Self::Single(layer) => layer.values.get(key),
            Self::Indexed(index) => index.find(&index.values, hash(key), |layer| layer.values.get(key)),
        }
    }

    fn node(&self, path: &NodePath) -> Option<&Option<Vec<u8>>> {
        match self {
            Self::Single(layer) => layer.nodes.get(path),
            Self::Indexed(index) => {
                index.find(&index.nodes, hash(path.as_bytes()), |layer| layer.nodes.get(path))
            }
        }
    }

    fn layers(&self) -> &[Arc<Layer>] {
        match self {
            Self::Single(layer) => std::slice::from_ref(layer),
            Self::Indexed(index) => &index.layers,
        }
    }
}

impl<S: Store + ?Sized> StateView for View<S> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StateError> {
        match self.groups.iter().find_map(|group| group.value(key)) {
            Some(value) => Ok(value.clone()),
            None => self.store.state_get(self.base, key),
        }
    }

    fn next_key(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StateError> {
        let mut at = key.to_vec();
        let mut below = self.store.state_next_key(self.base, key)?;
        loop {
            let Some((next, has_value)) = self.next_above(&at) else { return Ok(below) };
            if below.as_ref().is_some_and(|below| below < next) {
                return Ok(below);
            }
            if has_value {
                return Ok(Some(next.clone()));
            }
            if below.as_ref() == Some(next) {
                below = self.store.state_next_key(self.base, next)?;
            }
            at.clone_from(next);
        }
    }

    fn node(&self, path: &NodePath) -> Result<Option<Vec<u8>>, StateError> {
        match self.groups.iter().find_map(|group| group.node(path)) {
            Some(node) => Ok(node.clone()),
            None => self.store.node_get(self.base, path),
        }
    }
}

impl<S: ?Sized> View<S> {
    /// The lowest key after `at` that any layer knows, and whether it has a value.
    fn next_above(&self, at: &[u8]) -> Option<(&Vec<u8>, bool)> {
        let mut lowest: Option<(&Vec<u8>, bool)> = None;
        for layer in self.groups.iter().flat_map(Group::layers) {
            let Some((key, value)) = first_after(&layer.values, at) else { continue };
            // Layers come newest first: at the same key the first one found decides.
            if lowest.is_none_or(|(known, _)| key < known) {
                lowest = Some((key, value.is_some()));
            }
        }
        lowest
    }
}

fn first_after<'a>(
    values: &'a BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    at: &[u8],
) -> Option<(&'a Vec<u8>, &'a Option<Vec<u8>>)> {
    values.range::<[u8], _>((Bound::Excluded(at), Bound::Unbounded)).next()
}

#[cfg(test)]
mod tests;
