//! One test per rule of Multisig.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

use pallet_balances::{free_balance, reserved_balance};
use pallet_support::testing::{has_event, last_event_is, new_test};
use pallet_support::{
    DispatchError, DispatchErrorWithInfo, DispatchResultWithInfo, Dispatchable, Origin, PostInfo, host,
    with_transaction,
};
use parity_scale_codec::{Decode, Encode};
use quire_core::{AccountId, Balance, Digest, DispatchClass, DispatchInfo, H256, Pays, UNITS, Weight};
use scale_info::TypeInfo;

use crate::storage::MULTISIGS;
use crate::{
    Call, DEPOSIT_BASE, DEPOSIT_FACTOR, Error, Event, INDEX, MAX_SIGNATORIES, Timepoint, check_invariants,
    dispatch, multisig_account,
};

const A: AccountId = AccountId([1; 32]);
const B: AccountId = AccountId([2; 32]);
const C: AccountId = AccountId([3; 32]);
const STRANGER: AccountId = AccountId([9; 32]);
const ANNOUNCED: Weight = Weight::from_micros(100);
const USED: Weight = Weight::from_micros(10);

/// Stands for the runtime's call.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
enum TestCall {
    /// Leaves its origin behind.
    Sign(u8),
    /// Leaves something behind and fails.
    Fail,
    /// Leaves behind how many operations are open.
    Look,
    Operational,
}

impl Dispatchable for TestCall {
    fn dispatch_info(&self) -> DispatchInfo {
        let class = match self {
            Self::Operational => DispatchClass::Operational,
            Self::Sign(_) | Self::Fail | Self::Look => DispatchClass::Normal,
        };
        DispatchInfo { weight: ANNOUNCED, class, pays_fee: Pays::Yes }
    }

    fn dispatch(self, origin: Origin) -> DispatchResultWithInfo {
        let post_info = PostInfo::from(Some(USED));
        match self {
            Self::Sign(_) | Self::Operational => {
                let Origin::Signed(who) = origin else { return Err(DispatchError::BadOrigin.into()) };
                host::storage_append(b"signed", &who.encode());
                Ok(post_info)
            }
            Self::Fail => {
                host::storage_set(b"signed", b"by a call that fails");
                Err(DispatchErrorWithInfo { post_info, error: DispatchError::Unavailable })
            }
            Self::Look => {
                host::storage_set(b"open", &[MULTISIGS.iter().count() as u8]);
                Ok(post_info)
            }
        }
    }
}

/// Who the nested calls that ran were signed by.
fn signers() -> Vec<AccountId> {
    let signed = host::storage_get(b"signed").unwrap_or_default();
    Vec::decode(&mut signed.as_slice()).unwrap_or_default()
}

fn begin(number: u32) {
    pallet_system::initialize(number, H256([0; 32]), Digest::default());
    pallet_system::note_finished_initialize();
}

/// Runs `work` in block 5 of a chain where A, B, C and the stranger have 10 QIR each.
fn on_chain(work: impl FnOnce()) {
    new_test(|| {
        let balances = [A, B, C, STRANGER].map(|who| (who, 10 * UNITS)).to_vec();
        pallet_balances::genesis::Config { balances }.build().unwrap();
        begin(5);
        work();
    });
}

/// As the runtime runs an extrinsic: what a failing one did is undone.
fn full(who: AccountId, call: Call<TestCall>) -> DispatchResultWithInfo {
    let result = with_transaction(|| dispatch(call, Origin::Signed(who)));
    check_invariants().unwrap();
    pallet_balances::check_invariants().unwrap();
    result
}

fn run(who: AccountId, call: Call<TestCall>) -> Result<(), DispatchError> {
    full(who, call).map(|_| ()).map_err(|failed| failed.error)
}

fn refused(error: Error) -> Result<(), DispatchError> {
    Err(error.into())
}

/// The signatories A, B and C without one.
fn others(who: AccountId) -> Vec<AccountId> {
    [A, B, C].into_iter().filter(|one| *one != who).collect()
}

/// The account of two out of A, B and C.
fn multisig() -> AccountId {
    multisig_account(&[A, B, C], 2)
}

const BEGUN: Timepoint = Timepoint { height: 5, index: 0 };

fn as_multi(who: AccountId, maybe_timepoint: Option<Timepoint>, call: TestCall) -> Call<TestCall> {
    Call::as_multi {
        threshold: 2,
        other_signatories: others(who),
        maybe_timepoint,
        call: Box::new(call),
        max_weight: ANNOUNCED,
    }
}

fn approve(who: AccountId, maybe_timepoint: Option<Timepoint>, call: &TestCall) -> Call<TestCall> {
    Call::approve_as_multi {
        threshold: 2,
        other_signatories: others(who),
        maybe_timepoint,
        call_hash: hash(call),
        max_weight: Weight::ZERO,
    }
}

fn cancel(who: AccountId, timepoint: Timepoint, call: &TestCall) -> Call<TestCall> {
    Call::cancel_as_multi { threshold: 2, other_signatories: others(who), timepoint, call_hash: hash(call) }
}

fn hash(call: &TestCall) -> [u8; 32] {
    host::blake2_256(&call.encode())
}

#[test]
fn r1_accounts_are_substrates() {
    let account = |hex: &str| hex.parse::<AccountId>().unwrap();
    // //Alice, //Bob and //Charlie of development chains, sorted.
    let alice = account("0xd43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d");
    let bob = account("0x8eaf04151687736326c9fea17e25fc5287613693c912909cb226aa4794f26a48");
    let charlie = account("0x90b5ab205c6974c9ea841be688864633dc9ca8a357843eeacf2314649965fe22");
    let two_of_three = multisig_account(&[bob, charlie, alice], 2);
    assert_eq!(two_of_three.to_ss58(42), "5DjYJStmdZ2rcqXbXGX7TW85JsrW6uG4y9MUcLq2BoPMpRA7");
    let one_of_two = account("0x4c5901223c7c52585646634e70dd46ad3faf1270f84a4673b5b4a4e126474073");
    assert_eq!(multisig_account(&[bob, alice], 1), one_of_two);
}

#[test]
fn r2_signatories_are_checked() {
    on_chain(|| {
        let lists = |signatories: &[AccountId]| {
            let other_signatories = signatories.to_vec();
            let call = Box::new(TestCall::Sign(0));
            let single = Call::as_multi_threshold_1 { other_signatories, call };
            let other_signatories = signatories.to_vec();
            let (threshold, call_hash) = (2, [0; 32]);
            let cancel = Call::cancel_as_multi {
                threshold,
                other_signatories: other_signatories.clone(),
                timepoint: BEGUN,
                call_hash,
            };
            let poke =
                Call::poke_deposit { threshold, other_signatories: other_signatories.clone(), call_hash };
            let approve = Call::approve_as_multi {
                threshold,
                other_signatories,
                maybe_timepoint: None,
                call_hash,
                max_weight: Weight::ZERO,
            };
            [single, cancel, poke, approve].map(|call| run(B, call))
        };
        assert_eq!(lists(&[]), [refused(Error::TooFewSignatories); 4]);
        assert_eq!(lists(&[C, A]), [refused(Error::SignatoriesOutOfOrder); 4]);
        assert_eq!(lists(&[A, A]), [refused(Error::SignatoriesOutOfOrder); 4]);
        assert_eq!(lists(&[A, B, C]), [refused(Error::SenderInSignatories); 4]);
        let many: Vec<_> = (0..MAX_SIGNATORIES as u8).map(|n| AccountId([100 + n; 32])).collect();
        assert_eq!(lists(&many), [refused(Error::TooManySignatories); 4]);
        assert_eq!(lists(&many[1..])[0], Ok(()));
    });
}

#[test]
fn r2_the_threshold_is_at_least_two() {
    on_chain(|| {
        for threshold in [0, 1] {
            let call = Call::approve_as_multi {
                threshold,
                other_signatories: others(A),
                maybe_timepoint: None,
                call_hash: [0; 32],
                max_weight: Weight::ZERO,
            };
            assert_eq!(run(A, call), refused(Error::MinimumThreshold));
        }
    });
}

#[test]
fn r2_one_signatory_of_threshold_one_acts_alone() {
    on_chain(|| {
        let single = |call| Call::as_multi_threshold_1 { other_signatories: others(B), call: Box::new(call) };
        let post_info = full(B, single(TestCall::Sign(0))).unwrap();
        assert_eq!(signers(), [multisig_account(&[A, B, C], 1)]);
        let announced = single(TestCall::Sign(0)).dispatch_info().weight;
        assert_eq!(post_info.actual_weight, Some(announced.saturating_sub(ANNOUNCED) + USED));
        let failed = full(B, single(TestCall::Fail)).unwrap_err();
        assert_eq!(failed.error, DispatchError::Unavailable);
        assert_eq!(failed.post_info.actual_weight, post_info.actual_weight);
        assert_eq!(signers().len(), 1);
    });
}

#[test]
fn r3_timepoints_tell_operations_apart() {
    on_chain(|| {
        let call = TestCall::Sign(0);
        assert_eq!(run(A, as_multi(A, Some(BEGUN), call.clone())), refused(Error::UnexpectedTimepoint));
        run(A, as_multi(A, None, call.clone())).unwrap();
        let (approving, call_hash) = (A, hash(&call));
        assert!(last_event_is(INDEX, &Event::NewMultisig { approving, multisig: multisig(), call_hash }));
        assert_eq!(run(B, as_multi(B, None, call.clone())), refused(Error::NoTimepoint));
        for wrong in [Timepoint { height: 5, index: 1 }, Timepoint { height: 4, index: 0 }] {
            assert_eq!(run(B, as_multi(B, Some(wrong), call.clone())), refused(Error::WrongTimepoint));
        }
        begin(9);
        run(B, as_multi(B, Some(BEGUN), call)).unwrap();
        assert_eq!(signers(), [multisig()]);
    });
}

#[test]
fn r4_the_first_approver_pays_a_deposit_and_gets_it_back() {
    on_chain(|| {
        let call = TestCall::Sign(0);
        run(A, as_multi(A, None, call.clone())).unwrap();
        assert_eq!(reserved_balance(&A), DEPOSIT_BASE + 2 * DEPOSIT_FACTOR);
        run(B, as_multi(B, Some(BEGUN), call.clone())).unwrap();
        assert_eq!((free_balance(&A), reserved_balance(&A), reserved_balance(&B)), (10 * UNITS, 0, 0));
        run(A, approve(A, None, &call)).unwrap();
        run(A, cancel(A, BEGUN, &call)).unwrap();
        assert_eq!((free_balance(&A), reserved_balance(&A)), (10 * UNITS, 0));
    });
}

#[test]
fn r4_without_the_deposit_no_operation_begins() {
    on_chain(|| {
        pallet_balances::transfer(&A, &B, 10 * UNITS - DEPOSIT_BASE, true).unwrap();
        let refused = run(A, as_multi(A, None, TestCall::Sign(0)));
        assert_eq!(refused, Err(pallet_balances::Error::InsufficientBalance.into()));
        assert_eq!(MULTISIGS.iter().count(), 0);
    });
}

#[test]
fn r5_a_signatory_approves_once_and_a_hash_runs_nothing() {
    on_chain(|| {
        let call = TestCall::Sign(0);
        run(A, approve(A, None, &call)).unwrap();
        assert_eq!(run(A, approve(A, Some(BEGUN), &call)), refused(Error::AlreadyApproved));
        assert_eq!(run(A, as_multi(A, Some(BEGUN), call.clone())), refused(Error::AlreadyApproved));
        run(C, approve(C, Some(BEGUN), &call)).unwrap();
        let approval = Event::MultisigApproval {
            approving: C,
            timepoint: BEGUN,
            multisig: multisig(),
            call_hash: hash(&call),
        };
        assert!(last_event_is(INDEX, &approval));
        assert_eq!(signers(), [], "a hash cannot be run");
        assert_eq!(MULTISIGS.get(&multisig(), &hash(&call)).unwrap().approvals, [A, C]);
        assert_eq!(run(B, approve(B, Some(BEGUN), &call)), refused(Error::AlreadyApproved));
        // Who has approved brings the call along.
        run(A, as_multi(A, Some(BEGUN), call)).unwrap();
        assert_eq!(signers(), [multisig()]);
    });
}

#[test]
fn r5_strangers_have_another_account() {
    on_chain(|| {
        let call = TestCall::Sign(0);
        run(A, approve(A, None, &call)).unwrap();
        let foreign = Call::as_multi {
            threshold: 2,
            other_signatories: vec![A, B, C],
            maybe_timepoint: Some(BEGUN),
            call: Box::new(call),
            max_weight: ANNOUNCED,
        };
        assert_eq!(run(STRANGER, foreign), refused(Error::UnexpectedTimepoint));
    });
}

#[test]
fn r6_a_failing_call_is_undone_and_reported_and_the_operation_is_gone() {
    on_chain(|| {
        run(A, as_multi(A, None, TestCall::Fail)).unwrap();
        run(B, as_multi(B, Some(BEGUN), TestCall::Fail)).unwrap();
        let executed = Event::MultisigExecuted {
            approving: B,
            timepoint: BEGUN,
            multisig: multisig(),
            call_hash: hash(&TestCall::Fail),
            result: Err(DispatchError::Unavailable),
        };
        assert!(last_event_is(INDEX, &executed));
        assert_eq!((signers(), MULTISIGS.iter().count(), reserved_balance(&A)), (vec![], 0, 0));
        assert_eq!(run(C, as_multi(C, Some(BEGUN), TestCall::Fail)), refused(Error::UnexpectedTimepoint));
    });
}

#[test]
fn r6_the_call_may_not_weigh_more_than_allowed() {
    on_chain(|| {
        let call = TestCall::Sign(0);
        run(A, approve(A, None, &call)).unwrap();
        let mut light = as_multi(B, Some(BEGUN), call.clone());
        if let Call::as_multi { max_weight, .. } = &mut light {
            *max_weight = Weight::from_parts(ANNOUNCED.ref_time - 1, u64::MAX);
        }
        let base = light.base_weight();
        let failed = full(B, light).unwrap_err();
        assert_eq!(failed.error, Error::MaxWeightTooLow.into());
        assert_eq!(failed.post_info.actual_weight, Some(base), "what did not run is not paid for");
        assert!(MULTISIGS.contains(&multisig(), &hash(&call)));
        assert_eq!(signers(), []);
    });
}

#[test]
fn r6_the_operation_is_gone_before_its_call_runs() {
    on_chain(|| {
        run(A, as_multi(A, None, TestCall::Look)).unwrap();
        run(B, as_multi(B, Some(BEGUN), TestCall::Look)).unwrap();
        assert_eq!(host::storage_get(b"open"), Some(vec![0]));
    });
}

#[test]
fn r7_who_began_an_operation_cancels_it() {
    on_chain(|| {
        let call = TestCall::Sign(0);
        assert_eq!(run(A, cancel(A, BEGUN, &call)), refused(Error::NotFound));
        run(A, approve(A, None, &call)).unwrap();
        assert_eq!(run(B, cancel(B, BEGUN, &call)), refused(Error::NotOwner));
        let wrong = Timepoint { height: 5, index: 3 };
        assert_eq!(run(A, cancel(A, wrong, &call)), refused(Error::WrongTimepoint));
        run(A, cancel(A, BEGUN, &call)).unwrap();
        let cancelled = Event::MultisigCancelled {
            cancelling: A,
            timepoint: BEGUN,
            multisig: multisig(),
            call_hash: hash(&call),
        };
        assert!(last_event_is(INDEX, &cancelled));
        assert_eq!(run(A, cancel(A, BEGUN, &call)), refused(Error::NotFound));
    });
}

#[test]
fn r8_deposits_follow_the_prices() {
    on_chain(|| {
        let (call, price) = (TestCall::Sign(0), DEPOSIT_BASE + 2 * DEPOSIT_FACTOR);
        let call_hash = hash(&call);
        let poke = |who| Call::poke_deposit { threshold: 2, other_signatories: others(who), call_hash };
        assert_eq!(run(A, poke(A)), refused(Error::NotFound));
        run(A, approve(A, None, &call)).unwrap();
        assert_eq!(full(A, poke(A)).unwrap().pays_fee, Pays::Yes, "nothing changed");
        assert_eq!(run(B, poke(B)), refused(Error::NotOwner));
        for old in [price - UNITS / 100, price + UNITS / 100] {
            // As if the prices had been others when the operation began.
            pallet_balances::unreserve(&A, Balance::MAX).unwrap();
            pallet_balances::reserve(&A, old).unwrap();
            MULTISIGS.mutate(&multisig(), &call_hash, |open| open.as_mut().unwrap().deposit = old);
            assert_eq!(full(A, poke(A)).unwrap().pays_fee, Pays::No);
            assert_eq!(reserved_balance(&A), price);
            let poked = Event::DepositPoked { who: A, call_hash, old_deposit: old, new_deposit: price };
            assert!(has_event(INDEX, &poked));
        }
    });
}

#[test]
fn r9_weights_are_what_may_run_and_then_what_ran() {
    on_chain(|| {
        let call = TestCall::Sign(0);
        let first = as_multi(A, None, call.clone());
        let base = first.base_weight();
        assert_eq!(first.dispatch_info().weight, base + ANNOUNCED);
        assert_eq!(full(A, first).unwrap().actual_weight, Some(base), "nothing ran yet");
        let last = as_multi(B, Some(BEGUN), call.clone());
        assert_eq!(full(B, last).unwrap().actual_weight, Some(base + USED));
        let single = |call| Call::as_multi_threshold_1 { other_signatories: others(B), call: Box::new(call) };
        assert_eq!(single(TestCall::Operational).dispatch_info().class, DispatchClass::Operational);
        assert_eq!(as_multi(A, None, TestCall::Operational).dispatch_info().class, DispatchClass::Normal);
        let many: Vec<_> = (0..99).map(|n| AccountId([100 + n; 32])).collect();
        let wide = Call::as_multi_threshold_1 { other_signatories: many, call: Box::new(call.clone()) };
        assert!(wide.base_weight().ref_time > single(call).base_weight().ref_time);
    });
}

#[test]
fn only_signers_have_a_multisig() {
    on_chain(|| {
        for origin in [Origin::Root, Origin::None] {
            let failed = dispatch(as_multi(A, None, TestCall::Sign(0)), origin).unwrap_err();
            assert_eq!(failed.error, DispatchError::BadOrigin);
        }
    });
}

#[test]
fn what_clients_look_for_is_there() {
    assert_eq!(Call::<TestCall>::type_info().path.segments, ["pallet_multisig", "pallet", "Call"]);
    assert_eq!(Timepoint::type_info().path.segments, ["pallet_multisig", "Timepoint"]);
    assert_eq!(crate::Multisig::type_info().path.segments, ["pallet_multisig", "Multisig"]);
    let call = as_multi(A, Some(BEGUN), TestCall::Fail);
    let expected = [
        vec![1, 2, 0, 8],
        B.0.to_vec(),
        C.0.to_vec(),
        vec![1, 5, 0, 0, 0, 0, 0, 0, 0, 1],
        ANNOUNCED.encode(),
    ];
    assert_eq!(call.encode(), expected.concat());
    let prefix = MULTISIGS.prefix_for(&A);
    assert_eq!(prefix.len(), 32 + 8 + 32, "twox128 twice, twox64 concat");
}
