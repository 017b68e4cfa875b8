//! One test per rule of metadata.

use alloc::vec;
use alloc::vec::Vec;

use frame_metadata::v14::{StorageEntryModifier, StorageEntryType};
use frame_metadata::{RuntimeMetadata, RuntimeMetadataPrefixed};
use parity_scale_codec::{Compact, Decode, Encode};
use quire_core::{AccountId, Extra, H256, MultiAddress, MultiSignature, UncheckedExtrinsic};
use scale_info::{PortableRegistry, TypeInfo, meta_type};

use super::{
    ApiParts, Constant, ExtensionParts, ExtrinsicParts, MethodParts, PalletMetadataParts, RuntimeParts,
    VERSIONS, encode_version,
};
use crate::{Blake2_128Concat, StorageMap, StorageValue};

const WITH_DEFAULT: StorageValue<u32> = StorageValue::new("Test", "Number", &["A number."]).defaulted();
const WITHOUT: StorageMap<AccountId, u8, Blake2_128Concat> = StorageMap::new("Test", "Map", &[]);

/// Calls.
#[derive(TypeInfo)]
#[scale_info(capture_docs = "always")]
#[allow(non_camel_case_types, dead_code)]
enum Call {
    /// Does nothing.
    #[codec(index = 4)]
    nothing {
        /// An amount.
        amount: Compact<u128>,
    },
}

fn runtime() -> RuntimeParts {
    let pallet = PalletMetadataParts {
        storage: vec![WITH_DEFAULT.entry_metadata(), WITHOUT.entry_metadata()],
        calls: Some(meta_type::<Call>()),
        events: Some(meta_type::<u8>()),
        errors: Some(meta_type::<u16>()),
        constants: vec![Constant::new("Limit", &7u32, &["A limit."])],
        associated_types: vec![("Hashing", meta_type::<H256>())],
        docs: vec!["A pallet."],
        ..PalletMetadataParts::new("Test", 3)
    };
    let extension = |identifier, ty| ExtensionParts { identifier, ty, implicit: meta_type::<()>() };
    RuntimeParts {
        pallets: vec![pallet, PalletMetadataParts::new("Empty", 9)],
        extrinsic: ExtrinsicParts {
            version: 4,
            ty: meta_type::<UncheckedExtrinsic<Call>>(),
            address: meta_type::<MultiAddress>(),
            signature: meta_type::<MultiSignature>(),
            extra: meta_type::<Extra>(),
            extensions: vec![
                extension("CheckNonce", meta_type::<Compact<u32>>()),
                extension("CheckWeight", meta_type::<()>()),
            ],
        },
        apis: vec![ApiParts {
            name: "Core",
            version: 5,
            methods: vec![MethodParts {
                name: "version",
                inputs: vec![("at", meta_type::<H256>())],
                output: meta_type::<u32>(),
                docs: vec![],
            }],
            docs: vec![],
        }],
        call: meta_type::<Call>(),
        event: meta_type::<u8>(),
        error: meta_type::<u16>(),
        runtime: meta_type::<()>(),
    }
}

fn decoded(version: u32) -> RuntimeMetadata {
    let bytes = encode_version(version, &runtime()).unwrap();
    assert_eq!(bytes[..5], [b'm', b'e', b't', b'a', version as u8]);
    RuntimeMetadataPrefixed::decode(&mut bytes.as_slice()).unwrap().1
}

fn paths(types: &PortableRegistry) -> Vec<Vec<&str>> {
    let paths =
        types.types.iter().map(|ty| ty.ty.path.segments.iter().map(|segment| segment.as_ref()).collect());
    paths.collect()
}

#[test]
fn r1_modifiers_and_defaults() {
    let RuntimeMetadata::V14(v14) = decoded(14) else { panic!("V14") };
    let entries = &v14.pallets[0].storage.as_ref().unwrap().entries;
    assert_eq!((&entries[0].modifier, &entries[0].default), (&StorageEntryModifier::Default, &vec![0; 4]));
    assert_eq!((&entries[1].modifier, &entries[1].default), (&StorageEntryModifier::Optional, &vec![0]));
    assert!(matches!(entries[1].ty, StorageEntryType::Map { ref hashers, .. } if hashers.len() == 1));
    assert!(v14.pallets[1].storage.is_none());
}

#[test]
fn r2_all_versions_say_the_same() {
    let RuntimeMetadata::V14(v14) = decoded(14) else { panic!("V14") };
    let RuntimeMetadata::V15(v15) = decoded(15) else { panic!("V15") };
    let RuntimeMetadata::V16(v16) = decoded(16) else { panic!("V16") };
    let names = [v14.pallets[0].name.as_str(), v15.pallets[0].name.as_str(), v16.pallets[0].name.as_str()];
    assert_eq!(names, ["Test"; 3]);
    assert_eq!([v14.pallets[0].index, v15.pallets[0].index, v16.pallets[0].index], [3; 3]);
    assert_eq!(v14.pallets[0].constants[0].value, 7u32.encode());
    assert_eq!(v16.pallets[0].constants[0].value, 7u32.encode());
    assert_eq!([v14.extrinsic.version, v15.extrinsic.version, v16.extrinsic.versions[0]], [4; 3]);
    let identifiers = ["CheckNonce", "CheckWeight"];
    assert!(v14.extrinsic.signed_extensions.iter().map(|e| e.identifier.as_str()).eq(identifiers));
    assert!(v15.extrinsic.signed_extensions.iter().map(|e| e.identifier.as_str()).eq(identifiers));
    assert!(v16.extrinsic.transaction_extensions.iter().map(|e| e.identifier.as_str()).eq(identifiers));
    assert_eq!(v15.apis[0].methods[0].inputs[0].name, "at");
    assert_eq!(v16.apis[0].version, Compact(5));
    for types in [&v14.types, &v15.types, &v16.types] {
        let paths = paths(types);
        assert!(paths.contains(&vec!["sp_core", "crypto", "AccountId32"]), "{paths:?}");
    }
    assert!(paths(&v14.types).contains(&vec![
        "sp_runtime",
        "generic",
        "unchecked_extrinsic",
        "UncheckedExtrinsic"
    ]));
}

#[test]
fn r3_v16_lists_the_extensions_under_version_zero() {
    let RuntimeMetadata::V16(v16) = decoded(16) else { panic!("V16") };
    let listed: Vec<_> = v16.extrinsic.transaction_extensions_by_version.into_iter().collect();
    assert_eq!(listed, [(0, vec![Compact(0), Compact(1)])]);
    assert_eq!(v16.pallets[0].associated_types[0].name, "Hashing");
}

#[test]
fn calls_keep_index_docs_and_type_names() {
    let scale_info::TypeDef::Variant(variants) = Call::type_info().type_def else { panic!("an enum") };
    let call = &variants.variants[0];
    assert_eq!((call.name, call.index), ("nothing", 4));
    assert_eq!(call.docs, ["Does nothing."]);
    assert!(call.fields[0].type_name.is_some());
}

#[test]
fn unknown_versions_are_not_made_up() {
    assert_eq!(VERSIONS.map(|version| encode_version(version, &runtime()).is_some()), [true; 3]);
    for version in [0, 13, 17, u32::MAX] {
        assert!(encode_version(version, &runtime()).is_none());
    }
}
