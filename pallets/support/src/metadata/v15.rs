//! Metadata V15: adds runtime APIs and outer enums to V14.

use alloc::collections::BTreeMap;

use frame_metadata::v15::{
    CustomMetadata, ExtrinsicMetadata, OuterEnums, PalletMetadata, RuntimeApiMetadata,
    RuntimeApiMethodMetadata, RuntimeApiMethodParamMetadata, RuntimeMetadataV15, SignedExtensionMetadata,
};

use super::{ApiParts, MethodParts, PalletMetadataParts, RuntimeParts, v14};

/// Generates the metadata.
pub fn build(runtime: &RuntimeParts) -> RuntimeMetadataV15 {
    let signed_extensions = runtime.extrinsic.extensions.iter().map(|extension| SignedExtensionMetadata {
        identifier: extension.identifier,
        ty: extension.ty,
        additional_signed: extension.implicit,
    });
    let extrinsic = ExtrinsicMetadata {
        version: runtime.extrinsic.version,
        address_ty: runtime.extrinsic.address,
        call_ty: runtime.call,
        signature_ty: runtime.extrinsic.signature,
        extra_ty: runtime.extrinsic.extra,
        signed_extensions: signed_extensions.collect(),
    };
    RuntimeMetadataV15::new(
        runtime.pallets.iter().map(pallet).collect(),
        extrinsic,
        runtime.runtime,
        runtime.apis.iter().map(api).collect(),
        outer_enums(runtime),
        CustomMetadata { map: BTreeMap::new() },
    )
}

/// The enums over all pallets.
pub(super) fn outer_enums(runtime: &RuntimeParts) -> OuterEnums {
    OuterEnums { call_enum_ty: runtime.call, event_enum_ty: runtime.event, error_enum_ty: runtime.error }
}

/// One pallet.
fn pallet(parts: &PalletMetadataParts) -> PalletMetadata {
    PalletMetadata {
        name: parts.name,
        storage: v14::storage(parts),
        calls: parts.calls.map(Into::into),
        event: parts.events.map(Into::into),
        constants: parts.constants.iter().map(v14::constant).collect(),
        error: parts.errors.map(Into::into),
        index: parts.index,
        docs: parts.docs.clone(),
    }
}

/// One runtime API.
fn api(api: &ApiParts) -> RuntimeApiMetadata {
    RuntimeApiMetadata {
        name: api.name,
        methods: api.methods.iter().map(method).collect(),
        docs: api.docs.clone(),
    }
}

/// One method.
fn method(method: &MethodParts) -> RuntimeApiMethodMetadata {
    let inputs = method.inputs.iter().map(|&(name, ty)| RuntimeApiMethodParamMetadata { name, ty });
    RuntimeApiMethodMetadata {
        name: method.name,
        inputs: inputs.collect(),
        output: method.output,
        docs: method.docs.clone(),
    }
}
