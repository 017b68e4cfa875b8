//! A plain description of pallets and runtime, and the metadata V14, V15 and V16 generated from it.
//!
//! Every pallet describes itself in one [`PalletMetadataParts`], collected from the same consts and enums that the
//! code uses; the runtime adds its outer enums, extrinsic format and APIs in one [`RuntimeParts`]. Clients read the
//! result, so names and type paths are part of the chain's interface.
//!
//! Rules:
//! * R1. An item with a default has the modifier `Default` and the default's encoding; any other is `Optional` with
//!   the encoding `00`.
//! * R2. All three versions describe the same pallets, calls, events, errors, storage, constants and extensions.
//! * R3. V16 lists the extensions of extrinsic version 4 under the key 0, where clients look for them.

pub mod v14;
pub mod v15;
pub mod v16;

#[cfg(test)]
mod tests;

use alloc::vec::Vec;

use parity_scale_codec::Encode;
use scale_info::{MetaType, StaticTypeInfo, meta_type};

use crate::storage::HasherKind;

/// What a pallet shows to the world.
#[derive(Clone, Debug)]
pub struct PalletMetadataParts {
    /// Name in the runtime, prefix of its storage.
    pub name: &'static str,
    /// Index in the runtime's call, event and error enums.
    pub index: u8,
    /// Storage items.
    pub storage: Vec<StorageEntry>,
    /// Type of the pallet's call enum.
    pub calls: Option<MetaType>,
    /// Type of the pallet's event enum.
    pub events: Option<MetaType>,
    /// Type of the pallet's error enum.
    pub errors: Option<MetaType>,
    /// Constants.
    pub constants: Vec<Constant>,
    /// Types that clients look up by name, V16 only.
    pub associated_types: Vec<(&'static str, MetaType)>,
    /// Documentation.
    pub docs: Vec<&'static str>,
}

impl PalletMetadataParts {
    /// A pallet without anything yet.
    pub const fn new(name: &'static str, index: u8) -> Self {
        Self {
            name,
            index,
            storage: Vec::new(),
            calls: None,
            events: None,
            errors: None,
            constants: Vec::new(),
            associated_types: Vec::new(),
            docs: Vec::new(),
        }
    }
}

/// A storage item.
#[derive(Clone, Debug)]
pub struct StorageEntry {
    /// Name of the item.
    pub name: &'static str,
    /// Shape and types.
    pub kind: EntryKind,
    /// Encoding of the default, for items that have one.
    pub default: Option<Vec<u8>>,
    /// Documentation.
    pub docs: Vec<&'static str>,
}

/// Shape and types of a storage item.
#[derive(Clone, Debug)]
pub enum EntryKind {
    /// One value.
    Plain(MetaType),
    /// Values by key; a tuple of keys when there is more than one hasher.
    Map {
        /// One per key.
        hashers: Vec<HasherKind>,
        /// Type of the key.
        key: MetaType,
        /// Type of the value.
        value: MetaType,
    },
}

/// A constant of a pallet.
#[derive(Clone, Debug)]
pub struct Constant {
    /// Name.
    pub name: &'static str,
    /// Type.
    pub ty: MetaType,
    /// Encoded value.
    pub value: Vec<u8>,
    /// Documentation.
    pub docs: Vec<&'static str>,
}

impl Constant {
    /// Describes `value`.
    pub fn new<T: Encode + StaticTypeInfo>(name: &'static str, value: &T, docs: &[&'static str]) -> Self {
        Self { name, ty: meta_type::<T>(), value: value.encode(), docs: docs.to_vec() }
    }
}

/// What the runtime shows to the world.
#[derive(Clone, Debug)]
pub struct RuntimeParts {
    /// All pallets, System first.
    pub pallets: Vec<PalletMetadataParts>,
    /// The format of extrinsics.
    pub extrinsic: ExtrinsicParts,
    /// Runtime APIs.
    pub apis: Vec<ApiParts>,
    /// The enum over all pallets' calls.
    pub call: MetaType,
    /// The enum over all pallets' events.
    pub event: MetaType,
    /// The enum over all pallets' errors.
    pub error: MetaType,
    /// A type that stands for the runtime itself.
    pub runtime: MetaType,
}

/// The format of extrinsics.
#[derive(Clone, Debug)]
pub struct ExtrinsicParts {
    /// Version of the format: 4.
    pub version: u8,
    /// The extrinsic itself, with the type parameters `Address`, `Call`, `Signature` and `Extra`.
    pub ty: MetaType,
    /// Who signs.
    pub address: MetaType,
    /// The signature.
    pub signature: MetaType,
    /// All extensions' data together.
    pub extra: MetaType,
    /// The extensions, in the order of their data.
    pub extensions: Vec<ExtensionParts>,
}

/// A transaction extension.
#[derive(Clone, Debug)]
pub struct ExtensionParts {
    /// Name by which clients know the layout.
    pub identifier: &'static str,
    /// Data inside the extrinsic.
    pub ty: MetaType,
    /// Data that is signed only.
    pub implicit: MetaType,
}

/// A runtime API.
#[derive(Clone, Debug)]
pub struct ApiParts {
    /// Trait name.
    pub name: &'static str,
    /// Version.
    pub version: u32,
    /// Methods.
    pub methods: Vec<MethodParts>,
    /// Documentation.
    pub docs: Vec<&'static str>,
}

/// A method of a runtime API.
#[derive(Clone, Debug)]
pub struct MethodParts {
    /// Name.
    pub name: &'static str,
    /// Names and types of the arguments.
    pub inputs: Vec<(&'static str, MetaType)>,
    /// Type of the result.
    pub output: MetaType,
    /// Documentation.
    pub docs: Vec<&'static str>,
}

/// The versions that can be generated, ascending.
pub const VERSIONS: [u32; 3] = [14, 15, 16];

/// The metadata of `version`, from the magic number on, without a length prefix; `None` for unknown versions.
pub fn encode_version(version: u32, runtime: &RuntimeParts) -> Option<Vec<u8>> {
    use frame_metadata::RuntimeMetadataPrefixed;
    let prefixed: RuntimeMetadataPrefixed = match version {
        14 => v14::build(runtime).into(),
        15 => v15::build(runtime).into(),
        16 => v16::build(runtime).into(),
        _ => return None,
    };
    Some(prefixed.encode())
}
