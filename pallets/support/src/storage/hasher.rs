//! How a map turns its key into the tail of a storage key; every one of them keeps the key itself readable.

use alloc::vec::Vec;

use crate::host;

/// The hasher's name in metadata.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HasherKind {
    /// `blake2_128(key) ++ key`.
    Blake2_128Concat,
    /// `twox64(key) ++ key`.
    Twox64Concat,
    /// `key`.
    Identity,
}

/// A way to place keys in the key space.
pub trait StorageHasher {
    /// Its name in metadata.
    const KIND: HasherKind;
    /// Length of the hash before the key.
    const HASH_BYTES: usize;
    /// Appends the hash of `key` and `key` itself to `out`.
    fn append(key: &[u8], out: &mut Vec<u8>);
}

/// `blake2_128(key) ++ key`: for keys that a stranger may choose.
#[derive(Clone, Copy, Debug)]
pub struct Blake2_128Concat;

/// `twox64(key) ++ key`: for keys that nobody chooses, such as counters.
#[derive(Clone, Copy, Debug)]
pub struct Twox64Concat;

/// `key`: for keys that are hashes already, or few, or whose order matters.
#[derive(Clone, Copy, Debug)]
pub struct Identity;

impl StorageHasher for Blake2_128Concat {
    const KIND: HasherKind = HasherKind::Blake2_128Concat;
    const HASH_BYTES: usize = 16;
    fn append(key: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(&host::blake2_128(key));
        out.extend_from_slice(key);
    }
}

impl StorageHasher for Twox64Concat {
    const KIND: HasherKind = HasherKind::Twox64Concat;
    const HASH_BYTES: usize = 8;
    fn append(key: &[u8], out: &mut Vec<u8>) {
        // Cheaper here than a call of the host.
        out.extend_from_slice(&quire_core::hash::twox_64(key));
        out.extend_from_slice(key);
    }
}

impl StorageHasher for Identity {
    const KIND: HasherKind = HasherKind::Identity;
    const HASH_BYTES: usize = 0;
    fn append(key: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(key);
    }
}
