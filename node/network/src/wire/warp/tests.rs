//! Round trips, limits, and smoldot's own reading.

use super::*;
use quire_core::justification::SignedPrecommit;
use quire_core::{Digest, DigestItem, GrandpaId};

fn fragment(number: u32) -> Fragment {
    let digest = Digest { logs: vec![DigestItem::Other(vec![number as u8; 9])] };
    let header = Header { number, digest, ..Header::default() };
    let precommit = SignedPrecommit {
        target_hash: header.hash(),
        target_number: number,
        signature: [3; 64],
        id: GrandpaId([4; 32]),
    };
    let justification = GrandpaJustification {
        round: 5,
        target_hash: header.hash(),
        target_number: number,
        precommits: vec![precommit],
        votes_ancestries: vec![Header { number: number + 1, ..Header::default() }],
    };
    Fragment { header, justification }
}

#[test]
fn r1_smoldot_reads_our_fragments() {
    let proof = WarpProof { fragments: vec![fragment(7), fragment(70)], is_finished: true };
    let bytes = proof.encode();
    let read =
        smoldot::network::codec::decode_grandpa_warp_sync_response(&bytes, 4).expect("smoldot reads it");
    assert!(read.is_finished);
    assert_eq!(read.fragments.len(), 2);
    for (read, ours) in read.fragments.iter().zip(&proof.fragments) {
        assert_eq!(read.scale_encoded_header, ours.header.encode());
        assert_eq!(read.scale_encoded_justification, ours.justification.encode());
    }
    assert_eq!(WarpProof::decode_response(&bytes), Ok(proof));
}

#[test]
fn the_end_of_an_answer_has_known_bytes() {
    let empty = WarpProof { fragments: vec![], is_finished: true };
    assert_eq!(empty.encode(), [0, 1]);
    let one = WarpProof { fragments: vec![fragment(1)], is_finished: false }.encode();
    assert_eq!((one[0], one.last()), (4, Some(&0)));
}

#[test]
fn r2_limits_hold() {
    assert_eq!(decode_request(&[1; 32]), Ok(H256([1; 32])));
    assert_eq!(decode_request(&[1; 33]), Err(WarpWireError::Request { bytes: 33 }));
    let bytes = MAX_RESPONSE_BYTES + 1;
    assert_eq!(WarpProof::decode_response(&vec![0; bytes]), Err(WarpWireError::TooLong { bytes }));
    assert_eq!(WarpProof::decode_response(&[0, 1, 7]), Err(WarpWireError::Long { bytes: 1 }));
    assert!(matches!(
        WarpProof::decode_response(&[0xfe, 0xff, 0xff, 0xff]),
        Err(WarpWireError::Scale { .. })
    ));
    assert!(matches!(WarpProof::decode_response(&[0, 2]), Err(WarpWireError::Scale { .. })));
}
