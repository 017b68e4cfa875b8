//! One test per rule of Aura.

use alloc::vec;

use pallet_support::testing::new_test;
use parity_scale_codec::Encode;
use quire_core::digest::AURA_ENGINE_ID;
use quire_core::{AuraId, Digest, DigestItem, H256, Slot, limits};

use crate::genesis::Config;
use crate::{
    AuthoritiesError, author, authorities, authority_of, change_authorities, check_invariants, current_slot,
    on_initialize,
};

const A: AuraId = AuraId([1; 32]);
const B: AuraId = AuraId([2; 32]);

/// Begins block `number` with this digest.
fn begin(number: u32, digest: Digest) -> Result<Slot, &'static str> {
    pallet_system::initialize(number, H256::ZERO, digest);
    on_initialize()
}

fn on_chain<R>(work: impl FnOnce() -> R) -> R {
    new_test(|| {
        Config { authorities: vec![B, A] }.build().unwrap();
        work()
    })
}

#[test]
fn r1_slots_only_move_forward() {
    on_chain(|| {
        assert_eq!(begin(1, Digest::for_slot(Slot(5))), Ok(Slot(5)));
        for slot in [5, 4, 0] {
            assert!(begin(2, Digest::for_slot(Slot(slot))).unwrap_err().contains("R1"));
        }
        assert_eq!(begin(2, Digest::for_slot(Slot(900))), Ok(Slot(900)));
        assert_eq!(current_slot(), Slot(900));
    });
}

#[test]
fn r1_a_digest_names_exactly_one_slot() {
    on_chain(|| {
        assert!(begin(1, Digest::default()).unwrap_err().contains("R1"));
        let mut two = Digest::for_slot(Slot(1));
        two.push(DigestItem::PreRuntime(AURA_ENGINE_ID, Slot(2).encode()));
        assert!(begin(1, two).is_err());
        let short = DigestItem::PreRuntime(AURA_ENGINE_ID, vec![1]);
        assert!(begin(1, Digest { logs: vec![short] }).is_err());
    });
}

#[test]
fn r2_authorities_take_turns() {
    on_chain(|| {
        assert_eq!(
            (authority_of(Slot(0)), authority_of(Slot(1)), authority_of(Slot(2))),
            (Some(B), Some(A), Some(B))
        );
        begin(1, Digest::for_slot(Slot(7))).unwrap();
        assert_eq!(author(), Some(A));
    });
    new_test(|| assert_eq!(author(), None));
}

#[test]
fn r3_lists_are_not_empty_not_too_long_and_without_doubles() {
    on_chain(|| {
        check_invariants().unwrap();
        let many: vec::Vec<_> = (0..=limits::MAX_AUTHORITIES)
            .map(|number| {
                let mut key = [0; 32];
                key[..4].copy_from_slice(&number.to_le_bytes());
                AuraId(key)
            })
            .collect();
        assert_eq!(change_authorities(&vec![]), Err(AuthoritiesError::Empty));
        assert_eq!(change_authorities(&vec![A, B, A]), Err(AuthoritiesError::Duplicate));
        assert_eq!(change_authorities(&many), Err(AuthoritiesError::TooMany));
        assert_eq!(authorities(), [B, A]);
        assert!(Config { authorities: vec![A, A] }.build().unwrap_err().contains("once"));
    });
    new_test(|| assert!(check_invariants().unwrap_err().contains("R3")));
}

#[test]
fn r4_a_change_is_announced_once() {
    on_chain(|| {
        begin(1, Digest::for_slot(Slot(1))).unwrap();
        change_authorities(&vec![B, A]).unwrap();
        assert_eq!(pallet_system::digest().logs.len(), 1);
        change_authorities(&vec![A, B]).unwrap();
        let expected = [&[1u8, 8][..], &A.0, &B.0].concat();
        assert_eq!(pallet_system::digest().logs[1], DigestItem::Consensus(AURA_ENGINE_ID, expected));
    });
}
