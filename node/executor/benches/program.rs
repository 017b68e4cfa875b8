//! The shipped programs over one block of merged messages, per message.

#![allow(missing_docs, reason = "criterion_group makes a public function")]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use parity_scale_codec::Encode;
use quire_channel::message::{Message, MessageRef};
use quire_channel::program::abi::Context;
use quire_channel::{VBUCKETS, vbucket};
use quire_core::H256;
use quire_core::hash::blake2_256;
use quire_executor::program::{HostConfig, MessageSource, ProgramHost};

const RTB: &[u8] = include_bytes!("../../../runtime/programs/rtb/rtb.wasm");
const IMPRESSIONS: u64 = 100_000;

struct Block(Vec<Vec<(Vec<u8>, H256)>>);

impl MessageSource for Block {
    fn bucket<'a>(&'a self, vbucket: u16) -> Box<dyn Iterator<Item = (MessageRef<'a>, &'a H256)> + 'a> {
        let bucket = &self.0[usize::from(vbucket)];
        Box::new(bucket.iter().filter_map(|(bytes, id)| Some((MessageRef::read_exact(bytes).ok()?, id))))
    }
}

fn block() -> Block {
    let mut messages = Vec::new();
    for n in 0..IMPRESSIONS {
        let key = blake2_256(&n.to_le_bytes())[..16].to_vec();
        for sender in 0..3u8 {
            let body = if sender == 2 { vec![2] } else { 1_000_000u64.to_le_bytes().to_vec() };
            let kind = if sender == 2 { 2 } else { 1 };
            messages.push(Message {
                channel: 1,
                block: 0,
                sender,
                seq: n,
                time_ms: n,
                kind,
                key: key.clone(),
                body,
            });
        }
    }
    messages.sort_by(|a, b| a.key.cmp(&b.key));
    let mut buckets: Vec<_> = (0..VBUCKETS).map(|_| Vec::new()).collect();
    for message in messages {
        buckets[usize::from(vbucket(&message.key))].push((message.encode(), message.id()));
    }
    Block(buckets)
}

fn programs(c: &mut Criterion) {
    let block = block();
    let parameters = [10u128.pow(16).to_le_bytes(), 1_000u128.to_le_bytes()].concat();
    let context = Context { channel: 1, block: 0, roles: vec![0, 1, 2], parameters };
    let mut group = c.benchmark_group("rtb");
    group.sample_size(10);
    group.throughput(Throughput::Elements(3 * IMPRESSIONS));
    for threads in [1, 2] {
        let host = ProgramHost::new(HostConfig { threads, cache: None }).expect("threads start");
        host.prepare(RTB).expect("the shipped program compiles");
        group.bench_function(format!("{threads}_threads"), |b| {
            b.iter(|| host.run(RTB, &context, &block).expect("the shipped program runs").gas)
        });
    }
    group.finish();
}

criterion_group!(benches, programs);
criterion_main!(benches);
