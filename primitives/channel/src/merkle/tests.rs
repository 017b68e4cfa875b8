//! The verifier against the tree of `merkle_light`, exhaustively for small counts; refusals.

use super::*;
use proptest::prelude::*;
use quire_core::hash::blake2_256_concat;

fn items(count: usize) -> Vec<H256> {
    (0..count as u64).map(|n| H256(blake2_256(&n.to_le_bytes()))).collect()
}

/// The tree as its documentation tells it, level by level, written without the crate.
fn root_by_hand(items: &[H256]) -> H256 {
    let mut level: Vec<[u8; 32]> = items.iter().map(|item| blake2_256_concat(&[&[0], &item.0])).collect();
    while level.len() > 1 {
        if level.len() % 2 == 1 {
            level.push(*level.last().unwrap());
        }
        level = level.chunks(2).map(|pair| blake2_256_concat(&[&[1], &pair[0], &pair[1]])).collect();
    }
    H256(level[0])
}

#[test]
fn r2_roots_of_none_one_and_many() {
    assert_eq!(EMPTY_ROOT.0, blake2_256(&[]));
    assert_eq!(root(&[]), EMPTY_ROOT);
    for count in 1..=300 {
        assert_eq!(root(&items(count)), root_by_hand(&items(count)), "{count} items");
    }
}

#[test]
fn single_positions_verify_for_every_count_up_to_300() {
    for count in 1..=300usize {
        let all = items(count);
        let root = root(&all);
        for index in 0..count {
            let proof = path(&all, index).unwrap();
            assert!(verify(&root, count as u32, index as u32, &all[index], &proof), "{index} of {count}");
        }
        assert_eq!(path(&all, count), None);
    }
}

#[test]
fn ranges_verify_for_every_count_up_to_40() {
    for count in 1..=40usize {
        let all = items(count);
        let root = root(&all);
        for first in 0..count {
            for len in 1..=count - first {
                let proof = range_proof(&all, first, len).unwrap();
                let leaves = &all[first..first + len];
                assert!(
                    verify_range(&root, count as u32, first as u32, leaves, &proof),
                    "{first}+{len} of {count}"
                );
            }
            assert_eq!(range_proof(&all, first, count - first + 1), None);
            assert_eq!(range_proof(&all, first, 0), None);
        }
    }
}

#[test]
fn r1_equal_roots_of_different_counts_are_told_apart() {
    let [a, b, c] = items(3).try_into().unwrap();
    assert_eq!(root(&[a, b, c]), root(&[a, b, c, c]), "the crate repeats the last item");
    let root = root(&[a, b, c]);
    let long = path(&[a, b, c, c], 3).unwrap();
    assert!(verify(&root, 4, 3, &c, &long));
    assert!(!verify(&root, 3, 3, &c, &long), "there is no fourth item among three");
    assert!(!verify_range(&root, 3, 0, &[a, b, c, c], &[]));
    assert!(verify_range(&root, 4, 0, &[a, b, c, c], &[]));
    assert!(!verify_range(&root, 4, 0, &[a, b, c], &[]), "the fourth sibling is missing");
}

#[test]
fn r3_wrong_index_count_or_siblings_are_refused() {
    for count in 2..=66usize {
        let all = items(count);
        let root = root(&all);
        for index in 0..count {
            let proof = path(&all, index).unwrap();
            let (n, i) = (count as u32, index as u32);
            for other in (0..n).filter(|other| *other != i) {
                assert!(
                    !verify(&root, n, other, &all[index], &proof),
                    "{index} passes as {other} of {count}"
                );
            }
            let mut extra = proof.clone();
            extra.push(all[0]);
            assert!(!verify(&root, n, i, &all[index], &extra), "one sibling too many");
            if let Some((_, short)) = proof.split_last() {
                assert!(!verify(&root, n, i, &all[index], short), "one sibling too few");
                let mut wrong = proof.clone();
                wrong[0].0[31] ^= 1;
                assert!(!verify(&root, n, i, &all[index], &wrong));
            }
            assert!(!verify(&root, n, n, &all[index], &proof));
        }
    }
}

#[test]
fn r4_nothing_and_absurd_sizes_are_refused() {
    let all = items(5);
    let root = root(&all);
    assert!(!verify_range(&root, 5, 0, &[], &[]));
    assert!(!verify_range(&EMPTY_ROOT, 0, 0, &[], &[]));
    assert!(!verify_range(&root, 0, 0, &all, &[]));
    assert!(!verify_range(&root, u32::MAX, u32::MAX, &all, &[]));
    assert!(!verify_range(&root, 5, 0, &all[..1], &[H256::ZERO; MAX_PROOF_HASHES + 1]));
}

proptest! {
    #[test]
    fn any_range_of_any_tree_verifies_and_no_changed_leaf_does(count in 1usize..3000, a in 0usize..3000, b in 0usize..3000, bit in 0usize..256) {
        let all = items(count);
        let root = root(&all);
        let (first, last) = { let (a, b) = (a % count, b % count); (a.min(b), a.max(b)) };
        let proof = range_proof(&all, first, last - first + 1).unwrap();
        let mut leaves = all[first..=last].to_vec();
        prop_assert!(verify_range(&root, count as u32, first as u32, &leaves, &proof));
        let changed = bit % leaves.len();
        leaves[changed].0[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(!verify_range(&root, count as u32, first as u32, &leaves, &proof));
    }
}
