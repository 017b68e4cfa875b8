//! What light clients and syncing nodes send and are sent: requests, answers, compact proofs, proofs of finality.
//!
//! Promises: any bytes are read or refused; what is read is written to bytes that read the same; what a compact proof
//! expands to hashes to its root, and shows no pair that the expanded items do not prove one by one.

use crate::{Target, choices::Choices, mutate::Random};
use parity_scale_codec::{Decode, Encode};
use quire_core::hash::blake2_256;
use quire_core::{GrandpaJustification, H256, Header};
use quire_network::wire::light::{LightRequest, LightResponse};
use quire_network::wire::state::{StateEntries, StateRequest, StateResponse};
use quire_network::wire::warp::{Fragment, WarpProof};
use quire_trie::{EMPTY_ROOT, Proof, compact, read_range};

pub(crate) const TARGET: Target = Target { name: "light", run, seeds };

const KINDS: usize = 6;

fn run(data: &[u8]) {
    let mut choices = Choices::new(data);
    let chosen = choices.below(KINDS);
    let bytes = choices.rest();
    match chosen {
        0 => again(LightRequest::decode(bytes), |value| LightRequest::decode(&value.encode())),
        1 => again(LightResponse::decode(bytes), |value| LightResponse::decode(&value.encode())),
        2 => again(StateRequest::decode(bytes), |value| StateRequest::decode(&value.encode())),
        3 => again(StateResponse::decode(bytes), |value| StateResponse::decode(&value.encode())),
        4 => again(WarpProof::decode_response(bytes), |value| WarpProof::decode_response(&value.encode())),
        _ => compact_proof(bytes),
    }
}

fn again<T: PartialEq + std::fmt::Debug, E: PartialEq + std::fmt::Debug>(
    read: Result<T, E>,
    write_and_read: impl Fn(&T) -> Result<T, E>,
) {
    if let Ok(value) = read {
        assert_eq!(write_and_read(&value).as_ref(), Ok(&value), "what was written reads the same");
    }
}

fn compact_proof(bytes: &[u8]) {
    let Ok((items, after)) = <(Vec<Vec<u8>>, Option<Vec<u8>>)>::decode(&mut &bytes[..]) else { return };
    let Ok((root, items)) = compact::decode(&items) else { return };
    assert!(root == EMPTY_ROOT || items.iter().any(|item| blake2_256(item) == root.0), "no item is the root");
    let Ok(range) = read_range(root, &items, after.as_deref()) else { return };
    let proof = Proof::new(&items).expect("the range was read from it");
    assert!(range.pairs.windows(2).all(|pair| pair[0].0 < pair[1].0), "keys ascend");
    for (key, value) in &range.pairs {
        assert!(after.as_ref().is_none_or(|after| key > after), "a key at or below the start");
        assert_eq!(proof.get(root, key), Ok(Some(value.as_slice())));
    }
}

fn seeds() -> Vec<Vec<u8>> {
    let mut random = Random::new(9);
    let block = H256([7; 32]);
    let noise: Vec<u8> = (0..80).map(|_| random.next_u64() as u8).collect();
    let keys = vec![b":code".to_vec(), noise.clone()];
    let header = Header { number: 5, ..Header::default() };
    let justification = GrandpaJustification {
        round: 1,
        target_hash: header.hash(),
        target_number: 5,
        precommits: Vec::new(),
        votes_ancestries: vec![header.clone()],
    };
    let pairs = vec![(vec![1], noise.clone()), (vec![2, 3], Vec::new())];
    let entries = StateEntries { root: Vec::new(), pairs, complete: true };
    // A branch with two leaves, one of them with its value behind it.
    let leaf = [&[0b0100_0001, 0x0d, 32 << 2][..], &[8; 32]].concat();
    let tree = vec![vec![0x80, 6, 0, 0, 0], vec![compact::VALUE_FOLLOWS, 0x41, 0x0c, 0], vec![7; 33], leaf];
    let fragments = vec![Fragment { header, justification }];
    let with = |kind: u8, bytes: Vec<u8>| [vec![kind], bytes].concat();
    vec![
        with(0, LightRequest::Call { block, method: "Core_version".into(), data: noise.clone() }.encode()),
        with(0, LightRequest::Read { block, keys: keys.clone() }.encode()),
        with(0, LightRequest::ReadChild { block, child: noise.clone(), keys: keys.clone() }.encode()),
        with(1, LightResponse::Call(Some(keys.clone())).encode()),
        with(1, LightResponse::Read(None).encode()),
        with(2, StateRequest { block, start: keys.clone(), no_proof: true }.encode()),
        with(3, StateResponse::Pairs(vec![entries]).encode()),
        with(3, StateResponse::Proof(keys).encode()),
        with(4, WarpProof { fragments, is_finished: true }.encode()),
        with(5, (tree.clone(), None::<Vec<u8>>).encode()),
        with(5, (tree, Some(vec![0x1c])).encode()),
        with(5, noise),
    ]
}
