use super::*;
use crate::certificate::{Signer, peer_id};
use crate::suri::Suri;
use parity_scale_codec::Encode;
use quire_certificate::{DAY_MS, Principal, Refusal, Subject, Terms};
use quire_core::H256;

const NOW: u64 = 1_000 * DAY_MS;
const NODE: [u8; 32] = [0x4e; 32];
const LINK: u64 = 3;

fn alice() -> Signer {
    Signer::new(Suri::parse("//Alice").unwrap(), false)
}

fn member() -> AccountId {
    AccountId(*alice().key().unwrap().bytes())
}

fn certificate(valid_until: u64) -> Vec<u8> {
    let subject = Subject::Peer { member: member(), node: NODE, name: "node".into() };
    let issuer = alice().key().unwrap();
    let terms = Terms { chain: H256([1; 32]), subject, issuer, serial: 1, valid_from: NOW, valid_until };
    let signature = alice().sign(&terms.payload()).unwrap();
    terms.signed(signature).encode()
}

fn view(effective_ms: u64) -> View {
    let principal = Principal {
        name: "Alice".into(),
        key: alice().key().unwrap(),
        former_key: None,
        serial: 0,
        valid_from: 0,
        valid_until: NOW + 100 * DAY_MS,
        revoked_at: None,
    };
    let tower = Tower {
        chain: H256([1; 32]),
        root: alice().key().unwrap(),
        now_ms: NOW,
        effective_ms,
        principals: vec![(member(), principal)],
        revoked_peers: Vec::new(),
    };
    View { tower, authorities: Vec::new() }
}

fn framed(certificate: &[u8]) -> Vec<u8> {
    [&[FORM], certificate].concat()
}

fn started() -> Machine {
    let mut machine = Machine::new(Some(vec![7; 10]));
    machine.look(view(NOW));
    let asked = machine.opened(0, LINK, &peer_id(&NODE));
    assert_eq!(asked, [Effect::Ask { link: LINK, bytes: framed(&[7; 10]) }]);
    machine
}

#[test]
fn one_round_trip_tells_both_sides() {
    let mut machine = started();
    let good = certificate(NOW + DAY_MS);
    let (answer, effects) = machine.question(Some(LINK), &framed(&good));
    assert_eq!(answer, framed(&[7; 10]));
    assert!(matches!(effects.as_slice(), [Effect::Stands { link: LINK, standing }] if standing.is_full()));
    assert!(machine.answer(LINK, &framed(&good)).is_empty(), "nothing new");
    assert!(machine.tick(ASK_AGAIN_MS * 2).is_empty(), "who is full is not asked again");
    let (answer, effects) = Machine::new(None).question(None, &framed(&good));
    assert_eq!((answer, effects), (vec![FORM], Vec::new()));
}

#[test]
fn e1_who_is_limited_is_asked_again_in_time() {
    let mut machine = started();
    assert!(machine.tick(ASK_AGAIN_MS - 1).is_empty());
    assert_eq!(machine.tick(ASK_AGAIN_MS).len(), 1);
    assert!(machine.tick(ASK_AGAIN_MS).is_empty());
    machine.closed(LINK);
    assert!(machine.tick(u64::MAX).is_empty());
    assert_eq!(machine.standing(LINK), None);
}

#[test]
fn e2_expiry_counts_with_the_view_of_the_set_change() {
    let mut machine = started();
    machine.answer(LINK, &framed(&certificate(NOW + DAY_MS)));
    assert!(machine.standing(LINK).unwrap().is_full());
    assert!(machine.look(view(NOW + DAY_MS - 1)).is_empty());
    let effects = machine.look(view(NOW + DAY_MS));
    let Some(Effect::Stands { standing: Standing::Limited { reason }, .. }) = effects.first() else {
        panic!("{effects:?}")
    };
    assert!(matches!(reason, Refusal::Expired { .. }));
    machine.answer(LINK, &framed(&certificate(NOW + 3 * DAY_MS)));
    assert!(machine.standing(LINK).unwrap().is_full(), "it renewed");
}

#[test]
fn e3_junk_is_as_good_as_nothing() {
    let mut machine = started();
    for junk in [&[][..], &[FORM], &[2, 1, 1], &[FORM; CERTIFICATE_BYTES_MAX + 2]] {
        machine.answer(LINK, junk);
        let reason = Refusal::NoCertificate;
        assert_eq!(machine.standing(LINK), Some(&Standing::Limited { reason }));
    }
    machine.answer(LINK, &framed(&[0xff; 80]));
    assert_eq!(machine.standing(LINK), Some(&Standing::Limited { reason: Refusal::Undecodable }));
    machine.answer(LINK, &framed(&certificate(NOW + DAY_MS)));
    machine.answer(LINK, &[]);
    assert!(machine.standing(LINK).unwrap().is_full(), "silence takes nothing back");
}

#[test]
fn e4_nothing_is_refused_before_the_first_answer() {
    let mut machine = started();
    assert!(machine.allows(LINK, Standing::is_full));
    machine.answer(LINK, &[FORM]);
    assert!(!machine.allows(LINK, Standing::is_full));
    machine.answer(LINK, &framed(&certificate(NOW + DAY_MS)));
    assert!(machine.allows(LINK, Standing::is_full));
    let mut machine = started();
    machine.failed(LINK);
    assert!(!machine.allows(LINK, Standing::is_full) && !machine.allows(LINK + 1, Standing::is_full));
}

#[test]
fn e5_links_are_bounded() {
    let mut machine = started();
    for link in 0..LINKS_MAX as u64 + 10 {
        machine.opened(0, link, &peer_id(&NODE));
    }
    assert!(machine.peers.len() <= LINKS_MAX);
}
