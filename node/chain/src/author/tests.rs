//! Building blocks: what is refused, what traps, what has no room, what the runtime may not say.

use std::sync::Arc;

use quire_core::{InherentData, InvalidTransaction, OpaqueExtrinsic, Slot, TransactionValidityError, limits};

use super::{BATCH_FIRST, BATCH_MAX, NO_ROOM, Pace, ProposeError, Proposer};
use crate::Fault;
use crate::testing::runtime::{Call, FakeRuntime};
use crate::testing::*;

fn proposer(chain: &TestChain) -> Proposer<FakeRuntime> {
    chain.proposer(chain.genesis(), Slot(1), &InherentData::new()).expect("genesis is known")
}

#[test]
fn inherents_come_first() {
    let chain = new_chain();
    let block = author(&chain, chain.genesis(), 7, &[set("a", "1")]);
    let calls: Vec<_> = block.body.iter().map(|extrinsic| extrinsic.0[0]).collect();
    assert_eq!(calls, [0, 1], "time, then set");
    let state = chain.state_at(block.block.hash).expect("known");
    assert_eq!(state.get(b"time"), Ok(Some(7_000u64.to_le_bytes().to_vec())));
    assert_eq!(block.header.digest.aura_slot(), Some(Slot(7)));
}

#[test]
fn r1_refused_ones_leave_no_trace() {
    let chain = new_chain();
    let mut proposer = proposer(&chain);
    let batch = [
        extrinsic(&set("a", "1")),
        extrinsic(&Call::Refuse),
        extrinsic(&Call::Fail { key: b"kv/f".to_vec() }),
    ];
    let answers = proposer.push_batch(&batch).expect("runs");
    assert_eq!(answers[0], Ok(Ok(())));
    assert_eq!(answers[1], Err(InvalidTransaction::Stale.into()));
    assert!(matches!(answers[2], Ok(Err(_))), "a failed call is in the block");
    assert_eq!((proposer.len(), proposer.is_full()), (3, false));
    let built = proposer.finish().expect("finishes");
    assert_eq!(built.body().len(), 3);
    let signature = seal(built.seal_payload(), built.slot(), 2);
    let imported = chain.import_built(built, signature).expect("right");
    new_chain().import(NOW_MS, block_of(&imported)).expect("others execute the same");
}

#[test]
fn r2_what_traps_is_refused_alone() {
    let chain = new_chain();
    let mut proposer = proposer(&chain);
    let batch = [extrinsic(&set("a", "1")), extrinsic(&Call::Trap), extrinsic(&set("b", "2"))];
    let answers = proposer.push_batch(&batch).expect("runs");
    assert_eq!(answers, [Ok(Ok(())), Err(InvalidTransaction::Call.into()), Ok(Ok(()))]);
    let built = proposer.finish().expect("finishes");
    let signature = seal(built.seal_payload(), built.slot(), 2);
    let imported = chain.import_built(built, signature).expect("right");
    assert_eq!(value(&chain, imported.block.hash, "b").as_deref(), Some("2"));
    new_chain().import(NOW_MS, block_of(&imported)).expect("others execute the same");
}

#[test]
fn r3_the_byte_limit_holds() {
    let chain = new_chain();
    let mut proposer = proposer(&chain);
    let large = |byte: u8| extrinsic(&Call::Set { key: vec![byte], value: vec![byte; 2 * 1024 * 1024] });
    let answers = proposer.push_batch(&[large(1), large(2), large(3), large(4)]).expect("runs");
    assert_eq!(answers, [Ok(Ok(())), Ok(Ok(())), Err(NO_ROOM), Err(NO_ROOM)]);
    assert!(proposer.is_full());
    assert_eq!(proposer.push_batch(&[large(5)]).expect("runs"), [Err(NO_ROOM)]);
    let built = proposer.finish().expect("finishes");
    let bytes: usize = built.body().iter().map(OpaqueExtrinsic::encoded_bytes).sum();
    assert!(bytes < limits::MAX_BLOCK_BYTES as usize);
}

#[test]
fn slots_must_rise_and_parents_exist() {
    let chain = new_chain();
    let block = author(&chain, chain.genesis(), 5, &[]).block;
    let late = chain.proposer(block.hash, Slot(5), &InherentData::new()).map(|_| ());
    assert!(
        matches!(&late, Err(error @ ProposeError::Slot(_)) if error.fault() == Fault::Caller),
        "{late:?}"
    );
    let unknown = chain.proposer(quire_core::H256([9; 32]), Slot(6), &InherentData::new()).map(|_| ());
    assert!(matches!(unknown, Err(ProposeError::UnknownParent { .. })));
}

#[test]
fn the_wrong_key_does_not_get_a_block_in() {
    let chain = new_chain();
    let built = build(&chain, chain.genesis(), 3, &[]);
    let signature = aura_pair(1).sign_simple(b"substrate", &built.seal_payload().0).to_bytes();
    chain.import_built(built, signature).expect_err("slot 3 belongs to authority 2");
    assert_eq!(chain.best().hash, chain.genesis());
}

#[test]
fn r5_the_runtime_must_finish_this_block() {
    let chain = new_chain();
    let mut proposer = proposer(&chain);
    proposer.header.number = 2;
    let error = proposer.finish().map(|_| ()).expect_err("another number");
    assert!(matches!(error, ProposeError::WrongHeader { what: "number", .. }), "{error}");
    let mut other = self::proposer(&chain);
    other.body.clear();
    let error = other.finish().map(|_| ()).expect_err("another body");
    assert!(matches!(error, ProposeError::WrongHeader { what: "extrinsics root", .. }), "{error}");
}

#[test]
fn a_block_that_was_overtaken_by_finality_is_not_imported() {
    let chain = new_chain();
    let one = author(&chain, chain.genesis(), 1, &[]);
    let built = build(&chain, chain.genesis(), 2, &[]);
    finalise(&chain, one.block);
    let signature = seal(built.seal_payload(), built.slot(), 2);
    chain.import_built(built, signature).expect_err("its parent left the tree's top");
    assert_eq!(chain.best(), one.block);
}

#[test]
fn pace_adapts_to_what_transactions_cost() {
    let mut pace = Pace::new(1_000);
    assert_eq!(pace.next_batch(0), BATCH_FIRST);
    pace.applied(BATCH_FIRST, 64_000);
    assert_eq!(pace.next_batch(100), 450, "1,000 a second for half of 900 ms");
    pace.applied(100, 1);
    assert_eq!(pace.next_batch(500), BATCH_MAX);
    pace.applied(1, 10_000_000);
    assert_eq!(pace.next_batch(999), 1, "never nothing while there is time");
    assert_eq!(pace.next_batch(1_000), 0);
}

#[test]
fn refusals_are_what_the_pool_understands() {
    let full = TransactionValidityError::Invalid(InvalidTransaction::ExhaustsResources);
    assert_eq!(NO_ROOM, full);
    let _: Arc<OpaqueExtrinsic> = extrinsic(&Call::Refuse);
}

#[test]
fn r4_smaller_ones_of_others_still_get_in() {
    use crate::testing::accounts::{ACCOUNTS, signed};
    let chain = with_genesis_value(ACCOUNTS, vec![1]);
    let mut inherents = InherentData::new();
    inherents.put(quire_core::inherent::TIMESTAMP_ID, &SLOT_MS);
    let mut proposer = chain.proposer(chain.genesis(), Slot(1), &inherents).expect("parent is known");
    let one = |who, nonce, bytes| Arc::new(signed(chain.genesis(), who, nonce, bytes));
    const HALF: usize = 3 * 1024 * 1024;
    let batch = [one(1, 0, HALF), one(2, 0, HALF), one(2, 1, 10), one(3, 0, 10), one(1, 1, 10)];
    let answers = proposer.push_batch(&batch).expect("runs");
    assert_eq!(answers, [Ok(Ok(())), Err(NO_ROOM), Err(NO_ROOM), Ok(Ok(())), Ok(Ok(()))]);
    let later = [one(2, 1, 10), one(3, 1, 10)];
    let answers = proposer.push_batch(&later).expect("runs");
    assert_eq!(answers, [Err(NO_ROOM), Ok(Ok(()))], "left out of the whole block");
    assert!(!proposer.is_full());
    let large: Vec<_> = (10..10 + 8).map(|who| one(who, 0, HALF)).collect();
    let answers = proposer.push_batch(&large).expect("runs");
    assert!(answers.iter().all(|answer| *answer == Err(NO_ROOM)) && proposer.is_full(), "enough is enough");
    assert_eq!(proposer.push_batch(&[one(3, 2, 10)]).expect("runs"), [Err(NO_ROOM)]);
    assert_eq!(proposer.finish().expect("finishes").body().len(), 5);
}
