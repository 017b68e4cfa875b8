//! Executing a whole block of transfers with the checked-in runtime: what an importing node does for every block.
//!
//! The state lies in memory, so that the figures are those of Wasm, host functions and trie, and not of a database.

#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark")]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use parity_scale_codec::{Decode, Encode};
use quire_chain::{Execute, Overlay, RuntimeCode, StateError, StateView};
use quire_core::{
    AccountId, Additional, ApplyExtrinsicResult, AuraId, Block, Digest, Era, Extra, GrandpaId, H256, Header,
    InherentData, MultiAddress, MultiSignature, OpaqueExtrinsic, Slot, UNITS, UncheckedExtrinsic,
    inherent::TIMESTAMP_ID, signing_payload,
};
use quire_executor::{Options, SUBSTRATE_CONTEXT, WasmExecutor};
use quire_runtime::{RuntimeCall, genesis, version};
use quire_trie::{NoNodes, NodePath, StateVersion};
use schnorrkel::{ExpansionMode, Keypair, MiniSecretKey};
use std::collections::BTreeMap;

const TRANSFERS: usize = 1_000;
const SLOT: u64 = 1_700_000_000;
const BLOB: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../runtime/wasm/quire_runtime.wasm");

struct Genesis {
    values: BTreeMap<Vec<u8>, Vec<u8>>,
    nodes: BTreeMap<NodePath, Vec<u8>>,
}

impl StateView for Genesis {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StateError> {
        Ok(self.values.get(key).cloned())
    }

    fn next_key(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StateError> {
        Ok(self.values.keys().find(|next| next.as_slice() > key).cloned())
    }

    fn node(&self, path: &NodePath) -> Result<Option<Vec<u8>>, StateError> {
        Ok(self.nodes.get(path).cloned())
    }
}

fn key(number: u32) -> Keypair {
    let mut seed = [0; 32];
    seed[..4].copy_from_slice(&number.to_le_bytes());
    MiniSecretKey::from_bytes(&seed).unwrap().expand_to_keypair(ExpansionMode::Ed25519)
}

fn genesis(code: &[u8], keys: &[Keypair]) -> (Genesis, Header) {
    let accounts: Vec<AccountId> = keys.iter().map(|key| AccountId(key.public.to_bytes())).collect();
    let config = genesis::Config {
        balances: pallet_balances::genesis::Config {
            balances: accounts.iter().map(|who| (*who, 1_000 * UNITS)).collect(),
        },
        session: pallet_session::genesis::Config {
            authorities: vec![(
                accounts[0],
                pallet_session::SessionKeys { aura: AuraId(accounts[0].0), grandpa: GrandpaId([7; 32]) },
            )],
            ..Default::default()
        },
        members: pallet_members::genesis::Config::simple(&accounts[..1]),
        ..genesis::Config::default()
    };
    let values = genesis::build(&config, code).unwrap();
    let changes = values.iter().map(|(key, value)| (key.clone(), Some(value.clone()))).collect();
    let (state_root, nodes) = quire_trie::update(&NoNodes, StateVersion::V1, &changes).unwrap();
    let nodes = nodes.into_iter().filter_map(|(path, node)| Some((path, node?))).collect();
    let header = Header { state_root, extrinsics_root: quire_trie::EMPTY_ROOT, ..Header::default() };
    (Genesis { values, nodes }, header)
}

fn transfer(from: &Keypair, to: &Keypair, genesis_hash: H256) -> OpaqueExtrinsic {
    let dest = MultiAddress::Id(AccountId(to.public.to_bytes()));
    let call = RuntimeCall::Balances(pallet_balances::Call::transfer_keep_alive { dest, value: UNITS });
    let extra = Extra { era: Era::Immortal, nonce: 0, tip: 0, mode: 0 };
    let additional = Additional {
        spec_version: version::SPEC_VERSION,
        transaction_version: version::TRANSACTION_VERSION,
        genesis_hash,
        era_hash: genesis_hash,
        metadata_hash: None,
    };
    let payload = signing_payload(&call.encode(), &extra, &additional);
    let signature = MultiSignature::Sr25519(from.sign_simple(SUBSTRATE_CONTEXT, &payload).to_bytes());
    UncheckedExtrinsic::signed(call, AccountId(from.public.to_bytes()), signature, extra).to_opaque()
}

/// A block of transfers on top of genesis, as an author builds it.
fn block(
    executor: &WasmExecutor,
    code: &RuntimeCode,
    state: &Genesis,
    parent: &Header,
    keys: &[Keypair],
) -> Block {
    let mut overlay = Overlay::new();
    let mut call =
        |method: &str, args: Vec<u8>| executor.call(code, state, &mut overlay, method, &args).unwrap();
    let header = Header {
        parent_hash: parent.hash(),
        number: 1,
        digest: Digest::for_slot(Slot(SLOT)),
        ..Header::default()
    };
    call("Core_initialize_block", header.encode());
    let mut data = InherentData::new();
    data.put(TIMESTAMP_ID, &(SLOT * 1_000));
    let inherents = call("BlockBuilder_inherent_extrinsics", data.encode());
    let mut extrinsics = Vec::<OpaqueExtrinsic>::decode(&mut inherents.as_slice()).unwrap();
    let pairs = keys.iter().zip(keys.iter().cycle().skip(1));
    extrinsics.extend(pairs.map(|(from, to)| transfer(from, to, parent.hash())));
    let results = call("QuireBlock_apply_extrinsics", extrinsics.encode());
    let results = Vec::<ApplyExtrinsicResult>::decode(&mut results.as_slice()).unwrap();
    assert!(results.iter().all(|result| matches!(result, Ok(Ok(())))), "every transfer succeeds");
    let header = Header::decode(&mut call("BlockBuilder_finalize_block", Vec::new()).as_slice()).unwrap();
    Block { header, extrinsics }
}

fn execution(criterion: &mut Criterion) {
    let code = RuntimeCode::new(&std::fs::read(BLOB).unwrap());
    let keys: Vec<Keypair> = (0..TRANSFERS as u32).map(key).collect();
    let (state, parent) = genesis(&code.bytes, &keys);
    let mut group = criterion.benchmark_group("block of 1,000 transfers");
    group.sample_size(10).throughput(Throughput::Elements(TRANSFERS as u64));
    for (name, signatures) in [("signatures known from the pool", 100_000), ("signatures unknown", 1)] {
        let executor = WasmExecutor::new(Options { signatures, ..Options::default() }).unwrap();
        let block = block(&executor, &code, &state, &parent, &keys).encode();
        group.bench_function(name, |bench| {
            bench.iter(|| {
                executor.call(&code, &state, &mut Overlay::new(), "Core_execute_block", &block).unwrap()
            });
        });
    }
    group.finish();
}

criterion_group!(benches, execution);
criterion_main!(benches);
