//! Calls made from choices: whatever the bytes, the result is a call that decodes, of any pallet.
//!
//! The walk follows the runtime's own type descriptions, so a pallet that joins the runtime joins the fuzzing.

use crate::{choices::Choices, world};
use parity_scale_codec::{Compact, Encode};
use quire_runtime::RuntimeCall;
use scale_info::{PortableRegistry, Registry, TypeDef, TypeDefPrimitive, form::PortableForm, meta_type};
use std::sync::OnceLock;

/// Depth from which lists stay empty and enums take their first variant.
const SHALLOW_DEPTH: usize = 24;
/// Longest list of anything but bytes.
const MAX_ITEMS: usize = 6;

struct Types {
    registry: PortableRegistry,
    call: u32,
}

fn types() -> &'static Types {
    static TYPES: OnceLock<Types> = OnceLock::new();
    TYPES.get_or_init(|| {
        let mut registry = Registry::new();
        let call = registry.register_type(&meta_type::<RuntimeCall>()).id;
        Types { registry: registry.into(), call }
    })
}

/// The encoding of some call.
pub(crate) fn call(choices: &mut Choices<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    value(choices, &types().registry, types().call, 0, &mut out);
    out
}

fn value(choices: &mut Choices<'_>, registry: &PortableRegistry, id: u32, depth: usize, out: &mut Vec<u8>) {
    let ty = registry.resolve(id).expect("a type names only types of its registry");
    let below = |choices: &mut Choices<'_>, id: u32, out: &mut Vec<u8>| {
        value(choices, registry, id, depth + 1, out);
    };
    match &ty.type_def {
        TypeDef::Composite(composite) => match ty.path.segments.last().map(String::as_str) {
            Some("AccountId32") => out.extend_from_slice(&account(choices)),
            _ => composite.fields.iter().for_each(|field| below(choices, field.ty.id, out)),
        },
        TypeDef::Variant(variants) => {
            let count = if depth < SHALLOW_DEPTH { variants.variants.len() } else { 1 };
            let Some(chosen) = variants.variants.get(choices.below(count)) else { return };
            out.push(chosen.index);
            chosen.fields.iter().for_each(|field| below(choices, field.ty.id, out));
        }
        TypeDef::Sequence(list) => {
            let items = items(choices, registry, list.type_param.id, depth);
            Compact(items as u32).encode_to(out);
            (0..items).for_each(|_| below(choices, list.type_param.id, out));
        }
        TypeDef::Array(list) if list.len == 32 => out.extend_from_slice(&account(choices)),
        TypeDef::Array(list) => (0..list.len).for_each(|_| below(choices, list.type_param.id, out)),
        TypeDef::Tuple(tuple) => tuple.fields.iter().for_each(|field| below(choices, field.id, out)),
        TypeDef::Primitive(primitive) => number(choices, primitive, out),
        TypeDef::Compact(inner) => compact(choices, registry, inner.type_param.id, out),
        TypeDef::BitSequence(_) => out.push(0),
    }
}

/// Keys and accounts are mostly those that exist.
fn account(choices: &mut Choices<'_>) -> [u8; 32] {
    match choices.below(16) {
        0 => choices.array(),
        1 => [0; 32],
        _ => world::account(choices.below(world::ACCOUNTS)).0,
    }
}

fn items(choices: &mut Choices<'_>, registry: &PortableRegistry, id: u32, depth: usize) -> usize {
    let is_byte = registry
        .resolve(id)
        .is_some_and(|ty| matches!(ty.type_def, TypeDef::Primitive(TypeDefPrimitive::U8)));
    match (is_byte, depth < SHALLOW_DEPTH) {
        (true, _) => usize::from(choices.byte()),
        (false, true) => choices.below(MAX_ITEMS + 1),
        (false, false) => 0,
    }
}

fn number(choices: &mut Choices<'_>, primitive: &TypeDefPrimitive, out: &mut Vec<u8>) {
    let number = match primitive {
        TypeDefPrimitive::U8 => u128::from(choices.byte()),
        _ => choices.number(),
    };
    let bytes = number.to_le_bytes();
    match primitive {
        TypeDefPrimitive::Bool => out.push(bytes[0] & 1),
        TypeDefPrimitive::Str => out.extend_from_slice(&"text".encode()),
        TypeDefPrimitive::Char => out.extend_from_slice(&u32::from('q').to_le_bytes()),
        TypeDefPrimitive::U8 | TypeDefPrimitive::I8 => out.extend_from_slice(&bytes[..1]),
        TypeDefPrimitive::U16 | TypeDefPrimitive::I16 => out.extend_from_slice(&bytes[..2]),
        TypeDefPrimitive::U32 | TypeDefPrimitive::I32 => out.extend_from_slice(&bytes[..4]),
        TypeDefPrimitive::U64 | TypeDefPrimitive::I64 => out.extend_from_slice(&bytes[..8]),
        TypeDefPrimitive::U128 | TypeDefPrimitive::I128 => out.extend_from_slice(&bytes),
        TypeDefPrimitive::U256 | TypeDefPrimitive::I256 => {
            out.extend_from_slice(&bytes);
            out.extend_from_slice(&[0; 16]);
        }
    }
}

fn compact(choices: &mut Choices<'_>, registry: &PortableRegistry, id: u32, out: &mut Vec<u8>) {
    let width = registry.resolve(id).map(|ty| primitive_of(registry, ty)).unwrap_or(TypeDefPrimitive::U128);
    let number = choices.number();
    match width {
        TypeDefPrimitive::U8 => Compact(number as u8).encode_to(out),
        TypeDefPrimitive::U16 => Compact(number as u16).encode_to(out),
        TypeDefPrimitive::U32 => Compact(number as u32).encode_to(out),
        TypeDefPrimitive::U64 => Compact(number as u64).encode_to(out),
        _ => Compact(number).encode_to(out),
    }
}

/// The number inside a type that stands for one; compact units take no bytes and no number.
fn primitive_of(registry: &PortableRegistry, ty: &scale_info::Type<PortableForm>) -> TypeDefPrimitive {
    match &ty.type_def {
        TypeDef::Primitive(primitive) => primitive.clone(),
        TypeDef::Composite(composite) => composite
            .fields
            .first()
            .and_then(|field| registry.resolve(field.ty.id))
            .map_or(TypeDefPrimitive::U128, |inner| primitive_of(registry, inner)),
        _ => TypeDefPrimitive::U128,
    }
}
