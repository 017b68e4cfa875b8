//! Finality: what is folded, what is dropped, which proofs are refused.

use std::sync::Arc;

use parity_scale_codec::Encode;
use quire_consensus::JustificationError;
use quire_consensus::finality::solo::{Decision, LastVote, Solo};

use crate::testing::runtime::Call;
use crate::testing::store::MemoryStore;
use crate::testing::*;
use crate::{Config, Fault, FinaliseError, ImportError};

#[test]
fn r3_folds_keeps_and_drops() {
    //  0 -- 1 -- 2 -- 3
    //        \-- 2b -- 3b -- 4b (best)
    let store = Arc::new(MemoryStore::default());
    let chain = open(&store, Config::default());
    let one = author(&chain, chain.genesis(), 1, &[set("a", "1")]).block;
    let two = author(&chain, one.hash, 2, &[set("a", "2")]).block;
    let three = author(&chain, two.hash, 3, &[set("a", "3")]).block;
    let two_b = author(&chain, one.hash, 4, &[set("a", "2b")]).block;
    let three_b = author(&chain, two_b.hash, 5, &[]).block;
    let four_b = author(&chain, three_b.hash, 6, &[]).block;
    assert_eq!(chain.best(), four_b);
    let proof = justify(1, 0, 9, two.hash, two.number);
    let done = chain.finalise(two.hash, &proof).expect("right");
    assert_eq!(done.blocks.iter().map(|(head, _)| *head).collect::<Vec<_>>(), [one, two]);
    let mut dropped = vec![two_b.hash, three_b.hash, four_b.hash];
    dropped.sort();
    assert_eq!(done.dropped, dropped);
    let route = done.new_best.expect("the best head lost");
    assert_eq!((route.retracted, route.enacted), (vec![four_b, three_b, two_b], vec![two, three]));
    let sizes: Vec<_> = done.retracted.iter().map(|body| body.len()).collect();
    assert_eq!(sizes, [1, 1, 2], "bodies of what left the best chain: one has a call beside its time");
    assert_eq!((chain.best(), chain.finalised()), (three, two));
    assert_eq!(chain.justification(two.hash), Ok(Some(proof.encode())));
    assert_eq!(chain.justification(one.hash), Ok(None));
    assert_eq!(chain.header(four_b.hash), Ok(None));
    assert_eq!(chain.is_finalised(three.hash), Ok(false));
    assert_eq!(value(&chain, three.hash, "a").as_deref(), Some("3"));
    let restarted = open(&store, Config::default());
    assert_eq!((restarted.best(), restarted.finalised()), (three, two));
}

#[test]
fn r5_a_losing_block_stays_readable_and_unknown_to_the_chain() {
    //  0 -- 1 -- 2 -- 3
    //   \-- 1b -- 2b
    let store = Arc::new(MemoryStore::default());
    let chain = open(&store, Config::default());
    let one = author(&chain, chain.genesis(), 1, &[set("a", "1")]).block;
    let one_b = author(&chain, chain.genesis(), 2, &[set("a", "1b"), set("b", "1b")]).block;
    let lost = author(&chain, one_b.hash, 3, &[set("a", "2b")]);
    let two_b = lost.block;
    let two = author(&chain, one.hash, 4, &[set("a", "2")]).block;
    let three = author(&chain, two.hash, 5, &[]).block;
    assert_eq!(chain.dropped(two_b.hash), None, "not yet");
    let waiting: Vec<_> = chain.snapshot().blocks.iter().map(|block| block.head.number).collect();
    assert_eq!(waiting, [1, 1, 2, 2, 3]);
    assert_eq!(chain.waiting_at(2).len(), 2);
    finalise(&chain, one);
    finalise(&chain, two);
    assert_eq!(chain.dropped(two_b.hash), Some((lost.header.clone(), lost.body.clone())));
    assert_eq!(value(&chain, two_b.hash, "a").as_deref(), Some("2b"));
    assert_eq!(value(&chain, two_b.hash, "b").as_deref(), Some("1b"));
    assert_eq!(value(&chain, one_b.hash, "a").as_deref(), Some("1b"));
    assert!(chain.runtime_version(two_b.hash).is_ok());
    assert_eq!((chain.header(two_b.hash), chain.body(two_b.hash)), (Ok(None), Ok(None)));
    assert_eq!(chain.is_known(two_b.hash), Ok(false));
    assert_eq!(chain.dropped(three.hash), None);
    let snapshot = chain.snapshot();
    assert_eq!((snapshot.finalised, snapshot.best, snapshot.blocks.len()), (two, three, 1));
    assert_eq!(open(&store, Config::default()).dropped(two_b.hash), None, "a restart forgets");
}

#[test]
fn r1_wrong_proofs_change_nothing() {
    let chain = new_chain();
    let one = author(&chain, chain.genesis(), 1, &[]).block;
    let foreign = justify(2, 0, 1, one.hash, one.number);
    let other_set = justify(1, 1, 1, one.hash, one.number);
    let mut twice = justify(1, 0, 1, one.hash, one.number);
    twice.precommits.push(twice.precommits[0].clone());
    let mut none = justify(1, 0, 1, one.hash, one.number);
    none.precommits.clear();
    let other_block = justify(1, 0, 1, chain.genesis(), 0);
    for proof in [foreign, other_set, twice, none, other_block] {
        let error = chain.finalise(one.hash, &proof).expect_err("wrong");
        assert!(matches!(error, FinaliseError::Justification { .. }), "{error}");
        assert_eq!((error.fault(), error.is_fatal()), (Fault::Sender, false));
    }
    assert_eq!(chain.finalised().number, 0);
}

#[test]
fn r2_a_set_change_is_finalised_first() {
    let chain = new_chain();
    let change = Call::SetVoters { set_id: 1, voters: vec![(grandpa_id(5), 1)] };
    let one = author(&chain, chain.genesis(), 1, &[]).block;
    let two = author(&chain, one.hash, 2, &[change]).block;
    let three = author(&chain, two.hash, 3, &[]).block;
    let by_old = justify(1, 0, 1, three.hash, three.number);
    let error = chain.finalise(three.hash, &by_old).expect_err("beyond the change");
    assert_eq!(error, FinaliseError::SetChangeBetween { hash: three.hash, change: two.hash, number: 2 });
    let (voters, view) = chain.finality(None);
    assert_eq!((voters.set_id, view.candidate), (0, (2, two.hash)), "the voter is sent to the change first");
    let by_new = justify(5, 1, 1, two.hash, two.number);
    chain.finalise(two.hash, &by_new).expect_err("the change itself is by the old set");
    chain.finalise(two.hash, &justify(1, 0, 1, two.hash, two.number)).expect("right");
    let error = chain.finalise(three.hash, &by_old).expect_err("the old set is gone");
    assert!(matches!(
        error,
        FinaliseError::Justification { source: JustificationError::NotInSet { .. }, .. }
    ));
    chain.finalise(three.hash, &justify(5, 1, 1, three.hash, three.number)).expect("right");
}

#[test]
fn r4_again_and_unknown() {
    let chain = new_chain();
    let one = author(&chain, chain.genesis(), 1, &[]).block;
    finalise(&chain, one);
    let proof = justify(1, 0, 2, one.hash, one.number);
    assert_eq!(chain.finalise(one.hash, &proof).map(|_| ()), Err(FinaliseError::Known { hash: one.hash }));
    let unknown = quire_core::H256([9; 32]);
    assert_eq!(chain.finalise(unknown, &proof).map(|_| ()), Err(FinaliseError::Unknown { hash: unknown }));
}

#[test]
fn a_failing_store_finalises_nothing() {
    let store = Arc::new(MemoryStore::default());
    let chain = open(&store, Config::default());
    let one = author(&chain, chain.genesis(), 1, &[Call::SetCode(b"code 2".to_vec())]).block;
    store.set_failing(true);
    let proof = justify(1, 0, 1, one.hash, one.number);
    assert!(chain.finalise(one.hash, &proof).expect_err("disk full").is_fatal());
    assert_eq!(chain.finalised().number, 0);
    store.set_failing(false);
    chain.finalise(one.hash, &proof).expect("room again");
    let late = chain.import(NOW_MS, quire_core::Block { header: Default::default(), extrinsics: Vec::new() });
    assert!(matches!(late, Err(ImportError::NotAboveFinalised { .. })));
}

#[test]
fn a_lone_authority_finalises_and_repeats_its_vote_after_a_crash() {
    let store = Arc::new(MemoryStore::default());
    let chain = open(&store, Config::default());
    let mut solo = Solo::new(grandpa_id(1), None);
    let one = author(&chain, chain.genesis(), 1, &[]).block;
    let (voters, view) = chain.finality(solo.last());
    let Ok(Decision::Vote(vote)) = solo.next(&voters, &view) else {
        panic!("there is something to finalise")
    };
    assert_eq!((vote.round, vote.target_hash), (1, one.hash));
    // A crash before the justification; meanwhile nothing was lost, and a block came on top.
    let chain = open(&store, Config::default());
    author(&chain, one.hash, 2, &[]);
    let last = LastVote { set_id: 0, round: 1, target_hash: one.hash, target_number: 1 };
    let mut solo = Solo::new(grandpa_id(1), Some(last));
    let (voters, view) = chain.finality(solo.last());
    assert_eq!(solo.next(&voters, &view), Ok(Decision::Vote(vote)), "the same vote in the same round");
    let proof = vote.justify(grandpa_key(1).sign(&vote.payload()).into());
    chain.finalise(vote.target_hash, &proof).expect("right");
    let (voters, view) = chain.finality(solo.last());
    let Ok(Decision::Vote(next)) = solo.next(&voters, &view) else { panic!("block 2 waits") };
    assert_eq!((next.round, next.target_number), (2, 2));
}
