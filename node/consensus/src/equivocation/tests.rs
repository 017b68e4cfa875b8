//! Two headers in one slot.

use super::*;

fn header(number: u32) -> (H256, Arc<Header>) {
    let header = Header { number, ..Header::default() };
    (header.hash(), Arc::new(header))
}

fn note(
    detector: &mut EquivocationDetector,
    slot: u64,
    author: u8,
    number: u32,
) -> Option<EquivocationProof> {
    let (hash, header) = header(number);
    detector.note(Slot(slot), AuraId([author; 32]), hash, &header)
}

#[test]
fn r1_two_different_headers_are_proven() {
    let mut detector = EquivocationDetector::default();
    assert_eq!(note(&mut detector, 5, 1, 1), None);
    assert_eq!(note(&mut detector, 5, 1, 1), None, "the same header again");
    assert_eq!(note(&mut detector, 5, 2, 2), None, "another author");
    assert_eq!(note(&mut detector, 6, 1, 2), None, "another slot");
    let proof = note(&mut detector, 5, 1, 3).expect("another header");
    assert_eq!((proof.slot, proof.offender), (Slot(5), AuraId([1; 32])));
    assert_eq!((proof.first.number, proof.second.number), (1, 3));
}

#[test]
fn r2_reported_once() {
    let mut detector = EquivocationDetector::default();
    note(&mut detector, 5, 1, 1);
    assert!(note(&mut detector, 5, 1, 2).is_some());
    assert_eq!(note(&mut detector, 5, 1, 3), None);
}

#[test]
fn r3_old_slots_are_forgotten() {
    let mut detector = EquivocationDetector::default();
    assert!(detector.is_empty());
    note(&mut detector, 5, 1, 1);
    note(&mut detector, 5 + SLOTS_KEPT, 1, 2);
    assert_eq!(detector.len(), 2);
    note(&mut detector, 6 + SLOTS_KEPT, 1, 3);
    assert_eq!(detector.len(), 2);
    assert_eq!(note(&mut detector, 5, 1, 4), None, "too old to examine");
    assert_eq!(detector.len(), 2);
}
