use super::*;
use crate::certificate::Signer;
use crate::suri::Suri;
use parity_scale_codec::Encode;
use quire_certificate::{DAY_MS, Principal, RevokedPeer, Subject, Terms};
use quire_core::H256;

const CHAIN: H256 = H256([0x61; 32]);
const NOW: u64 = 1_000 * DAY_MS;
const NODE: [u8; 32] = [0x4e; 32];

fn member(name: &str) -> AccountId {
    AccountId(*signer(name).key().unwrap().bytes())
}

fn signer(name: &str) -> Signer {
    Signer::new(Suri::parse(&format!("//{name}")).unwrap(), false)
}

fn terms(name: &str) -> Terms {
    let subject = Subject::Peer { member: member(name), node: NODE, name: "node".into() };
    let (valid_from, valid_until) = (NOW - DAY_MS, NOW + DAY_MS);
    let issuer = signer(name).key().unwrap();
    Terms { chain: CHAIN, subject, issuer, serial: 1, valid_from, valid_until }
}

fn signed(name: &str, terms: Terms) -> Vec<u8> {
    let signature = signer(name).sign(&terms.payload()).unwrap();
    terms.signed(signature).encode()
}

fn tower() -> Tower {
    let principal = |name: &str| {
        let key = signer(name).key().unwrap();
        let (valid_from, valid_until) = (0, NOW + 100 * DAY_MS);
        let record = Principal {
            name: name.into(),
            key,
            former_key: None,
            serial: 0,
            valid_from,
            valid_until,
            revoked_at: None,
        };
        (member(name), record)
    };
    let mut principals = vec![principal("Alice"), principal("Bob")];
    principals.sort_by_key(|(account, _)| *account);
    let root = signer("Root").key().unwrap();
    Tower { chain: CHAIN, root, now_ms: NOW, effective_ms: NOW, principals, revoked_peers: Vec::new() }
}

fn judged(tower: &Tower, authorities: &[AccountId], presented: Option<&[u8]>) -> Standing {
    judge(&Scene { tower, authorities }, &NODE, presented)
}

fn reason(standing: Standing) -> Refusal {
    match standing {
        Standing::Limited { reason } => reason,
        full => panic!("{full:?}"),
    }
}

#[test]
fn a1_every_refusal_of_the_list_is_told() {
    let good = signed("Alice", terms("Alice"));
    let full = Standing::Full { member: member("Alice"), by: Ground::Certificate };
    assert_eq!(judged(&tower(), &[], Some(&good)), full);
    assert_eq!(reason(judged(&tower(), &[], None)), Refusal::NoCertificate);
    assert_eq!(reason(judged(&tower(), &[], Some(&good[1..]))), Refusal::Undecodable);
    let by = |name: &str, terms: Terms| reason(judged(&tower(), &[], Some(&signed(name, terms))));
    assert!(matches!(
        by("Alice", Terms { chain: H256([2; 32]), ..terms("Alice") }),
        Refusal::OtherChain { .. }
    ));
    let late = Terms { valid_until: NOW, ..terms("Alice") };
    assert!(matches!(by("Alice", late), Refusal::Expired { .. }));
    let early = Terms { valid_from: NOW + 1, ..terms("Alice") };
    assert!(matches!(by("Alice", early), Refusal::NotYetValid { .. }));
    let of_bob = Terms { issuer: signer("Bob").key().unwrap(), ..terms("Alice") };
    assert_eq!(by("Bob", of_bob), Refusal::WrongPrincipal);
    assert_eq!(by("Bob", terms("Alice")), Refusal::BadSignature);
    assert!(matches!(by("Charlie", terms("Charlie")), Refusal::UnknownPrincipal { .. }));
    let mut tower = tower();
    let revoked = RevokedPeer { at: NOW, until: u64::MAX };
    tower.revoked_peers = vec![((member("Alice"), NODE), revoked)];
    assert!(matches!(reason(judged(&tower, &[], Some(&good))), Refusal::Revoked { .. }));
}

#[test]
fn a2_authorities_take_part_whatever_their_certificates_say() {
    let mut tower = tower();
    for (_, principal) in &mut tower.principals {
        principal.revoked_at = Some(NOW - 1);
    }
    let late = signed("Alice", Terms { valid_until: NOW, ..terms("Alice") });
    let full = Standing::Full { member: member("Alice"), by: Ground::Authority };
    assert_eq!(judged(&tower, &[member("Alice")], Some(&late)), full);
    assert!(!judged(&tower, &[member("Bob")], Some(&late)).is_full());
    // A certificate that its member never signed proves nothing.
    let forged = signed("Bob", terms("Alice"));
    assert_eq!(reason(judged(&tower, &[member("Alice")], Some(&forged))), Refusal::BadSignature);
}

#[test]
fn a3_limited_peers_read_submit_and_pass_on_votes() {
    let limited = judged(&tower(), &[], None);
    for channel in [Channel::BlockAnnounces, Channel::Transactions, Channel::Grandpa] {
        assert!(limited.may_notify(channel));
    }
    for method in [Method::Sync, Method::Light, Method::State, Method::Warp, Method::Certificate] {
        assert!(limited.may_request(method));
    }
    assert!(!limited.may_notify(Channel::Batches) && !limited.may_request(Method::Chunks));
    assert!(limited.explanation().contains("no certificate was presented"));
    let full = judged(&tower(), &[], Some(&signed("Bob", terms("Bob"))));
    assert!(full.may_notify(Channel::Batches) && full.may_request(Method::Chunks));
}
