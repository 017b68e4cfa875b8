//! One test per rule, hostile rows and proofs. Random tries are compared with smoldot in `tests/smoldot.rs`.

use crate::node::{Merkle, encode};
use crate::*;
use alloc::string::ToString;
use alloc::{format, vec};
use core::cell::Cell;
use parity_scale_codec::{Decode, Encode};
use proptest::prelude::*;
use quire_core::hash::blake2_256;
use quire_core::limits::MAX_PROOF_ITEMS;

type Rows = BTreeMap<NodePath, Vec<u8>>;
type Changes = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

fn puts(pairs: &[(&[u8], &[u8])]) -> Changes {
    pairs.iter().map(|(key, value)| (key.to_vec(), Some(value.to_vec()))).collect()
}

fn write(rows: &mut Rows, version: StateVersion, changes: &Changes) -> H256 {
    let (root, written) = update(rows, version, changes).expect("rows are complete");
    for (path, row) in written {
        match row {
            Some(row) => rows.insert(path, row),
            None => rows.remove(&path),
        };
    }
    root
}

fn build(version: StateVersion, pairs: &[(&[u8], &[u8])]) -> (H256, Rows) {
    let mut rows = Rows::new();
    let root = write(&mut rows, version, &puts(pairs));
    (root, rows)
}

/// Two long values, one short, one key inside another, a fork in the middle of a byte.
const PAIRS: [(&[u8], &[u8]); 4] =
    [(b"do", &[0x55; 40]), (b"dog", b"puppy"), (b"doge", &[0x66; 33]), (b"horse", b"stallion")];

#[test]
fn r1_deleting_everything_leaves_no_row() {
    for version in [StateVersion::V0, StateVersion::V1] {
        let (root_before, mut rows) = build(version, &PAIRS);
        assert_ne!(root_before, EMPTY_ROOT);
        let deletes = PAIRS.iter().map(|(key, _)| (key.to_vec(), None)).collect();
        assert_eq!(write(&mut rows, version, &deletes), EMPTY_ROOT);
        assert_eq!(rows, Rows::new());
    }
}

#[test]
fn r1_a_branch_left_with_one_child_joins_it() {
    let (root_of_one, rows_of_one) = build(StateVersion::V1, &PAIRS[3..]);
    let (_, mut rows) = build(StateVersion::V1, &PAIRS[2..]);
    assert_eq!(rows.len(), 3);
    let root = write(&mut rows, StateVersion::V1, &[(b"doge".to_vec(), None)].into());
    assert_eq!((root, rows), (root_of_one, rows_of_one));
}

#[test]
fn r2_no_change_gives_the_root_and_writes_nothing() {
    let (root_before, rows) = build(StateVersion::V1, &PAIRS);
    assert_eq!(update(&rows, StateVersion::V1, &Changes::new()), Ok((root_before, NodeChanges::new())));
    // The same values again, and an absent key deleted.
    let mut same = puts(&PAIRS);
    same.insert(b"cat".to_vec(), None);
    same.insert(b"dogs".to_vec(), None);
    assert_eq!(update(&rows, StateVersion::V1, &same), Ok((root_before, NodeChanges::new())));
    assert_eq!(update(&NoNodes, StateVersion::V1, &Changes::new()), Ok((EMPTY_ROOT, NodeChanges::new())));
    let absent = [(b"cat".to_vec(), None)].into();
    assert_eq!(update(&NoNodes, StateVersion::V1, &absent), Ok((EMPTY_ROOT, NodeChanges::new())));
    // A row of the empty trie is as good as none.
    let empty = Rows::from([(NodePath::root(), vec![0])]);
    assert_eq!(update(&empty, StateVersion::V1, &Changes::new()).map(|(root, _)| root), Ok(EMPTY_ROOT));
    let (fresh, _) = build(StateVersion::V1, &PAIRS);
    assert_eq!(update(&empty, StateVersion::V1, &puts(&PAIRS)).map(|(root, _)| root), Ok(fresh));
}

#[test]
fn r3_values_of_33_bytes_are_hashed_in_version_1_only() {
    for (length, is_hashed) in [(32, false), (33, true)] {
        let value = vec![7; length];
        let row = |version| build(version, &[(b"key", &value)]).1[&NodePath::root()].clone();
        let hash = blake2_256(&value);
        let row_1 = row(StateVersion::V1);
        let node = NodeRef::decode(&row_1).expect("our own row");
        assert_eq!(matches!(node.value, ValueRef::Hashed(found) if *found == hash), is_hashed);
        assert_eq!(
            NodeRef::decode(&row(StateVersion::V0)).map(|node| node.value == ValueRef::Inline(&value)),
            Ok(true)
        );
    }
    assert_eq!(StateVersion::from_number(1), Some(StateVersion::V1));
    assert_eq!(StateVersion::from_number(2), None);
}

#[test]
fn r3_a_value_written_again_moves_to_the_new_version() {
    let (root_0, mut rows) = build(StateVersion::V0, &PAIRS);
    // Another key changes: values of version 0 stay.
    let root_mixed = write(&mut rows, StateVersion::V1, &puts(&[(b"zebra", b"z")]));
    let (all_1, _) = build(StateVersion::V1, &[&PAIRS[..], &[(b"zebra", b"z")]].concat());
    assert_ne!(root_mixed, all_1);
    assert_eq!(write(&mut rows, StateVersion::V1, &puts(&PAIRS)), all_1);
    write(&mut rows, StateVersion::V1, &[(b"zebra".to_vec(), None)].into());
    assert_eq!(write(&mut rows, StateVersion::V0, &puts(&PAIRS)), root_0);
}

#[test]
fn r4_embedded_nodes_have_rows_too() {
    let (_, rows) = build(StateVersion::V1, &[(b"\x10", b"a"), (b"\x20", b"b")]);
    assert_eq!(rows.len(), 3);
    assert!(rows.values().all(|row| row.len() < 32));
    for (path, row) in &rows {
        assert_eq!(NodeRef::decode(row).map(|node| node.partial_key().count()), Ok(path.len()));
    }
}

/// Counts reads.
struct Counted<'a>(&'a Rows, Cell<usize>);

impl NodeReader for Counted<'_> {
    type Error = Infallible;

    fn node(&self, path: &NodePath) -> Result<Option<Vec<u8>>, Infallible> {
        self.1.set(self.1.get() + 1);
        self.0.node(path)
    }
}

#[test]
fn r5_a_change_reads_and_writes_only_its_path() {
    let keys: Vec<[u8; 32]> = (0..5_000_u32).map(|n| blake2_256(&n.to_le_bytes())).collect();
    let pairs: Vec<(&[u8], &[u8])> = keys.iter().map(|key| (&key[..], &b"value"[..])).collect();
    let (_, rows) = build(StateVersion::V1, &pairs);
    let counted = Counted(&rows, Cell::new(0));
    let change = puts(&[(&keys[17], b"other")]);
    let (_, written) = update(&counted, StateVersion::V1, &change).expect("rows are complete");
    // log16(5000) is 3.1.
    assert!((3..=6).contains(&counted.1.get()), "{} reads", counted.1.get());
    assert_eq!(written.len(), counted.1.get());
}

#[test]
fn r6_deep_tries_take_no_stack() {
    // Every prefix of a key is a key: 4,000 nested branches.
    let key = vec![0x11; 2_000];
    let changes: Changes = (0..=key.len()).map(|end| (key[..end].to_vec(), Some(vec![1]))).collect();
    let mut rows = Rows::new();
    let root_of_update = write(&mut rows, StateVersion::V1, &changes);
    let pairs = changes.iter().filter_map(|(key, value)| Some((key, value.as_ref()?)));
    assert_eq!(root(StateVersion::V1, pairs), root_of_update);
    let proof = prove(&rows, |_| Ok(None), [&key]).expect("rows are complete");
    assert_eq!(verify_proof(root_of_update, &proof, &key), Ok(Some(vec![1])));
    let deletes = changes.into_keys().map(|key| (key, None)).collect();
    assert_eq!(write(&mut rows, StateVersion::V1, &deletes), EMPTY_ROOT);
    assert!(rows.is_empty());
}

#[test]
fn lost_and_corrupt_rows_are_named() {
    let (_, rows) = build(StateVersion::V1, &PAIRS);
    let change = puts(&[(b"dog", b"cat")]);
    for (path, row) in &rows {
        let position: Vec<u8> = path.nibbles().collect();
        let key: Vec<u8> = b"dog".iter().flat_map(|byte| [byte >> 4, byte & 15]).collect();
        if !key.starts_with(&position) {
            continue;
        }
        let mut damaged = rows.clone();
        damaged.insert(path.clone(), row[..row.len() - 1].to_vec());
        let error = update(&damaged, StateVersion::V1, &change).expect_err("a row is cut");
        assert!(matches!(&error, TrieError::Corrupt { path: named, .. } if named == path), "{error}");
        assert!(prove(&damaged, |_| Ok(None), [b"dog"]).is_err());
        if !path.is_empty() {
            damaged.remove(path);
            let error = update(&damaged, StateVersion::V1, &change).expect_err("a row is lost");
            assert_eq!(error, TrieError::Missing { path: path.clone() });
        }
    }
    let missing = prove(&rows, |_| Ok(None), [b"do"]).expect_err("the state lacks the value");
    assert_eq!(missing.to_string(), "the value under key 0x646f is in the trie but not in the state");
}

#[test]
fn path_r1_forms_are_distinct_and_read_back() {
    let mut seen = BTreeMap::new();
    let mut paths = vec![vec![]];
    for length in 0..4 {
        let longer: Vec<Vec<u8>> = paths
            .iter()
            .filter(|path| path.len() == length)
            .flat_map(|path| [0_u8, 1, 15].map(|nibble| [&path[..], &[nibble]].concat()))
            .collect();
        paths.extend(longer);
    }
    for nibbles in paths {
        let path = NodePath::from_nibbles(&nibbles);
        assert_eq!(path.nibbles().collect::<Vec<_>>(), nibbles);
        assert_eq!((path.len(), path.is_empty()), (nibbles.len(), nibbles.is_empty()));
        assert_eq!(NodePath::from_bytes(path.as_bytes()), Some(path.clone()));
        assert_eq!(NodePath::decode(&mut &path.encode()[..]), Ok(path.clone()));
        assert_eq!(seen.insert(path.as_bytes().to_vec(), nibbles.clone()), None, "{nibbles:?}");
    }
    assert_eq!(format!("{}", NodePath::from_nibbles(&[1, 2, 15])), "/12f");
    for wrong in [&[][..], &[0x12], &[0x1f], &[0x00, 0x23]] {
        assert_eq!(NodePath::from_bytes(wrong), None, "{wrong:?}");
        assert!(NodePath::decode(&mut &wrong.to_vec().encode()[..]).is_err(), "{wrong:?}");
    }
}

#[test]
fn node_r2_partial_keys_of_any_length_read_back() {
    let children = {
        let mut children = [Merkle::NONE; 16];
        children[3] = Merkle::of(&[1, 2]);
        children[15] = Merkle::of(&[9; 40]);
        children
    };
    for length in
        [0, 1, 2, 14, 15, 16, 30, 31, 32, 62, 63, 64, 269, 270, 271, 285, 286, 317, 318, 319, 573, 2_000]
    {
        let partial: Vec<u8> = (0..length).map(|at| (at % 16) as u8).collect();
        for value in [ValueRef::None, ValueRef::Inline(b"abc"), ValueRef::Hashed(&[5; 32])] {
            let bytes = encode(&partial, value, &children);
            let node = NodeRef::decode(&bytes).expect("just encoded");
            assert_eq!(node.partial_key().collect::<Vec<_>>(), partial);
            assert_eq!(node.value, value);
            assert_eq!(node.children[3], Some(&[1, 2][..]));
            assert_eq!(node.children[15], Some(&blake2_256(&[9; 40])[..]));
            assert_eq!(node.children.iter().flatten().count(), 2);
            assert_eq!(node.encode_with_partial(&partial), bytes);
            if value != ValueRef::None {
                let leaf = encode(&partial, value, &[Merkle::NONE; 16]);
                assert_eq!(NodeRef::decode(&leaf).map(|leaf| leaf.value), Ok(value));
            }
        }
    }
}

#[test]
fn node_r6_refuses_other_forms() {
    for (bytes, error) in [
        (&[][..], NodeError::Short { part: "header" }),
        (&[0x01], NodeError::Kind { first_byte: 1 }),
        (&[0x00, 0x00], NodeError::Long { bytes: 1 }),
        (&[0x41, 0x15, 0x00], NodeError::Padding),
        (&[0x7f], NodeError::Short { part: "partial key's length" }),
        (&[0x7f, 0xff, 0xff], NodeError::Short { part: "partial key's length" }),
        (&[0x42], NodeError::Short { part: "partial key" }),
        (&[0x80, 0x00], NodeError::Short { part: "child bitmap" }),
        (&[0x80, 0x00, 0x00], NodeError::NoChildren),
        (&[0x80, 0x01, 0x00], NodeError::Short { part: "child's length" }),
        (&[0x80, 0x01, 0x00, 0x00], NodeError::ChildLength { bytes: 0 }),
        (&[0x80, 0x01, 0x00, 33 << 2], NodeError::ChildLength { bytes: 33 }),
        (&[0x80, 0x01, 0x00, 0x08, 0x00], NodeError::Short { part: "child" }),
        (&[0x40], NodeError::Short { part: "value's length" }),
        (&[0x40, 0x04], NodeError::Short { part: "value" }),
        // A length of 1 in the forms of two, four and five bytes; one of 2^32 and more.
        (&[0x40, 0x05, 0x00, 0xaa], NodeError::Length),
        (&[0x40, 0x06, 0x00, 0x00, 0x00, 0xaa], NodeError::Length),
        (&[0x40, 0x03, 0x01, 0x00, 0x00, 0x00, 0xaa], NodeError::Length),
        (&[0x40, 0x07, 0x01, 0x00, 0x00, 0x00], NodeError::Length),
        (&[0x20, 0xaa], NodeError::Short { part: "value's hash" }),
    ] {
        assert_eq!(NodeRef::decode(bytes), Err(error), "{bytes:02x?}");
    }
}

#[test]
fn proof_r1_has_no_item_twice_and_no_embedded_node() {
    let value = [0x99; 50];
    let mut pairs: Vec<(Vec<u8>, Vec<u8>)> = (0..20_u8).map(|n| (vec![n; 40], value.to_vec())).collect();
    pairs.push((b"tiny".to_vec(), b"t".to_vec()));
    let list: Vec<(&[u8], &[u8])> = pairs.iter().map(|(key, value)| (&key[..], &value[..])).collect();
    let (root, rows) = build(StateVersion::V1, &list);
    let keys: Vec<&[u8]> = list.iter().map(|(key, _)| *key).collect();
    let proof =
        prove(&rows, |_| Ok(Some(value.to_vec())), keys.iter().chain(&keys)).expect("rows are complete");
    let mut sorted = proof.clone();
    sorted.sort();
    sorted.dedup();
    assert_eq!(sorted.len(), proof.len());
    assert_eq!(proof.iter().filter(|item| item[..] == value).count(), 1);
    assert!(proof.iter().all(|item| item.len() >= 32));
    for (key, value) in &list {
        assert_eq!(verify_proof(root, &proof, key), Ok(Some(value.to_vec())));
    }
}

#[test]
fn proof_r2_shows_absence() {
    let (root, rows) = build(StateVersion::V1, &PAIRS);
    for absent in [&b""[..], b"d", b"dogs", b"dogee", b"i", b"horsf", b"\xff"] {
        let proof = prove(&rows, |_| Ok(None), [absent]).expect("rows are complete");
        assert_eq!(verify_proof(root, &proof, absent), Ok(None));
    }
    let nothing = prove(&Rows::new(), |_| Ok(None), [b"key"]).expect("no rows");
    assert_eq!(verify_proof(EMPTY_ROOT, &nothing, b"key"), Ok(None));
    assert_eq!(blake2_256(&nothing[0]), EMPTY_ROOT.0);
}

#[test]
fn proof_r3_believes_nothing_that_does_not_hash_to_the_root() {
    let value_of =
        |key: &[u8]| Ok(PAIRS.iter().find(|(known, _)| *known == key).map(|(_, value)| value.to_vec()));
    let (root, rows) = build(StateVersion::V1, &PAIRS);
    let proof = prove(&rows, value_of, [b"do"]).expect("rows are complete");
    assert_eq!(verify_proof(root, &proof, b"do"), Ok(Some(PAIRS[0].1.to_vec())));
    // Any item left out, or any bit of it flipped, leaves the key unproved.
    for index in 0..proof.len() {
        let mut cut = proof.clone();
        let hash = H256(blake2_256(&cut.remove(index)));
        let missing = [Err(ProofError::MissingNode { hash }), Err(ProofError::MissingValue { hash })];
        assert!(missing.contains(&verify_proof(root, &cut, b"do")));
        for bit in 0..proof[index].len() * 8 {
            let mut bad = proof.clone();
            bad[index][bit / 8] ^= 1 << (bit % 8);
            assert!(verify_proof(root, &bad, b"do").is_err());
        }
    }
    assert!(verify_proof(H256([1; 32]), &proof, b"do").is_err());
    assert!(verify_proof::<Vec<u8>>(root, &[], b"do").is_err());
}

#[test]
fn proof_survives_malformed_nodes_and_too_many_items() {
    // A root that really hashes so, but is no node; a node that embeds one.
    let rubbish = vec![0x01; 40];
    let root = H256(blake2_256(&rubbish));
    assert_eq!(
        verify_proof(root, &[rubbish], b"key"),
        Err(ProofError::Node(NodeError::Kind { first_byte: 1 }))
    );
    let mut children = [Merkle::NONE; 16];
    children[6] = Merkle::of(&[0x01; 20]);
    let node = encode(&[], ValueRef::None, &children);
    let root = H256(blake2_256(&node));
    assert!(matches!(verify_proof(root, &[node], b"key"), Err(ProofError::Node(_))));
    let many = vec![vec![]; MAX_PROOF_ITEMS as usize + 1];
    let too_large = ProofError::TooLarge { items: many.len(), bytes: 0 };
    assert_eq!(verify_proof(root, &many, b"key"), Err(too_large));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn node_r6_what_decodes_encodes_to_the_same_bytes(
        bytes in proptest::collection::vec(any::<u8>(), 0..120),
        kind in prop::sample::select(vec![0x00_u8, 0x10, 0x20, 0x40, 0x80, 0xc0]),
        shorter in 0_u8..16,
    ) {
        let bytes = [&[kind | shorter][..], &bytes].concat();
        if let Ok(node) = NodeRef::decode(&bytes) {
            let partial: Vec<u8> = node.partial_key().collect();
            let children = node.children.map(|child| child.map_or(Merkle::NONE, Merkle::from_child));
            prop_assert_eq!(encode(&partial, node.value, &children), bytes);
        }
    }

    #[test]
    fn proofs_of_rubbish_never_panic(
        items in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..80), 0..5),
        key in proptest::collection::vec(any::<u8>(), 0..6),
    ) {
        let root = items.first().map_or(EMPTY_ROOT, |item| H256(blake2_256(item)));
        let _ = verify_proof(root, &items, &key);
        let _ = verify_proof(H256::ZERO, &items, &key);
    }

    #[test]
    fn rows_of_rubbish_never_panic(
        rows in proptest::collection::btree_map(
            proptest::collection::vec(0_u8..16, 0..4).prop_map(|nibbles| NodePath::from_nibbles(&nibbles)),
            proptest::collection::vec(any::<u8>(), 0..40),
            0..6,
        ),
        changes in proptest::collection::btree_map(
            proptest::collection::vec(any::<u8>(), 0..3),
            prop::option::of(proptest::collection::vec(any::<u8>(), 0..3)),
            0..6,
        ),
    ) {
        let _ = update(&rows, StateVersion::V1, &changes);
        let _ = prove(&rows, |_| Ok(None), changes.keys());
    }
}
