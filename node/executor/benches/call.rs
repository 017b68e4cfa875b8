//! What a call into the runtime costs beside its work, and what batches gain over single signature checks.

#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark")]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use quire_chain::{Execute, Overlay, RuntimeCode, StateError, StateView};
use quire_executor::{
    Options, SUBSTRATE_CONTEXT, SignatureCache, Signed, WasmExecutor, verify_batch_sr25519, verify_sr25519,
};
use quire_trie::NodePath;

struct Empty;

impl StateView for Empty {
    fn get(&self, _: &[u8]) -> Result<Option<Vec<u8>>, StateError> {
        Ok(None)
    }

    fn next_key(&self, _: &[u8]) -> Result<Option<Vec<u8>>, StateError> {
        Ok(None)
    }

    fn node(&self, _: &NodePath) -> Result<Option<Vec<u8>>, StateError> {
        Ok(None)
    }
}

const RUNTIME: &str = r#"(module
    (import "env" "ext_storage_set_version_1" (func $set (param i64 i64)))
    (import "env" "ext_storage_get_version_1" (func $get (param i64) (result i64)))
    (import "env" "ext_allocator_free_version_1" (func $free (param i32)))
    (memory (export "memory") 18)
    (global (export "__heap_base") i32 (i32.const 1050000))
    (func (export "empty") (param i32 i32) (result i64) (i64.const 0))
    (func (export "storage") (param $at i32) (param i32) (result i64) (local $left i32) (local $key i64)
        (local.set $left (i32.const 1000))
        (local.set $key (i64.or (i64.extend_i32_u (local.get $at)) (i64.const 0x2000000000)))
        (loop $again
            (call $set (local.get $key) (local.get $key))
            (call $free (i32.wrap_i64 (call $get (local.get $key))))
            (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
        (i64.const 0)))"#;

fn calls(criterion: &mut Criterion) {
    let code = RuntimeCode::new(&wat::parse_str(RUNTIME).unwrap());
    let executor = WasmExecutor::new(Options::default()).unwrap();
    let args = [7; 32];
    for method in ["empty", "storage"] {
        criterion.bench_function(&format!("call/{method}"), |bench| {
            bench.iter(|| executor.call(&code, &Empty, &mut Overlay::new(), method, &args).unwrap());
        });
    }
}

fn signatures(criterion: &mut Criterion) {
    let pair = |seed: u8| {
        let secret = schnorrkel::MiniSecretKey::from_bytes(&[seed; 32]).unwrap();
        secret.expand_to_keypair(schnorrkel::ExpansionMode::Ed25519)
    };
    let pairs: Vec<_> = (1..=64u8).map(pair).collect();
    let items: Vec<_> = (0..4_096u32)
        .map(|n| {
            let (pair, message) = (&pairs[n as usize % 64], n.to_le_bytes().repeat(30));
            (pair.sign_simple(SUBSTRATE_CONTEXT, &message).to_bytes(), message, pair.public.to_bytes())
        })
        .collect();
    let signed: Vec<Signed<'_>> =
        items.iter().map(|(signature, message, public)| Signed { signature, message, public }).collect();
    let mut group = criterion.benchmark_group("sr25519");
    group.sample_size(10);
    group.throughput(Throughput::Elements(1));
    group.bench_function("single", |bench| {
        bench.iter(|| assert!(verify_sr25519(SUBSTRATE_CONTEXT, &signed[0])))
    });
    let cache = SignatureCache::new(10_000);
    group.bench_function("remembered", |bench| bench.iter(|| assert!(cache.verify_sr25519(&signed[0]))));
    group.throughput(Throughput::Elements(signed.len() as u64));
    group.bench_function("batch of 4096, all cores", |bench| {
        bench.iter(|| {
            assert!(verify_batch_sr25519(SUBSTRATE_CONTEXT, &signed).iter().all(|is_good| *is_good))
        });
    });
    group.finish();
}

criterion_group!(benches, calls, signatures);
criterion_main!(benches);
