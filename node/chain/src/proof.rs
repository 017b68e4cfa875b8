//! Pieces of a state with their proofs, for peers and light clients.
//!
//! Rules
//! - R1 A proof is about the state after the block that was named, and verifies against that block's state root.
//! - R2 Pieces are bounded by the caller; a piece holds at least one pair if one is left.

use std::ops::Bound;

use quire_core::H256;
use quire_trie::{NodePath, NodeReader, ProvedRange, Range, TrieError};

use crate::chain::Chain;
use crate::environment::{Execute, StateError, StateView, Store};
use crate::query::QueryError;

/// Trie nodes of a state.
struct Nodes<'a>(&'a dyn StateView);

impl NodeReader for Nodes<'_> {
    type Error = StateError;

    fn node(&self, path: &NodePath) -> Result<Option<Vec<u8>>, StateError> {
        self.0.node(path)
    }
}

fn broken(error: TrieError<StateError>) -> StateError {
    match error {
        TrieError::Read(error) => error,
        other => StateError::Backend { what: "the state trie".into(), reason: other.to_string() },
    }
}

impl<S: Store + ?Sized + 'static, E: Execute + ?Sized> Chain<S, E> {
    /// The items that prove what the state after a block holds under `keys`, absence included.
    pub fn prove_keys<K: AsRef<[u8]>>(
        &self,
        block: H256,
        keys: impl IntoIterator<Item = K>,
    ) -> Result<Vec<Vec<u8>>, QueryError> {
        let state = self.view_at(block)?;
        let proof = quire_trie::prove(&Nodes(&state), |key| state.get(key), keys);
        Ok(proof.map_err(broken)?)
    }

    /// The pairs strictly above `after` with their proof, about `max_bytes` of it.
    pub fn prove_range(
        &self,
        block: H256,
        after: Option<&[u8]>,
        max_bytes: usize,
    ) -> Result<ProvedRange, QueryError> {
        let state = self.view_at(block)?;
        let proof = quire_trie::prove_range(&Nodes(&state), |key| state.get(key), after, max_bytes);
        Ok(proof.map_err(broken)?)
    }

    /// The pairs strictly above `after`, until they have `max_bytes` or are `max_pairs`.
    pub fn pairs(
        &self,
        block: H256,
        after: Option<&[u8]>,
        max_bytes: usize,
        max_pairs: usize,
    ) -> Result<Range, QueryError> {
        let state = self.view_at(block)?;
        let mut range = Range::default();
        let mut bytes = 0_usize;
        let mut at = match after {
            Some(after) => Bound::Excluded(after.to_vec()),
            None => Bound::Included(Vec::new()),
        };
        while bytes < max_bytes && range.pairs.len() < max_pairs {
            let next = match &at {
                Bound::Excluded(key) => state.next_key(key)?,
                // The empty key is no key after another.
                _ => match state.get(&[])? {
                    Some(_) => Some(Vec::new()),
                    None => state.next_key(&[])?,
                },
            };
            let Some(key) = next else {
                range.is_complete = true;
                break;
            };
            let value = state.get(&key)?.unwrap_or_default();
            bytes = bytes.saturating_add(key.len()).saturating_add(value.len());
            at = Bound::Excluded(key.clone());
            range.pairs.push((key, value));
        }
        Ok(range)
    }
}

#[cfg(test)]
mod tests;
