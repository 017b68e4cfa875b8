//! One test per rule of Session.

use alloc::vec;
use alloc::vec::Vec;

use pallet_bonds::Ledger;
use pallet_bonds::storage::LEDGERS;
use pallet_members::storage::{MEMBERS, PRINCIPALS};
use pallet_support::testing::{has_event, new_test};
use pallet_support::{DispatchError, Origin};
use pallet_timestamp::storage::CHANNEL_CLOCK;
use parity_scale_codec::Encode;
use proptest::prelude::*;
use quire_core::digest::{AURA_ENGINE_ID, GRANDPA_ENGINE_ID};
use quire_core::{AccountId, AuraId, Digest, DigestItem, GrandpaId, H256, Slot, keys};

use super::*;
use crate::draw::{leaving_max, next_set, shuffle};
use crate::genesis::Config;

const LENGTH: u32 = 10;
const STAKE: u128 = 1_000;
const UNBONDING: u32 = 100;

fn who(n: u8) -> AccountId {
    AccountId([n; 32])
}

fn keys_of(n: u8) -> SessionKeys {
    SessionKeys { aura: AuraId([n; 32]), grandpa: GrandpaId([255 - n; 32]) }
}

fn authority(n: u8) -> Authority {
    (who(n), keys_of(n))
}

/// A chain on which members 1 to `members` exist with stake, and the first `authorities` of them are authorities.
fn chain<R>(members: u8, authorities: u8, work: impl FnOnce() -> R) -> R {
    new_test(|| {
        let accounts: Vec<_> = (1..=members).map(who).collect();
        pallet_members::genesis::Config::simple(&accounts).build().unwrap();
        pallet_bonds::storage::PARAMETERS
            .put(&pallet_bonds::Parameters { unbonding_ticks: UNBONDING, ..Default::default() });
        for n in 1..=members {
            bond(n, STAKE);
        }
        let parameters = Parameters { length_slots: LENGTH, minimum_stake: STAKE };
        Config { parameters, authorities: (1..=authorities).map(authority).collect() }.build().unwrap();
        let result = work();
        check_invariants().unwrap();
        result
    })
}

fn bond(n: u8, active: u128) {
    LEDGERS.insert(&who(n), &Ledger { active, ..Ledger::default() });
}

/// Takes a member's place and certificate.
fn expel(n: u8) {
    MEMBERS.mutate_default(|members| members.retain(|member| *member != who(n)));
    PRINCIPALS.remove(&who(n));
}

/// A block in this slot, with this randomness if it is the last of its session; what it put into the digest.
fn block_with(slot: u64, randomness: u8, work: impl FnOnce()) -> Vec<DigestItem> {
    pallet_system::initialize(slot as u32, H256::ZERO, Digest::for_slot(Slot(slot)));
    pallet_aura::on_initialize().unwrap();
    CHANNEL_CLOCK.mutate_default(|clock| *clock += 1);
    work();
    if ends_with(Slot(slot)) {
        on_finalize(Slot(slot), &[randomness; 32]);
    }
    pallet_system::digest().logs.split_off(1)
}

fn block(slot: u64) -> Vec<DigestItem> {
    block_with(slot, 0, || ())
}

/// Blocks at the ends of so many sessions; the first of them starts after slot `first`.
fn sessions(first: u64, count: u64) -> Vec<DigestItem> {
    if storage::STARTED_AFTER.get().is_none() {
        storage::STARTED_AFTER.put(&Slot(first));
    }
    (1..=count).flat_map(|n| block_with(first + n * u64::from(LENGTH), n as u8, || ())).collect()
}

fn call(n: u8, call: Call) -> Result<(), DispatchError> {
    dispatch(call, Origin::Signed(who(n))).map(|_| ()).map_err(|failed| failed.error)
}

fn set_keys(n: u8, keys: SessionKeys) -> Result<(), DispatchError> {
    call(n, Call::set_keys { keys, proof: Vec::new() })
}

fn set() -> Vec<AccountId> {
    let mut set = storage::VALIDATORS.get_or_default();
    set.sort_unstable();
    set
}

fn is_of(engine: [u8; 4]) -> impl Fn(&&DigestItem) -> bool {
    move |item| matches!(item, DigestItem::Consensus(id, _) if *id == engine)
}

#[test]
fn r1_a_session_ends_with_the_first_block_at_its_last_slot_or_later() {
    chain(1, 1, || {
        block(1_000);
        assert_eq!(
            storage::STARTED_AFTER.get(),
            Some(Slot(999)),
            "sessions are counted from the first block"
        );
        block(1_008);
        assert_eq!(current_index(), 0);
        block(1_009);
        assert_eq!(current_index(), 1);
        assert!(has_event(INDEX, &Event::NewSession { session_index: 1 }));
        block(1_018);
        assert_eq!(current_index(), 1);
        block(1_019);
        assert_eq!(current_index(), 2);
    });
}

#[test]
fn r1_a_stretch_without_blocks_ends_one_session_not_many() {
    chain(2, 2, || {
        block(1_000);
        block(1_000_000);
        assert_eq!(current_index(), 1);
        block(1_000_009);
        assert_eq!(current_index(), 1, "the next one is of full length");
        block(1_000_010);
        assert_eq!(current_index(), 2);
        assert_eq!(session_of_slot(Slot(500_000)), Some(0));
    });
}

#[test]
fn r2_members_set_keys_that_nobody_else_has() {
    chain(3, 1, || {
        assert_eq!(set_keys(9, keys_of(9)), Err(Error::NoAssociatedValidatorId.into()));
        assert_eq!(set_keys(2, keys_of(1)), Err(Error::DuplicatedKey.into()));
        let half = SessionKeys { aura: keys_of(2).aura, grandpa: keys_of(1).grandpa };
        assert_eq!(set_keys(2, half), Err(Error::DuplicatedKey.into()));
        set_keys(2, keys_of(2)).unwrap();
        assert!(has_event(INDEX, &Event::KeysSet { who: who(2), keys: keys_of(2) }));
        set_keys(2, keys_of(20)).unwrap();
        set_keys(3, keys_of(2)).unwrap();
        let owner = |n: u8| storage::KEY_OWNER.get(&(keys::AURA, keys_of(n).aura.0.to_vec()));
        assert_eq!((owner(2), owner(20)), (Some(who(3)), Some(who(2))), "replaced keys are free again");
        let refused = dispatch(Call::purge_keys {}, Origin::None).unwrap_err().error;
        assert_eq!(refused, DispatchError::BadOrigin);
    });
}

#[test]
fn r2_keys_can_be_taken_back_once() {
    chain(2, 2, || {
        call(2, Call::purge_keys {}).unwrap();
        assert_eq!(call(2, Call::purge_keys {}), Err(Error::NoKeys.into()));
        assert_eq!((storage::NEXT_KEYS.get(&who(2)), set().len()), (None, 2));
        sessions(0, 1);
        assert_eq!(set(), [who(1), who(2)], "the queue was fixed before");
        sessions(u64::from(LENGTH), 1);
        assert_eq!(set(), [who(1)]);
    });
}

#[test]
fn r3_keys_count_from_the_second_boundary_on() {
    chain(2, 1, || {
        block(1);
        set_keys(2, keys_of(2)).unwrap();
        let digest = block(11);
        assert_eq!((set(), digest), (vec![who(1)], vec![]), "nothing changes, nothing is announced");
        assert_eq!(storage::QUEUED_KEYS.get_or_default(), [authority(1), authority(2)]);
        set_keys(2, keys_of(20)).unwrap();
        block(21);
        assert_eq!(set(), [who(1), who(2)]);
        assert!(pallet_aura::authorities().contains(&keys_of(2).aura), "the keys of the queue count");
        block(31);
        assert!(pallet_aura::authorities().contains(&keys_of(20).aura));
    });
}

#[test]
fn r3_who_has_too_little_bonded_or_is_no_member_is_not_queued() {
    chain(9, 9, || {
        bond(3, STAKE - 1);
        expel(9);
        sessions(0, 1);
        let queued: Vec<_> = storage::QUEUED_KEYS.get_or_default().iter().map(|(who, _)| *who).collect();
        assert_eq!(queued, [1, 2, 4, 5, 6, 7, 8].map(who));
        assert_eq!(storage::NEXT_KEYS.get(&who(9)), None, "nobody needs a stranger's keys");
        assert_eq!(set(), [1, 2, 4, 5, 6, 7, 8].map(who), "it counts at this boundary already");
        bond(3, STAKE);
        sessions(u64::from(LENGTH), 2);
        assert_eq!(set(), [1, 2, 3, 4, 5, 6, 7, 8].map(who), "the keys are still there");
    });
}

#[test]
fn r4_at_most_a_third_leaves_at_a_boundary() {
    assert_eq!([0, 1, 2, 3, 5, 6, 100].map(leaving_max), [1, 1, 1, 1, 1, 2, 33]);
    chain(7, 7, || {
        (1..=6).for_each(expel);
        let mut left = Vec::new();
        for _ in 0..5 {
            sessions(u64::from(current_index() * LENGTH), 1);
            left.push(set().len());
            assert!(set().contains(&who(7)));
        }
        assert_eq!(left, [5, 4, 3, 2, 1], "two of seven, then one of five");
    });
}

#[test]
fn r4_the_last_one_stays_and_offenders_go_first() {
    let current = [1, 2, 3, 4].map(authority);
    let nobody = |_: &AccountId| false;
    assert_eq!(next_set(&current[..1], &[], nobody, nobody), [authority(1)]);
    assert_eq!(next_set(&current[..1], &[authority(2)], |_| true, nobody), [authority(2)]);
    let offender = |account: &AccountId| *account == who(3);
    assert_eq!(next_set(&current, &current, nobody, offender), [1, 2, 4].map(authority));
    assert_eq!(next_set(&current[..2], &[], nobody, |account| *account == who(2)), [authority(1)]);
}

#[test]
fn r4_a_key_stands_once_and_who_stays_goes_first() {
    let current = [1, 2, 3, 4].map(authority);
    let thief = (who(9), SessionKeys { aura: keys_of(4).aura, grandpa: GrandpaId([77; 32]) });
    // 2, 3 and 4 leave, one at a time: 4 keeps its key.
    let set = next_set(&current, &[authority(1), thief], |_| true, |_| false);
    assert_eq!(set, [1, 3, 4].map(authority));
}

#[test]
fn r5_authors_are_shuffled_with_one_digest_voters_are_announced_when_they_change() {
    chain(7, 7, || {
        block(1);
        let before = pallet_aura::authorities();
        let digest = block_with(11, 3, || ());
        let after = pallet_aura::authorities();
        assert_ne!(before, after);
        assert_eq!(digest, [DigestItem::Consensus(AURA_ENGINE_ID, (1u8, &after).encode())]);
        let validators = storage::VALIDATORS.get_or_default();
        assert!(validators.iter().zip(&after).all(|(who, aura)| who.0 == aura.0), "one permutation");
        assert_eq!(pallet_grandpa::current_set_id(), 0);
        call(2, Call::purge_keys {}).unwrap();
        block_with(21, 4, || ());
        let digest = block_with(31, 5, || ());
        assert_eq!(digest.iter().filter(is_of(AURA_ENGINE_ID)).count(), 1);
        assert_eq!(digest.iter().filter(is_of(GRANDPA_ENGINE_ID)).count(), 1);
        assert_eq!(pallet_grandpa::current_set_id(), 1);
        assert_eq!(record(3).unwrap().set_id, 1);
        assert_eq!(block_with(41, 6, || ()).iter().filter(is_of(GRANDPA_ENGINE_ID)).count(), 0);
    });
}

#[test]
fn r5_a_new_key_is_a_new_set() {
    chain(2, 2, || {
        set_keys(2, SessionKeys { grandpa: GrandpaId([66; 32]), ..keys_of(2) }).unwrap();
        sessions(0, 2);
        assert_eq!(pallet_grandpa::current_set_id(), 1);
        assert!(pallet_grandpa::authorities().contains(&(GrandpaId([66; 32]), 1)));
    });
}

#[test]
fn r6_the_block_at_a_boundary_is_its_authors_by_the_old_list() {
    chain(3, 3, || {
        for slot in 1..200 {
            let old = storage::VALIDATORS.get_or_default();
            block_with(slot, slot as u8, || {
                assert_eq!(author_account(), Some(old[slot as usize % 3]));
                let key = pallet_aura::author().unwrap();
                assert_eq!(author_account().unwrap().0, key.0);
            });
        }
        assert_eq!(current_index(), 19);
    });
}

#[test]
fn r7_who_is_barred_leaves_and_comes_back_with_new_keys_after_its_time() {
    chain(4, 4, || {
        block_with(1, 0, || bar(&who(2)));
        assert!(has_event(INDEX, &Event::Barred { who: who(2), until: BARRED_SESSIONS + 1 }));
        assert_eq!(storage::NEXT_KEYS.get(&who(2)), None);
        sessions(1, 1);
        assert_eq!(set(), [1, 3, 4].map(who), "at the next boundary, although it was in the queue");
        set_keys(2, keys_of(22)).unwrap();
        sessions(11, u64::from(BARRED_SESSIONS) - 1);
        assert_eq!((current_index(), set().len()), (BARRED_SESSIONS, 3));
        sessions(11 + 10 * (u64::from(BARRED_SESSIONS) - 1), 1);
        assert_eq!(set(), [1, 2, 3, 4].map(who));
        sessions(21 + 10 * (u64::from(BARRED_SESSIONS) - 1), 1);
        assert_eq!(storage::BARRED.get_or_default(), []);
    });
}

#[test]
fn r8_records_are_kept_until_bonds_of_their_time_are_free() {
    chain(2, 2, || {
        block(1);
        call(2, Call::purge_keys {}).unwrap();
        sessions(1, 3);
        assert_eq!(record(0).unwrap().owner(keys::AURA, &keys_of(2).aura.0), Some(who(2)));
        assert_eq!(record(0).unwrap().owner(keys::GRANDPA, &keys_of(2).aura.0), None);
        assert_eq!((session_of_slot(Slot(11)), session_of_slot(Slot(12))), (Some(0), Some(1)));
        assert_eq!((session_of_set(0), session_of_set(1)), (Some(1), Some(3)));
        assert_eq!(record(3).unwrap().owner(keys::AURA, &keys_of(2).aura.0), None);
        CHANNEL_CLOCK.mutate_default(|clock| *clock += UNBONDING - 3);
        sessions(31, 1);
        assert!(record(0).is_some());
        sessions(41, 1);
        assert_eq!((record(0), record(1).is_some()), (None, true));
        let mut forgotten = Forgotten::default();
        block_with(60, 0, || {
            CHANNEL_CLOCK.mutate_default(|clock| *clock += UNBONDING);
            forgotten = on_finalize(Slot(60), &[0; 32]);
        });
        assert_eq!((forgotten.sessions, forgotten.sets), (vec![1, 2, 3, 4], vec![0]));
        assert_eq!((session_of_slot(Slot(5)), session_of_set(0)), (None, None));
    });
}

#[test]
fn r8_there_are_at_most_so_many_records() {
    chain(1, 1, || {
        pallet_bonds::storage::PARAMETERS
            .put(&pallet_bonds::Parameters { unbonding_ticks: u32::MAX, ..Default::default() });
        sessions(0, u64::from(RECORDS_MAX) + 3);
        assert!(record(3).is_none() && record(4).is_some());
        assert_eq!(storage::RECORDS.iter_keys().count(), RECORDS_MAX as usize);
    });
}

#[test]
fn genesis_is_refused_with_what_is_wrong() {
    new_test(|| {
        pallet_members::genesis::Config::simple(&[who(1), who(2)]).build().unwrap();
        let refused = |config: Config| config.build().unwrap_err();
        let of = |authorities: &[Authority]| Config {
            authorities: authorities.to_vec(),
            parameters: Parameters { length_slots: 1, minimum_stake: 0 },
        };
        assert!(refused(of(&[authority(3)])).contains("no member"));
        assert!(refused(of(&[authority(1), authority(1)])).contains("twice"));
        assert!(refused(of(&[authority(1), (who(2), keys_of(1))])).contains("Duplicate"));
        assert!(refused(of(&[])).contains("Empty"));
        let mut config = of(&[authority(1)]);
        config.parameters.minimum_stake = 1;
        assert!(refused(config.clone()).contains("bonded"));
        config.parameters = Parameters { length_slots: 0, minimum_stake: 0 };
        assert!(refused(config).contains("R1"));
    });
}

proptest! {
    #[test]
    fn r5_a_shuffle_is_a_permutation_that_the_seed_determines(count in 0usize..300, seed: [u8; 32], other: [u8; 32]) {
        let list: Vec<usize> = (0..count).collect();
        let by = |seed: &[u8; 32]| {
            let mut shuffled = list.clone();
            shuffle(&mut shuffled, seed);
            shuffled
        };
        let once = by(&seed);
        prop_assert_eq!(&once, &by(&seed));
        let mut sorted = once.clone();
        sorted.sort_unstable();
        prop_assert_eq!(&sorted, &list);
        prop_assert!(count < 30 || seed == other || once != by(&other));
    }

    #[test]
    fn r4_sets_are_never_empty_and_lose_at_most_a_third(
        current in proptest::collection::btree_set(0u8..40, 1..20),
        queued in proptest::collection::btree_set(0u8..40, 0..20),
        unfit in proptest::collection::btree_set(0u8..40, 0..20),
        offenders in proptest::collection::btree_set(0u8..40, 0..5),
    ) {
        let list = |of: &alloc::collections::BTreeSet<u8>| of.iter().map(|n| authority(*n)).collect::<Vec<_>>();
        let is_in = |of: &alloc::collections::BTreeSet<u8>, who: &AccountId| of.contains(&who.0[0]);
        let is_fit = |who: &AccountId| !is_in(&unfit, who) && !is_in(&offenders, who);
        let next = next_set(&list(&current), &list(&queued), is_fit, |who| is_in(&offenders, who));
        let left: Vec<_> = current.iter().filter(|n| !next.contains(&authority(**n))).collect();
        prop_assert!(!next.is_empty());
        prop_assert!(left.len() <= leaving_max(current.len()));
        prop_assert!(next.is_sorted_by(|a, b| a.0 < b.0));
        for (who, _) in &next {
            let may_join = is_in(&queued, who) && is_fit(who);
            prop_assert!(may_join || is_in(&current, who), "nobody joins who is not queued and fit");
        }
        for n in &queued {
            prop_assert!(!is_fit(&who(*n)) || next.contains(&authority(*n)), "who is queued and fit is in");
        }
    }
}

#[test]
fn r5_places_are_drawn_evenly() {
    let mut counts = [[0u32; 4]; 4];
    for seed in 0..2_000u32 {
        let mut list = [0usize, 1, 2, 3];
        shuffle(&mut list, &quire_core::hash::blake2_256(&seed.to_le_bytes()));
        list.iter().enumerate().for_each(|(place, who)| counts[place][*who] += 1);
    }
    // 500 expected, standard deviation 19.
    assert!(counts.iter().flatten().all(|count| (400..600).contains(count)), "{counts:?}");
}
