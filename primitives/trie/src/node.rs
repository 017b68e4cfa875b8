//! The bytes of a node.
//!
//! R1. A node is: header, partial key, child bitmap (u16, little-endian; branches only), value (if any), children.
//! R2. The header's high bits tell the kind, the rest counts the partial key's nibbles; a count field of all ones is
//!     continued by bytes that are added to it, the first below 255 being the last.
//! R3. The partial key is packed two nibbles a byte; an odd one is padded by a zero nibble in front.
//! R4. A value is `Compact<length> ++ bytes`, or 32 bytes of hash in the two kinds for hashed values.
//! R5. A child is `Compact<length> ++ Merkle value`, of 1 to 32 bytes, in the order of nibbles.
//! R6. There is one encoding of a node: whatever decodes encodes to the same bytes. Anything else is an error.

use crate::StateVersion;
use alloc::vec::Vec;
use quire_core::codec::compact_u32;
use quire_core::hash::blake2_256;

/// Longest value that version 1 leaves in its node.
pub const MAX_INLINE_VALUE_BYTES: usize = 32;
/// Shortest encoding that is hashed to give the Merkle value.
const HASHED_NODE_BYTES: usize = 32;

/// Why bytes are no node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NodeError {
    /// The bytes end inside the named part.
    #[error("the bytes end inside the {part}")]
    Short {
        /// What was being read.
        part: &'static str,
    },
    /// Bytes are left over.
    #[error("{bytes} bytes are left after the node")]
    Long {
        /// How many.
        bytes: usize,
    },
    /// The first byte names no kind of node.
    #[error("unknown kind of node (first byte {first_byte:#04x})")]
    Kind {
        /// The first byte.
        first_byte: u8,
    },
    /// The padding nibble of an odd partial key is not zero.
    #[error("the partial key's padding is not zero")]
    Padding,
    /// A branch without children, or an empty node below the root.
    #[error("a branch without children, or an empty node below the root")]
    NoChildren,
    /// The Merkle value of a child has no byte, or more than 32.
    #[error("a child of {bytes} bytes")]
    ChildLength {
        /// Its length.
        bytes: usize,
    },
    /// A length in a longer form than necessary, or above 4 GiB.
    #[error("a length that is not in its shortest form")]
    Length,
}

/// The kinds of nodes (R2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The root of the empty trie.
    Empty,
    Leaf,
    HashedLeaf,
    Branch,
    BranchWithValue,
    BranchWithHashed,
}

impl Kind {
    pub(crate) fn of(value: ValueRef<'_>, has_children: bool) -> Kind {
        match (value, has_children) {
            (ValueRef::None, false) => Kind::Empty,
            (ValueRef::Inline(_), false) => Kind::Leaf,
            (ValueRef::Hashed(_), false) => Kind::HashedLeaf,
            (ValueRef::None, true) => Kind::Branch,
            (ValueRef::Inline(_), true) => Kind::BranchWithValue,
            (ValueRef::Hashed(_), true) => Kind::BranchWithHashed,
        }
    }

    /// High bits of the header and the largest count that fits beside them.
    const fn header(self) -> (u8, u8) {
        match self {
            Kind::Empty => (0b0000_0000, 0),
            Kind::Leaf => (0b0100_0000, 0b0011_1111),
            Kind::HashedLeaf => (0b0010_0000, 0b0001_1111),
            Kind::Branch => (0b1000_0000, 0b0011_1111),
            Kind::BranchWithValue => (0b1100_0000, 0b0011_1111),
            Kind::BranchWithHashed => (0b0001_0000, 0b0000_1111),
        }
    }

    const fn of_header(first_byte: u8) -> Option<Kind> {
        match first_byte {
            0b0000_0000 => Some(Kind::Empty),
            0b0001_0000..=0b0001_1111 => Some(Kind::BranchWithHashed),
            0b0010_0000..=0b0011_1111 => Some(Kind::HashedLeaf),
            0b0100_0000..=0b0111_1111 => Some(Kind::Leaf),
            0b1000_0000..=0b1011_1111 => Some(Kind::Branch),
            0b1100_0000..=0b1111_1111 => Some(Kind::BranchWithValue),
            _ => None,
        }
    }

    const fn is_branch(self) -> bool {
        matches!(self, Kind::Branch | Kind::BranchWithValue | Kind::BranchWithHashed)
    }
}

/// A value as it stands in its node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueRef<'a> {
    /// No key ends at the node.
    None,
    /// The value.
    Inline(&'a [u8]),
    /// blake2-256 of the value.
    Hashed(&'a [u8; 32]),
}

/// A packed partial key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Nibbles<'a> {
    bytes: &'a [u8],
    /// 1 when the first nibble is padding.
    skip: usize,
}

impl<'a> Nibbles<'a> {
    pub(crate) fn len(&self) -> usize {
        self.bytes.len() * 2 - self.skip
    }

    pub(crate) fn get(&self, at: usize) -> u8 {
        let at = at + self.skip;
        let byte = self.bytes[at / 2];
        if at.is_multiple_of(2) { byte >> 4 } else { byte & 0x0f }
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = u8> + 'a {
        (0..self.len()).map(move |at| self.get(at))
    }

    /// How many leading nibbles agree with `key`.
    pub(crate) fn common_prefix(&self, key: &[u8]) -> usize {
        self.iter().zip(key).take_while(|(a, b)| a == *b).count()
    }
}

/// A node, read in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeRef<'a> {
    pub(crate) kind: Kind,
    pub(crate) partial: Nibbles<'a>,
    /// The bytes after the partial key: they do not change when the partial key does.
    pub(crate) body: &'a [u8],
    /// The value at the node.
    pub value: ValueRef<'a>,
    /// Merkle values of the children by nibble: encodings of less than 32 bytes, or hashes.
    pub children: [Option<&'a [u8]>; 16],
}

impl<'a> NodeRef<'a> {
    /// Reads a node.
    ///
    /// # Errors
    /// When the bytes are not the one encoding of a node (R6).
    pub fn decode(bytes: &'a [u8]) -> Result<Self, NodeError> {
        NodeRef::decode_children_of(bytes, 1)
    }

    /// Like [`decode`](Self::decode) for a node of a compact proof, whose omitted children are empty strings.
    pub(crate) fn decode_compact(bytes: &'a [u8]) -> Result<Self, NodeError> {
        NodeRef::decode_children_of(bytes, 0)
    }

    fn decode_children_of(bytes: &'a [u8], min_bytes: usize) -> Result<Self, NodeError> {
        let mut input = Reader(bytes);
        let first_byte = input.take(1, "header")?[0];
        let kind = Kind::of_header(first_byte).ok_or(NodeError::Kind { first_byte })?;
        let partial = input.partial(first_byte, kind)?;
        let body = input.0;
        let mut bitmap = 0;
        if kind.is_branch() {
            let bits = input.take(2, "child bitmap")?;
            bitmap = u16::from_le_bytes([bits[0], bits[1]]);
            if bitmap == 0 {
                return Err(NodeError::NoChildren);
            }
        }
        let value = match kind {
            Kind::Empty | Kind::Branch => ValueRef::None,
            Kind::Leaf | Kind::BranchWithValue => {
                let length = input.length("value's length")?;
                ValueRef::Inline(input.take(length, "value")?)
            }
            Kind::HashedLeaf | Kind::BranchWithHashed => ValueRef::Hashed(input.hash("value's hash")?),
        };
        let mut children = [None; 16];
        for (nibble, child) in children.iter_mut().enumerate() {
            if bitmap >> nibble & 1 == 1 {
                let length = input.length("child's length")?;
                if !(min_bytes..=HASHED_NODE_BYTES).contains(&length) {
                    return Err(NodeError::ChildLength { bytes: length });
                }
                *child = Some(input.take(length, "child")?);
            }
        }
        match input.0.len() {
            0 => Ok(NodeRef { kind, partial, body, value, children }),
            bytes => Err(NodeError::Long { bytes }),
        }
    }

    /// Nibbles of the partial key.
    pub fn partial_key(&self) -> impl Iterator<Item = u8> + 'a {
        self.partial.iter()
    }

    /// The same node under another partial key.
    pub(crate) fn encode_with_partial(&self, partial: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(header_bytes(partial.len()) + self.body.len());
        push_header(self.kind, partial, &mut out);
        out.extend_from_slice(self.body);
        out
    }
}

/// What is left to read.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize, part: &'static str) -> Result<&'a [u8], NodeError> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(NodeError::Short { part })?;
        self.0 = rest;
        Ok(taken)
    }

    fn hash(&mut self, part: &'static str) -> Result<&'a [u8; 32], NodeError> {
        let (taken, rest) = self.0.split_first_chunk::<32>().ok_or(NodeError::Short { part })?;
        self.0 = rest;
        Ok(taken)
    }

    /// A `Compact<u32>` in its shortest form.
    fn length(&mut self, part: &'static str) -> Result<usize, NodeError> {
        let first = *self.0.first().ok_or(NodeError::Short { part })?;
        let count = match first & 0b11 {
            0b00 => 1,
            0b01 => 2,
            0b10 => 4,
            _ => 5,
        };
        let bytes = self.take(count, part)?;
        let value = match *bytes {
            [a] => u32::from(a) >> 2,
            [a, b] => u32::from(u16::from_le_bytes([a, b])) >> 2,
            [a, b, c, d] => u32::from_le_bytes([a, b, c, d]) >> 2,
            [0b11, b, c, d, e] => u32::from_le_bytes([b, c, d, e]),
            _ => return Err(NodeError::Length),
        };
        let (shortest, shortest_bytes) = compact_u32(value);
        if bytes != &shortest[..shortest_bytes] {
            return Err(NodeError::Length);
        }
        usize::try_from(value).map_err(|_| NodeError::Length)
    }

    fn partial(&mut self, first_byte: u8, kind: Kind) -> Result<Nibbles<'a>, NodeError> {
        let (_, max_count) = kind.header();
        let mut count = usize::from(first_byte & max_count);
        if kind != Kind::Empty && first_byte & max_count == max_count {
            loop {
                let more = self.take(1, "partial key's length")?[0];
                count += usize::from(more);
                if more < u8::MAX {
                    break;
                }
            }
        }
        let skip = count % 2;
        let bytes = self.take(count.div_ceil(2), "partial key")?;
        if skip == 1 && bytes[0] >> 4 != 0 {
            return Err(NodeError::Padding);
        }
        Ok(Nibbles { bytes, skip })
    }
}

/// A Merkle value, or none (length 0).
#[derive(Clone, Copy)]
pub(crate) struct Merkle {
    length: u8,
    bytes: [u8; 32],
}

impl Merkle {
    pub(crate) const NONE: Merkle = Merkle { length: 0, bytes: [0; 32] };
    /// Stands for a child that is there but not hashed yet.
    pub(crate) const PENDING: Merkle = Merkle { length: 32, bytes: [0; 32] };

    /// The Merkle value of an encoded node.
    pub(crate) fn of(encoding: &[u8]) -> Merkle {
        if encoding.len() < HASHED_NODE_BYTES {
            Merkle::from_child(encoding)
        } else {
            Merkle { length: 32, bytes: blake2_256(encoding) }
        }
    }

    /// A child as decoded: 1 to 32 bytes.
    pub(crate) fn from_child(child: &[u8]) -> Merkle {
        let length = child.len().min(32);
        let mut bytes = [0; 32];
        bytes[..length].copy_from_slice(&child[..length]);
        Merkle { length: length as u8, bytes }
    }

    pub(crate) fn is_some(&self) -> bool {
        self.length != 0
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }
}

/// How a value stands in its node: `hash` is filled when it is hashed.
pub(crate) fn is_hashed(version: StateVersion, value: &[u8]) -> bool {
    version == StateVersion::V1 && value.len() > MAX_INLINE_VALUE_BYTES
}

/// Upper bound of the bytes of header and partial key.
fn header_bytes(nibbles: usize) -> usize {
    2 + nibbles / 255 + nibbles.div_ceil(2)
}

pub(crate) fn push_header(kind: Kind, partial: &[u8], out: &mut Vec<u8>) {
    let (bits, max_count) = kind.header();
    match u8::try_from(partial.len()) {
        Ok(count) if count < max_count || kind == Kind::Empty => out.push(bits | count),
        _ => {
            out.push(bits | max_count);
            let mut rest = partial.len() - usize::from(max_count);
            while rest >= 255 {
                out.push(255);
                rest -= 255;
            }
            out.push(rest as u8);
        }
    }
    let (first, pairs) = partial.split_at(partial.len() % 2);
    out.extend_from_slice(first);
    out.extend(pairs.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]));
}

/// Encodes a node. Callers never ask for a node with partial key but neither value nor child (R1 of the crate).
pub(crate) fn encode(partial: &[u8], value: ValueRef<'_>, children: &[Merkle; 16]) -> Vec<u8> {
    let mut bitmap = 0_u16;
    let mut children_bytes = 0;
    for (nibble, child) in children.iter().enumerate() {
        if child.is_some() {
            bitmap |= 1 << nibble;
            children_bytes += 1 + usize::from(child.length);
        }
    }
    let value_bytes = match value {
        ValueRef::None => 0,
        ValueRef::Inline(value) => 5 + value.len(),
        ValueRef::Hashed(_) => 32,
    };
    let mut out = Vec::with_capacity(header_bytes(partial.len()) + 2 + value_bytes + children_bytes);
    push_header(Kind::of(value, bitmap != 0), partial, &mut out);
    if bitmap != 0 {
        out.extend_from_slice(&bitmap.to_le_bytes());
    }
    match value {
        ValueRef::None => {}
        ValueRef::Inline(value) => {
            // Values come from the state, whose keys and values are far below 4 GiB.
            let (prefix, prefix_bytes) = compact_u32(u32::try_from(value.len()).unwrap_or(u32::MAX));
            out.extend_from_slice(&prefix[..prefix_bytes]);
            out.extend_from_slice(value);
        }
        ValueRef::Hashed(hash) => out.extend_from_slice(hash),
    }
    for child in children.iter().filter(|child| child.is_some()) {
        out.push(child.length << 2);
        out.extend_from_slice(child.as_bytes());
    }
    out
}
