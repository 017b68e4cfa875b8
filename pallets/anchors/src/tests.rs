//! One test per rule of the module doc; what each call refuses is in `refusals`, random sequences are in `random`.

mod fixture;
mod random;
mod refusals;

use alloc::vec::Vec;

use pallet_channels::storage::{BlockStage, MAX_BLOCKS_AHEAD, Money, OPEN_BLOCKS};
use pallet_support::testing::has_event;
use quire_channel::{BlockState, Output};
use quire_core::{Balance, UNITS};

use super::*;
use crate::storage::{REPORTS, SETTLEMENTS};
use fixture::*;

#[test]
fn r1_the_first_delegation_opens_a_block_up_to_a_limit_ahead() {
    test(|| {
        delegate(PARTNER, 0, 11).unwrap();
        let opened = record(0);
        assert_eq!(
            (opened.state(), opened.progress.entered, opened.deadline()),
            (BlockState::Collecting, 10, Some(20))
        );
        delegate(PARTNER, MAX_BLOCKS_AHEAD, 11).unwrap();
        assert_eq!(delegate(PARTNER, MAX_BLOCKS_AHEAD + 1, 11), refused(Error::TooFarAhead));
        at_tick(20);
        assert_eq!(delegate(PAYER, 0, 11), refused(Error::CollectionOver));
        delegate(PARTNER, MAX_BLOCKS_AHEAD + 1, 11).unwrap();
        at_tick(40);
        assert_eq!(delegate(PARTNER, 2, 11), refused(Error::CollectionOver), "never opened, and over");
    });
}

#[test]
fn r1_a_closing_channel_opens_nothing_after_its_last_block() {
    test(|| {
        in_channels(PAYER, pallet_channels::Call::close { channel: 1, last_block: 1 }).unwrap();
        assert_eq!(delegate(PAYER, 2, 11), refused(Error::ChannelNotRunning));
        delegate(PAYER, 1, 11).unwrap();
    });
}

#[test]
fn r2_a_participant_may_change_its_mind_and_frees_the_first_validator() {
    test(|| {
        delegate(PAYER, 0, 11).unwrap();
        accept(11, 0).unwrap();
        assert_eq!(bond(11), (BOND, DUTY));
        delegate(PARTNER, 0, 11).unwrap();
        delegate(PAYER, 0, 12).unwrap();
        assert_eq!(bond(11), (BOND, DUTY), "somebody still names it");
        delegate(PARTNER, 0, 12).unwrap();
        assert_eq!(bond(11), (BOND, 0));
        assert!(record(0).duties.is_empty());
        accept(12, 0).unwrap();
        let duty = record(0).duties[0].clone();
        assert_eq!((duty.signing, duty.sealing), (keys_of(12).signing, keys_of(12).sealing));
    });
}

#[test]
fn r3_collection_ends_when_all_sealed() {
    test(|| {
        to_parts(0);
        assert_eq!(record(0).progress.entered, 10, "at once, not at the period's end");
        // A block whose period has not begun can be sealed as well.
        to_parts(3);
        assert_eq!(record(3).deadline(), Some(13));
    });
}

#[test]
fn r3_collection_ends_with_the_period() {
    test(|| {
        for (who, validator) in [(PAYER, 11), (PARTNER, 12), (AUDITOR, 13)] {
            delegate(who, 0, validator).unwrap();
        }
        accept(11, 0).unwrap();
        accept(12, 0).unwrap();
        at_tick(19);
        assert_eq!(advance(0), refused(Error::NothingDue));
        at_tick(21);
        assert_eq!(accept(13, 0), refused(Error::CollectionOver));
        advance(0).unwrap();
        // R12: the phase ended at its deadline, not when somebody looked.
        assert_eq!((state(0), record(0).progress.entered), (BlockState::Parts, 20));
        assert_eq!(record(0).duties.len(), 2, "who did not accept has no duty");
    });
}

#[test]
fn r4_a_part_counts_with_receipts_of_more_than_half() {
    test(|| {
        to_parts(0);
        submit(PARTNER, 0, &[11, 13]).unwrap();
        submit(PAYER, 0, &VALIDATORS).unwrap();
        let counted = record(0);
        assert_eq!(counted.counted_parts(), 0b011);
        assert_eq!(counted.parts.iter().map(|part| part.custodians).collect::<Vec<_>>(), [0b111, 0b101]);
        assert!(has_event(
            INDEX,
            &Event::PartCounted { channel: 1, block: 0, participant: 1, root: part(PARTNER).root }
        ));
    });
}

#[test]
fn r4_parts_end_when_all_count_or_at_the_deadline() {
    test(|| {
        to_parts(0);
        submit(PAYER, 0, &[11, 12]).unwrap();
        at_tick(10 + WINDOWS.parts);
        assert_eq!(submit(PARTNER, 0, &[11, 12]), refused(Error::WrongState), "after the deadline");
        advance(0).unwrap();
        assert_eq!((state(0), record(0).progress.entered), (BlockState::Committing, 13));
    });
}

#[test]
fn r5_committing_ends_when_all_committed_or_at_the_deadline() {
    test(|| {
        to_committing(0);
        let header = result(0, &usual_outputs());
        commit(11, &header).unwrap();
        commit(12, &header).unwrap();
        assert_eq!(state(0), BlockState::Committing);
        at_tick(10 + WINDOWS.commit);
        reveal(11, &header).unwrap();
        assert_eq!(state(0), BlockState::Revealing);
        reveal(12, &header).unwrap();
        assert_eq!(state(0), BlockState::Agreed, "who is silent holds nobody up");
    });
}

#[test]
fn r6_a_commitment_without_reveal_costs_the_duty_bond() {
    test(|| {
        let header = to_revealing(0, &usual_outputs());
        reveal(11, &header).unwrap();
        reveal(12, &header).unwrap();
        let issued = pallet_balances::total_issuance();
        at_tick(now() + WINDOWS.reveal);
        assert_eq!(reveal(13, &header), refused(Error::WrongState), "too late");
        advance(0).unwrap();
        assert_eq!(state(0), BlockState::Agreed);
        assert_eq!(bond(13), (BOND - DUTY, 0));
        let breach = Breach::NotRevealed;
        let validator = account(13);
        assert!(has_event(
            INDEX,
            &Event::DutyBroken { channel: 1, block: 0, validator, breach, amount: DUTY }
        ));
        // Half is burned, half goes to those that chose somebody else.
        assert_eq!(issued - pallet_balances::total_issuance(), DUTY / 2);
        assert_eq!([PAYER, PARTNER, AUDITOR].map(|who| money(who).credit), [DUTY / 4, DUTY / 4, 0]);
    });
}

#[test]
fn r7_agreement_reserves_the_total_at_once() {
    test(|| {
        let header = to_agreed(0, &usual_outputs());
        assert_eq!(header.total, 90 * UNITS);
        assert_eq!(money(PAYER), Money { deposit: 100 * UNITS, reserved: 90 * UNITS, credit: 0, debt: 0 });
        assert!(has_event(
            INDEX,
            &Event::Agreed { channel: 1, block: 0, result: header.hash(), total: header.total }
        ));
        let withdraw = |amount| in_channels(PAYER, pallet_channels::Call::withdraw { channel: 1, amount });
        assert_eq!(withdraw(10 * UNITS + 1), Err(pallet_channels::Error::AboveExposure.into()));
        withdraw(10 * UNITS).unwrap();
    });
}

#[test]
fn r7_one_supporter_is_not_enough() {
    test(|| {
        to_committing(0);
        let header = result(0, &usual_outputs());
        commit(11, &header).unwrap();
        at_tick(now() + WINDOWS.commit);
        reveal(11, &header).unwrap();
        assert_eq!(state(0), BlockState::Expired);
        // R11: the others had everything and said nothing.
        assert_eq!([11, 12, 13].map(|n| bond(n).0), [BOND, BOND - DUTY / 4, BOND - DUTY / 4]);
    });
}

#[test]
fn r7_two_participants_may_stand_behind_one_validator() {
    test(|| {
        for who in PARTICIPANTS {
            delegate(who, 0, 11).unwrap();
        }
        accept(11, 0).unwrap();
        PARTICIPANTS.iter().for_each(|who| seal(*who, 0).unwrap());
        PARTICIPANTS.iter().for_each(|who| submit(*who, 0, &[11]).unwrap());
        let header = result(0, &usual_outputs());
        commit(11, &header).unwrap();
        reveal(11, &header).unwrap();
        assert_eq!(state(0), BlockState::Agreed);
    });
}

#[test]
fn r7_different_reveals_are_disputed_and_the_money_stands_still() {
    test(|| {
        to_committing(0);
        let header = result(0, &usual_outputs());
        let other = result(0, &outputs([Output::Transfer { from: 0, to: 1, amount: 61 * UNITS }]));
        commit(11, &header).unwrap();
        commit(12, &other).unwrap();
        commit(13, &header).unwrap();
        reveal(11, &header).unwrap();
        reveal(12, &other).unwrap();
        reveal(13, &header).unwrap();
        assert_eq!(state(0), BlockState::Disputed);
        let mut results = alloc::vec![header.hash(), other.hash()];
        results.sort();
        assert!(has_event(INDEX, &Event::Disputed { channel: 1, block: 0, results }));
        assert_eq!(record(0).duties[1].reveal, Some(other), "everybody can see who said what");
        at_tick(1_000);
        assert_eq!(advance(0), refused(Error::NothingDue));
        assert_eq!(settle(0, &usual_outputs(), 0, 1), refused(Error::WrongState));
        assert_eq!(money(PAYER), Money { deposit: 100 * UNITS, ..Money::default() });
        let withdraw = in_channels(PAYER, pallet_channels::Call::withdraw { channel: 1, amount: 1 });
        assert_eq!(withdraw, Err(pallet_channels::Error::AboveExposure.into()));
        // R14: nobody's duty is over.
        assert_eq!([11, 12, 13].map(bond), [(BOND, DUTY); 3]);
    });
}

#[test]
fn r8_r9_slices_in_any_order_settle_and_pay_once() {
    test(|| {
        let all = usual_outputs();
        let header = to_settling(0, &all);
        assert_eq!(header.outputs_count, 5);
        let before = [11, 12, 13].map(free);
        settle(0, &all, 3, 2).unwrap();
        assert_eq!(REPORTS.get(&(1, 0), &b"totalImpressions".to_vec()), Some(42));
        let noticed = Event::Noticed { channel: 1, block: 0, node: 1, kind: 7, data: b"late".to_vec() };
        assert!(has_event(INDEX, &noticed));
        settle(0, &all, 0, 1).unwrap();
        assert_eq!(money(PARTNER).credit, 0, "money moves with the last slice");
        settle(0, &all, 1, 2).unwrap();
        assert_eq!(state(0), BlockState::Settled);
        assert_eq!(money(PAYER), Money { deposit: 10 * UNITS, ..Money::default() });
        assert_eq!([PARTNER, AUDITOR].map(|who| money(who).credit), [60 * UNITS, 20 * UNITS]);
        assert!(has_event(INDEX, &Event::Paid { channel: 1, block: 0, from: 0, to: 1, amount: 60 * UNITS }));
        // A third each, the remainder to the first by account id.
        let third = 10 * UNITS / 3;
        let gained: Vec<Balance> =
            [11, 12, 13].map(free).iter().zip(before).map(|(now, was)| now - was).collect();
        assert_eq!(gained, [third + 1, third, third]);
        // R14: duties are over.
        assert_eq!([11, 12, 13].map(bond), [(BOND, 0); 3]);
    });
}

#[test]
fn r8_a_result_without_outputs_settles_by_itself() {
    test(|| {
        to_settling(0, &outputs([]));
        assert_eq!(state(0), BlockState::Settled);
        assert_eq!(money(PAYER).reserved, 0);
    });
}

#[test]
fn r8_outputs_that_name_nobody_have_no_effect() {
    test(|| {
        let odd = outputs([
            Output::Transfer { from: 0, to: 0, amount: UNITS },
            Output::Transfer { from: 0, to: 3, amount: UNITS },
            Output::Transfer { from: 7, to: 0, amount: UNITS },
            Output::Fee { from: 3, amount: UNITS },
        ]);
        to_settling(0, &odd);
        settle(0, &odd, 0, 4).unwrap();
        assert_eq!(state(0), BlockState::Settled);
        for index in 0..4 {
            assert!(has_event(INDEX, &Event::OutputIgnored { channel: 1, block: 0, index }));
        }
        assert_eq!(money(PAYER), Money { deposit: 100 * UNITS, ..Money::default() });
    });
}

#[test]
fn r9_only_agreeing_validators_share_the_fee() {
    test(|| {
        to_committing(0);
        let all = usual_outputs();
        let header = result(0, &all);
        commit(12, &header).unwrap();
        commit(13, &header).unwrap();
        at_tick(now() + WINDOWS.commit);
        reveal(13, &header).unwrap();
        reveal(12, &header).unwrap();
        at_tick(now() + WINDOWS.challenge);
        let before = [11, 12, 13].map(free);
        settle(0, &all, 0, 5).unwrap();
        assert_eq!([11, 12, 13].map(free), [before[0], before[1] + 5 * UNITS, before[2] + 5 * UNITS]);
    });
}

#[test]
fn r9_what_one_earns_in_a_block_pays_nothing_in_it() {
    test(|| {
        // The partner owes 5 and earns 60 in the same block; it has nothing else.
        let all = outputs([
            Output::Transfer { from: 0, to: 1, amount: 60 * UNITS },
            Output::Transfer { from: 1, to: 2, amount: 5 * UNITS },
        ]);
        to_settling(0, &all);
        settle(0, &all, 0, 2).unwrap();
        assert_eq!(state(0), BlockState::Underfunded);
        assert_eq!(money(PARTNER), Money { credit: 60 * UNITS, debt: 5 * UNITS, ..Money::default() });
        advance(0).unwrap();
        assert_eq!((money(PARTNER).total(), money(PARTNER).debt), (55 * UNITS, 0));
    });
}

#[test]
fn r10_a_short_deposit_pays_in_fixed_priority_and_the_rest_is_debt() {
    test(|| {
        let withdraw = pallet_channels::Call::withdraw { channel: 1, amount: 65 * UNITS };
        in_channels(PAYER, withdraw).unwrap();
        let all = usual_outputs();
        to_settling(0, &all);
        assert_eq!(money(PAYER).reserved, 35 * UNITS, "as much as there is");
        settle(0, &all, 0, 5).unwrap();
        // 35: 10 to validators, 20 to the auditor, 5 of 60 to the partner.
        assert_eq!(state(0), BlockState::Underfunded);
        assert_eq!(money(AUDITOR).credit, 20 * UNITS);
        assert_eq!(money(PARTNER).credit, 5 * UNITS);
        assert_eq!(money(PAYER), Money { debt: 55 * UNITS, ..Money::default() });
        let to = Payee::Participant(1);
        assert!(has_event(INDEX, &Event::Owed { channel: 1, block: 0, from: 0, to, amount: 55 * UNITS }));
        assert_eq!(SETTLEMENTS.get(&1, &0).unwrap().debt(), 55 * UNITS);
        assert_eq!(advance(0), refused(Error::NothingDue));
        // The debtor's new money is held, and anybody may hand it on.
        in_channels(PAYER, pallet_channels::Call::deposit { channel: 1, amount: 60 * UNITS }).unwrap();
        let withdraw = in_channels(PAYER, pallet_channels::Call::withdraw { channel: 1, amount: 6 * UNITS });
        assert_eq!(withdraw, Err(pallet_channels::Error::AboveExposure.into()));
        advance(0).unwrap();
        assert_eq!(money(PARTNER).credit, 60 * UNITS);
        assert_eq!(money(PAYER), Money { deposit: 5 * UNITS, ..Money::default() });
        assert_eq!(state(0), BlockState::Underfunded, "what happened stays on record");
    });
}

#[test]
fn r10_partners_share_what_is_left_pro_rata() {
    test(|| {
        in_channels(PAYER, pallet_channels::Call::withdraw { channel: 1, amount: 90 * UNITS }).unwrap();
        // The auditor pays the same two ways, so both payees are of one rank only for it.
        in_channels(AUDITOR, pallet_channels::Call::deposit { channel: 1, amount: 10 * UNITS }).unwrap();
        let all = outputs([
            Output::Transfer { from: 2, to: 0, amount: 10 * UNITS },
            Output::Transfer { from: 2, to: 1, amount: 30 * UNITS },
        ]);
        to_settling(0, &all);
        settle(0, &all, 0, 2).unwrap();
        assert_eq!(money(PAYER).credit, 2 * UNITS + UNITS / 2);
        assert_eq!(money(PARTNER).credit, 7 * UNITS + UNITS / 2);
        assert_eq!(money(AUDITOR), Money { debt: 30 * UNITS, ..Money::default() });
    });
}

#[test]
fn r11_blocks_without_delegates_parts_or_commitments_expire() {
    test(|| {
        // Block 0: one delegate only. Block 1: no part. Block 2: no commitment.
        delegate(PAYER, 0, 11).unwrap();
        accept(11, 0).unwrap();
        to_parts(1);
        to_committing(2);
        at_tick(20);
        for block in 0..3 {
            advance(block).unwrap();
            assert_eq!(state(block), BlockState::Expired);
        }
        // Only block 2 had something to commit to; a quarter of each duty bond is gone.
        assert_eq!([11, 12, 13].map(bond), [(BOND - DUTY / 4, 0); 3]);
        let in_time = Event::DutyBroken {
            channel: 1,
            block: 2,
            validator: account(12),
            breach: Breach::Silent,
            amount: DUTY / 4,
        };
        assert!(has_event(INDEX, &in_time));
    });
}

#[test]
fn r11_who_did_not_hold_every_part_owes_no_result() {
    test(|| {
        to_parts(0);
        submit(PAYER, 0, &[11, 12]).unwrap();
        submit(PARTNER, 0, &[12, 13]).unwrap();
        at_tick(100);
        advance(0).unwrap();
        assert_eq!(state(0), BlockState::Expired);
        assert_eq!([11, 12, 13].map(|n| bond(n).0), [BOND, BOND - DUTY / 4, BOND]);
    });
}

#[test]
fn r12_deadlines_do_not_depend_on_who_looks_when() {
    let history = |looks: &[u32]| {
        let mut ends = Vec::new();
        test(|| {
            to_parts(0);
            submit(PAYER, 0, &[11, 12]).unwrap();
            for tick in looks {
                at_tick(*tick);
                let _nothing_due = advance(0);
            }
            ends.push((record(0).progress, money(PARTNER), bond(12)));
        });
        ends
    };
    let rare = history(&[500]);
    assert_eq!(rare, history(&[11, 12, 13, 14, 15, 16, 17, 500]));
    assert_eq!(rare[0].0.entered, 10 + WINDOWS.parts + WINDOWS.commit);
}

#[test]
fn r13_a_later_block_may_settle_first() {
    test(|| {
        let small = outputs([Output::Transfer { from: 0, to: 1, amount: UNITS }]);
        to_parts(0);
        to_settling(1, &small);
        settle(1, &small, 0, 1).unwrap();
        assert_eq!(state(1), BlockState::Settled);
        assert_eq!(state(0), BlockState::Parts, "nobody has looked at it yet");
    });
}

#[test]
fn r14_the_last_block_that_is_done_ends_a_closing_channel() {
    test(|| {
        let all = usual_outputs();
        to_settling(0, &all);
        in_channels(PARTNER, pallet_channels::Call::close { channel: 1, last_block: 0 }).unwrap();
        settle(0, &all, 0, 5).unwrap();
        assert_eq!(pallet_channels::channel(1).unwrap().status, pallet_channels::ChannelStatus::Closed);
        assert_eq!(
            [PAYER, PARTNER, AUDITOR].map(free),
            [START - 90 * UNITS, START + 60 * UNITS, START + 20 * UNITS]
        );
    });
}

#[test]
fn r14_open_blocks_are_listed_with_their_stage() {
    test(|| {
        let all = usual_outputs();
        to_parts(2);
        to_agreed(0, &all);
        let stages: Vec<_> =
            OPEN_BLOCKS.get_or_default(&1).iter().map(|open| (open.number, open.stage)).collect();
        assert_eq!(stages, [(0, BlockStage::Decided), (2, BlockStage::Undecided)]);
    });
}

#[test]
fn metadata_lists_every_item() {
    let names: Vec<_> = metadata().storage.iter().map(|entry| entry.name).collect();
    assert_eq!(names, ["Blocks", "Settlements", "Reports"]);
}
