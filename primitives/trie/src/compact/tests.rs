//! A vector written by hand, round trips, and what is refused: one test per rule.

use super::*;
use crate::{NoNodes, NodePath, StateVersion, prove, prove_range, update};
use alloc::collections::{BTreeMap, BTreeSet};
use proptest::prelude::*;

type Pairs = BTreeMap<Vec<u8>, Vec<u8>>;
type Rows = BTreeMap<NodePath, Vec<u8>>;

fn build(pairs: &Pairs) -> (H256, Rows) {
    let puts = pairs.iter().map(|(key, value)| (key.clone(), Some(value.clone()))).collect();
    let (root, written) = update(&NoNodes, StateVersion::V1, &puts).expect("rows are complete");
    (root, written.into_iter().filter_map(|(path, row)| Some((path, row?))).collect())
}

/// Two leaves under a branch: `1c` with a value of 33 bytes, which is hashed, and `2d` with one of 32, which is not.
fn two_leaves() -> (H256, Rows, Pairs) {
    let pairs = Pairs::from([(vec![0x1c], vec![7; 33]), (vec![0x2d], vec![8; 32])]);
    let (root, rows) = build(&pairs);
    (root, rows, pairs)
}

#[test]
fn r1_r2_a_known_proof() {
    let (root, rows, pairs) = two_leaves();
    let range =
        prove_range(&rows, |key| Ok(pairs.get(key).cloned()), None, usize::MAX).expect("rows are complete");
    // A branch without partial key and value, children 1 and 2, both omitted.
    let branch = vec![0b1000_0000, 0b0110, 0, 0, 0];
    // A leaf with the nibble c, its value to follow; one with the nibble d and its value of 32 bytes.
    let first = vec![VALUE_FOLLOWS, 0b0100_0001, 0x0c, 0];
    let second = [&[0b0100_0001, 0x0d, 32 << 2][..], &[8; 32]].concat();
    let expected = vec![branch, first, vec![7; 33], second];
    assert_eq!(encode(root, &range.items), Ok(expected.clone()));
    let (found, items) = decode(&expected).expect("a compact proof");
    assert_eq!(found, root);
    let set: BTreeSet<_> = items.into_iter().collect();
    assert_eq!(set, range.items.into_iter().collect());
}

#[test]
fn r3_what_is_no_item_keeps_its_hash() {
    let (root, rows, pairs) = two_leaves();
    let items = prove(&rows, |key| Ok(pairs.get(key).cloned()), [[0x2d]]).expect("rows are complete");
    let compact = encode(root, &items).expect("a proof");
    let first = blake2_256(&rows[&NodePath::from_nibbles(&[1])]);
    assert_eq!(compact[0], [&[0b1000_0000, 0b0110, 0, 32 << 2][..], &first, &[0]].concat());
    assert_eq!(decode(&compact).map(|(root, _)| root), Ok(root));
}

#[test]
fn an_empty_trie_is_one_byte() {
    let none: [Vec<u8>; 0] = [];
    assert_eq!(encode(EMPTY_ROOT, &none), Ok(vec![vec![0]]));
    assert_eq!(decode(&[[0]]), Ok((EMPTY_ROOT, vec![])));
}

#[test]
fn r4_what_is_cut_short_too_long_or_misplaced_is_refused() {
    let (root, rows, pairs) = two_leaves();
    let range =
        prove_range(&rows, |key| Ok(pairs.get(key).cloned()), None, usize::MAX).expect("rows are complete");
    let good = encode(root, &range.items).expect("a proof");
    for end in 0..good.len() {
        assert_eq!(decode(&good[..end]), Err(CompactError::Short), "{end} items");
    }
    let longer = [good.clone(), vec![vec![1, 2]]].concat();
    assert_eq!(decode(&longer), Err(CompactError::Long { items: 1 }));
    let mut misplaced = good.clone();
    misplaced[3] = [&[VALUE_FOLLOWS], &good[3][..]].concat();
    assert_eq!(decode(&misplaced), Err(CompactError::Value));
    let mut small = good.clone();
    small[3] = vec![0b0100_0001, 0x0d, 4, 9];
    assert_eq!(decode(&small), Err(CompactError::Embedded));
    let mut other = good;
    other[2][0] = 9;
    assert!(decode(&other).is_ok_and(|(found, _)| found != root));
    assert_eq!(encode(root, &[[1_u8]]), Err(ProofError::MissingNode { hash: root }));
}

proptest! {
    #[test]
    fn proofs_come_back(
        keys in prop::collection::btree_set(prop::collection::vec(prop::sample::select(vec![0_u8, 1, 0x10, 0xff]), 0..5), 0..30),
        lengths in prop::collection::vec(prop_oneof![0_usize..4, 30_usize..36], 30),
        after in prop::option::of(prop::collection::vec(0_u8..3, 0..3)),
        max_bytes in 0_usize..600,
    ) {
        let pairs: Pairs = keys.into_iter().zip(lengths).enumerate()
            .map(|(n, (key, length))| (key, vec![n as u8; length])).collect();
        let (root, rows) = build(&pairs);
        let range = prove_range(&rows, |key| Ok(pairs.get(key).cloned()), after.as_deref(), max_bytes)
            .expect("rows are complete");
        let compact = encode(root, &range.items).expect("a proof");
        let (found, items) = decode(&compact).expect("our own compact proof");
        prop_assert_eq!(found, root);
        if root != EMPTY_ROOT {
            prop_assert_eq!(items.iter().collect::<BTreeSet<_>>(), range.items.iter().collect());
            let bytes = |items: &[Vec<u8>]| items.iter().map(Vec::len).sum::<usize>();
            prop_assert!(bytes(&compact) <= bytes(&items) + items.len());
        }
    }

    #[test]
    fn r4_any_items_are_refused_or_hash_to_their_root(items: Vec<Vec<u8>>) {
        if let Ok((root, items)) = decode(&items) {
            prop_assert!(root == EMPTY_ROOT || items.iter().any(|item| blake2_256(item) == root.0));
        }
    }
}
