//! The root of a set of pairs, from the definition: no rows, no changes. Genesis blocks, extrinsics roots, and the
//! second opinion on [`crate::update`].
//!
//! R1. A range of sorted keys that share their nibbles up to a position makes one node: its partial key is what they
//!     share beyond it, its value is that of the key that ends there, its children are the ranges of equal next nibble.

use crate::node::{Merkle, ValueRef, encode, is_hashed};
use crate::path::push_nibbles;
use crate::{EMPTY_ROOT, StateVersion};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use parity_scale_codec::{Compact, Encode};
use quire_core::H256;
use quire_core::hash::blake2_256;

/// The root of a trie of pairs; of several pairs with one key the last counts.
pub fn root<K, V>(version: StateVersion, pairs: impl IntoIterator<Item = (K, V)>) -> H256
where
    K: AsRef<[u8]>,
    V: AsRef<[u8]>,
{
    let mut sorted = BTreeMap::new();
    for (key, value) in pairs {
        let mut nibbles = Vec::new();
        push_nibbles(key.as_ref(), &mut nibbles);
        sorted.insert(nibbles, value);
    }
    let sorted: Vec<(Vec<u8>, V)> = sorted.into_iter().collect();
    root_of_sorted(version, &sorted)
}

/// The root of a trie that maps `Compact<u32>(index)` to items: the extrinsics root (version 0), receipts.
pub fn ordered_root<T: AsRef<[u8]>>(version: StateVersion, items: &[T]) -> H256 {
    root(version, items.iter().enumerate().map(|(index, item)| (Compact(index as u32).encode(), item)))
}

/// A range of keys that becomes one node.
struct Group {
    /// First key that no child has taken yet.
    next: usize,
    /// End of the range.
    last: usize,
    /// Nibbles of the node's position.
    start: usize,
    /// Nibbles of the node's full path.
    end: usize,
    /// Index of the pair whose key ends here.
    value: Option<usize>,
    children: [Merkle; 16],
}

impl Group {
    fn new<V>(pairs: &[(Vec<u8>, V)], first: usize, last: usize, start: usize) -> Group {
        let (low, high) = (&pairs[first].0, &pairs[last - 1].0);
        // In sorted order the first and the last key share least.
        let end = low.iter().zip(high).take_while(|(a, b)| a == b).count();
        let value = (low.len() == end).then_some(first);
        let next = first + usize::from(value.is_some());
        Group { next, last, start, end, value, children: [Merkle::NONE; 16] }
    }
}

fn root_of_sorted<V: AsRef<[u8]>>(version: StateVersion, pairs: &[(Vec<u8>, V)]) -> H256 {
    if pairs.is_empty() {
        return EMPTY_ROOT;
    }
    let mut stack = alloc::vec![Group::new(pairs, 0, pairs.len(), 0)];
    loop {
        let Some(group) = stack.last_mut() else { return EMPTY_ROOT };
        if group.next < group.last {
            let (first, end) = (group.next, group.end);
            let nibble = pairs[first].0[end];
            let count = pairs[first..group.last].iter().take_while(|(key, _)| key[end] == nibble).count();
            group.next += count;
            stack.push(Group::new(pairs, first, first + count, end + 1));
            continue;
        }
        let encoding = encode_group(version, pairs, group);
        let (start, last) = (group.start, group.last);
        stack.pop();
        match stack.last_mut() {
            None => return H256(blake2_256(&encoding)),
            Some(parent) => {
                let nibble = pairs[last - 1].0[start - 1];
                parent.children[usize::from(nibble)] = Merkle::of(&encoding);
            }
        }
    }
}

fn encode_group<V: AsRef<[u8]>>(version: StateVersion, pairs: &[(Vec<u8>, V)], group: &Group) -> Vec<u8> {
    let partial = &pairs[group.last - 1].0[group.start..group.end];
    match group.value.map(|index| pairs[index].1.as_ref()) {
        None => encode(partial, ValueRef::None, &group.children),
        Some(value) if is_hashed(version, value) => {
            encode(partial, ValueRef::Hashed(&blake2_256(value)), &group.children)
        }
        Some(value) => encode(partial, ValueRef::Inline(value), &group.children),
    }
}
