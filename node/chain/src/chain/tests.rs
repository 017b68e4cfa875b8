//! Opening, restart, inheritance of code and sets, limits, failures of the store.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use quire_trie::EMPTY_ROOT;

use crate::testing::runtime::{Call, FakeRuntime};
use crate::testing::store::MemoryStore;
use crate::testing::*;
use crate::{Chain, Config, Fault, ImportError, OpenError, QueryError, StateError};

#[test]
fn genesis_is_what_clients_compute() {
    let chain = new_chain();
    let header = chain.header(chain.genesis()).expect("readable").expect("there");
    assert_eq!(
        (header.number, header.parent_hash, header.extrinsics_root),
        (0, Default::default(), EMPTY_ROOT)
    );
    assert!(header.digest.logs.is_empty());
    assert_eq!(header.hash(), chain.genesis());
    assert_eq!(chain.best().hash, chain.genesis());
    assert_eq!(chain.finalised(), chain.best());
    let pairs: Vec<_> = genesis(2).layer().values.clone().into_iter().collect();
    let pairs = pairs.into_iter().map(|(key, value)| (key, value.expect("genesis deletes nothing")));
    assert_eq!(header.state_root, quire_trie::root(quire_trie::StateVersion::V1, pairs));
}

#[test]
fn genesis_needs_code() {
    assert!(crate::Genesis::new([(b"a".to_vec(), b"b".to_vec())]).is_err());
}

#[test]
fn another_chain_is_refused() {
    let store = Arc::new(MemoryStore::default());
    open(&store, Config::default());
    let runtime = Arc::new(FakeRuntime::default());
    let other = Chain::open(store, runtime, &genesis(1), Config::default());
    assert!(matches!(other.map(|_| ()), Err(OpenError::OtherChain { .. })));
}

#[test]
fn r1_nothing_is_visible_before_it_is_durable() {
    let store = Arc::new(MemoryStore::default());
    let chain = open(&store, Config::default());
    let built = build(&chain, chain.genesis(), 1, &[set("a", "1")]);
    let signature = seal(built.seal_payload(), built.slot(), 2);
    store.set_failing(true);
    let error = chain.import_built(built, signature).expect_err("disk full");
    assert!(error.is_fatal() && error.fault() == Fault::Ours, "{error}");
    assert_eq!(chain.best().hash, chain.genesis());
    store.set_failing(false);
    assert_eq!(open(&store, Config::default()).best().hash, chain.genesis());
}

#[test]
fn r3_one_commit_per_block_and_per_finalisation() {
    let store = Arc::new(MemoryStore::default());
    let chain = open(&store, Config::default());
    let before = store.commits();
    let one = author(&chain, chain.genesis(), 1, &[]);
    author(&chain, one.block.hash, 2, &[]);
    assert_eq!(store.commits(), before + 2);
    finalise(&chain, chain.best());
    assert_eq!(store.commits(), before + 3);
}

#[test]
fn a_restart_brings_everything_back_without_executing() {
    let store = Arc::new(MemoryStore::default());
    let chain = open(&store, Config::default());
    let one = author(&chain, chain.genesis(), 1, &[set("a", "1")]);
    let two = author(&chain, one.block.hash, 2, &[set("a", "2"), Call::SetCode(b"code 2".to_vec())]);
    let three = author(&chain, two.block.hash, 3, &[Call::WhichCode, set("b", "3")]);
    let fork = author(&chain, one.block.hash, 5, &[set("a", "fork")]);
    finalise(&chain, one.block);

    let again = open(&store, Config::default());
    assert_eq!(again.best(), three.block);
    assert_eq!(again.finalised(), one.block);
    assert_eq!(again.leaves(), chain.leaves());
    assert_eq!(again.unfinalised(), chain.unfinalised());
    assert_eq!(again.executor().executed.load(Ordering::Relaxed), 0, "nothing is executed again");
    for (at, key, expected) in
        [(two.block, "a", "2"), (fork.block, "a", "fork"), (three.block, "code", "code 2")]
    {
        assert_eq!(value(&again, at.hash, key).as_deref(), Some(expected));
    }
    assert_eq!(again.code_at(three.block.hash).map(|code| code.bytes), Ok(b"code 2".as_slice().into()));
    let next = author(&again, three.block.hash, 6, &[set("c", "6")]);
    assert_eq!(again.best(), next.block);
}

#[test]
fn r4_code_changes_with_the_child() {
    let chain = new_chain();
    let one = author(&chain, chain.genesis(), 1, &[Call::SetCode(b"code 2".to_vec()), Call::WhichCode]);
    assert!(one.new_code);
    assert_eq!(
        value(&chain, one.block.hash, "code").as_deref(),
        Some("code 1"),
        "the old code runs its own end"
    );
    let two = author(&chain, one.block.hash, 2, &[Call::WhichCode]);
    assert!(!two.new_code);
    assert_eq!(value(&chain, two.block.hash, "code").as_deref(), Some("code 2"));
    let three = author(&chain, two.block.hash, 3, &[]);
    finalise(&chain, three.block);
    let four = author(&chain, three.block.hash, 4, &[]);
    finalise(&chain, four.block);
    // Finalised history runs with the code of its own state: the head's, and older.
    for (at, code) in [(chain.genesis(), b"code 1"), (one.block.hash, b"code 2"), (two.block.hash, b"code 2")]
    {
        assert_eq!(chain.code_at(at).map(|code| code.bytes), Ok(code.as_slice().into()));
    }
    assert_eq!(
        chain.runtime_version(chain.genesis()).map(|version| version.spec_version),
        Ok(u32::from(b'1'))
    );
}

#[test]
fn r4_authors_change_with_the_child() {
    let chain = new_chain();
    let one = author(&chain, chain.genesis(), 1, &[Call::SetAura(vec![aura_id(9)])]);
    let built = build(&chain, one.block.hash, 2, &[]);
    let old_author = seal(built.seal_payload(), built.slot(), 2);
    let error = chain.import_built(built, old_author).expect_err("the old set");
    assert_eq!(error.fault(), Fault::Sender);
    let built = build(&chain, one.block.hash, 2, &[]);
    let signature = aura_pair(9).sign_simple(b"substrate", &built.seal_payload().0).to_bytes();
    let two = chain.import_built(built, signature).expect("the new set");
    assert_eq!(two.author, aura_id(9));
    // A sibling on the old parent is still by the old set.
    author(&chain, chain.genesis(), 3, &[]);
}

#[test]
fn r4_sets_are_read_only_when_they_change() {
    let chain = new_chain();
    let one = author(&chain, chain.genesis(), 1, &[]);
    let before = chain.executor().called.load(Ordering::Relaxed);
    author(&chain, one.block.hash, 2, &[]);
    let calls = chain.executor().called.load(Ordering::Relaxed) - before;
    assert_eq!(calls, 4, "initialise, make inherents, apply them, finalise; no questions about sets");
}

#[test]
fn r5_unfinalised_blocks_are_limited() {
    let store = Arc::new(MemoryStore::default());
    let chain = open(&store, Config { unfinalised_blocks_max: 8, ..Config::default() });
    let one = author(&chain, chain.genesis(), 1, &[]);
    let two = author(&chain, one.block.hash, 2, &[]);
    let built = build(&chain, two.block.hash, 3, &[]);
    let signature = seal(built.seal_payload(), built.slot(), 2);
    let error = chain.import_built(built, signature).expect_err("too many");
    assert!(matches!(error, ImportError::FinalityLags { blocks: 2, .. }), "{error}");
    assert!(error.retry() && !error.is_fatal() && !error.punish_peer());
    finalise(&chain, one.block);
    author(&chain, two.block.hash, 3, &[]);
}

#[test]
fn r5_two_halves_have_room_for_each_other() {
    let config = Config { unfinalised_blocks_max: 8, ..Config::default() };
    let halves = [(); 2].map(|()| open(&Arc::default(), config));
    let mut made = Vec::new();
    for (half, slots) in halves.iter().zip([[1, 3, 5], [2, 4, 6]]) {
        let mut parent = half.genesis();
        for slot in slots {
            let built = build(half, parent, slot, &[]);
            let signature = seal(built.seal_payload(), built.slot(), 2);
            let Ok(imported) = half.import_built(built, signature) else { break };
            parent = imported.block.hash;
            made.push(block_of(&imported));
        }
    }
    assert_eq!(made.len(), 4, "both stopped at a quarter");
    for half in &halves {
        for block in &made {
            let known = half.import(NOW_MS, block.clone());
            assert!(matches!(known, Ok(_) | Err(ImportError::Known { .. })), "{known:?}");
        }
        assert_eq!(half.best(), halves[0].best());
    }
}

#[test]
fn r5_layer_bytes_are_limited_but_one_block_always_fits() {
    let store = Arc::new(MemoryStore::default());
    let chain = open(&store, Config { unfinalised_bytes_max: 1, ..Config::default() });
    let one = author(&chain, chain.genesis(), 1, &[]);
    let built = build(&chain, one.block.hash, 2, &[]);
    let signature = seal(built.seal_payload(), built.slot(), 2);
    assert!(matches!(chain.import_built(built, signature), Err(ImportError::FinalityLags { .. })));
}

#[test]
fn history_stays_readable_until_it_is_pruned() {
    let store = Arc::new(MemoryStore::default());
    let chain = open(&store, Config::default());
    let mut heads = vec![chain.best()];
    for slot in 1..=4 {
        let block = author(&chain, chain.best().hash, slot, &[set("a", &slot.to_string())]).block;
        heads.push(block);
    }
    let pinned = chain.state_at(heads[4].hash).expect("known");
    finalise(&chain, heads[2]);
    finalise(&chain, heads[4]);
    for (head, expected) in heads.iter().zip([None, Some("1"), Some("2"), Some("3"), Some("4")]) {
        assert_eq!(value(&chain, head.hash, "a").as_deref(), expected);
        assert_eq!(chain.hash_by_number(head.number), Ok(Some(head.hash)));
        assert_eq!(chain.is_finalised(head.hash), Ok(true));
    }
    assert_eq!(pinned.get(b"kv/a"), Ok(Some(b"4".to_vec())), "a view outlives finalisation");
    store.prune(3);
    let pruned = chain.state_at(heads[1].hash).map(|_| ());
    assert_eq!(pruned, Err(QueryError::State(StateError::Pruned { at: 1, oldest: 3 })));
    let unknown = chain.state_at(quire_core::H256([9; 32])).map(|_| ());
    assert!(matches!(unknown, Err(QueryError::UnknownBlock { .. })));
    assert_eq!(chain.hash_by_number(5), Ok(None));
}

#[test]
fn calls_leave_nothing_behind() {
    let chain = new_chain();
    let at = chain.genesis();
    assert_eq!(chain.call(at, "write", &[]), Ok(Vec::new()));
    assert_eq!(value(&chain, at, "written"), None);
    let error = chain.call(at, "Nothing_here", &[]).expect_err("missing");
    assert_eq!(error.to_string(), "Exported method Nothing_here is not found");
    assert_eq!(error.fault(), Fault::Caller);
}

#[test]
fn validates_batches_for_the_pool() {
    let chain = new_chain();
    let batch = [extrinsic(&set("a", "1")), extrinsic(&Call::Refuse)];
    let answers =
        chain.validate(chain.genesis(), quire_core::TransactionSource::External, &batch).expect("runs");
    assert_eq!(answers.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false]);
}

#[test]
fn a_long_stretch_without_finality_is_read_through_indexes() {
    let store = Arc::new(MemoryStore::default());
    let chain = open(&store, Config::default());
    let mut heads = vec![chain.best()];
    for slot in 1..=100u64 {
        let calls = [set("a", &slot.to_string()), set(&format!("only/{slot}"), "x")];
        heads.push(author(&chain, heads[heads.len() - 1].hash, slot, &calls).block);
    }
    let groups = |chain: &TestChain| chain.view_over(chain.best().hash, None).map(|view| view.groups.len());
    // Blocks 1 to 31 have no full group below 32, whose group is 1 to 32; then 33 to 64, 65 to 96, and four singles.
    assert_eq!(groups(&chain), Some(3 + 4));
    let check = |chain: &TestChain| {
        for number in [40, 64, 65, 97, 100] {
            let head = heads[number];
            assert_eq!(value(chain, head.hash, "a"), Some(number.to_string()));
            assert_eq!(value(chain, head.hash, "only/37"), Some("x".into()));
            assert_eq!(value(chain, head.hash, "only/98").is_some(), number >= 98);
        }
    };
    check(&chain);
    let restarted = open(&store, Config::default());
    assert_eq!(groups(&restarted), Some(3 + 4));
    assert_eq!(restarted.unfinalised(), chain.unfinalised());
    check(&restarted);
    // Finality ends inside a group: what is left of it is read layer by layer.
    finalise(&chain, heads[40]);
    assert_eq!(groups(&chain), Some(24 + 1 + 4));
    check(&chain);
    let fork = author(&chain, heads[63].hash, 200, &[set("a", "fork")]);
    assert_eq!(value(&chain, fork.block.hash, "a").as_deref(), Some("fork"));
    assert_eq!(value(&chain, fork.block.hash, "only/64"), None);
    let top = author(&chain, chain.best().hash, 201, &[set("b", "1")]);
    new_chain_following(&chain, &heads, &top);
}

/// Another chain that executes everything comes to the same states.
fn new_chain_following(chain: &TestChain, heads: &[crate::Head], top: &crate::Imported) {
    let other = new_chain();
    for head in &heads[1..] {
        let header = chain.header(head.hash).expect("readable").expect("there");
        let extrinsics = chain.body(head.hash).expect("readable").expect("there");
        other.import(NOW_MS, quire_core::Block { header: (*header).clone(), extrinsics }).expect("right");
    }
    other.import(NOW_MS, block_of(top)).expect("right");
    assert_eq!(other.best(), top.block);
}
