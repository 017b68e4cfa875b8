//! Metadata V14: what `Metadata_metadata` and `state_getMetadata` return. Storage entries are shared with V15.

use alloc::vec::Vec;

use frame_metadata::v14::{
    ExtrinsicMetadata, PalletConstantMetadata, PalletMetadata, PalletStorageMetadata, RuntimeMetadataV14,
    SignedExtensionMetadata, StorageEntryMetadata, StorageEntryModifier, StorageEntryType, StorageHasher,
};

use super::{Constant, EntryKind, PalletMetadataParts, RuntimeParts, StorageEntry};
use crate::storage::HasherKind;

/// Generates the metadata.
pub fn build(runtime: &RuntimeParts) -> RuntimeMetadataV14 {
    let signed_extensions = runtime.extrinsic.extensions.iter().map(|extension| SignedExtensionMetadata {
        identifier: extension.identifier,
        ty: extension.ty,
        additional_signed: extension.implicit,
    });
    let extrinsic = ExtrinsicMetadata {
        ty: runtime.extrinsic.ty,
        version: runtime.extrinsic.version,
        signed_extensions: signed_extensions.collect(),
    };
    RuntimeMetadataV14::new(runtime.pallets.iter().map(pallet).collect(), extrinsic, runtime.runtime)
}

/// One pallet.
fn pallet(parts: &PalletMetadataParts) -> PalletMetadata {
    PalletMetadata {
        name: parts.name,
        storage: storage(parts),
        calls: parts.calls.map(Into::into),
        event: parts.events.map(Into::into),
        constants: parts.constants.iter().map(constant).collect(),
        error: parts.errors.map(Into::into),
        index: parts.index,
    }
}

/// The storage of a pallet, if it has any.
pub(super) fn storage(parts: &PalletMetadataParts) -> Option<PalletStorageMetadata> {
    let entries: Vec<_> = parts.storage.iter().map(entry).collect();
    (!entries.is_empty()).then_some(PalletStorageMetadata { prefix: parts.name, entries })
}

/// One storage item.
fn entry(entry: &StorageEntry) -> StorageEntryMetadata {
    let (modifier, default) = modifier(entry);
    StorageEntryMetadata {
        name: entry.name,
        modifier,
        ty: kind(&entry.kind),
        default,
        docs: entry.docs.clone(),
    }
}

/// Modifier and encoded default of a storage item (R1).
pub(super) fn modifier(entry: &StorageEntry) -> (StorageEntryModifier, Vec<u8>) {
    match &entry.default {
        Some(default) => (StorageEntryModifier::Default, default.clone()),
        None => (StorageEntryModifier::Optional, alloc::vec![0]),
    }
}

/// Shape and types of a storage item.
pub(super) fn kind(kind: &EntryKind) -> StorageEntryType {
    match kind {
        EntryKind::Plain(ty) => StorageEntryType::Plain(*ty),
        EntryKind::Map { hashers, key, value } => {
            StorageEntryType::Map { hashers: hashers.iter().map(hasher).collect(), key: *key, value: *value }
        }
    }
}

/// Name of a hasher.
fn hasher(kind: &HasherKind) -> StorageHasher {
    match kind {
        HasherKind::Blake2_128Concat => StorageHasher::Blake2_128Concat,
        HasherKind::Twox64Concat => StorageHasher::Twox64Concat,
        HasherKind::Identity => StorageHasher::Identity,
    }
}

/// One constant.
pub(super) fn constant(constant: &Constant) -> PalletConstantMetadata {
    PalletConstantMetadata {
        name: constant.name,
        ty: constant.ty,
        value: constant.value.clone(),
        docs: constant.docs.clone(),
    }
}
