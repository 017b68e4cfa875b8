//! What a finalised block costs the store: a block of transfers, each changing two accounts of many.

#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark")]

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use quire_chain::{Commit, Finalise, Layer, NewBlock, Store};
use quire_core::{Digest, H256, Header, OpaqueExtrinsic, hash::blake2_256};
use quire_store::{Database, Options, Pruning, SledStore, Wanted, backend::memory::MemoryBackend};
use quire_trie::{NodePath, NodeReader, StateVersion};
use std::{collections::BTreeMap, convert::Infallible, sync::Arc};

const ACCOUNTS: u64 = 200_000;

#[derive(Default)]
struct Nodes(BTreeMap<NodePath, Vec<u8>>);

impl NodeReader for Nodes {
    type Error = Infallible;

    fn node(&self, path: &NodePath) -> Result<Option<Vec<u8>>, Infallible> {
        Ok(self.0.get(path).cloned())
    }
}

/// Makes blocks over a trie in memory.
struct Maker {
    nodes: Nodes,
    number: u32,
    seed: u64,
}

impl Maker {
    fn account(index: u64) -> Vec<u8> {
        let id = blake2_256(&index.to_le_bytes());
        [&[0x26; 32][..], &id[..16], &id].concat()
    }

    fn block(&mut self, accounts: impl Iterator<Item = u64>) -> Commit {
        let value = |n: u32| Some([&n.to_le_bytes()[..], &[7; 76]].concat());
        let values: BTreeMap<_, _> =
            accounts.map(|index| (Self::account(index), value(self.number))).collect();
        let (root, nodes) = quire_trie::update(&self.nodes, StateVersion::V1, &values).unwrap();
        for (path, node) in &nodes {
            match node {
                Some(node) => self.nodes.0.insert(path.clone(), node.clone()),
                None => self.nodes.0.remove(path),
            };
        }
        let header = Header {
            parent_hash: H256::ZERO,
            number: self.number,
            state_root: root,
            extrinsics_root: H256::ZERO,
            digest: Digest { logs: vec![] },
        };
        let body = (0..values.len() / 2).map(|_| OpaqueExtrinsic(vec![1; 140])).collect();
        let (number, hash, layer) = (self.number, header.hash(), Arc::new(Layer { values, nodes }));
        self.number += 1;
        Commit {
            blocks: vec![NewBlock {
                hash,
                header: Arc::new(header),
                body: Arc::new(body),
                layer: layer.clone(),
            }],
            finalise: vec![Finalise { number, hash, layer, justification: None }],
            ..Commit::default()
        }
    }

    fn transfers(&mut self, count: u64) -> Commit {
        let mut seed = self.seed;
        let accounts: Vec<u64> = (0..2 * count)
            .map(|_| {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (seed >> 33) % ACCOUNTS
            })
            .collect();
        self.seed = seed;
        self.block(accounts.into_iter())
    }
}

fn commits(criterion: &mut Criterion) {
    let options =
        Options { pruning: Wanted { states: Some(Pruning::Keep(16)), bodies: None }, ..Options::default() };
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let disk = SledStore::open(folder.path(), None, options).unwrap();
    let memory: Database<MemoryBackend> = Database::in_memory(options).unwrap();
    let mut maker = Maker { nodes: Nodes::default(), number: 0, seed: 1 };
    let genesis = maker.block(0..ACCOUNTS);
    disk.commit(genesis.clone()).unwrap();
    memory.commit(genesis).unwrap();
    let mut group = criterion.benchmark_group("commit");
    group.sample_size(10);
    for transfers in [1u64, 100, 1_000, 5_000] {
        group.throughput(Throughput::Elements(transfers));
        group.bench_function(format!("sled/{transfers} transfers"), |bench| {
            bench.iter_batched(
                || maker.transfers(transfers),
                |block| {
                    memory.commit(block.clone()).unwrap();
                    disk.commit(block).unwrap();
                },
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
    let height = maker.number - 1;
    let mut group = criterion.benchmark_group("read");
    let mut index = 0;
    for (name, back) in [("head", 0), ("16 blocks back", 16)] {
        group.bench_function(format!("sled/{name}"), |bench| {
            bench.iter(|| {
                index = (index + 7_919) % ACCOUNTS;
                disk.state_get(height - back, &Maker::account(index)).unwrap()
            });
        });
    }
    group.finish();
}

criterion_group!(benches, commits);
criterion_main!(benches);
