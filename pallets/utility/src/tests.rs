//! One test per rule of Utility.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

use pallet_support::testing::{has_event, last_event_is, new_test};
use pallet_support::{
    DispatchError, DispatchErrorWithInfo, DispatchResultWithInfo, Dispatchable, Origin, PostInfo,
    ensure_none, host, with_transaction,
};
use parity_scale_codec::{Decode, DecodeLimit, Encode};
use quire_core::{AccountId, DispatchClass, DispatchInfo, Pays, Weight, limits};
use scale_info::TypeInfo;

use crate::weights::{AS_DERIVATIVE, IF_ELSE, batch_weight};
use crate::{Call, Error, Event, INDEX, derivative_account, dispatch};

/// //Alice of development chains.
const ALICE: AccountId = AccountId([
    0xd4, 0x35, 0x93, 0xc7, 0x15, 0xfd, 0xd3, 0x1c, 0x61, 0x14, 0x1a, 0xbd, 0x04, 0xa9, 0x9f, 0xd6, 0x82,
    0x2c, 0x85, 0x58, 0x85, 0x4c, 0xcd, 0xe3, 0x9a, 0x56, 0x84, 0xe7, 0xa5, 0x6d, 0xa2, 0x7d,
]);
const ANNOUNCED: Weight = Weight::from_micros(100);
const USED: Weight = Weight::from_micros(10);

/// Stands for the runtime's call.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
enum TestCall {
    /// Leaves its number and origin behind.
    Note(u8),
    /// Leaves its number behind and fails.
    Fail(u8),
    Nested(Call<TestCall>),
    Operational,
    Inherent,
}

impl Dispatchable for TestCall {
    fn dispatch_info(&self) -> DispatchInfo {
        let class = match self {
            Self::Nested(call) => return call.dispatch_info(),
            Self::Note(_) | Self::Fail(_) => DispatchClass::Normal,
            Self::Operational => DispatchClass::Operational,
            Self::Inherent => DispatchClass::Mandatory,
        };
        DispatchInfo { weight: ANNOUNCED, class, pays_fee: Pays::Yes }
    }

    fn dispatch(self, origin: Origin) -> DispatchResultWithInfo {
        let post_info = PostInfo::from(Some(USED));
        match self {
            Self::Note(number) => {
                note(number);
                if let Origin::Signed(who) = origin {
                    host::storage_set(b"who", &who.encode());
                }
                Ok(post_info)
            }
            Self::Fail(number) => {
                note(number);
                Err(DispatchErrorWithInfo { post_info, error: DispatchError::Unavailable })
            }
            Self::Nested(call) => dispatch(call, origin),
            Self::Operational => Ok(PostInfo::default()),
            Self::Inherent => ensure_none(&origin).map(PostInfo::from).map_err(Into::into),
        }
    }
}

fn note(number: u8) {
    host::storage_append(b"notes", &[number]);
}

fn notes() -> Vec<u8> {
    let notes = host::storage_get(b"notes").unwrap_or_default();
    Vec::decode(&mut notes.as_slice()).unwrap_or_default()
}

/// As the runtime runs an extrinsic: what a failing one did is undone.
fn signed(call: Call<TestCall>) -> DispatchResultWithInfo {
    with_transaction(|| dispatch(call, Origin::Signed(ALICE)))
}

fn mixed() -> Vec<TestCall> {
    vec![TestCall::Note(1), TestCall::Fail(2), TestCall::Note(3)]
}

fn weight(call: &Call<TestCall>) -> Weight {
    call.dispatch_info().weight
}

#[test]
fn r1_items_run_in_order_as_the_sender_or_root() {
    new_test(|| {
        signed(Call::batch { calls: (1..=3).map(TestCall::Note).collect() }).unwrap();
        assert_eq!(notes(), [1, 2, 3]);
        assert_eq!(host::storage_get(b"who"), Some(ALICE.encode()));
        assert!(last_event_is(INDEX, &Event::BatchCompleted));
        assert!(has_event(INDEX, &Event::ItemCompleted));
        dispatch(Call::batch { calls: vec![TestCall::Note(4)] }, Origin::Root).unwrap();
        assert_eq!(notes(), [1, 2, 3, 4]);
    });
}

#[test]
fn r1_nobody_is_refused() {
    new_test(|| {
        let calls = || vec![TestCall::Inherent, TestCall::Note(1)];
        let (main, fallback) = (Box::new(TestCall::Inherent), Box::new(TestCall::Note(1)));
        for call in [
            Call::batch { calls: calls() },
            Call::batch_all { calls: calls() },
            Call::force_batch { calls: calls() },
            Call::as_derivative { index: 0, call: main.clone() },
            Call::with_weight { call: main.clone(), weight: USED },
            Call::if_else { main, fallback },
        ] {
            let failed = dispatch(call, Origin::None).unwrap_err();
            assert_eq!(failed.error, DispatchError::BadOrigin);
        }
        assert!(notes().is_empty());
    });
}

#[test]
fn r1_an_inherent_in_a_batch_fails_whoever_asks() {
    for origin in [Origin::Root, Origin::Signed(ALICE)] {
        new_test(|| {
            dispatch(Call::batch { calls: vec![TestCall::Inherent] }, origin).unwrap();
            let error = DispatchError::BadOrigin;
            assert!(last_event_is(INDEX, &Event::BatchInterrupted { index: 0, error }));
        });
    }
}

#[test]
fn r2_a_batch_stops_at_the_first_failure_and_keeps_what_came_before() {
    new_test(|| {
        let post_info = signed(Call::batch { calls: mixed() }).unwrap();
        assert_eq!(notes(), [1], "the failing item is undone, the one behind it never ran");
        let error = DispatchError::Unavailable;
        assert!(last_event_is(INDEX, &Event::BatchInterrupted { index: 1, error }));
        assert_eq!(post_info.actual_weight, Some(batch_weight(2) + USED * 2));
    });
}

#[test]
fn r3_batch_all_is_all_or_nothing() {
    new_test(|| {
        let failed = signed(Call::batch_all { calls: mixed() }).unwrap_err();
        assert_eq!(failed.error, DispatchError::Unavailable);
        assert_eq!(failed.post_info.actual_weight, Some(batch_weight(2) + USED * 2));
        assert!(notes().is_empty());
        assert!(!has_event(INDEX, &Event::ItemCompleted));
        signed(Call::batch_all { calls: vec![TestCall::Note(1), TestCall::Note(2)] }).unwrap();
        assert_eq!(notes(), [1, 2]);
        assert!(last_event_is(INDEX, &Event::BatchCompleted));
    });
}

#[test]
fn r3_a_batch_all_inside_a_batch_fails_as_one() {
    new_test(|| {
        let inner = TestCall::Nested(Call::batch_all { calls: mixed() });
        signed(Call::force_batch { calls: vec![TestCall::Note(7), inner, TestCall::Note(8)] }).unwrap();
        assert_eq!(notes(), [7, 8]);
    });
}

#[test]
fn r4_a_forced_batch_goes_on() {
    new_test(|| {
        let post_info = signed(Call::force_batch { calls: mixed() }).unwrap();
        assert_eq!(notes(), [1, 3]);
        assert!(has_event(INDEX, &Event::ItemFailed { error: DispatchError::Unavailable }));
        assert!(last_event_is(INDEX, &Event::BatchCompletedWithErrors));
        assert_eq!(post_info.actual_weight, Some(batch_weight(3) + USED * 3));
        signed(Call::force_batch { calls: vec![TestCall::Note(4)] }).unwrap();
        assert!(last_event_is(INDEX, &Event::BatchCompleted));
    });
}

#[test]
fn r5_a_batch_has_a_limit() {
    new_test(|| {
        let calls = vec![TestCall::Operational; limits::MAX_NESTED_CALLS as usize];
        signed(Call::batch_all { calls: calls.clone() }).unwrap();
        let too_many = [calls, vec![TestCall::Operational]].concat();
        for call in [
            Call::batch { calls: too_many.clone() },
            Call::batch_all { calls: too_many.clone() },
            Call::force_batch { calls: too_many },
        ] {
            let failed = signed(call).unwrap_err();
            assert_eq!(failed.error, Error::TooManyCalls.into());
            assert_eq!(failed.post_info.actual_weight, Some(batch_weight(0)), "nothing ran");
        }
    });
}

#[test]
fn r6_derivatives_are_substrates() {
    new_test(|| {
        for (index, expected) in [
            (0, "799239e4ab0a3de63582363422f344346eb55bee62885a84a0c8aaf5aa564995"),
            (1, "f81356d1fe5954303680a6ef99d48f22bf3cd232274d7a471d3cf7c65f65f653"),
            (u16::MAX, "eec98fc520137149878da36db636a08501a95482dfaca2867f9bbe95cc94d86f"),
        ] {
            let derived = derivative_account(&ALICE, index);
            assert_eq!(std::format!("{derived:?}").trim_start_matches("0x"), expected);
        }
    });
}

#[test]
fn r6_a_derivative_acts_for_its_owner_only() {
    new_test(|| {
        let call = |inner| Call::as_derivative { index: 1, call: Box::new(inner) };
        let post_info = signed(call(TestCall::Note(1))).unwrap();
        assert_eq!(host::storage_get(b"who"), Some(derivative_account(&ALICE, 1).encode()));
        assert_eq!(post_info.actual_weight, Some(AS_DERIVATIVE + USED));
        let failed = signed(call(TestCall::Fail(2))).unwrap_err();
        assert_eq!(failed.error, DispatchError::Unavailable);
        assert_eq!(failed.post_info.actual_weight, Some(AS_DERIVATIVE + USED));
        let failed = dispatch(call(TestCall::Note(3)), Origin::Root).unwrap_err();
        assert_eq!((failed.error, notes()), (DispatchError::BadOrigin, vec![1]));
    });
}

#[test]
fn r7_the_fallback_runs_when_the_main_call_fails() {
    let call = |main, fallback| Call::if_else { main: Box::new(main), fallback: Box::new(fallback) };
    new_test(|| {
        let post_info = signed(call(TestCall::Note(1), TestCall::Note(2))).unwrap();
        assert_eq!(notes(), [1]);
        assert!(last_event_is(INDEX, &Event::IfElseMainSuccess));
        assert_eq!(post_info.actual_weight, Some(IF_ELSE + USED));

        let post_info = signed(call(TestCall::Fail(3), TestCall::Note(4))).unwrap();
        assert_eq!(notes(), [1, 4]);
        let main_error = DispatchError::Unavailable;
        assert!(last_event_is(INDEX, &Event::IfElseFallbackCalled { main_error }));
        assert_eq!(post_info.actual_weight, Some(IF_ELSE + USED * 2));

        let failed = signed(call(TestCall::Fail(5), TestCall::Fail(6))).unwrap_err();
        assert_eq!(failed.post_info.actual_weight, Some(IF_ELSE + USED * 2));
        assert_eq!(notes(), [1, 4]);
    });
}

#[test]
fn r8_only_root_chooses_a_weight() {
    let call = |weight| Call::with_weight { call: Box::new(TestCall::Note(1)), weight };
    new_test(|| {
        let failed = signed(call(Weight::ZERO)).unwrap_err();
        assert_eq!((failed.error, notes()), (DispatchError::BadOrigin, vec![]));
        let chosen = Weight::from_micros(7);
        assert_eq!(weight(&call(chosen)), chosen);
        let post_info = dispatch(call(chosen), Origin::Root).unwrap();
        assert_eq!((post_info.actual_weight, notes()), (Some(chosen), vec![1]));
    });
}

#[test]
fn r9_announced_weights_are_sums_of_everything_inside() {
    let inner = Call::batch { calls: mixed() };
    assert_eq!(weight(&inner), batch_weight(3) + ANNOUNCED * 3);
    let outer = Call::batch_all { calls: vec![TestCall::Nested(inner.clone()), TestCall::Note(1)] };
    assert_eq!(weight(&outer), batch_weight(2) + weight(&inner) + ANNOUNCED);
    let derived = Call::as_derivative { index: 0, call: Box::new(TestCall::Nested(inner.clone())) };
    assert_eq!(weight(&derived), AS_DERIVATIVE + weight(&inner));
    let main = Box::new(TestCall::Nested(inner.clone()));
    let either = Call::if_else { main, fallback: Box::new(TestCall::Note(1)) };
    assert_eq!(weight(&either), IF_ELSE + weight(&inner) + ANNOUNCED);
    let heavy =
        TestCall::Nested(Call::with_weight { call: Box::new(TestCall::Note(1)), weight: Weight::MAX });
    assert_eq!(weight(&Call::batch { calls: vec![heavy.clone(), heavy] }), Weight::MAX, "sums do not wrap");
}

#[test]
fn r9_a_batch_is_operational_only_when_everything_inside_is() {
    let class = |calls: Vec<TestCall>| {
        let classes = [
            Call::batch { calls: calls.clone() },
            Call::batch_all { calls: calls.clone() },
            Call::force_batch { calls },
        ]
        .map(|call| call.dispatch_info().class);
        assert_eq!(classes, [classes[0]; 3]);
        classes[0]
    };
    assert_eq!(class(vec![TestCall::Operational; 2]), DispatchClass::Operational);
    assert_eq!(class(vec![TestCall::Operational, TestCall::Note(1)]), DispatchClass::Normal);
    assert_eq!(class(vec![]), DispatchClass::Normal);
    assert_eq!(class(vec![TestCall::Inherent]), DispatchClass::Normal, "nothing nested is mandatory");
    assert_eq!(class(vec![TestCall::Operational, TestCall::Inherent]), DispatchClass::Normal);
}

#[test]
fn nesting_is_bounded_where_calls_are_decoded() {
    let mut call = TestCall::Note(1);
    for _ in 0..limits::MAX_CALL_DEPTH {
        call = TestCall::Nested(Call::batch { calls: vec![call] });
    }
    let decode = |call: &TestCall| {
        TestCall::decode_all_with_depth_limit(limits::MAX_CALL_DEPTH, &mut call.encode().as_slice())
    };
    assert!(decode(&call).is_ok());
    assert!(decode(&TestCall::Nested(Call::force_batch { calls: vec![call] })).is_err());
}

#[test]
fn what_clients_look_for_is_there() {
    assert_eq!(Call::<TestCall>::type_info().path.segments, ["pallet_utility", "pallet", "Call"]);
    assert_eq!(Call::batch { calls: vec![TestCall::Operational] }.encode(), [0, 4, 3]);
    assert_eq!(Call::as_derivative { index: 258, call: Box::new(TestCall::Inherent) }.encode(), [1, 2, 1, 4]);
    assert_eq!(Event::IfElseMainSuccess.encode(), [6]);
    let metadata = crate::metadata::<TestCall>();
    assert_eq!(metadata.constants[0].name, "batched_calls_limit");
}
