//! Storage items as `const` values: typed views on the flat key space of the state, with their own metadata.
//!
//! Terms: an item's *prefix* is `twox128(pallet) ++ twox128(item)`, computed at compile time; a map appends one hashed
//! key, a double map two. The keys are public, because the node reads the state natively with the same consts.
//!
//! Rules:
//! * R1. Keys are Substrate's, byte for byte, so unmodified clients find the items.
//! * R2. A value that does not decode counts as absent and is logged: nothing on chain panics on its own state.
//! * R3. An item built with `.defaulted()` reads as `T::default()` when absent, in metadata too.
//! * R4. Iterators visit keys in the order of their hashes; whoever iterates bounds the number of steps, and must not
//!   insert meanwhile (removing what was yielded is fine).

mod counted;
mod double_map;
mod hasher;
mod iter;
mod map;
mod value;

#[cfg(test)]
mod tests;

use alloc::vec::Vec;
use core::marker::PhantomData;

use parity_scale_codec::{Decode, Encode};
use quire_core::hash::twox_128_const;

pub use counted::CountedMap;
pub use double_map::StorageDoubleMap;
pub use hasher::{Blake2_128Concat, HasherKind, Identity, StorageHasher, Twox64Concat};
pub use iter::PrefixIter;
pub use map::StorageMap;
pub use value::StorageValue;

use crate::host;

/// Types that an item is about and does not hold.
type Types<T> = PhantomData<fn() -> T>;

/// Length of an item's prefix.
pub const PREFIX_BYTES: usize = 32;

/// `twox128(pallet) ++ twox128(item)`, at compile time.
pub const fn prefix(pallet: &str, item: &str) -> [u8; PREFIX_BYTES] {
    let pallet = twox_128_const(pallet.as_bytes());
    let item = twox_128_const(item.as_bytes());
    let mut prefix = [0; PREFIX_BYTES];
    let mut i = 0;
    while i < 16 {
        prefix[i] = pallet[i];
        prefix[16 + i] = item[i];
        i += 1;
    }
    prefix
}

/// Encoding of the default, for metadata.
fn encoded_default<T: Default + Encode>() -> Vec<u8> {
    T::default().encode()
}

/// Reads and decodes the value under `key`.
fn read<T: Decode>(key: &[u8]) -> Option<T> {
    host::storage_with(key, |value| decode(key, value?))
}

/// Decodes a value; one that does not decode is logged and counts as absent.
fn decode<T: Decode>(key: &[u8], mut value: &[u8]) -> Option<T> {
    let decoded = T::decode(&mut value);
    if decoded.is_err() {
        let message = alloc::format!("value under 0x{} does not decode; treated as absent", Hex(key));
        host::log(host::LogLevel::Error, "storage", &message);
    }
    decoded.ok()
}

/// Writes or removes the value under `key`.
fn write<T: Encode>(key: &[u8], value: Option<&T>) {
    match value {
        Some(value) => value.using_encoded(|value| host::storage_set(key, value)),
        None => host::storage_clear(key),
    }
}

/// Reads, lets `change` work on it, writes back what is left.
fn mutate<T: Decode + Encode, R>(key: &[u8], change: impl FnOnce(&mut Option<T>) -> R) -> R {
    let mut value = read(key);
    let result = change(&mut value);
    write(key, value.as_ref());
    result
}

/// As [`mutate`], but writes only when `change` returns `Ok`.
fn try_mutate<T: Decode + Encode, R, E>(
    key: &[u8],
    change: impl FnOnce(&mut Option<T>) -> Result<R, E>,
) -> Result<R, E> {
    let mut value = read(key);
    let result = change(&mut value)?;
    write(key, value.as_ref());
    Ok(result)
}

/// Prints bytes as hex.
struct Hex<'a>(&'a [u8]);

impl core::fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
