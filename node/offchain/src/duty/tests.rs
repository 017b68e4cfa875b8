use super::{Duty, Effect, Input, SETTLE_TURN_TICKS};
use crate::view::{BlockView, Call, ChannelView, DutyView, RETRY_TICKS};
use quire_channel::result::{self, MergeFacts, OutputSet, Outputs};
use quire_channel::rules::AppliedOutputs;
use quire_channel::{BlockState, CidBytes, Output, PartAnchor, ResultHeader, commitment};
use quire_core::{AccountId, H256};
use std::collections::BTreeMap;

const ME: AccountId = AccountId([10; 32]);
const OTHER: AccountId = AccountId([11; 32]);
const SALT: [u8; 32] = [5; 32];

fn machine() -> Duty {
    Duty::new(ME, H256::ZERO, 1)
}

fn parts() -> Vec<(u8, PartAnchor)> {
    let root = H256([1; 32]);
    let anchor =
        PartAnchor { cid: CidBytes::default(), root, length: 1, count: 1, key_commitment: H256::ZERO };
    vec![(0, anchor.clone()), (2, anchor)]
}

fn outputs(count: u16) -> Outputs {
    let mut set = OutputSet::new();
    (0..count).for_each(|n| set.add(Output::Report { key: n.to_be_bytes().to_vec(), value: 1 }));
    set.finish()
}

fn header(outputs: &Outputs) -> ResultHeader {
    let facts = MergeFacts { channel: 1, block: 0, parts: 0b101, message_count: 3 };
    result::assemble(&facts, H256([2; 32]), &[], outputs)
}

fn ours() -> H256 {
    commitment(H256::ZERO, 1, 0, &ME, header(&outputs(3)).hash(), &SALT)
}

fn duty(validator: AccountId, committed: Option<H256>, has_revealed: bool) -> DutyView {
    DutyView { validator, signing: [0; 32], sealing: [0; 32], commitment: committed, has_revealed }
}

fn block(state: BlockState, duties: Vec<DutyView>) -> BlockView {
    BlockView {
        state,
        entered: 0,
        deadline: None,
        delegations: vec![Some(ME), Some(OTHER), None],
        sealed: 0,
        duties,
        parts: parts(),
        result: None,
        applied: None,
    }
}

fn view(now: u32, block: BlockView) -> ChannelView {
    ChannelView {
        genesis: H256::ZERO,
        channel: 1,
        now,
        last_openable: 16,
        blocks: BTreeMap::from([(0, block)]),
    }
}

fn step(machine: &mut Duty, input: Input<'_>) -> Vec<Effect> {
    let mut out = Vec::new();
    machine.step(input, &mut out);
    out
}

fn look(machine: &mut Duty, now: u32, block: BlockView) -> Vec<Effect> {
    step(machine, Input::Chain(&view(now, block)))
}

fn computed(machine: &mut Duty, count: u16) {
    let outputs = outputs(count);
    let input = Input::Computed { block: 0, header: Box::new(header(&outputs)), outputs, salt: SALT };
    assert_eq!(step(machine, input), []);
}

#[test]
fn r1_duties_are_taken_while_collecting_by_who_was_named() {
    let mut machine = machine();
    assert_eq!(look(&mut machine, 0, block(BlockState::Parts, vec![])), [], "too late");
    let accept = [Effect::Submit(Call::Accept { block: 0 })];
    assert_eq!(look(&mut machine, 0, block(BlockState::Collecting, vec![])), accept);
    assert_eq!(look(&mut machine, 1, block(BlockState::Collecting, vec![])), [], "asked a moment ago");
    assert_eq!(look(&mut machine, RETRY_TICKS, block(BlockState::Collecting, vec![])), accept);
    let mut stranger = Duty::new(AccountId([77; 32]), H256::ZERO, 1);
    assert_eq!(look(&mut stranger, 0, block(BlockState::Collecting, vec![])), []);
}

#[test]
fn r2_r3_the_final_parts_are_processed_once_and_committed_once() {
    let mut machine = machine();
    let accepted = vec![duty(ME, None, false)];
    assert_eq!(look(&mut machine, 0, block(BlockState::Parts, accepted.clone())), [], "parts may still come");
    let process = [Effect::Process { block: 0, parts: parts() }];
    assert_eq!(look(&mut machine, 1, block(BlockState::Committing, accepted.clone())), process);
    assert_eq!(look(&mut machine, 99, block(BlockState::Committing, accepted.clone())), [], "still at work");
    computed(&mut machine, 3);
    let commit = [Effect::Submit(Call::Commit { block: 0, commitment: ours() })];
    assert_eq!(look(&mut machine, 100, block(BlockState::Committing, accepted.clone())), commit);
    assert_eq!(look(&mut machine, 101, block(BlockState::Committing, accepted)), []);
    let committed = vec![duty(ME, Some(ours()), false)];
    assert_eq!(look(&mut machine, 200, block(BlockState::Committing, committed)), [], "the chain shows it");
}

#[test]
fn r2_a_failed_run_is_tried_again() {
    let mut machine = machine();
    let committing = || block(BlockState::Committing, vec![duty(ME, None, false)]);
    assert_eq!(look(&mut machine, 1, committing()).len(), 1);
    step(&mut machine, Input::Failed { block: 0 });
    assert_eq!(look(&mut machine, 2, committing()), []);
    assert_eq!(look(&mut machine, 1 + RETRY_TICKS, committing()).len(), 1);
}

#[test]
fn r2_a_result_over_other_parts_is_dropped() {
    let mut machine = machine();
    computed(&mut machine, 3);
    let mut grown = block(BlockState::Committing, vec![duty(ME, None, false)]);
    grown.parts.push((1, parts()[0].1.clone()));
    assert!(matches!(&look(&mut machine, 1, grown)[..], [Effect::Process { parts, .. }] if parts.len() == 3));
}

#[test]
fn r4_only_the_own_commitment_is_revealed_and_only_in_time() {
    let mut machine = machine();
    computed(&mut machine, 3);
    let committed = vec![duty(ME, Some(ours()), false)];
    assert_eq!(look(&mut machine, 1, block(BlockState::Committing, committed.clone())), []);
    let reveal = Call::Reveal { block: 0, result: header(&outputs(3)), salt: SALT };
    assert_eq!(look(&mut machine, 2, block(BlockState::Revealing, committed)), [Effect::Submit(reveal)]);
    let revealed = vec![duty(ME, Some(ours()), true)];
    assert_eq!(look(&mut machine, 50, block(BlockState::Revealing, revealed)), []);
    assert_eq!(
        look(&mut machine, 50, block(BlockState::Revealing, vec![duty(ME, None, false)])),
        [],
        "no commitment"
    );
}

#[test]
fn r4_another_commitment_on_chain_is_a_fault() {
    let mut machine = machine();
    computed(&mut machine, 3);
    let foreign = vec![duty(ME, Some(H256([9; 32])), false)];
    let effects = look(&mut machine, 2, block(BlockState::Revealing, foreign));
    assert!(matches!(&effects[..], [Effect::Fault { block: 0, what }] if what.contains("another version")));
}

#[test]
fn r5_outputs_are_settled_by_turn_and_in_slices() {
    let many = 300;
    let (outputs, mut machine) = (outputs(many), machine());
    computed(&mut machine, many);
    let mut settling = block(BlockState::Settling, vec![duty(OTHER, None, true), duty(ME, None, true)]);
    settling.result = Some(header(&outputs));
    settling.entered = 10;
    assert_eq!(look(&mut machine, 10, settling.clone()), [], "it is the other's turn");
    let slice = |first, len| {
        let (outputs, proof) = outputs.slice(first, len).expect("inside");
        [Effect::Submit(Call::Settle { block: 0, first, outputs, proof })]
    };
    assert_eq!(look(&mut machine, 10 + SETTLE_TURN_TICKS, settling.clone()), slice(0, 256));
    let mut applied = AppliedOutputs::new(300).expect("few");
    applied.apply(0, 256).expect("free");
    settling.applied = Some(applied.clone());
    assert_eq!(look(&mut machine, 11 + SETTLE_TURN_TICKS, settling.clone()), slice(256, 44));
    applied.apply(280, 20).expect("free");
    settling.applied = Some(applied);
    assert_eq!(look(&mut machine, 99, settling.clone()), slice(256, 24), "up to what somebody else applied");
    settling.duties = vec![duty(ME, None, false)];
    assert_eq!(look(&mut machine, 199, settling), [], "who did not reveal settles nothing");
}

#[test]
fn r5_settling_begins_when_the_challenge_window_is_over() {
    let mut machine = machine();
    computed(&mut machine, 3);
    let mut agreed = block(BlockState::Agreed, vec![duty(ME, Some(ours()), true)]);
    agreed.result = Some(header(&outputs(3)));
    agreed.deadline = Some(5);
    assert_eq!(look(&mut machine, 4, agreed.clone()), []);
    assert!(matches!(&look(&mut machine, 5, agreed)[..], [Effect::Submit(Call::Settle { first: 0, .. })]));
}

#[test]
fn r6_a_restarted_validator_computes_again_what_it_still_needs() {
    for state in [BlockState::Revealing, BlockState::Settling] {
        let mut machine = machine();
        let mut seen = block(state, vec![duty(ME, Some(ours()), state == BlockState::Settling)]);
        seen.result = Some(header(&outputs(3)));
        assert_eq!(look(&mut machine, 1, seen.clone()), [Effect::Process { block: 0, parts: parts() }]);
        computed(&mut machine, 3);
        assert_eq!(look(&mut machine, 2, seen).len(), 1);
    }
    let mut machine = machine();
    assert_eq!(look(&mut machine, 1, block(BlockState::Agreed, vec![duty(ME, Some(ours()), true)])), []);
}

#[test]
fn r7_deadlines_are_pointed_out_once_per_state() {
    let mut machine = machine();
    let mut seen = block(BlockState::Parts, vec![duty(ME, None, false)]);
    seen.deadline = Some(5);
    assert_eq!(look(&mut machine, 4, seen.clone()), []);
    assert_eq!(look(&mut machine, 5, seen.clone()), [Effect::Submit(Call::Advance { block: 0 })]);
    assert_eq!(look(&mut machine, 6, seen), []);
}

#[test]
fn duties_end_with_their_block() {
    let mut machine = machine();
    computed(&mut machine, 3);
    assert_eq!(look(&mut machine, 1, block(BlockState::Settled, vec![duty(ME, None, false)])), []);
    assert_eq!(look(&mut machine, 2, block(BlockState::Committing, vec![duty(ME, None, false)])), []);
    let open = view(1, block(BlockState::Parts, vec![duty(ME, None, false)]));
    assert!(
        Duty::has_duty(&open, 0, &ME) && !Duty::has_duty(&open, 0, &OTHER) && !Duty::has_duty(&open, 1, &ME)
    );
    assert!(!Duty::has_duty(&view(1, block(BlockState::Committing, vec![duty(ME, None, false)])), 0, &ME));
}
