//! Metadata V16: adds API versions, associated types and room for deprecations to V15. Nothing is deprecated yet.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use frame_metadata::v16::{
    CustomMetadata, EnumDeprecationInfo, ExtrinsicMetadata, FunctionParamMetadata, ItemDeprecationInfo,
    PalletAssociatedTypeMetadata, PalletCallMetadata, PalletConstantMetadata, PalletErrorMetadata,
    PalletEventMetadata, PalletMetadata, PalletStorageMetadata, RuntimeApiMetadata, RuntimeApiMethodMetadata,
    RuntimeMetadataV16, StorageEntryMetadata, TransactionExtensionMetadata,
};
use parity_scale_codec::Compact;

use super::{ApiParts, Constant, MethodParts, PalletMetadataParts, RuntimeParts, StorageEntry, v14, v15};

/// Version of the list of extensions that extrinsics of version 4 use.
const EXTENSIONS_VERSION: u8 = 0;

/// Generates the metadata.
pub fn build(runtime: &RuntimeParts) -> RuntimeMetadataV16 {
    RuntimeMetadataV16::new(
        runtime.pallets.iter().map(pallet).collect(),
        extrinsic(runtime),
        runtime.apis.iter().map(api).collect(),
        v15::outer_enums(runtime),
        CustomMetadata { map: BTreeMap::new() },
    )
}

/// The format of extrinsics (R3).
fn extrinsic(runtime: &RuntimeParts) -> ExtrinsicMetadata {
    let extensions = &runtime.extrinsic.extensions;
    let indices = (0u32..).zip(extensions).map(|(index, _)| Compact(index)).collect();
    let transaction_extensions = extensions.iter().map(|extension| TransactionExtensionMetadata {
        identifier: extension.identifier,
        ty: extension.ty,
        implicit: extension.implicit,
    });
    ExtrinsicMetadata {
        versions: alloc::vec![runtime.extrinsic.version],
        address_ty: runtime.extrinsic.address,
        call_ty: runtime.call,
        signature_ty: runtime.extrinsic.signature,
        transaction_extensions_by_version: BTreeMap::from([(EXTENSIONS_VERSION, indices)]),
        transaction_extensions: transaction_extensions.collect(),
    }
}

/// One pallet.
fn pallet(parts: &PalletMetadataParts) -> PalletMetadata {
    let none = EnumDeprecationInfo::nothing_deprecated;
    PalletMetadata {
        name: parts.name,
        storage: storage(parts),
        calls: parts.calls.map(|ty| PalletCallMetadata { ty, deprecation_info: none() }),
        event: parts.events.map(|ty| PalletEventMetadata { ty, deprecation_info: none() }),
        constants: parts.constants.iter().map(constant).collect(),
        error: parts.errors.map(|ty| PalletErrorMetadata { ty, deprecation_info: none() }),
        associated_types: parts
            .associated_types
            .iter()
            .map(|&(name, ty)| PalletAssociatedTypeMetadata { name, ty, docs: Vec::new() })
            .collect(),
        view_functions: Vec::new(),
        index: parts.index,
        docs: parts.docs.clone(),
        deprecation_info: ItemDeprecationInfo::NotDeprecated,
    }
}

/// The storage of a pallet, if it has any.
fn storage(parts: &PalletMetadataParts) -> Option<PalletStorageMetadata> {
    let entries: Vec<_> = parts.storage.iter().map(entry).collect();
    (!entries.is_empty()).then_some(PalletStorageMetadata { prefix: parts.name, entries })
}

/// One storage item.
fn entry(entry: &StorageEntry) -> StorageEntryMetadata {
    let (modifier, default) = v14::modifier(entry);
    StorageEntryMetadata {
        name: entry.name,
        modifier,
        ty: v14::kind(&entry.kind),
        default,
        docs: entry.docs.clone(),
        deprecation_info: ItemDeprecationInfo::NotDeprecated,
    }
}

/// One constant.
fn constant(constant: &Constant) -> PalletConstantMetadata {
    PalletConstantMetadata {
        name: constant.name,
        ty: constant.ty,
        value: constant.value.clone(),
        docs: constant.docs.clone(),
        deprecation_info: ItemDeprecationInfo::NotDeprecated,
    }
}

/// One runtime API.
fn api(api: &ApiParts) -> RuntimeApiMetadata {
    RuntimeApiMetadata {
        name: api.name,
        methods: api.methods.iter().map(method).collect(),
        docs: api.docs.clone(),
        version: Compact(api.version),
        deprecation_info: ItemDeprecationInfo::NotDeprecated,
    }
}

/// One method.
fn method(method: &MethodParts) -> RuntimeApiMethodMetadata {
    let inputs = method.inputs.iter().map(|&(name, ty)| FunctionParamMetadata { name, ty });
    RuntimeApiMethodMetadata {
        name: method.name,
        inputs: inputs.collect(),
        output: method.output,
        docs: method.docs.clone(),
        deprecation_info: ItemDeprecationInfo::NotDeprecated,
    }
}
