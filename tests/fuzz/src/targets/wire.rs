//! What peers say of themselves and of blocks: handshakes, announces, `sync/2`, lists of neighbours.
//!
//! Promises: any bytes decode or are refused; what decodes encodes to bytes that decode to the same, and handshakes,
//! announces and lists to the very same bytes; no answer has more blocks or extrinsics than the limits say.

use crate::{Target, choices::Choices, mutate::Random};
use parity_scale_codec::Encode;
use quire_core::digest::GRANDPA_ENGINE_ID;
use quire_core::{H256, Header, OpaqueExtrinsic};
use quire_network::wire::announce::BlockAnnounce;
use quire_network::wire::block::{self, BlockData, BlockRequest, From};
use quire_network::wire::handshake::{FULL, Handshake};
use quire_network::wire::neighbours;

pub(crate) const TARGET: Target = Target { name: "wire", run, seeds };

/// Decoders.
const KINDS: &[fn(&[u8])] = &[handshake, announce, request, response, list];
/// What the reader of a list allows.
const MAX_LIST: usize = 4;

fn run(data: &[u8]) {
    let mut choices = Choices::new(data);
    let kind = choices.below(KINDS.len());
    if let Some(decode) = KINDS.get(kind) {
        decode(choices.rest());
    }
}

fn handshake(bytes: &[u8]) {
    if let Ok(handshake) = Handshake::decode(bytes) {
        assert_eq!(handshake.encode(), bytes, "a handshake has one encoding");
    }
}

fn announce(bytes: &[u8]) {
    if let Ok(announce) = BlockAnnounce::from_bytes(bytes) {
        assert_eq!(BlockAnnounce::from_bytes(&announce.encode()).as_ref(), Ok(&announce), "it reads back");
    }
}

fn request(bytes: &[u8]) {
    if let Ok(request) = BlockRequest::decode(bytes) {
        assert!((1..=block::MAX_BLOCKS).contains(&request.max_blocks), "{} blocks", request.max_blocks);
        assert_eq!(BlockRequest::decode(&request.encode()), Ok(request), "it reads back");
    }
}

fn response(bytes: &[u8]) {
    if let Ok(blocks) = block::decode_response(bytes) {
        let extrinsics: usize = blocks.iter().map(|block| block.body.len()).sum();
        assert!(blocks.len() <= block::MAX_BLOCKS as usize && extrinsics <= block::MAX_EXTRINSICS);
        assert_eq!(block::decode_response(&block::encode_response(&blocks)), Ok(blocks), "it reads back");
    }
}

fn list(bytes: &[u8]) {
    if let Some(list) = neighbours::decode(bytes, MAX_LIST) {
        assert!(list.len() <= MAX_LIST, "{} neighbours", list.len());
        assert_eq!(neighbours::encode(&list), bytes, "a list has one encoding");
    }
}

fn seeds() -> Vec<Vec<u8>> {
    let mut random = Random::new(8);
    let mut hash = || H256(std::array::from_fn(|_| random.next_u64() as u8));
    let handshake = Handshake { roles: FULL, best_number: 7, best_hash: hash(), genesis: hash() };
    let header = Header { parent_hash: hash(), number: 7, ..Header::default() };
    let announce = BlockAnnounce { header: header.clone(), is_best: true, data: vec![1, 2] };
    let request = BlockRequest {
        header: true,
        body: true,
        justification: true,
        from: From::Number(7),
        descending: false,
        max_blocks: 64,
    };
    let by_hash = BlockRequest { from: From::Hash(hash()), ..request };
    let data = BlockData {
        hash: hash(),
        header: Some(header),
        body: vec![OpaqueExtrinsic(vec![1, 2, 3]), OpaqueExtrinsic(vec![4])],
        justifications: vec![(GRANDPA_ENGINE_ID, vec![5; 40])],
    };
    // An ed25519 peer id: its public key as identity multihash.
    let id = [&[38, 0, 36, 8, 1, 18, 32][..], &hash().0].concat();
    let typed = [
        (0, handshake.encode()),
        (1, announce.encode()),
        (2, request.encode()),
        (2, by_hash.encode()),
        (3, block::encode_response(&[data.clone(), data])),
        (4, [id.as_slice(), &id].concat()),
    ];
    typed.iter().map(|(kind, bytes)| [&[*kind], bytes.as_slice()].concat()).collect()
}
