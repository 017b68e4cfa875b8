//! Everything that is stored, and how its keys lie.
//!
//! One ordered key space; the first byte of a key is its column. All numbers in keys are big-endian, so that they sort.
//!
//! | column | key after the column byte | value |
//! |---|---|---|
//! | `Meta` | `s` | the store's own record: version, sequence, head, oldest state (`schema.rs`) |
//! | `Meta` | `c` ++ key | a small value of the chain |
//! | `State` | storage key | cell: value after the last finalised block |
//! | `Node` | trie path | cell: node after the last finalised block, overwritten in place |
//! | `History` | block u32 ++ column ++ last key of the page | page of old cells (`history.rs`) |
//! | `Filter` | block u32 | cell: filter over the keys that the block changed |
//! | `Gone` | escaped storage key ++ block u32 | nothing: the block deleted this key |
//! | `Blob` | sequence u64 ++ ordinal u32 ++ index u32 | a piece of a value too long for one row (`cell.rs`) |
//! | `Header` | block hash | cell: encoded header |
//! | `Body` | block hash | cell: encoded extrinsics |
//! | `Justification` | block hash | cell: encoded justification |
//! | `Number` | number u32 | hash of the finalised block |
//! | `Journal` | block hash | cell: encoded layer of an unfinalised block |

use quire_core::{BlockNumber, H256};

/// A kind of row. The number is the first byte of its keys and never changes its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Column {
    /// The store's own record and small values of the chain.
    Meta = 0,
    /// Flat finalised state.
    State = 1,
    /// Trie nodes of the finalised state.
    Node = 2,
    /// What recent blocks overwrote.
    History = 3,
    /// Which keys recent blocks changed, approximately.
    Filter = 4,
    /// Which storage keys recent blocks deleted.
    Gone = 5,
    /// Pieces of long values.
    Blob = 6,
    /// Headers by hash.
    Header = 7,
    /// Extrinsics by hash.
    Body = 8,
    /// Justifications by hash.
    Justification = 9,
    /// Finalised hashes by number.
    Number = 10,
    /// Layers of unfinalised blocks by hash.
    Journal = 11,
}

impl Column {
    /// The key of a row: column byte, then the parts.
    pub fn key(self, parts: &[&[u8]]) -> Vec<u8> {
        let mut key = Vec::with_capacity(1 + parts.iter().map(|part| part.len()).sum::<usize>());
        key.push(self as u8);
        parts.iter().for_each(|part| key.extend_from_slice(part));
        key
    }

    /// Above every key of this column.
    pub fn end(self) -> Vec<u8> {
        vec![self as u8 + 1]
    }
}

/// Key of a row named by a block hash.
pub(crate) fn by_hash(column: Column, hash: H256) -> Vec<u8> {
    column.key(&[&hash.0])
}

/// Key of a row named by a block number.
pub(crate) fn by_number(column: Column, number: BlockNumber) -> Vec<u8> {
    column.key(&[&number.to_be_bytes()])
}

/// Appends bytes so that no escaped string is a prefix of another and the order is kept: 00 becomes 00 FF, the end is 00 00.
fn escape(bytes: &[u8], out: &mut Vec<u8>) {
    for byte in bytes {
        out.push(*byte);
        if *byte == 0 {
            out.push(0xff);
        }
    }
    out.extend_from_slice(&[0, 0]);
}

/// Key of the mark that `block` deleted a storage key.
pub(crate) fn gone(key: &[u8], block: BlockNumber) -> Vec<u8> {
    let mut out = vec![Column::Gone as u8];
    escape(key, &mut out);
    out.extend_from_slice(&block.to_be_bytes());
    out
}

/// First possible mark of a storage key strictly above `key`.
pub(crate) fn gone_after(key: &[u8]) -> Vec<u8> {
    gone(&[key, &[0]].concat(), 0)
}

/// The storage key and the block of a mark; `None` when it is no such key.
pub(crate) fn parse_gone(row: &[u8]) -> Option<(Vec<u8>, BlockNumber)> {
    let mut rest = row.strip_prefix(&[Column::Gone as u8])?;
    let mut key = Vec::with_capacity(rest.len());
    loop {
        match rest {
            [0, 0, block @ ..] => return Some((key, BlockNumber::from_be_bytes(block.try_into().ok()?))),
            [0, 0xff, tail @ ..] => {
                key.push(0);
                rest = tail;
            }
            [0, ..] | [] => return None,
            [byte, tail @ ..] => {
                key.push(*byte);
                rest = tail;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn marks_come_back_and_keep_the_order_of_their_keys(
            a in prop::collection::vec(0u8..3, 0..6), b in prop::collection::vec(0u8..3, 0..6), x: u32, y: u32
        ) {
            prop_assert_eq!(parse_gone(&gone(&a, x)), Some((a.clone(), x)));
            if a != b {
                prop_assert_eq!(gone(&a, x) < gone(&b, y), a < b);
            }
            prop_assert_eq!(gone_after(&a) <= gone(&b, y), a < b);
        }

        #[test]
        fn foreign_bytes_are_no_mark(bytes in prop::collection::vec(0u8..6, 0..12)) {
            if let Some((key, block)) = parse_gone(&bytes) {
                prop_assert_eq!(gone(&key, block), bytes);
            }
        }
    }
}
