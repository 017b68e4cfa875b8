//! What the metadata must say, for every pallet alike: clients show docs, find items by name and decode by index.

use alloc::{collections::BTreeSet, string::String};
use core::fmt::Debug;

use frame_metadata::{
    RuntimeMetadata, RuntimeMetadataPrefixed,
    v14::StorageEntryType,
    v16::{PalletMetadata, RuntimeMetadataV16},
};
use pallet_support::DispatchError;
use scale_info::{Field, PortableRegistry, TypeDef, TypeInfo, Variant, form::PortableForm};

use super::*;

/// The metadata V16 of the runtime, which says everything that older versions say.
fn decoded() -> RuntimeMetadataV16 {
    let bytes = crate::metadata::at_version(16).unwrap();
    match RuntimeMetadataPrefixed::decode(&mut bytes.as_slice()).unwrap().1 {
        RuntimeMetadata::V16(metadata) => metadata,
        other => panic!("{other:?}"),
    }
}

fn variants(types: &PortableRegistry, id: u32) -> &[Variant<PortableForm>] {
    match &types.resolve(id).unwrap().type_def {
        TypeDef::Variant(def) => &def.variants,
        other => panic!("{other:?} is no enum"),
    }
}

/// The enums of a pallet: what they are, their type, and whether clients show their fields.
fn enums(pallet: &PalletMetadata<PortableForm>) -> Vec<(&'static str, u32)> {
    [
        ("Call", pallet.calls.as_ref().map(|calls| calls.ty.id)),
        ("Event", pallet.event.as_ref().map(|event| event.ty.id)),
        ("Error", pallet.error.as_ref().map(|error| error.ty.id)),
    ]
    .into_iter()
    .filter_map(|(kind, id)| Some((kind, id?)))
    .collect()
}

/// Whether there are docs, and every line of them says something when they are put together.
fn says_something(docs: &[String]) -> bool {
    docs.iter().any(|line| line.trim().len() > 3)
}

fn check_fields(place: &str, fields: &[Field<PortableForm>], faults: &mut Vec<String>) {
    for field in fields {
        let name = field.name.clone().unwrap_or_default();
        if name.is_empty() {
            faults.push(std::format!("{place}: a field has no name"));
        }
        if field.type_name.as_ref().is_none_or(String::is_empty) {
            faults.push(std::format!("{place}.{name}: no type_name, some clients crash on that"));
        }
        if !says_something(&field.docs) {
            faults.push(std::format!("{place}.{name}: no docs"));
        }
    }
}

#[test]
fn every_call_event_and_error_has_docs_names_and_its_own_index() {
    let metadata = decoded();
    let mut faults = Vec::new();
    for pallet in &metadata.pallets {
        for (kind, id) in enums(pallet) {
            let (mut names, mut indices) = (BTreeSet::new(), BTreeSet::new());
            for variant in variants(&metadata.types, id) {
                let place = std::format!("{}::{kind}::{}", pallet.name, variant.name);
                if !says_something(&variant.docs) {
                    faults.push(std::format!("{place}: no docs"));
                }
                if !names.insert(&variant.name) || !indices.insert(variant.index) {
                    faults.push(std::format!("{place}: another one has its name or its index"));
                }
                check_fields(&place, &variant.fields, &mut faults);
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn every_pallet_storage_item_constant_and_api_has_docs_and_its_own_name() {
    let metadata = decoded();
    let mut faults = Vec::new();
    let mut expect = |ok: bool, place: String, what: &str| {
        if !ok {
            faults.push(std::format!("{place}: {what}"));
        }
    };
    let (mut names, mut indices) = (BTreeSet::new(), BTreeSet::new());
    for pallet in &metadata.pallets {
        let at = |name: &str| std::format!("{}.{name}", pallet.name);
        expect(says_something(&pallet.docs), at(""), "no docs");
        expect(names.insert(&pallet.name), at(""), "another pallet has its name");
        expect(indices.insert(pallet.index), at(""), "another pallet has its index");
        let mut items = BTreeSet::new();
        for entry in pallet.storage.iter().flat_map(|storage| &storage.entries) {
            expect(says_something(&entry.docs), at(&entry.name), "no docs");
            expect(items.insert(&entry.name), at(&entry.name), "two items have this name");
            if let StorageEntryType::Map { hashers, key, .. } = &entry.ty
                && hashers.len() > 1
            {
                let keys = match &metadata.types.resolve(key.id).unwrap().type_def {
                    TypeDef::Tuple(tuple) => tuple.fields.len(),
                    _ => 1,
                };
                expect(keys == hashers.len(), at(&entry.name), "a hasher without a key");
            }
        }
        let mut constants = BTreeSet::new();
        for constant in &pallet.constants {
            expect(says_something(&constant.docs), at(&constant.name), "no docs");
            expect(constants.insert(&constant.name), at(&constant.name), "two constants have this name");
        }
    }
    for api in &metadata.apis {
        expect(says_something(&api.docs), api.name.clone(), "no docs");
        for method in &api.methods {
            let place = std::format!("{}_{}", api.name, method.name);
            expect(apis::ENTRY_POINTS.contains(&place.as_str()), place.clone(), "no such entry point");
            expect(says_something(&method.docs), place, "no docs");
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn every_entry_point_is_described() {
    let apis = decoded().apis;
    for entry in apis::ENTRY_POINTS {
        let (api, method) = entry.split_once('_').unwrap();
        let described = apis.iter().filter(|one| one.name == api).flat_map(|one| &one.methods);
        assert!(described.into_iter().any(|one| one.name == method), "{entry} is not in the metadata");
    }
}

#[test]
fn type_names_stand_at_every_field_of_every_type() {
    let types = decoded().types;
    for ty in &types.types {
        let fields: Vec<_> = match &ty.ty.type_def {
            TypeDef::Composite(def) => def.fields.iter().collect(),
            TypeDef::Variant(def) => def.variants.iter().flat_map(|variant| &variant.fields).collect(),
            _ => Vec::new(),
        };
        let path = ty.ty.path.segments.join("::");
        // The standard library's types, eras and the opaque extrinsic have none with Substrate either.
        let is_opaque = path.ends_with("::UncheckedExtrinsic") || path.ends_with("::Era");
        let is_exempt = ty.ty.path.segments.len() == 1 || is_opaque;
        for field in fields {
            assert!(is_exempt || field.type_name.is_some(), "{path}: {field:?}");
        }
    }
}

#[test]
fn enums_have_the_paths_that_clients_look_for() {
    let metadata = decoded();
    for pallet in &metadata.pallets {
        for (kind, id) in enums(pallet) {
            let path = &metadata.types.resolve(id).unwrap().path.segments;
            let [krate, module, name] = path.as_slice() else { panic!("{path:?}") };
            let expected = match pallet.name.as_str() {
                "System" => "frame_system".to_owned(),
                other => std::format!("pallet_{}", snake_case(other)),
            };
            assert_eq!((krate, module.as_str(), name.as_str()), (&expected, "pallet", kind), "{path:?}");
        }
    }
    let paths: Vec<_> = metadata.types.types.iter().map(|ty| ty.ty.path.segments.join("::")).collect();
    for path in [
        "frame_support::dispatch::DispatchClass",
        "frame_support::dispatch::DispatchInfo",
        "frame_support::dispatch::Pays",
        "frame_support::dispatch::PerDispatchClass",
        "frame_support::traits::tokens::misc::BalanceStatus",
        "frame_system::AccountInfo",
        "frame_system::LastRuntimeUpgradeInfo",
        "frame_system::limits::BlockLength",
        "frame_system::limits::BlockWeights",
        "frame_system::limits::WeightsPerClass",
        "pallet_balances::types::AccountData",
        "pallet_multisig::Multisig",
        "pallet_multisig::Timepoint",
        "pallet_proxy::Announcement",
        "pallet_proxy::ProxyDefinition",
        "quire_runtime::ProxyType",
        "quire_runtime::RuntimeError",
        "sp_arithmetic::ArithmeticError",
        "sp_runtime::TokenError",
        "sp_runtime::TransactionalError",
        "sp_version::RuntimeVersion",
        "sp_weights::RuntimeDbWeight",
    ] {
        assert!(paths.contains(&path.to_owned()), "no {path}");
    }
}

fn snake_case(name: &str) -> String {
    let mut out = String::new();
    for (place, letter) in name.char_indices() {
        if letter.is_uppercase() && place > 0 {
            out.push('_');
        }
        out.extend(letter.to_lowercase());
    }
    out
}

/// Every error of a pallet: its number in `DispatchError`, the pallet's there, and the name behind both.
fn check_errors<E: Decode + Debug + TypeInfo + Into<DispatchError>>(
    metadata: &RuntimeMetadataV16,
    name: &str,
) {
    let pallet = metadata.pallets.iter().find(|pallet| pallet.name == name).unwrap();
    let described = variants(&metadata.types, pallet.error.as_ref().unwrap().ty.id);
    assert_eq!(variants_of::<E>(), described.len(), "{name}");
    for variant in described {
        let error = E::decode(&mut [variant.index].as_slice()).unwrap();
        assert_eq!(std::format!("{error:?}"), variant.name);
        let DispatchError::Module(module) = error.into() else { panic!("{name}.{}", variant.name) };
        assert_eq!(module.index, pallet.index, "{name}.{}", variant.name);
        assert_eq!(module.error, [variant.index, 0, 0, 0], "{name}.{}", variant.name);
    }
}

fn variants_of<E: TypeInfo>() -> usize {
    match E::type_info().type_def {
        TypeDef::Variant(def) => def.variants.len(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_error_is_found_by_its_numbers() {
    let metadata = decoded();
    check_errors::<pallet_system::Error>(&metadata, "System");
    check_errors::<pallet_balances::Error>(&metadata, "Balances");
    check_errors::<pallet_grandpa::Error>(&metadata, "Grandpa");
    check_errors::<pallet_session::Error>(&metadata, "Session");
    check_errors::<pallet_randomness::Error>(&metadata, "Randomness");
    check_errors::<pallet_equivocation::Error>(&metadata, "Equivocation");
    check_errors::<pallet_upgrade::Error>(&metadata, "Upgrade");
    check_errors::<pallet_members::Error>(&metadata, "Members");
    check_errors::<pallet_bonds::Error>(&metadata, "Bonds");
    check_errors::<pallet_channels::Error>(&metadata, "Channels");
    check_errors::<pallet_anchors::Error>(&metadata, "Anchors");
    check_errors::<pallet_utility::Error>(&metadata, "Utility");
    check_errors::<pallet_multisig::Error>(&metadata, "Multisig");
    check_errors::<pallet_proxy::Error>(&metadata, "Proxy");
    let with_errors = metadata.pallets.iter().filter(|pallet| pallet.error.is_some()).count();
    assert_eq!(with_errors, 14, "a pallet with errors is not checked above");
}

#[test]
fn constants_of_system_hold_what_the_runtime_goes_by() {
    let metadata = decoded();
    let system = metadata.pallets.iter().find(|pallet| pallet.name == "System").unwrap();
    let value = |name: &str| {
        let constant = system.constants.iter().find(|constant| constant.name == name).unwrap();
        constant.value.clone()
    };
    assert_eq!(value("BlockWeights"), pallet_system::limits::block_weights().encode());
    assert_eq!(value("BlockLength"), pallet_system::limits::block_length().encode());
    assert_eq!(value("DbWeight"), pallet_system::limits::db_weight().encode());
    assert_eq!(value("Version"), version::version().encode());
}
