//! Byte vectors, limits, and smoldot's own reading and writing.

use super::*;
use proptest::prelude::*;
use smoldot::network::codec;

const BLOCK: [u8; 32] = [7; 32];

#[test]
fn a_request_has_known_bytes() {
    let request = StateRequest { block: H256(BLOCK), start: vec![vec![5, 6]], no_proof: true };
    let bytes = [&[0x0a, 32][..], &BLOCK, &[0x12, 2, 5, 6, 0x18, 1]].concat();
    assert_eq!(request.encode(), bytes);
    assert_eq!(StateRequest::decode(&bytes), Ok(request));
}

#[test]
fn an_answer_has_known_bytes() {
    let pairs = vec![(vec![1], vec![2, 3]), (vec![4], vec![])];
    let entries = StateEntries { root: vec![], pairs, complete: true };
    let response = StateResponse::Pairs(vec![entries]);
    let inner = [0x12, 7, 0x0a, 1, 1, 0x12, 2, 2, 3, 0x12, 5, 0x0a, 1, 4, 0x12, 0, 0x18, 1];
    let bytes = [&[0x0a, inner.len() as u8][..], &inner].concat();
    assert_eq!(response.encode(), bytes);
    assert_eq!(StateResponse::decode(&bytes), Ok(response));
}

#[test]
fn smoldot_writes_our_requests_and_reads_our_proofs() {
    let start_key = codec::StateRequestStart::MainTrie(&[1, 2]);
    let request = codec::build_state_request(codec::StateRequest { block_hash: &BLOCK, start_key });
    let bytes: Vec<u8> = request.flat_map(|piece| piece.as_ref().to_vec()).collect();
    let expected = StateRequest { block: H256(BLOCK), start: vec![vec![1, 2]], no_proof: false };
    assert_eq!(StateRequest::decode(&bytes), Ok(expected));
    let items = vec![vec![1; 40], vec![2]];
    let response = StateResponse::Proof(items.clone()).encode();
    let read = codec::decode_state_response(&response).expect("smoldot reads it");
    assert_eq!(read, items.encode());
}

#[test]
fn limits_hold() {
    let bytes = MAX_REQUEST_BYTES + 1;
    assert_eq!(StateRequest::decode(&vec![0; bytes]), Err(StateWireError::TooLong { bytes }));
    let three = StateRequest { block: H256(BLOCK), start: vec![vec![]; 3], no_proof: false };
    assert_eq!(StateRequest::decode(&three.encode()), Err(StateWireError::Start));
    let long = vec![vec![0; MAX_STORAGE_KEY_BYTES as usize + 1]];
    let long = StateRequest { block: H256(BLOCK), start: long, no_proof: false };
    assert_eq!(StateRequest::decode(&long.encode()), Err(StateWireError::Start));
    assert_eq!(StateRequest::decode(&[0x0a, 1, 0]), Err(StateWireError::Block { bytes: 1 }));
    assert_eq!(StateRequest::decode(&[]), Err(ProtobufError::Missing { number: 1 }.into()));
    let pairs = |count| {
        let entries = StateEntries { root: vec![], pairs: vec![(vec![], vec![]); count], complete: false };
        StateResponse::Pairs(vec![StateEntries::default(), entries]).encode()
    };
    assert!(StateResponse::decode(&pairs(MAX_PAIRS)).is_ok());
    assert_eq!(StateResponse::decode(&pairs(MAX_PAIRS + 1)), Err(StateWireError::Pairs));
}

proptest! {
    #[test]
    fn requests_come_back(block: [u8; 32], start in prop::collection::vec(any::<Vec<u8>>(), 0..3), no_proof: bool) {
        let request = StateRequest { block: H256(block), start, no_proof };
        prop_assert_eq!(StateRequest::decode(&request.encode()), Ok(request));
    }

    #[test]
    fn answers_come_back(
        tries in prop::collection::vec((any::<Vec<u8>>(), any::<Vec<Pair>>(), any::<bool>()), 0..3),
        proof in prop::option::of(any::<Vec<Vec<u8>>>()),
    ) {
        let entries = |(root, pairs, complete)| StateEntries { root, pairs, complete };
        let response = match proof {
            Some(items) => StateResponse::Proof(items),
            None => StateResponse::Pairs(tries.into_iter().map(entries).collect()),
        };
        prop_assert_eq!(StateResponse::decode(&response.encode()), Ok(response));
    }
}
