//! Cost of a block's state root: changed accounts in a large trie, rows in memory.
//!
//! `cargo bench -p quire-trie` prints the time per block of changed accounts, for tries of 100,000 and 1,000,000
//! accounts: the ratio of the two shows that cost follows the changes, not the state.

#![allow(missing_docs, reason = "criterion_group! makes public functions")]

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use quire_core::hash::{blake2_128_concat, blake2_256, twox_128};
use quire_trie::{NoNodes, NodePath, StateVersion, ordered_root, prove, update};
use std::collections::BTreeMap;
use std::hint::black_box;

type Rows = BTreeMap<NodePath, Vec<u8>>;
type Changes = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// Key of an account in `System.Account`.
fn account_key(number: u32) -> Vec<u8> {
    let account = blake2_256(&number.to_le_bytes());
    [&twox_128(b"System")[..], &twox_128(b"Account"), &blake2_128_concat(&account)].concat()
}

/// An account's 80 bytes.
fn account_value(nonce: u32) -> Vec<u8> {
    let mut value = vec![0; 80];
    value[..4].copy_from_slice(&nonce.to_le_bytes());
    value
}

fn trie_of(accounts: u32) -> Rows {
    let changes: Changes = (0..accounts).map(|n| (account_key(n), Some(account_value(0)))).collect();
    let (_, changes) = update(&NoNodes, StateVersion::V1, &changes).expect("nothing to read");
    changes.into_iter().filter_map(|(path, row)| Some((path, row?))).collect()
}

/// Every `accounts / changed`-th account gets a new value.
fn block_of(accounts: u32, changed: u32) -> Changes {
    (0..changed).map(|n| (account_key(n * (accounts / changed)), Some(account_value(1)))).collect()
}

fn bench_update(c: &mut Criterion) {
    let mut group = c.benchmark_group("trie_update");
    group.sample_size(20);
    for accounts in [100_000, 1_000_000] {
        let rows = trie_of(accounts);
        for changed in [1_000_u32, 10_000] {
            let changes = block_of(accounts, changed);
            group.throughput(Throughput::Elements(u64::from(changed)));
            group.bench_function(BenchmarkId::new(format!("{accounts}_accounts"), changed), |b| {
                b.iter_with_large_drop(|| update(black_box(&rows), StateVersion::V1, &changes));
            });
        }
    }
    group.finish();
}

fn bench_build(c: &mut Criterion) {
    let changes: Changes = (0..10_000).map(|n| (account_key(n), Some(account_value(0)))).collect();
    let mut group = c.benchmark_group("trie_build");
    group.throughput(Throughput::Elements(10_000));
    group.bench_function("10000_accounts", |b| {
        b.iter_with_large_drop(|| update(&NoNodes, StateVersion::V1, black_box(&changes)));
    });
    group.finish();
}

fn bench_ordered_root(c: &mut Criterion) {
    let extrinsics: Vec<Vec<u8>> = (0..10_000_u32).map(|n| n.to_le_bytes().repeat(36)).collect();
    c.bench_function("ordered_root/10000_extrinsics", |b| {
        b.iter(|| ordered_root(StateVersion::V0, black_box(&extrinsics)));
    });
}

fn bench_prove(c: &mut Criterion) {
    let rows = trie_of(100_000);
    let value = account_value(0);
    let keys: Vec<Vec<u8>> = (0..100).map(|n| account_key(n * 997)).collect();
    c.bench_function("prove/100_of_100000_accounts", |b| {
        b.iter_batched(
            || (),
            |()| prove(&rows, |_| Ok(Some(value.clone())), black_box(&keys)),
            BatchSize::SmallInput,
        );
    });
}

criterion_group!(benches, bench_update, bench_build, bench_ordered_root, bench_prove);
criterion_main!(benches);
