//! Hash functions and the 32-byte hash type.

use alloc::vec::Vec;
use blake2::{Blake2b, digest::consts};
use core::fmt;
use core::str::FromStr;
use parity_scale_codec::{Decode, Encode, MaxEncodedLen};
use scale_info::{Path, Type, TypeInfo, build::Fields};
use sha2::Digest as _;

/// A 32-byte hash, mostly blake2-256.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, MaxEncodedLen)]
pub struct H256(pub [u8; 32]);

impl H256 {
    /// Thirty-two zero bytes.
    pub const ZERO: H256 = H256([0; 32]);

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl TypeInfo for H256 {
    type Identity = Self;

    fn type_info() -> Type {
        Type::builder()
            .path(Path::new("H256", "primitive_types"))
            .composite(Fields::unnamed().field(|f| f.ty::<[u8; 32]>().type_name("[u8; 32]")))
    }
}

impl From<[u8; 32]> for H256 {
    fn from(bytes: [u8; 32]) -> Self {
        H256(bytes)
    }
}

impl From<H256> for [u8; 32] {
    fn from(hash: H256) -> Self {
        hash.0
    }
}

impl AsRef<[u8]> for H256 {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for H256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(f, &self.0)
    }
}

impl fmt::Display for H256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(f, &self.0)
    }
}

/// Text that is not 64 hex digits, with or without `0x` before them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected 32 bytes as 64 hex digits, 0x before them or not; got {got_chars} characters")]
pub struct ParseHexError {
    /// Length of the text, prefix included.
    pub got_chars: usize,
}

/// Reads 32 bytes of hex text.
pub(crate) fn parse_hex32(text: &str) -> Result<[u8; 32], ParseHexError> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    let mut bytes = [0; 32];
    hex::decode_to_slice(digits, &mut bytes).map_err(|_| ParseHexError { got_chars: text.len() })?;
    Ok(bytes)
}

impl FromStr for H256 {
    type Err = ParseHexError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse_hex32(text).map(H256)
    }
}

/// Writes `0x` and lower-case hex (R3 of the crate).
pub(crate) fn write_hex(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    f.write_str("0x")?;
    for byte in bytes {
        write!(f, "{byte:02x}")?;
    }
    Ok(())
}

/// blake2b with a digest of 16 bytes.
pub fn blake2_128(data: &[u8]) -> [u8; 16] {
    Blake2b::<consts::U16>::digest(data).into()
}

/// blake2b with a digest of 32 bytes: the hash of headers, extrinsics and trie nodes.
pub fn blake2_256(data: &[u8]) -> [u8; 32] {
    Blake2b::<consts::U32>::digest(data).into()
}

/// blake2-256 over the concatenation of `parts`, without copying them together.
pub fn blake2_256_concat(parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Blake2b::<consts::U32>::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().into()
}

/// blake2b with a digest of 64 bytes.
pub fn blake2_512(data: &[u8]) -> [u8; 64] {
    Blake2b::<consts::U64>::digest(data).into()
}

/// XXH64 with seed 0, little-endian. Not collision resistant: only for keys that nobody chooses.
pub const fn twox_64(data: &[u8]) -> [u8; 8] {
    xxhash_rust::const_xxh64::xxh64(data, 0).to_le_bytes()
}

/// XXH64 with seeds 0 and 1, little-endian, one after the other: hash of pallet and item names.
pub fn twox_128(data: &[u8]) -> [u8; 16] {
    twox_128_const(data)
}

/// [`twox_128`] at compile time.
pub const fn twox_128_const(data: &[u8]) -> [u8; 16] {
    let low = xxhash_rust::const_xxh64::xxh64(data, 0) as u128;
    let high = xxhash_rust::const_xxh64::xxh64(data, 1) as u128;
    (low | (high << 64)).to_le_bytes()
}

/// SHA-256.
pub fn sha2_256(data: &[u8]) -> [u8; 32] {
    sha2::Sha256::digest(data).into()
}

/// `hash(key) ++ key` with blake2-128: the `Blake2_128Concat` hasher of storage maps.
pub fn blake2_128_concat(key: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(key.len().saturating_add(16));
    out.extend_from_slice(&blake2_128(key));
    out.extend_from_slice(key);
    out
}

/// `hash(key) ++ key` with XXH64: the `Twox64Concat` hasher of storage maps.
pub fn twox_64_concat(key: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(key.len().saturating_add(8));
    out.extend_from_slice(&twox_64(key));
    out.extend_from_slice(key);
    out
}
