//! The host functions of every other target: thread-local state, see [`crate::testing`].

use alloc::vec::Vec;

use parity_scale_codec::Encode;
use quire_core::{
    KeyTypeId,
    hash::{self, H256},
};

use super::{ClearPrefix, LogLevel};
use crate::meter::{note_read, note_write};
use crate::testing::{with_state, with_state_mut};

/// Gives `read` the value under `key` without copying it.
pub fn storage_with<R>(key: &[u8], read: impl FnOnce(Option<&[u8]>) -> R) -> R {
    // Copied first: `read` may itself use the storage.
    let value = storage_get(key);
    read(value.as_deref())
}

/// The value under `key`.
pub fn storage_get(key: &[u8]) -> Option<Vec<u8>> {
    let value = with_state(|state| state.get(key).map(<[u8]>::to_vec));
    note_read(value.as_ref().map_or(0, Vec::len));
    value
}

/// Copies the value under `key` from `offset` on into `out`, as far as it fits; returns how many bytes there are from
/// `offset` on, or `None` when the key is absent.
pub fn storage_read(key: &[u8], out: &mut [u8], offset: u32) -> Option<u32> {
    let read = with_state(|state| {
        let value = state.get(key)?;
        let rest = value.get(offset as usize..).unwrap_or(&[]);
        let length = rest.len().min(out.len());
        out[..length].copy_from_slice(&rest[..length]);
        Some(u32::try_from(rest.len()).unwrap_or(u32::MAX))
    });
    note_read(read.unwrap_or(0).min(out.len() as u32) as usize);
    read
}

/// Writes `value` under `key`.
pub fn storage_set(key: &[u8], value: &[u8]) {
    note_write(value.len());
    with_state_mut(|state| state.set(key, Some(value.to_vec())));
}

/// Removes `key`.
pub fn storage_clear(key: &[u8]) {
    note_write(0);
    with_state_mut(|state| state.set(key, None));
}

/// Whether `key` has a value.
pub fn storage_exists(key: &[u8]) -> bool {
    note_read(0);
    with_state(|state| state.get(key).is_some())
}

/// Appends one encoded item to the SCALE vector under `key`, without reading the vector.
pub fn storage_append(key: &[u8], item: &[u8]) {
    note_write(item.len());
    with_state_mut(|state| state.append(key, item));
}

/// The least key strictly greater than `key`.
pub fn storage_next_key(key: &[u8]) -> Option<Vec<u8>> {
    note_read(0);
    with_state(|state| state.next_key(key))
}

/// Removes up to `limit` keys that start with `prefix` (all of them without a limit).
pub fn storage_clear_prefix(prefix: &[u8], limit: Option<u32>) -> ClearPrefix {
    let cleared = with_state_mut(|state| state.clear_prefix(prefix, limit));
    (0..cleared.removed()).for_each(|_| note_write(0));
    cleared
}

/// The root of the whole state, trie version 1, including what this call has changed.
pub fn storage_root() -> H256 {
    with_state(crate::testing::TestExternalities::root)
}

/// Opens a nested transaction.
pub fn start_transaction() {
    with_state_mut(crate::testing::TestExternalities::start_transaction);
}

/// Undoes and closes the innermost transaction.
pub fn rollback_transaction() {
    with_state_mut(crate::testing::TestExternalities::rollback_transaction);
}

/// Keeps what the innermost transaction did, and closes it.
pub fn commit_transaction() {
    with_state_mut(crate::testing::TestExternalities::commit_transaction);
}

/// blake2b with a 128-bit digest.
pub fn blake2_128(data: &[u8]) -> [u8; 16] {
    hash::blake2_128(data)
}

/// blake2b with a 256-bit digest.
pub fn blake2_256(data: &[u8]) -> [u8; 32] {
    hash::blake2_256(data)
}

/// XXH64 with seed 0, little-endian.
pub fn twox_64(data: &[u8]) -> [u8; 8] {
    hash::twox_64(data)
}

/// XXH64 with seeds 0 and 1, little-endian.
pub fn twox_128(data: &[u8]) -> [u8; 16] {
    hash::twox_128(data)
}

/// SHA-256.
pub fn sha2_256(data: &[u8]) -> [u8; 32] {
    hash::sha2_256(data)
}

/// Whether `signature` is `public`'s sr25519 signature of `message` in the context `substrate`.
pub fn sr25519_verify(signature: &[u8; 64], message: &[u8], public: &[u8; 32]) -> bool {
    let Ok(public) = schnorrkel::PublicKey::from_bytes(public) else { return false };
    let Ok(signature) = schnorrkel::Signature::from_bytes(signature) else { return false };
    public.verify_simple(b"substrate", message, &signature).is_ok()
}

/// Whether `signature` is `public`'s ed25519 signature of `message`.
pub fn ed25519_verify(signature: &[u8; 64], message: &[u8], public: &[u8; 32]) -> bool {
    let Ok(public) = ed25519_zebra::VerificationKey::try_from(*public) else { return false };
    public.verify(&ed25519_zebra::Signature::from(*signature), message).is_ok()
}

/// An sr25519 key that key type and seed determine: the stand-in has no keystore to put it into (R5).
pub fn sr25519_generate(key_type: KeyTypeId, seed: Option<&[u8]>) -> [u8; 32] {
    let mini = schnorrkel::MiniSecretKey::from_bytes(&stand_in_secret(key_type, seed))
        .expect("a mini secret is any 32 bytes");
    mini.expand_to_keypair(schnorrkel::ExpansionMode::Ed25519).public.to_bytes()
}

/// An ed25519 key that key type and seed determine: the stand-in has no keystore to put it into (R5).
pub fn ed25519_generate(key_type: KeyTypeId, seed: Option<&[u8]>) -> [u8; 32] {
    let secret = ed25519_zebra::SigningKey::from(stand_in_secret(key_type, seed));
    ed25519_zebra::VerificationKeyBytes::from(&secret).into()
}

fn stand_in_secret(key_type: KeyTypeId, seed: Option<&[u8]>) -> [u8; 32] {
    hash::blake2_256(&(key_type, seed).encode())
}

/// Root of the trie `Compact(index) -> item` with the V0 layout: the extrinsics root.
pub fn ordered_root(items: &[Vec<u8>]) -> H256 {
    quire_trie::ordered_root(quire_trie::StateVersion::V0, items)
}

/// As [`ordered_root`], for an encoded vector of items; one that does not decode counts as empty.
pub fn ordered_root_of_encoded(items: &[u8]) -> H256 {
    let items: Vec<Vec<u8>> = parity_scale_codec::Decode::decode(&mut &*items).unwrap_or_default();
    ordered_root(&items)
}

/// Writes a line to the test's log.
pub fn log(level: LogLevel, target: &str, message: &str) {
    with_state_mut(|state| state.log(level, target, message));
}

/// Whether a line of this level would be kept.
pub fn log_enabled(_level: LogLevel) -> bool {
    true
}

/// The encoded version of the runtime `code`: what [`crate::testing::TestExternalities::set_runtime_version`] said.
pub fn runtime_version(code: &[u8]) -> Option<Vec<u8>> {
    with_state(|state| state.runtime_version(code))
}
