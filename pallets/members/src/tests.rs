//! One test per rule of the module doc.

use alloc::vec;
use alloc::vec::Vec;

use pallet_support::testing::{TestExternalities, has_event, last_event_is};
use pallet_support::{DispatchErrorWithInfo, host, module_error};
use parity_scale_codec::{Decode, Encode};
use quire_core::{Digest, DispatchError, H256};
use scale_info::TypeInfo;

use super::*;

/// A call of the test's own runtime.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
enum TestCall {
    Write(u8),
    WriteAndFail,
    Heavy,
}

const WRITTEN: &[u8] = b"written";

impl Motionable for TestCall {
    fn weight(&self) -> Weight {
        match self {
            TestCall::Heavy => MOTION_WEIGHT_MAX + Weight::from_micros(1),
            _ => Weight::from_micros(10),
        }
    }

    fn dispatch_as_root(self) -> DispatchResultWithInfo {
        match self {
            TestCall::Write(value) => host::storage_set(WRITTEN, &[value]),
            _ => {
                host::storage_set(WRITTEN, b"half");
                return Err(DispatchErrorWithInfo::from(DispatchError::Corruption));
            }
        }
        Ok(PostInfo::from(Some(Weight::from_micros(3))))
    }
}

fn account(n: u8) -> AccountId {
    AccountId([n; 32])
}

fn with_members(count: u8, work: impl FnOnce()) {
    TestExternalities::new().execute(|| {
        genesis::Config { members: (1..=count).rev().map(account).collect() }.build().unwrap();
        at_block(1);
        work();
        check_invariants().unwrap();
    });
}

fn at_block(number: BlockNumber) {
    pallet_system::initialize(number, H256::default(), Digest::default());
}

fn run(who: u8, call: Call<TestCall>) -> DispatchResultWithInfo {
    let before = check_invariants();
    assert_eq!(before, Ok(()));
    pallet_support::with_transaction(|| dispatch(call, Origin::Signed(account(who))))
}

fn propose(who: u8, call: TestCall) -> DispatchResultWithInfo {
    run(who, Call::propose { call: Box::new(call) })
}

fn vote(who: u8, motion: u32, approve: bool) -> DispatchResultWithInfo {
    run(who, Call::vote { motion, approve })
}

fn execute(who: u8, motion: u32) -> DispatchResultWithInfo {
    run(who, Call::execute { motion })
}

fn fails_with(result: DispatchResultWithInfo, error: Error) {
    assert_eq!(result.unwrap_err().error, module_error(INDEX, error as u8));
}

fn written() -> Option<Vec<u8>> {
    host::storage_get(WRITTEN)
}

#[test]
fn r1_only_members_act() {
    with_members(1, || {
        fails_with(propose(9, TestCall::Write(1)), Error::NotMember);
        propose(1, TestCall::Write(1)).unwrap();
        fails_with(vote(9, 0, true), Error::NotMember);
        fails_with(execute(9, 0), Error::NotMember);
        let unsigned = dispatch(Call::<TestCall>::execute { motion: 0 }, Origin::None);
        assert_eq!(unsigned.unwrap_err().error, DispatchError::BadOrigin);
        assert_eq!(written(), None);
    });
}

#[test]
fn r2_a_vote_can_change_but_not_repeat() {
    with_members(4, || {
        propose(1, TestCall::Write(1)).unwrap();
        fails_with(vote(1, 0, true), Error::DuplicateVote);
        vote(2, 0, true).unwrap();
        vote(2, 0, false).unwrap();
        let motion = storage::motions::<TestCall>().get(&0).unwrap();
        assert_eq!((motion.ayes, motion.noes), (vec![account(1)], vec![account(2)]));
        fails_with(vote(2, 0, false), Error::DuplicateVote);
        fails_with(vote(2, 7, true), Error::UnknownMotion);
    });
}

#[test]
fn r3_more_than_two_thirds_pass_a_motion() {
    assert_eq!([1, 2, 3, 4, 5, 6, 7].map(threshold), [1, 2, 3, 3, 4, 5, 5]);
    with_members(4, || {
        propose(1, TestCall::Write(7)).unwrap();
        vote(2, 0, true).unwrap();
        fails_with(execute(1, 0), Error::NotPassed);
        vote(3, 0, true).unwrap();
        assert!(last_event_is(INDEX, &Event::Passed { motion: 0 }));
        fails_with(vote(4, 0, false), Error::AlreadyPassed);
        execute(4, 0).unwrap();
        assert_eq!(written(), Some(vec![7]));
    });
    with_members(4, || {
        propose(1, TestCall::Write(7)).unwrap();
        vote(2, 0, false).unwrap();
        vote(3, 0, false).unwrap();
        assert!(last_event_is(INDEX, &Event::Rejected { motion: 0 }));
        fails_with(vote(4, 0, true), Error::UnknownMotion);
    });
    with_members(1, || {
        propose(1, TestCall::Write(7)).unwrap();
        assert!(last_event_is(INDEX, &Event::Passed { motion: 0 }));
    });
}

#[test]
fn r4_a_motion_runs_once_and_its_failure_changes_nothing() {
    with_members(1, || {
        propose(1, TestCall::WriteAndFail).unwrap();
        let ran = execute(1, 0).unwrap();
        assert!(ran.actual_weight.unwrap().all_lte(Call::<TestCall>::execute { motion: 0 }.weight()));
        assert_eq!(written(), None);
        assert!(has_event(INDEX, &Event::Executed { motion: 0, result: Err(DispatchError::Corruption) }));
        fails_with(execute(1, 0), Error::UnknownMotion);
    });
}

#[test]
fn r5_motions_expire() {
    with_members(1, || {
        propose(1, TestCall::Write(1)).unwrap();
        at_block(1 + MOTION_LIFE_BLOCKS);
        assert!(storage::motions::<TestCall>().get(&0).is_some());
        at_block(2 + MOTION_LIFE_BLOCKS);
        fails_with(execute(1, 0), Error::UnknownMotion);
        fails_with(vote(1, 0, false), Error::UnknownMotion);
        propose(1, TestCall::Write(2)).unwrap();
        assert!(has_event(INDEX, &Event::Expired { motion: 0 }));
        assert!(storage::motions::<TestCall>().get(&0).is_none());
        execute(1, 1).unwrap();
        assert_eq!(written(), Some(vec![2]));
    });
    with_members(1, || {
        propose(1, TestCall::Write(1)).unwrap();
        at_block(1 + MOTION_LIFE_BLOCKS);
        execute(1, 0).unwrap();
    });
}

#[test]
fn r6_open_motions_and_their_weight_are_bounded() {
    with_members(2, || {
        fails_with(propose(1, TestCall::Heavy), Error::CallTooHeavy);
        for _ in 0..quire_core::limits::MAX_OPEN_MOTIONS {
            propose(1, TestCall::Write(1)).unwrap();
        }
        fails_with(propose(1, TestCall::Write(1)), Error::TooManyMotions);
    });
}

#[test]
fn r7_votes_of_former_members_do_not_count() {
    with_members(4, || {
        propose(1, TestCall::Write(1)).unwrap();
        vote(2, 0, true).unwrap();
        storage::MEMBERS.put(&vec![account(1), account(3), account(4), account(5)]);
        vote(3, 0, true).unwrap();
        fails_with(execute(1, 0), Error::NotPassed);
        vote(4, 0, true).unwrap();
        execute(1, 0).unwrap();
    });
}

#[test]
fn genesis_refuses_nonsense() {
    TestExternalities::new().execute(|| {
        assert!(genesis::Config::default().build().unwrap_err().contains("at least one"));
        let twice = genesis::Config { members: vec![account(1), account(1)] };
        assert!(twice.build().unwrap_err().contains("twice"));
        let crowd = (0..=quire_core::limits::MAX_MEMBERS as u16).map(|n| {
            let mut id = [0; 32];
            id[..2].copy_from_slice(&n.to_be_bytes());
            AccountId(id)
        });
        assert!(genesis::Config { members: crowd.collect() }.build().unwrap_err().contains("at most"));
    });
}
