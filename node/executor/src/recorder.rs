//! A state that remembers what was read from it, to prove a call to a light client.
//!
//! Rules:
//! * R1: a value read, absent ones included, is proved by its key.
//! * R2: the next key after another is proved by both keys: their paths show that nothing lies between.

use quire_chain::{StateError, StateView};
use quire_trie::{NodePath, NodeReader, TrieError, prove};
use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

/// See the module.
pub(crate) struct Recorder<'a> {
    state: &'a dyn StateView,
    keys: Mutex<BTreeSet<Vec<u8>>>,
}

struct Nodes<'a>(&'a dyn StateView);

impl NodeReader for Nodes<'_> {
    type Error = StateError;

    fn node(&self, path: &NodePath) -> Result<Option<Vec<u8>>, StateError> {
        self.0.node(path)
    }
}

impl<'a> Recorder<'a> {
    /// Remembers what is read from `state` through it. The code is read before a call, so it is on the list from the start.
    pub(crate) fn new(state: &'a dyn StateView) -> Self {
        let keys = BTreeSet::from([quire_chain::CODE_KEY.to_vec()]);
        Recorder { state, keys: Mutex::new(keys) }
    }

    fn note(&self, key: &[u8]) {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner).insert(key.to_vec());
    }

    /// Trie nodes and long values for everything that was read.
    pub(crate) fn prove(self) -> Result<Vec<Vec<u8>>, StateError> {
        let keys = self.keys.into_inner().unwrap_or_else(PoisonError::into_inner);
        prove(&Nodes(self.state), |key| self.state.get(key), keys).map_err(|error| match error {
            TrieError::Read(error) => error,
            other => StateError::Backend { what: "the state trie".into(), reason: other.to_string() },
        })
    }
}

impl StateView for Recorder<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StateError> {
        self.note(key);
        self.state.get(key)
    }

    fn next_key(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StateError> {
        self.note(key);
        let next = self.state.next_key(key)?;
        if let Some(next) = &next {
            self.note(next);
        }
        Ok(next)
    }

    fn node(&self, path: &NodePath) -> Result<Option<Vec<u8>>, StateError> {
        self.state.node(path)
    }
}
