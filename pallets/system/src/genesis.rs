//! The state that System starts with.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use pallet_support::host;
use quire_core::H256;

use crate::storage::{BLOCK_HASH, CODE_KEY, LAST_RUNTIME_UPGRADE, NUMBER, PARENT_HASH};
use crate::types::LastRuntimeUpgradeInfo;

/// Stands for the hash of the genesis block inside its own state, which cannot contain it.
const GENESIS_PARENT: H256 = H256([0x45; 32]);

/// What System is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// The runtime's Wasm blob.
    pub code: Vec<u8>,
    /// Its spec name.
    pub spec_name: String,
    /// Its spec version.
    pub spec_version: u32,
}

impl Config {
    /// Writes the state.
    ///
    /// # Errors
    /// When there is no code, or the runtime has no name.
    pub fn build(&self) -> Result<(), String> {
        if self.code.is_empty() {
            return Err("system: the genesis needs the runtime's Wasm blob, and it is empty".to_string());
        }
        if self.spec_name.is_empty() {
            return Err("system: the genesis needs the runtime's spec name, and it is empty".to_string());
        }
        host::storage_set(CODE_KEY, &self.code);
        BLOCK_HASH.insert(&0, &GENESIS_PARENT);
        PARENT_HASH.put(&GENESIS_PARENT);
        NUMBER.put(&0);
        let (spec_name, spec_version) = (self.spec_name.clone(), self.spec_version);
        LAST_RUNTIME_UPGRADE.put(&LastRuntimeUpgradeInfo { spec_version, spec_name });
        Ok(())
    }
}
