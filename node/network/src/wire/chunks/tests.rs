use super::*;
use crate::{Channel, Method};
use proptest::prelude::*;
use quire_offchain::cid::Codec;
use quire_offchain::exchange::message::NOTICE_BYTES_MAX;

fn request(count: usize) -> ChunkRequest {
    let id = |at: usize| ChunkId::of(if at == 0 { Codec::DagCbor } else { Codec::Raw }, &[at as u8]);
    ChunkRequest { ids: (0..count).map(id).collect() }
}

#[test]
fn r1_requests_survive_the_round_trip_and_nothing_else_does() {
    for count in 1..=REQUEST_CHUNKS_MAX {
        let bytes = encode_request(&request(count));
        assert_eq!(decode_request(&bytes), Ok(request(count)));
        assert!(bytes.len() <= Method::Chunks.max_request_bytes());
        assert_eq!(decode_request(&[&bytes[..], &[0]].concat()), Err(ChunksError::Length));
        assert_eq!(decode_request(&bytes[..bytes.len() - 1]), Err(ChunksError::Length));
        let mut wrong = bytes.clone();
        wrong[1] = 0;
        assert_eq!(decode_request(&wrong), Err(ChunksError::Address));
    }
    assert_eq!(decode_request(&[]), Err(ChunksError::Length));
    assert_eq!(decode_request(&encode_request(&request(0))), Err(ChunksError::Count(0)));
    let many = request(REQUEST_CHUNKS_MAX + 1);
    assert_eq!(decode_request(&encode_request(&many)), Err(ChunksError::Count(REQUEST_CHUNKS_MAX + 1)));
}

#[test]
fn r2_the_largest_answer_passes_the_network() {
    let chunks = vec![Some(vec![1; MAX_CHUNK_BYTES as usize]); REQUEST_CHUNKS_MAX];
    let response = ChunkResponse { chunks };
    let bytes = encode_response(&response);
    assert!(bytes.len() <= RESPONSE_BYTES_MAX && RESPONSE_BYTES_MAX <= Method::Chunks.max_response_bytes());
    assert_eq!(decode_response(&bytes), Ok(response));
    assert_eq!(NOTICE_BYTES_MAX, Channel::Batches.max_bytes());
}

#[test]
fn r2_answers_outside_the_limits_are_refused() {
    assert_eq!(decode_response(&[]), Err(ChunksError::Count(0)));
    assert_eq!(
        decode_response(&[0; REQUEST_CHUNKS_MAX + 1]),
        Err(ChunksError::Count(REQUEST_CHUNKS_MAX + 1))
    );
    assert_eq!(decode_response(&[2]), Err(ChunksError::Mark(2)));
    let long = MAX_CHUNK_BYTES + 1;
    assert_eq!(decode_response(&[&[1][..], &long.to_le_bytes()].concat()), Err(ChunksError::TooLong(long)));
    // R3: a length that lies.
    assert_eq!(
        decode_response(&[&[1][..], &MAX_CHUNK_BYTES.to_le_bytes(), b"ab"].concat()),
        Err(ChunksError::Length)
    );
}

proptest! {
    #[test]
    fn r2_answers_survive_the_round_trip(
        chunks in proptest::collection::vec(proptest::option::of(proptest::collection::vec(any::<u8>(), 0..50)), 1..=REQUEST_CHUNKS_MAX),
    ) {
        let response = ChunkResponse { chunks };
        let bytes = encode_response(&response);
        prop_assert_eq!(decode_response(&bytes), Ok(response));
    }

    #[test]
    fn what_is_read_has_one_encoding(bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
        if let Ok(request) = decode_request(&bytes) {
            prop_assert_eq!(encode_request(&request), bytes.clone());
        }
        if let Ok(response) = decode_response(&bytes) {
            prop_assert_eq!(encode_response(&response), bytes);
        }
    }
}
