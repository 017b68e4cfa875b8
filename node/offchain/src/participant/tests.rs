use super::{Config, Effect, Input, Participant};
use crate::view::{BlockView, Call, ChannelView, DutyView, RETRY_TICKS};
use quire_channel::{BlockState, CidBytes, PartAnchor};
use quire_core::{AccountId, H256};
use std::collections::BTreeMap;

const VALIDATORS: [AccountId; 3] = [AccountId([10; 32]), AccountId([11; 32]), AccountId([12; 32])];

fn machine() -> Participant {
    Participant::new(Config { me: 1, validator: VALIDATORS[1], blocks: 1 })
}

fn block(state: BlockState) -> BlockView {
    let duty = |validator| DutyView {
        validator,
        signing: [0; 32],
        sealing: [0; 32],
        commitment: None,
        has_revealed: false,
    };
    BlockView {
        state,
        entered: 0,
        deadline: None,
        delegations: VALIDATORS.map(Some).to_vec(),
        sealed: 0,
        duties: VALIDATORS.map(duty).to_vec(),
        parts: Vec::new(),
        result: None,
        applied: None,
    }
}

fn view(now: u32, block: Option<BlockView>) -> ChannelView {
    let blocks: BTreeMap<u32, BlockView> = block.into_iter().map(|block| (0, block)).collect();
    ChannelView { genesis: H256::ZERO, channel: 1, now, last_openable: 16, blocks }
}

fn anchor(byte: u8) -> PartAnchor {
    let root = H256([byte; 32]);
    PartAnchor { cid: CidBytes::default(), root, length: 1, count: 1, key_commitment: H256::ZERO }
}

fn step(machine: &mut Participant, input: Input<'_>) -> Vec<Effect> {
    let mut out = Vec::new();
    machine.step(input, &mut out);
    out
}

fn look(machine: &mut Participant, now: u32, block: BlockView) -> Vec<Effect> {
    step(machine, Input::Chain(&view(now, Some(block))))
}

#[test]
fn r1_blocks_are_opened_when_they_may_be() {
    let mut machine = Participant::new(Config { me: 1, validator: VALIDATORS[1], blocks: 3 });
    let early = ChannelView { last_openable: 1, ..view(0, None) };
    let delegate = |block| Effect::Submit(Call::Delegate { block, validator: VALIDATORS[1] });
    assert_eq!(step(&mut machine, Input::Chain(&early)), [delegate(0), delegate(1)]);
    let later = ChannelView { last_openable: 2, ..view(1, None) };
    assert_eq!(step(&mut machine, Input::Chain(&later)), [delegate(2)]);
}

#[test]
fn r2_a_block_is_sealed_when_complete_and_accepted() {
    let seal = [Effect::Submit(Call::Seal { block: 0 })];
    let mut machine = machine();
    assert_eq!(look(&mut machine, 0, block(BlockState::Collecting)), [], "not complete");
    assert_eq!(step(&mut machine, Input::Complete { block: 0 }), [Effect::Collate { block: 0 }]);
    let unaccepted = BlockView { duties: Vec::new(), ..block(BlockState::Collecting) };
    assert_eq!(look(&mut machine, 1, unaccepted), [], "nobody accepted");
    assert_eq!(look(&mut machine, 2, block(BlockState::Collecting)), seal);
    assert_eq!(look(&mut machine, 3, block(BlockState::Collecting)), [], "asked a moment ago");
    let sealed = BlockView { sealed: 0b010, ..block(BlockState::Collecting) };
    assert_eq!(look(&mut machine, 90, sealed), [], "the chain shows it");
}

#[test]
fn r3_the_part_is_built_once() {
    let mut machine = machine();
    let late = look(&mut machine, 0, block(BlockState::Parts));
    assert_eq!(late, [Effect::Collate { block: 0 }], "collection ended without us");
    assert_eq!(look(&mut machine, 1, block(BlockState::Parts)), []);
    assert_eq!(step(&mut machine, Input::Complete { block: 0 }), []);
    let mut restarted = self::machine();
    step(&mut restarted, Input::Stored { block: 0, anchor: anchor(1) });
    assert_eq!(step(&mut restarted, Input::Complete { block: 0 }), [], "it was stored before the restart");
}

#[test]
fn r4_receipts_from_more_than_half_anchor_the_part() {
    let mut machine = machine();
    step(&mut machine, Input::Stored { block: 0, anchor: anchor(1) });
    assert_eq!(look(&mut machine, 0, block(BlockState::Collecting)), [], "the validators are not final yet");
    let offered = look(&mut machine, 1, block(BlockState::Parts));
    assert_eq!(offered.len(), 3);
    assert!(offered.iter().all(|effect| matches!(effect, Effect::Offer { .. })));
    let receipt = |validator, byte| Input::Receipt { block: 0, validator, signature: [byte; 64] };
    step(&mut machine, receipt(VALIDATORS[0], 1));
    step(&mut machine, receipt(AccountId([99; 32]), 2));
    assert_eq!(look(&mut machine, 2, block(BlockState::Parts)), [], "one of three, and a stranger");
    step(&mut machine, receipt(VALIDATORS[2], 3));
    let receipts = vec![(VALIDATORS[0], [1; 64]), (VALIDATORS[2], [3; 64])];
    let expected = Call::SubmitPart { block: 0, anchor: anchor(1), receipts };
    assert_eq!(look(&mut machine, 3, block(BlockState::Parts)), [Effect::Submit(expected)]);
    let counted = BlockView { parts: vec![(1, anchor(1))], ..block(BlockState::Parts) };
    assert_eq!(look(&mut machine, 50, counted), []);
}

#[test]
fn r5_silence_is_answered_by_asking_again() {
    let mut machine = machine();
    step(&mut machine, Input::Stored { block: 0, anchor: anchor(1) });
    assert_eq!(look(&mut machine, 1, block(BlockState::Parts)).len(), 3);
    step(&mut machine, Input::Receipt { block: 0, validator: VALIDATORS[0], signature: [1; 64] });
    assert_eq!(look(&mut machine, RETRY_TICKS, block(BlockState::Parts)), []);
    let again = look(&mut machine, RETRY_TICKS + 1, block(BlockState::Parts));
    assert_eq!(again.len(), 2, "only who did not answer");
}

#[test]
fn r6_deadlines_are_pointed_out() {
    let mut machine = machine();
    let due = BlockView { deadline: Some(5), parts: vec![(1, anchor(1))], ..block(BlockState::Parts) };
    assert_eq!(look(&mut machine, 4, due.clone()), []);
    assert_eq!(look(&mut machine, 5, due), [Effect::Submit(Call::Advance { block: 0 })]);
}

#[test]
fn terminal_blocks_end_the_work() {
    for state in [BlockState::Settled, BlockState::Underfunded, BlockState::Expired] {
        let mut machine = machine();
        assert!(!machine.is_done());
        assert_eq!(look(&mut machine, 9, block(state)), []);
        assert!(machine.is_done());
        assert_eq!(look(&mut machine, 99, block(BlockState::Parts)), [], "it never comes back");
    }
    let mut machine = machine();
    assert_eq!(look(&mut machine, 9, block(BlockState::Disputed)), []);
    assert!(!machine.is_done());
}

#[test]
fn r1_blocks_that_get_messages_later_are_opened_then() {
    let mut machine = Participant::new(Config { me: 1, validator: VALIDATORS[1], blocks: 0 });
    assert_eq!(step(&mut machine, Input::Chain(&view(0, None))), []);
    assert_eq!(step(&mut machine, Input::Expect { blocks: 2 }), []);
    // Fewer than before changes nothing.
    step(&mut machine, Input::Expect { blocks: 1 });
    let delegate = |block| Effect::Submit(Call::Delegate { block, validator: VALIDATORS[1] });
    assert_eq!(step(&mut machine, Input::Chain(&view(1, None))), [delegate(0), delegate(1)]);
}
