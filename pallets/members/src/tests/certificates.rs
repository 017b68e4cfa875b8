//! Admission, renewal, revocation, nodes, the calendar, and classes of motions: R10 to R17.

use quire_certificate::{Certificate, DAY_MS, FormerKey, Key, Refusal, Subject, Terms};
use schnorrkel::{ExpansionMode, MiniSecretKey};

use super::*;
use crate::genesis::Founder;
use crate::storage::{DUE, DUE_ON, MEMBERS, NEXT_DAY, PEERS, PRINCIPALS, REVOKED_PEERS, ROOT};
use crate::types::Holder;
use crate::{DUE_PER_BLOCK_MAX, is_eligible, members, note_set_change, tower};

const GENESIS: H256 = H256([0x61; 32]);
const NODE: [u8; 32] = [0x4e; 32];
/// 2026-11-20.
const START: u64 = 20_777 * DAY_MS;

fn pair(seed: u8) -> schnorrkel::Keypair {
    MiniSecretKey::from_bytes(&[seed; 32]).unwrap().expand_to_keypair(ExpansionMode::Ed25519)
}

fn key(seed: u8) -> Key {
    Key::Sr25519(pair(seed).public.to_bytes())
}

fn sign(seed: u8, terms: Terms) -> Certificate {
    let terms = Terms { issuer: key(seed), ..terms };
    let context = schnorrkel::signing_context(b"substrate");
    let signature = pair(seed).sign(context.bytes(&terms.payload())).to_bytes();
    terms.signed(signature)
}

fn level0(account: AccountId, own: Key, serial: u64, days: core::ops::Range<u64>) -> Terms {
    terms(Subject::Principal { account, key: own, name: "Eve & Co".into() }, serial, days)
}

fn level1(member: AccountId, serial: u64, days: core::ops::Range<u64>) -> Terms {
    terms(Subject::Peer { member, node: NODE, name: "node-1".into() }, serial, days)
}

/// Windows in days since [`START`].
fn terms(subject: Subject, serial: u64, days: core::ops::Range<u64>) -> Terms {
    let at = |day: u64| START + day * DAY_MS;
    let (valid_from, valid_until) = (at(days.start), at(days.end));
    Terms { chain: GENESIS, subject, issuer: Key::default(), serial, valid_from, valid_until }
}

/// Seed of the root key, and of the founders' keys.
const ROOT_SEED: u8 = 7;
const D: AccountId = AccountId([4; 32]);

/// Founders A, B, C, D, whose keys have the seeds 1 to 4 and hold for 100 days.
fn with_tower(work: impl FnOnce()) {
    new_test(|| {
        pallet_system::storage::BLOCK_HASH.insert(&0, &GENESIS);
        set_day(0);
        let founder = |(account, seed): (AccountId, u8)| Founder {
            key: key(seed),
            valid_until: START + 100 * DAY_MS,
            ..Founder::simple(account)
        };
        let founders = [(A, 1), (B, 2), (C, 3), (D, 4)].map(founder).to_vec();
        Config { root: key(ROOT_SEED), founders, ..Config::default() }.build().unwrap();
        work();
        check_invariants().unwrap();
    });
}

fn set_day(day: u64) {
    pallet_timestamp::storage::NOW.put(&(START + day * DAY_MS));
}

fn root(call: Call<TestCall>) -> Result<(), DispatchError> {
    dispatch(call, Origin::Root, &RUNNER).map(drop).map_err(|failed| failed.error)
}

fn refused(result: Result<(), DispatchError>, error: Error) {
    assert_eq!(result, Err(error.into()));
}

const E: AccountId = AccountId([5; 32]);

fn admit(certificate: Certificate) -> Result<(), DispatchError> {
    root(Call::admit { certificate })
}

fn renew(certificate: Certificate) -> Result<(), DispatchError> {
    call(STRANGER, Call::renew { certificate }).map(drop)
}

fn register(certificate: Certificate) -> Result<(), DispatchError> {
    call(STRANGER, Call::register_peer { certificate }).map(drop)
}

#[test]
fn r11_root_certified_organisations_are_admitted_by_root_only() {
    with_tower(|| {
        let good = sign(ROOT_SEED, level0(E, key(5), 1, 0..90));
        let as_member = call(A, Call::admit { certificate: good.clone() });
        assert_eq!(as_member.unwrap_err(), DispatchError::BadOrigin);
        admit(good.clone()).unwrap();
        assert_eq!(members(), [A, B, C, D, E]);
        let valid_until = START + 90 * DAY_MS;
        assert!(last_event_is(INDEX, &Event::Admitted { member: E, key: key(5), valid_until }));
        refused(admit(good), Error::AlreadyMember);
        propose(E, write()).unwrap();
    });
}

#[test]
fn r11_what_the_root_key_did_not_certify_is_refused() {
    with_tower(|| {
        let terms = level0(E, key(5), 1, 0..90);
        let other = Terms { chain: H256([1; 32]), ..terms.clone() };
        refused(admit(sign(ROOT_SEED, other)), Error::OtherChain);
        refused(admit(sign(5, terms.clone())), Error::WrongIssuer);
        refused(admit(sign(1, terms.clone())), Error::WrongIssuer);
        let mut forged = sign(ROOT_SEED, terms.clone());
        forged.terms.valid_until += 1;
        refused(admit(forged), Error::BadSignature);
        refused(admit(sign(ROOT_SEED, Terms { serial: 0, ..terms.clone() })), Error::BadForm);
        refused(admit(sign(ROOT_SEED, level0(E, key(5), 1, 0..1_101))), Error::BadForm);
        refused(admit(sign(ROOT_SEED, level1(A, 1, 0..90))), Error::WrongLevel);
        set_day(90);
        refused(admit(sign(ROOT_SEED, terms)), Error::CertificateIsOver);
        assert_eq!(members(), [A, B, C, D]);
    });
}

#[test]
fn r12_a_member_renews_alone_while_its_certificate_holds() {
    with_tower(|| {
        refused(renew(sign(5, level0(A, key(1), 1, 0..200))), Error::WrongIssuer);
        refused(renew(sign(1, level0(A, key(1), 1, 0..100))), Error::NoRenewal);
        refused(renew(sign(1, level0(A, key(1), 1, 101..200))), Error::Gap);
        refused(renew(sign(1, level0(E, key(1), 1, 0..200))), Error::UnknownMember);
        renew(sign(1, level0(A, key(1), 1, 100..200))).unwrap();
        let principal = PRINCIPALS.get(&A).unwrap();
        assert_eq!((principal.valid_from, principal.valid_until), (0, START + 200 * DAY_MS), "no gap");
        assert_eq!(principal.former_key, None);
        refused(renew(sign(1, level0(A, key(1), 1, 0..300))), Error::OldSerial);
        set_day(200);
        refused(renew(sign(1, level0(A, key(1), 2, 200..300))), Error::WrongIssuer);
        renew(sign(ROOT_SEED, level0(A, key(1), 2, 200..300))).unwrap();
        assert!(is_eligible(&A) && !is_eligible(&B));
        let valid_until = START + 300 * DAY_MS;
        assert!(last_event_is(
            INDEX,
            &Event::Renewed { holder: Holder::Principal { member: A }, valid_until }
        ));
    });
}

#[test]
fn r12_a_new_key_overlaps_with_the_old_one() {
    with_tower(|| {
        renew(sign(1, level0(A, key(11), 1, 0..200))).unwrap();
        let former_key = Some(FormerKey { key: key(1), valid_until: START + 100 * DAY_MS });
        assert_eq!(PRINCIPALS.get(&A).unwrap().former_key, former_key);
        register(sign(1, level1(A, 1, 0..150))).unwrap();
        register(sign(11, level1(A, 2, 0..160))).unwrap();
        set_day(100);
        refused(register(sign(1, level1(A, 3, 0..170))), Error::WrongIssuer);
        refused(renew(sign(1, level0(A, key(1), 2, 0..300))), Error::WrongIssuer);
    });
}

#[test]
fn r13_revocation_takes_the_vote_at_once_and_leaves_the_last_member() {
    with_tower(|| {
        propose(A, write()).unwrap();
        vote(B, 0, true).unwrap();
        assert_eq!(call(A, Call::revoke { member: B }).unwrap_err(), DispatchError::BadOrigin);
        root(Call::revoke { member: B }).unwrap();
        assert_eq!((members(), is_eligible(&B)), (vec![A, C, D], false));
        refused(root(Call::revoke { member: B }), Error::UnknownMember);
        assert_eq!(vote(B, 0, false), Err(Error::NotMember.into()));
        // Two of three are a majority, but B's vote does not count any more.
        refused(execute(A, 0), Error::NotPassed);
        vote(C, 0, true).unwrap();
        execute(A, 0).unwrap();
        refused(renew(sign(2, level0(B, key(2), 1, 0..200))), Error::UnknownMember);
        admit(sign(ROOT_SEED, level0(B, key(12), 1, 0..200))).unwrap();
        assert!(is_eligible(&B));
        for member in [A, B, C] {
            root(Call::revoke { member }).unwrap();
        }
        refused(root(Call::revoke { member: D }), Error::LastMember);
    });
}

#[test]
fn r14_nodes_are_registered_and_revoked() {
    with_tower(|| {
        refused(register(sign(2, level1(A, 1, 0..90))), Error::WrongIssuer);
        refused(register(sign(1, level1(E, 1, 0..90))), Error::UnknownMember);
        refused(register(sign(1, level0(A, key(1), 1, 0..90))), Error::WrongLevel);
        register(sign(1, level1(A, 1, 0..90))).unwrap();
        assert_eq!(crate::members_of(&NODE), [A]);
        refused(register(sign(1, level1(A, 1, 0..95))), Error::OldSerial);
        refused(register(sign(1, level1(A, 2, 91..120))), Error::Gap);
        register(sign(1, level1(A, 2, 80..120))).unwrap();
        // Another member's word about the same node is its own affair.
        let revoke = |who, member| call(who, Call::revoke_peer { member, node: NODE }).map(drop);
        assert_eq!(revoke(B, A), Err(DispatchError::BadOrigin));
        revoke(B, B).unwrap();
        assert_eq!(crate::members_of(&NODE), [A]);
        revoke(A, A).unwrap();
        assert!(crate::members_of(&NODE).is_empty());
        refused(register(sign(1, level1(A, 3, 0..130))), Error::CertificateRevoked);
        refused(revoke(A, A), Error::CertificateRevoked);
    });
}

#[test]
fn r14_a_member_has_a_bounded_number_of_nodes() {
    with_tower(|| {
        for number in 0..limits::MAX_REVOKED_PEERS_OF_MEMBER as u8 {
            call(A, Call::revoke_peer { member: A, node: [number; 32] }).unwrap();
        }
        let more = |member| Call::revoke_peer { member, node: [0xff; 32] };
        assert_eq!(call(A, more(A)).unwrap_err(), Error::TooManyPeers.into());
        call(B, more(B)).unwrap();
    });
}

#[test]
fn r15_the_chain_warns_before_and_says_when_it_is_over() {
    with_tower(|| {
        register(sign(1, level1(A, 1, 0..50))).unwrap();
        let holder = Holder::Peer { member: A, node: NODE };
        let valid_until = START + 50 * DAY_MS;
        let expiring = |days_left| Event::CertificateExpiring { holder, valid_until, days_left };
        for (day, warning) in [(19, None), (20, Some(30)), (43, Some(7)), (49, Some(1)), (50, None)] {
            host::storage_clear(&pallet_support::events::EVENTS_KEY);
            set_day(day);
            on_initialize();
            for days in [30, 7, 1] {
                assert_eq!(has_event(INDEX, &expiring(days)), warning == Some(days), "day {day}, {days}");
            }
            check_invariants().unwrap();
        }
        assert!(has_event(INDEX, &Event::CertificateExpired { holder, valid_until }));
        assert!(crate::members_of(&NODE).is_empty(), "an expired node is forgotten");
        // What is registered inside the last days is warned of at once.
        register(sign(1, level1(A, 2, 50..53))).unwrap();
        let valid_until = START + 53 * DAY_MS;
        assert!(last_event_is(INDEX, &Event::CertificateExpiring { holder, valid_until, days_left: 3 }));
    });
}

#[test]
fn r15_a_block_looks_at_a_bounded_number_of_certificates() {
    with_tower(|| {
        let nodes = DUE_PER_BLOCK_MAX + 5;
        for number in 0..nodes as u8 {
            let subject = Subject::Peer { member: A, node: [number; 32], name: "n".into() };
            register(sign(1, terms(subject, 1, 0..40))).unwrap();
        }
        set_day(40);
        on_initialize();
        let left = PEERS.iter().count() as u32;
        assert_eq!(left, nodes - DUE_PER_BLOCK_MAX, "all have expired, a block sees to some of them");
        on_initialize();
        assert_eq!(PEERS.iter().count(), 0);
        // After a long stretch without blocks, days are walked over a few dozen at a time.
        set_day(4_000);
        on_initialize();
        assert!(NEXT_DAY.get().unwrap() < 20_777 + 200);
        (0..150).for_each(|_| on_initialize());
        assert_eq!(NEXT_DAY.get(), Some(20_777 + 4_001));
        assert_eq!((DUE.iter().count(), DUE_ON.iter_keys().count()), (0, 0));
    });
}

#[test]
fn r15_the_revoked_are_forgotten_when_nothing_depends_on_them() {
    with_tower(|| {
        call(A, Call::revoke_peer { member: A, node: NODE }).unwrap();
        root(Call::revoke { member: B }).unwrap();
        set_day(399);
        (0..40).for_each(|_| on_initialize());
        assert!(REVOKED_PEERS.get(&A, &NODE).is_some() && PRINCIPALS.contains(&B));
        set_day(401);
        on_initialize();
        assert!(REVOKED_PEERS.get(&A, &NODE).is_none() && !PRINCIPALS.contains(&B));
        assert_eq!(MEMBERS.get_or_default(), [A, C, D]);
    });
}

#[test]
fn r16_expired_and_revoked_members_are_not_eligible_but_vote_while_members() {
    with_tower(|| {
        assert!([A, B, C, D].iter().all(is_eligible) && !is_eligible(&E));
        admit(sign(ROOT_SEED, level0(E, key(5), 1, 2..90))).unwrap();
        assert!(!is_eligible(&E), "its window has not begun");
        set_day(2);
        assert!(is_eligible(&E));
        set_day(100);
        assert!(![A, B, C, D, E].iter().any(is_eligible));
        propose(A, write()).unwrap();
    });
}

#[test]
fn r17_revocation_counts_at_the_gate_from_the_next_set_change() {
    with_tower(|| {
        assert_eq!(storage::EFFECTIVE_TIME.get(), None);
        on_initialize();
        assert_eq!(storage::EFFECTIVE_TIME.get(), Some(START), "the first set");
        set_day(1);
        on_initialize();
        let certificate = sign(2, level1(B, 1, 0..90));
        let at_the_gate = || tower().check_peer(&certificate, &NODE, &crate::principals::Host);
        assert_eq!(at_the_gate(), Ok(B));
        root(Call::revoke { member: B }).unwrap();
        assert_eq!(at_the_gate(), Ok(B));
        note_set_change();
        let at_ms = START + DAY_MS;
        assert_eq!(at_the_gate(), Err(Refusal::Revoked { what: "the peer's organisation", at_ms }));
    });
}

#[test]
fn r10_a_batch_needs_what_its_most_demanding_call_needs() {
    with_tower(|| {
        let light = Share { numerator: 0, denominator: 1 };
        let thresholds = Thresholds { parameters: light, admit: light, ..Thresholds::default() };
        let set = TestCall::Nested(Call::set_thresholds { thresholds });
        propose(A, set.clone()).unwrap();
        assert_eq!(storage::MOTIONS.get(&0).unwrap().classes, Class::ALL);
        vote(B, 0, true).unwrap();
        refused(execute(A, 0), Error::NotPassed);
        vote(C, 0, true).unwrap();
        execute(A, 0).unwrap();
        // One approval is now enough for parameters and admission, but not for what hides a revocation.
        propose(A, write()).unwrap();
        assert_eq!(written(), Some(b"x".to_vec()));
        propose(
            A,
            TestCall::Nested(Call::admit { certificate: sign(ROOT_SEED, level0(E, key(5), 1, 0..90)) }),
        )
        .unwrap();
        assert_eq!(members().len(), 5);
        let hidden = TestCall::Batch(vec![write(), TestCall::Nested(Call::revoke { member: B })]);
        propose(A, hidden).unwrap();
        assert_eq!(storage::MOTIONS.get(&3).unwrap().classes, [Class::Revoke, Class::Parameters]);
        assert_eq!(approvals_needed(&[Class::Revoke, Class::Parameters]), 4);
        let bad = Thresholds { revoke: Share { numerator: 1, denominator: 1 }, ..Thresholds::default() };
        refused(root(Call::set_thresholds { thresholds: bad }), Error::BadForm);
    });
}

#[test]
fn another_root_key_replaces_the_first() {
    with_tower(|| {
        root(Call::set_root { key: key(8) }).unwrap();
        assert_eq!(ROOT.get(), Some(key(8)));
        refused(admit(sign(ROOT_SEED, level0(E, key(5), 1, 0..90))), Error::WrongIssuer);
        admit(sign(8, level0(E, key(5), 1, 0..90))).unwrap();
        for call in [Call::set_root { key: key(9) }, Call::revoke { member: A }] {
            assert_eq!(
                dispatch(call, Origin::Signed(A), &RUNNER).unwrap_err().error,
                DispatchError::BadOrigin
            );
        }
    });
}
