//! Wire formats, compared with the types of the crate that Substrate encodes.

use finality_grandpa as reference;
use proptest::prelude::*;

use super::*;

type RefMessage = reference::SignedMessage<H256, u32, [u8; 64], GrandpaId>;

fn ballot(seed: u8) -> Ballot {
    Ballot {
        target: Target { hash: H256([seed; 32]), number: 0x0102_0300 + u32::from(seed) },
        signature: [seed + 1; 64],
        id: GrandpaId([seed + 2; 32]),
    }
}

#[test]
fn votes_are_substrates() {
    for (kind, message) in [
        (VoteKind::Prevote, reference::Message::Prevote(reference::Prevote::new(H256([7; 32]), 0x0102_0307))),
        (
            VoteKind::Precommit,
            reference::Message::Precommit(reference::Precommit::new(H256([7; 32]), 0x0102_0307)),
        ),
        (
            VoteKind::Propose,
            reference::Message::PrimaryPropose(reference::PrimaryPropose::new(H256([7; 32]), 0x0102_0307)),
        ),
    ] {
        let theirs = RefMessage { message: message.clone(), signature: [8; 64], id: GrandpaId([9; 32]) };
        let expected = (0u8, 5u64, 6u64, theirs).encode();
        let vote = SignedVote { kind, ballot: ballot(7) };
        assert_eq!(Message::Vote(VoteMessage { round: 5, set_id: 6, vote }).encode(), expected);
        assert_eq!(payload(kind, ballot(7).target, 5, 6), (message, 5u64, 6u64).encode(), "R3");
    }
    let target = ballot(7).target;
    assert_eq!(
        payload(VoteKind::Precommit, target, 5, 6),
        quire_core::justification::precommit_payload(target.hash, target.number, 5, 6)
    );
}

#[test]
fn commits_are_substrates() {
    let (a, b) = (ballot(1), ballot(4));
    let precommit = |of: Ballot| reference::Precommit::new(of.target.hash, of.target.number);
    let theirs = reference::CompactCommit {
        target_hash: a.target.hash,
        target_number: a.target.number,
        precommits: vec![precommit(a), precommit(b)],
        auth_data: vec![(a.signature, a.id), (b.signature, b.id)],
    };
    let ours = Commit { round: 2, set_id: 3, target: a.target, precommits: vec![a, b] };
    assert_eq!(Message::Commit(ours).encode(), (1u8, 2u64, 3u64, theirs).encode());
}

#[test]
fn catch_ups_and_neighbours_are_substrates() {
    let (a, b) = (ballot(1), ballot(4));
    let theirs = reference::CatchUp {
        round_number: 9,
        prevotes: vec![reference::SignedPrevote {
            prevote: reference::Prevote::new(a.target.hash, a.target.number),
            signature: a.signature,
            id: a.id,
        }],
        precommits: vec![reference::SignedPrecommit {
            precommit: reference::Precommit::new(b.target.hash, b.target.number),
            signature: b.signature,
            id: b.id,
        }],
        base_hash: a.target.hash,
        base_number: a.target.number,
    };
    let ours = CatchUp { set_id: 8, round: 9, prevotes: vec![a], precommits: vec![b], base: a.target };
    assert_eq!(Message::CatchUp(ours).encode(), (4u8, 8u64, theirs).encode());
    let neighbour = Neighbour { round: 1, set_id: 2, finalised: 3 };
    let expected = [&[2u8, 1][..], &1u64.to_le_bytes(), &2u64.to_le_bytes(), &3u32.to_le_bytes()].concat();
    assert_eq!(Message::Neighbour(neighbour).encode(), expected);
    let request = CatchUpRequest { round: 1, set_id: 2 };
    let expected = [&[3u8][..], &1u64.to_le_bytes(), &2u64.to_le_bytes()].concat();
    assert_eq!(Message::CatchUpRequest(request).encode(), expected);
}

#[test]
fn r1_counts_are_bounded() {
    let commit = Commit { round: 1, set_id: 0, target: ballot(1).target, precommits: vec![] };
    let mut bytes = Message::Commit(commit).encode();
    bytes.truncate(bytes.len() - 2);
    let mut huge = bytes.clone();
    parity_scale_codec::Compact(u32::MAX).encode_to(&mut huge);
    Message::decode_bounded(&huge).expect_err("never allocated by the count");
    parity_scale_codec::Compact(1u32).encode_to(&mut bytes);
    ballot(1).target.encode_to(&mut bytes);
    bytes.push(0);
    let error = Message::decode_bounded(&bytes).expect_err("one vote, no signature");
    assert!(error.to_string().contains("counts"), "{error}");
    Message::decode_bounded(&vec![0; MAX_MESSAGE_BYTES + 1]).expect_err("too long");
}

#[test]
fn r2_nothing_is_left_over() {
    let mut bytes = Message::CatchUpRequest(CatchUpRequest { round: 1, set_id: 2 }).encode();
    Message::decode_bounded(&bytes).expect("is whole");
    bytes.push(0);
    Message::decode_bounded(&bytes).expect_err("a byte too many");
    Message::decode_bounded(&[2, 2]).expect_err("another version");
    Message::decode_bounded(&[5]).expect_err("another kind");
    Message::decode_bounded(&[]).expect_err("nothing");
}

proptest! {
    #[test]
    fn decoding_never_panics_and_round_trips(bytes in proptest::collection::vec(any::<u8>(), 0..400), kind in 0u8..6) {
        let mut bytes = bytes;
        if let Some(first) = bytes.first_mut() {
            *first = kind;
        }
        if let Ok(message) = Message::decode_bounded(&bytes) {
            prop_assert_eq!(message.encode(), bytes);
        }
    }
}
