//! Events, dispatch, origin and errors.

use alloc::vec;

use parity_scale_codec::{Decode, Encode};
use quire_core::dispatch::{ModuleError, Pays};
use quire_core::{AccountId, H256, Weight};
use scale_info::TypeInfo;

use crate::events::{self, EXECUTION_PHASE_KEY, EventRecord, Phase};
use crate::testing::{has_event, last_event_is, new_test};
use crate::{
    DispatchError, DispatchErrorWithInfo, Origin, PostInfo, deposit_event, ensure_none, ensure_root,
    ensure_signed, host, with_info, with_transaction,
};

#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
enum Event {
    One(u32),
    Two,
}

/// As a runtime's event enum: pallet index, then event.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
enum RuntimeEvent {
    #[codec(index = 7)]
    Seven(Event),
}

#[derive(Clone, Copy)]
enum Error {
    First,
    Second,
}

crate::impl_module_error!(Error, 9);

#[test]
fn r1_events_carry_the_phase() {
    new_test(|| {
        deposit_event(7, &Event::Two);
        host::storage_set(&EXECUTION_PHASE_KEY, &Phase::ApplyExtrinsic(3).encode());
        deposit_event(7, &Event::One(5));
        let records = events::records::<RuntimeEvent>().unwrap();
        let record = |phase, event| EventRecord::<_, H256> {
            phase,
            event: RuntimeEvent::Seven(event),
            topics: vec![],
        };
        let expected =
            [record(Phase::Initialization, Event::Two), record(Phase::ApplyExtrinsic(3), Event::One(5))];
        assert_eq!(records, expected);
        assert_eq!(events::count(), 2);
    });
}

#[test]
fn r2_events_of_a_rolled_back_transaction_are_gone() {
    new_test(|| {
        deposit_event(7, &Event::Two);
        let result: Result<(), &str> = with_transaction(|| {
            deposit_event(7, &Event::One(1));
            assert!(has_event(7, &Event::One(1)));
            Err("no")
        });
        assert_eq!(result, Err("no"));
        assert!(!has_event(7, &Event::One(1)));
        assert!(last_event_is(7, &Event::Two));
        assert_eq!(events::count(), 1);
    });
}

#[test]
fn without_events_there_are_none() {
    new_test(|| {
        assert_eq!(events::count(), 0);
        assert_eq!(events::records::<RuntimeEvent>(), Some(vec![]));
    });
}

#[test]
fn a_committed_transaction_stays() {
    new_test(|| {
        let result: Result<u8, ()> = with_transaction(|| {
            host::storage_set(b"a", b"1");
            Ok(4)
        });
        assert_eq!(result, Ok(4));
        assert!(host::storage_exists(b"a"));
    });
}

#[test]
fn origins_are_told_apart() {
    let who = AccountId([1; 32]);
    assert_eq!(ensure_signed(&Origin::Signed(who)), Ok(who));
    for origin in [Origin::Root, Origin::None] {
        assert_eq!(ensure_signed(&origin), Err(DispatchError::BadOrigin));
    }
    assert_eq!((ensure_root(&Origin::Root), ensure_none(&Origin::None)), (Ok(()), Ok(())));
    for origin in [Origin::Signed(who), Origin::None] {
        assert_eq!(ensure_root(&origin), Err(DispatchError::BadOrigin));
    }
    for origin in [Origin::Signed(who), Origin::Root] {
        assert_eq!(ensure_none(&origin), Err(DispatchError::BadOrigin));
    }
}

#[test]
fn errors_carry_pallet_and_code() {
    let module = |code| DispatchError::Module(ModuleError { index: 9, error: [code, 0, 0, 0] });
    assert_eq!(DispatchError::from(Error::First), module(0));
    assert_eq!(DispatchErrorWithInfo::from(Error::Second).error, module(1));
    assert_eq!(with_info::<Error>(Err(Error::Second)).unwrap_err().error, module(1));
    assert_eq!(with_info::<Error>(Ok(())), Ok(PostInfo { actual_weight: None, pays_fee: Pays::Yes }));
    assert_eq!(PostInfo::from(Some(Weight::from_micros(1))).actual_weight, Some(Weight::from_micros(1)));
}

#[test]
fn event_types_have_the_paths_that_clients_look_for() {
    assert_eq!(Phase::type_info().path.segments, ["frame_system", "Phase"]);
    let record = EventRecord::<u8, H256>::type_info();
    assert_eq!(record.path.segments, ["frame_system", "EventRecord"]);
    let names: alloc::vec::Vec<_> = record.type_params.iter().map(|parameter| parameter.name).collect();
    assert_eq!(names, ["E", "T"]);
}

/// Rules of [`crate::meter`].
mod meter {
    use crate::meter::{READ, READ_BYTE, Usage, WRITE, WRITE_BYTE, metered, used};
    use crate::testing::new_test;
    use crate::{DispatchError, host};
    use quire_core::Weight;

    fn usage(work: impl FnOnce()) -> Usage {
        let before = used();
        work();
        used().since(before)
    }

    fn reads(reads: u64, bytes_read: u64) -> Usage {
        Usage { reads, bytes_read, ..Usage::default() }
    }

    fn writes(writes: u64, bytes_written: u64) -> Usage {
        Usage { writes, bytes_written, ..Usage::default() }
    }

    #[test]
    fn r1_every_host_function_counts_every_time() {
        new_test(|| {
            assert_eq!(usage(|| host::storage_set(b"a1", &[7; 10])), writes(1, 10));
            assert_eq!(usage(|| host::storage_set(b"a2", &[7; 10])), writes(1, 10));
            assert_eq!(usage(|| drop(host::storage_get(b"a1"))), reads(1, 10));
            assert_eq!(usage(|| drop(host::storage_get(b"none"))), reads(1, 0));
            assert_eq!(usage(|| host::storage_with(b"a1", |_| ())), reads(1, 10));
            assert_eq!(usage(|| assert!(host::storage_read(b"a1", &mut [0; 4], 0).is_some())), reads(1, 4));
            assert_eq!(usage(|| assert!(host::storage_read(b"a1", &mut [0; 40], 8).is_some())), reads(1, 2));
            assert_eq!(usage(|| assert!(host::storage_exists(b"a1"))), reads(1, 0));
            assert_eq!(usage(|| drop(host::storage_next_key(b"a"))), reads(1, 0));
            assert_eq!(usage(|| host::storage_append(b"list", &[1, 2, 3])), writes(1, 3));
            assert_eq!(
                usage(|| assert_eq!(host::storage_clear_prefix(b"a", None).removed(), 2)),
                writes(2, 0)
            );
            assert_eq!(usage(|| host::storage_clear(b"list")), writes(1, 0));
        });
    }

    #[test]
    fn r2_a_call_weighs_its_accesses_and_what_it_is_told() {
        new_test(|| {
            let result = metered::<DispatchError>(Weight::from_micros(7), || {
                host::storage_set(b"key", &[0; 100]);
                host::storage_get(b"key").map(drop).ok_or(DispatchError::CannotLookup)
            });
            let accesses = READ + WRITE + READ_BYTE * 100 + WRITE_BYTE * 100;
            assert_eq!(result.unwrap().actual_weight, Some(Weight::from_micros(7) + accesses));
        });
    }

    #[test]
    fn r2_a_failed_call_weighs_what_it_did_before_it_failed() {
        new_test(|| {
            let result = metered(Weight::ZERO, || {
                host::storage_exists(b"key");
                Err(DispatchError::BadOrigin)
            });
            assert_eq!(result.unwrap_err().post_info.actual_weight, Some(READ));
        });
    }
}
