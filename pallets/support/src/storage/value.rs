//! One value under one key.

use alloc::vec::Vec;
use core::marker::PhantomData;

use parity_scale_codec::{Decode, Encode};
use scale_info::{StaticTypeInfo, meta_type};

use super::{PREFIX_BYTES, Types, encoded_default, mutate, prefix, read, try_mutate, write};
use crate::host;
use crate::metadata::{EntryKind, StorageEntry};

/// One value of type `T`.
#[derive(Debug)]
pub struct StorageValue<T> {
    key: [u8; PREFIX_BYTES],
    item: &'static str,
    docs: &'static [&'static str],
    default: Option<fn() -> Vec<u8>>,
    value: Types<T>,
}

impl<T> StorageValue<T> {
    /// The item `item` of pallet `pallet` (the name in the runtime, such as `System`).
    pub const fn new(pallet: &'static str, item: &'static str, docs: &'static [&'static str]) -> Self {
        Self { key: prefix(pallet, item), item, docs, default: None, value: PhantomData }
    }

    /// The storage key.
    pub const fn key(&self) -> [u8; PREFIX_BYTES] {
        self.key
    }

    /// Whether there is a value.
    pub fn exists(&self) -> bool {
        host::storage_exists(&self.key)
    }

    /// Removes the value.
    pub fn kill(&self) {
        host::storage_clear(&self.key);
    }

    /// Appends an item to the vector that this value is, without reading it.
    pub fn append<I: Encode>(&self, item: &I)
    where
        T: IntoIterator<Item = I>,
    {
        item.using_encoded(|item| host::storage_append(&self.key, item));
    }
}

impl<T: Default + Encode> StorageValue<T> {
    /// Reads as the default when absent, and says so in metadata.
    pub const fn defaulted(self) -> Self {
        Self { default: Some(encoded_default::<T>), ..self }
    }
}

impl<T: Decode + Encode> StorageValue<T> {
    /// The value, if there is one.
    pub fn get(&self) -> Option<T> {
        read(&self.key)
    }

    /// The value, or the default.
    pub fn get_or_default(&self) -> T
    where
        T: Default,
    {
        self.get().unwrap_or_default()
    }

    /// Writes the value.
    pub fn put(&self, value: &T) {
        write(&self.key, Some(value));
    }

    /// Reads and removes the value.
    pub fn take(&self) -> Option<T> {
        let value = self.get();
        if value.is_some() {
            self.kill();
        }
        value
    }

    /// Changes the value in place; `None` removes it.
    pub fn mutate<R>(&self, change: impl FnOnce(&mut Option<T>) -> R) -> R {
        mutate(&self.key, change)
    }

    /// Changes the value in place, starting from the default when absent.
    pub fn mutate_default<R>(&self, change: impl FnOnce(&mut T) -> R) -> R
    where
        T: Default,
    {
        mutate(&self.key, |value| change(value.get_or_insert_default()))
    }

    /// Changes the value in place; nothing is written when `change` fails.
    pub fn try_mutate<R, E>(&self, change: impl FnOnce(&mut Option<T>) -> Result<R, E>) -> Result<R, E> {
        try_mutate(&self.key, change)
    }
}

impl<T: StaticTypeInfo> StorageValue<T> {
    /// What metadata says about the item.
    pub fn entry_metadata(&self) -> StorageEntry {
        self.entry_metadata_as(EntryKind::Plain(meta_type::<T>()))
    }
}

impl<T> StorageValue<T> {
    /// As `entry_metadata`, with a type that only the runtime knows (the vector of all events).
    pub fn entry_metadata_as(&self, kind: EntryKind) -> StorageEntry {
        StorageEntry {
            name: self.item,
            kind,
            default: self.default.map(|default| default()),
            docs: self.docs.to_vec(),
        }
    }
}
