//! Slots: one test per rule.

use proptest::prelude::*;
use quire_core::digest::AURA_ENGINE_ID;
use quire_core::{AuraId, Digest, DigestItem, Header, Slot};

use super::claim::*;
use super::verify::*;
use super::*;

fn pair(seed: u8) -> schnorrkel::Keypair {
    let mini = schnorrkel::MiniSecretKey::from_bytes(&[seed; 32]).expect("32 bytes are a seed");
    mini.expand_to_keypair(schnorrkel::ExpansionMode::Ed25519)
}

fn id(seed: u8) -> AuraId {
    AuraId(pair(seed).public.to_bytes())
}

fn set(seeds: &[u8]) -> AuraSet {
    AuraSet { authorities: seeds.iter().map(|seed| id(*seed)).collect(), slot_duration_ms: 1_000 }
}

fn sealed(slot: u64, seed: u8) -> Header {
    let unsealed = Header { number: 7, digest: Digest::for_slot(Slot(slot)), ..Header::default() };
    let signature = pair(seed).sign_simple(b"substrate", &seal_payload(&unsealed).0).to_bytes();
    seal(unsealed, signature)
}

#[test]
fn r1_turns_go_round() {
    let set = set(&[1, 2, 3]);
    let authors: Vec<_> = (0..6).map(|slot| author_of(Slot(slot), &set.authorities)).collect();
    assert_eq!(authors, [1, 2, 3, 1, 2, 3].map(|seed| Some(id(seed))));
    assert_eq!(author_of(Slot(1), &[]), None);
    assert_eq!(claim(Slot(4), Some(Slot(3)), &set, &[id(2)]), Some(Claim { slot: Slot(4), author: id(2) }));
    assert_eq!(claim(Slot(4), Some(Slot(3)), &set, &[id(1), id(3)]), None, "not our turn");
    assert_eq!(claim(Slot(4), Some(Slot(4)), &set, &[id(2)]), None, "the slot is used");
}

#[test]
fn r1_the_next_turn_is_within_one_round() {
    let set = set(&[1, 2, 3]);
    let next = |from, seed| next_claim(Slot(from), &set, &[id(seed)]).map(|claim| claim.slot.0);
    assert_eq!([next(3, 1), next(4, 1), next(5, 1)], [Some(3), Some(6), Some(6)]);
    assert_eq!(next(3, 9), None, "not in the set");
    assert_eq!(next(u64::MAX, 1), Some(u64::MAX), "the last slot of all");
    assert_eq!(next(u64::MAX, 2), None, "no slot is left");
}

#[test]
fn slots_are_cut_from_time() {
    assert_eq!(slot_at(1_999, 1_000), Some(Slot(1)));
    assert_eq!(slot_at(1, 0), None);
    assert_eq!(slot_start_ms(Slot(3), 6_000), 18_000);
    assert_eq!(slot_start_ms(Slot(u64::MAX), 2), u64::MAX);
}

#[test]
fn r2_exactly_one_pre_digest() {
    let set = set(&[1]);
    let mut header = sealed(5, 1);
    assert_eq!(check_slot(&header, None, &set, 5_000), Ok(Slot(5)));
    header.digest.push(DigestItem::PreRuntime(AURA_ENGINE_ID, vec![0; 8]));
    assert_eq!(check_slot(&header, None, &set, 5_000), Err(SlotError::NoSlot));
    header.digest.logs = vec![DigestItem::PreRuntime(AURA_ENGINE_ID, vec![0; 7])];
    assert_eq!(check_slot(&header, None, &set, 5_000), Err(SlotError::NoSlot));
    header.digest.logs = vec![DigestItem::PreRuntime(*b"BABE", vec![0; 8])];
    assert_eq!(check_slot(&header, None, &set, 5_000), Err(SlotError::NoSlot));
}

#[test]
fn r3_slots_rise() {
    let set = set(&[1]);
    for parent in [5, 6] {
        let error = check_slot(&sealed(5, 1), Some(Slot(parent)), &set, 5_000).expect_err("does not rise");
        assert!(!error.retry());
    }
    assert_eq!(check_slot(&sealed(5, 1), Some(Slot(4)), &set, 5_000), Ok(Slot(5)));
}

#[test]
fn r4_thirty_seconds_ahead_and_no_more() {
    let set = set(&[1]);
    assert_eq!(check_slot(&sealed(100, 1), None, &set, 70_000), Ok(Slot(100)));
    assert!(check_slot(&sealed(100, 1), None, &set, 69_999).expect_err("too far").retry());
    check_slot(&sealed(u64::MAX, 1), None, &set, u64::MAX - 30_001).expect_err("no overflow");
}

#[test]
fn r5_the_seal_is_the_authors() {
    let set = set(&[1, 2]);
    assert_eq!(check_seal(&sealed(5, 2), Slot(5), &set), Ok(id(2)));
    let bad = |author| Err(SlotError::BadSeal { slot: Slot(5), author });
    assert_eq!(check_seal(&sealed(5, 1), Slot(5), &set), bad(id(2)), "another authority");
    let mut changed = sealed(5, 2);
    changed.number = 8;
    assert_eq!(check_seal(&changed, Slot(5), &set), bad(id(2)), "another header");
    let mut other_context = sealed(5, 2);
    other_context.digest.logs.pop();
    let signature = pair(2).sign_simple(b"quire", &seal_payload(&other_context).0).to_bytes();
    assert_eq!(check_seal(&seal(other_context, signature), Slot(5), &set), bad(id(2)), "another context");
    let mut not_last = sealed(5, 2);
    not_last.digest.push(DigestItem::Other(vec![]));
    assert_eq!(check_seal(&not_last, Slot(5), &set), Err(SlotError::NoSeal));
    let mut garbage = sealed(5, 2);
    garbage.digest.logs.pop();
    assert_eq!(check_seal(&seal(garbage, [0xff; 64]), Slot(5), &set), bad(id(2)));
    let empty = AuraSet { authorities: vec![], ..set.clone() };
    assert_eq!(check_seal(&sealed(5, 2), Slot(5), &empty), Err(SlotError::NoAuthorities));
    let no_key = AuraSet { authorities: vec![AuraId([0xff; 32])], ..set };
    check_seal(&sealed(5, 2), Slot(5), &no_key).expect_err("not a key at all");
}

#[test]
fn r6_lag_slows_down_and_never_stops() {
    let skips = |lag: u32| {
        (1..).take_while(|ahead| should_back_off(Slot(1_000 + ahead), Slot(1_000), lag, 0)).count()
    };
    assert_eq!(skips(0), 0);
    assert_eq!(skips(BACKOFF_SLACK_BLOCKS + 1), 0);
    assert_eq!(skips(BACKOFF_SLACK_BLOCKS + 10), 5);
    assert_eq!(skips(u32::MAX), BACKOFF_SLOTS_MAX as usize);
}

proptest! {
    #[test]
    fn r1_every_slot_has_one_author(slot in any::<u64>(), count in 1u8..5) {
        let seeds: Vec<u8> = (1..=count).collect();
        let set = set(&seeds);
        let claims = seeds.iter().filter(|seed| claim(Slot(slot), None, &set, &[id(**seed)]).is_some()).count();
        prop_assert_eq!(claims, 1);
    }
}
