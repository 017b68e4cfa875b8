//! Ranges of random tries, and of tries that were tampered with: one test per rule.

use super::*;
use crate::{NoNodes, StateVersion, root as root_of, update};
use alloc::collections::BTreeMap;
use proptest::prelude::*;

type Pairs = BTreeMap<Vec<u8>, Vec<u8>>;
type Rows = BTreeMap<NodePath, Vec<u8>>;

fn build(pairs: &Pairs) -> (H256, Rows) {
    let puts = pairs.iter().map(|(key, value)| (key.clone(), Some(value.clone()))).collect();
    let (root, written) = update(&NoNodes, StateVersion::V1, &puts).expect("rows are complete");
    (root, written.into_iter().filter_map(|(path, row)| Some((path, row?))).collect())
}

fn proved(pairs: &Pairs, rows: &Rows, after: Option<&[u8]>, max_bytes: usize) -> ProvedRange {
    prove_range(rows, |key| Ok(pairs.get(key).cloned()), after, max_bytes).expect("rows are complete")
}

fn pairs() -> impl Strategy<Value = Pairs> {
    let key = prop::collection::vec(prop::sample::select(vec![0_u8, 1, 0x10, 0x1f, 0xff]), 0..5);
    let value = prop_oneof![3 => 0_usize..4, 2 => 30_usize..36, 1 => 60_usize..200];
    prop::collection::btree_map(
        key,
        (value, any::<u8>()).prop_map(|(length, byte)| vec![byte; length]),
        0..40,
    )
}

fn above<'a>(pairs: &'a Pairs, after: Option<&[u8]>) -> impl Iterator<Item = (Vec<u8>, Vec<u8>)> + 'a {
    let after = after.map(<[u8]>::to_vec);
    let is_above = move |key: &Vec<u8>| after.as_ref().is_none_or(|after| key > after);
    pairs.iter().filter(move |(key, _)| is_above(key)).map(|(key, value)| (key.clone(), value.clone()))
}

proptest! {
    #[test]
    fn r1_r3_ranges_after_one_another_give_the_whole_trie(pairs in pairs(), max_bytes in 0_usize..400) {
        let (root, rows) = build(&pairs);
        let (mut collected, mut after) = (Pairs::new(), None::<Vec<u8>>);
        for _ in 0..=pairs.len() {
            let proved = proved(&pairs, &rows, after.as_deref(), max_bytes);
            let range = read_range(root, &proved.items, after.as_deref()).expect("our own proof");
            // A reader may see further: pairs that stand in the nodes that it got.
            prop_assert!(range.is_complete || !proved.is_complete);
            prop_assert!(range.pairs.last().map(|(key, _)| key) >= proved.last.as_ref());
            collected.extend(range.pairs);
            after = collected.keys().next_back().cloned();
            if range.is_complete { break; }
        }
        prop_assert_eq!(&collected, &pairs);
        prop_assert_eq!(root_of(StateVersion::V1, pairs.iter()), root);
    }

    #[test]
    fn r1_a_range_begins_above_any_key(pairs in pairs(), after in prop::collection::vec(0_u8..3, 0..5)) {
        let (root, rows) = build(&pairs);
        let proved = proved(&pairs, &rows, Some(&after), usize::MAX);
        prop_assert!(proved.is_complete);
        let range = read_range(root, &proved.items, Some(&after)).expect("our own proof");
        prop_assert_eq!(range.pairs, above(&pairs, Some(&after)).collect::<Vec<_>>());
    }

    #[test]
    fn r2_r3_whatever_is_left_out_shortens_the_range_and_changes_nothing_in_it(
        pairs in pairs(), drop in any::<prop::sample::Index>(), flip in any::<(prop::sample::Index, u8)>()
    ) {
        let (root, rows) = build(&pairs);
        let items = proved(&pairs, &rows, None, usize::MAX).items;
        let whole: Vec<_> = above(&pairs, None).collect();
        let mut fewer = items.clone();
        fewer.remove(drop.index(items.len()));
        let mut other = items.clone();
        let item = &mut other[drop.index(items.len())];
        if !item.is_empty() {
            let at = flip.0.index(item.len());
            item[at] ^= flip.1;
        }
        for forged in [fewer, other] {
            let Ok(range) = read_range(root, &forged, None) else { continue };
            prop_assert!(whole.starts_with(&range.pairs));
            prop_assert!(!range.is_complete || range.pairs == whole);
        }
    }

    #[test]
    fn foreign_items_prove_nothing(pairs in pairs(), junk: Vec<Vec<u8>>) {
        let (root, _) = build(&pairs);
        if root != EMPTY_ROOT {
            prop_assert_eq!(read_range(root, &junk, None), Err(ProofError::MissingNode { hash: root }));
        }
    }
}

#[test]
fn r1_an_empty_trie_is_a_complete_range() {
    let proved = proved(&Pairs::new(), &Rows::new(), None, 0);
    assert_eq!(proved, ProvedRange { items: vec![vec![0]], last: None, is_complete: true });
    assert_eq!(read_range(EMPTY_ROOT, &proved.items, None), Ok(Range { pairs: vec![], is_complete: true }));
}

#[test]
fn r1_the_limit_is_passed_by_one_value_at_most() {
    let pairs: Pairs = (0..100_u8).map(|n| (vec![n], vec![n; 1_000])).collect();
    let (_, rows) = build(&pairs);
    let bytes = |proved: &ProvedRange| proved.items.iter().map(Vec::len).sum::<usize>();
    let few = proved(&pairs, &rows, None, 10_000);
    assert!(!few.is_complete && (10_000..11_700).contains(&bytes(&few)), "{} bytes", bytes(&few));
    let one = proved(&pairs, &rows, None, 0);
    assert_eq!(one.last, Some(vec![0]));
}

#[test]
fn a_lost_row_is_an_error() {
    let pairs: Pairs = (0..20_u8).map(|n| (vec![n], vec![n; 40])).collect();
    let (_, mut rows) = build(&pairs);
    rows.retain(|path, _| path.is_empty());
    let lost = prove_range(&rows, |key| Ok(pairs.get(key).cloned()), None, usize::MAX);
    assert!(matches!(lost, Err(TrieError::Missing { .. })));
}
