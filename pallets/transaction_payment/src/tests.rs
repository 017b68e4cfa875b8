//! One test per rule of TransactionPayment.

use alloc::vec;

use pallet_balances::{free_balance, total_issuance, transfer};
use pallet_support::PostInfo;
use pallet_support::testing::{TestExternalities, has_event, last_event_is, new_test, with_state};
use parity_scale_codec::Encode;
use proptest::prelude::*;
use quire_core::{AccountId, Balance, DispatchClass, DispatchInfo, InvalidTransaction, Pays, UNITS, Weight};

use crate::genesis::Config;
use crate::{
    Event, FeeSchedule, FixedU128, INDEX, can_withdraw_fee, check_invariants, compute_actual_fee,
    compute_fee, correct_and_deposit, length_to_fee, on_finalize, priority, query_fee_details, query_info,
    weight_to_fee, withdraw_fee,
};

const ALICE: AccountId = AccountId([1; 32]);
const BOB: AccountId = AccountId([2; 32]);
const AUTHOR: AccountId = AccountId([3; 32]);
const PRICES: FeeSchedule = FeeSchedule { base: 1_000, per_byte: 10, per_microsecond: 7 };

fn info(micros: u64) -> DispatchInfo {
    DispatchInfo { weight: Weight::from_micros(micros), class: DispatchClass::Normal, pays_fee: Pays::Yes }
}

fn used(micros: u64, pays_fee: Pays) -> PostInfo {
    PostInfo { actual_weight: Some(Weight::from_micros(micros)), pays_fee }
}

/// Runs `work` on a chain where Alice and the author have 10 QIR each; money is conserved afterwards.
fn with_prices(fees: FeeSchedule, work: impl FnOnce()) {
    new_test(|| {
        let balances = vec![(ALICE, 10 * UNITS), (AUTHOR, 10 * UNITS)];
        pallet_balances::genesis::Config { balances }.build().unwrap();
        Config { fees }.build().unwrap();
        work();
        on_finalize(Some(AUTHOR));
        check_invariants().unwrap();
        pallet_balances::check_invariants().unwrap();
    });
}

#[test]
fn the_fee_is_the_sum_of_its_parts() {
    with_prices(PRICES, || {
        assert_eq!((length_to_fee(100), weight_to_fee(Weight::from_micros(20))), (1_000, 140));
        assert_eq!(weight_to_fee(Weight::from_parts(1, 0)), 7);
        assert_eq!(compute_fee(100, &info(20), 5), 1_000 + 1_000 + 140 + 5);
        let details = query_fee_details(100, &info(20), 5, true);
        assert_eq!(details.total(), compute_fee(100, &info(20), 5));
        assert_eq!(details.encode()[0], 1);
        assert_eq!(query_fee_details(100, &info(20), 5, false).total(), 5);
        let quote = query_info(100, &info(20), true);
        assert_eq!((quote.partial_fee, quote.class), (2_140, DispatchClass::Normal));
        assert_eq!(quote.weight, Weight::from_micros(20) + pallet_system::BASE_EXTRINSIC);
        assert_eq!(query_info(100, &info(20), false).partial_fee, 0);
        let free = DispatchInfo { pays_fee: Pays::No, ..info(20) };
        assert_eq!(compute_fee(100, &free, 5), 5);
    });
}

#[test]
fn r1_fee_and_tip_are_taken_first_and_leave_the_account() {
    with_prices(PRICES, || {
        let paid = withdraw_fee(&ALICE, 100, &info(20), 5).unwrap();
        assert_eq!(free_balance(&ALICE), 10 * UNITS - 2_145);
        correct_and_deposit(paid, 100, &info(20), &PostInfo::default());
        let before = with_state(TestExternalities::clone);
        assert_eq!(withdraw_fee(&ALICE, 100, &info(20), 10 * UNITS), Err(InvalidTransaction::Payment));
        assert_eq!(can_withdraw_fee(&ALICE, 10 * UNITS - 2_145), Err(InvalidTransaction::Payment));
        assert_eq!(can_withdraw_fee(&ALICE, UNITS), Ok(()));
        assert_eq!(with_state(TestExternalities::clone), before);
    });
}

#[test]
fn r1_who_does_not_exist_cannot_send_even_for_free() {
    with_prices(FeeSchedule::FREE, || {
        assert_eq!(can_withdraw_fee(&BOB, 0), Err(InvalidTransaction::Payment));
        assert_eq!(withdraw_fee(&BOB, 100, &info(20), 0), Err(InvalidTransaction::Payment));
        pallet_system::inc_account_nonce(&BOB);
        assert_eq!(
            withdraw_fee(&BOB, 100, &info(20), 0),
            Err(InvalidTransaction::Payment),
            "a nonce is no account"
        );
        pallet_system::storage::ACCOUNT.remove(&BOB);
        let paid = withdraw_fee(&ALICE, 100, &info(20), 0).unwrap();
        correct_and_deposit(paid, 100, &info(20), &PostInfo::default());
        assert!(last_event_is(INDEX, &Event::TransactionFeePaid { who: ALICE, actual_fee: 0, tip: 0 }));
        assert_eq!(free_balance(&ALICE), 10 * UNITS);
    });
}

#[test]
fn r2_what_was_not_used_is_given_back() {
    with_prices(PRICES, || {
        let paid = withdraw_fee(&ALICE, 100, &info(20), 5).unwrap();
        correct_and_deposit(paid, 100, &info(20), &used(10, Pays::Yes));
        assert_eq!(free_balance(&ALICE), 10 * UNITS - 2_075);
        let paid = withdraw_fee(&ALICE, 100, &info(20), 5).unwrap();
        correct_and_deposit(paid, 100, &info(20), &used(10, Pays::No));
        assert_eq!(free_balance(&ALICE), 10 * UNITS - 2_080);
        assert_eq!(
            compute_actual_fee(100, &info(20), &used(99, Pays::Yes), 0),
            compute_fee(100, &info(20), 0)
        );
    });
}

#[test]
fn r2_a_refund_that_a_removed_account_cannot_take_stays_with_the_author() {
    with_prices(PRICES, || {
        let paid = withdraw_fee(&ALICE, 100, &info(20), 5).unwrap();
        transfer(&ALICE, &AUTHOR, free_balance(&ALICE), false).unwrap();
        correct_and_deposit(paid, 100, &info(20), &used(10, Pays::Yes));
        assert!(last_event_is(INDEX, &Event::TransactionFeePaid { who: ALICE, actual_fee: 2_145, tip: 5 }));
        on_finalize(Some(AUTHOR));
        assert_eq!(free_balance(&AUTHOR), 20 * UNITS);
    });
}

#[test]
fn r3_fees_go_to_the_author_at_the_end_of_the_block() {
    with_prices(PRICES, || {
        for _ in 0..3 {
            let paid = withdraw_fee(&ALICE, 100, &info(20), 5).unwrap();
            correct_and_deposit(paid, 100, &info(20), &PostInfo::default());
        }
        assert_eq!(free_balance(&AUTHOR), 10 * UNITS);
        on_finalize(Some(AUTHOR));
        assert_eq!(free_balance(&AUTHOR), 10 * UNITS + 3 * 2_145);
        assert_eq!(total_issuance(), 20 * UNITS);
    });
}

#[test]
fn r3_fees_of_an_unknown_author_are_destroyed() {
    for author in [None, Some(BOB)] {
        with_prices(PRICES, || {
            let paid = withdraw_fee(&ALICE, 100, &info(20), 5).unwrap();
            correct_and_deposit(paid, 100, &info(20), &PostInfo::default());
            assert!(check_invariants().unwrap_err().contains("R3"));
            on_finalize(author);
            assert_eq!(total_issuance(), 20 * UNITS - 2_145);
        });
    }
}

#[test]
fn r4_each_payment_is_reported() {
    with_prices(PRICES, || {
        let paid = withdraw_fee(&ALICE, 100, &info(20), 5).unwrap();
        correct_and_deposit(paid, 100, &info(20), &PostInfo::default());
        assert!(has_event(INDEX, &Event::TransactionFeePaid { who: ALICE, actual_fee: 2_145, tip: 5 }));
    });
}

#[test]
fn r5_prices_saturate() {
    let dear = FeeSchedule { base: Balance::MAX, per_byte: Balance::MAX, per_microsecond: Balance::MAX };
    with_prices(dear, || {
        assert_eq!(compute_fee(u32::MAX, &info(u64::MAX), Balance::MAX), Balance::MAX);
        assert_eq!(withdraw_fee(&ALICE, 1, &info(1), 0), Err(InvalidTransaction::Payment));
    });
}

#[test]
fn priority_grows_with_the_tip_and_shrinks_with_the_size() {
    let of = |tip, micros, length| priority(tip, 0, &info(micros), length);
    assert!(of(10, 20, 100) > of(9, 20, 100));
    assert!(of(10, 20, 100) > of(10, 2_000, 100));
    assert!(of(10, 20, 100) > of(10, 20, 1_000_000));
    assert!(of(0, 20, 100) > 0);
    assert_eq!(of(Balance::MAX, 0, 0), u64::MAX);
    let operational = DispatchInfo { class: DispatchClass::Operational, ..info(20) };
    assert!(priority(0, 1_000, &operational, 100) > of(0, 20, 100));
}

proptest! {
    /// The multiplication keeps its precision for any amount.
    #[test]
    fn r5_multipliers_round_down_and_never_wrap(amount: u64, factor in 0u128..5_000_000_000_000_000_000) {
        let product = FixedU128(factor).saturating_mul_amount(Balance::from(amount));
        prop_assert_eq!(product, Balance::from(amount) * factor / FixedU128::ONE.0);
        prop_assert_eq!(FixedU128::ONE.saturating_mul_amount(Balance::from(amount)), Balance::from(amount));
    }
}
