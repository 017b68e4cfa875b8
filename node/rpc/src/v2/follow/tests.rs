//! Rules one by one, and random chains against a client that believes nothing.
mod client;
mod random;

use super::*;
use crate::backend::SnapshotBlock;
use quire_core::RuntimeVersion;

pub(super) const LIMITS: Limits = Limits { pinned_blocks_max: 8, pin_ms_max: 1_000, operations_max: 3 };

pub(super) fn hash(seed: u8) -> H256 {
    H256([seed; 32])
}

fn waiting(seed: u8, parent: u8) -> SnapshotBlock {
    SnapshotBlock { hash: hash(seed), parent: hash(parent), new_runtime: None }
}

fn runtime(spec_version: u32) -> Arc<Runtime> {
    Arc::new(Runtime::Valid(RuntimeVersion { spec_version, ..RuntimeVersion::default() }))
}

/// Final 1, 2; above them 3 (best) with 4 and, beside it, 5.
fn snapshot() -> Snapshot {
    Snapshot {
        finalized: vec![hash(1), hash(2)],
        runtime: runtime(1),
        blocks: vec![waiting(3, 2), waiting(5, 2), waiting(4, 3)],
        best: hash(4),
    }
}

fn started(with_runtime: bool) -> (Follow, Vec<Event>) {
    let mut events = Vec::new();
    let follow = Follow::start(LIMITS, with_runtime, 0, snapshot(), &mut events);
    (follow, events)
}

fn follow() -> Follow {
    started(true).0
}

fn step_at(follow: &mut Follow, now_ms: u64, is_crowded: bool, input: Input) -> Vec<Event> {
    let mut events = Vec::new();
    follow.step(now_ms, is_crowded, input, &mut events);
    events
}

fn step(follow: &mut Follow, input: Input) -> Vec<Event> {
    step_at(follow, 0, false, input)
}

fn imported(seed: u8, parent: u8, is_best: bool) -> Input {
    Input::Imported { block: hash(seed), parent: hash(parent), is_best, new_runtime: None }
}

fn finalized(seeds: &[u8], best: u8) -> Input {
    Input::Finalized { blocks: seeds.iter().map(|seed| hash(*seed)).collect(), best: hash(best) }
}

fn new_block(seed: u8, parent: u8) -> Event {
    Event::NewBlock { block: hash(seed), parent: hash(parent), new_runtime: Some(None) }
}

fn told_final(seeds: &[u8], pruned: &[u8]) -> Event {
    let hashes = |seeds: &[u8]| seeds.iter().map(|seed| hash(*seed)).collect();
    Event::Finalized { finalized: hashes(seeds), pruned: hashes(pruned) }
}

#[test]
fn r1_the_chain_is_told_parents_first_and_then_the_best_block() {
    let (_, events) = started(true);
    let first = Event::Initialized { finalized: vec![hash(1), hash(2)], runtime: Some(runtime(1)) };
    let best = Event::BestBlockChanged(hash(4));
    assert_eq!(events, [first, new_block(3, 2), new_block(5, 2), new_block(4, 3), best]);
}

#[test]
fn r1_without_runtime_there_is_none_in_any_event() {
    let (mut follow, events) = started(false);
    assert!(matches!(&events[0], Event::Initialized { runtime: None, .. }));
    assert!(matches!(&events[1], Event::NewBlock { new_runtime: None, .. }));
    let input =
        Input::Imported { block: hash(6), parent: hash(4), is_best: false, new_runtime: Some(runtime(2)) };
    assert!(matches!(step(&mut follow, input)[..], [Event::NewBlock { new_runtime: None, .. }]));
}

#[test]
fn r1_a_new_runtime_is_told_with_its_block_only() {
    let mut follow = follow();
    let input =
        Input::Imported { block: hash(6), parent: hash(4), is_best: false, new_runtime: Some(runtime(2)) };
    let told = Some(Some(runtime(2)));
    let block = Event::NewBlock { block: hash(6), parent: hash(4), new_runtime: told };
    assert_eq!(step(&mut follow, input), [block]);
    assert_eq!(step(&mut follow, imported(7, 6, false)), [new_block(7, 6)]);
}

#[test]
fn r2_r5_a_block_twice_or_over_an_unknown_parent_ends_the_follow() {
    for wrong in [imported(3, 2, false), imported(6, 9, false), imported(6, 1, false)] {
        let mut follow = follow();
        assert_eq!(step(&mut follow, wrong), [Event::Stop]);
        assert!(follow.is_stopped());
        assert_eq!(step(&mut follow, imported(7, 4, true)), [], "nothing after stop");
    }
}

#[test]
fn r3_the_best_block_is_told_when_it_changes() {
    let mut follow = follow();
    assert_eq!(step(&mut follow, imported(6, 5, false)), [new_block(6, 5)]);
    let moved = [new_block(7, 6), Event::BestBlockChanged(hash(7))];
    assert_eq!(step(&mut follow, imported(7, 6, true)), moved);
}

#[test]
fn r4_finality_tells_the_chain_and_all_that_lost() {
    let mut follow = follow();
    step(&mut follow, imported(6, 5, false));
    assert_eq!(step(&mut follow, finalized(&[3], 4)), [told_final(&[3], &[5, 6])]);
    assert_eq!(step(&mut follow, finalized(&[4], 4)), [told_final(&[4], &[])]);
}

#[test]
fn r4_a_best_block_that_loses_or_falls_behind_is_replaced_first() {
    let mut lost = follow();
    let told = [Event::BestBlockChanged(hash(5)), told_final(&[5], &[3, 4])];
    assert_eq!(step(&mut lost, finalized(&[5], 5)), told);
    let mut behind = follow();
    step(&mut behind, imported(6, 4, false));
    let told = [Event::BestBlockChanged(hash(6)), told_final(&[3, 4, 6], &[5])];
    assert_eq!(step(&mut behind, finalized(&[3, 4, 6], 6)), told);
}

#[test]
fn r4_r5_finality_that_does_not_fit_ends_the_follow() {
    // Nothing, a gap, an unknown block, a final one again, a fork in the list, a best block that lost.
    for (chain, best) in [(&[][..], 4), (&[4], 4), (&[9], 9), (&[2], 4), (&[3, 5], 5), (&[3], 5)] {
        assert_eq!(step(&mut follow(), finalized(chain, best)), [Event::Stop], "{chain:?}");
    }
}

#[test]
fn r5_missed_events_end_the_follow() {
    let mut follow = follow();
    assert_eq!(step(&mut follow, Input::Missed), [Event::Stop]);
    assert_eq!(follow.begin(&hash(4), false), Err(Refusal::LimitReached));
    assert_eq!(follow.check_pinned(&hash(4)), Err(Refusal::NotPinned));
}

#[test]
fn r6_unpinning_is_all_or_nothing() {
    let mut follow = follow();
    let unpin = |follow: &mut Follow, seeds: &[u8]| {
        follow.unpin(&seeds.iter().map(|seed| hash(*seed)).collect::<Vec<_>>())
    };
    assert_eq!(unpin(&mut follow, &[1, 9]), Err(Refusal::NotPinned));
    assert_eq!(unpin(&mut follow, &[1, 1]), Err(Refusal::Duplicate));
    assert_eq!(follow.check_pinned(&hash(1)), Ok(()));
    assert_eq!(unpin(&mut follow, &[]), Ok(()));
    assert_eq!(unpin(&mut follow, &[1, 2, 3]), Ok(()), "settled, head, waiting");
    for seed in [1, 2, 3] {
        assert_eq!(follow.check_pinned(&hash(seed)), Err(Refusal::NotPinned));
        assert_eq!(unpin(&mut follow, &[seed]), Err(Refusal::NotPinned), "once only");
    }
    // What is not pinned still carries its children.
    assert_eq!(step(&mut follow, imported(6, 2, false)), [new_block(6, 2)]);
    assert_eq!(step(&mut follow, finalized(&[3], 4)), [told_final(&[3], &[5, 6])]);
    assert_eq!(follow.check_pinned(&hash(5)), Ok(()), "a block that lost stays pinned");
    assert_eq!(follow.settled_pins(), 2);
}

#[test]
fn r7_too_many_settled_pins_end_the_follow() {
    let limits = Limits { pinned_blocks_max: 4, ..LIMITS };
    let mut follow = Follow::start(limits, true, 0, snapshot(), &mut Vec::new());
    step(&mut follow, finalized(&[3], 4));
    assert_eq!(follow.settled_pins(), 3, "1, 2 and 5; 3 is the head");
    step(&mut follow, finalized(&[4], 4));
    assert_eq!(follow.settled_pins(), 4);
    follow.unpin(&[hash(1)]).unwrap();
    step(&mut follow, imported(6, 4, true));
    assert_eq!(step(&mut follow, finalized(&[6], 6)), [told_final(&[6], &[])]);
    step(&mut follow, imported(7, 6, true));
    assert_eq!(step(&mut follow, finalized(&[7], 7)), [told_final(&[7], &[]), Event::Stop]);
}

#[test]
fn r7_waiting_blocks_and_the_head_are_not_counted() {
    let mut follow = follow();
    for seed in 6..60 {
        assert_eq!(step(&mut follow, imported(seed, 2, false)), [new_block(seed, 2)]);
    }
    let long_after = 1_000_000;
    follow.unpin(&[hash(1)]).unwrap();
    assert_eq!(step_at(&mut follow, long_after, true, imported(60, 4, false)), [new_block(60, 4)]);
}

#[test]
fn r7_an_old_pin_counts_only_where_there_are_too_many() {
    let late = LIMITS.pin_ms_max + 1;
    let mut follow = follow();
    assert_eq!(step_at(&mut follow, late, false, imported(6, 4, false)).len(), 1);
    assert_eq!(step_at(&mut follow, late, true, imported(7, 4, false))[1..], [Event::Stop]);
    let mut follow = started(true).0;
    assert_eq!(step_at(&mut follow, late - 1, true, imported(7, 4, false)).len(), 1);
    follow.unpin(&[hash(1)]).unwrap();
    assert_eq!(step_at(&mut follow, late, true, imported(8, 4, false)).len(), 1);
    // From now on 2 and 5 are settled, and young.
    assert_eq!(step_at(&mut follow, late, true, finalized(&[3], 4)).len(), 1);
    assert_eq!(step_at(&mut follow, 2 * late, true, imported(9, 4, false)).len(), 2);
}

#[test]
fn r8_operations_are_limited_and_their_numbers_never_come_back() {
    let mut follow = follow();
    let ids: Vec<u64> = (0..3).map(|_| follow.begin(&hash(4), true).unwrap()).collect();
    assert_eq!(follow.begin(&hash(4), false), Err(Refusal::LimitReached));
    let done = Input::Operation(ids[1], OperationEvent::CallDone(vec![1]));
    let told = Event::Operation(ids[1], OperationEvent::CallDone(vec![1]));
    assert_eq!(step(&mut follow, done.clone()), [told]);
    assert_eq!(step(&mut follow, done), [], "it has ended");
    follow.cancel(ids[0]);
    follow.cancel(ids[0]);
    assert_eq!(
        step(&mut follow, Input::Operation(ids[0], OperationEvent::StorageDone)),
        [],
        "it was stopped"
    );
    let next = [follow.begin(&hash(4), true).unwrap(), follow.begin(&hash(4), true).unwrap()];
    assert!(next.iter().all(|id| !ids.contains(id)) && next[0] != next[1]);
    assert_eq!(follow.begin(&hash(4), true), Err(Refusal::LimitReached));
}

#[test]
fn r8_operations_need_a_pinned_block_and_calls_a_follow_with_runtime() {
    let mut with = follow();
    assert_eq!(with.begin(&hash(9), false), Err(Refusal::NotPinned));
    with.unpin(&[hash(4)]).unwrap();
    assert_eq!(with.begin(&hash(4), false), Err(Refusal::NotPinned));
    let mut without = started(false).0;
    assert_eq!(without.begin(&hash(4), true), Err(Refusal::WithoutRuntime));
    assert!(without.begin(&hash(4), false).is_ok());
}

#[test]
fn r8_an_operation_outlives_the_pin_of_its_block() {
    let mut follow = follow();
    let id = follow.begin(&hash(4), false).unwrap();
    follow.unpin(&[hash(4)]).unwrap();
    let done = OperationEvent::BodyDone(Vec::new());
    assert_eq!(step(&mut follow, Input::Operation(id, done.clone())), [Event::Operation(id, done)]);
}

#[test]
fn r9_only_a_waiting_operation_is_continued() {
    let mut follow = follow();
    let id = follow.begin(&hash(4), false).unwrap();
    assert_eq!(follow.resume(id), Err(Refusal::NotWaiting));
    step(&mut follow, Input::Operation(id, OperationEvent::StorageItems(Vec::new())));
    assert_eq!(follow.resume(id), Err(Refusal::NotWaiting));
    step(&mut follow, Input::Operation(id, OperationEvent::WaitingForContinue));
    assert_eq!(follow.resume(id), Ok(true));
    assert_eq!(follow.resume(id), Err(Refusal::NotWaiting));
    step(&mut follow, Input::Operation(id, OperationEvent::StorageDone));
    assert_eq!(follow.resume(id), Ok(false));
    assert_eq!(follow.resume(77), Ok(false));
}
