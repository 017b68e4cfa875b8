//! One test per rule of Upgrade.

use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use pallet_support::testing::{has_event, last_event_is, new_test, with_state_mut};
use pallet_support::{DispatchError, Origin, host};
use parity_scale_codec::{Decode, Encode};
use quire_core::upgrade::VERDICT_ID;
use quire_core::{
    AccountId, AuraId, Digest, H256, InherentData, RuntimeVersion, Slot, UpgradeState, Verdict, limits,
};
use scale_info::TypeInfo;

use crate::decide::{Count, Step, decide};
use crate::{
    Call, Error, Event, INDEX, Parameters, STORAGE_PREFIX, check_invariants, create_inherent, dispatch,
    genesis, offer, on_finalize, pending_code, status, storage,
};

/// Blocks from acceptance to enactment, and ticks to attest, in these tests.
const PARAMETERS: Parameters = Parameters { enactment_delay_blocks: 3, attestation_ticks: 10 };

/// A chain with so many authorities, at the start of block 1.
fn with_authorities(count: u8, work: impl FnOnce()) {
    new_test(|| {
        let code = b"old".to_vec();
        pallet_system::genesis::Config { code, spec_name: "quire".into(), spec_version: 1 }.build().unwrap();
        let authorities = (0..count).map(|seed| AuraId([seed; 32])).collect();
        pallet_aura::genesis::Config { authorities }.build().unwrap();
        genesis::Config { parameters: PARAMETERS }.build().unwrap();
        for version in 1..9 {
            known_code(&code_of(version), "quire", version);
        }
        begin(1, 0);
        work();
        storage::DID_ATTEST.kill();
        check_invariants().unwrap();
    });
}

fn code_of(version: u32) -> Vec<u8> {
    [b"code ", &[version as u8][..]].concat()
}

fn hash_of(version: u32) -> H256 {
    H256(host::blake2_256(&code_of(version)))
}

fn known_code(code: &[u8], spec_name: &'static str, spec_version: u32) {
    let version = RuntimeVersion { spec_name: spec_name.into(), spec_version, ..RuntimeVersion::default() };
    with_state_mut(|state| state.set_runtime_version(code, &version.encode()));
}

/// Begins block `number`, authored by the authority of this seed.
fn begin(number: u32, author: u8) {
    let authorities = pallet_aura::authorities().len() as u64;
    let slot = u64::from(number) * authorities + u64::from(author);
    pallet_system::initialize(number, H256([number as u8; 32]), Digest::for_slot(Slot(slot)));
    pallet_aura::on_initialize().unwrap();
    pallet_timestamp::storage::CHANNEL_CLOCK.put(&number);
}

/// Ends the block and begins the next.
fn next(author: u8) {
    on_finalize();
    check_invariants().unwrap();
    begin(pallet_system::block_number() + 1, author);
}

fn attest(code_hash: H256, verdict: Verdict) -> Result<(), DispatchError> {
    dispatch(Call::attest { code_hash, verdict }, Origin::None).map(|_| ()).map_err(|failed| failed.error)
}

fn refuse(reason: &str) -> Verdict {
    Verdict::Refuse { reason: reason.to_string() }
}

/// The authority of this seed authors the next block and tells this verdict on code 2.
fn tell(author: u8, verdict: Verdict) {
    next(author);
    attest(hash_of(2), verdict).unwrap();
}

fn state() -> UpgradeState {
    status().unwrap().upgrade.state
}

fn code() -> Vec<u8> {
    host::storage_get(b":code").unwrap()
}

#[test]
fn r1_an_offer_waits_beside_the_code() {
    with_authorities(4, || {
        offer(&code_of(2)).unwrap();
        assert!(last_event_is(
            INDEX,
            &Event::Offered { code_hash: hash_of(2), spec_version: 2, deadline: 11 }
        ));
        let upgrade = status().unwrap().upgrade;
        assert_eq!(
            (upgrade.code_hash, upgrade.code_bytes, upgrade.spec_version, upgrade.proposed_at),
            (hash_of(2), 6, 2, 1)
        );
        assert_eq!((upgrade.deadline, upgrade.state), (11, UpgradeState::Attesting));
        assert_eq!((pending_code(), code()), (Some(code_of(2)), b"old".to_vec()));
        for _ in 0..5 {
            next(0);
        }
        assert_eq!((state(), code()), (UpgradeState::Attesting, b"old".to_vec()));
        assert!(!pallet_system::digest().changes_code());
    });
}

#[test]
fn r1_code_must_be_a_later_version_of_this_runtime() {
    with_authorities(1, || {
        known_code(b"other", "choir", 9);
        let long = vec![0; limits::MAX_CODE_BYTES as usize + 1];
        for (code, error) in [
            (&b"no runtime"[..], pallet_system::Error::FailedToExtractRuntimeVersion),
            (&code_of(1), pallet_system::Error::SpecVersionNeedsToIncrease),
            (b"other", pallet_system::Error::InvalidSpecName),
            (&long, pallet_system::Error::CodeTooLong),
        ] {
            assert_eq!(offer(code), Err(error.into()));
        }
        assert_eq!((status(), pending_code()), (None, None));
    });
}

#[test]
fn r2_newer_code_takes_the_place_of_older_with_its_verdicts() {
    with_authorities(4, || {
        offer(&code_of(2)).unwrap();
        tell(1, Verdict::Accept);
        tell(2, Verdict::Accept);
        // Newer by proposal, not by version: members may go back to a smaller step.
        offer(&code_of(5)).unwrap();
        offer(&code_of(3)).unwrap();
        assert!(has_event(INDEX, &Event::Replaced { code_hash: hash_of(2) }));
        assert!(has_event(INDEX, &Event::Replaced { code_hash: hash_of(5) }));
        assert_eq!((status().unwrap().verdicts, pending_code()), (vec![], Some(code_of(3))));
        next(3);
        assert_eq!(attest(hash_of(2), Verdict::Accept), Err(Error::NoSuchUpgrade.into()));
        attest(hash_of(3), Verdict::Accept).unwrap();
        next(0);
        assert_eq!(state(), UpgradeState::Attesting);
    });
}

#[test]
fn r2_only_root_cancels_and_what_happened_stays_readable() {
    with_authorities(1, || {
        offer(&code_of(2)).unwrap();
        attest(hash_of(2), Verdict::Accept).unwrap();
        next(0);
        assert_eq!(state(), UpgradeState::Scheduled { at: 4 });
        let cancel = |code_hash, origin| {
            dispatch(Call::cancel { code_hash }, origin).map(|_| ()).map_err(|failed| failed.error)
        };
        for origin in [Origin::None, Origin::Signed(AccountId([1; 32]))] {
            assert_eq!(cancel(hash_of(2), origin), Err(DispatchError::BadOrigin));
        }
        assert_eq!(cancel(hash_of(3), Origin::Root), Err(Error::NoSuchUpgrade.into()));
        cancel(hash_of(2), Origin::Root).unwrap();
        assert!(last_event_is(INDEX, &Event::Cancelled { code_hash: hash_of(2) }));
        assert_eq!(cancel(hash_of(2), Origin::Root), Err(Error::NoSuchUpgrade.into()));
        for _ in 0..5 {
            next(0);
        }
        assert_eq!((state(), pending_code()), (UpgradeState::Cancelled { at: 2 }, None));
        assert_eq!(status().unwrap().verdicts, [(AuraId([0; 32]), Verdict::Accept)]);
        assert_eq!(code(), b"old");
        offer(&code_of(3)).unwrap();
        assert!(!has_event(INDEX, &Event::Replaced { code_hash: hash_of(2) }), "it was closed before");
        assert_eq!(status().unwrap().verdicts, []);
    });
}

#[test]
fn r3_a_verdict_is_the_authors_once_a_block_and_can_be_turned() {
    with_authorities(4, || {
        assert_eq!(attest(hash_of(2), Verdict::Accept), Err(Error::NoSuchUpgrade.into()));
        offer(&code_of(2)).unwrap();
        for origin in [Origin::Root, Origin::Signed(AccountId([0; 32]))] {
            let call = Call::attest { code_hash: hash_of(2), verdict: Verdict::Accept };
            assert_eq!(dispatch(call, origin).unwrap_err().error, DispatchError::BadOrigin);
        }
        tell(2, refuse("it traps"));
        let (code_hash, authority) = (hash_of(2), AuraId([2; 32]));
        assert!(last_event_is(INDEX, &Event::Attested { code_hash, authority, verdict: refuse("it traps") }));
        assert_eq!(attest(hash_of(2), Verdict::Accept), Err(Error::AlreadyAttested.into()));
        tell(2, Verdict::Accept);
        assert_eq!(status().unwrap().verdicts, [(authority, Verdict::Accept)]);
        next(1);
        let longest = String::from_utf8(vec![b'x'; limits::MAX_VERDICT_REASON_BYTES as usize]).unwrap();
        assert_eq!(attest(hash_of(2), refuse(&(longest.clone() + "x"))), Err(Error::ReasonTooLong.into()));
        attest(hash_of(2), refuse(&longest)).unwrap();
    });
}

#[test]
fn r3_authors_say_only_what_is_new() {
    with_authorities(2, || {
        let data = |version: u32, verdict: Verdict| {
            let mut data = InherentData::new();
            data.put(VERDICT_ID, &(hash_of(version), verdict));
            data
        };
        assert_eq!(create_inherent(&data(2, Verdict::Accept)), None, "nothing is open");
        offer(&code_of(2)).unwrap();
        let attested = Call::attest { code_hash: hash_of(2), verdict: Verdict::Accept };
        assert_eq!(create_inherent(&data(2, Verdict::Accept)), Some(attested.clone()));
        assert_eq!(create_inherent(&InherentData::new()), None);
        assert_eq!(create_inherent(&data(3, Verdict::Accept)), None, "other code");
        let long = "x".repeat(limits::MAX_VERDICT_REASON_BYTES as usize + 1);
        assert_eq!(create_inherent(&data(2, refuse(&long))), None, "the block would be invalid");
        let mut junk = InherentData::new();
        junk.put(VERDICT_ID, &7u8);
        assert_eq!(create_inherent(&junk), None);
        dispatch(attested, Origin::None).unwrap();
        assert_eq!(create_inherent(&data(2, Verdict::Accept)), None, "it stands there already");
        assert!(create_inherent(&data(2, refuse("later"))).is_some());
    });
}

#[test]
fn r4_more_than_two_thirds_schedule_it() {
    for (authorities, needed) in [(1, 1), (2, 2), (3, 3), (4, 3), (5, 4), (6, 5), (7, 5), (1_024, 683)] {
        assert_eq!(Count { authorities, accepted: 0, refused: 0 }.needed(), needed, "{authorities}");
    }
    with_authorities(4, || {
        offer(&code_of(2)).unwrap();
        tell(0, Verdict::Accept);
        tell(1, Verdict::Accept);
        tell(1, Verdict::Accept);
        next(0);
        assert_eq!(state(), UpgradeState::Attesting, "two of four, one of them twice");
        tell(3, Verdict::Accept);
        on_finalize();
        assert!(last_event_is(INDEX, &Event::Scheduled { code_hash: hash_of(2), at: 9 }));
        assert_eq!((state(), pallet_system::block_number()), (UpgradeState::Scheduled { at: 9 }, 6));
    });
}

#[test]
fn r4_only_present_authorities_count() {
    with_authorities(4, || {
        offer(&code_of(2)).unwrap();
        for seed in 0..3 {
            tell(seed, Verdict::Accept);
        }
        on_finalize();
        assert_eq!(state(), UpgradeState::Scheduled { at: 7 });
        let strangers = (2..9).map(|seed| AuraId([seed; 32])).collect();
        pallet_aura::change_authorities(&strangers).unwrap();
        next(0);
        let now = status().unwrap();
        assert_eq!((now.authorities, now.needed, now.accepted), (7, 5, 1));
        assert_eq!((now.upgrade.state, now.verdicts.len()), (UpgradeState::Attesting, 3));
        for _ in 0..5 {
            next(0);
        }
        assert_eq!(code(), b"old");
        pallet_aura::change_authorities(&vec![AuraId([0; 32]), AuraId([1; 32])]).unwrap();
        on_finalize();
        assert!(matches!(state(), UpgradeState::Scheduled { .. }), "those who are left accept");
    });
}

#[test]
fn r5_the_code_changes_at_its_height_and_the_digest_says_so() {
    with_authorities(1, || {
        offer(&code_of(2)).unwrap();
        attest(hash_of(2), Verdict::Accept).unwrap();
        next(0);
        assert_eq!(state(), UpgradeState::Scheduled { at: 4 });
        next(0);
        next(0);
        assert_eq!((pallet_system::block_number(), code()), (4, b"old".to_vec()));
        assert!(!pallet_system::digest().changes_code());
        on_finalize();
        assert_eq!(code(), code_of(2));
        assert_eq!((state(), pending_code()), (UpgradeState::Enacted { at: 4 }, None));
        assert!(pallet_system::digest().changes_code());
        assert!(has_event(pallet_system::INDEX, &pallet_system::Event::CodeUpdated));
        assert!(last_event_is(INDEX, &Event::Enacted { code_hash: hash_of(2), spec_version: 2 }));
        begin(5, 0);
        on_finalize();
        assert!(!pallet_system::digest().changes_code(), "once");
    });
}

#[test]
fn r5_a_verdict_turned_in_time_stops_it() {
    with_authorities(4, || {
        offer(&code_of(2)).unwrap();
        for seed in 0..3 {
            tell(seed, Verdict::Accept);
        }
        on_finalize();
        assert_eq!(state(), UpgradeState::Scheduled { at: 7 });
        next(3);
        next(3);
        tell(0, refuse("on this state it traps"));
        assert_eq!(pallet_system::block_number(), 7);
        on_finalize();
        assert!(last_event_is(INDEX, &Event::Postponed { code_hash: hash_of(2) }));
        assert_eq!((state(), code()), (UpgradeState::Attesting, b"old".to_vec()));
        tell(0, Verdict::Accept);
        on_finalize();
        assert_eq!(state(), UpgradeState::Scheduled { at: 11 }, "and starts its delay anew");
    });
}

#[test]
fn r6_so_many_refusals_that_it_cannot_be_accepted_end_it() {
    with_authorities(4, || {
        offer(&code_of(2)).unwrap();
        tell(0, Verdict::Accept);
        tell(1, refuse("it traps"));
        next(2);
        assert_eq!(state(), UpgradeState::Attesting, "three of four can still accept it");
        attest(hash_of(2), refuse("an entry point is missing")).unwrap();
        on_finalize();
        assert!(last_event_is(INDEX, &Event::Refused { code_hash: hash_of(2), refused: 2, authorities: 4 }));
        assert_eq!((state(), pending_code()), (UpgradeState::Refused { at: 4 }, None));
        next(1);
        assert_eq!(attest(hash_of(2), Verdict::Accept), Err(Error::NoSuchUpgrade.into()));
        for _ in 0..9 {
            next(0);
        }
        let now = status().unwrap();
        assert_eq!(now.upgrade.state, UpgradeState::Refused { at: 4 });
        assert!(now.verdicts.contains(&(AuraId([2; 32]), refuse("an entry point is missing"))));
        assert_eq!(code(), b"old");
        offer(&code_of(2)).unwrap();
        assert_eq!(state(), UpgradeState::Attesting, "the same code may be offered again");
    });
}

#[test]
fn r7_time_ends_it_by_the_channel_clock() {
    with_authorities(4, || {
        offer(&code_of(2)).unwrap();
        tell(0, Verdict::Accept);
        while pallet_system::block_number() < 10 {
            next(1);
        }
        on_finalize();
        assert_eq!(state(), UpgradeState::Attesting);
        begin(11, 1);
        on_finalize();
        assert!(last_event_is(INDEX, &Event::Expired { code_hash: hash_of(2) }));
        assert_eq!((state(), pending_code()), (UpgradeState::Expired { at: 11 }, None));
    });
}

#[test]
fn each_case_of_the_decision() {
    use UpgradeState::{Attesting, Cancelled, Enacted, Expired, Refused, Scheduled};
    let count = |accepted, refused| Count { authorities: 4, accepted, refused };
    for (state, count, is_late, step) in [
        (Attesting, count(2, 1), false, Step::Wait),
        (Attesting, count(2, 1), true, Step::Expire),
        (Attesting, count(3, 1), true, Step::Schedule),
        (Attesting, count(2, 2), true, Step::Refuse),
        (Scheduled { at: 8 }, count(3, 0), true, Step::Wait),
        (Scheduled { at: 7 }, count(3, 1), true, Step::Enact),
        (Scheduled { at: 6 }, count(4, 0), false, Step::Enact),
        (Scheduled { at: 7 }, count(2, 1), false, Step::Postpone),
        (Scheduled { at: 7 }, count(2, 2), false, Step::Refuse),
        (Enacted { at: 1 }, count(4, 0), true, Step::Wait),
        (Refused { at: 1 }, count(4, 0), true, Step::Wait),
        (Expired { at: 1 }, count(4, 0), true, Step::Wait),
        (Cancelled { at: 1 }, count(4, 0), true, Step::Wait),
    ] {
        assert_eq!(decide(state, count, 7, is_late), step, "{state:?} {count:?} {is_late}");
    }
}

#[test]
fn parameters_have_bounds_and_are_roots() {
    with_authorities(1, || {
        let set = |enactment_delay_blocks, attestation_ticks, origin| {
            let parameters = Parameters { enactment_delay_blocks, attestation_ticks };
            dispatch(Call::set_parameters { parameters }, origin).map(|_| ()).map_err(|failed| failed.error)
        };
        for (delay, ticks) in [(0, 1), (1, 0), (2_592_001, 1), (1, u32::MAX)] {
            assert_eq!(set(delay, ticks, Origin::Root), Err(Error::BadParameters.into()));
            let parameters = Parameters { enactment_delay_blocks: delay, attestation_ticks: ticks };
            assert!(genesis::Config { parameters }.build().unwrap_err().contains("choose"));
        }
        assert_eq!(set(1, 1, Origin::None), Err(DispatchError::BadOrigin));
        set(1, 2_592_000, Origin::Root).unwrap();
        assert_eq!(storage::PARAMETERS.get_or_default().enactment_delay_blocks, 1);
    });
}

#[test]
fn what_clients_look_for_is_there() {
    assert_eq!(Call::type_info().path.segments, ["pallet_upgrade", "pallet", "Call"]);
    let call = Call::attest { code_hash: H256([7; 32]), verdict: Verdict::Accept };
    assert_eq!(call.encode(), [&[0][..], &[7; 32], &[0]].concat());
    assert_eq!(Call::decode(&mut &call.encode()[..]), Ok(call));
    assert!(storage::PENDING_CODE.key().starts_with(&STORAGE_PREFIX));
    let names: Vec<_> = crate::metadata().storage.iter().map(|entry| entry.name).collect();
    assert_eq!(names, ["Parameters", "Current", "PendingCode", "Verdicts", "DidAttest"]);
}
