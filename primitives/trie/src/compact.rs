//! Compact proofs: the items of a proof without the hashes that a reader can compute, as `state/2` sends them.
//!
//! R1. Nodes stand in pre-order. A child that is an item itself stands in its parent as an empty string and follows it.
//! R2. A value that stands in its node as a hash and is an item follows its node at once; the node then begins with the
//!     byte [`VALUE_FOLLOWS`] and has an empty value.
//! R3. What is no item stays as it is: its hash is in the parent.
//! R4. Whatever expands gives items that hash to one root; there is nothing to believe but that root.

use crate::node::{Kind, Merkle, NodeError, NodeRef, ValueRef, encode as encode_node, push_header};
use crate::proof::Proof;
use crate::{EMPTY_ROOT, ProofError};
use alloc::vec;
use alloc::vec::Vec;
use quire_core::H256;
use quire_core::codec::compact_u32;
use quire_core::hash::blake2_256;
use quire_core::limits::{MAX_PROOF_BYTES, MAX_PROOF_ITEMS};

/// First byte of a node whose value follows it (R2): no kind of node begins so.
pub const VALUE_FOLLOWS: u8 = 1;

/// Why items are no compact proof. The one who sent them is at fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CompactError {
    /// More items or bytes than the limits allow.
    #[error(transparent)]
    Proof(#[from] ProofError),
    /// A node does not decode.
    #[error("a node of the compact proof is malformed: {0}")]
    Node(#[from] NodeError),
    /// A node or value is missing.
    #[error("the compact proof ends before its last node")]
    Short,
    /// Items are left over.
    #[error("{items} items are left after the last node of the compact proof")]
    Long {
        /// How many.
        items: usize,
    },
    /// A value follows a node that has none, or one of its own.
    #[error("a value follows a node that has no place for it")]
    Value,
    /// A child that its parent would hold itself.
    #[error("a node of less than 32 bytes stands by itself")]
    Embedded,
}

/// A node that is being taken apart or put together.
struct Open<'a> {
    node: NodeRef<'a>,
    /// Where it stands among the items.
    place: usize,
    /// The next child to look at.
    next: usize,
    children: [Merkle; 16],
    /// Children that are items, one bit each.
    omitted: u16,
    value: Option<[u8; 32]>,
}

impl<'a> Open<'a> {
    fn new(node: NodeRef<'a>, place: usize) -> Self {
        let children = node.children.map(|child| child.map_or(Merkle::NONE, Merkle::from_child));
        Open { node, place, next: 0, children, omitted: 0, value: None }
    }

    /// The next child after those that were looked at.
    fn next_child(&mut self) -> Option<(usize, &'a [u8])> {
        while self.next < 16 {
            let at = self.next;
            self.next += 1;
            if let Some(child) = self.node.children[at] {
                return Some((at, child));
            }
        }
        None
    }
}

/// The compact form of the items of a proof for a trie with this root; items that do not belong to it are left out.
///
/// # Errors
/// When the proof lacks the root, is too large, or a node is malformed.
pub fn encode<T: AsRef<[u8]>>(root: H256, items: &[T]) -> Result<Vec<Vec<u8>>, ProofError> {
    if root == EMPTY_ROOT {
        return Ok(vec![vec![0]]);
    }
    let proof = Proof::new(items)?;
    let root = proof.item(&root.0).ok_or(ProofError::MissingNode { hash: root })?;
    let mut out = Vec::new();
    let mut stack = vec![open(&proof, root, &mut out)?];
    while let Some(top) = stack.last_mut() {
        let Some((at, child)) = top.next_child() else {
            out[top.place] = write(top);
            stack.pop();
            continue;
        };
        // Shorter ones stand in their parent, and hold no hashes themselves.
        let hash = <&[u8; 32]>::try_from(child).ok();
        if let Some(bytes) = hash.and_then(|hash| proof.item(hash)) {
            top.omitted |= 1 << at;
            if out.len() >= MAX_PROOF_ITEMS as usize {
                return Err(ProofError::TooLarge { items: out.len(), bytes: 0 });
            }
            let child = open(&proof, bytes, &mut out)?;
            stack.push(child);
        }
    }
    Ok(out)
}

fn open<'a>(proof: &Proof<'a>, bytes: &'a [u8], out: &mut Vec<Vec<u8>>) -> Result<Open<'a>, ProofError> {
    let mut open = Open::new(NodeRef::decode(bytes)?, out.len());
    out.push(Vec::new());
    if let ValueRef::Hashed(hash) = open.node.value
        && let Some(value) = proof.item(hash)
    {
        open.value = Some(*hash);
        out.push(value.to_vec());
    }
    Ok(open)
}

fn write(open: &Open<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    let mut value = open.node.value;
    if open.value.is_some() {
        out.push(VALUE_FOLLOWS);
        value = ValueRef::Inline(&[]);
    }
    let partial: Vec<u8> = open.node.partial_key().collect();
    let bitmap =
        (0..16).filter(|at| open.node.children[*at].is_some()).fold(0_u16, |bits, at| bits | 1 << at);
    push_header(Kind::of(value, bitmap != 0), &partial, &mut out);
    if bitmap != 0 {
        out.extend_from_slice(&bitmap.to_le_bytes());
    }
    match value {
        ValueRef::None => {}
        ValueRef::Inline(value) => push_string(value, &mut out),
        ValueRef::Hashed(hash) => out.extend_from_slice(hash),
    }
    for (at, child) in open.node.children.iter().enumerate() {
        if let Some(child) = child {
            push_string(if open.omitted >> at & 1 == 1 { &[] } else { child }, &mut out);
        }
    }
    out
}

fn push_string(bytes: &[u8], out: &mut Vec<u8>) {
    // Values come from nodes, whose lengths were read as u32.
    let (prefix, prefix_bytes) = compact_u32(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
    out.extend_from_slice(&prefix[..prefix_bytes]);
    out.extend_from_slice(bytes);
}

/// The root and the items of a compact proof.
///
/// # Errors
/// When it is too large, cut short, too long, or malformed.
pub fn decode<T: AsRef<[u8]>>(compact: &[T]) -> Result<(H256, Vec<Vec<u8>>), CompactError> {
    let bytes = compact.iter().fold(0_usize, |sum, item| sum.saturating_add(item.as_ref().len()));
    if compact.len() > MAX_PROOF_ITEMS as usize || bytes > MAX_PROOF_BYTES as usize {
        return Err(ProofError::TooLarge { items: compact.len(), bytes }.into());
    }
    if let [only] = compact
        && only.as_ref() == [0]
    {
        return Ok((EMPTY_ROOT, Vec::new()));
    }
    let mut rest = compact.iter().map(AsRef::as_ref);
    let mut items = Vec::with_capacity(compact.len());
    let mut stack = vec![take(&mut rest, &mut items)?];
    loop {
        let Some(top) = stack.last_mut() else { return Err(CompactError::Short) };
        match top.next_child() {
            Some((_, [])) => {
                let child = take(&mut rest, &mut items)?;
                stack.push(child);
            }
            Some(_) => {}
            None => {
                let encoding = close(top);
                let hash = blake2_256(&encoding);
                let length = encoding.len();
                items.push(encoding);
                stack.pop();
                let Some(parent) = stack.last_mut() else {
                    let left = rest.count();
                    return if left == 0 {
                        Ok((H256(hash), items))
                    } else {
                        Err(CompactError::Long { items: left })
                    };
                };
                if length < 32 {
                    return Err(CompactError::Embedded);
                }
                parent.children[parent.next - 1] = Merkle::from_child(&hash);
            }
        }
    }
}

/// The next node, with the value that follows it.
fn take<'a>(
    rest: &mut impl Iterator<Item = &'a [u8]>,
    items: &mut Vec<Vec<u8>>,
) -> Result<Open<'a>, CompactError> {
    let bytes = rest.next().ok_or(CompactError::Short)?;
    let Some(bytes_of_node) = bytes.strip_prefix(&[VALUE_FOLLOWS]) else {
        return Ok(Open::new(NodeRef::decode_compact(bytes)?, 0));
    };
    let mut open = Open::new(NodeRef::decode_compact(bytes_of_node)?, 0);
    if open.node.value != ValueRef::Inline(&[]) {
        return Err(CompactError::Value);
    }
    let value = rest.next().ok_or(CompactError::Short)?;
    open.value = Some(blake2_256(value));
    items.push(value.to_vec());
    Ok(open)
}

fn close(open: &Open<'_>) -> Vec<u8> {
    let partial: Vec<u8> = open.node.partial_key().collect();
    let value = open.value.as_ref().map_or(open.node.value, ValueRef::Hashed);
    encode_node(&partial, value, &open.children)
}

#[cfg(test)]
mod tests;
