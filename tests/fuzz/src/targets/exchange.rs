//! What nodes of a channel send each other, from the bytes to the machine behind them.
//!
//! Promises: any bytes are refused or have exactly one encoding; a machine that hears any sequence of notices from a
//! stranger neither panics nor sends it batches, and keeps no more in mind than before.

use crate::{Target, choices::Choices};
use quire_core::H256;
use quire_network::wire::{batches, chunks};
use quire_offchain::cid::{ChunkId, Codec};
use quire_offchain::exchange::{
    ChunkRequest, ChunkResponse, Effect, End, Exchange, Facts, Have, Input, Notice, Peer, Receipt,
};

pub(crate) const TARGET: Target = Target { name: "exchange", run, seeds };

const CHANNEL: u64 = 1;

fn run(data: &[u8]) {
    let mut choices = Choices::new(data);
    match choices.below(4) {
        0 => {
            let bytes = choices.rest();
            if let Ok(request) = chunks::decode_request(bytes) {
                assert_eq!(chunks::encode_request(&request), bytes, "a request has one encoding");
            }
        }
        1 => {
            let bytes = choices.rest();
            if let Ok(response) = chunks::decode_response(bytes) {
                assert_eq!(chunks::encode_response(&response), bytes, "an answer has one encoding");
            }
        }
        _ => converse(choices.rest()),
    }
}

/// The bytes as one notice, and cut into many.
fn converse(bytes: &[u8]) {
    let mut machine = machine();
    let mut notices = vec![bytes];
    notices.extend(bytes.split(|byte| *byte == 0xfe));
    for (now, bytes) in (0u64..).zip(notices) {
        let input = match batches::decode(bytes) {
            Ok(notice) => {
                assert_eq!(batches::encode(&notice), bytes, "a notice has one encoding");
                Input::Notice { peer: Peer(1), notice }
            }
            Err(_) => Input::Malformed { peer: Peer(1) },
        };
        let mut effects = Vec::new();
        machine.step(now, input, &mut effects);
        for effect in &effects {
            let is_harmless = matches!(effect, Effect::Report { .. } | Effect::Sign { .. });
            assert!(is_harmless, "a stranger moves the machine to {effect:?}");
        }
    }
    let sizes = machine.sizes();
    assert_eq!(
        (sizes.batches, sizes.ends, sizes.parts, sizes.offers),
        (0, 0, 0, 0),
        "a stranger leaves something"
    );
}

/// A machine of participant 0, with a stranger at the other end.
fn machine() -> Exchange {
    let mut machine = Exchange::new(H256::ZERO, "me".into());
    let mut effects = Vec::new();
    let facts = Facts {
        channel: CHANNEL,
        me: Some(0),
        wanted: u32::MAX,
        participants: vec![[1; 32], [2; 32]],
        ..Facts::default()
    };
    machine.step(0, Input::Channel(facts), &mut effects);
    machine.step(0, Input::Keys([[1; 32]].into()), &mut effects);
    machine.step(0, Input::Opened { peer: Peer(1), name: "stranger".into(), nonce: [3; 32] }, &mut effects);
    machine
}

fn seeds() -> Vec<Vec<u8>> {
    let id = |codec| ChunkId::of(codec, b"x");
    let request = ChunkRequest { ids: vec![id(Codec::DagCbor), id(Codec::Raw)] };
    let response = ChunkResponse { chunks: vec![Some(vec![1, 2, 3]), None] };
    let have = Have {
        channel: CHANNEL,
        senders: vec![(0, vec![(0, 5), (7, 9)]), (1, Vec::new())],
        ends: vec![End { block: 0, from: 0, to: 9 }],
    };
    let validator = quire_core::AccountId([4; 32]);
    let notices = [
        Notice::Challenge { nonce: [1; 32] },
        Notice::Proof { key: [2; 32], signature: [3; 64] },
        Notice::Have(have),
        Notice::Batches { channel: CHANNEL, batches: vec![vec![0; 120], vec![1; 130]] },
        Notice::Receipt(Receipt {
            channel: CHANNEL,
            block: 0,
            participant: 1,
            validator,
            signature: [5; 64],
        }),
    ];
    let mut seeds = vec![
        [&[0][..], &chunks::encode_request(&request)].concat(),
        [&[1][..], &chunks::encode_response(&response)].concat(),
    ];
    seeds.extend(notices.iter().map(|notice| [&[2][..], &batches::encode(notice)].concat()));
    let all: Vec<Vec<u8>> = notices.iter().map(batches::encode).collect();
    seeds.push([&[2][..], &all.join(&0xfe)].concat());
    seeds
}
