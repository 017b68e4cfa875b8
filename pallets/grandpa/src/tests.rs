//! One test per rule of Grandpa.

use alloc::vec;

use pallet_support::testing::{has_event, new_test};
use pallet_support::{DispatchError, Origin};
use quire_core::digest::GRANDPA_ENGINE_ID;
use quire_core::{AccountId, Digest, DigestItem, GrandpaId, H256, InherentData, Slot, limits};

use crate::genesis::Config;
use crate::{
    AuthoritiesError, Call, Error, Event, FINALISED_ID, INDEX, authorities, change_authorities,
    check_invariants, create_inherent, current_set_id, dispatch, finality_lag, last_finalised, on_finalize,
    storage,
};

const A: GrandpaId = GrandpaId([1; 32]);
const B: GrandpaId = GrandpaId([2; 32]);

fn on_chain<R>(work: impl FnOnce() -> R) -> R {
    new_test(|| {
        Config { authorities: vec![B, A] }.build().unwrap();
        begin(10);
        work()
    })
}

fn begin(number: u32) {
    pallet_system::initialize(number, H256::ZERO, Digest::for_slot(Slot(u64::from(number))));
}

fn note(number: u32) -> Result<(), DispatchError> {
    dispatch(Call::note_finalised { number }, Origin::None).map(|_| ()).map_err(|failed| failed.error)
}

fn knows(number: u32) -> InherentData {
    let mut data = InherentData::new();
    data.put(FINALISED_ID, &number);
    data
}

#[test]
fn r1_voters_are_sorted_distinct_and_equal() {
    on_chain(|| {
        assert_eq!(authorities(), [(A, 1), (B, 1)]);
        check_invariants().unwrap();
        assert_eq!(change_authorities(&[]), Err(AuthoritiesError::Empty));
        assert_eq!(change_authorities(&[A, B, A]), Err(AuthoritiesError::Duplicate));
        let many: vec::Vec<_> = (0..=limits::MAX_AUTHORITIES)
            .map(|number| {
                let mut key = [0; 32];
                key[..4].copy_from_slice(&number.to_be_bytes());
                GrandpaId(key)
            })
            .collect();
        assert_eq!(change_authorities(&many), Err(AuthoritiesError::TooMany));
        for bad in [vec![(A, 2)], vec![(B, 1), (A, 1)], vec![]] {
            storage::AUTHORITIES.put(&bad);
            assert!(check_invariants().unwrap_err().contains("R1"));
        }
        assert!(Config { authorities: vec![] }.build().unwrap_err().contains("once"));
    });
}

#[test]
fn r2_a_change_is_announced_and_counted_the_same_list_is_not() {
    on_chain(|| {
        change_authorities(&[A, B]).unwrap();
        assert_eq!((current_set_id(), pallet_system::digest().logs.len()), (0, 1));
        change_authorities(&[B]).unwrap();
        assert_eq!(current_set_id(), 1);
        let mut change = vec![1, 4];
        change.extend_from_slice(&B.0);
        change.extend_from_slice(&1u64.to_le_bytes());
        change.extend_from_slice(&0u32.to_le_bytes());
        assert_eq!(pallet_system::digest().logs[1], DigestItem::Consensus(GRANDPA_ENGINE_ID, change));
        assert!(has_event(INDEX, &Event::NewAuthorities { authority_set: vec![(B, 1)] }));
    });
}

#[test]
fn r3_notes_name_ancestors_and_move_forward() {
    on_chain(|| {
        assert_eq!(note(10), Err(Error::NotAnAncestor.into()));
        note(7).unwrap();
        assert_eq!(note(8), Err(Error::AlreadyNoted.into()));
        on_finalize();
        check_invariants().unwrap();
        begin(11);
        note(5).unwrap();
        assert_eq!(last_finalised(), Some(7));
        for origin in [Origin::Root, Origin::Signed(AccountId([1; 32]))] {
            let refused = dispatch(Call::note_finalised { number: 9 }, origin);
            assert_eq!(refused.unwrap_err().error, DispatchError::BadOrigin);
        }
    });
}

#[test]
fn r3_an_author_notes_only_news() {
    on_chain(|| {
        assert_eq!(create_inherent(&InherentData::new()), None);
        assert_eq!(create_inherent(&knows(10)), None);
        assert_eq!(create_inherent(&knows(8)), Some(Call::note_finalised { number: 8 }));
        note(8).unwrap();
        assert_eq!(create_inherent(&knows(8)), None);
        assert_eq!(create_inherent(&knows(9)), Some(Call::note_finalised { number: 9 }));
    });
}

#[test]
fn r4_the_lag_is_unknown_before_the_first_note() {
    on_chain(|| {
        assert_eq!(finality_lag(), None);
        note(7).unwrap();
        assert_eq!(finality_lag(), Some(3));
        begin(50);
        assert_eq!(finality_lag(), Some(43));
    });
}

#[test]
fn r5_only_root_records_a_stall() {
    on_chain(|| {
        let call = Call::note_stalled { delay: 3, best_finalized_block_number: 7 };
        let refused = dispatch(call.clone(), Origin::Signed(AccountId([1; 32])));
        assert_eq!(refused.unwrap_err().error, DispatchError::BadOrigin);
        dispatch(call, Origin::Root).unwrap();
        assert_eq!(storage::STALLED.get(), Some((3, 7)));
        assert!(has_event(INDEX, &Event::Stalled { best_finalized_block_number: 7 }));
    });
}
