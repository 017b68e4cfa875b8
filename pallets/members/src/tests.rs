//! One test per rule of Members.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

use pallet_support::testing::{has_event, last_event_is, new_test};
use pallet_support::{DispatchError, DispatchResultWithInfo, Origin, PostInfo, host};
use parity_scale_codec::{Decode, Encode};
use quire_core::{AccountId, H256, Weight, limits};
use scale_info::TypeInfo;

use crate::genesis::Config;
use crate::{
    Call, Class, Error, Event, INDEX, MOTION_CALL_BYTES_MAX, MOTION_TICKS_MAX, Runner, Share, Thresholds,
    approvals_needed, check_invariants, dispatch, on_initialize, storage,
};

mod certificates;

const A: AccountId = AccountId([1; 32]);
const B: AccountId = AccountId([2; 32]);
const C: AccountId = AccountId([3; 32]);
const STRANGER: AccountId = AccountId([9; 32]);

/// Stands for the runtime's call.
#[allow(clippy::large_enum_variant, reason = "a test makes a handful of them")]
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
enum TestCall {
    Write(Vec<u8>),
    Fail,
    Nested(Call<TestCall>),
    Batch(Vec<TestCall>),
}

impl TestCall {
    fn weight(&self) -> Weight {
        Weight::from_micros(1_000)
    }

    fn run(self, origin: Origin) -> DispatchResultWithInfo {
        match self {
            Self::Write(value) => {
                assert_eq!(origin, Origin::Root);
                host::storage_set(b"written", &value);
                Ok(PostInfo::from(Some(Weight::from_micros(10))))
            }
            Self::Fail => {
                host::storage_set(b"written", b"by a call that fails");
                Err(DispatchError::Unavailable.into())
            }
            Self::Nested(call) => dispatch(call, origin, &RUNNER),
            Self::Batch(calls) => {
                for call in calls {
                    call.run(origin.clone())?;
                }
                Ok(PostInfo::default())
            }
        }
    }

    fn classes(&self) -> Vec<Class> {
        match self {
            Self::Nested(Call::admit { .. }) => vec![Class::Admit],
            Self::Nested(Call::revoke { .. } | Call::revoke_peer { .. }) => vec![Class::Revoke],
            Self::Nested(Call::set_thresholds { .. }) => Class::ALL.to_vec(),
            Self::Batch(calls) => calls.iter().flat_map(Self::classes).collect(),
            _ => vec![Class::Parameters],
        }
    }
}

const RUNNER: Runner<TestCall> =
    Runner { weigh: TestCall::weight, run: TestCall::run, classes: TestCall::classes };

fn with_members(members: &[AccountId], work: impl FnOnce()) {
    new_test(|| {
        Config::simple(members).build().unwrap();
        work();
        check_invariants().unwrap();
    });
}

fn call(who: AccountId, call: Call<TestCall>) -> Result<PostInfo, DispatchError> {
    dispatch(call, Origin::Signed(who), &RUNNER).map_err(|failed| failed.error)
}

fn propose(who: AccountId, inner: TestCall) -> Result<PostInfo, DispatchError> {
    call(who, Call::propose { call: Box::new(inner) })
}

fn vote(who: AccountId, motion: u32, approve: bool) -> Result<(), DispatchError> {
    call(who, Call::vote { motion, approve }).map(|_| ())
}

fn execute(who: AccountId, motion: u32) -> Result<(), DispatchError> {
    call(who, Call::execute { motion }).map(|_| ())
}

fn written() -> Option<Vec<u8>> {
    host::storage_get(b"written")
}

fn write() -> TestCall {
    TestCall::Write(b"x".to_vec())
}

#[test]
fn r1_genesis_wants_distinct_members_and_a_share_below_one() {
    new_test(|| {
        let build = |members: Vec<AccountId>, numerator, denominator| {
            let thresholds = Thresholds::all(Share { numerator, denominator });
            Config { thresholds, ..Config::simple(&members) }.build()
        };
        assert!(build(vec![], 1, 2).unwrap_err().contains("R1"));
        assert!(build(vec![A, B, A], 1, 2).unwrap_err().contains("twice"));
        assert!(build(vec![A], 1, 1).unwrap_err().contains("share"));
        assert!(build(vec![A], 0, 0).is_err());
        let many = (0..=limits::MAX_MEMBERS).map(|n| AccountId([(n % 251) as u8; 32])).collect();
        assert!(build(many, 1, 2).is_err());
        build(vec![B, A], 2, 3).unwrap();
        assert_eq!(crate::members(), [A, B]);
        check_invariants().unwrap();
    });
}

#[test]
fn r1_shares_are_exceeded_not_met() {
    let needed = |numerator, denominator, all| Share { numerator, denominator }.more_than(all);
    assert_eq!([1, 2, 3, 4, 5].map(|all| needed(1, 2, all)), [1, 2, 2, 3, 3]);
    assert_eq!([1, 2, 3, 4, 6].map(|all| needed(2, 3, all)), [1, 2, 3, 3, 5]);
    assert_eq!(needed(0, 1, 4), 1);
    assert_eq!(needed(u32::MAX - 1, u32::MAX, 256), 256);
}

#[test]
fn r2_strangers_have_no_say() {
    with_members(&[A, B, C], || {
        propose(A, write()).unwrap();
        let refused = DispatchError::from(Error::NotMember);
        assert_eq!(propose(STRANGER, write()).unwrap_err(), refused);
        assert_eq!((vote(STRANGER, 0, true), execute(STRANGER, 0)), (Err(refused), Err(refused)));
        for origin in [Origin::Root, Origin::None] {
            let result = dispatch(Call::vote { motion: 0, approve: true }, origin, &RUNNER);
            assert_eq!(result.unwrap_err().error, DispatchError::BadOrigin);
        }
    });
}

#[test]
fn r3_a_single_members_motion_is_executed_at_once() {
    with_members(&[A], || {
        let post = propose(A, write()).unwrap();
        assert_eq!(written(), Some(b"x".to_vec()));
        assert!(last_event_is(INDEX, &Event::Executed { motion: 0, result: Ok(()) }));
        assert!(post.actual_weight.unwrap().ref_time < Weight::from_micros(1_000).ref_time);
        assert_eq!(storage::MOTIONS.count(), 0);
        propose(A, write()).unwrap();
        assert!(last_event_is(INDEX, &Event::Executed { motion: 1, result: Ok(()) }));
    });
}

#[test]
fn r3_who_proposes_approves() {
    with_members(&[A, B, C], || {
        propose(A, write()).unwrap();
        let call_hash = H256(host::blake2_256(&write().encode()));
        let expires_at = MOTION_TICKS_MAX;
        assert!(has_event(
            INDEX,
            &Event::Proposed {
                motion: 0,
                proposer: A,
                call_hash,
                needed: 2,
                expires_at,
                classes: vec![Class::Parameters],
            }
        ));
        assert_eq!(storage::MOTIONS.get(&0).unwrap().ayes, [A]);
        assert_eq!(vote(A, 0, true), Err(Error::AlreadyVoted.into()));
        assert_eq!(written(), None);
    });
}

#[test]
fn r4_a_vote_can_be_turned_and_counts_once() {
    with_members(&[A, B, C], || {
        propose(A, write()).unwrap();
        vote(B, 0, true).unwrap();
        assert!(last_event_is(INDEX, &Event::Passed { motion: 0 }));
        vote(B, 0, false).unwrap();
        assert!(last_event_is(
            INDEX,
            &Event::Voted { motion: 0, member: B, approve: false, ayes: 1, nays: 1 }
        ));
        assert_eq!(vote(B, 0, false), Err(Error::AlreadyVoted.into()));
        assert_eq!(execute(A, 0), Err(Error::NotPassed.into()));
    });
}

#[test]
fn r5_only_passed_motions_run_and_once() {
    with_members(&[A, B, C], || {
        propose(A, write()).unwrap();
        assert_eq!(execute(B, 0), Err(Error::NotPassed.into()));
        vote(C, 0, true).unwrap();
        assert_eq!(written(), None);
        execute(B, 0).unwrap();
        assert_eq!(written(), Some(b"x".to_vec()));
        assert_eq!(execute(B, 0), Err(Error::UnknownMotion.into()));
        assert_eq!(vote(B, 0, true), Err(Error::UnknownMotion.into()));
    });
}

#[test]
fn r5_a_failing_call_is_undone_and_reported() {
    with_members(&[A], || {
        propose(A, TestCall::Fail).unwrap();
        assert_eq!(written(), None);
        assert!(last_event_is(
            INDEX,
            &Event::Executed { motion: 0, result: Err(DispatchError::Unavailable) }
        ));
        // A motion inside a motion has no member behind it.
        propose(A, TestCall::Nested(Call::propose { call: Box::new(write()) })).unwrap();
        assert!(last_event_is(INDEX, &Event::Executed { motion: 1, result: Err(DispatchError::BadOrigin) }));
        assert_eq!(written(), None);
    });
}

#[test]
fn r5_a_call_that_no_longer_decodes_stays_unexecuted() {
    with_members(&[A, B, C], || {
        propose(A, write()).unwrap();
        vote(B, 0, true).unwrap();
        storage::MOTION_CALLS.insert(&0, &vec![0xff; write().encode().len()]);
        assert_eq!(execute(A, 0), Err(Error::UndecodableCall.into()));
    });
}

#[test]
fn r6_a_motion_that_cannot_pass_is_gone() {
    with_members(&[A, B, C], || {
        propose(A, write()).unwrap();
        vote(B, 0, false).unwrap();
        vote(C, 0, false).unwrap();
        assert!(last_event_is(INDEX, &Event::Rejected { motion: 0 }));
        assert_eq!(execute(A, 0), Err(Error::UnknownMotion.into()));
        assert!(!storage::MOTION_CALLS.contains(&0));
    });
}

#[test]
fn r7_motions_expire_by_the_channel_clock() {
    with_members(&[A, B, C], || {
        propose(A, write()).unwrap();
        let clock = pallet_timestamp::storage::CHANNEL_CLOCK;
        clock.put(&5);
        propose(B, write()).unwrap();
        clock.put(&(MOTION_TICKS_MAX - 1));
        on_initialize();
        assert_eq!(storage::MOTIONS.count(), 2);
        clock.put(&MOTION_TICKS_MAX);
        on_initialize();
        assert!(last_event_is(INDEX, &Event::Expired { motion: 0 }));
        assert_eq!((storage::MOTIONS.count(), storage::NEXT_EXPIRY.get()), (1, Some(MOTION_TICKS_MAX + 5)));
        check_invariants().unwrap();
        clock.put(&(MOTION_TICKS_MAX + 5));
        on_initialize();
        assert_eq!((storage::MOTIONS.count(), storage::NEXT_EXPIRY.get()), (0, None));
    });
}

fn member(number: u8) -> AccountId {
    AccountId([number; 32])
}

#[test]
fn r8_open_motions_and_their_calls_have_limits() {
    let all: Vec<_> = (1..=64).map(member).collect();
    with_members(&all, || {
        let long = TestCall::Write(vec![0; MOTION_CALL_BYTES_MAX as usize]);
        assert_eq!(propose(A, long).unwrap_err(), Error::CallTooLong.into());
        for number in 0..limits::MAX_OPEN_MOTIONS {
            propose(member((number / limits::MAX_OPEN_MOTIONS_OF_MEMBER) as u8 + 1), write()).unwrap();
        }
        assert_eq!(propose(member(64), write()).unwrap_err(), Error::TooManyMotions.into());
        call(A, Call::withdraw { motion: 7 }).unwrap();
        propose(member(64), write()).unwrap();
    });
}

#[test]
fn r8_one_member_cannot_take_all_places() {
    with_members(&[A, B, C], || {
        for _ in 0..limits::MAX_OPEN_MOTIONS_OF_MEMBER {
            propose(A, write()).unwrap();
        }
        assert_eq!(propose(A, write()).unwrap_err(), Error::TooManyOwnMotions.into());
        propose(B, write()).unwrap();
        vote(B, 3, true).unwrap();
        execute(B, 3).unwrap();
        propose(A, write()).unwrap();
        assert_eq!(propose(A, write()).unwrap_err(), Error::TooManyOwnMotions.into());
        vote(B, 4, false).unwrap();
        vote(C, 4, false).unwrap();
        propose(A, write()).unwrap();
        pallet_timestamp::storage::CHANNEL_CLOCK.put(&MOTION_TICKS_MAX);
        on_initialize();
        assert_eq!(storage::USAGE.iter().count(), 0, "what is gone takes up nothing");
        assert_eq!(storage::TOTAL_CALL_BYTES.get_or_default(), 0);
    });
}

#[test]
fn r8_calls_take_up_a_bounded_room() {
    let all: Vec<_> = (1..=9).map(member).collect();
    with_members(&all, || {
        // The encoded call is a little longer than its bytes.
        let half = || TestCall::Write(vec![0; limits::MAX_MOTION_CALLS_BYTES_OF_MEMBER as usize / 2 - 16]);
        propose(A, half()).unwrap();
        propose(A, half()).unwrap();
        assert_eq!(propose(A, TestCall::Write(vec![0; 64])).unwrap_err(), Error::TooManyCallBytes.into());
        call(A, Call::withdraw { motion: 0 }).unwrap();
        propose(A, half()).unwrap();
        for number in 2..=4 {
            propose(member(number), half()).unwrap();
            propose(member(number), half()).unwrap();
        }
        assert_eq!(propose(member(9), half()).unwrap_err(), Error::TooManyCallBytes.into(), "all together");
        call(member(4), Call::withdraw { motion: 7 }).unwrap();
        propose(member(9), half()).unwrap();
    });
}

#[test]
fn r9_who_proposed_may_withdraw_until_it_has_passed() {
    with_members(&[A, B, C], || {
        let withdraw = |who, motion| call(who, Call::withdraw { motion }).map(|_| ());
        propose(A, write()).unwrap();
        assert_eq!(withdraw(B, 0), Err(Error::NotProposer.into()));
        assert_eq!(withdraw(A, 1), Err(Error::UnknownMotion.into()));
        assert_eq!(withdraw(STRANGER, 0), Err(Error::NotMember.into()));
        withdraw(A, 0).unwrap();
        assert!(last_event_is(INDEX, &Event::Withdrawn { motion: 0 }));
        assert_eq!(vote(B, 0, true), Err(Error::UnknownMotion.into()));
        propose(A, write()).unwrap();
        vote(B, 1, true).unwrap();
        assert_eq!(withdraw(A, 1), Err(Error::HasPassed.into()));
        execute(C, 1).unwrap();
        assert_eq!(written(), Some(b"x".to_vec()));
    });
}

#[test]
fn weights_include_the_call() {
    with_members(&[A, B, C], || {
        let proposal = Call::propose { call: Box::new(write()) };
        assert!(proposal.weight(TestCall::weight).ref_time > Weight::from_micros(1_000).ref_time);
        let execution = Call::<TestCall>::execute { motion: 0 };
        let light = execution.weight(TestCall::weight);
        propose(A, write()).unwrap();
        assert_eq!(execution.weight(TestCall::weight), light + Weight::from_micros(1_000));
        assert_eq!(approvals_needed(&[Class::Parameters]), 2);
    });
}

#[test]
fn what_clients_look_for_is_there() {
    assert_eq!(Call::<TestCall>::type_info().path.segments, ["pallet_members", "pallet", "Call"]);
    assert_eq!(Event::type_info().path.segments, ["pallet_members", "pallet", "Event"]);
    let call = Call::propose { call: Box::new(TestCall::Fail) };
    assert_eq!(call.encode(), [0, 1]);
    let metadata = crate::metadata::<TestCall>();
    let names: Vec<_> = metadata.storage.iter().map(|entry| entry.name).collect();
    let expected = [
        "Members",
        "Thresholds",
        "MotionCount",
        "Motions",
        "CounterForMotions",
        "MotionCalls",
        "NextExpiry",
        "Usage",
        "TotalCallBytes",
        "Root",
        "Principals",
        "CounterForPrincipals",
        "Peers",
        "RevokedPeers",
        "PeerUsage",
        "Due",
        "DueOn",
        "NextDay",
        "EffectiveTime",
    ];
    assert_eq!(names, expected);
}
