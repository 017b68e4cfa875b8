//! Values by two keys, grouped by the first.

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

/// A map from `K1` and `K2` to `V`; all entries of one `K1` are neighbours.
#[derive(Debug)]
pub struct StorageDoubleMap<K1, K2, V, H1, H2> {
    prefix: [u8; PREFIX_BYTES],
    item: &'static str,
    docs: &'static [&'static str],
    default: Option<fn() -> Vec<u8>>,
    types: Types<(K1, K2, V, H1, H2)>,
}

impl<K1, K2, V, H1, H2> StorageDoubleMap<K1, K2, V, H1, H2> {
    /// The item `item` of pallet `pallet` (the name in the runtime, such as `System`).
    pub const fn new(pallet: &'static str, item: &'static str, docs: &'static [&'static str]) -> Self {
        Self { prefix: prefix(pallet, item), item, docs, default: None, types: PhantomData }
    }

    /// What all keys of the map start with.
    pub const fn prefix(&self) -> [u8; PREFIX_BYTES] {
        self.prefix
    }
}

impl<K1, K2, V: Default + Encode, H1, H2> StorageDoubleMap<K1, K2, V, H1, H2> {
    /// Reads as the default when absent, and says so in metadata.
    pub const fn defaulted(self) -> Self {
        Self { default: Some(encoded_default::<V>), ..self }
    }
}

impl<K1: Encode, K2, V, H1: StorageHasher, H2> StorageDoubleMap<K1, K2, V, H1, H2> {
    /// What the storage keys of all entries of `first` start with.
    pub fn prefix_for(&self, first: &K1) -> Vec<u8> {
        let mut out = Vec::with_capacity(PREFIX_BYTES + H1::HASH_BYTES + first.size_hint() + 64);
        out.extend_from_slice(&self.prefix);
        first.using_encoded(|key| H1::append(key, &mut out));
        out
    }

    /// Removes up to `limit` entries of `first`.
    pub fn clear_prefix(&self, first: &K1, limit: u32) -> ClearPrefix {
        host::storage_clear_prefix(&self.prefix_for(first), Some(limit))
    }
}

impl<K1: Encode, K2: Encode, V, H1: StorageHasher, H2: StorageHasher> StorageDoubleMap<K1, K2, V, H1, H2> {
    /// The storage key of the entry.
    pub fn key_for(&self, first: &K1, second: &K2) -> Vec<u8> {
        let mut out = self.prefix_for(first);
        second.using_encoded(|key| H2::append(key, &mut out));
        out
    }

    /// Whether there is an entry.
    pub fn contains(&self, first: &K1, second: &K2) -> bool {
        host::storage_exists(&self.key_for(first, second))
    }

    /// Removes the entry.
    pub fn remove(&self, first: &K1, second: &K2) {
        host::storage_clear(&self.key_for(first, second));
    }
}

impl<K1, K2, V, H1, H2> StorageDoubleMap<K1, K2, V, H1, H2>
where
    K1: Encode,
    K2: Encode,
    V: Decode + Encode,
    H1: StorageHasher,
    H2: StorageHasher,
{
    /// The entry, if there is one.
    pub fn get(&self, first: &K1, second: &K2) -> Option<V> {
        read(&self.key_for(first, second))
    }

    /// The entry, or the default.
    pub fn get_or_default(&self, first: &K1, second: &K2) -> V
    where
        V: Default,
    {
        self.get(first, second).unwrap_or_default()
    }

    /// Writes the entry.
    pub fn insert(&self, first: &K1, second: &K2, value: &V) {
        write(&self.key_for(first, second), Some(value));
    }

    /// Reads and removes the entry.
    pub fn take(&self, first: &K1, second: &K2) -> Option<V> {
        let storage_key = self.key_for(first, second);
        let value = read(&storage_key);
        if value.is_some() {
            host::storage_clear(&storage_key);
        }
        value
    }

    /// Changes the entry in place; `None` removes it.
    pub fn mutate<R>(&self, first: &K1, second: &K2, change: impl FnOnce(&mut Option<V>) -> R) -> R {
        mutate(&self.key_for(first, second), change)
    }

    /// Changes the entry in place, starting from the default when absent.
    pub fn mutate_default<R>(&self, first: &K1, second: &K2, change: impl FnOnce(&mut V) -> R) -> R
    where
        V: Default,
    {
        mutate(&self.key_for(first, second), |value| change(value.get_or_insert_default()))
    }

    /// Changes the entry in place; nothing is written when `change` fails.
    pub fn try_mutate<R, E>(
        &self,
        first: &K1,
        second: &K2,
        change: impl FnOnce(&mut Option<V>) -> Result<R, E>,
    ) -> Result<R, E> {
        try_mutate(&self.key_for(first, second), change)
    }
}

impl<K1, K2, V, H1, H2> StorageDoubleMap<K1, K2, V, H1, H2>
where
    K1: Encode + Decode,
    K2: Decode,
    V: Decode,
    H1: StorageHasher,
    H2: StorageHasher,
{
    /// All entries of `first`, in the order of their storage keys.
    pub fn iter_prefix(&self, first: &K1) -> PrefixIter<(K2, V)> {
        PrefixIter::new(self.prefix_for(first), |tail, key| {
            Some((decode_key(H2::HASH_BYTES, tail)?, read(key)?))
        })
    }

    /// The second keys of all entries of `first`, in the order of their storage keys.
    pub fn iter_prefix_keys(&self, first: &K1) -> PrefixIter<K2> {
        PrefixIter::new(self.prefix_for(first), |tail, _| decode_key(H2::HASH_BYTES, tail))
    }

    /// All entries, in the order of their storage keys.
    pub fn iter(&self) -> PrefixIter<(K1, K2, V)> {
        PrefixIter::new(self.prefix.to_vec(), |tail, key| {
            let mut rest = tail.get(H1::HASH_BYTES..)?;
            let first = K1::decode(&mut rest).ok()?;
            Some((first, decode_key(H2::HASH_BYTES, rest)?, read(key)?))
        })
    }
}

impl<K1, K2, V, H1, H2> StorageDoubleMap<K1, K2, V, H1, H2>
where
    K1: StaticTypeInfo,
    K2: StaticTypeInfo,
    V: StaticTypeInfo,
    H1: StorageHasher,
    H2: StorageHasher,
{
    /// What metadata says about the item.
    pub fn entry_metadata(&self) -> StorageEntry {
        let hashers = alloc::vec![H1::KIND, H2::KIND];
        let kind = EntryKind::Map { hashers, key: meta_type::<(K1, K2)>(), value: meta_type::<V>() };
        let default = self.default.map(|default| default());
        StorageEntry { name: self.item, kind, default, docs: self.docs.to_vec() }
    }
}
