//! Byte vectors, limits, and smoldot's own reading and writing.

use super::*;
use proptest::prelude::*;
use smoldot::network::codec;
use std::borrow::Cow;

const BLOCK: [u8; 32] = [7; 32];

fn joined(pieces: impl Iterator<Item = impl AsRef<[u8]>>) -> Vec<u8> {
    pieces.flat_map(|piece| piece.as_ref().to_vec()).collect()
}

#[test]
fn a_call_has_known_bytes() {
    let call = LightRequest::Call { block: H256(BLOCK), method: "Core_version".into(), data: vec![1, 2] };
    let inner = [&[0x12, 32][..], &BLOCK, &[0x1a, 12], b"Core_version", &[0x22, 2, 1, 2]].concat();
    let bytes = [&[0x0a, inner.len() as u8][..], &inner].concat();
    assert_eq!(call.encode(), bytes);
    assert_eq!(LightRequest::decode(&bytes), Ok(call));
}

#[test]
fn smoldots_requests_are_understood() {
    let call = codec::build_call_proof_request(codec::CallProofRequestConfig {
        block_hash: BLOCK,
        method: Cow::Borrowed("Core_version"),
        parameter_vectored: [vec![1_u8], vec![2]].into_iter(),
    });
    let expected = LightRequest::Call { block: H256(BLOCK), method: "Core_version".into(), data: vec![1, 2] };
    assert_eq!(LightRequest::decode(&joined(call)), Ok(expected));
    let keys = vec![b":code".to_vec(), b":heappages".to_vec(), vec![]];
    let read = codec::build_storage_proof_request(codec::StorageProofRequestConfig {
        block_hash: BLOCK,
        keys: keys.iter(),
    });
    let expected = LightRequest::Read { block: H256(BLOCK), keys: keys.clone() };
    assert_eq!(LightRequest::decode(&joined(read)), Ok(expected));
    let child = codec::build_child_storage_proof_request(codec::ChildStorageProofRequestConfig {
        block_hash: BLOCK,
        child_trie: b"c",
        keys: keys.iter(),
    });
    let expected = LightRequest::ReadChild {
        block: H256(BLOCK),
        child: b":child_storage:default:c".to_vec(),
        keys: keys.clone(),
    };
    assert_eq!(LightRequest::decode(&joined(child)), Ok(expected));
}

#[test]
fn r1_r2_smoldot_reads_our_answers() {
    use codec::StorageOrCallProof::{CallProof, StorageProof};
    let items = vec![vec![1, 2, 3], vec![], vec![9; 100]];
    let encoded = items.encode();
    for (ty, response) in [
        (CallProof, LightResponse::Call(Some(items.clone()))),
        (StorageProof, LightResponse::Read(Some(items))),
    ] {
        let bytes = response.encode();
        let read = codec::decode_storage_or_call_proof_response(ty, &bytes).expect("smoldot reads it");
        assert_eq!(read, Some(&encoded[..]));
        assert_eq!(LightResponse::decode(&bytes), Ok(response));
    }
    let none = LightResponse::Call(None).encode();
    assert_eq!(none, [0x0a, 0]);
    assert_eq!(codec::decode_storage_or_call_proof_response(CallProof, &none).expect("readable"), None);
    assert_eq!(LightResponse::decode(&none), Ok(LightResponse::Call(None)));
}

#[test]
fn r3_what_is_over_a_limit_is_no_request() {
    let read = |keys| LightRequest::Read { block: H256(BLOCK), keys }.encode();
    assert!(LightRequest::decode(&read(vec![vec![1]; MAX_KEYS])).is_ok());
    assert_eq!(LightRequest::decode(&read(vec![vec![1]; MAX_KEYS + 1])), Err(LightError::Keys));
    let long = vec![vec![1; MAX_STORAGE_KEY_BYTES as usize + 1]];
    assert_eq!(LightRequest::decode(&read(long.clone())), Err(LightError::Keys));
    let [child] = <[_; 1]>::try_from(long).expect("one");
    let child = LightRequest::ReadChild { block: H256(BLOCK), child, keys: vec![] };
    assert_eq!(LightRequest::decode(&child.encode()), Err(LightError::Keys));
    let call = |method: &str| LightRequest::Call { block: H256(BLOCK), method: method.into(), data: vec![] };
    for method in ["ä", &"x".repeat(MAX_METHOD_BYTES + 1)] {
        assert_eq!(LightRequest::decode(&call(method).encode()), Err(LightError::Method));
    }
    let bytes = MAX_REQUEST_BYTES + 1;
    assert_eq!(LightRequest::decode(&vec![0; bytes]), Err(LightError::TooLong { bytes }));
    assert_eq!(LightRequest::decode(&[]), Err(LightError::Empty));
    assert_eq!(LightRequest::decode(&[0x12, 3, 0x12, 1, 5]), Err(LightError::Block { bytes: 1 }));
    assert_eq!(LightRequest::decode(&[0x12, 0]), Err(ProtobufError::Missing { number: 2 }.into()));
    assert!(matches!(LightResponse::decode(&[0x12, 4, 0x12, 2, 4, 8]), Err(LightError::Proof { .. })));
}

proptest! {
    #[test]
    fn requests_come_back(
        block: [u8; 32], kind in 0..3, name in "[A-Za-z_]{0,20}", keys: Vec<Vec<u8>>, data: Vec<u8>
    ) {
        let block = H256(block);
        let request = match kind {
            0 => LightRequest::Call { block, method: name, data },
            1 => LightRequest::Read { block, keys },
            _ => LightRequest::ReadChild { block, child: data, keys },
        };
        prop_assert_eq!(LightRequest::decode(&request.encode()), Ok(request));
    }

    #[test]
    fn answers_come_back(is_call: bool, proof in prop::option::of(any::<Vec<Vec<u8>>>())) {
        let response = if is_call { LightResponse::Call(proof) } else { LightResponse::Read(proof) };
        prop_assert_eq!(LightResponse::decode(&response.encode()), Ok(response));
    }
}
