//! The overlay against a stack of plain maps.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;

use super::*;

/// A state that is a map, with its trie nodes; counts reads.
#[derive(Default)]
struct MapState {
    values: BTreeMap<Vec<u8>, Vec<u8>>,
    nodes: BTreeMap<NodePath, Vec<u8>>,
    reads: AtomicUsize,
}

impl MapState {
    fn new(values: BTreeMap<Vec<u8>, Vec<u8>>) -> Self {
        let changes = values.iter().map(|(key, value)| (key.clone(), Some(value.clone()))).collect();
        let (_, nodes) =
            quire_trie::update(&quire_trie::NoNodes, StateVersion::V1, &changes).expect("no reader");
        let nodes = nodes.into_iter().filter_map(|(path, node)| Some((path, node?))).collect();
        Self { values, nodes, reads: AtomicUsize::new(0) }
    }
}

impl StateView for MapState {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StateError> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        Ok(self.values.get(key).cloned())
    }

    fn next_key(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StateError> {
        let mut after = self.values.range::<[u8], _>((Bound::Excluded(key), Bound::Unbounded));
        Ok(after.next().map(|(key, _)| key.clone()))
    }

    fn node(&self, path: &NodePath) -> Result<Option<Vec<u8>>, StateError> {
        Ok(self.nodes.get(path).cloned())
    }
}

fn state(pairs: &[(&str, &str)]) -> MapState {
    MapState::new(
        pairs.iter().map(|(key, value)| (key.as_bytes().to_vec(), value.as_bytes().to_vec())).collect(),
    )
}

#[test]
fn r1_reads_the_newest_write() {
    let state = state(&[("a", "1")]);
    let mut overlay = Overlay::new();
    assert_eq!(overlay.get(&state, b"a"), Ok(Some(b"1".to_vec())));
    overlay.set(b"a", b"2".to_vec());
    assert_eq!(overlay.get(&state, b"a"), Ok(Some(b"2".to_vec())));
    overlay.clear(b"a");
    assert_eq!(overlay.get(&state, b"a"), Ok(None));
    assert_eq!(overlay.exists(&state, b"a"), Ok(false));
}

#[test]
fn r2_transactions_nest_and_are_counted() {
    let mut overlay = Overlay::new();
    assert_eq!(overlay.commit_transaction(), Err(TransactionError::NoneOpen));
    assert_eq!(overlay.rollback_transaction(), Err(TransactionError::NoneOpen));
    for _ in 0..TRANSACTION_DEPTH_MAX {
        overlay.start_transaction().expect("below the limit");
    }
    assert_eq!(overlay.start_transaction(), Err(TransactionError::TooDeep));
    overlay.set(b"a", vec![1]);
    overlay.rollback_to(0);
    assert_eq!(overlay.depth(), 0);
    assert!(overlay.changes().is_empty());
}

#[test]
fn r3_appending_is_linear_and_undone() {
    let state = state(&[("list", "")]);
    let mut overlay = Overlay::new();
    for item in 0u32..10_000 {
        overlay.start_transaction().expect("shallow");
        overlay.append(&state, b"events", &item.encode()).expect("readable");
        if item % 2 == 1 {
            overlay.rollback_transaction().expect("open");
        } else {
            overlay.commit_transaction().expect("open");
        }
    }
    let expected: Vec<u32> = (0..10_000).step_by(2).collect();
    assert_eq!(overlay.get(&state, b"events"), Ok(Some(expected.encode())));
    assert!(overlay.undo.is_empty(), "no transaction is open, nothing to undo");
}

#[test]
fn r4_a_value_is_read_once() {
    let state = state(&[("a", "1")]);
    let mut overlay = Overlay::new();
    for _ in 0..3 {
        overlay.get(&state, b"a").expect("readable");
        overlay.get(&state, b"none").expect("readable");
    }
    assert_eq!(state.reads.load(Ordering::Relaxed), 2);
    assert!(overlay.changes().is_empty(), "reading changes nothing");
    assert_eq!(overlay.touched_keys().collect::<Vec<_>>(), [b"a".as_slice(), b"none"]);
}

#[test]
fn r5_what_is_no_list_is_started_anew() {
    let state = state(&[("bad", "\u{3}")]);
    let mut overlay = Overlay::new();
    overlay.append(&state, b"bad", &7u8.encode()).expect("readable");
    assert_eq!(overlay.get(&state, b"bad"), Ok(Some(vec![7u8].encode())));
}

#[test]
fn a_root_is_computed_once_until_the_next_write() {
    let state = state(&[("a", "1")]);
    let mut overlay = Overlay::new();
    overlay.set(b"b", vec![2; 40]);
    let root = overlay.root(&state, StateVersion::V1).expect("readable");
    let pairs = [(b"a".to_vec(), b"1".to_vec()), (b"b".to_vec(), vec![2; 40])];
    assert_eq!(root, quire_trie::root(StateVersion::V1, pairs));
    overlay.set(b"c", vec![3]);
    assert_ne!(overlay.root(&state, StateVersion::V1).expect("readable"), root);
    overlay.start_transaction().expect("shallow");
    overlay.clear(b"a");
    overlay.root(&state, StateVersion::V1).expect("readable");
    overlay.rollback_transaction().expect("open");
    overlay.clear(b"c");
    assert_eq!(overlay.into_layer(&state, StateVersion::V1).map(|(root, _)| root).expect("readable"), root);
}

#[derive(Clone, Debug)]
enum Op {
    Get(Vec<u8>),
    Set(Vec<u8>, Vec<u8>),
    Clear(Vec<u8>),
    Append(Vec<u8>, u8),
    ClearPrefix(Vec<u8>, Option<u32>),
    NextKey(Vec<u8>),
    Start,
    Commit,
    Rollback,
}

fn key() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(0u8..3, 0..4)
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        key().prop_map(Op::Get),
        (key(), proptest::collection::vec(any::<u8>(), 0..40)).prop_map(|(key, value)| Op::Set(key, value)),
        key().prop_map(Op::Clear),
        (key(), any::<u8>()).prop_map(|(key, item)| Op::Append(key, item)),
        (key(), proptest::option::of(0u32..4)).prop_map(|(prefix, limit)| Op::ClearPrefix(prefix, limit)),
        key().prop_map(Op::NextKey),
        Just(Op::Start),
        Just(Op::Commit),
        Just(Op::Rollback),
    ]
}

/// The model: the whole state, and copies of it from when transactions started.
struct Model {
    now: BTreeMap<Vec<u8>, Vec<u8>>,
    saved: Vec<BTreeMap<Vec<u8>, Vec<u8>>>,
}

impl Model {
    fn append(&mut self, key: &[u8], item: u8) {
        let known = self.now.get(key).and_then(|bytes| split_list(bytes));
        let (count, mut items) = known.unwrap_or_default();
        items.push(item);
        self.now.insert(key.to_vec(), join_list(count + 1, &items));
    }

    fn clear_prefix(&mut self, prefix: &[u8], limit: Option<u32>) -> (u32, bool) {
        let keys: Vec<_> = self.now.keys().filter(|key| key.starts_with(prefix)).cloned().collect();
        let count = limit.map_or(keys.len(), |limit| keys.len().min(limit as usize));
        for key in &keys[..count] {
            self.now.remove(key);
        }
        (count as u32, count < keys.len())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn agrees_with_the_model(
        start in proptest::collection::btree_map(key(), proptest::collection::vec(any::<u8>(), 0..40), 0..12),
        ops in proptest::collection::vec(op(), 0..60),
    ) {
        let state = MapState::new(start.clone());
        let mut model = Model { now: start.clone(), saved: Vec::new() };
        let mut overlay = Overlay::new();
        for op in ops {
            match op {
                Op::Get(key) => {
                    prop_assert_eq!(overlay.get(&state, &key), Ok(model.now.get(&key).cloned()));
                }
                Op::Set(key, value) => {
                    overlay.set(&key, value.clone());
                    model.now.insert(key, value);
                }
                Op::Clear(key) => {
                    overlay.clear(&key);
                    model.now.remove(&key);
                }
                Op::Append(key, item) => {
                    overlay.append(&state, &key, &[item]).expect("readable");
                    model.append(&key, item);
                }
                Op::ClearPrefix(prefix, limit) => {
                    let done = overlay.clear_prefix(&state, &prefix, limit);
                    prop_assert_eq!(done, Ok(model.clear_prefix(&prefix, limit)));
                }
                Op::NextKey(key) => {
                    let next = model.now.range::<Vec<u8>, _>((Bound::Excluded(&key), Bound::Unbounded)).next();
                    prop_assert_eq!(overlay.next_key(&state, &key), Ok(next.map(|(key, _)| key.clone())));
                }
                Op::Start => {
                    if overlay.start_transaction().is_ok() {
                        model.saved.push(model.now.clone());
                    }
                }
                Op::Commit => {
                    prop_assert_eq!(overlay.commit_transaction().is_ok(), model.saved.pop().is_some());
                }
                Op::Rollback => {
                    let saved = model.saved.pop();
                    prop_assert_eq!(overlay.rollback_transaction().is_ok(), saved.is_some());
                    model.now = saved.unwrap_or(model.now);
                }
            }
            prop_assert_eq!(overlay.depth(), model.saved.len());
        }
        let (root, layer) = overlay.into_layer(&state, StateVersion::V1).expect("readable");
        prop_assert_eq!(root, quire_trie::root(StateVersion::V1, model.now.clone()));
        let mut applied = start;
        for (key, value) in layer.values {
            match value {
                Some(value) => applied.insert(key, value),
                None => applied.remove(&key),
            };
        }
        prop_assert_eq!(applied, model.now);
    }
}
