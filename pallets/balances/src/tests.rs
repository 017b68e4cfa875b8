//! One test per rule of Balances.

use alloc::vec;

use pallet_support::testing::{TestExternalities, has_event, last_event_is, new_test, with_state};
use pallet_support::{DispatchError, Origin};
use parity_scale_codec::Encode;
use proptest::prelude::*;
use quire_core::{AccountId, ArithmeticError, Balance, MultiAddress, UNITS};
use scale_info::TypeInfo;

use crate::{
    BalanceStatus, Call, EXISTENTIAL_DEPOSIT as ED, Error, Event, INDEX, burn, burn_taken, check_invariants,
    create_pot, dispatch, free_balance, give, mint, pot, repatriate_reserved, reserve, reserved_balance,
    slash_reserved, spendable_balance, take, total_balance, total_issuance, transfer, transfer_all,
    unreserve,
};

const ALICE: AccountId = AccountId([1; 32]);
const BOB: AccountId = AccountId([2; 32]);
const CAROL: AccountId = AccountId([3; 32]);
const TAG: &[u8] = b"quire/test";

/// Runs `work` on a chain where Alice and Bob have 10 QIR each; all invariants hold afterwards.
fn with_funds(work: impl FnOnce()) {
    new_test(|| {
        crate::genesis::Config { balances: vec![(ALICE, 10 * UNITS), (BOB, 10 * UNITS)] }.build().unwrap();
        work();
        check_invariants().unwrap();
    });
}

/// Expects a failure that changes nothing.
fn refused(error: impl Into<DispatchError>, work: impl FnOnce() -> Result<(), DispatchError>) {
    let before = with_state(TestExternalities::clone);
    assert_eq!(work(), Err(error.into()));
    assert_eq!(with_state(TestExternalities::clone), before);
}

#[test]
fn r1_only_mint_burn_and_dust_change_the_issuance() {
    with_funds(|| {
        transfer(&ALICE, &BOB, UNITS, true).unwrap();
        reserve(&ALICE, UNITS).unwrap();
        unreserve(&ALICE, UNITS / 2).unwrap();
        assert_eq!(total_issuance(), 20 * UNITS);
        mint(&CAROL, UNITS).unwrap();
        assert_eq!(total_issuance(), 21 * UNITS);
        burn(&CAROL, UNITS / 2).unwrap();
        assert_eq!(total_issuance(), 21 * UNITS - UNITS / 2);
        assert!(has_event(INDEX, &Event::Burned { who: CAROL, amount: UNITS / 2 }));
        check_invariants().unwrap();
        burn(&CAROL, UNITS / 2 - 1).unwrap();
        assert!(has_event(INDEX, &Event::DustLost { account: CAROL, amount: 1 }));
        assert_eq!((total_balance(&CAROL), total_issuance()), (0, 20 * UNITS));
    });
}

#[test]
fn r1_invariants_notice_money_out_of_nowhere() {
    new_test(|| {
        crate::genesis::Config { balances: vec![(ALICE, UNITS)] }.build().unwrap();
        crate::storage::TOTAL_ISSUANCE.put(&(UNITS + 1));
        assert!(check_invariants().unwrap_err().contains("R1"));
    });
}

#[test]
fn r2_a_transfer_moves_its_amount_or_nothing() {
    with_funds(|| {
        transfer(&ALICE, &BOB, 3 * UNITS, true).unwrap();
        assert_eq!((free_balance(&ALICE), free_balance(&BOB)), (7 * UNITS, 13 * UNITS));
        assert!(last_event_is(INDEX, &Event::Transfer { from: ALICE, to: BOB, amount: 3 * UNITS }));
        refused(Error::InsufficientBalance, || transfer(&ALICE, &BOB, 7 * UNITS + 1, false));
        refused(Error::InsufficientBalance, || transfer(&ALICE, &ALICE, 7 * UNITS + 1, false));
        transfer(&ALICE, &ALICE, UNITS, true).unwrap();
        assert_eq!(free_balance(&ALICE), 7 * UNITS);
    });
}

#[test]
fn r3_accounts_begin_with_the_existential_deposit() {
    with_funds(|| {
        refused(Error::ExistentialDeposit, || transfer(&ALICE, &CAROL, ED - 1, true));
        refused(Error::ExistentialDeposit, || mint(&CAROL, ED - 1));
        transfer(&ALICE, &CAROL, ED, true).unwrap();
        assert!(has_event(INDEX, &Event::Endowed { account: CAROL, free_balance: ED }));
        assert!(has_event(pallet_system::INDEX, &pallet_system::Event::NewAccount { account: CAROL }));
        assert_eq!(pallet_system::account(&CAROL).providers, 1);
    });
}

#[test]
fn r4_an_emptied_account_is_removed_with_its_dust() {
    with_funds(|| {
        refused(Error::Expendability, || transfer(&ALICE, &BOB, 10 * UNITS, true));
        transfer(&ALICE, &BOB, 10 * UNITS - 7, false).unwrap();
        assert!(!pallet_system::storage::ACCOUNT.contains(&ALICE));
        assert!(has_event(INDEX, &Event::DustLost { account: ALICE, amount: 7 }));
        assert!(has_event(pallet_system::INDEX, &pallet_system::Event::KilledAccount { account: ALICE }));
        assert_eq!(total_issuance(), 20 * UNITS - 7);
    });
}

#[test]
fn r4_an_account_with_consumers_stays() {
    with_funds(|| {
        pallet_system::inc_consumers(&ALICE).unwrap();
        refused(Error::Expendability, || transfer(&ALICE, &BOB, 10 * UNITS, false));
        refused(Error::Expendability, || burn(&ALICE, 10 * UNITS - 1));
        assert_eq!(spendable_balance(&ALICE, false), 10 * UNITS - ED);
        transfer_all(&ALICE, &BOB, false).unwrap();
        assert_eq!(free_balance(&ALICE), ED);
        pallet_system::dec_consumers(&ALICE);
        transfer_all(&ALICE, &BOB, false).unwrap();
        assert_eq!(free_balance(&BOB), 20 * UNITS);
    });
}

#[test]
fn r5_reserves_keep_an_account_alive() {
    with_funds(|| {
        refused(Error::InsufficientBalance, || reserve(&ALICE, 11 * UNITS));
        refused(Error::Expendability, || reserve(&ALICE, 10 * UNITS));
        reserve(&ALICE, 4 * UNITS).unwrap();
        assert!(last_event_is(INDEX, &Event::Reserved { who: ALICE, amount: 4 * UNITS }));
        assert_eq!((free_balance(&ALICE), reserved_balance(&ALICE)), (6 * UNITS, 4 * UNITS));
        assert_eq!(pallet_system::account(&ALICE).consumers, 1);
        refused(Error::Expendability, || transfer(&ALICE, &BOB, 6 * UNITS, false));
        reserve(&ALICE, UNITS).unwrap();
        assert_eq!(pallet_system::account(&ALICE).consumers, 1);
        assert_eq!(unreserve(&ALICE, 99 * UNITS), Ok(5 * UNITS));
        assert_eq!(pallet_system::account(&ALICE).consumers, 0);
        assert_eq!(free_balance(&ALICE), 10 * UNITS);
    });
}

#[test]
fn r5_reserves_are_slashed_and_repatriated_up_to_what_is_there() {
    with_funds(|| {
        reserve(&ALICE, 5 * UNITS).unwrap();
        assert_eq!(slash_reserved(&ALICE, 2 * UNITS), Ok(2 * UNITS));
        assert_eq!(total_issuance(), 18 * UNITS);
        assert!(last_event_is(INDEX, &Event::Slashed { who: ALICE, amount: 2 * UNITS }));
        assert_eq!(repatriate_reserved(&ALICE, &BOB, UNITS, BalanceStatus::Reserved), Ok(UNITS));
        assert_eq!(reserved_balance(&BOB), UNITS);
        refused(Error::DeadAccount, || {
            repatriate_reserved(&ALICE, &CAROL, UNITS, BalanceStatus::Reserved).map(|_| ())
        });
        assert_eq!(repatriate_reserved(&ALICE, &CAROL, 9 * UNITS, BalanceStatus::Free), Ok(2 * UNITS));
        assert_eq!((reserved_balance(&ALICE), free_balance(&CAROL)), (0, 2 * UNITS));
        assert_eq!(repatriate_reserved(&BOB, &BOB, 9 * UNITS, BalanceStatus::Free), Ok(UNITS));
    });
}

#[test]
fn r6_a_pot_exists_with_any_balance() {
    with_funds(|| {
        refused(Error::ExistentialDeposit, || transfer(&ALICE, &pot(TAG), 1, true));
        assert_eq!(create_pot(TAG), pot(TAG));
        create_pot(TAG);
        assert_eq!(pallet_system::account(&pot(TAG)).providers, 1);
        transfer(&ALICE, &pot(TAG), 1, true).unwrap();
        assert_eq!(free_balance(&pot(TAG)), 1);
        transfer(&pot(TAG), &ALICE, 1, false).unwrap();
        assert!(pallet_system::storage::ACCOUNT.contains(&pot(TAG)));
        assert_ne!(pot(TAG), pot(b"quire/tesu"));
    });
}

#[test]
fn r7_force_calls_are_roots() {
    with_funds(|| {
        let (source, dest, who) = (MultiAddress::Id(ALICE), MultiAddress::Id(BOB), MultiAddress::Id(BOB));
        reserve(&BOB, UNITS).unwrap();
        let calls = [
            Call::force_transfer { source, dest, value: UNITS },
            Call::force_unreserve { who: who.clone(), amount: UNITS },
            Call::force_set_balance { who, new_free: 3 * UNITS },
        ];
        for call in calls.clone() {
            refused(DispatchError::BadOrigin, || {
                dispatch(call, Origin::Signed(BOB)).map(|_| ()).map_err(|failed| failed.error)
            });
        }
        for call in calls {
            dispatch(call, Origin::Root).unwrap();
        }
        assert_eq!(
            (free_balance(&ALICE), free_balance(&BOB), reserved_balance(&BOB)),
            (9 * UNITS, 3 * UNITS, 0)
        );
        assert_eq!(total_issuance(), 12 * UNITS);
        assert!(last_event_is(INDEX, &Event::BalanceSet { who: BOB, free: 3 * UNITS }));
    });
}

#[test]
fn r8_overflows_are_errors() {
    with_funds(|| {
        refused(ArithmeticError::Overflow, || mint(&ALICE, Balance::MAX));
        refused(ArithmeticError::Overflow, || mint(&CAROL, Balance::MAX));
        refused(ArithmeticError::Underflow, || burn_taken(Balance::MAX));
        refused(Error::InsufficientBalance, || burn(&ALICE, Balance::MAX));
        refused(Error::InsufficientBalance, || transfer(&ALICE, &BOB, Balance::MAX, false));
    });
}

#[test]
fn calls_act_for_their_signer_only() {
    with_funds(|| {
        let dest = MultiAddress::Id(CAROL);
        let signed =
            |call: Call| dispatch(call, Origin::Signed(ALICE)).map(|_| ()).map_err(|failed| failed.error);
        signed(Call::transfer_allow_death { dest: dest.clone(), value: UNITS }).unwrap();
        signed(Call::transfer_keep_alive { dest: dest.clone(), value: UNITS }).unwrap();
        signed(Call::burn { value: UNITS, keep_alive: true }).unwrap();
        assert_eq!((free_balance(&ALICE), free_balance(&CAROL)), (7 * UNITS, 2 * UNITS));
        refused(Error::Expendability, || signed(Call::burn { value: 7 * UNITS, keep_alive: true }));
        let raw = MultiAddress::Raw(vec![1]);
        refused(DispatchError::CannotLookup, || signed(Call::transfer_allow_death { dest: raw, value: 1 }));
        signed(Call::transfer_all { dest: dest.clone(), keep_alive: true }).unwrap();
        assert_eq!(free_balance(&ALICE), ED);
        signed(Call::transfer_all { dest: dest.clone(), keep_alive: false }).unwrap();
        assert_eq!(free_balance(&ALICE), 0);
        let call = Call::transfer_all { dest, keep_alive: false };
        assert_eq!(dispatch(call, Origin::None).unwrap_err().error, DispatchError::BadOrigin);
    });
}

#[test]
fn a_fee_moves_in_two_halves() {
    with_funds(|| {
        take(&ALICE, UNITS).unwrap();
        assert!(last_event_is(INDEX, &Event::Withdraw { who: ALICE, amount: UNITS }));
        refused(Error::ExistentialDeposit, || give(&CAROL, ED - 1));
        give(&BOB, UNITS).unwrap();
        assert!(last_event_is(INDEX, &Event::Deposit { who: BOB, amount: UNITS }));
        check_invariants().unwrap();
        refused(Error::Expendability, || take(&ALICE, 9 * UNITS));
        take(&ALICE, UNITS).unwrap();
        burn_taken(UNITS).unwrap();
        assert_eq!(total_issuance(), 19 * UNITS);
    });
}

#[test]
fn genesis_refuses_doubles_and_dust() {
    new_test(|| {
        let build = |balances| crate::genesis::Config { balances }.build();
        assert!(build(vec![(ALICE, ED - 1)]).unwrap_err().contains("at least"));
        assert!(build(vec![(ALICE, ED), (ALICE, ED)]).unwrap_err().contains("twice"));
        assert!(build(vec![(BOB, Balance::MAX), (CAROL, ED)]).unwrap_err().contains("u128"));
    });
}

#[test]
fn what_clients_look_for_is_there() {
    assert_eq!(Call::type_info().path.segments, ["pallet_balances", "pallet", "Call"]);
    assert_eq!(Event::type_info().path.segments, ["pallet_balances", "pallet", "Event"]);
    assert_eq!(Error::type_info().path.segments, ["pallet_balances", "pallet", "Error"]);
    let call = Call::transfer_keep_alive { dest: MultiAddress::Id(ALICE), value: 1 };
    assert_eq!(call.encode(), [&[3u8, 0][..], &[1; 32], &[4]].concat());
    let scale_info::TypeDef::Variant(calls) = Call::type_info().type_def else { panic!("an enum") };
    let names: vec::Vec<_> = calls.variants.iter().map(|call| (call.name, call.index)).collect();
    assert!(
        names.contains(&("transfer_allow_death", 0)) && names.contains(&("transfer_all", 4)),
        "{names:?}"
    );
    assert!(calls.variants.iter().all(|call| !call.docs.is_empty()));
    assert!(calls.variants.iter().flat_map(|call| &call.fields).all(|field| field.type_name.is_some()));
    let metadata = crate::metadata();
    assert_eq!((metadata.constants[0].name, metadata.constants[0].value.len()), ("ExistentialDeposit", 16));
}

proptest! {
    /// R1 to R6 under any sequence of operations: money is conserved and failures change nothing.
    #[test]
    fn r1_invariants_hold_after_any_operations(
        steps in proptest::collection::vec((0u8..9, 0usize..4, 0usize..4, 0u8..8), 1..60),
    ) {
        new_test(|| {
            create_pot(TAG);
            crate::genesis::Config { balances: vec![(ALICE, UNITS), (BOB, 2 * ED)] }.build().unwrap();
            let accounts = [ALICE, BOB, CAROL, pot(TAG)];
            for (step, from, to, size) in steps {
                let (from, to) = (accounts[from], accounts[to]);
                let amount = [0, 1, ED - 1, ED, ED + 1, 2 * ED, free_balance(&from), UNITS][usize::from(size)];
                let before = with_state(TestExternalities::clone);
                let result = match step {
                    0 => transfer(&from, &to, amount, true),
                    1 => transfer(&from, &to, amount, false),
                    2 => reserve(&from, amount),
                    3 => unreserve(&from, amount).map(|_| ()),
                    4 => mint(&from, amount),
                    5 => burn(&from, amount),
                    6 => slash_reserved(&from, amount).map(|_| ()),
                    7 => repatriate_reserved(&from, &to, amount, BalanceStatus::Free).map(|_| ()),
                    _ => repatriate_reserved(&from, &to, amount, BalanceStatus::Reserved).map(|_| ()),
                };
                if result.is_err() {
                    assert_eq!(with_state(TestExternalities::clone), before);
                }
                check_invariants().unwrap();
                assert!(pallet_system::storage::ACCOUNT.contains(&pot(TAG)));
            }
        });
    }
}
