//! Roots, rows and proofs against smoldot, an independent implementation, on random tries.

use parity_scale_codec::Encode;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use quire_core::H256;
use quire_trie::{
    EMPTY_ROOT, NoNodes, NodePath, NodeReader, StateVersion, ordered_root, prove, root, update, verify_proof,
};
use smoldot::trie::calculate_root::{RootMerkleValueCalculation, root_merkle_value};
use smoldot::trie::{HashFunction, Nibble, TrieEntryVersion, proof_decode, proof_encode};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::ops::Bound;

type Pairs = BTreeMap<Vec<u8>, Vec<u8>>;
type Changes = BTreeMap<Vec<u8>, Option<Vec<u8>>>;
type Rows = BTreeMap<NodePath, Vec<u8>>;

/// Few distinct bytes, so that keys nest, part in every nibble and hit each other.
fn key() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop::sample::select(vec![0x00_u8, 0x01, 0x10, 0x11, 0xf0, 0xff]);
    prop_oneof![
        4 => vec(byte.clone(), 0..5),
        2 => vec(byte.clone(), 1..3).prop_map(|end| [&[0x26; 32][..], &end].concat()),
        1 => vec(byte, 1..3).prop_map(|end| [&[0x77; 150][..], &end].concat()),
        1 => any::<[u8; 2]>().prop_map(Vec::from),
    ]
}

/// Lengths around the thresholds of embedding a node and of hashing a value.
fn value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        3 => vec(any::<u8>(), 0..4),
        3 => vec(any::<u8>(), 25..36),
        1 => vec(any::<u8>(), 60..90),
    ]
}

fn version() -> impl Strategy<Value = StateVersion> {
    prop_oneof![Just(StateVersion::V0), Just(StateVersion::V1)]
}

/// smoldot's calculation, fed with our pairs. Its own `trie_root` is not used: it takes `or_equal` the wrong way round
/// and never finds the empty key.
fn smoldot_root(version: StateVersion, pairs: &Pairs) -> H256 {
    let version = match version {
        StateVersion::V0 => TrieEntryVersion::V0,
        StateVersion::V1 => TrieEntryVersion::V1,
    };
    let mut step = root_merkle_value(HashFunction::Blake2);
    loop {
        step = match step {
            RootMerkleValueCalculation::Finished { hash } => return H256(hash),
            RootMerkleValueCalculation::StorageValue(wanted) => {
                let key: Vec<u8> = wanted.key().collect();
                let value = pairs.get(&key);
                wanted.inject(value.map(|value| (value, version)))
            }
            RootMerkleValueCalculation::NextKey(wanted) => {
                let from: Vec<u8> = wanted.key_before().collect();
                let prefix: Vec<u8> = wanted.prefix().collect();
                let bound = if wanted.or_equal() { Bound::Included(from) } else { Bound::Excluded(from) };
                let next = pairs.range((bound, Bound::Unbounded)).next().map(|(key, _)| key.clone());
                wanted.inject_key(next.filter(|key| key.starts_with(&prefix)).map(Vec::into_iter))
            }
        }
    }
}

fn apply(rows: &mut Rows, changes: BTreeMap<NodePath, Option<Vec<u8>>>) {
    for (path, row) in changes {
        match row {
            Some(row) => rows.insert(path, row),
            None => rows.remove(&path),
        };
    }
}

/// The trie of pairs, built at once.
fn build(version: StateVersion, pairs: &Pairs) -> (H256, Rows) {
    let changes = pairs.iter().map(|(key, value)| (key.clone(), Some(value.clone()))).collect();
    let (root, changes) = update(&NoNodes, version, &changes).expect("no rows to fail on");
    let mut rows = Rows::new();
    apply(&mut rows, changes);
    (root, rows)
}

/// Remembers what was read, in order.
struct Watched<'a> {
    rows: &'a Rows,
    reads: RefCell<Vec<NodePath>>,
}

impl NodeReader for Watched<'_> {
    type Error = Infallible;

    fn node(&self, path: &NodePath) -> Result<Option<Vec<u8>>, Infallible> {
        self.reads.borrow_mut().push(path.clone());
        self.rows.node(path)
    }
}

fn nibbles(key: &[u8]) -> Vec<u8> {
    key.iter().flat_map(|byte| [byte >> 4, byte & 0x0f]).collect()
}

/// R5 of the crate: nodes on the path of a changed key, once; for each deletion at most one sibling, perhaps again.
fn check_reads(reads: &[NodePath], changes: &Changes) {
    let distinct: BTreeSet<_> = reads.iter().collect();
    let keys: Vec<_> = changes.keys().map(|key| nibbles(key)).collect();
    let deletes = changes.values().filter(|value| value.is_none()).count();
    let on_path = |path: &NodePath| {
        let path: Vec<u8> = path.nibbles().collect();
        keys.iter().any(|key| key.starts_with(&path))
    };
    let again = reads.len() - distinct.len();
    assert!(again <= deletes, "{again} nodes were read twice for {deletes} deletions");
    let siblings = distinct.iter().filter(|path| !path.is_empty() && !on_path(path)).count();
    assert!(siblings <= deletes, "{siblings} nodes off the changed paths for {deletes} deletions");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn r1_closed_form_root_equals_smoldots(pairs in btree_map(key(), value(), 0..40), version in version()) {
        prop_assert_eq!(root(version, &pairs), smoldot_root(version, &pairs));
    }

    #[test]
    fn r5_any_sequence_of_updates_gives_smoldots_root_and_exactly_the_rows_of_a_fresh_build(
        steps in vec(btree_map(key(), prop::option::weighted(0.6, value()), 0..25), 1..6),
        deleted in any::<u64>(),
        version in version(),
    ) {
        let (mut state, mut rows) = (Pairs::new(), Rows::new());
        for mut changes in steps {
            // Random keys seldom hit what is there: delete some of it on purpose.
            for (index, key) in state.keys().enumerate() {
                if deleted >> (index % 64) & 1 == 1 {
                    changes.entry(key.clone()).or_insert(None);
                }
            }
            let watched = Watched { rows: &rows, reads: RefCell::new(Vec::new()) };
            let (root, written) = update(&watched, version, &changes).expect("rows are complete");
            check_reads(&watched.reads.into_inner(), &changes);
            for (key, value) in changes {
                match value {
                    Some(value) => state.insert(key, value),
                    None => state.remove(&key),
                };
            }
            apply(&mut rows, written);
            prop_assert_eq!(root, smoldot_root(version, &state));
            let (fresh_root, fresh_rows) = build(version, &state);
            prop_assert_eq!(root, fresh_root);
            prop_assert_eq!(&rows, &fresh_rows);
        }
    }

    #[test]
    fn smoldot_reads_our_proofs(
        pairs in btree_map(key(), value(), 1..30),
        asked in vec(key(), 1..6),
        picks in vec(any::<prop::sample::Index>(), 0..6),
        version in version(),
    ) {
        let (root, rows) = build(version, &pairs);
        let present: Vec<_> = pairs.keys().cloned().collect();
        let keys: Vec<_> = asked.into_iter().chain(picks.iter().map(|pick| pick.get(&present).clone())).collect();
        let proof = prove(&rows, |key| Ok(pairs.get(key).cloned()), &keys).expect("rows are complete");
        let config = proof_decode::Config { proof: proof.encode() };
        let decoded = proof_decode::decode_and_verify_proof(config).expect("smoldot takes the proof");
        for key in &keys {
            let theirs = decoded.storage_value(&root.0, key).expect("the proof is complete");
            prop_assert_eq!(theirs.map(|(value, _)| value), pairs.get(key).map(Vec::as_slice));
            let ours = verify_proof(root, &proof, key);
            prop_assert_eq!(ours.as_ref(), Ok(&pairs.get(key).cloned()));
        }
    }

    #[test]
    fn we_read_smoldots_proofs(
        pairs in btree_map(key(), value(), 1..30),
        asked in key(),
        version in version(),
    ) {
        let (root, rows) = build(version, &pairs);
        let mut builder = proof_encode::ProofBuilder::new();
        for (path, row) in &rows {
            let position: Vec<u8> = path.nibbles().collect();
            let node = quire_trie::NodeRef::decode(row).expect("our own row");
            let full: Vec<u8> = position.iter().copied().chain(node.partial_key()).collect();
            let bytes: Vec<u8> = full.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect();
            let value = match node.value {
                quire_trie::ValueRef::Hashed(_) => pairs.get(&bytes).map(Vec::as_slice),
                _ => None,
            };
            let full: Vec<Nibble> = full.into_iter().map(|n| Nibble::try_from(n).expect("a nibble")).collect();
            builder.set_node_value(&full, row, value);
        }
        let items: Vec<Vec<u8>> = builder.build().map(|item| item.as_ref().to_vec()).collect();
        // smoldot hands out the proof as its length and each item with its length; keep only the items.
        let encoded = items.concat();
        let items: Vec<Vec<u8>> = parity_scale_codec::Decode::decode(&mut &encoded[..]).expect("a list of items");
        for key in pairs.keys().chain([&asked]) {
            let value = verify_proof(root, &items, key);
            prop_assert_eq!(value.as_ref(), Ok(&pairs.get(key).cloned()));
        }
    }

    #[test]
    fn ordered_root_equals_smoldots(items in vec(vec(any::<u8>(), 0..50), 0..300)) {
        let theirs = smoldot::header::extrinsics_root(&items);
        prop_assert_eq!(ordered_root(StateVersion::V0, &items).0, theirs);
    }
}

#[test]
fn r2_root_of_nothing_is_the_known_one() {
    assert_eq!(root(StateVersion::V1, &Pairs::new()), EMPTY_ROOT);
    assert_eq!(smoldot_root(StateVersion::V1, &Pairs::new()), EMPTY_ROOT);
    assert_eq!(EMPTY_ROOT.to_string(), "0x03170a2e7597b7b7e3d84c05391d139a62b157e78786d8c082f29dcf4c111314");
}

#[test]
fn compact_lengths_of_many_items_give_smoldots_ordered_root() {
    let items: Vec<Vec<u8>> = (0..20_000_u32).map(|n| n.to_le_bytes().repeat(1 + n as usize % 12)).collect();
    assert_eq!(ordered_root(StateVersion::V0, &items).0, smoldot::header::extrinsics_root(&items));
}
