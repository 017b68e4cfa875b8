//! One test per rule of the tower.

use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use ed25519_zebra::{SigningKey, VerificationKeyBytes};
use parity_scale_codec::Encode;
use proptest::prelude::*;
use quire_core::{AccountId, H256};
use schnorrkel::{ExpansionMode, MiniSecretKey};

use crate::armour::{ArmourError, Armoured, TEXT_BYTES_MAX};
use crate::*;

const CHAIN: H256 = H256([0x61; 32]);
const MEMBER: AccountId = AccountId([1; 32]);
const NOW: u64 = 1_000 * DAY_MS;

struct Crates;

impl Verify for Crates {
    fn verify(&self, key: &Key, message: &[u8], signature: &[u8; 64]) -> bool {
        match key {
            Key::Ed25519(public) => ed25519_zebra::VerificationKey::try_from(*public).is_ok_and(|public| {
                public.verify(&ed25519_zebra::Signature::from(*signature), message).is_ok()
            }),
            Key::Sr25519(public) => schnorrkel::PublicKey::from_bytes(public).is_ok_and(|public| {
                schnorrkel::Signature::from_bytes(signature)
                    .is_ok_and(|signature| public.verify_simple(b"substrate", message, &signature).is_ok())
            }),
        }
    }
}

/// A signer by its seed; even seeds are sr25519, odd ones ed25519.
fn key(seed: u8) -> Key {
    if seed.is_multiple_of(2) {
        Key::Sr25519(pair(seed).public.to_bytes())
    } else {
        Key::Ed25519(VerificationKeyBytes::from(&SigningKey::from([seed; 32])).into())
    }
}

fn pair(seed: u8) -> schnorrkel::Keypair {
    MiniSecretKey::from_bytes(&[seed; 32]).unwrap().expand_to_keypair(ExpansionMode::Ed25519)
}

fn signature(seed: u8, message: &[u8]) -> [u8; 64] {
    if seed.is_multiple_of(2) {
        let context = schnorrkel::signing_context(b"substrate");
        // A transcript of its own makes the nonce depend on key and message only: vectors stay what they are.
        pair(seed).sign(context.bytes(message)).to_bytes()
    } else {
        SigningKey::from([seed; 32]).sign(message).into()
    }
}

fn sign(seed: u8, mut terms: Terms) -> Certificate {
    terms.issuer = key(seed);
    let signature = signature(seed, &terms.payload());
    terms.signed(signature)
}

fn terms(subject: Subject) -> Terms {
    let (valid_from, valid_until) = (NOW - 10 * DAY_MS, NOW + 10 * DAY_MS);
    Terms { chain: CHAIN, subject, issuer: Key::default(), serial: 1, valid_from, valid_until }
}

/// The node has seed 31, the principal 2, the root 4, the client 6.
fn node() -> [u8; 32] {
    *key(31).bytes()
}

fn peer() -> Subject {
    Subject::Peer { member: MEMBER, node: node(), name: "node-1".into() }
}

fn principal() -> Subject {
    Subject::Principal { account: MEMBER, key: key(2), name: "Printers' Guild".into() }
}

/// Work of at least `bits`.
fn client(bits: u32) -> Subject {
    let nonce = (0..).find(|nonce| work_bits(&CHAIN, &node(), &key(6), *nonce) >= bits).unwrap();
    Subject::Client { key: key(6), peer: node(), nonce }
}

fn tower() -> Tower {
    let record = Principal {
        name: "Printers' Guild".into(),
        key: key(2),
        former_key: Some(FormerKey { key: key(12), valid_until: NOW + DAY_MS }),
        serial: 1,
        valid_from: NOW - 100 * DAY_MS,
        valid_until: NOW + 100 * DAY_MS,
        revoked_at: None,
    };
    let other = Principal { key: key(22), former_key: None, ..record.clone() };
    Tower {
        chain: CHAIN,
        root: key(4),
        now_ms: NOW,
        effective_ms: NOW,
        principals: vec![(MEMBER, record), (AccountId([2; 32]), other)],
        revoked_peers: Vec::new(),
    }
}

fn judge(tower: &Tower, certificate: &Certificate) -> Result<AccountId, Refusal> {
    tower.check_peer(certificate, &node(), &Crates)
}

#[test]
fn a_whole_tower_stands() {
    let level0 = sign(4, terms(principal()));
    level0.check_principal(&CHAIN, &key(4), None, NOW, &Crates).unwrap();
    assert_eq!(judge(&tower(), &sign(2, terms(peer()))), Ok(MEMBER));
    let level2 = sign(31, terms(client(8)));
    tower().check_client(&level2, &key(6), &node(), 8, &Crates).unwrap();
}

#[test]
fn c1_another_chain() {
    let named = H256([9; 32]);
    let certificate = sign(2, Terms { chain: named, ..terms(peer()) });
    assert_eq!(judge(&tower(), &certificate), Err(Refusal::OtherChain { named }));
    let level0 = sign(4, Terms { chain: named, ..terms(principal()) });
    let refusal = level0.check_principal(&CHAIN, &key(4), None, NOW, &Crates);
    assert_eq!(refusal, Err(Refusal::OtherChain { named }));
}

#[test]
fn c2_levels_requests_and_extrinsics_do_not_mix() {
    let level0 = sign(2, terms(principal()));
    assert_eq!(judge(&tower(), &level0), Err(Refusal::WrongLevel { got: 0, wanted: 1 }));
    let payloads = [terms(principal()).payload(), terms(peer()).payload(), terms(client(0)).payload()];
    for (level, payload) in payloads.iter().enumerate() {
        assert!(payload.starts_with(alloc::format!("quire/certificate/1/level-{level}").as_bytes()));
    }
    let request = RequestTerms { chain: CHAIN, subject: peer() };
    assert!(request.payload().starts_with(b"quire/certificate-request/1/level-1"));
}

#[test]
fn c3_windows_begin_end_and_are_bounded() {
    let with = |valid_from, valid_until| sign(2, Terms { valid_from, valid_until, ..terms(peer()) });
    let what = "the certificate";
    assert_eq!(judge(&tower(), &with(NOW, NOW + 1)), Ok(MEMBER));
    assert_eq!(
        judge(&tower(), &with(NOW + 1, NOW + 2)),
        Err(Refusal::NotYetValid { what, from_ms: NOW + 1 })
    );
    assert_eq!(judge(&tower(), &with(NOW - 1, NOW)), Err(Refusal::Expired { what, at_ms: NOW }));
    for (from, until) in [(NOW, NOW), (NOW, NOW - 1), (NOW, NOW + WINDOW_MS_MAX[1] + 1)] {
        assert!(matches!(judge(&tower(), &with(from, until)), Err(Refusal::Form { .. })));
    }
    let serial0 = sign(2, Terms { serial: 0, ..terms(peer()) });
    assert!(matches!(judge(&tower(), &serial0), Err(Refusal::Form { .. })));
}

#[test]
fn c4_names_and_lengths() {
    let named = |name: String| sign(2, terms(Subject::Peer { member: MEMBER, node: node(), name }));
    assert_eq!(judge(&tower(), &named("é".repeat(32))), Ok(MEMBER));
    for bad in [String::new(), "a".repeat(65), "a\nb".into(), "\u{7f}".into()] {
        assert!(matches!(judge(&tower(), &named(bad)), Err(Refusal::Form { .. })));
    }
    let longest = sign(2, terms(Subject::Principal { account: MEMBER, key: key(2), name: "a".repeat(64) }));
    assert!(longest.encode().len() <= CERTIFICATE_BYTES_MAX);
    assert_eq!(Certificate::read(&longest.encode()), Ok(longest.clone()));
    let mut more = longest.encode();
    more.push(0);
    assert_eq!(Certificate::read(&more), Err(Refusal::Undecodable));
    assert_eq!(Certificate::read(&vec![0; CERTIFICATE_BYTES_MAX + 1]), Err(Refusal::Undecodable));
}

#[test]
fn c5_root_or_the_principal_itself() {
    let judge = |seed: u8, present: Option<Key>| {
        sign(seed, terms(principal())).check_principal(&CHAIN, &key(4), present.as_ref(), NOW, &Crates)
    };
    assert_eq!(judge(4, None), Ok(()));
    assert_eq!(judge(2, Some(key(2))), Ok(()));
    assert_eq!(judge(2, None), Err(Refusal::WrongPrincipal));
    assert_eq!(judge(22, Some(key(2))), Err(Refusal::WrongPrincipal));
    let mut forged = sign(4, terms(principal()));
    forged.signature[0] ^= 1;
    let refusal = forged.check_principal(&CHAIN, &key(4), None, NOW, &Crates);
    assert_eq!(refusal, Err(Refusal::BadSignature));
    let late = sign(4, terms(principal()));
    let at_ms = late.terms.valid_until;
    let refusal = late.check_principal(&CHAIN, &key(4), None, at_ms, &Crates);
    assert_eq!(refusal, Err(Refusal::Expired { what: "the certificate", at_ms }));
}

#[test]
fn c6_the_named_principal_signs() {
    assert_eq!(judge(&tower(), &sign(22, terms(peer()))), Err(Refusal::WrongPrincipal));
    assert_eq!(judge(&tower(), &sign(12, terms(peer()))), Ok(MEMBER), "the former key");
    let later = Tower { effective_ms: NOW + DAY_MS, ..tower() };
    assert_eq!(judge(&later, &sign(12, terms(peer()))), Err(Refusal::WrongPrincipal));
    let member = AccountId([3; 32]);
    let stranger = Subject::Peer { member, node: node(), name: "x".into() };
    assert_eq!(judge(&tower(), &sign(2, terms(stranger))), Err(Refusal::UnknownPrincipal { member }));
    let mut forged = sign(2, terms(peer()));
    forged.terms.serial += 1;
    assert_eq!(judge(&tower(), &forged), Err(Refusal::BadSignature));
    let stolen = tower().check_peer(&sign(2, terms(peer())), &[8; 32], &Crates);
    assert_eq!(stolen, Err(Refusal::WrongSubject));
}

#[test]
fn c7_clients_pay_with_work_bound_to_chain_and_peer() {
    let certificate = sign(31, terms(client(8)));
    let judge = |certificate: &Certificate, peer: &[u8; 32], bits| {
        tower().check_client(certificate, &key(6), peer, bits, &Crates)
    };
    assert_eq!(judge(&certificate, &node(), 8), Ok(()));
    let refusal = judge(&certificate, &node(), 60);
    assert!(matches!(refusal, Err(Refusal::TooLittleWork { bits, wanted: 60 }) if bits >= 8));
    assert_eq!(judge(&certificate, &[8; 32], 8), Err(Refusal::WrongPrincipal));
    assert_eq!(judge(&sign(2, terms(client(8))), &node(), 8), Err(Refusal::WrongPrincipal));
    let stolen = tower().check_client(&certificate, &key(8), &node(), 8, &Crates);
    assert_eq!(stolen, Err(Refusal::WrongSubject));
    let later = Tower { now_ms: certificate.terms.valid_until, effective_ms: 0, ..tower() };
    let refusal = later.check_client(&certificate, &key(6), &node(), 8, &Crates);
    assert!(matches!(refusal, Err(Refusal::Expired { .. })));
    let Subject::Client { nonce, .. } = certificate.terms.subject else { unreachable!() };
    let here = work_hash(&CHAIN, &node(), &key(6), nonce);
    assert_ne!(here, work_hash(&H256([0; 32]), &node(), &key(6), nonce));
    assert_ne!(here, work_hash(&CHAIN, &[0; 32], &key(6), nonce));
    assert_ne!(here, work_hash(&CHAIN, &node(), &key(8), nonce));
}

#[test]
fn c8_requests_prove_possession() {
    let ask = |seed: u8, subject: Subject| {
        let terms = RequestTerms { chain: CHAIN, subject };
        let signature = signature(seed, &terms.payload());
        terms.signed(signature)
    };
    assert_eq!(ask(31, peer()).check(&CHAIN, 0, &Crates), Ok(()));
    assert_eq!(ask(2, principal()).check(&CHAIN, 0, &Crates), Ok(()));
    assert_eq!(ask(6, client(8)).check(&CHAIN, 8, &Crates), Ok(()));
    assert_eq!(ask(2, peer()).check(&CHAIN, 0, &Crates), Err(Refusal::BadSignature));
    let refusal = ask(6, client(8)).check(&CHAIN, 61, &Crates);
    assert!(matches!(refusal, Err(Refusal::TooLittleWork { .. })));
    let other = H256([3; 32]);
    assert_eq!(ask(31, peer()).check(&other, 0, &Crates), Err(Refusal::OtherChain { named: CHAIN }));
}

#[test]
fn c10_revocation_and_expiry_wait_for_the_set_change() {
    let certificate = sign(2, terms(peer()));
    let end = certificate.terms.valid_until;
    let mut tower = Tower { now_ms: end + 5 * DAY_MS, effective_ms: end - 1, ..tower() };
    assert_eq!(judge(&tower, &certificate), Ok(MEMBER));
    tower.effective_ms = end;
    assert_eq!(judge(&tower, &certificate), Err(Refusal::Expired { what: "the certificate", at_ms: end }));
    tower.effective_ms = NOW;
    let entry = |member, at| ((member, node()), RevokedPeer { at, until: u64::MAX });
    tower.revoked_peers = vec![entry(AccountId([2; 32]), 0)];
    assert_eq!(judge(&tower, &certificate), Ok(MEMBER), "another member's word");
    tower.revoked_peers = vec![entry(MEMBER, NOW + 1)];
    assert_eq!(judge(&tower, &certificate), Ok(MEMBER));
    tower.revoked_peers = vec![entry(MEMBER, NOW)];
    let refusal = judge(&tower, &certificate);
    assert_eq!(refusal, Err(Refusal::Revoked { what: "the peer's node key", at_ms: NOW }));
    assert_eq!(tower.authentic_peer(&certificate, &node(), &Crates), Ok(MEMBER), "who it is stays known");
    tower.revoked_peers.clear();
    tower.principals[0].1.revoked_at = Some(NOW);
    let what = "the peer's organisation";
    assert_eq!(judge(&tower, &certificate), Err(Refusal::Revoked { what, at_ms: NOW }));
    tower.principals[0].1.revoked_at = None;
    tower.principals[0].1.valid_until = NOW;
    let what = "the certificate of the peer's organisation";
    assert_eq!(judge(&tower, &certificate), Err(Refusal::Expired { what, at_ms: NOW }));
}

#[test]
fn c11_armour_knows_damage() {
    let certificate = sign(2, terms(peer()));
    let text = certificate.to_text();
    assert!(text.starts_with("-----BEGIN QUIRE CERTIFICATE-----\n"));
    let around = alloc::format!("for node-1, by mail\r\n{}\nbye", text.replace('\n', "\r\n"));
    assert_eq!(Certificate::from_text(&around), Ok(certificate.clone()));
    assert!(matches!(Request::from_text(&text), Err(ArmourError::NoBegin { .. })));
    assert!(matches!(Certificate::from_text(&text[..text.len() - 10]), Err(ArmourError::NoEnd { .. })));
    let body = text.find('\n').unwrap() + 5;
    let mut damaged = text.clone().into_bytes();
    damaged[body] = if damaged[body] == b'0' { b'1' } else { b'0' };
    let damaged = String::from_utf8(damaged).unwrap();
    let error = Certificate::from_text(&damaged).unwrap_err();
    assert_eq!(error, ArmourError::Damaged { what: "wrong checksum" });
    assert!(error.to_string().contains("copy it again"));
    let mut gap = text.clone();
    gap.replace_range(body..body + 2, "");
    assert!(matches!(Certificate::from_text(&gap), Err(ArmourError::Damaged { .. })));
    let long = "x".repeat(TEXT_BYTES_MAX + 1);
    assert!(matches!(Certificate::from_text(&long), Err(ArmourError::TooLong { .. })));
    let empty = "-----BEGIN QUIRE CERTIFICATE-----\n-----END QUIRE CERTIFICATE-----\n";
    assert!(matches!(Certificate::from_text(empty), Err(ArmourError::Damaged { .. })));
}

/// Frozen bytes: a change here makes every certificate that was ever signed worthless.
#[test]
fn vectors_stay_what_they_are() {
    let level1 = Terms {
        issuer: Key::Sr25519([7; 32]),
        ..terms(Subject::Peer { member: MEMBER, node: [5; 32], name: "node-1".into() })
    };
    let digest = |bytes: &[u8]| hex::encode(quire_core::hash::blake2_256(bytes));
    let mut expected = b"quire/certificate/1/level-1".to_vec();
    expected.extend([0x61; 32]);
    expected.push(1);
    expected.extend([1; 32]);
    expected.extend([5; 32]);
    expected.extend(b"\x18node-1");
    expected.push(1);
    expected.extend([7; 32]);
    expected.extend(1u64.to_le_bytes());
    expected.extend((990 * DAY_MS).to_le_bytes());
    expected.extend((1_010 * DAY_MS).to_le_bytes());
    assert_eq!(level1.payload(), expected);
    let certificate = level1.signed([9; 64]);
    assert_eq!(certificate.encode(), [&expected[27..], &[9; 64]].concat());
    let work = work_hash(&CHAIN, &[5; 32], &Key::Ed25519([6; 32]), 7);
    let preimage = [
        b"quire/certificate-work/1".as_slice(),
        &[0x61; 32],
        &[5; 32],
        &[0],
        &[6; 32],
        &[7, 0, 0, 0, 0, 0, 0, 0],
    ]
    .concat();
    assert_eq!(hex::encode(work), digest(&preimage));
}

proptest! {
    #[test]
    fn any_bytes_are_refused_or_read_back(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        if let Ok(certificate) = Certificate::read(&bytes) {
            prop_assert_eq!(certificate.encode(), bytes.clone());
            prop_assert_eq!(Certificate::from_text(&certificate.to_text()), Ok(certificate));
        }
        if let Ok(request) = Request::read(&bytes) {
            prop_assert_eq!(request.encode(), bytes);
        }
    }

    #[test]
    fn one_wrong_bit_anywhere_is_refused(place in 0usize..10_000, bit in 0u8..8) {
        let good = sign(2, terms(peer()));
        let mut bytes = good.encode();
        let place = place % bytes.len();
        bytes[place] ^= 1 << bit;
        let judged = Certificate::read(&bytes).and_then(|bad| judge(&tower(), &bad));
        prop_assert!(judged.is_err(), "byte {}", place);
    }

    #[test]
    fn any_text_is_refused_or_read(text in ".{0,300}") {
        prop_assert!(Certificate::from_text(&text).is_err());
    }
}
