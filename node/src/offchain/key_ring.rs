//! Block keys that the validators of this node were given: kept as they came, sealed, so that a restarted validator can
//! still do its duty and the disk holds no key in plain form.

use super::OffchainError;
use crate::keystore::Keystore;
use parity_scale_codec::{Decode, Encode};
use quire_core::{AccountId, H256};
use quire_offchain::log::{Log, LogOptions};
use quire_offchain::ratchet::BlockKey;
use quire_offchain::seal::{self, SEALED_BYTES, SealContext};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// One line of the ring: whose key for which block.
type Place = (AccountId, u64, u32);

#[derive(Debug, Clone, Encode, Decode)]
struct Entry {
    place: Place,
    sealing: [u8; 32],
    sealed: [u8; SEALED_BYTES],
}

/// Sealed keys by validator, channel and block.
pub(crate) struct KeyRing {
    log: Log,
    entries: Mutex<BTreeMap<Place, Entry>>,
    keystore: Arc<Keystore>,
    genesis: H256,
}

impl KeyRing {
    /// Opens or creates the ring in a folder.
    pub(crate) fn open(dir: &Path, keystore: Arc<Keystore>, genesis: H256) -> Result<KeyRing, OffchainError> {
        let mut entries = BTreeMap::new();
        let mut visit = |_, mut record: &[u8]| {
            if let Ok(entry) = Entry::decode(&mut record) {
                entries.insert(entry.place, entry);
            }
        };
        let (log, _) = Log::open(dir, LogOptions::default(), &mut visit).map_err(disk)?;
        Ok(KeyRing { log, entries: Mutex::new(entries), keystore, genesis })
    }

    /// Keeps a sealed key that opens; afterwards it is durable.
    pub(crate) fn keep(
        &self,
        validator: AccountId,
        sealing: [u8; 32],
        channel: u64,
        block: u32,
        sealed: [u8; SEALED_BYTES],
    ) -> Result<BlockKey, OffchainError> {
        let entry = Entry { place: (validator, channel, block), sealing, sealed };
        let key = self.open_entry(&entry)?;
        let position = self.log.append(&[&entry.encode()]).map_err(disk)?;
        self.log.wait(position.index).map_err(disk)?;
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).insert(entry.place, entry);
        Ok(key)
    }

    /// The key of a block, if the validator was given it.
    pub(crate) fn key(
        &self,
        validator: AccountId,
        channel: u64,
        block: u32,
    ) -> Result<Option<BlockKey>, OffchainError> {
        let entry = {
            let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
            entries.get(&(validator, channel, block)).cloned()
        };
        entry.map(|entry| self.open_entry(&entry)).transpose()
    }

    fn open_entry(&self, entry: &Entry) -> Result<BlockKey, OffchainError> {
        let fault = |why: String| OffchainError::Fault(why);
        let secret =
            self.keystore.sealing_secret(&entry.sealing).map_err(|error| fault(error.to_string()))?;
        let (_, channel, block) = entry.place;
        let context = SealContext { genesis: self.genesis, channel, block };
        seal::open(&entry.sealed, &secret, &context).map_err(|error| fault(error.to_string()))
    }
}

fn disk(error: quire_offchain::log::LogError) -> OffchainError {
    OffchainError::Disk(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guard::Guard;
    use quire_core::keys;
    use quire_offchain::ratchet::Ratchet;

    #[test]
    fn keys_are_kept_sealed_and_open_after_a_restart() {
        let dir = tempfile::tempdir().expect("a folder");
        let keystore = Arc::new(Keystore::in_memory(Guard::in_memory()));
        let sealing = keystore.add(keys::SEALING, "//Validator").expect("a key");
        let key = Ratchet::new([3; 32]).key(5).expect("near");
        let context = SealContext { genesis: H256::ZERO, channel: 1, block: 5 };
        let sealed = seal::seal(&key, &sealing, [9; 32], &context).expect("sealed");
        let me = AccountId([7; 32]);
        let open = || KeyRing::open(dir.path(), keystore.clone(), H256::ZERO).expect("opens");
        let ring = open();
        assert!(ring.keep(me, sealing, 1, 6, sealed).is_err(), "sealed for another block");
        assert_eq!(ring.keep(me, sealing, 1, 5, sealed).expect("kept"), key);
        drop(ring);
        let ring = open();
        assert_eq!(ring.key(me, 1, 5).expect("opens"), Some(key.clone()));
        assert_eq!(ring.key(me, 1, 6).expect("reads"), None);
        drop(ring);
        let raw = std::fs::read(dir.path().join("00000000000000000000.log")).expect("the segment");
        assert!(!raw.windows(32).any(|window| window == key.as_bytes()), "never in plain form");
    }
}
