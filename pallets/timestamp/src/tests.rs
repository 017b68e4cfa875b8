//! One test per rule of Timestamp.

use pallet_support::testing::new_test;
use pallet_support::{DispatchError, Origin};
use parity_scale_codec::Encode;
use quire_core::inherent::TIMESTAMP_ID;
use quire_core::limits::MAX_SLOT_AHEAD_MS;
use quire_core::{AccountId, Digest, DigestItem, H256, InherentData, Slot};

use crate::genesis::Config;
use crate::{
    Call, ChannelClock, FINALITY_LAG_BLOCKS_MAX, InherentError, channel_clock, check_inherent,
    check_invariants, create_inherent, dispatch, minimum_period_ms, now, on_finalize, on_initialize,
    slot_duration_ms,
};

/// Runs `work` on a chain with slots of 1,000 ms.
fn on_chain<R>(work: impl FnOnce() -> R) -> R {
    new_test(|| {
        Config::default().build().unwrap();
        work()
    })
}

/// Begins block `number` in a slot.
fn begin(number: u32, slot: u64) {
    pallet_system::initialize(number, H256::ZERO, Digest::for_slot(Slot(slot)));
    on_initialize(None);
}

fn set(time: u64) -> Result<(), DispatchError> {
    dispatch(Call::set { now: time }, Origin::None).map(|_| ()).map_err(|failed| failed.error)
}

/// The rule that a failure names.
fn broken(result: Result<(), DispatchError>) -> &'static str {
    let Err(DispatchError::Other(text)) = result else { panic!("{result:?}") };
    text
}

fn clock(time: u64) -> InherentData {
    let mut data = InherentData::new();
    data.put(TIMESTAMP_ID, &time);
    data
}

#[test]
fn r1_a_block_sets_the_time_exactly_once() {
    on_chain(|| {
        begin(1, 5);
        assert!(on_finalize().is_err());
        set(5_000).unwrap();
        assert!(broken(set(5_600)).contains("R1"));
        on_finalize().unwrap();
        assert_eq!(now(), 5_000);
        check_invariants().unwrap();
        begin(2, 6);
        for origin in [Origin::Root, Origin::Signed(AccountId([1; 32]))] {
            assert_eq!(
                dispatch(Call::set { now: 6_000 }, origin).unwrap_err().error,
                DispatchError::BadOrigin
            );
        }
    });
}

#[test]
fn r2_time_moves_on_by_half_a_slot() {
    on_chain(|| {
        begin(1, 5);
        set(5_900).unwrap();
        on_finalize().unwrap();
        begin(2, 6);
        assert!(broken(set(6_399)).contains("R2"));
        set(6_400).unwrap();
    });
}

#[test]
fn r3_the_time_lies_in_the_slot_of_the_digest() {
    on_chain(|| {
        begin(1, 5);
        for time in [4_999, 6_000, u64::MAX] {
            assert!(broken(set(time)).contains("R3"), "{time}");
        }
        set(5_999).unwrap();
        pallet_system::initialize(
            2,
            H256::ZERO,
            Digest { logs: alloc::vec![DigestItem::RuntimeEnvironmentUpdated] },
        );
        crate::storage::DID_UPDATE.kill();
        assert!(broken(set(6_500)).contains("R3"));
    });
}

#[test]
fn r4_a_time_far_ahead_of_the_own_clock_is_refused() {
    on_chain(|| {
        let call = |now| Call::set { now };
        assert_eq!(check_inherent(&call(5_000 + MAX_SLOT_AHEAD_MS), &clock(5_000)), Ok(()));
        let ahead = call(5_001 + MAX_SLOT_AHEAD_MS);
        assert_eq!(check_inherent(&ahead, &clock(5_000)), Err(InherentError::TooFarInFuture));
        assert_eq!(check_inherent(&ahead, &InherentData::new()), Ok(()));
        begin(1, 5);
        set(5_000).unwrap();
        assert_eq!(check_inherent(&call(5_499), &clock(5_000)), Err(InherentError::TooEarly(5_500)));
        assert_eq!(InherentError::TooFarInFuture.encode(), [1]);
    });
}

#[test]
fn r5_the_channel_clock_pauses_while_finality_lags() {
    on_chain(|| {
        begin(1, 1);
        assert_eq!(channel_clock(), 1);
        on_initialize(Some(FINALITY_LAG_BLOCKS_MAX));
        assert_eq!(channel_clock(), 2);
        on_initialize(Some(FINALITY_LAG_BLOCKS_MAX + 1));
        assert_eq!(channel_clock(), 2);
        assert_eq!(ChannelClock::tick(None), 3);
        crate::storage::CHANNEL_CLOCK.put(&u32::MAX);
        assert_eq!(ChannelClock::tick(None), u32::MAX);
        assert!(check_invariants().unwrap_err().contains("R5"));
    });
}

#[test]
fn an_author_uses_its_clock_or_the_least_time_allowed() {
    on_chain(|| {
        assert_eq!(create_inherent(&clock(5_000)), Some(Call::set { now: 5_000 }));
        assert_eq!(create_inherent(&InherentData::new()), None);
        begin(1, 5);
        set(5_000).unwrap();
        assert_eq!(create_inherent(&clock(5_100)), Some(Call::set { now: 5_500 }));
        assert_eq!(create_inherent(&clock(9_000)), Some(Call::set { now: 9_000 }));
    });
}

#[test]
fn slots_are_as_long_as_genesis_says() {
    new_test(|| {
        assert!(Config { slot_duration_ms: 99 }.build().unwrap_err().contains("choose"));
        assert!(Config { slot_duration_ms: 60_001 }.build().is_err());
        Config { slot_duration_ms: 200 }.build().unwrap();
        assert_eq!((slot_duration_ms(), minimum_period_ms()), (200, 100));
        let metadata = crate::metadata();
        assert_eq!(
            (metadata.constants[0].name, &metadata.constants[0].value),
            ("MinimumPeriod", &100u64.encode())
        );
        assert_eq!(Call::set { now: 1 }.encode(), [0, 4]);
    });
}
