//! One test per rule of the module doc.

use pallet_support::testing::{TestExternalities, has_event, last_event_is};
use pallet_timestamp::storage::CHANNEL_CLOCK;
use quire_core::limits::MAX_UNBONDING_CHUNKS;
use quire_core::{AccountId, Balance, DispatchError, UNITS};

use super::*;
use crate::storage::{LEDGERS, PARAMETERS, TOTAL_BONDED, pot};

const START: Balance = 1_000 * UNITS;
const MINIMUM: Balance = 100 * UNITS;
const DUTY: Balance = 10 * UNITS;
const DELAY_TICKS: u32 = 50;

fn account(n: u8) -> AccountId {
    AccountId([n; 32])
}

fn keys_of(n: u8) -> ValidatorKeys {
    ValidatorKeys { signing: [n; 32], sealing: [n.wrapping_add(100); 32] }
}

/// Runs `work` on a chain with five rich accounts; invariants and issuance hold before and after.
fn test(work: impl FnOnce()) {
    TestExternalities::new().execute(|| {
        let balances = (1..=5).map(|n| (account(n), START)).collect();
        pallet_balances::genesis::Config { balances }.build().unwrap();
        let parameters = Parameters { minimum_bond: MINIMUM, duty_bond: DUTY, unbonding_ticks: DELAY_TICKS };
        genesis::Config { parameters, validators: vec![] }.build().unwrap();
        at_tick(1);
        work();
        check();
    });
}

fn check() {
    check_invariants().unwrap();
    pallet_balances::check_invariants().unwrap();
}

fn at_tick(tick: u32) {
    CHANNEL_CLOCK.put(&tick);
}

fn run(who: u8, call: Call) -> Result<(), DispatchError> {
    let result = pallet_support::with_transaction(|| dispatch(call, Origin::Signed(account(who))));
    check();
    result.map(|_| ()).map_err(|failed| failed.error)
}

fn bond(who: u8, amount: Balance) -> Result<(), DispatchError> {
    run(who, Call::bond { amount })
}

fn unbond(who: u8, amount: Balance) -> Result<(), DispatchError> {
    run(who, Call::unbond { amount })
}

fn validate(who: u8) -> Result<(), DispatchError> {
    run(who, Call::validate { keys: keys_of(who) })
}

fn refused(error: Error) -> Result<(), DispatchError> {
    Err(error.into())
}

fn ledger(who: u8) -> Ledger {
    LEDGERS.get_or_default(&account(who))
}

fn free(who: u8) -> Balance {
    pallet_balances::free_balance(&account(who))
}

#[test]
fn r1_the_pot_holds_all_bonded_money() {
    test(|| {
        bond(1, 200 * UNITS).unwrap();
        bond(2, 300 * UNITS).unwrap();
        unbond(2, 50 * UNITS).unwrap();
        assert_eq!(pallet_balances::free_balance(&pot()), 500 * UNITS);
        assert_eq!(TOTAL_BONDED.get_or_default(), 500 * UNITS);
        assert_eq!(free(1), START - 200 * UNITS);
        // The invariant can fail.
        TOTAL_BONDED.put(&1);
        assert!(check_invariants().unwrap_err().contains("R1"));
        TOTAL_BONDED.put(&(500 * UNITS));
    });
}

#[test]
fn r2_a_bond_reaches_the_minimum_and_can_grow() {
    test(|| {
        assert_eq!(bond(1, MINIMUM - 1), refused(Error::BelowMinimumBond));
        assert_eq!(bond(1, 0), refused(Error::ZeroAmount));
        assert!(bond(1, START).is_err(), "the account must stay alive");
        bond(1, MINIMUM).unwrap();
        bond(1, 1).unwrap();
        assert_eq!(ledger(1).active, MINIMUM + 1);
        assert!(last_event_is(INDEX, &Event::Bonded { who: account(1), amount: 1 }));
    });
}

#[test]
fn r3_unbonding_leaves_nothing_or_the_minimum() {
    test(|| {
        assert_eq!(unbond(1, 1), refused(Error::NotBonded));
        bond(1, MINIMUM + 5).unwrap();
        assert_eq!(unbond(1, 6), refused(Error::BelowMinimumBond));
        assert_eq!(unbond(1, MINIMUM + 6), refused(Error::InsufficientActive));
        unbond(1, 5).unwrap();
        unbond(1, MINIMUM).unwrap();
        assert_eq!(ledger(1).active, 0);
    });
}

#[test]
fn r3_a_validator_chills_first() {
    test(|| {
        bond(1, MINIMUM).unwrap();
        validate(1).unwrap();
        assert_eq!(unbond(1, MINIMUM), refused(Error::ChillFirst));
        run(1, Call::chill {}).unwrap();
        unbond(1, MINIMUM).unwrap();
    });
}

#[test]
fn r3_locked_money_does_not_unbond() {
    test(|| {
        bond(1, MINIMUM + 20 * UNITS).unwrap();
        validate(1).unwrap();
        for _ in 0..11 {
            assert_eq!(lock(&account(1)).unwrap(), DUTY);
        }
        run(1, Call::chill {}).unwrap();
        assert_eq!(unbond(1, 11 * UNITS), refused(Error::InsufficientActive));
        unbond(1, 10 * UNITS).unwrap();
        assert_eq!(ledger(1).active, ledger(1).locked);
    });
}

#[test]
fn r4_money_is_free_after_the_delay_and_not_before() {
    test(|| {
        bond(1, MINIMUM).unwrap();
        at_tick(7);
        unbond(1, MINIMUM).unwrap();
        assert!(last_event_is(INDEX, &Event::Unbonded { who: account(1), amount: MINIMUM, free_at: 57 }));
        at_tick(56);
        assert_eq!(run(1, Call::withdraw {}), refused(Error::NothingDue));
        at_tick(57);
        run(1, Call::withdraw {}).unwrap();
        assert_eq!(free(1), START);
        assert!(!LEDGERS.contains(&account(1)), "an empty ledger is gone");
        assert_eq!(run(1, Call::withdraw {}), refused(Error::NotBonded));
    });
}

#[test]
fn r5_validators_have_a_bond_and_keys_of_their_own() {
    test(|| {
        assert_eq!(validate(1), refused(Error::NotBonded));
        bond(1, MINIMUM).unwrap();
        bond(2, MINIMUM).unwrap();
        let zero = ValidatorKeys { signing: [0; 32], sealing: [1; 32] };
        assert_eq!(run(1, Call::validate { keys: zero }), refused(Error::ZeroKey));
        validate(1).unwrap();
        assert_eq!(run(2, Call::validate { keys: keys_of(1) }), refused(Error::KeyInUse));
        // New keys set the old one free.
        run(1, Call::validate { keys: keys_of(9) }).unwrap();
        run(2, Call::validate { keys: keys_of(1) }).unwrap();
        assert_eq!(keys(&account(1)), Some(keys_of(9)));
        assert!(is_validator(&account(2)));
    });
}

#[test]
fn r6_chilling_leaves_duties_and_frees_the_key() {
    test(|| {
        bond(1, MINIMUM).unwrap();
        assert_eq!(run(1, Call::chill {}), refused(Error::NotValidator));
        validate(1).unwrap();
        lock(&account(1)).unwrap();
        run(1, Call::chill {}).unwrap();
        assert!(has_event(INDEX, &Event::Chilled { who: account(1) }));
        assert_eq!(ledger(1).locked, DUTY);
        assert_eq!(lock(&account(1)), Err(Error::NotValidator.into()));
        bond(2, MINIMUM).unwrap();
        run(2, Call::validate { keys: keys_of(1) }).unwrap();
    });
}

#[test]
fn r7_duties_end_where_the_bond_does() {
    test(|| {
        bond(1, MINIMUM).unwrap();
        validate(1).unwrap();
        for _ in 0..10 {
            lock(&account(1)).unwrap();
        }
        assert_eq!(lock(&account(1)), Err(Error::InsufficientActive.into()));
        unlock(&account(1), DUTY);
        lock(&account(1)).unwrap();
        // Unlocking more than is locked is no gift.
        unlock(&account(1), 1_000 * UNITS);
        assert_eq!(ledger(1).locked, 0);
    });
}

#[test]
fn r8_a_slash_takes_active_then_unbonding_last_freed_first() {
    test(|| {
        bond(1, 200 * UNITS).unwrap();
        validate(1).unwrap();
        unbond(1, 40 * UNITS).unwrap();
        at_tick(2);
        unbond(1, 60 * UNITS).unwrap();
        let slashed = slash(&account(1), 150 * UNITS, &Beneficiary::Burn).unwrap();
        assert_eq!(slashed, Slashed { taken: 150 * UNITS, paid: 0 });
        let left = ledger(1);
        assert_eq!(left.active, 0);
        assert_eq!(
            left.unbonding.iter().map(|chunk| chunk.amount).collect::<vec::Vec<_>>(),
            [40 * UNITS, 10 * UNITS]
        );
        assert!(!is_validator(&account(1)), "below the minimum bond nobody is a validator");
        // No more than is there.
        let slashed = slash(&account(1), 150 * UNITS, &Beneficiary::Burn).unwrap();
        assert_eq!(slashed.taken, 50 * UNITS);
        assert_eq!(slash(&account(1), UNITS, &Beneficiary::Burn).unwrap(), Slashed::default());
        assert_eq!(slash(&account(4), UNITS, &Beneficiary::Burn).unwrap(), Slashed::default());
    });
}

#[test]
fn r8_a_slash_never_leaves_more_locked_than_active() {
    test(|| {
        bond(1, MINIMUM).unwrap();
        validate(1).unwrap();
        for _ in 0..10 {
            lock(&account(1)).unwrap();
        }
        slash(&account(1), 30 * UNITS, &Beneficiary::Burn).unwrap();
        assert_eq!((ledger(1).active, ledger(1).locked), (70 * UNITS, 70 * UNITS));
    });
}

#[test]
fn r9_a_share_of_the_slash_goes_to_the_beneficiary_the_rest_is_burned() {
    test(|| {
        bond(1, 200 * UNITS).unwrap();
        let issued = pallet_balances::total_issuance();
        let half = Beneficiary::Share { account: account(2), percent: 50 };
        let slashed = slash(&account(1), 10 * UNITS + 1, &half).unwrap();
        assert_eq!(slashed, Slashed { taken: 10 * UNITS + 1, paid: 5 * UNITS });
        assert_eq!(free(2), START + 5 * UNITS);
        assert_eq!(pallet_balances::total_issuance(), issued - 5 * UNITS - 1);
        let burned = 5 * UNITS + 1;
        assert!(last_event_is(INDEX, &Event::Slashed { who: account(1), amount: 10 * UNITS + 1, burned }));
    });
}

#[test]
fn r10_unbonding_entries_are_bounded_and_merged() {
    test(|| {
        bond(1, 500 * UNITS).unwrap();
        for tick in 1..=MAX_UNBONDING_CHUNKS {
            at_tick(tick);
            unbond(1, 1).unwrap();
        }
        // The same tick merges, another one does not fit.
        unbond(1, 1).unwrap();
        at_tick(MAX_UNBONDING_CHUNKS + 1);
        assert_eq!(unbond(1, 1), refused(Error::TooManyUnbonding));
        assert_eq!(ledger(1).unbonding.len(), MAX_UNBONDING_CHUNKS as usize);
        assert_eq!(ledger(1).unbonding.last().unwrap().amount, 2);
    });
}

#[test]
fn a_reward_needs_no_account_that_can_receive_it() {
    test(|| {
        // A single planck is below the existential deposit of a new account; a bond takes it, and gives it back.
        reward(&account(1), &account(9), 1).unwrap();
        check();
        assert_eq!(ledger(9).active, 1);
        assert!(last_event_is(INDEX, &Event::Rewarded { who: account(9), amount: 1 }));
        unbond(9, 1).unwrap();
    });
}

#[test]
fn only_signed_calls_are_heard() {
    test(|| {
        for origin in [Origin::Root, Origin::None] {
            let failed = dispatch(Call::chill {}, origin).unwrap_err();
            assert_eq!(failed.error, DispatchError::BadOrigin);
        }
    });
}

#[test]
fn genesis_makes_validators_or_says_why_not() {
    TestExternalities::new().execute(|| {
        pallet_balances::genesis::Config { balances: vec![(account(1), START)] }.build().unwrap();
        let config = genesis::Config {
            parameters: Parameters::default(),
            validators: vec![(account(1), 200 * UNITS, keys_of(1))],
        };
        config.build().unwrap();
        check();
        assert!(is_validator(&account(1)));
        assert_eq!(PARAMETERS.get(), Some(Parameters::default()));
        let config = genesis::Config { validators: vec![(account(2), 200 * UNITS, keys_of(2))], ..config };
        assert!(config.build().unwrap_err().contains("cannot bond"));
    });
}

#[test]
fn metadata_lists_every_item() {
    let parts = metadata();
    let names: vec::Vec<_> = parts.storage.iter().map(|entry| entry.name).collect();
    let expected =
        ["Ledgers", "Validators", "CounterForValidators", "SigningKeys", "TotalBonded", "Parameters"];
    assert_eq!(names, expected);
}
