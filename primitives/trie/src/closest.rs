//! The Merkle value of a subtree, by which a reader learns whether anything under a prefix changed.
//!
//! R1. The value is that of the node at the key's position, or of the closest node below it: of the one node through
//!     which every key with that prefix is reached. None when no key has the prefix.
//! R2. It is what stands in the parent: the encoding if that is shorter than 32 bytes, else its hash. The root's is
//!     always the hash.

use crate::node::NodeRef;
use crate::path::push_nibbles;
use crate::{NodePath, NodeReader, TrieError};
use alloc::vec::Vec;
use quire_core::hash::blake2_256;

/// The Merkle value of the closest node at or below `key`.
///
/// # Errors
/// When rows cannot be read, are missing or corrupt.
pub fn closest_merkle_value<R: NodeReader>(
    reader: &R,
    key: &[u8],
) -> Result<Option<Vec<u8>>, TrieError<R::Error>> {
    let root = reader.node(&NodePath::root()).map_err(TrieError::Read)?;
    // A row of the empty trie is as good as none.
    let Some(mut bytes) = root.filter(|root| *root != [0]) else { return Ok(None) };
    let mut value = blake2_256(&bytes).to_vec();
    let mut nibbles = Vec::new();
    push_nibbles(key, &mut nibbles);
    let mut at = 0;
    // The position grows with every step, so the loop ends with the key.
    while at < nibbles.len() {
        let corrupt = |error| TrieError::Corrupt { path: NodePath::from_nibbles(&nibbles[..at]), error };
        let node = NodeRef::decode(&bytes).map_err(corrupt)?;
        let rest = &nibbles[at..];
        let common = node.partial.common_prefix(rest);
        let Some(nibble) = rest.get(common) else { return Ok(Some(value)) };
        if common < node.partial.len() {
            return Ok(None);
        }
        let Some(child) = node.children[usize::from(*nibble)] else { return Ok(None) };
        value = child.to_vec();
        at += common + 1;
        let position = NodePath::from_nibbles(&nibbles[..at]);
        bytes =
            reader.node(&position).map_err(TrieError::Read)?.ok_or(TrieError::Missing { path: position })?;
    }
    Ok(Some(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{NoNodes, StateVersion, update};
    use alloc::collections::{BTreeMap, BTreeSet};
    use alloc::vec;
    use proptest::prelude::*;

    type Rows = BTreeMap<NodePath, Vec<u8>>;

    fn build(pairs: &BTreeMap<Vec<u8>, Vec<u8>>) -> Rows {
        let puts = pairs.iter().map(|(key, value)| (key.clone(), Some(value.clone()))).collect();
        let (_, written) = update(&NoNodes, StateVersion::V1, &puts).expect("rows are complete");
        written.into_iter().filter_map(|(path, row)| Some((path, row?))).collect()
    }

    /// The shallowest row whose full path has the key as its prefix, as it stands in its parent.
    fn searched(rows: &Rows, key: &[u8]) -> Option<Vec<u8>> {
        let mut wanted = Vec::new();
        push_nibbles(key, &mut wanted);
        let reaches = |(path, row): &(&NodePath, &Vec<u8>)| {
            let mut full: Vec<u8> = path.nibbles().collect();
            full.extend(NodeRef::decode(row).expect("our own row").partial_key());
            full.starts_with(&wanted)
        };
        let (path, row) = rows.iter().filter(reaches).min_by_key(|(path, _)| path.len())?;
        Some(if path.is_empty() || row.len() >= 32 { blake2_256(row).to_vec() } else { row.clone() })
    }

    #[test]
    fn r1_an_empty_trie_has_none() {
        assert_eq!(closest_merkle_value(&NoNodes, b""), Ok(None));
        assert_eq!(closest_merkle_value(&Rows::from([(NodePath::root(), vec![0])]), b""), Ok(None));
    }

    #[test]
    fn r1_a_lost_row_is_an_error() {
        let pairs = [vec![1, 1], vec![1, 2], vec![2]].map(|key| (key, vec![9; 40]));
        let mut rows = build(&pairs.into());
        rows.retain(|path, _| path.is_empty());
        assert!(matches!(closest_merkle_value(&rows, &[1, 1]), Err(TrieError::Missing { .. })));
    }

    proptest! {
        #[test]
        fn r1_r2_the_value_is_that_of_the_shallowest_node_below(
            keys in prop::collection::btree_set(prop::collection::vec(0u8..4, 0..4), 0..20),
            lengths in prop::collection::vec(prop_oneof![0usize..4, 30usize..36], 20),
            asked in prop::collection::vec(prop::collection::vec(0u8..4, 0..5), 20),
        ) {
            let keys: BTreeSet<Vec<u8>> = keys;
            let pairs: BTreeMap<_, _> =
                keys.iter().cloned().zip(lengths.into_iter().map(|length| vec![7; length])).collect();
            let rows = build(&pairs);
            for key in asked.iter().chain(&keys) {
                let found = closest_merkle_value(&rows, key).expect("rows are complete");
                prop_assert_eq!(&found, &searched(&rows, key));
                prop_assert_eq!(found.is_some(), keys.iter().any(|other| other.starts_with(key)));
            }
        }
    }
}
