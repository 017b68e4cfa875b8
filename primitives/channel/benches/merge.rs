//! What a message costs on its way through the data plane: reading, id, Merkle tree, merge. Per-element throughput.
//!
//! The block is that of the demo in small: three senders, batches of 1,000, three parts of which two hold copies.

#![allow(missing_docs, reason = "criterion_group makes a public function")]

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use parity_scale_codec::Encode;
use quire_channel::merge::{BatchVerifier, MergePlace, Merger, Sequential};
use quire_channel::part::{LeafSource, PartBuilder, summarize};
use quire_channel::{BatchHeader, Message, MessageRef, SignedBatch, merkle};
use quire_core::H256;
use quire_core::hash::blake2_256;

const IMPRESSIONS: u64 = 50_000;
const BATCH: usize = 1_000;

struct Anybody;

impl BatchVerifier for Anybody {
    fn verify(&self, _: u8, _: &[u8], _: &[u8; 64]) -> bool {
        true
    }
}

struct Batch {
    header: BatchHeader,
    messages: Vec<Vec<u8>>,
    ids: Vec<H256>,
}

fn message(sender: u8, n: u64) -> Message {
    let key = blake2_256(&n.to_le_bytes())[..16].to_vec();
    let body = if sender == 2 { vec![2] } else { 1_000_000u64.to_le_bytes().to_vec() };
    let kind = if sender == 2 { 2 } else { 1 };
    Message { channel: 1, block: 0, sender, seq: n, time_ms: 1_500_000_000_000 + n, kind, key, body }
}

fn batches(sender: u8) -> Vec<Batch> {
    let numbers: Vec<u64> = (0..IMPRESSIONS).collect();
    let batch = |chunk: &[u64]| {
        let first = message(sender, chunk[0]);
        let messages: Vec<Vec<u8>> = chunk.iter().map(|n| message(sender, *n).encode()).collect();
        let ids: Vec<H256> = messages.iter().map(|bytes| H256(blake2_256(bytes))).collect();
        let header =
            SignedBatch::header_for(H256::ZERO, &first, &ids).expect("batches are within the limits");
        Batch { header, messages, ids }
    };
    numbers.chunks(BATCH).map(batch).collect()
}

/// Part of `participant`: its own batches whole, those of the others with every fifth message named only.
fn part(participant: usize, all: &[Vec<Batch>]) -> Vec<u8> {
    let mut builder = PartBuilder::new();
    for (sender, batches) in all.iter().enumerate() {
        for batch in batches {
            let leaves = batch.messages.iter().zip(&batch.ids).enumerate().map(|(n, (bytes, id))| {
                if sender == participant || n % 5 > 0 { LeafSource::Full(bytes) } else { LeafSource::Id(*id) }
            });
            builder.push(&batch.header, &[0; 64], leaves).expect("the part is within the limits");
        }
    }
    builder.finish().0
}

fn merging(c: &mut Criterion) {
    let all: Vec<Vec<Batch>> = (0..3).map(batches).collect();
    let parts: Vec<Vec<u8>> = (0..3).map(|participant| part(participant, &all)).collect();
    let batch = &all[0][0];
    let flat = batch.messages.concat();
    let mut group = c.benchmark_group("message");
    group.sample_size(20);
    group.throughput(Throughput::Elements(BATCH as u64));
    group.bench_function("read_and_id", |b| {
        b.iter(|| {
            let (mut rest, mut last) = (flat.as_slice(), H256::ZERO);
            while let Ok((message, tail)) = MessageRef::read(rest) {
                (rest, last) = (tail, message.id());
            }
            last
        })
    });
    group.bench_function("merkle_root_of_1000", |b| b.iter(|| merkle::root(&batch.ids)));
    group.finish();

    let mut group = c.benchmark_group("block");
    group.sample_size(10);
    group.throughput(Throughput::Elements(3 * IMPRESSIONS));
    group.bench_function("summarize_part", |b| b.iter(|| summarize(&parts[0])));
    group.bench_function("collate_part", |b| b.iter(|| part(0, &all).len()));
    let place = MergePlace { genesis: H256::ZERO, channel: 1, block: 0, participants: 3 };
    group.bench_function("merge_three_parts", |b| {
        b.iter_batched(
            || Merger::new(place),
            |mut merger| {
                for (participant, part) in parts.iter().enumerate() {
                    merger.add_part(participant as u8, part, &Anybody, &Sequential).expect("parts decode");
                }
                merger.finish(&Sequential)
            },
            BatchSize::PerIteration,
        )
    });
    group.finish();
}

criterion_group!(benches, merging);
criterion_main!(benches);
