//! The host functions of the Wasm build: imports from module `env`, as every Polkadot executor offers them.
//!
//! Terms: a *fat pointer* is one `u64`, `length << 32 | address`; buffers that the host returns were allocated by the
//! host's allocator, which is also the allocator of this module ([`HostAllocator`]), so they are taken over as `Vec`s
//! and freed by dropping them.

use alloc::vec::Vec;
use core::alloc::{GlobalAlloc, Layout};

use parity_scale_codec::{Compact, Decode, Encode};
use quire_core::{KeyTypeId, hash::H256};

use super::{ClearPrefix, LogLevel, align};
use crate::meter::{note_read, note_write};

#[allow(unsafe_code)]
#[link(wasm_import_module = "env")]
unsafe extern "C" {
    fn ext_allocator_malloc_version_1(size: u32) -> u32;
    fn ext_allocator_free_version_1(address: u32);
    fn ext_storage_get_version_1(key: u64) -> u64;
    fn ext_storage_read_version_1(key: u64, out: u64, offset: u32) -> u64;
    fn ext_storage_set_version_1(key: u64, value: u64);
    fn ext_storage_clear_version_1(key: u64);
    fn ext_storage_exists_version_1(key: u64) -> u32;
    fn ext_storage_append_version_1(key: u64, item: u64);
    fn ext_storage_next_key_version_1(key: u64) -> u64;
    fn ext_storage_clear_prefix_version_2(prefix: u64, limit: u64) -> u64;
    fn ext_storage_root_version_2(state_version: u32) -> u64;
    fn ext_storage_start_transaction_version_1();
    fn ext_storage_rollback_transaction_version_1();
    fn ext_storage_commit_transaction_version_1();
    fn ext_hashing_blake2_128_version_1(data: u64) -> u32;
    fn ext_hashing_blake2_256_version_1(data: u64) -> u32;
    fn ext_hashing_twox_64_version_1(data: u64) -> u32;
    fn ext_hashing_twox_128_version_1(data: u64) -> u32;
    fn ext_hashing_sha2_256_version_1(data: u64) -> u32;
    fn ext_crypto_sr25519_verify_version_2(signature: u32, message: u64, public: u32) -> u32;
    fn ext_crypto_ed25519_verify_version_1(signature: u32, message: u64, public: u32) -> u32;
    fn ext_crypto_sr25519_generate_version_1(key_type: u32, seed: u64) -> u32;
    fn ext_crypto_ed25519_generate_version_1(key_type: u32, seed: u64) -> u32;
    fn ext_trie_blake2_256_ordered_root_version_2(items: u64, state_version: u32) -> u32;
    fn ext_logging_log_version_1(level: u32, target: u64, message: u64);
    fn ext_logging_max_level_version_1() -> u32;
    fn ext_misc_runtime_version_version_1(code: u64) -> u64;
}

/// The allocator of the runtime: the host's, so that buffers can change hands in both directions.
#[derive(Debug)]
pub struct HostAllocator;

/// Installed here and not in the runtime, because the `Vec::from_raw_parts` below rely on it.
#[global_allocator]
static ALLOCATOR: HostAllocator = HostAllocator;

// SAFETY: the host's allocator returns blocks of at least `size` bytes that overlap no other live block, aligned to
// eight bytes; `align` serves larger alignments out of larger blocks. It traps instead of unwinding when out of memory.
// It needs no size to free.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for HostAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // usize is u32 on wasm32, so the cast is exact.
        // SAFETY: the import has this signature in every Polkadot host, and returns blocks as `align` wants them.
        unsafe { align::alloc(layout, |bytes| ext_allocator_malloc_version_1(bytes as u32) as *mut u8) }
    }

    unsafe fn dealloc(&self, address: *mut u8, layout: Layout) {
        // SAFETY: `address` came from `alloc`, or from the host as bytes, that is from the same allocator, and is freed
        // once.
        unsafe { align::dealloc(address, layout, |block| ext_allocator_free_version_1(block as u32)) }
    }
}

/// The fat pointer of a slice; valid for the host only as long as the slice is borrowed.
fn fat(bytes: &[u8]) -> u64 {
    (bytes.len() as u64) << 32 | (bytes.as_ptr() as u32 as u64)
}

/// Takes over a buffer that the host allocated for us and returned as a fat pointer.
#[allow(unsafe_code)]
fn take(fat_pointer: u64) -> Vec<u8> {
    let length = (fat_pointer >> 32) as usize;
    if length == 0 {
        return Vec::new();
    }
    take_plain(fat_pointer as u32, length)
}

/// Takes over a buffer of known length that the host returned as a plain pointer.
#[allow(unsafe_code)]
fn take_plain(address: u32, length: usize) -> Vec<u8> {
    // SAFETY: the host allocated `length` initialised bytes at `address` with the allocator that is our global one
    // (ALLOCATOR above), hands them over for good, and u8 needs no alignment.
    unsafe { Vec::from_raw_parts(address as *mut u8, length, length) }
}

/// A fixed-size result that the host returned as a plain pointer.
fn take_array<const N: usize>(address: u32) -> [u8; N] {
    let bytes = take_plain(address, N);
    let mut array = [0; N];
    array.copy_from_slice(&bytes);
    array
}

/// Gives `read` the value under `key` without copying it.
#[allow(unsafe_code)]
pub fn storage_with<R>(key: &[u8], read: impl FnOnce(Option<&[u8]>) -> R) -> R {
    // SAFETY: reads `key`, which is borrowed for the call; the result is a buffer for us.
    let encoded = take(unsafe { ext_storage_get_version_1(fat(key)) });
    let mut rest = encoded.as_slice();
    let is_there = matches!(u8::decode(&mut rest), Ok(1)) && Compact::<u32>::decode(&mut rest).is_ok();
    let value = is_there.then_some(rest);
    note_read(value.map_or(0, <[u8]>::len));
    read(value)
}

/// The value under `key`.
pub fn storage_get(key: &[u8]) -> Option<Vec<u8>> {
    storage_with(key, |value| value.map(<[u8]>::to_vec))
}

/// Copies the value under `key` from `offset` on into `out`, as far as it fits; returns how many bytes there are from
/// `offset` on, or `None` when the key is absent.
#[allow(unsafe_code)]
pub fn storage_read(key: &[u8], out: &mut [u8], offset: u32) -> Option<u32> {
    let target = (out.len() as u64) << 32 | (out.as_mut_ptr() as u32 as u64);
    // SAFETY: the host reads `key` and writes at most `out.len()` bytes to `out`, both borrowed for the call.
    let encoded = take(unsafe { ext_storage_read_version_1(fat(key), target, offset) });
    let read = Option::<u32>::decode(&mut encoded.as_slice()).ok().flatten();
    note_read(read.unwrap_or(0).min(out.len() as u32) as usize);
    read
}

/// Writes `value` under `key`.
#[allow(unsafe_code)]
pub fn storage_set(key: &[u8], value: &[u8]) {
    note_write(value.len());
    // SAFETY: reads both slices, which are borrowed for the call.
    unsafe { ext_storage_set_version_1(fat(key), fat(value)) }
}

/// Removes `key`.
#[allow(unsafe_code)]
pub fn storage_clear(key: &[u8]) {
    note_write(0);
    // SAFETY: reads `key`, which is borrowed for the call.
    unsafe { ext_storage_clear_version_1(fat(key)) }
}

/// Whether `key` has a value.
#[allow(unsafe_code)]
pub fn storage_exists(key: &[u8]) -> bool {
    note_read(0);
    // SAFETY: reads `key`, which is borrowed for the call.
    unsafe { ext_storage_exists_version_1(fat(key)) != 0 }
}

/// Appends one encoded item to the SCALE vector under `key`, without reading the vector.
#[allow(unsafe_code)]
pub fn storage_append(key: &[u8], item: &[u8]) {
    note_write(item.len());
    // SAFETY: reads both slices, which are borrowed for the call.
    unsafe { ext_storage_append_version_1(fat(key), fat(item)) }
}

/// The least key strictly greater than `key`.
#[allow(unsafe_code)]
pub fn storage_next_key(key: &[u8]) -> Option<Vec<u8>> {
    // SAFETY: reads `key`, which is borrowed for the call; the result is a buffer for us.
    let encoded = take(unsafe { ext_storage_next_key_version_1(fat(key)) });
    note_read(0);
    Option::<Vec<u8>>::decode(&mut encoded.as_slice()).ok().flatten()
}

/// Removes up to `limit` keys that start with `prefix` (all of them without a limit).
#[allow(unsafe_code)]
pub fn storage_clear_prefix(prefix: &[u8], limit: Option<u32>) -> ClearPrefix {
    let limit = limit.encode();
    // SAFETY: reads both slices, which are borrowed for the call; the result is a buffer for us.
    let encoded = take(unsafe { ext_storage_clear_prefix_version_2(fat(prefix), fat(&limit)) });
    let cleared = ClearPrefix::decode(&mut encoded.as_slice()).unwrap_or(ClearPrefix::SomeRemaining(0));
    (0..cleared.removed()).for_each(|_| note_write(0));
    cleared
}

/// The root of the whole state, trie version 1, including what this call has changed.
#[allow(unsafe_code)]
pub fn storage_root() -> H256 {
    // SAFETY: the result is a buffer for us.
    let root = take(unsafe { ext_storage_root_version_2(1) });
    let mut hash = [0; 32];
    if let Some(bytes) = root.last_chunk::<32>() {
        hash = *bytes;
    }
    H256(hash)
}

/// Opens a nested transaction.
#[allow(unsafe_code)]
pub fn start_transaction() {
    // SAFETY: touches no memory of ours.
    unsafe { ext_storage_start_transaction_version_1() }
}

/// Undoes and closes the innermost transaction.
#[allow(unsafe_code)]
pub fn rollback_transaction() {
    // SAFETY: touches no memory of ours.
    unsafe { ext_storage_rollback_transaction_version_1() }
}

/// Keeps what the innermost transaction did, and closes it.
#[allow(unsafe_code)]
pub fn commit_transaction() {
    // SAFETY: touches no memory of ours.
    unsafe { ext_storage_commit_transaction_version_1() }
}

/// blake2b with a 128-bit digest.
#[allow(unsafe_code)]
pub fn blake2_128(data: &[u8]) -> [u8; 16] {
    // SAFETY: reads `data`, which is borrowed for the call; returns 16 bytes for us.
    take_array(unsafe { ext_hashing_blake2_128_version_1(fat(data)) })
}

/// blake2b with a 256-bit digest.
#[allow(unsafe_code)]
pub fn blake2_256(data: &[u8]) -> [u8; 32] {
    // SAFETY: reads `data`, which is borrowed for the call; returns 32 bytes for us.
    take_array(unsafe { ext_hashing_blake2_256_version_1(fat(data)) })
}

/// XXH64 with seed 0, little-endian.
#[allow(unsafe_code)]
pub fn twox_64(data: &[u8]) -> [u8; 8] {
    // SAFETY: reads `data`, which is borrowed for the call; returns 8 bytes for us.
    take_array(unsafe { ext_hashing_twox_64_version_1(fat(data)) })
}

/// XXH64 with seeds 0 and 1, little-endian.
#[allow(unsafe_code)]
pub fn twox_128(data: &[u8]) -> [u8; 16] {
    // SAFETY: reads `data`, which is borrowed for the call; returns 16 bytes for us.
    take_array(unsafe { ext_hashing_twox_128_version_1(fat(data)) })
}

/// SHA-256.
#[allow(unsafe_code)]
pub fn sha2_256(data: &[u8]) -> [u8; 32] {
    // SAFETY: reads `data`, which is borrowed for the call; returns 32 bytes for us.
    take_array(unsafe { ext_hashing_sha2_256_version_1(fat(data)) })
}

/// Whether `signature` is `public`'s sr25519 signature of `message` in the context `substrate`.
#[allow(unsafe_code)]
pub fn sr25519_verify(signature: &[u8; 64], message: &[u8], public: &[u8; 32]) -> bool {
    let (signature, public) = (signature.as_ptr() as u32, public.as_ptr() as u32);
    // SAFETY: the host reads 64, `message.len()` and 32 bytes, all borrowed for the call.
    unsafe { ext_crypto_sr25519_verify_version_2(signature, fat(message), public) == 1 }
}

/// Whether `signature` is `public`'s ed25519 signature of `message`.
#[allow(unsafe_code)]
pub fn ed25519_verify(signature: &[u8; 64], message: &[u8], public: &[u8; 32]) -> bool {
    let (signature, public) = (signature.as_ptr() as u32, public.as_ptr() as u32);
    // SAFETY: the host reads 64, `message.len()` and 32 bytes, all borrowed for the call.
    unsafe { ext_crypto_ed25519_verify_version_1(signature, fat(message), public) == 1 }
}

/// Makes an sr25519 key in the node's keystore; ends the call where there is none (R5).
#[allow(unsafe_code)]
pub fn sr25519_generate(key_type: KeyTypeId, seed: Option<&[u8]>) -> [u8; 32] {
    let seed = seed.encode();
    // SAFETY: the host reads four bytes and `seed`, both borrowed for the call; returns 32 bytes for us.
    take_array(unsafe { ext_crypto_sr25519_generate_version_1(key_type.0.as_ptr() as u32, fat(&seed)) })
}

/// Makes an ed25519 key in the node's keystore; ends the call where there is none (R5).
#[allow(unsafe_code)]
pub fn ed25519_generate(key_type: KeyTypeId, seed: Option<&[u8]>) -> [u8; 32] {
    let seed = seed.encode();
    // SAFETY: the host reads four bytes and `seed`, both borrowed for the call; returns 32 bytes for us.
    take_array(unsafe { ext_crypto_ed25519_generate_version_1(key_type.0.as_ptr() as u32, fat(&seed)) })
}

/// Root of the trie `Compact(index) -> item` with the V0 layout: the extrinsics root.
pub fn ordered_root(items: &[Vec<u8>]) -> H256 {
    ordered_root_of_encoded(&items.encode())
}

/// As [`ordered_root`], for an encoded vector of items, without decoding it.
#[allow(unsafe_code)]
pub fn ordered_root_of_encoded(items: &[u8]) -> H256 {
    // SAFETY: reads `items`, which is borrowed for the call; returns 32 bytes for us.
    H256(take_array(unsafe { ext_trie_blake2_256_ordered_root_version_2(fat(items), 0) }))
}

/// Writes a line to the node's log.
#[allow(unsafe_code)]
pub fn log(level: LogLevel, target: &str, message: &str) {
    // SAFETY: reads both slices, which are borrowed for the call.
    unsafe { ext_logging_log_version_1(level as u32, fat(target.as_bytes()), fat(message.as_bytes())) }
}

/// Whether the node would print a line of this level, to avoid formatting for nothing.
#[allow(unsafe_code)]
pub fn log_enabled(level: LogLevel) -> bool {
    // SAFETY: touches no memory of ours.
    unsafe { ext_logging_max_level_version_1() >= level as u32 }
}

/// The encoded version of the runtime `code`, or `None` when it is no runtime that the host can load.
#[allow(unsafe_code)]
pub fn runtime_version(code: &[u8]) -> Option<Vec<u8>> {
    // SAFETY: reads `code`, which is borrowed for the call; the result is a buffer for us.
    let encoded = take(unsafe { ext_misc_runtime_version_version_1(fat(code)) });
    Option::<Vec<u8>>::decode(&mut encoded.as_slice()).ok().flatten()
}
