//! Proofs of all pairs in a range of keys, by which a whole state is downloaded piece by piece.
//!
//! R1. A range begins strictly above a key, or with the first one, and goes on in order until the bytes of its proof
//!     reach a limit; it holds at least one pair if there is one.
//! R2. Its proof has the items of a [`Proof`]: what a reader must see to know that no key between two pairs is left out.
//! R3. A reader takes the pairs in order until an item is missing: what comes before is proved, what comes after is
//!     another range. A range is complete when nothing was missing up to the end of the trie.

use crate::node::{Merkle, NodeError, NodeRef, ValueRef};
use crate::path::push_nibbles;
use crate::proof::{Items, Proof, ProofError};
use crate::{EMPTY_ROOT, NodePath, NodeReader, TrieError};
use alloc::borrow::Cow;
use alloc::vec;
use alloc::vec::Vec;
use quire_core::H256;
use quire_core::limits::MAX_PROOF_BYTES;

/// Most bytes of pairs that are read from one proof: items may stand for many equal nodes and values.
const MAX_RANGE_BYTES: usize = 2 * MAX_PROOF_BYTES as usize;

/// The proof of a range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvedRange {
    /// Its items.
    pub items: Vec<Vec<u8>>,
    /// The last key in it; none if nothing is above the start.
    pub last: Option<Vec<u8>>,
    /// Whether no key follows.
    pub is_complete: bool,
}

/// Pairs that were proved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Range {
    /// Keys with their values, in order.
    pub pairs: Vec<(Vec<u8>, Vec<u8>)>,
    /// Whether no key follows.
    pub is_complete: bool,
}

/// Where nodes and values come from while a trie is walked.
trait Source {
    type Error;

    /// The child with this Merkle value at this position; `None` ends the walk.
    fn child(&mut self, position: &[u8], merkle: &Merkle) -> Result<Option<Vec<u8>>, Self::Error>;

    /// The value with this hash; `None` ends the walk.
    fn value(&mut self, key: &[u8], hash: &[u8; 32]) -> Result<Option<Vec<u8>>, Self::Error>;

    /// A pair, in order; false ends the walk.
    fn pair(&mut self, key: Vec<u8>, value: Cow<'_, [u8]>) -> bool;

    fn malformed(&self, position: &[u8], error: NodeError) -> Self::Error;
}

/// A node on the way down.
struct Frame {
    /// Nibbles of its position and of its full path.
    position: usize,
    path: usize,
    next: usize,
    children: [Merkle; 16],
}

/// How a subtree lies to the start of the range.
#[derive(Clone, Copy, PartialEq)]
enum Side {
    Above,
    /// The start is below it.
    On,
    Below,
}

fn side(path: &[u8], after: Option<&[u8]>) -> Side {
    match after {
        Some(after) if after.starts_with(path) => Side::On,
        Some(after) if path < after => Side::Below,
        _ => Side::Above,
    }
}

/// Walks the pairs strictly above `after` in order. Says whether it came to the end of the trie.
fn walk<S: Source>(source: &mut S, root: Vec<u8>, after: Option<&[u8]>) -> Result<bool, S::Error> {
    let after = after.map(|key| {
        let mut nibbles = Vec::new();
        push_nibbles(key, &mut nibbles);
        nibbles
    });
    let after = after.as_deref();
    let mut path = Vec::new();
    let mut stack = Vec::new();
    let mut entering = Some(root);
    loop {
        if let Some(bytes) = entering.take() {
            match enter(source, &bytes, &mut path, after)? {
                Some(frame) => stack.push(frame),
                None => return Ok(false),
            }
        }
        let Some(top) = stack.last_mut() else { return Ok(true) };
        let Some(nibble) = (top.next..16).find(|at| top.children[*at].is_some()) else {
            path.truncate(top.position);
            stack.pop();
            continue;
        };
        top.next = nibble + 1;
        path.truncate(top.path);
        path.push(nibble as u8);
        if side(&path, after) != Side::Below {
            entering = source.child(&path, &top.children[nibble])?;
            if entering.is_none() {
                return Ok(false);
            }
        }
    }
}

/// Takes a node at the position `path` and hands out its value; `None` ends the walk.
fn enter<S: Source>(
    source: &mut S,
    bytes: &[u8],
    path: &mut Vec<u8>,
    after: Option<&[u8]>,
) -> Result<Option<Frame>, S::Error> {
    let node = NodeRef::decode(bytes).map_err(|error| source.malformed(path, error))?;
    let position = path.len();
    path.extend(node.partial_key());
    let side = side(path, after);
    // Below the start nothing is of interest; on it the value is the start's own, or that of a shorter key.
    if side == Side::Above {
        let key: Vec<u8> = path.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect();
        let goes_on = match node.value {
            ValueRef::None => true,
            ValueRef::Inline(value) => source.pair(key, Cow::Borrowed(value)),
            ValueRef::Hashed(hash) => match source.value(&key, hash)? {
                Some(value) => source.pair(key, Cow::Owned(value)),
                None => false,
            },
        };
        if !goes_on {
            return Ok(None);
        }
    }
    let children = match side {
        Side::Below => [Merkle::NONE; 16],
        _ => node.children.map(|child| child.map_or(Merkle::NONE, Merkle::from_child)),
    };
    Ok(Some(Frame { position, path: path.len(), next: 0, children }))
}

/// Collects the items of a range from rows.
struct Prover<'a, R, V> {
    reader: &'a R,
    value_of: V,
    items: Items,
    bytes_left: usize,
    last: Option<Vec<u8>>,
}

impl<R: NodeReader, V: FnMut(&[u8]) -> Result<Option<Vec<u8>>, R::Error>> Prover<'_, R, V> {
    fn add(&mut self, item: &[u8]) {
        self.bytes_left = self.bytes_left.saturating_sub(item.len());
        self.items.add(item.to_vec());
    }
}

impl<R: NodeReader, V: FnMut(&[u8]) -> Result<Option<Vec<u8>>, R::Error>> Source for Prover<'_, R, V> {
    type Error = TrieError<R::Error>;

    fn child(&mut self, position: &[u8], merkle: &Merkle) -> Result<Option<Vec<u8>>, Self::Error> {
        let path = NodePath::from_nibbles(position);
        let row = self.reader.node(&path).map_err(TrieError::Read)?;
        let row = row.ok_or(TrieError::Missing { path })?;
        if merkle.as_bytes().len() == 32 {
            self.add(&row);
        }
        Ok(Some(row))
    }

    fn value(&mut self, key: &[u8], _hash: &[u8; 32]) -> Result<Option<Vec<u8>>, Self::Error> {
        let value = (self.value_of)(key).map_err(TrieError::Read)?;
        let value = value.ok_or_else(|| TrieError::MissingValue { key: key.to_vec() })?;
        self.add(&value);
        Ok(Some(value))
    }

    fn pair(&mut self, key: Vec<u8>, _value: Cow<'_, [u8]>) -> bool {
        self.last = Some(key);
        self.bytes_left > 0
    }

    fn malformed(&self, position: &[u8], error: NodeError) -> Self::Error {
        TrieError::Corrupt { path: NodePath::from_nibbles(position), error }
    }
}

/// Proves the pairs strictly above `after`, until the proof has about `max_bytes` bytes (R1).
///
/// `value_of` reads the flat state; it is asked for values that stand in their nodes as hashes.
///
/// # Errors
/// When rows cannot be read, are missing or corrupt, or a value is missing.
pub fn prove_range<R: NodeReader>(
    reader: &R,
    value_of: impl FnMut(&[u8]) -> Result<Option<Vec<u8>>, R::Error>,
    after: Option<&[u8]>,
    max_bytes: usize,
) -> Result<ProvedRange, TrieError<R::Error>> {
    let Some(root) = reader.node(&NodePath::root()).map_err(TrieError::Read)? else {
        return Ok(ProvedRange { items: vec![vec![0]], last: None, is_complete: true });
    };
    let mut prover = Prover { reader, value_of, items: Items::default(), bytes_left: max_bytes, last: None };
    prover.add(&root);
    let is_complete = walk(&mut prover, root, after)?;
    Ok(ProvedRange { items: prover.items.list, last: prover.last, is_complete })
}

/// Collects the pairs of a range from items.
struct RangeReader<'a> {
    proof: Proof<'a>,
    range: Range,
    bytes_left: usize,
}

impl Source for RangeReader<'_> {
    type Error = ProofError;

    fn child(&mut self, _position: &[u8], merkle: &Merkle) -> Result<Option<Vec<u8>>, ProofError> {
        Ok(match <&[u8; 32]>::try_from(merkle.as_bytes()) {
            Ok(hash) => self.proof.item(hash).map(<[u8]>::to_vec),
            Err(_) => Some(merkle.as_bytes().to_vec()),
        })
    }

    fn value(&mut self, _key: &[u8], hash: &[u8; 32]) -> Result<Option<Vec<u8>>, ProofError> {
        Ok(self.proof.item(hash).map(<[u8]>::to_vec))
    }

    fn pair(&mut self, key: Vec<u8>, value: Cow<'_, [u8]>) -> bool {
        let Some(left) = self.bytes_left.checked_sub(key.len() + value.len() + 1) else { return false };
        self.bytes_left = left;
        self.range.pairs.push((key, value.into_owned()));
        true
    }

    fn malformed(&self, _position: &[u8], error: NodeError) -> ProofError {
        ProofError::Node(error)
    }
}

/// The pairs strictly above `after` that a proof shows of the trie with this root (R3).
///
/// # Errors
/// When the proof is too large, lacks the root, or a node is malformed.
pub fn read_range<T: AsRef<[u8]>>(
    root: H256,
    proof: &[T],
    after: Option<&[u8]>,
) -> Result<Range, ProofError> {
    if root == EMPTY_ROOT {
        return Ok(Range { pairs: Vec::new(), is_complete: true });
    }
    let proof = Proof::new(proof)?;
    let bytes = proof.item(&root.0).ok_or(ProofError::MissingNode { hash: root })?.to_vec();
    let mut reader = RangeReader { proof, range: Range::default(), bytes_left: MAX_RANGE_BYTES };
    reader.range.is_complete = walk(&mut reader, bytes, after)?;
    Ok(reader.range)
}

#[cfg(test)]
mod tests;
