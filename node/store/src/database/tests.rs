//! The rules of the store, on the memory twin and on sled, against plain maps.

use super::*;
use crate::Pruning;
use crate::backend::{MAX_ROW_BYTES, sled::SledBackend, sled::SledOptions};
use proptest::prelude::*;
use quire_chain::{Finalise, Install, NewBlock, ProvedBlock};
use quire_core::Digest;
use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, AtomicU32},
};

type Values = BTreeMap<Vec<u8>, Vec<u8>>;

fn options(states: Pruning) -> Options {
    wanting(Wanted { states: Some(states), bodies: None })
}

fn wanting(pruning: Wanted) -> Options {
    Options { pruning, cache_bytes: 256 * 1024, pages_bytes: 4 * 1024 * 1024 }
}

fn memory(pruning: Pruning) -> Database<MemoryBackend> {
    Database::in_memory(options(pruning)).unwrap()
}

fn header(number: BlockNumber, salt: u8) -> Header {
    Header {
        parent_hash: H256([salt; 32]),
        number,
        state_root: H256([2; 32]),
        extrinsics_root: H256([3; 32]),
        digest: Digest { logs: vec![] },
    }
}

fn block(number: BlockNumber, salt: u8, layer: &Arc<Layer>) -> NewBlock {
    let header = header(number, salt);
    NewBlock {
        hash: header.hash(),
        header: Arc::new(header),
        body: Arc::new(vec![OpaqueExtrinsic(vec![salt; 9]), OpaqueExtrinsic(vec![1; 3 * MAX_ROW_BYTES])]),
        layer: layer.clone(),
    }
}

fn layer(changes: &[(&[u8], Option<&[u8]>)]) -> Arc<Layer> {
    let mut layer = Layer::default();
    for (key, value) in changes {
        layer.values.insert(key.to_vec(), value.map(<[u8]>::to_vec));
        layer.nodes.insert(NodePath::from_nibbles(key), value.map(|value| [b"node", value].concat()));
    }
    Arc::new(layer)
}

fn finalise(block: &NewBlock, justification: Option<&[u8]>) -> Finalise {
    Finalise {
        number: block.header.number,
        hash: block.hash,
        layer: block.layer.clone(),
        justification: justification.map(<[u8]>::to_vec),
    }
}

/// Inserts and finalises a block in one commit.
fn add<B: Backend>(store: &Database<B>, number: BlockNumber, changes: &[(&[u8], Option<&[u8]>)]) -> H256 {
    let block = block(number, 0, &layer(changes));
    let finalise = vec![finalise(&block, None)];
    store.commit(Commit { blocks: vec![block.clone()], finalise, ..Commit::default() }).unwrap();
    block.hash
}

fn walk<B: Backend>(store: &Database<B>, at: BlockNumber) -> Values {
    let mut found = Values::new();
    let mut key = Vec::new();
    if let Some(value) = store.state_get(at, &key).unwrap() {
        found.insert(key.clone(), value);
    }
    while let Some(next) = store.state_next_key(at, &key).unwrap() {
        assert!(next > key);
        found.insert(next.clone(), store.state_get(at, &next).unwrap().unwrap());
        key = next;
    }
    found
}

#[test]
fn an_empty_store_knows_nothing() {
    let store = memory(Pruning::Archive);
    assert_eq!(store.finalised().unwrap(), None);
    assert_eq!(store.hash_by_number(0).unwrap(), None);
    assert_eq!(store.header(H256([1; 32])).unwrap(), None);
    assert_eq!(store.journal().unwrap().len(), 0);
    assert!(store.state_get(0, b"a").unwrap_err().is_fatal());
}

#[test]
fn r2_older_states_stay_readable_with_their_nodes() {
    let store = memory(Pruning::Archive);
    let long = vec![7; 100_000];
    add(&store, 0, &[(b"a", Some(b"1")), (b"b", Some(&long)), (b"d", Some(b"4"))]);
    add(&store, 1, &[(b"a", Some(b"2")), (b"b", None)]);
    add(&store, 2, &[(b"c", Some(b"3"))]);
    add(&store, 3, &[(b"b", Some(b"5")), (b"d", None)]);
    let get = |at, key: &[u8]| store.state_get(at, key).unwrap();
    assert_eq!([0, 1, 2, 3].map(|at| get(at, b"a")), [1, 2, 2, 2].map(|n| Some(vec![b'0' + n])));
    assert_eq!(get(0, b"b"), Some(long.clone()));
    assert_eq!([1, 2, 3].map(|at| get(at, b"b")), [None, None, Some(b"5".to_vec())]);
    let keys = |at| walk(&store, at).into_keys().map(|key| key[0]).collect::<Vec<u8>>();
    assert_eq!([0, 1, 2, 3].map(keys), [b"abd".to_vec(), b"ad".to_vec(), b"acd".to_vec(), b"abc".to_vec()]);
    let node = store.node_get(0, &NodePath::from_nibbles(b"b")).unwrap();
    assert_eq!(node, Some([&b"node"[..], &long].concat()));
    assert_eq!(store.node_get(1, &NodePath::from_nibbles(b"b")).unwrap(), None);
}

#[test]
fn r3_pruned_heights_say_so_and_their_rows_are_gone() {
    let store = memory(Pruning::Keep(2));
    let long = vec![7; 100_000];
    add(&store, 0, &[(b"a", Some(&long)), (b"b", Some(b"0"))]);
    for number in 1..=6u32 {
        let value = vec![number as u8; 50_000];
        add(&store, number, &[(b"a", Some(&value)), (b"b", (number % 2 == 0).then_some(&b"x"[..]))]);
    }
    assert_eq!(store.oldest_state().unwrap(), 4);
    assert_eq!(store.state_get(3, b"a").unwrap_err(), StateError::Pruned { at: 3, oldest: 4 });
    assert_eq!(store.state_next_key(0, b"a").unwrap_err(), StateError::Pruned { at: 0, oldest: 4 });
    assert!(!store.state_get(3, b"a").unwrap_err().is_fatal());
    assert_eq!([4, 5, 6].map(|at| store.state_get(at, b"a").unwrap().unwrap()[0]), [4, 5, 6]);
    assert_eq!([4, 5, 6].map(|at| walk(&store, at).len()), [2, 1, 2]);
    // Of `a` the values of blocks 4, 5 and 6 remain, as value and as node; of bodies all.
    let pieces = store.backend.range(&Column::Blob.key(&[]), &Column::Blob.end(), usize::MAX).unwrap().len();
    let (state, bodies) = (3 * 2 * 50_000usize.div_ceil(MAX_ROW_BYTES), 7 * 4);
    assert_eq!(pieces, state + bodies);
    let history = store.backend.range(&Column::History.key(&[]), &Column::Blob.end(), usize::MAX).unwrap();
    let old = history.iter().filter(|(key, _)| key[0] == Column::Gone as u8).count();
    assert_eq!(old, 1, "only block 5 deleted a key that a readable height has");
}

#[test]
fn r5_a_long_history_is_pruned_a_few_blocks_a_commit() {
    let backend = MemoryBackend::default();
    let store = Database::over(backend, None, options(Pruning::Keep(1_000))).unwrap();
    for number in 0..30u32 {
        add(&store, number, &[(b"a", Some(&number.to_be_bytes()))]);
    }
    let store = Database::over(store.backend, None, options(Pruning::Keep(3))).unwrap();
    assert_eq!(store.oldest_state().unwrap(), 0);
    let oldest = (30..40u32).map(|number| {
        add(&store, number, &[(b"a", Some(&number.to_be_bytes()))]);
        let oldest = store.oldest_state().unwrap();
        assert_eq!(store.state_get(oldest, b"a").unwrap(), Some(oldest.to_be_bytes().to_vec()));
        oldest
    });
    assert_eq!(oldest.collect::<Vec<_>>(), [5, 10, 15, 20, 25, 30, 33, 34, 35, 36]);
}

#[test]
fn r4_a_gap_in_the_finalised_heights_is_refused_and_changes_nothing() {
    let store = memory(Pruning::Archive);
    add(&store, 0, &[(b"a", Some(b"1"))]);
    for number in [0, 2] {
        let block = block(number, 9, &layer(&[(b"a", Some(b"2"))]));
        let commit =
            Commit { finalise: vec![finalise(&block, None)], blocks: vec![block], ..Commit::default() };
        assert!(store.commit(commit).unwrap_err().to_string().contains("where block 1 follows"));
    }
    assert_eq!(store.state_get(0, b"a").unwrap(), Some(b"1".to_vec()));
    add(&store, 1, &[(b"a", Some(b"3"))]);
}

#[test]
fn blocks_are_journalled_until_finalised_or_dropped() {
    let store = memory(Pruning::Archive);
    add(&store, 0, &[(b"a", Some(b"1"))]);
    let empty_rows =
        store.backend.range(&Column::Blob.key(&[]), &Column::Blob.end(), usize::MAX).unwrap().len();
    let long = vec![1; 60_000];
    let (winner, loser) =
        (block(1, 1, &layer(&[(b"a", Some(&long))])), block(1, 2, &layer(&[(b"b", Some(&long))])));
    store.commit(Commit { blocks: vec![winner.clone(), loser.clone()], ..Commit::default() }).unwrap();
    assert_eq!(store.state_get(0, b"a").unwrap(), Some(b"1".to_vec()));
    let mut journal = store.journal().unwrap();
    journal.sort_by_key(|block| block.header.parent_hash);
    for (found, block) in journal.iter().zip([&winner, &loser]) {
        assert_eq!((found.hash, &found.header, &found.layer), (block.hash, &*block.header, &*block.layer));
        assert_eq!(store.body(block.hash).unwrap().as_ref(), Some(&*block.body));
    }
    let mut meta = BTreeMap::new();
    meta.insert(b"round".to_vec(), Some(b"5".to_vec()));
    let finalise = vec![finalise(&winner, Some(b"because"))];
    store.commit(Commit { finalise, dropped: vec![loser.hash], meta, ..Commit::default() }).unwrap();
    assert_eq!(store.finalised().unwrap(), Some(Head { number: 1, hash: winner.hash }));
    assert_eq!(store.hash_by_number(1).unwrap(), Some(winner.hash));
    assert_eq!(store.justification(winner.hash).unwrap(), Some(b"because".to_vec()));
    assert_eq!(store.meta(b"round").unwrap(), Some(b"5".to_vec()));
    assert_eq!(store.journal().unwrap().len(), 0);
    assert_eq!((store.header(loser.hash).unwrap(), store.body(loser.hash).unwrap()), (None, None));
    let rows = store.backend.range(&Column::Blob.key(&[]), &Column::Blob.end(), usize::MAX).unwrap().len();
    let (body, values) = (4, 2 * 60_000usize.div_ceil(MAX_ROW_BYTES));
    assert_eq!(rows, empty_rows + body + values, "the journal and the loser left pieces behind");
    let meta = BTreeMap::from([(b"round".to_vec(), None)]);
    store.commit(Commit { meta, ..Commit::default() }).unwrap();
    assert_eq!(store.meta(b"round").unwrap(), None);
}

#[test]
fn several_blocks_may_be_finalised_at_once() {
    let store = memory(Pruning::Archive);
    add(&store, 0, &[(b"a", Some(b"0"))]);
    let blocks: Vec<NewBlock> =
        (1..=4u32).map(|number| block(number, 0, &layer(&[(b"a", Some(&[b'0' + number as u8]))]))).collect();
    let finalise = blocks.iter().map(|block| finalise(block, None)).collect();
    store.commit(Commit { blocks, finalise, ..Commit::default() }).unwrap();
    let values = [0, 1, 2, 3, 4].map(|at| store.state_get(at, b"a").unwrap().unwrap()[0]);
    assert_eq!(&values, b"01234");
}

#[test]
fn a_store_of_another_chain_is_refused_with_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let open = |genesis| SledStore::open(folder.path(), genesis, options(Pruning::Archive));
    let other = H256([9; 32]);
    let store = open(Some(other)).unwrap();
    let genesis = add(&store, 0, &[(b"a", Some(b"1"))]);
    drop(store);
    let error = open(Some(other)).unwrap_err();
    assert_eq!(error, OpenError::OtherChain { found: genesis, expected: other });
    assert!(error.to_string().contains("choose another --base-path"));
    assert_eq!(open(Some(genesis)).unwrap().finalised().unwrap(), Some(Head { number: 0, hash: genesis }));
}

/// Readers pinned at a height see that height and nothing else while commits run over them.
fn readers_keep_their_height<B: Backend>(store: &Database<B>) {
    let keys: Vec<Vec<u8>> = (0..64u8).map(|n| vec![n]).collect();
    let long = |number: u32| vec![number as u8; 20_000];
    let change = |number: u32| {
        let mut changes: BTreeMap<Vec<u8>, Option<Vec<u8>>> =
            keys.iter().map(|key| (key.clone(), Some(number.to_be_bytes().to_vec()))).collect();
        changes.insert(vec![1], Some(long(number)));
        changes.insert(vec![100 + (number % 2) as u8], None);
        changes.insert(vec![100 + ((number + 1) % 2) as u8], Some(vec![1]));
        let borrowed: Vec<(&[u8], Option<&[u8]>)> =
            changes.iter().map(|(key, value)| (&key[..], value.as_deref())).collect();
        add(store, number, &borrowed);
    };
    change(0);
    let (stop, head) = (AtomicBool::new(false), AtomicU32::new(0));
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..2)
            .map(|reader| {
                let (stop, head, keys, long) = (&stop, &head, &keys, &long);
                scope.spawn(move || {
                    let mut checked = 0u32;
                    while checked == 0 || !stop.load(Ordering::SeqCst) {
                        let at = head.load(Ordering::SeqCst).saturating_sub(reader);
                        let seen = keys.iter().map(|key| store.state_get(at, key));
                        let seen: Result<Vec<_>, _> = seen.collect();
                        let next = store.state_next_key(at, &[63]);
                        match (seen, next) {
                            (Ok(seen), Ok(next)) => {
                                for (index, value) in seen.into_iter().enumerate() {
                                    let expected =
                                        if index == 1 { long(at) } else { at.to_be_bytes().to_vec() };
                                    assert_eq!(value, Some(expected), "key {index} at height {at}");
                                }
                                assert_eq!(next, Some(vec![100 + ((at + 1) % 2) as u8]), "at height {at}");
                                checked += 1;
                            }
                            (Err(StateError::Pruned { .. }), _) | (_, Err(StateError::Pruned { .. })) => {}
                            other => panic!("at height {at}: {other:?}"),
                        }
                    }
                })
            })
            .collect();
        for number in 1..60 {
            change(number);
            head.store(number, Ordering::SeqCst);
        }
        stop.store(true, Ordering::SeqCst);
        readers.into_iter().for_each(|reader| reader.join().unwrap());
    });
}

#[test]
fn r2_readers_keep_their_height_while_commits_run() {
    readers_keep_their_height(&memory(Pruning::Keep(3)));
    let folder = tempfile::tempdir().unwrap();
    let backend = SledBackend::open(folder.path(), SledOptions::default()).unwrap();
    readers_keep_their_height(&Database::over(backend, None, options(Pruning::Keep(3))).unwrap());
}

#[test]
fn r6_bodies_are_pruned_and_headers_hashes_and_justifications_stay() {
    let bodies = |blocks| Wanted { states: Some(Pruning::Archive), bodies: Some(Pruning::Keep(blocks)) };
    let store = Database::in_memory(wanting(bodies(3))).unwrap();
    let mut hashes = Vec::new();
    for number in 0..=10 {
        let block = block(number, 0, &layer(&[(b"a", Some(&number.to_be_bytes()))]));
        let finalise = vec![finalise(&block, Some(b"proof"))];
        hashes.push(block.hash);
        store.commit(Commit { blocks: vec![block], finalise, ..Commit::default() }).unwrap();
    }
    let with_body: Vec<u32> =
        (0..=10).filter(|number| store.body(hashes[*number as usize]).unwrap().is_some()).collect();
    assert_eq!(with_body, [0, 7, 8, 9, 10]);
    assert_eq!(store.keeping().1, 7);
    for (number, hash) in (0u32..).zip(&hashes) {
        assert_eq!(store.header(*hash).unwrap().map(|header| header.number), Some(number));
        assert_eq!(store.hash_by_number(number).unwrap(), Some(*hash));
        assert_eq!(store.justification(*hash).unwrap().as_deref(), Some(&b"proof"[..]));
        assert_eq!(store.state_get(number, b"a").unwrap(), Some(number.to_be_bytes().to_vec()));
    }
    let blobs = store.backend.range(&Column::Blob.key(&[]), &Column::Blob.end(), usize::MAX).unwrap();
    assert_eq!(blobs.len(), 5 * blobs_of_a_body(), "the pieces of pruned bodies are gone");
}

/// Rows that the long extrinsic of [`block`] takes.
fn blobs_of_a_body() -> usize {
    let store = memory(Pruning::Archive);
    add(&store, 0, &[]);
    store.backend.range(&Column::Blob.key(&[]), &Column::Blob.end(), usize::MAX).unwrap().len()
}

#[test]
fn r7_what_was_asked_for_holds_at_the_next_start_and_an_archive_stays_one() {
    let folder = tempfile::tempdir().unwrap();
    let open = |wanted| SledStore::open(folder.path(), None, wanting(wanted));
    let states = |pruning| Wanted { states: Some(pruning), bodies: None };
    let store = open(states(Pruning::Keep(2))).unwrap();
    for number in 0..8 {
        add(&store, number, &[(b"a", Some(&[number as u8]))]);
    }
    drop(store);
    let store = open(Wanted::default()).unwrap();
    assert_eq!(store.keeping().0, Keeping { states: Pruning::Keep(2), bodies: Pruning::Archive });
    drop(store);
    let store = open(states(Pruning::Archive)).unwrap();
    for number in 8..20 {
        add(&store, number, &[(b"a", Some(&[number as u8]))]);
    }
    assert_eq!(store.oldest_state().unwrap(), 5, "what was there when it became an archive");
    assert!(matches!(store.state_get(4, b"a"), Err(StateError::Pruned { at: 4, oldest: 5 })));
    assert_eq!(store.state_get(5, b"a").unwrap(), Some(vec![5]));
    drop(store);
    let refused = open(states(Pruning::Keep(2))).unwrap_err();
    assert!(matches!(refused, OpenError::Archive { blocks: 2, .. }), "{refused}");
    assert!(refused.to_string().contains("purge-chain"), "{refused}");
    assert_eq!(open(Wanted::default()).unwrap().oldest_state().unwrap(), 5);
}

/// Key (short, of few bytes, so that keys meet and prefixes occur), and what to do: delete, or a value of some length.
type Change = (Vec<u8>, Option<u16>);

fn agrees_with_maps(blocks: Vec<Vec<Change>>, keep: u32) {
    let folder = tempfile::tempdir().unwrap();
    let open = || SledStore::open(folder.path(), None, options(Pruning::Keep(keep))).unwrap();
    let twin = memory(Pruning::Keep(keep));
    let mut disk = open();
    let mut states: Vec<Values> = Vec::new();
    for (number, changes) in blocks.iter().enumerate() {
        let mut state = states.last().cloned().unwrap_or_default();
        let changes: BTreeMap<Vec<u8>, Option<Vec<u8>>> = changes
            .iter()
            .map(|(key, size)| (key.clone(), size.map(|size| vec![number as u8; usize::from(size) % 9_000])))
            .collect();
        for (key, value) in &changes {
            match value {
                Some(value) => state.insert(key.clone(), value.clone()),
                None => state.remove(key),
            };
        }
        states.push(state);
        let borrowed: Vec<(&[u8], Option<&[u8]>)> =
            changes.iter().map(|(key, value)| (&key[..], value.as_deref())).collect();
        add(&twin, number as u32, &borrowed);
        add(&disk, number as u32, &borrowed);
        if number % 4 == 3 {
            drop(disk);
            disk = open();
        }
        let oldest = (number as u32).saturating_sub(keep);
        assert_eq!(disk.oldest_state().unwrap(), oldest);
        for at in oldest..=number as u32 {
            assert_eq!(walk(&twin, at), states[at as usize], "memory at {at}");
            assert_eq!(walk(&disk, at), states[at as usize], "sled at {at}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn both_stores_agree_with_one_map_per_height(
        blocks in prop::collection::vec(
            prop::collection::vec((prop::collection::vec(0u8..3, 0..4), any::<Option<u16>>()), 0..12), 1..14),
        keep in 1u32..6,
    ) {
        agrees_with_maps(blocks, keep);
    }
}

fn install(number: BlockNumber, layer: &Arc<Layer>, below: &[BlockNumber]) -> Install {
    let proved = |number: BlockNumber| {
        let header = header(number, 9);
        ProvedBlock { hash: header.hash(), header: Arc::new(header), justification: vec![number as u8; 5] }
    };
    let below = below.iter().map(|number| proved(*number)).collect();
    Install { block: proved(number), layer: layer.clone(), below }
}

#[test]
fn r8_a_whole_state_takes_the_place_of_the_first_one() {
    let folder = tempfile::tempdir().unwrap();
    let open = || Database::<SledBackend>::open(folder.path(), None, options(Pruning::Keep(2))).unwrap();
    let store = open();
    let long = vec![7; 100_000];
    let genesis = add(&store, 0, &[(b"a", Some(b"0")), (b"b", Some(&long)), (b"c", Some(b"0"))]);
    let other = vec![8; 50_000];
    let state = layer(&[(b"b", Some(&other)), (b"d", Some(b"4"))]);
    let install = install(70, &state, &[20, 50]);
    let head = Head { number: 70, hash: install.block.hash };
    let meta = [(b"m".to_vec(), Some(vec![1]))].into();
    store.commit(Commit { install: Some(install.clone()), meta, ..Commit::default() }).unwrap();
    drop(store);
    let store = open();
    assert_eq!(store.finalised().unwrap(), Some(head));
    assert_eq!((store.oldest_state().unwrap(), store.keeping().1), (70, 71));
    let expected = Values::from([(b"b".to_vec(), other.clone()), (b"d".to_vec(), b"4".to_vec())]);
    assert_eq!(walk(&store, 70), expected);
    assert_eq!(store.node_get(70, &NodePath::from_nibbles(b"a")).unwrap(), None);
    let node = store.node_get(70, &NodePath::from_nibbles(b"b")).unwrap();
    assert_eq!(node, Some([&b"node"[..], &other].concat()));
    assert_eq!(store.state_get(0, b"a").unwrap_err(), StateError::Pruned { at: 0, oldest: 70 });
    assert_eq!(store.hash_by_number(0).unwrap(), Some(genesis));
    assert_eq!([1, 49, 69].map(|number| store.hash_by_number(number).unwrap()), [None; 3]);
    for block in install.below.iter().chain([&install.block]) {
        assert_eq!(store.hash_by_number(block.header.number).unwrap(), Some(block.hash));
        assert_eq!(store.header(block.hash).unwrap().as_ref(), Some(&*block.header));
        assert_eq!(store.justification(block.hash).unwrap().as_ref(), Some(&block.justification));
        assert_eq!(store.body(block.hash).unwrap(), None);
    }
    assert_eq!(store.meta(b"m").unwrap(), Some(vec![1]));
    for number in 71..=75 {
        add(&store, number, &[(b"d", Some(&[number as u8]))]);
    }
    assert_eq!(store.oldest_state().unwrap(), 73);
    assert_eq!([73, 75].map(|at| store.state_get(at, b"d").unwrap().unwrap()[0]), [73, 75]);
    let blobs = store.backend.range(&Column::Blob.key(&[]), &Column::Blob.end(), usize::MAX).unwrap();
    let used: usize = blobs.iter().map(|(_, piece)| piece.len()).sum();
    assert!(
        used < 50_000 * 2 + 6 * 3 * MAX_ROW_BYTES + 10_000,
        "{used} bytes: the first state's blobs are gone"
    );
}

#[test]
fn r8_nothing_is_installed_over_a_chain_that_has_begun() {
    let store = memory(Pruning::Archive);
    let state = layer(&[(b"a", Some(b"1"))]);
    let commit = |number| Commit { install: Some(install(number, &state, &[])), ..Commit::default() };
    assert!(store.commit(commit(5)).is_err(), "no genesis block yet");
    add(&store, 0, &[(b"a", Some(b"0"))]);
    assert!(store.commit(commit(0)).is_err());
    add(&store, 1, &[]);
    assert!(store.commit(commit(5)).is_err());
    assert_eq!(store.finalised().unwrap().map(|head| head.number), Some(1));
    assert_eq!(store.state_get(1, b"a").unwrap(), Some(b"0".to_vec()));
}
