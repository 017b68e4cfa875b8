//! Storage proofs: the nodes on the paths of keys, and the values that stand there as hashes.
//!
//! R1. A proof is a set of items without order: encodings of nodes, and values of 33 bytes or more. No item is there
//!     twice; nodes embedded in their parents are no items of their own. The root's node always is one.
//! R2. A key is absent when its path ends at a missing child, inside a partial key that differs, or at a node without
//!     value. The proof holds the node that shows it.
//! R3. A verifier believes nothing but hashes: it looks items up by blake2-256, starting from the root.

use crate::node::{NodeError, NodeRef, ValueRef};
use crate::path::push_nibbles;
use crate::{EMPTY_ROOT, NodePath, NodeReader, TrieError};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec;
use alloc::vec::Vec;
use quire_core::H256;
use quire_core::hash::blake2_256;
use quire_core::limits::{MAX_PROOF_BYTES, MAX_PROOF_ITEMS};

/// Why a proof proves nothing. The one who sent it is at fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// More items or bytes than the limits allow.
    #[error(
        "proof of {items} items and {bytes} bytes; at most {MAX_PROOF_ITEMS} and {MAX_PROOF_BYTES} are read"
    )]
    TooLarge {
        /// Items.
        items: usize,
        /// Bytes of all items.
        bytes: usize,
    },
    /// A node on the key's path is not in the proof.
    #[error("the proof lacks the node with hash {hash}")]
    MissingNode {
        /// Its hash.
        hash: H256,
    },
    /// The value is not in the proof.
    #[error("the proof lacks the value with hash {hash}")]
    MissingValue {
        /// Its hash.
        hash: H256,
    },
    /// A node on the key's path does not decode.
    #[error("a node of the proof is malformed: {0}")]
    Node(#[from] NodeError),
}

/// Proves what the trie holds under `keys`, absence included.
///
/// `value_of` reads the flat state; it is asked for values that stand in their nodes as hashes.
///
/// # Errors
/// When rows cannot be read, are missing or corrupt, or a value is missing.
pub fn prove<R: NodeReader, K: AsRef<[u8]>>(
    reader: &R,
    mut value_of: impl FnMut(&[u8]) -> Result<Option<Vec<u8>>, R::Error>,
    keys: impl IntoIterator<Item = K>,
) -> Result<Vec<Vec<u8>>, TrieError<R::Error>> {
    let mut items = Items::default();
    let Some(root) = reader.node(&NodePath::root()).map_err(TrieError::Read)? else {
        return Ok(vec![vec![0]]);
    };
    items.add(root.clone());
    let mut nibbles = Vec::new();
    for key in keys {
        nibbles.clear();
        push_nibbles(key.as_ref(), &mut nibbles);
        let mut at = 0;
        let mut bytes = root.clone();
        loop {
            let corrupt = |error| TrieError::Corrupt { path: NodePath::from_nibbles(&nibbles[..at]), error };
            let node = NodeRef::decode(&bytes).map_err(corrupt)?;
            match step(&node, &nibbles, at) {
                Step::Absent | Step::Value(ValueRef::None | ValueRef::Inline(_)) => break,
                Step::Value(ValueRef::Hashed(_)) => {
                    let value = value_of(key.as_ref()).map_err(TrieError::Read)?;
                    let missing = || TrieError::MissingValue { key: key.as_ref().to_vec() };
                    items.add(value.ok_or_else(missing)?);
                    break;
                }
                Step::Child(child, next) => {
                    let is_item = child.len() == 32;
                    at = next;
                    let position = NodePath::from_nibbles(&nibbles[..at]);
                    let row = reader.node(&position).map_err(TrieError::Read)?;
                    bytes = row.ok_or(TrieError::Missing { path: position })?;
                    if is_item {
                        items.add(bytes.clone());
                    }
                }
            }
        }
    }
    Ok(items.list)
}

/// Items of a proof in order of discovery, each once.
#[derive(Default)]
pub(crate) struct Items {
    pub(crate) list: Vec<Vec<u8>>,
    hashes: BTreeSet<[u8; 32]>,
}

impl Items {
    pub(crate) fn add(&mut self, item: Vec<u8>) {
        if self.hashes.insert(blake2_256(&item)) {
            self.list.push(item);
        }
    }
}

/// Where a key leads from a node.
enum Step<'a> {
    Absent,
    Value(ValueRef<'a>),
    /// The child's Merkle value and the nibbles of its position.
    Child(&'a [u8], usize),
}

/// Follows `key` from a node with a position of `start` nibbles.
fn step<'a>(node: &NodeRef<'a>, key: &[u8], start: usize) -> Step<'a> {
    let rest = &key[start..];
    let common = node.partial.common_prefix(rest);
    if common < node.partial.len() {
        return Step::Absent;
    }
    match rest.get(common) {
        None => Step::Value(node.value),
        Some(nibble) => match node.children[usize::from(*nibble)] {
            None => Step::Absent,
            Some(child) => Step::Child(child, start + common + 1),
        },
    }
}

/// A proof ready to be asked for many keys.
pub struct Proof<'a> {
    items: BTreeMap<[u8; 32], &'a [u8]>,
}

impl<'a> Proof<'a> {
    /// Takes the items of a proof, in any order.
    ///
    /// # Errors
    /// When there are more than [`MAX_PROOF_ITEMS`] or [`MAX_PROOF_BYTES`].
    pub fn new<T: AsRef<[u8]>>(items: &'a [T]) -> Result<Self, ProofError> {
        let bytes = items.iter().fold(0_usize, |sum, item| sum.saturating_add(item.as_ref().len()));
        if items.len() > MAX_PROOF_ITEMS as usize || bytes > MAX_PROOF_BYTES as usize {
            return Err(ProofError::TooLarge { items: items.len(), bytes });
        }
        Ok(Proof { items: items.iter().map(|item| (blake2_256(item.as_ref()), item.as_ref())).collect() })
    }

    /// What the trie with this root holds under `key`; none when it is proved to hold nothing.
    ///
    /// # Errors
    /// When the proof does not tell, or a node on the path is malformed.
    pub fn get(&self, root: H256, key: &[u8]) -> Result<Option<&'a [u8]>, ProofError> {
        if root == EMPTY_ROOT {
            return Ok(None);
        }
        let mut nibbles = Vec::new();
        push_nibbles(key, &mut nibbles);
        let mut at = 0;
        let mut bytes = self.node(root.0)?;
        loop {
            let node = NodeRef::decode(bytes)?;
            match step(&node, &nibbles, at) {
                Step::Absent | Step::Value(ValueRef::None) => return Ok(None),
                Step::Value(ValueRef::Inline(value)) => return Ok(Some(value)),
                Step::Value(ValueRef::Hashed(hash)) => {
                    let missing = ProofError::MissingValue { hash: H256(*hash) };
                    return self.items.get(hash).map(|value| Some(*value)).ok_or(missing);
                }
                // The position grows with every step, so the loop ends within the key.
                Step::Child(child, next) => {
                    at = next;
                    bytes = match <[u8; 32]>::try_from(child) {
                        Ok(hash) => self.node(hash)?,
                        Err(_) => child,
                    };
                }
            }
        }
    }

    /// The item with this hash.
    pub(crate) fn item(&self, hash: &[u8; 32]) -> Option<&'a [u8]> {
        self.items.get(hash).copied()
    }

    fn node(&self, hash: [u8; 32]) -> Result<&'a [u8], ProofError> {
        self.items.get(&hash).copied().ok_or(ProofError::MissingNode { hash: H256(hash) })
    }
}

/// What the trie with this root holds under `key`, by a proof; none when it is proved to hold nothing.
///
/// # Errors
/// When the proof is too large, does not tell, or is malformed. See [`Proof`] for several keys.
pub fn verify_proof<T: AsRef<[u8]>>(
    root: H256,
    proof: &[T],
    key: &[u8],
) -> Result<Option<Vec<u8>>, ProofError> {
    Ok(Proof::new(proof)?.get(root, key)?.map(<[u8]>::to_vec))
}
