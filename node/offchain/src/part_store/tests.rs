//! Round trips, withheld and altered chunks, and everything by which a part counts as empty.

use super::{OpenError, Undecodable, open_part, store_part, take_custody};
use crate::chunk_store::{ChunkError, ChunkStore, FetchChunk};
use crate::cid::{ChunkId, Codec};
use crate::crypt::{PLAIN_CHUNK_BYTES, PartCipher, PartPlace};
use crate::log::LogOptions;
use crate::mailbox::tests::{CHANNEL, GENESIS, drafts, signed};
use crate::manifest::Manifest;
use crate::ratchet::{BlockKey, Ratchet};
use parity_scale_codec::Decode as _;
use quire_channel::part::{PartBuilder, PartSummary};
use quire_channel::{CidBytes, PartAnchor, SignedBatch};
use std::collections::BTreeSet;
use tempfile::TempDir;

pub(crate) fn key() -> BlockKey {
    Ratchet::new([9; 32]).key(0).expect("near")
}

pub(crate) fn place(participant: u8) -> PartPlace {
    PartPlace { genesis: GENESIS, channel: CHANNEL, block: 0, participant }
}

pub(crate) fn chunks(dir: &TempDir) -> ChunkStore {
    ChunkStore::open(&dir.path().join("chunks"), LogOptions::default()).expect("opens").0
}

/// A part of so many messages.
fn part(messages: u64) -> (Vec<u8>, PartSummary) {
    let mut builder = PartBuilder::new();
    for draft in drafts(0, 0, 0, messages, 1_000, 0) {
        builder.push_batch(&SignedBatch::decode(&mut &signed(&draft)[..]).expect("a batch")).expect("fits");
    }
    builder.finish()
}

fn stored(dir: &TempDir, messages: u64) -> (ChunkStore, PartAnchor, Vec<u8>) {
    let store = chunks(dir);
    let (plain, summary) = part(messages);
    let anchor = store_part(&plain, &summary, &key(), place(1), 4, &store).expect("stored");
    (store, anchor, plain)
}

/// A source that withholds some chunks.
struct Withholding<'a>(&'a ChunkStore, BTreeSet<ChunkId>);

impl FetchChunk for Withholding<'_> {
    fn fetch(&self, id: &ChunkId) -> Result<Option<Vec<u8>>, ChunkError> {
        if self.1.contains(id) { Ok(None) } else { self.0.fetch(id) }
    }
}

fn manifest(store: &ChunkStore, anchor: &PartAnchor) -> Manifest {
    let id = ChunkId::from_bytes(anchor.cid.as_slice()).expect("an address");
    Manifest::decode(&store.fetch(&id).expect("reads").expect("there")).expect("a manifest")
}

/// The anchor with other chunks behind it.
fn replaced(store: &ChunkStore, anchor: &PartAnchor, change: impl FnOnce(&mut Manifest)) -> PartAnchor {
    let mut manifest = manifest(store, anchor);
    change(&mut manifest);
    let id = store.put(Codec::DagCbor, &manifest.encode().expect("short")).expect("stored");
    PartAnchor { cid: CidBytes::new(id.to_bytes().to_vec()).expect("short"), ..anchor.clone() }
}

fn undecodable(outcome: Result<Vec<u8>, OpenError>) -> Undecodable {
    match outcome {
        Err(OpenError::Undecodable(why)) => why,
        other => panic!("expected an undecodable part, got {:?}", other.map(|plain| plain.len())),
    }
}

#[test]
fn parts_survive_the_round_trip() {
    for messages in [0, 1, 5_000, 80_000] {
        let dir = TempDir::new().expect("a folder");
        let (store, anchor, plain) = stored(&dir, messages);
        assert_eq!(
            open_part(&anchor, &key(), place(1), &store).expect("opens"),
            plain,
            "{messages} messages"
        );
        drop(store);
        assert_eq!(open_part(&anchor, &key(), place(1), &chunks(&dir)).expect("durable (R4)"), plain);
    }
}

#[test]
fn the_same_part_gives_the_same_anchor() {
    let (first, second) = (TempDir::new().expect("a folder"), TempDir::new().expect("a folder"));
    assert_eq!(stored(&first, 20_000).1, stored(&second, 20_000).1);
}

#[test]
fn r1_a_withheld_chunk_makes_the_part_unavailable_not_empty() {
    let dir = TempDir::new().expect("a folder");
    let (store, anchor, _) = stored(&dir, 20_000);
    let all = manifest(&store, &anchor).chunks;
    let root = ChunkId::from_bytes(anchor.cid.as_slice()).expect("an address");
    assert!(all.len() > 1, "more than one chunk");
    for id in all.iter().chain([&root]) {
        let source = Withholding(&store, BTreeSet::from([*id]));
        let outcome = open_part(&anchor, &key(), place(1), &source);
        assert!(matches!(outcome, Err(OpenError::Unavailable { id: missing }) if missing == *id));
        let other = TempDir::new().expect("a folder");
        let custody = take_custody(&anchor, &source, &chunks(&other));
        assert!(
            matches!(custody, Err(OpenError::Unavailable { .. })),
            "no receipt for what one does not hold"
        );
    }
}

#[test]
fn custody_means_holding_every_byte() {
    let (dir, other) = (TempDir::new().expect("a folder"), TempDir::new().expect("a folder"));
    let (store, anchor, plain) = stored(&dir, 20_000);
    let own = chunks(&other);
    take_custody(&anchor, &store, &own).expect("taken");
    assert_eq!(own.len(), store.len());
    drop(store);
    assert_eq!(open_part(&anchor, &key(), place(1), &own).expect("from the custodian alone"), plain);
}

#[test]
fn r1_what_does_not_decrypt_counts_as_empty() {
    let dir = TempDir::new().expect("a folder");
    let (store, anchor, _) = stored(&dir, 20_000);
    let other_place = open_part(&anchor, &key(), place(2), &store);
    assert!(matches!(undecodable(other_place), Undecodable::Cipher(_)));
    let version = replaced(&store, &anchor, |manifest| manifest.version += 1);
    assert!(matches!(undecodable(open_part(&version, &key(), place(1), &store)), Undecodable::Cipher(_)));
    let swapped = replaced(&store, &anchor, |manifest| manifest.chunks.swap(0, 1));
    assert!(matches!(undecodable(open_part(&swapped, &key(), place(1), &store)), Undecodable::Cipher(_)));
}

#[test]
fn r1_addresses_that_lead_to_no_manifest_count_as_empty() {
    let dir = TempDir::new().expect("a folder");
    let (store, anchor, _) = stored(&dir, 100);
    let raw = store.put(Codec::Raw, b"x").expect("stored");
    let noise = store.put(Codec::DagCbor, b"noise").expect("stored");
    let with = |bytes: Vec<u8>| PartAnchor { cid: CidBytes::new(bytes).expect("short"), ..anchor.clone() };
    for (cid, expected) in
        [(vec![], "address"), (vec![1, 2, 3], "address"), (raw.to_bytes().to_vec(), "address")]
    {
        let why = undecodable(open_part(&with(cid), &key(), place(1), &store));
        assert!(why.to_string().contains(expected), "{why}");
    }
    let why = undecodable(open_part(&with(noise.to_bytes().to_vec()), &key(), place(1), &store));
    assert!(matches!(why, Undecodable::Manifest(_)));
}

#[test]
fn r2_nothing_expands_beyond_the_stated_length() {
    let dir = TempDir::new().expect("a folder");
    let (store, anchor, _) = stored(&dir, 20_000);
    for length in [0, anchor.length - 1, anchor.length + 1, u64::MAX] {
        let wrong = PartAnchor { length, ..anchor.clone() };
        undecodable(open_part(&wrong, &key(), place(1), &store));
    }
    // A bomb: 1 GiB of zeros in some 100 KiB.
    let bomb = zstd::bulk::compress(&vec![0; 64 << 20], 19).expect("compresses");
    let cipher = PartCipher::new(&key(), place(1), 4);
    let mut manifest = Manifest { chunks: Vec::new(), length: 0, version: 4 };
    for (index, piece) in (0..).zip(bomb.repeat(16).chunks(PLAIN_CHUNK_BYTES)) {
        let mut chunk = piece.to_vec();
        cipher.seal(index, &mut chunk).expect("short");
        manifest.chunks.push(store.put(Codec::Raw, &chunk).expect("stored"));
    }
    let id = store.put(Codec::DagCbor, &manifest.encode().expect("short")).expect("stored");
    let cid = CidBytes::new(id.to_bytes().to_vec()).expect("short");
    let why = undecodable(open_part(&PartAnchor { cid, ..anchor }, &key(), place(1), &store));
    assert!(matches!(why, Undecodable::Expand { .. }), "{why}");
}

#[test]
fn r2_bytes_that_are_no_zstd_or_end_early_count_as_empty() {
    let dir = TempDir::new().expect("a folder");
    let (store, anchor, _) = stored(&dir, 20_000);
    let short = replaced(&store, &anchor, |manifest| manifest.chunks.truncate(1));
    assert!(matches!(undecodable(open_part(&short, &key(), place(1), &store)), Undecodable::Expand { .. }));
    let mut chunk = b"this is no zstd frame".to_vec();
    PartCipher::new(&key(), place(1), 4).seal(0, &mut chunk).expect("short");
    let noise = store.put(Codec::Raw, &chunk).expect("stored");
    let noise = replaced(&store, &anchor, |manifest| manifest.chunks = vec![noise]);
    assert!(matches!(undecodable(open_part(&noise, &key(), place(1), &store)), Undecodable::Expand { .. }));
}

#[test]
fn r3_another_key_than_the_anchored_one_opens_nothing() {
    let dir = TempDir::new().expect("a folder");
    let (store, anchor, _) = stored(&dir, 100);
    let other = Ratchet::new([8; 32]).key(0).expect("near");
    assert_eq!(undecodable(open_part(&anchor, &other, place(1), &store)), Undecodable::Key);
    let mut lying = anchor;
    lying.key_commitment = other.commitment();
    assert!(matches!(undecodable(open_part(&lying, &other, place(1), &store)), Undecodable::Cipher(_)));
}

#[test]
fn the_plain_form_must_be_the_anchored_one() {
    let dir = TempDir::new().expect("a folder");
    let (store, anchor, plain) = stored(&dir, 100);
    let wrong = PartAnchor { count: anchor.count + 1, ..anchor.clone() };
    assert!(matches!(undecodable(open_part(&wrong, &key(), place(1), &store)), Undecodable::Part(_)));
    let mut spoiled = plain;
    *spoiled.last_mut().expect("not empty") ^= 1;
    spoiled[0] = 9;
    let summary =
        PartSummary { root: anchor.root, length: anchor.length, count: anchor.count, messages: 100 };
    let anchor = store_part(&spoiled, &summary, &key(), place(1), 5, &store).expect("stored");
    assert!(matches!(undecodable(open_part(&anchor, &key(), place(1), &store)), Undecodable::Part(_)));
}
