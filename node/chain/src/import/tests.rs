//! Blocks between two chains: right ones, and one test per way of being wrong.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use proptest::prelude::*;
use quire_core::digest::AURA_ENGINE_ID;
use quire_core::{Block, DigestItem, H256, OpaqueExtrinsic, Slot};

use crate::testing::runtime::Call;
use crate::testing::*;
use crate::{Fault, ImportError, Imported};

/// A block of one chain, changed by `change` and sealed again by the right author, imported by another.
fn import_changed(change: impl FnOnce(&mut Block)) -> ImportError {
    let (ours, theirs) = (new_chain(), new_chain());
    let first = author(&ours, ours.genesis(), 3, &[set("a", "1")]);
    theirs.import(NOW_MS, block_of(&first)).expect("right");
    let second = author(&ours, first.block.hash, 4, &[set("b", "2")]);
    let mut block = block_of(&second);
    block.header.digest.logs.pop();
    change(&mut block);
    let slot = block.header.digest.aura_slot().unwrap_or(Slot(4));
    let signature = seal(block.header.pre_hash(), slot, 2);
    block.header.digest.push(DigestItem::Seal(AURA_ENGINE_ID, signature.to_vec()));
    let error = theirs.import(NOW_MS, block).expect_err("changed");
    assert_eq!(theirs.best(), first.block, "nothing entered");
    error
}

fn sealed_by(seed: u8) -> ImportError {
    let (ours, theirs) = (new_chain(), new_chain());
    let mut block = block_of(&author(&ours, ours.genesis(), 3, &[]));
    block.header.digest.logs.pop();
    let signature = aura_pair(seed).sign_simple(b"substrate", &block.header.pre_hash().0).to_bytes();
    block.header.digest.push(DigestItem::Seal(AURA_ENGINE_ID, signature.to_vec()));
    theirs.import(NOW_MS, block).expect_err("not the author")
}

#[test]
fn blocks_travel() {
    let (ours, theirs) = (new_chain(), new_chain());
    let first = author(&ours, ours.genesis(), 3, &[set("a", "1"), Call::Fail { key: b"kv/f".to_vec() }]);
    let imported = theirs.import(NOW_MS, block_of(&first)).expect("right");
    assert_eq!((imported.block, imported.author), (first.block, aura_id(2)));
    let route = imported.new_best.expect("it is the best");
    assert_eq!((route.retracted, route.enacted), (vec![], vec![first.block]));
    assert_eq!(value(&theirs, first.block.hash, "a").as_deref(), Some("1"));
    assert_eq!(value(&theirs, first.block.hash, "f"), None, "a failed call leaves nothing");
    assert_eq!(ours.executor().executed.load(Ordering::Relaxed), 0, "own blocks are not executed twice");
    assert_eq!(theirs.executor().executed.load(Ordering::Relaxed), 1);
    assert_eq!(theirs.body(first.block.hash), Ok(Some((*first.body).clone())));
}

#[test]
fn r4_a_replayed_block_is_known() {
    let chain = new_chain();
    let first = author(&chain, chain.genesis(), 3, &[]);
    let error = chain.import(NOW_MS, block_of(&first)).expect_err("known");
    assert_eq!(error, ImportError::Known { hash: first.block.hash });
    assert!(!error.punish_peer() && !error.is_fatal() && !error.retry());
    finalise(&chain, first.block);
    assert!(matches!(chain.import(NOW_MS, block_of(&first)), Err(ImportError::Known { .. })));
}

#[test]
fn r4_what_contradicts_finality_is_refused() {
    let (ours, theirs) = (new_chain(), new_chain());
    let ours_1 = author(&ours, ours.genesis(), 3, &[set("a", "ours")]);
    let theirs_1 = author(&theirs, theirs.genesis(), 4, &[set("a", "theirs")]);
    let theirs_2 = author(&theirs, theirs_1.block.hash, 5, &[]);
    finalise(&ours, ours_1.block);
    let error = ours.import(NOW_MS, block_of(&theirs_1)).expect_err("below finality");
    assert!(matches!(error, ImportError::NotAboveFinalised { finalised: 1, .. }), "{error}");
    assert!(error.punish_peer());
    let error = ours.import(NOW_MS, block_of(&theirs_2)).expect_err("its parent is not ours");
    assert!(matches!(error, ImportError::UnknownParent { .. }), "{error}");
}

#[test]
fn r1_unknown_parent_waits() {
    let error = import_changed(|block| block.header.parent_hash = H256([9; 32]));
    assert!(matches!(error, ImportError::UnknownParent { .. }), "{error}");
    assert!(error.retry() && !error.punish_peer());
}

#[test]
fn r1_wrong_number() {
    let error = import_changed(|block| block.header.number = 3);
    assert!(matches!(error, ImportError::WrongNumber { expected: 2, found: 3, .. }), "{error}");
    assert!(error.punish_peer());
}

#[test]
fn r1_slot_does_not_rise() {
    let error = import_changed(|block| block.header.digest = quire_core::Digest::for_slot(Slot(3)));
    assert!(error.to_string().contains("slot 3 does not come after the parent's slot 3"), "{error}");
    assert_eq!(error.fault(), Fault::Sender);
}

#[test]
fn r1_no_slot() {
    let error = import_changed(|block| block.header.digest.logs.clear());
    assert!(error.to_string().contains("no single aura slot"), "{error}");
}

#[test]
fn r1_a_slot_far_ahead_waits() {
    let (ours, theirs) = (new_chain(), new_chain());
    let block = block_of(&author(&ours, ours.genesis(), 100, &[]));
    let error = theirs.import(69_999, block.clone()).expect_err("30.001 s ahead");
    assert!(error.retry() && !error.punish_peer(), "{error}");
    theirs.import(70_000, block).expect("30 s ahead");
}

#[test]
fn r2_bad_seals() {
    for seed in [1, 3] {
        let error = sealed_by(seed);
        assert!(error.to_string().contains("is not a signature by its author"), "{error}");
        assert!(error.punish_peer());
    }
    let (ours, theirs) = (new_chain(), new_chain());
    let block = block_of(&author(&ours, ours.genesis(), 3, &[]));
    let mut unsealed = block.clone();
    unsealed.header.digest.logs.pop();
    let error = theirs.import(NOW_MS, unsealed).expect_err("no seal");
    assert!(error.to_string().contains("does not end with an aura seal"), "{error}");
    let mut broken = block;
    if let Some(DigestItem::Seal(_, signature)) = broken.header.digest.logs.last_mut() {
        signature[5] ^= 1;
    }
    theirs.import(NOW_MS, broken).expect_err("a bit differs");
}

#[test]
fn r2_two_seals() {
    let error =
        import_changed(|block| block.header.digest.push(DigestItem::Seal(AURA_ENGINE_ID, vec![0; 64])));
    assert!(matches!(error, ImportError::StraySeal { .. }), "{error}");
}

#[test]
fn r3_wrong_extrinsics_root() {
    let error = import_changed(|block| block.extrinsics.push(OpaqueExtrinsic(vec![1])));
    assert!(matches!(error, ImportError::ExtrinsicsRoot { .. }), "{error}");
    assert!(error.punish_peer());
}

#[test]
fn r3_wrong_state_root() {
    let error = import_changed(|block| block.header.state_root = H256([9; 32]));
    assert!(matches!(error, ImportError::Execute { .. }), "the runtime sees it first: {error}");
    assert!(error.punish_peer() && !error.is_fatal());
}

#[test]
fn r3_the_runtime_traps() {
    let error = import_changed(|block| {
        block.extrinsics.push((*extrinsic(&Call::Trap)).clone());
        block.header.extrinsics_root = super::extrinsics_root(&block.extrinsics);
    });
    assert!(error.to_string().contains("asked to"), "{error}");
    assert!(error.punish_peer());
}

#[test]
fn r1_too_large() {
    let mut block = Block { header: Default::default(), extrinsics: Vec::new() };
    block.extrinsics = vec![OpaqueExtrinsic(vec![0; 3 * 1024 * 1024]); 2];
    let error = super::Received::new(block).expect_err("6 MiB");
    assert!(matches!(error, ImportError::TooLarge { extrinsics: 2, .. }), "{error}");
}

#[test]
fn two_blocks_in_one_slot_are_proven() {
    let (ours, theirs) = (new_chain(), new_chain());
    let one = author(&ours, ours.genesis(), 3, &[set("a", "1")]);
    let two = author(&theirs, theirs.genesis(), 3, &[set("a", "2")]);
    assert!(one.equivocation.is_none());
    let imported = ours.import(NOW_MS, block_of(&two)).expect("a fork is no error");
    let proof = imported.equivocation.expect("one author, one slot, two blocks");
    assert_eq!((proof.offender, proof.slot), (aura_id(2), Slot(3)));
    assert_eq!([proof.first.hash(), proof.second.hash()], [one.block.hash, two.block.hash]);
}

#[test]
fn a_longer_fork_wins_and_tells_the_way() {
    let (ours, theirs) = (new_chain(), new_chain());
    let old = author(&ours, ours.genesis(), 3, &[set("a", "1")]);
    let one = author(&theirs, theirs.genesis(), 4, &[]);
    let two = author(&theirs, one.block.hash, 5, &[]);
    assert!(
        ours.import(NOW_MS, block_of(&one)).expect("right").new_best.is_none(),
        "same length, later slot"
    );
    let route = ours.import(NOW_MS, block_of(&two)).expect("right").new_best.expect("longer");
    assert_eq!((route.retracted, route.enacted), (vec![old.block], vec![one.block, two.block]));
    assert_eq!(ours.hash_by_number(1), Ok(Some(one.block.hash)));
}

/// A random tree of blocks, all known to one chain.
fn forest(shape: &[(prop::sample::Index, u8)]) -> (TestChain, Vec<Imported>) {
    let chain = new_chain();
    let mut blocks: Vec<Imported> = Vec::new();
    for (i, (parent, skip)) in shape.iter().enumerate() {
        let parent = parent.index(blocks.len() + 1);
        let (hash, slot) = match parent.checked_sub(1).and_then(|index| blocks.get(index)) {
            Some(parent) => (parent.block.hash, parent.header.digest.aura_slot().expect("authored").0),
            None => (chain.genesis(), 0),
        };
        blocks.push(author(&chain, hash, slot + 1 + u64::from(*skip), &[set("i", &i.to_string())]));
    }
    (chain, blocks)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn order_of_import_does_not_matter(
        shape in proptest::collection::vec((any::<prop::sample::Index>(), 0u8..3), 1..10),
        picks in proptest::collection::vec(any::<prop::sample::Index>(), 10),
    ) {
        let (first, blocks) = forest(&shape);
        let second = new_chain();
        let mut left: Vec<Block> = blocks.iter().map(block_of).collect();
        for pick in picks {
            let fitting: Vec<usize> =
                (0..left.len()).filter(|i| second.is_known(left[*i].header.parent_hash) == Ok(true)).collect();
            if !fitting.is_empty() {
                let block = left.swap_remove(fitting[pick.index(fitting.len())]);
                second.import(NOW_MS, block).expect("right");
            }
        }
        prop_assert!(left.is_empty());
        prop_assert_eq!(first.best(), second.best());
        prop_assert_eq!(first.leaves(), second.leaves());
        let restarted = open(&second.store().clone(), crate::Config::default());
        prop_assert_eq!(restarted.best(), second.best());
        for block in &blocks {
            let expected = value(&first, block.block.hash, "i");
            prop_assert!(expected.is_some());
            prop_assert_eq!(value(&second, block.block.hash, "i"), expected.clone());
            prop_assert_eq!(value(&restarted, block.block.hash, "i"), expected);
        }
    }
}

#[test]
fn views_are_shared_between_threads() {
    let chain = Arc::new(new_chain());
    let block = author(&chain, chain.genesis(), 1, &[set("a", "1")]).block;
    let readers: Vec<_> = (0..2)
        .map(|_| {
            let chain = chain.clone();
            std::thread::spawn(move || value(&chain, block.hash, "a"))
        })
        .collect();
    for reader in readers {
        assert_eq!(reader.join().expect("no panic").as_deref(), Some("1"));
    }
}
