//! The state after an unfinalised block: its layers over the finalised state at a pinned height.
//!
//! Rules
//! - R1 The newest layer that knows a key or node decides; a deletion there hides everything below.
//! - R2 The view holds its layers and its base height for life, so a finalisation that runs meanwhile changes nothing
//!   that it answers.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use quire_core::BlockNumber;
use quire_trie::NodePath;

use crate::environment::{StateError, StateView, Store};
use crate::layer::Layer;

/// Layers, newest first, over the finalised state at `base`.
pub(crate) struct View<S: ?Sized> {
    pub(crate) store: Arc<S>,
    pub(crate) base: BlockNumber,
    pub(crate) layers: Vec<Arc<Layer>>,
}

impl<S: Store + ?Sized> StateView for View<S> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StateError> {
        match self.layers.iter().find_map(|layer| layer.values.get(key)) {
            Some(value) => Ok(value.clone()),
            None => self.store.state_get(self.base, key),
        }
    }

    fn next_key(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StateError> {
        let mut at = key.to_vec();
        let mut below = self.store.state_next_key(self.base, key)?;
        loop {
            let Some((next, deciding)) = self.next_above(&at) else { return Ok(below) };
            if below.as_ref().is_some_and(|below| below < next) {
                return Ok(below);
            }
            if deciding {
                return Ok(Some(next.clone()));
            }
            if below.as_ref() == Some(next) {
                below = self.store.state_next_key(self.base, next)?;
            }
            at.clone_from(next);
        }
    }

    fn node(&self, path: &NodePath) -> Result<Option<Vec<u8>>, StateError> {
        match self.layers.iter().find_map(|layer| layer.nodes.get(path)) {
            Some(node) => Ok(node.clone()),
            None => self.store.node_get(self.base, path),
        }
    }
}

impl<S: ?Sized> View<S> {
    /// The lowest key after `at` that any layer knows, and whether it has a value.
    fn next_above(&self, at: &[u8]) -> Option<(&Vec<u8>, bool)> {
        let mut lowest: Option<(&Vec<u8>, bool)> = None;
        for layer in &self.layers {
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
