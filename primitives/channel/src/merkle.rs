//! Merkle trees over hashes, bound to count and position.
//!
//! Built with `merkle_light`: a leaf is `H(0x00 ‖ item)`, a node `H(0x01 ‖ left ‖ right)` (RFC 6962 prefixes), H is
//! blake2-256. On a level of odd width that crate repeats the last hash, where RFC 6962 would lift it; so
//! `[a, b, c]` and `[a, b, c, c]` have one root, and a path does not say where it leads. Therefore:
//!
//! R1 A root is only ever compared together with its count, which whoever signs the root signs too.
//! R2 The root of no items is [`EMPTY_ROOT`]; of one item `H(0x00 ‖ item)` (the crate panics on both).
//! R3 A proof belongs to `(first, len, count)`: the verifier derives every position and every repetition from these
//!    three, takes exactly the siblings that are missing, in order from the leaves up, left before right, and refuses one
//!    too few or too many.
//! R4 `first + len <= count` and `len > 0`; so no proof reaches into the repeated tail.
//!
//! Proofs are single positions or contiguous ranges; a path is the range of length 1.

use alloc::vec::Vec;
use core::hash::Hasher;
use merkle_light::hash::Algorithm;
use merkle_light::merkle::MerkleTree;
use quire_core::H256;
use quire_core::hash::blake2_256;

/// R2: blake2-256 of nothing, so it is not the hash of any leaf or node.
pub const EMPTY_ROOT: H256 = H256([
    0x0e, 0x57, 0x51, 0xc0, 0x26, 0xe5, 0x43, 0xb2, 0xe8, 0xab, 0x2e, 0xb0, 0x60, 0x99, 0xda, 0xa1, 0xd1,
    0xe5, 0xdf, 0x47, 0x77, 0x8f, 0x77, 0x87, 0xfa, 0xab, 0x45, 0xcd, 0xf1, 0x2f, 0xe3, 0xa8,
]);

/// Siblings of one level at most on both sides, for the highest tree of 2^32 leaves.
pub const MAX_PROOF_HASHES: usize = 64;

/// Collects what the tree hashes; a node is 65 bytes, so no hash state has to stream.
#[derive(Clone)]
struct NodeHasher {
    bytes: [u8; 65],
    len: usize,
}

impl Default for NodeHasher {
    fn default() -> Self {
        Self { bytes: [0; 65], len: 0 }
    }
}

impl Hasher for NodeHasher {
    fn finish(&self) -> u64 {
        0 // the trait demands it; merkle_light never asks
    }

    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        let end = self.len.saturating_add(bytes.len());
        if let Some(place) = self.bytes.get_mut(self.len..end) {
            place.copy_from_slice(bytes);
            self.len = end;
        }
    }
}

/// A hash as `merkle_light` wants its items.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Item([u8; 32]);

impl AsRef<[u8]> for Item {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Algorithm<Item> for NodeHasher {
    #[inline]
    fn hash(&mut self) -> Item {
        Item(blake2_256(self.bytes.get(..self.len).unwrap_or(&self.bytes)))
    }

    #[inline]
    fn reset(&mut self) {
        self.len = 0;
    }
}

fn leaf_hash(item: &H256) -> H256 {
    let mut bytes = [0; 33];
    let (_, place) = bytes.split_at_mut(1);
    place.copy_from_slice(&item.0);
    H256(blake2_256(&bytes))
}

fn node_hash(left: &H256, right: &H256) -> H256 {
    let mut bytes = [1; 65];
    let (head, tail) = bytes.split_at_mut(33);
    let (_, place) = head.split_at_mut(1);
    place.copy_from_slice(&left.0);
    tail.copy_from_slice(&right.0);
    H256(blake2_256(&bytes))
}

fn tree(items: &[H256]) -> MerkleTree<Item, NodeHasher> {
    MerkleTree::new(items.iter().map(|item| Item(item.0)))
}

/// Root of `items` (R2).
pub fn root(items: &[H256]) -> H256 {
    match items {
        [] => EMPTY_ROOT,
        [one] => leaf_hash(one),
        _ => H256(tree(items).root().0),
    }
}

/// Proof that `items[first..first + len]` stand at these positions (R3); `None` when the range is not inside (R4).
pub fn range_proof(items: &[H256], first: usize, len: usize) -> Option<Vec<H256>> {
    let end = first.checked_add(len).filter(|end| len > 0 && *end <= items.len())?;
    let mut proof = Vec::new();
    if items.len() == 1 {
        return Some(proof);
    }
    let tree = tree(items);
    let (mut base, mut width, mut low, mut high) = (0, items.len(), first, end);
    while width > 1 {
        let padded = width.checked_add(width & 1)?;
        if low & 1 == 1 {
            proof.push(H256(tree.get(base + low - 1)?.0));
        }
        // A right sibling beyond the width is the repetition of what the verifier has at hand.
        if high & 1 == 1 && high < width {
            proof.push(H256(tree.get(base + high)?.0));
        }
        base += padded;
        (low, high, width) = (low / 2, high.div_ceil(2), padded / 2);
    }
    Some(proof)
}

/// Does `proof` show that `leaves` stand at `first..` among the `count` items under `root`? (R1, R3, R4)
pub fn verify_range(root: &H256, count: u32, first: u32, leaves: &[H256], proof: &[H256]) -> bool {
    let Ok(len) = u32::try_from(leaves.len()) else { return false };
    let (mut width, mut low) = (u64::from(count), u64::from(first));
    if len == 0 || low + u64::from(len) > width || proof.len() > MAX_PROOF_HASHES {
        return false;
    }
    let mut level: Vec<H256> = leaves.iter().map(leaf_hash).collect();
    let mut siblings = proof.iter();
    while width > 1 {
        let Some(next) = lift(level, low, width, &mut siblings) else { return false };
        level = next;
        low /= 2;
        width = width.div_ceil(2);
    }
    siblings.next().is_none() && level.as_slice() == [*root]
}

/// One level up: completes the known run to whole pairs and hashes them.
fn lift<'a>(
    mut level: Vec<H256>,
    low: u64,
    width: u64,
    siblings: &mut impl Iterator<Item = &'a H256>,
) -> Option<Vec<H256>> {
    let high = low.checked_add(level.len() as u64)?;
    if low & 1 == 1 {
        level.insert(0, *siblings.next()?);
    }
    if high & 1 == 1 {
        let right = if high < width { *siblings.next()? } else { *level.last()? };
        level.push(right);
    }
    Some(level.chunks_exact(2).filter_map(|pair| Some(node_hash(pair.first()?, pair.last()?))).collect())
}

/// Proof for one position.
pub fn path(items: &[H256], index: usize) -> Option<Vec<H256>> {
    range_proof(items, index, 1)
}

/// Verifies one position.
pub fn verify(root: &H256, count: u32, index: u32, leaf: &H256, path: &[H256]) -> bool {
    verify_range(root, count, index, core::slice::from_ref(leaf), path)
}

#[cfg(test)]
mod tests;
