//! A map that knows how many entries it has.

use alloc::boxed::Box;
use alloc::vec::Vec;

use parity_scale_codec::{Decode, Encode};
use scale_info::{StaticTypeInfo, meta_type};

use super::{PREFIX_BYTES, PrefixIter, StorageHasher, StorageMap, read, write};
use crate::host;
use crate::metadata::{EntryKind, StorageEntry};

/// Before the item's name in the name of its counter.
const COUNTER: &str = "CounterFor";

/// Longest name of an item, in bytes.
const NAME_BYTES_MAX: usize = 64;

/// A [`StorageMap`] with its number of entries under the item `CounterFor<item>`.
#[derive(Debug)]
pub struct CountedMap<K, V, H> {
    map: StorageMap<K, V, H>,
    counter_key: [u8; PREFIX_BYTES],
}

/// Key of the item `CounterFor<item>`.
const fn counter_key(pallet: &str, item: &str) -> [u8; PREFIX_BYTES] {
    let (counter, item) = (COUNTER.as_bytes(), item.as_bytes());
    assert!(counter.len() + item.len() <= NAME_BYTES_MAX, "the name of a counted map has a limit");
    let mut name = [0; NAME_BYTES_MAX];
    let mut length = 0;
    while length < counter.len() {
        name[length] = counter[length];
        length += 1;
    }
    while length < counter.len() + item.len() {
        name[length] = item[length - counter.len()];
        length += 1;
    }
    let (name, _) = name.split_at(length);
    match core::str::from_utf8(name) {
        Ok(name) => super::prefix(pallet, name),
        Err(_) => [0; PREFIX_BYTES],
    }
}

impl<K, V, H> CountedMap<K, V, H> {
    /// The item `item` of pallet `pallet` (the name in the runtime, such as `System`).
    pub const fn new(pallet: &'static str, item: &'static str, docs: &'static [&'static str]) -> Self {
        Self { map: StorageMap::new(pallet, item, docs), counter_key: counter_key(pallet, item) }
    }

    /// What all keys of the map start with.
    pub const fn prefix(&self) -> [u8; PREFIX_BYTES] {
        self.map.prefix()
    }

    /// The storage key of the counter.
    pub const fn counter_key(&self) -> [u8; PREFIX_BYTES] {
        self.counter_key
    }

    /// Number of entries.
    pub fn count(&self) -> u32 {
        read(&self.counter_key).unwrap_or(0)
    }

    /// Adds to or subtracts from the counter.
    fn count_change(&self, before: bool, after: bool) {
        let count = match (before, after) {
            (false, true) => self.count().saturating_add(1),
            (true, false) => self.count().saturating_sub(1),
            _ => return,
        };
        write(&self.counter_key, Some(&count));
    }
}

impl<K: Encode, V: Decode + Encode, H: StorageHasher> CountedMap<K, V, H> {
    /// The storage key of the entry `key`.
    pub fn key_for(&self, key: &K) -> Vec<u8> {
        self.map.key_for(key)
    }

    /// Whether there is an entry.
    pub fn contains(&self, key: &K) -> bool {
        self.map.contains(key)
    }

    /// The entry, if there is one.
    pub fn get(&self, key: &K) -> Option<V> {
        self.map.get(key)
    }

    /// The entry, or the default.
    pub fn get_or_default(&self, key: &K) -> V
    where
        V: Default,
    {
        self.map.get_or_default(key)
    }

    /// Writes the entry.
    pub fn insert(&self, key: &K, value: &V) {
        let storage_key = self.key_for(key);
        self.count_change(host::storage_exists(&storage_key), true);
        write(&storage_key, Some(value));
    }

    /// Removes the entry.
    pub fn remove(&self, key: &K) {
        let storage_key = self.key_for(key);
        self.count_change(host::storage_exists(&storage_key), false);
        host::storage_clear(&storage_key);
    }

    /// Reads and removes the entry.
    pub fn take(&self, key: &K) -> Option<V> {
        let value = self.get(key);
        self.remove(key);
        value
    }

    /// Changes the entry in place; `None` removes it.
    pub fn mutate<R>(&self, key: &K, change: impl FnOnce(&mut Option<V>) -> R) -> R {
        self.map.mutate(key, |value| {
            let before = value.is_some();
            let result = change(value);
            self.count_change(before, value.is_some());
            result
        })
    }

    /// Changes the entry in place; nothing is written when `change` fails.
    pub fn try_mutate<R, E>(
        &self,
        key: &K,
        change: impl FnOnce(&mut Option<V>) -> Result<R, E>,
    ) -> Result<R, E> {
        self.map.try_mutate(key, |value| {
            let before = value.is_some();
            let result = change(value)?;
            self.count_change(before, value.is_some());
            Ok(result)
        })
    }
}

impl<K: Decode, V: Decode, H: StorageHasher> CountedMap<K, V, H> {
    /// All entries, in the order of their storage keys.
    pub fn iter(&self) -> PrefixIter<(K, V)> {
        self.map.iter()
    }

    /// All keys, in the order of their storage keys.
    pub fn iter_keys(&self) -> PrefixIter<K> {
        self.map.iter_keys()
    }
}

impl<K: StaticTypeInfo, V: StaticTypeInfo, H: StorageHasher> CountedMap<K, V, H> {
    /// What metadata says about the map.
    pub fn entry_metadata(&self) -> StorageEntry {
        self.map.entry_metadata()
    }

    /// What metadata says about the counter.
    pub fn counter_metadata(&self) -> StorageEntry {
        // Metadata wants names that live for ever; this is asked for once per process at most.
        let name = Box::leak(alloc::format!("{COUNTER}{}", self.map.name()).into_boxed_str());
        let docs = alloc::vec!["Number of entries of the map."];
        StorageEntry { name, kind: EntryKind::Plain(meta_type::<u32>()), default: Some(0u32.encode()), docs }
    }
}
