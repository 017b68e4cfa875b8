//! A world for the tests of this crate: a store in memory, a tiny key/value runtime, keys, and a network of chains.

pub(crate) mod accounts;
pub(crate) mod runtime;
pub(crate) mod store;

use std::sync::Arc;

use parity_scale_codec::Encode;
use quire_consensus::finality::solo::Vote;
use quire_core::{
    AuraId, Block, BlockNumber, GrandpaId, GrandpaJustification, H256, InherentData, OpaqueExtrinsic, Slot,
};

use self::runtime::{Call, FakeRuntime};
use self::store::MemoryStore;
use crate::{Built, Chain, Config, Genesis, Imported};

pub(crate) type TestChain = Chain<MemoryStore, FakeRuntime>;

/// Length of a slot in the test chain.
pub(crate) const SLOT_MS: u64 = 1_000;
/// A clock far enough for every slot that the tests use.
pub(crate) const NOW_MS: u64 = 1_000_000;

pub(crate) fn aura_pair(seed: u8) -> schnorrkel::Keypair {
    let mini = schnorrkel::MiniSecretKey::from_bytes(&[seed; 32]).expect("32 bytes are a seed");
    mini.expand_to_keypair(schnorrkel::ExpansionMode::Ed25519)
}

pub(crate) fn aura_id(seed: u8) -> AuraId {
    AuraId(aura_pair(seed).public.to_bytes())
}

pub(crate) fn grandpa_key(seed: u8) -> ed25519_zebra::SigningKey {
    ed25519_zebra::SigningKey::from([seed; 32])
}

pub(crate) fn grandpa_id(seed: u8) -> GrandpaId {
    GrandpaId(ed25519_zebra::VerificationKey::from(&grandpa_key(seed)).into())
}

/// Signs a seal with the authority whose turn the slot is, authorities being the seeds 1 to `count`.
pub(crate) fn seal(payload: H256, slot: Slot, count: u64) -> [u8; 64] {
    let seed = u8::try_from(slot.0 % count + 1).expect("few authorities");
    aura_pair(seed).sign_simple(b"substrate", &payload.0).to_bytes()
}

/// A justification by the lone voter with `seed`.
pub(crate) fn justify(
    seed: u8,
    set_id: u64,
    round: u64,
    hash: H256,
    number: BlockNumber,
) -> GrandpaJustification {
    let vote = Vote { id: grandpa_id(seed), set_id, round, target_hash: hash, target_number: number };
    vote.justify(grandpa_key(seed).sign(&vote.payload()).into())
}

/// A chain whose genesis has one more value.
pub(crate) fn with_genesis_value(key: &[u8], value: Vec<u8>) -> TestChain {
    let mut pairs = genesis_pairs(2);
    pairs.push((key.to_vec(), value));
    let genesis = Genesis::new(pairs).expect("has code");
    Chain::open(Arc::default(), Arc::new(FakeRuntime::default()), &genesis, Config::default()).expect("opens")
}

/// Genesis with `authorities` Aura keys (seeds 1..) and one GRANDPA voter (seed 1).
pub(crate) fn genesis(authorities: u8) -> Genesis {
    Genesis::new(genesis_pairs(authorities)).expect("has code")
}

fn genesis_pairs(authorities: u8) -> Vec<(Vec<u8>, Vec<u8>)> {
    let aura: Vec<AuraId> = (1..=authorities).map(aura_id).collect();
    let voters = vec![(grandpa_id(1), 1u64)];
    let pairs: [(&[u8], Vec<u8>); 4] = [
        (crate::CODE_KEY, b"code 1".to_vec()),
        (b"aura", aura.encode()),
        (b"grandpa", (0u64, voters).encode()),
        (b"kv/genesis", vec![1; 40]),
    ];
    pairs.map(|(key, value)| (key.to_vec(), value)).to_vec()
}

pub(crate) fn open(store: &Arc<MemoryStore>, config: Config) -> TestChain {
    Chain::open(store.clone(), Arc::new(FakeRuntime::default()), &genesis(2), config).expect("opens")
}

pub(crate) fn new_chain() -> TestChain {
    open(&Arc::default(), Config::default())
}

pub(crate) fn extrinsic(call: &Call) -> Arc<OpaqueExtrinsic> {
    Arc::new(OpaqueExtrinsic(call.encode()))
}

pub(crate) fn set(key: &str, value: &str) -> Call {
    Call::Set { key: format!("kv/{key}").into_bytes(), value: value.as_bytes().to_vec() }
}

/// Builds a block without sealing it.
pub(crate) fn build(chain: &TestChain, parent: H256, slot: u64, calls: &[Call]) -> Built {
    let mut inherents = InherentData::new();
    inherents.put(quire_core::inherent::TIMESTAMP_ID, &(slot * SLOT_MS));
    let mut proposer = chain.proposer(parent, Slot(slot), &inherents).expect("parent is known");
    let batch: Vec<_> = calls.iter().map(extrinsic).collect();
    for answer in proposer.push_batch(&batch).expect("runs") {
        answer.expect("is applied").ok();
    }
    proposer.finish().expect("finishes")
}

/// Builds and imports a block of the authority whose turn `slot` is.
pub(crate) fn author(chain: &TestChain, parent: H256, slot: u64, calls: &[Call]) -> Imported {
    let built = build(chain, parent, slot, calls);
    let signature = seal(built.seal_payload(), Slot(slot), 2);
    chain.import_built(built, signature).expect("is right")
}

pub(crate) fn block_of(imported: &Imported) -> Block {
    Block { header: (*imported.header).clone(), extrinsics: (*imported.body).clone() }
}

/// Finalises a block of `chain` by the lone voter.
pub(crate) fn finalise(chain: &TestChain, head: crate::Head) -> crate::Finalised {
    let proof = justify(1, 0, u64::from(head.number), head.hash, head.number);
    chain.finalise(head.hash, &proof).expect("is right")
}

/// A value under `kv/` in the state after a block.
pub(crate) fn value(chain: &TestChain, at: H256, key: &str) -> Option<String> {
    let bytes = chain.state_at(at).expect("known").get(format!("kv/{key}").as_bytes()).expect("readable");
    bytes.map(|bytes| String::from_utf8(bytes).expect("text"))
}
