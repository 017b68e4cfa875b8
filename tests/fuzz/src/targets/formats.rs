//! The decoders of everything else that peers, validators and files hand in.
//!
//! Promises: any bytes decode or are refused; what decodes encodes to bytes that decode to the same; a proof that was not
//! made for a root proves nothing new.

use crate::{Target, choices::Choices, mutate::Random, world};
use parity_scale_codec::{Decode, DecodeAll, Encode};
use quire_certificate::armour::Armoured;
use quire_certificate::{Certificate, Request, Tower};
use quire_channel::{EraTerms, MessageRef, Output, PartAnchor, PartReader, ResultHeader, SignedBatch};
use quire_core::{
    Block, Digest, DigestItem, GrandpaJustification, H256, Header, InherentData, RuntimeVersion,
    TransactionValidity,
};
use std::fmt::Debug;

pub(crate) const TARGET: Target = Target { name: "formats", run, seeds };

/// Decoders that promise a round trip.
const ROUND_TRIPS: &[fn(&[u8])] = &[
    round_trip::<Header>,
    round_trip::<Block>,
    round_trip::<Digest>,
    round_trip::<GrandpaJustification>,
    round_trip::<InherentData>,
    round_trip::<RuntimeVersion>,
    round_trip::<TransactionValidity>,
    round_trip::<SignedBatch>,
    round_trip::<EraTerms>,
    round_trip::<Output>,
    round_trip::<PartAnchor>,
    round_trip::<ResultHeader>,
    round_trip::<Certificate>,
    round_trip::<Request>,
    round_trip::<Tower>,
];

fn round_trip<T: Decode + Encode + PartialEq + Debug>(bytes: &[u8]) {
    let Ok(value) = T::decode_all(&mut &bytes[..]) else { return };
    let again = T::decode_all(&mut value.encode().as_slice()).expect("what was encoded decodes");
    assert_eq!(again, value, "decoding, encoding and decoding again changes nothing");
}

fn run(data: &[u8]) {
    let mut choices = Choices::new(data);
    let chosen = choices.below(ROUND_TRIPS.len() + 4);
    let rest = choices.rest();
    match ROUND_TRIPS.get(chosen) {
        Some(decode) => decode(rest),
        None => match chosen - ROUND_TRIPS.len() {
            0 => message(rest),
            1 => part(rest),
            2 => certificate(rest),
            _ => proof(rest),
        },
    }
}

fn message(bytes: &[u8]) {
    let Ok(message) = MessageRef::read_exact(bytes) else { return };
    assert_eq!(message.to_message().encode(), bytes, "a message has one encoding: its id depends on it");
}

/// What is read has one encoding and one text, and nobody's signature.
fn certificate(bytes: &[u8]) {
    if let Ok(certificate) = Certificate::read(bytes) {
        assert_eq!(certificate.encode(), bytes);
        assert_eq!(Certificate::from_text(&certificate.to_text()).as_ref(), Ok(&certificate));
    }
    let text = String::from_utf8_lossy(bytes);
    for text in [
        text.to_string(),
        format!("-----BEGIN QUIRE CERTIFICATE-----\n{text}\n-----END QUIRE CERTIFICATE-----"),
    ] {
        assert!(Certificate::from_text(&text).is_err(), "a checksum that fits by chance");
    }
}

fn part(bytes: &[u8]) {
    let Ok(mut reader) = PartReader::new(bytes) else { return };
    let mut leaves = 0usize;
    while let Some(Ok(batch)) = reader.next() {
        leaves += batch.leaves().take(bytes.len()).count();
    }
    assert!(leaves <= bytes.len(), "{leaves} leaves out of {} bytes", bytes.len());
}

/// An input as root, proof and key: accepted only if the root is the hash of one of the proof's nodes.
fn proof(bytes: &[u8]) {
    let Ok((root, proof, key)) = <(H256, Vec<Vec<u8>>, Vec<u8>)>::decode(&mut &bytes[..]) else { return };
    let Ok(found) = quire_trie::verify_proof(root, &proof, &key) else { return };
    let is_node = proof.iter().any(|node| quire_core::hash::blake2_256(node) == root.0);
    assert!(
        is_node || (root == quire_trie::EMPTY_ROOT && found.is_none()),
        "a proof without the root's node"
    );
}

fn seeds() -> Vec<Vec<u8>> {
    let mut random = Random::new(4);
    let noise = |random: &mut Random| (0..80).map(|_| random.next_u64() as u8).collect::<Vec<u8>>();
    let header = Header {
        number: 7,
        digest: Digest {
            logs: vec![DigestItem::Other(noise(&mut random)), DigestItem::RuntimeEnvironmentUpdated],
        },
        ..Header::default()
    };
    let block = Block { header: header.clone(), extrinsics: vec![world::world().sign(0, 0, 0, b"call")] };
    let subject =
        quire_certificate::Subject::Peer { member: world::account(0), node: [7; 32], name: "node".into() };
    let issuer = quire_certificate::Key::Sr25519(world::account(0).0);
    let (chain, serial, valid_from, valid_until) = (H256([7; 32]), 1, 0, 1_000);
    let terms = quire_certificate::Terms { chain, subject, issuer, serial, valid_from, valid_until };
    let typed = [
        terms.signed([9; 64]).encode(),
        header.encode(),
        block.encode(),
        header.digest.encode(),
        quire_runtime::version::version().encode(),
        noise(&mut random),
    ];
    (0..ROUND_TRIPS.len() as u8 + 4)
        .flat_map(|chosen| {
            typed.iter().map(move |bytes| [&[chosen], bytes.as_slice()].concat()).collect::<Vec<_>>()
        })
        .collect()
}
