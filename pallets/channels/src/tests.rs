//! One test per rule of the module doc.

mod fixture;

use alloc::vec::Vec;

use pallet_support::testing::{has_event, last_event_is};
use parity_scale_codec::Encode;
use quire_core::hash::blake2_256;
use quire_core::limits::{MAX_EXCLUSIONS, MAX_PARAMETERS_BYTES, MAX_PARTICIPANTS, MAX_PROGRAM_BYTES};
use quire_core::{AccountId, Balance, DispatchError, H256, UNITS};

use super::*;
use crate::storage::{
    CHANNELS, MAX_ERAS_BYTES, MAX_KEY_VERSIONS, MAX_OPEN_BLOCKS, MAX_PERIOD_TICKS, MAX_RECORD_BYTES,
    MAX_WINDOW_TICKS, MONEY, PROGRAM_DEPOSIT_PER_BYTE, PROGRAMS, TOTAL_HELD, pot,
};
use fixture::*;

#[test]
fn r1_a_program_is_validated_paid_for_and_stored_by_its_hash() {
    test(|| {
        let code = program(3);
        let hash = H256(blake2_256(&code));
        let deposit = PROGRAM_DEPOSIT_PER_BYTE * code.len() as Balance;
        let before = free(4);
        run(4, Call::register_program { code: code.clone() }).unwrap();
        assert!(last_event_is(
            INDEX,
            &Event::ProgramRegistered { program: hash, owner: account(4), deposit }
        ));
        assert_eq!(before - free(4), deposit);
        assert_eq!(PROGRAMS.get(&hash).unwrap().deposit, deposit);
        assert_eq!(storage::PROGRAM_CODE.get(&hash).unwrap(), code);
        assert_eq!(run(4, Call::register_program { code }), refused(Error::ProgramExists));
    });
}

#[test]
fn r1_bad_programs_are_refused() {
    test(|| {
        let unbounded = {
            // The memory section without a maximum: limits `00 01` instead of `01 01 03`, one byte shorter.
            let mut code = program(3);
            let place = code.windows(5).position(|window| window == [5, 4, 1, 1, 1]).unwrap();
            code.splice(place..place + 6, [5, 3, 1, 0, 1]);
            code
        };
        let too_large = alloc::vec![0; MAX_PROGRAM_BYTES as usize + 1];
        assert_eq!(run(4, Call::register_program { code: unbounded }), refused(Error::InvalidProgram));
        assert_eq!(
            run(4, Call::register_program { code: b"no wasm".to_vec() }),
            refused(Error::InvalidProgram)
        );
        assert_eq!(run(4, Call::register_program { code: too_large }), refused(Error::ProgramTooLarge));
    });
}

#[test]
fn r2_participants_are_distinct_two_to_sixteen_and_include_the_opener() {
    test(|| {
        let open =
            |who: u8, participants| run(who, Call::open { participants, era: terms(), secret: SECRET });
        assert_eq!(open(1, participants(1..=1)), refused(Error::ParticipantCount));
        assert_eq!(open(1, participants(1..=17)), refused(Error::ParticipantCount));
        assert_eq!(open(9, participants(1..=3)), refused(Error::OpenerNotIncluded));
        let mut twice = participants(1..=3);
        twice[2].account = account(1);
        assert_eq!(open(1, twice), refused(Error::DuplicateParticipant));
        let mut same_key = participants(1..=3);
        same_key[2].message_key = same_key[0].message_key;
        assert_eq!(open(1, same_key), refused(Error::BadKey));
        let mut zero_key = participants(1..=3);
        zero_key[1].sealing_key = [0; 32];
        assert_eq!(open(1, zero_key), refused(Error::BadKey));
        open(1, participants(1..=2)).unwrap();
        open(1, participants(1..=16)).unwrap();
        assert!(last_event_is(INDEX, &Event::Proposed { channel: 2, by: account(1) }));
    });
}

#[test]
fn r2_terms_are_bounded() {
    test(|| {
        let refuse = |change: &dyn Fn(&mut EraTerms), error| {
            let mut era = terms();
            change(&mut era);
            let call = Call::open { participants: participants(1..=3), era, secret: SECRET };
            assert_eq!(run(1, call), refused(error));
        };
        refuse(&|era| era.period = 0, Error::BadPeriod);
        refuse(&|era| era.period = MAX_PERIOD_TICKS + 1, Error::BadPeriod);
        refuse(&|era| era.windows.parts = 0, Error::BadWindow);
        refuse(&|era| era.windows.commit = 0, Error::BadWindow);
        refuse(&|era| era.windows.reveal = MAX_WINDOW_TICKS + 1, Error::BadWindow);
        refuse(&|era| era.windows.challenge = 0, Error::BadWindow);
        refuse(&|era| era.program = H256([9; 32]), Error::UnknownProgram);
        refuse(
            &|era| era.parameters = alloc::vec![0; MAX_PARAMETERS_BYTES as usize + 1],
            Error::ParametersTooLong,
        );
        refuse(&|era| era.exclusions = alloc::vec![account(7), account(7)], Error::BadExclusions);
        let many = (0..=MAX_EXCLUSIONS as u8).map(account).collect::<Vec<_>>();
        refuse(&|era| era.exclusions = many.clone(), Error::BadExclusions);
    });
}

#[test]
fn r3_all_approve_the_same_secret_and_block_zero_begins() {
    test(|| {
        propose();
        let approve = |who, secret| run(who, Call::approve { channel: 1, secret });
        assert_eq!(approve(1, SECRET), refused(Error::AlreadyApproved));
        assert_eq!(approve(2, H256([8; 32])), refused(Error::SecretMismatch));
        assert_eq!(approve(9, SECRET), refused(Error::NotParticipant));
        assert_eq!(run(2, Call::approve { channel: 7, secret: SECRET }), refused(Error::UnknownChannel));
        approve(2, SECRET).unwrap();
        assert_eq!(channel(1).unwrap().status, ChannelStatus::Proposed);
        at_tick(30);
        approve(3, SECRET).unwrap();
        assert!(last_event_is(INDEX, &Event::Opened { channel: 1, start: 30 }));
        let record = channel(1).unwrap();
        assert_eq!((record.status, record.eras[0].start), (ChannelStatus::Open, 30));
        assert_eq!(record.block_at(29), None);
        assert_eq!([30, 39, 40, 65].map(|tick| record.block_at(tick)), [Some(0), Some(0), Some(1), Some(3)]);
        assert_eq!(approve(3, SECRET), refused(Error::WrongStatus));
    });
}

#[test]
fn r4_deposits_are_the_participants_own() {
    test(|| {
        open();
        let before = free(1);
        deposit(1, 70 * UNITS).unwrap();
        assert_eq!(before - free(1), 70 * UNITS);
        assert_eq!(money(1)[0], Money { deposit: 70 * UNITS, ..Money::default() });
        assert_eq!(deposit(9, UNITS), refused(Error::NotParticipant));
        assert_eq!(deposit(1, 0), refused(Error::ZeroAmount));
        assert!(deposit(1, START).is_err(), "more than the account has");
        assert_eq!(run(1, Call::deposit { channel: 4, amount: 1 }), refused(Error::UnknownChannel));
    });
}

#[test]
fn r5_deposits_stay_while_a_block_is_undecided() {
    test(|| {
        open();
        deposit(1, 50 * UNITS).unwrap();
        withdraw(1, 10 * UNITS).unwrap();
        open_one(0);
        assert_eq!(withdraw(1, 1), refused(Error::AboveExposure));
        set_stage(1, 0, BlockStage::Done, 10).unwrap();
        withdraw(1, 40 * UNITS).unwrap();
        assert_eq!(free(1), START);
        assert_eq!(withdraw(1, 1), refused(Error::AboveExposure));
    });
}

#[test]
fn r5_reserves_stay_while_a_block_is_agreed_and_credit_is_free() {
    test(|| {
        open();
        deposit(1, 50 * UNITS).unwrap();
        deposit(2, 5 * UNITS).unwrap();
        pay(1, 1, 2, UNITS).unwrap();
        open_one(0);
        let reserves = reserve(1, 30 * UNITS);
        assert_eq!(reserves, [30 * UNITS, 4 * UNITS, 0]);
        set_stage(1, 0, BlockStage::Decided, 10).unwrap();
        // A second agreed block gets what the first one left.
        assert_eq!(reserve(1, 30 * UNITS), [20 * UNITS, 0, 0]);
        release(1, &[20 * UNITS, 0, 0]);
        assert_eq!(withdraw(1, 20 * UNITS + 1), refused(Error::AboveExposure));
        withdraw(1, 20 * UNITS).unwrap();
        withdraw(3, UNITS).unwrap();
        release(1, &reserves);
        withdraw(1, 30 * UNITS).unwrap();
        withdraw(2, 4 * UNITS).unwrap();
        assert_eq!(TOTAL_HELD.get_or_default(), program_deposits());
    });
}

#[test]
fn r5_debts_stay() {
    test(|| {
        open();
        deposit(1, 50 * UNITS).unwrap();
        pay(1, 0, 1, 10 * UNITS).unwrap();
        set_debt(1, 1, 0, 4 * UNITS).unwrap();
        set_debt(1, 0, 0, 15 * UNITS).unwrap();
        assert_eq!(withdraw(2, 6 * UNITS + 1), refused(Error::AboveExposure));
        withdraw(2, 6 * UNITS).unwrap();
        assert_eq!(withdraw(1, 25 * UNITS + 1), refused(Error::AboveExposure));
        withdraw(1, 25 * UNITS).unwrap();
        set_debt(1, 0, 15 * UNITS, 0).unwrap();
        withdraw(1, 15 * UNITS).unwrap();
    });
}

#[test]
fn r5_payments_spend_free_deposit_then_credit_and_never_a_reserve() {
    test(|| {
        open();
        deposit(1, 10 * UNITS).unwrap();
        deposit(2, 10 * UNITS).unwrap();
        pay(1, 1, 0, 3 * UNITS).unwrap();
        reserve(1, 6 * UNITS);
        assert_eq!(pay(1, 0, 2, 7 * UNITS + 1), Err(Error::AboveExposure.into()));
        pay(1, 0, 2, 7 * UNITS).unwrap();
        assert_eq!(money(1)[0], Money { deposit: 6 * UNITS, reserved: 6 * UNITS, credit: 0, debt: 0 });
        assert_eq!(pay(1, 0, 9, 0), Err(Error::UnknownChannel.into()));
    });
}

#[test]
fn r5_validators_are_paid_into_accounts_or_bonds() {
    test(|| {
        open();
        deposit(1, 10 * UNITS).unwrap();
        pay_out(1, 0, &account(9), UNITS).unwrap();
        assert_eq!(free(9), START + UNITS);
        // No account can come into being with one planck; the bond takes it.
        pay_out(1, 0, &account(99), 1).unwrap();
        assert_eq!(pallet_bonds::storage::LEDGERS.get(&account(99)).unwrap().active, 1);
        compensate(1, &[1, 2], 0).unwrap();
        assert_eq!(money(1)[0].deposit, 9 * UNITS - 1);
        check();
    });
}

#[test]
fn r6_an_era_needs_the_same_last_word_of_all() {
    test(|| {
        open();
        let (mut slow, mut fast) = (terms(), terms());
        (slow.period, fast.period) = (20, 5);
        let update = |who, era: &EraTerms, first_block| {
            run(who, Call::update { channel: 1, era: era.clone(), first_block })
        };
        at_tick(35);
        assert_eq!(update(1, &slow, 2), refused(Error::BlockTooEarly));
        assert_eq!(update(9, &slow, 4), refused(Error::NotParticipant));
        update(1, &slow, 4).unwrap();
        update(2, &slow, 4).unwrap();
        update(3, &fast, 4).unwrap();
        assert_eq!(channel(1).unwrap().eras.len(), 1, "somebody wants something else");
        update(3, &slow, 5).unwrap();
        assert_eq!(channel(1).unwrap().eras.len(), 1, "another boundary is something else");
        update(3, &slow, 4).unwrap();
        assert!(last_event_is(INDEX, &Event::Updated { channel: 1, first_block: 4, start: 50 }));
        let record = channel(1).unwrap();
        assert_eq!([49, 50, 69, 70].map(|tick| record.block_at(tick)), [Some(3), Some(4), Some(4), Some(5)]);
        assert_eq!(update(1, &fast, 4), refused(Error::BlockTooEarly));
    });
}

#[test]
fn r6_an_open_block_keeps_its_era() {
    test(|| {
        open();
        open_one(3);
        let update = |first_block| run(1, Call::update { channel: 1, era: terms(), first_block });
        assert_eq!(update(3), refused(Error::BlockTooEarly));
        update(4).unwrap();
    });
}

#[test]
fn r6_eras_that_are_over_are_forgotten() {
    test(|| {
        open();
        for n in 1..=5u32 {
            at_tick(n * 10);
            for who in 1..=3 {
                run(who, Call::update { channel: 1, era: terms(), first_block: n + 1 }).unwrap();
            }
        }
        let firsts: Vec<u32> = channel(1).unwrap().eras.iter().map(|era| era.first_block).collect();
        assert_eq!(firsts, [4, 5, 6], "the current one and those to come");
    });
}

#[test]
fn r7_close_names_a_last_block_that_is_not_over() {
    test(|| {
        open();
        at_tick(35);
        let close = |who, last_block| run(who, Call::close { channel: 1, last_block });
        assert_eq!(close(9, 5), refused(Error::NotParticipant));
        assert_eq!(close(1, 1), refused(Error::BlockTooEarly));
        open_one(4);
        assert_eq!(close(1, 3), refused(Error::BlockTooEarly));
        close(1, 6).unwrap();
        assert!(last_event_is(INDEX, &Event::Closing { channel: 1, last_block: 6 }));
        assert_eq!(close(2, 7), refused(Error::CloseRaised));
        close(2, 4).unwrap();
        let record = channel(1).unwrap();
        assert!(record.may_run(4) && !record.may_run(5));
    });
}

#[test]
fn r7_a_closing_channel_pays_out_when_its_last_block_is_done() {
    test(|| {
        open();
        deposit(1, 50 * UNITS).unwrap();
        open_one(0);
        open_one(1);
        run(1, Call::close { channel: 1, last_block: 1 }).unwrap();
        pay(1, 0, 1, 20 * UNITS).unwrap();
        set_stage(1, 1, BlockStage::Done, 10).unwrap();
        assert_eq!(channel(1).unwrap().status, ChannelStatus::Closing { last_block: 1 });
        // Done ahead of the clock: nothing waits for the period's end.
        set_stage(1, 0, BlockStage::Done, 10).unwrap();
        assert!(last_event_is(INDEX, &Event::Closed { channel: 1 }));
        assert_eq!((free(1), free(2)), (START - 20 * UNITS, START + 20 * UNITS));
        assert!(money(1).iter().all(|money| *money == Money::default()));
        assert_eq!(deposit(1, UNITS), refused(Error::WrongStatus));
        assert_eq!(run(1, Call::close { channel: 1, last_block: 1 }), refused(Error::WrongStatus));
    });
}

#[test]
fn r7_blocks_that_nobody_opened_are_done_when_the_clock_has_passed_them() {
    test(|| {
        open();
        deposit(1, 50 * UNITS).unwrap();
        run(1, Call::close { channel: 1, last_block: 1 }).unwrap();
        at_tick(29);
        run(2, Call::close { channel: 1, last_block: 1 }).unwrap();
        assert_eq!(channel(1).unwrap().status, ChannelStatus::Closing { last_block: 1 });
        at_tick(30);
        run(2, Call::close { channel: 1, last_block: 1 }).unwrap();
        assert_eq!(channel(1).unwrap().status, ChannelStatus::Closed);
        assert_eq!(free(1), START);
    });
}

#[test]
fn r7_a_debtors_money_stays_and_so_does_what_an_account_cannot_receive() {
    test(|| {
        open();
        deposit(1, 50 * UNITS).unwrap();
        set_debt(1, 0, 0, 20 * UNITS).unwrap();
        // Participant 3 empties its account; a single planck cannot bring it back.
        pay(1, 0, 2, 1).unwrap();
        pallet_balances::transfer(&account(3), &account(9), START, false).unwrap();
        at_tick(20);
        run(1, Call::close { channel: 1, last_block: 1 }).unwrap();
        at_tick(30);
        run(1, Call::close { channel: 1, last_block: 1 }).unwrap();
        assert_eq!(channel(1).unwrap().status, ChannelStatus::Closed);
        assert_eq!(money(1)[0].total(), 20 * UNITS);
        assert_eq!(money(1)[2].total(), 1);
        // The debt is paid later, and the account is alive again: all of it can go.
        set_debt(1, 0, 20 * UNITS, 0).unwrap();
        withdraw(1, 20 * UNITS).unwrap();
        pallet_balances::transfer(&account(9), &account(3), UNITS, true).unwrap();
        withdraw(3, 1).unwrap();
    });
}

#[test]
fn r7_a_proposed_channel_ends_at_once() {
    test(|| {
        propose();
        deposit(2, 5 * UNITS).unwrap();
        run(3, Call::close { channel: 1, last_block: 0 }).unwrap();
        assert_eq!(free(2), START);
        assert_eq!(run(2, Call::approve { channel: 1, secret: SECRET }), refused(Error::WrongStatus));
    });
}

#[test]
fn r8_new_keys_hold_from_the_next_block_that_is_not_open() {
    test(|| {
        open();
        open_one(2);
        let set = |who, key: u8| {
            run(who, Call::set_keys { channel: 1, message_key: [key; 32], sealing_key: [key; 32] })
        };
        assert_eq!(set(1, 0), refused(Error::BadKey));
        let of_another = participants(2..=2)[0].message_key[0];
        assert_eq!(set(1, of_another), refused(Error::BadKey));
        assert_eq!(set(9, 77), refused(Error::NotParticipant));
        set(1, 70).unwrap();
        assert!(last_event_is(INDEX, &Event::KeysSet { channel: 1, who: account(1), from_block: 3 }));
        // Another word before it holds replaces it.
        set(1, 71).unwrap();
        let record = channel(1).unwrap();
        let own = |block| record.participants[0].keys_at(block).unwrap().message_key[0];
        assert_eq!([own(0), own(2), own(3), own(100)], [101, 101, 71, 71]);
    });
}

#[test]
fn r8_keys_are_kept_as_long_as_a_block_may_need_them() {
    test(|| {
        open();
        open_one(0);
        let set =
            |key: u8| run(1, Call::set_keys { channel: 1, message_key: [key; 32], sealing_key: [1; 32] });
        for n in 1..MAX_KEY_VERSIONS as u8 {
            at_tick(10 + u32::from(n) * 10);
            set(n).unwrap();
        }
        at_tick(200);
        assert_eq!(set(50), refused(Error::TooManyKeys));
        set_stage(1, 0, BlockStage::Done, 200).unwrap();
        set(50).unwrap();
        let kept = channel(1).unwrap().participants[0].keys.len();
        assert_eq!(kept, 2, "the current one and the next");
    });
}

#[test]
fn r9_the_pot_holds_money_and_program_deposits() {
    test(|| {
        open();
        deposit(1, 7 * UNITS).unwrap();
        deposit(2, 8 * UNITS).unwrap();
        assert_eq!(pallet_balances::free_balance(&pot()), 15 * UNITS + program_deposits());
        // The invariant can fail.
        let good = money(1);
        MONEY.insert(&1, &alloc::vec![Money { deposit: 16 * UNITS, ..Money::default() }; 3]);
        assert!(check_invariants().unwrap_err().contains("R9"));
        MONEY.insert(&1, &good);
    });
}

#[test]
fn r10_open_blocks_are_bounded() {
    test(|| {
        open();
        let record = channel(1).unwrap();
        for number in 0..MAX_OPEN_BLOCKS {
            open_block(1, &record, number, 10).unwrap();
        }
        let full = Err(Error::TooManyOpenBlocks.into());
        assert_eq!(open_block(1, &record, MAX_OPEN_BLOCKS, 10), full);
        set_stage(1, 0, BlockStage::Done, 10).unwrap();
        assert_eq!(open_block(1, &record, MAX_OPEN_BLOCKS, 10), full, "done, but ahead of the clock");
        at_tick(20);
        open_block(1, &record, MAX_OPEN_BLOCKS, 20).unwrap();
    });
}

#[test]
fn r10_eras_are_bounded_by_number_and_by_bytes() {
    for (parameter_bytes, expected) in [(MAX_PARAMETERS_BYTES as usize, 1 + 7), (0, 64)] {
        test(|| {
            open();
            let mut era = terms();
            era.parameters = alloc::vec![7; parameter_bytes];
            let update = |first_block| {
                [1, 2, 3].map(|who| run(who, Call::update { channel: 1, era: era.clone(), first_block }))
            };
            let mut first_block = 5;
            while update(first_block) == [Ok(()); 3] {
                first_block += 1;
                assert!(CHANNELS.get(&1).unwrap().encoded_size() <= MAX_RECORD_BYTES as usize);
            }
            assert_eq!(update(first_block)[2], refused(Error::TooManyEras));
            let eras = channel(1).unwrap().eras.len();
            assert_eq!(eras, expected, "{parameter_bytes} bytes of parameters");
            // What is over makes room again.
            at_tick(10_000);
            let next = channel(1).unwrap().block_at(10_000).unwrap() + 1;
            assert_eq!(update(next), [Ok(()); 3]);
        });
    }
}

#[test]
fn r10_a_record_with_the_longest_lists_is_within_its_limit() {
    test(|| {
        let most = MAX_PARTICIPANTS as u8;
        run(1, Call::open { participants: participants(1..=most), era: terms(), secret: SECRET }).unwrap();
        let mut record = channel(1).unwrap();
        for participant in &mut record.participants {
            participant.keys = alloc::vec![participant.keys[0]; MAX_KEY_VERSIONS as usize];
        }
        let without_eras = record.encoded_size() - record.eras.encoded_size();
        assert!(without_eras + MAX_ERAS_BYTES as usize <= MAX_RECORD_BYTES as usize);
        let mut longest = record.eras[0].clone();
        longest.terms.parameters = alloc::vec![0; MAX_PARAMETERS_BYTES as usize];
        longest.terms.exclusions = (0..MAX_EXCLUSIONS as u8).map(account).collect();
        assert!(longest.encoded_size() * 5 <= MAX_ERAS_BYTES as usize, "five of the longest fit");
    });
}

#[test]
fn only_signed_calls_are_heard() {
    test(|| {
        let failed = dispatch(Call::deposit { channel: 1, amount: 1 }, Origin::Root).unwrap_err();
        assert_eq!(failed.error, DispatchError::BadOrigin);
    });
}

#[test]
fn genesis_registers_programs_or_says_why_not() {
    test(|| {
        genesis::Config { programs: alloc::vec![(account(5), program(4))] }.build().unwrap();
        assert!(has_event(
            INDEX,
            &Event::ProgramRegistered {
                program: H256(blake2_256(&program(4))),
                owner: account(5),
                deposit: PROGRAM_DEPOSIT_PER_BYTE * program(4).len() as Balance,
            }
        ));
        let bad = genesis::Config { programs: alloc::vec![(account(5), alloc::vec![1])] };
        assert!(bad.build().unwrap_err().contains("program"));
    });
}

#[test]
fn invariants_notice_a_broken_channel() {
    test(|| {
        open();
        let good = channel(1).unwrap();
        let mut bad = good.clone();
        bad.eras.clear();
        CHANNELS.insert(&1, &bad);
        assert!(check_invariants().unwrap_err().contains("R6"));
        CHANNELS.insert(&1, &good);
    });
}

#[test]
fn metadata_lists_every_item() {
    let parts = metadata();
    let names: Vec<_> = parts.storage.iter().map(|entry| entry.name).collect();
    let expected =
        ["NextChannel", "Channels", "Money", "OpenBlocks", "Updates", "Programs", "ProgramCode", "TotalHeld"];
    assert_eq!(names, expected);
}
