//! Values by key.

use alloc::vec::Vec;
use core::marker::PhantomData;

use parity_scale_codec::{Decode, Encode};
use scale_info::{StaticTypeInfo, meta_type};

use super::iter::decode_key;
use super::{
    PREFIX_BYTES, PrefixIter, StorageHasher, Types, encoded_default, mutate, prefix, read, try_mutate, write,
};
use crate::host::{self, ClearPrefix};
use crate::metadata::{EntryKind, StorageEntry};

/// A map from `K` to `V`, placed by the hasher `H`.
#[derive(Debug)]
pub struct StorageMap<K, V, H> {
    prefix: [u8; PREFIX_BYTES],
    item: &'static str,
    docs: &'static [&'static str],
    default: Option<fn() -> Vec<u8>>,
    types: Types<(K, V, H)>,
}

impl<K, V, H> StorageMap<K, V, H> {
    /// The item `item` of pallet `pallet` (the name in the runtime, such as `System`).
    pub const fn new(pallet: &'static str, item: &'static str, docs: &'static [&'static str]) -> Self {
        Self { prefix: prefix(pallet, item), item, docs, default: None, types: PhantomData }
    }

    /// What all keys of the map start with.
    pub const fn prefix(&self) -> [u8; PREFIX_BYTES] {
        self.prefix
    }

    /// Removes up to `limit` entries.
    pub fn clear(&self, limit: u32) -> ClearPrefix {
        host::storage_clear_prefix(&self.prefix, Some(limit))
    }

    /// The item's name in metadata.
    pub const fn name(&self) -> &'static str {
        self.item
    }
}

impl<K, V: Default + Encode, H> StorageMap<K, V, H> {
    /// Reads as the default when absent, and says so in metadata.
    pub const fn defaulted(self) -> Self {
        Self { default: Some(encoded_default::<V>), ..self }
    }
}

impl<K: Encode, V, H: StorageHasher> StorageMap<K, V, H> {
    /// The storage key of the entry `key`.
    pub fn key_for(&self, key: &K) -> Vec<u8> {
        let mut out = Vec::with_capacity(PREFIX_BYTES + H::HASH_BYTES + key.size_hint());
        out.extend_from_slice(&self.prefix);
        key.using_encoded(|key| H::append(key, &mut out));
        out
    }

    /// Whether there is an entry.
    pub fn contains(&self, key: &K) -> bool {
        host::storage_exists(&self.key_for(key))
    }

    /// Removes the entry.
    pub fn remove(&self, key: &K) {
        host::storage_clear(&self.key_for(key));
    }

    /// Appends an item to the vector that the entry is, without reading it.
    pub fn append<I: Encode>(&self, key: &K, item: &I)
    where
        V: IntoIterator<Item = I>,
    {
        item.using_encoded(|item| host::storage_append(&self.key_for(key), item));
    }
}

impl<K: Encode, V: Decode + Encode, H: StorageHasher> StorageMap<K, V, H> {
    /// The entry, if there is one.
    pub fn get(&self, key: &K) -> Option<V> {
        read(&self.key_for(key))
    }

    /// The entry, or the default.
    pub fn get_or_default(&self, key: &K) -> V
    where
        V: Default,
    {
        self.get(key).unwrap_or_default()
    }

    /// Writes the entry.
    pub fn insert(&self, key: &K, value: &V) {
        write(&self.key_for(key), Some(value));
    }

    /// Reads and removes the entry.
    pub fn take(&self, key: &K) -> Option<V> {
        let storage_key = self.key_for(key);
        let value = read(&storage_key);
        if value.is_some() {
            host::storage_clear(&storage_key);
        }
        value
    }

    /// Changes the entry in place; `None` removes it.
    pub fn mutate<R>(&self, key: &K, change: impl FnOnce(&mut Option<V>) -> R) -> R {
        mutate(&self.key_for(key), change)
    }

    /// Changes the entry in place, starting from the default when absent.
    pub fn mutate_default<R>(&self, key: &K, change: impl FnOnce(&mut V) -> R) -> R
    where
        V: Default,
    {
        mutate(&self.key_for(key), |value| change(value.get_or_insert_default()))
    }

    /// Changes the entry in place; nothing is written when `change` fails.
    pub fn try_mutate<R, E>(
        &self,
        key: &K,
        change: impl FnOnce(&mut Option<V>) -> Result<R, E>,
    ) -> Result<R, E> {
        try_mutate(&self.key_for(key), change)
    }
}

impl<K: Decode, V: Decode, H: StorageHasher> StorageMap<K, V, H> {
    /// All entries, in the order of their storage keys.
    pub fn iter(&self) -> PrefixIter<(K, V)> {
        PrefixIter::new(self.prefix.to_vec(), |tail, key| {
            Some((decode_key(H::HASH_BYTES, tail)?, read(key)?))
        })
    }
}

impl<K: Decode, V, H: StorageHasher> StorageMap<K, V, H> {
    /// All keys, in the order of their storage keys.
    pub fn iter_keys(&self) -> PrefixIter<K> {
        PrefixIter::new(self.prefix.to_vec(), |tail, _| decode_key(H::HASH_BYTES, tail))
    }
}

impl<K: StaticTypeInfo, V: StaticTypeInfo, H: StorageHasher> StorageMap<K, V, H> {
    /// What metadata says about the item.
    pub fn entry_metadata(&self) -> StorageEntry {
        let kind =
            EntryKind::Map { hashers: alloc::vec![H::KIND], key: meta_type::<K>(), value: meta_type::<V>() };
        let default = self.default.map(|default| default());
        StorageEntry { name: self.item, kind, default, docs: self.docs.to_vec() }
    }
}
