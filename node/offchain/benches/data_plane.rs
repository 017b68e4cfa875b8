//! Speed of the off-chain hot paths: cutting and hashing batches, verifying signatures, intake, collation, storing and
//! opening parts, merging. Throughput is in messages; the message is that of the real-time-bidding job.
#![allow(missing_docs, reason = "criterion's macros make undocumented functions")]
#![allow(clippy::unwrap_used, reason = "a benchmark may stop at the first surprise")]

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use quire_channel::MessageRef;
use quire_channel::merge::{BatchVerifier, MergePlace, Merger, SignatureCheck};
use quire_channel::part::SIGNING_CONTEXT;
use quire_core::H256;
use quire_offchain::batcher::{BatchLimits, Batcher, Cut, Draft, Event, Sender};
use quire_offchain::chunk_store::ChunkStore;
use quire_offchain::collator::{Selection, collate};
use quire_offchain::crypt::PartPlace;
use quire_offchain::log::LogOptions;
use quire_offchain::mailbox::{Mailbox, Owner};
use quire_offchain::part_store::{open_part, store_part};
use quire_offchain::ratchet::Ratchet;
use quire_offchain::signing::{BatchSigner, ChannelKeys};
use quire_offchain::validator::AllCores;
use schnorrkel::{ExpansionMode, Keypair, MiniSecretKey};
use std::hint::black_box;
use tempfile::TempDir;

const GENESIS: H256 = H256([1; 32]);
const MESSAGES: u64 = 64 * 1_024;

struct Key(Keypair);

impl Key {
    fn new(seed: u8) -> Key {
        Key(MiniSecretKey::from_bytes(&[seed; 32]).unwrap().expand_to_keypair(ExpansionMode::Ed25519))
    }
}

impl BatchSigner for Key {
    fn sign_batches(&self, headers: &[quire_channel::BatchHeader]) -> Result<Vec<[u8; 64]>, String> {
        let sign = |header: &quire_channel::BatchHeader| {
            self.0.sign_simple(SIGNING_CONTEXT, &header.signing_bytes()).to_bytes()
        };
        Ok(headers.iter().map(sign).collect())
    }
}

struct All;

impl Selection for All {
    fn learn(&mut self, _: &MessageRef<'_>) {}
    fn learned(&mut self) {}
    fn keep(&self, _: &MessageRef<'_>) -> bool {
        true
    }
}

fn keys() -> ChannelKeys {
    ChannelKeys::new(&[1, 2, 3].map(|seed| Key::new(seed).0.public.to_bytes()))
}

fn cuts(index: u8) -> Vec<Cut> {
    let sender = Sender { genesis: GENESIS, channel: 1, index };
    let mut batcher = Batcher::new(sender, BatchLimits::default(), 0);
    let mut out = Vec::new();
    for seq in 0..MESSAGES {
        let key = quire_core::hash::blake2_128(&seq.to_le_bytes());
        let event = Event { block: 0, time_ms: seq, kind: 1, key: &key, body: &seq.to_le_bytes() };
        out.extend(batcher.push(&event).unwrap());
    }
    out.extend(batcher.cut());
    out
}

fn drafts(index: u8) -> Vec<Draft> {
    cuts(index).into_iter().map(Cut::into_draft).collect()
}

fn mailbox(dir: &TempDir, index: u8) -> Mailbox {
    let owner = Owner { genesis: GENESIS, channel: 1, index };
    Mailbox::open(&dir.path().join(index.to_string()), owner, LogOptions::default()).unwrap().0
}

fn batching(c: &mut Criterion) {
    let mut group = c.benchmark_group("batching");
    group.throughput(Throughput::Elements(MESSAGES));
    group.bench_function("cut", |b| b.iter(|| black_box(cuts(0))));
    group.bench_function("cut_and_hash", |b| b.iter(|| black_box(drafts(0))));
    group.finish();
}

fn signatures(c: &mut Criterion) {
    let (key, keys) = (Key::new(1), keys());
    let headers: Vec<_> = drafts(0).iter().map(|draft| draft.header).collect();
    let made = key.sign_batches(&headers).unwrap();
    let checks: Vec<SignatureCheck> = headers
        .iter()
        .zip(made)
        .map(|(header, signature)| SignatureCheck { sender: 0, payload: header.signing_bytes(), signature })
        .collect();
    let mut group = c.benchmark_group("signatures");
    group.throughput(Throughput::Elements(checks.len() as u64));
    group.bench_function("verify_many", |b| b.iter(|| black_box(keys.verify_many(&checks))));
    let mut spoiled = checks.clone();
    spoiled[7].payload[0] ^= 1;
    group.bench_function("verify_many_one_wrong", |b| b.iter(|| black_box(keys.verify_many(&spoiled))));
    group.finish();
}

fn intake(c: &mut Criterion) {
    let (dir, keys) = (TempDir::new().unwrap(), keys());
    let sent = mailbox(&dir, 0).publish(&drafts(0), &Key::new(1)).unwrap();
    let views: Vec<&[u8]> = sent.iter().map(Vec::as_slice).collect();
    let mut group = c.benchmark_group("intake");
    group.throughput(Throughput::Elements(MESSAGES));
    group.sample_size(10);
    group.bench_function("publish_durably", |b| {
        let setup = || (TempDir::new().unwrap(), drafts(0));
        let publish = |(dir, drafts): (TempDir, Vec<Draft>)| {
            let sent = mailbox(&dir, 0).publish(&drafts, &Key::new(1)).unwrap();
            (dir, sent)
        };
        b.iter_batched(setup, publish, BatchSize::PerIteration);
    });
    group.bench_function("receive_durably", |b| {
        let receive = |dir: TempDir| {
            let mailbox = mailbox(&dir, 1);
            assert!(mailbox.receive(&views, &keys).unwrap().iter().all(Result::is_ok));
            mailbox.sync().unwrap();
            dir
        };
        b.iter_batched(|| TempDir::new().unwrap(), receive, BatchSize::PerIteration);
    });
    group.finish();
}

fn parts(c: &mut Criterion) {
    let (dir, keys) = (TempDir::new().unwrap(), keys());
    let mailbox = mailbox(&dir, 1);
    mailbox.publish(&drafts(1), &Key::new(2)).unwrap();
    let sent: Vec<Vec<u8>> = {
        let other = self::mailbox(&dir, 0);
        other.publish(&drafts(0), &Key::new(1)).unwrap()
    };
    let views: Vec<&[u8]> = sent.iter().map(Vec::as_slice).collect();
    mailbox.receive(&views, &keys).unwrap();
    mailbox.sync().unwrap();
    let (plain, summary) = collate(&mailbox, 0, &mut All).unwrap();
    let key = Ratchet::new([5; 32]).key(0).unwrap();
    let place = PartPlace { genesis: GENESIS, channel: 1, block: 0, participant: 1 };
    let (chunks, _) = ChunkStore::open(&dir.path().join("chunks"), LogOptions::default()).unwrap();
    let anchor = store_part(&plain, &summary, &key, place, 0, &chunks).unwrap();
    let mut group = c.benchmark_group("parts");
    group.throughput(Throughput::Elements(2 * MESSAGES));
    group.sample_size(10);
    group.bench_function("collate", |b| b.iter(|| black_box(collate(&mailbox, 0, &mut All).unwrap())));
    group.bench_function("store", |b| {
        let mut version = 1;
        b.iter(|| {
            version += 1;
            black_box(store_part(&plain, &summary, &key, place, version, &chunks).unwrap())
        });
    });
    group.bench_function("open", |b| b.iter(|| black_box(open_part(&anchor, &key, place, &chunks).unwrap())));
    group.bench_function("merge", |b| {
        b.iter(|| {
            let mut merger =
                Merger::new(MergePlace { genesis: GENESIS, channel: 1, block: 0, participants: 3 });
            merger.add_part(1, &plain, &keys, &AllCores).unwrap();
            black_box(merger.finish(&AllCores).message_count())
        });
    });
    group.finish();
}

criterion_group!(benches, batching, signatures, intake, parts);
criterion_main!(benches);
