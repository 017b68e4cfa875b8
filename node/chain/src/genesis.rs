//! The genesis block: made of the state alone, so that every client computes the same hash from the chain spec.

use std::collections::BTreeMap;

use quire_core::{Digest, H256, Header};
use quire_trie::{EMPTY_ROOT, NoNodes, StateVersion};

use crate::environment::CODE_KEY;
use crate::layer::Layer;

/// The state before the first block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Genesis {
    layer: Layer,
    state_root: H256,
}

/// A genesis state that no chain can start from.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GenesisError {
    /// No runtime.
    #[error("the genesis state has no value under :code: the chain spec needs a runtime")]
    NoCode,
    /// The trie refuses a key.
    #[error("the genesis state cannot be hashed: {reason}")]
    Trie {
        /// What the trie said.
        reason: String,
    },
}

impl Genesis {
    /// The state of raw pairs, as a raw chain spec lists them; the last of equal keys counts.
    pub fn new(pairs: impl IntoIterator<Item = (Vec<u8>, Vec<u8>)>) -> Result<Self, GenesisError> {
        let values: BTreeMap<_, _> = pairs.into_iter().map(|(key, value)| (key, Some(value))).collect();
        if !values.contains_key(CODE_KEY) {
            return Err(GenesisError::NoCode);
        }
        let (state_root, nodes) = quire_trie::update(&NoNodes, StateVersion::V1, &values)
            .map_err(|error| GenesisError::Trie { reason: error.to_string() })?;
        Ok(Self { layer: Layer { values, nodes }, state_root })
    }

    /// The header: parent 0, number 0, empty digest, empty extrinsics root (substrate-compat §4).
    #[must_use]
    pub fn header(&self) -> Header {
        Header {
            parent_hash: H256::ZERO,
            number: 0,
            state_root: self.state_root,
            extrinsics_root: EMPTY_ROOT,
            digest: Digest::default(),
        }
    }

    /// Hash of the genesis block: the name of the chain.
    #[must_use]
    pub fn hash(&self) -> H256 {
        self.header().hash()
    }

    /// The values and trie nodes.
    #[must_use]
    pub fn layer(&self) -> &Layer {
        &self.layer
    }
}
