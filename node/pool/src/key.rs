//! Hashes and accounts as map keys.
//!
//! Maps here compare keys millions of times a second: as big-endian words, the first word decides nearly always and no
//! call into `memcmp` is made. The order is that of the bytes.

use quire_core::{AccountId, H256};

/// Thirty-two bytes as four big-endian words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key(u64, u64, u64, u64);

impl Key {
    fn new(bytes: &[u8; 32]) -> Self {
        let [a, b, c, d] = words(bytes);
        Self(a, b, c, d)
    }
}

impl From<&H256> for Key {
    fn from(hash: &H256) -> Self {
        Self::new(&hash.0)
    }
}

impl From<&AccountId> for Key {
    fn from(account: &AccountId) -> Self {
        Self::new(&account.0)
    }
}

/// The first `8 * N` bytes as big-endian words; missing bytes are 0.
pub(crate) fn words<const N: usize>(bytes: &[u8]) -> [u64; N] {
    let mut words = [0; N];
    for (word, chunk) in words.iter_mut().zip(bytes.chunks(8)) {
        let mut eight = [0; 8];
        eight[..chunk.len()].copy_from_slice(chunk);
        *word = u64::from_be_bytes(eight);
    }
    words
}

#[cfg(test)]
mod tests;
