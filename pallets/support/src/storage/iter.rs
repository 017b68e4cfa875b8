//! Walks over all keys under a prefix.

use alloc::vec::Vec;
use core::marker::PhantomData;

use parity_scale_codec::Decode;

use super::Types;
use crate::host;

/// Yields what `decode` makes of each key under a prefix; keys or values that do not decode are skipped.
#[derive(Debug)]
pub struct PrefixIter<T> {
    prefix: Vec<u8>,
    at: Vec<u8>,
    decode: fn(key_tail: &[u8], key: &[u8]) -> Option<T>,
    item: Types<T>,
}

impl<T> PrefixIter<T> {
    /// `decode` gets the key behind the prefix, and the whole key.
    pub(super) fn new(prefix: Vec<u8>, decode: fn(&[u8], &[u8]) -> Option<T>) -> Self {
        Self { at: prefix.clone(), prefix, decode, item: PhantomData }
    }
}

impl<T> Iterator for PrefixIter<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        loop {
            let key = host::storage_next_key(&self.at)?;
            let tail = key.strip_prefix(self.prefix.as_slice())?;
            let item = (self.decode)(tail, &key);
            self.at = key;
            if item.is_some() {
                return item;
            }
        }
    }
}

/// The key behind its hash.
pub(super) fn decode_key<K: Decode>(hash_bytes: usize, tail: &[u8]) -> Option<K> {
    K::decode(&mut tail.get(hash_bytes..)?).ok()
}
