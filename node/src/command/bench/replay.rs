//! Executes blocks of the chain again, extrinsic by extrinsic, and measures each.
//!
//! Rules
//! - R1 An extrinsic runs on the state that it met in its block, in Wasm, each round in a fresh instance; the least of
//!   the rounds counts, in processor time of the thread, so that other work on the machine weighs little.
//! - R2 Values come from memory, because every round but the first finds them there: the figure is that of execution.
//!   What reading and writing costs is counted, not timed, and priced as `System.DbWeight` says. Values that a block
//!   writes once however many extrinsics it has (counters and lists of System, fees collected) belong to the block.
//! - R3 Signatures are known from the first round on. What checking one takes is measured once, and added to what every
//!   signed extrinsic needs.
//! - R4 An extrinsic is *charged* what its result event says that it weighed, the base weight included.
use super::names::CallNames;
use crate::command::operator::OperatorError;
use crate::command::place::OfflineChain;
use pallet_support::EventRecord;
use pallet_support::storage::PREFIX_BYTES;
use pallet_system::Event as SystemEvent;
use pallet_system::storage::{ACCOUNT, EVENTS, EXTRINSIC_INDEX_KEY};
use pallet_transaction_payment::storage::COLLECTED;
use parity_scale_codec::{Decode, Encode};
use quire_chain::{Execute, ExecuteError, Overlay, QueryError, RuntimeCode, StateError, StateView};
use quire_core::{ApplyExtrinsicResult, BlockNumber, Digest, H256, Header, OpaqueExtrinsic, Weight};
use quire_executor::WasmExecutor;
use quire_runtime::RuntimeEvent;
use quire_trie::NodePath;
use rustix::time::{ClockId, clock_gettime};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// A weight's reference time is counted in picoseconds.
const PICOSECONDS_PER_NANOSECOND: u64 = 1_000;

/// What one extrinsic took.
#[derive(Debug, Clone)]
pub(super) struct Sample {
    /// `Pallet.call`; with a mark when it failed.
    pub(super) call: String,
    /// What the runtime declares for it before it runs, with the base weight; none for inherents, nanoseconds.
    pub(super) declared_ns: Option<u64>,
    /// What it was charged in the end, with the base weight; none for inherents, nanoseconds (R4).
    pub(super) charged_ns: Option<u64>,
    /// What it took, nanoseconds.
    pub(super) measured_ns: u64,
    /// That, its accesses to the database and its signature, nanoseconds (R2, R3).
    pub(super) needed_ns: u64,
    /// Values that it read and wrote for the first time in its block.
    pub(super) reads: usize,
    /// Values that it wrote.
    pub(super) writes: usize,
}

/// The chain whose blocks run again.
pub(super) struct Replay<'a> {
    chain: &'a OfflineChain,
    executor: WasmExecutor,
    names: CallNames,
    rounds: u32,
    signature_ns: u64,
}

impl<'a> Replay<'a> {
    pub(super) fn new(chain: &'a OfflineChain, rounds: u32) -> Result<Self, OperatorError> {
        let executor = WasmExecutor::new(quire_executor::Options::default()).map_err(QueryError::from)?;
        Ok(Self { chain, executor, names: CallNames::new(), rounds, signature_ns: signature_ns(rounds) })
    }

    /// The extrinsics of a block, in order.
    pub(super) fn block(&self, number: BlockNumber) -> Result<Vec<Sample>, OperatorError> {
        let missing = || OperatorError::NoBlock { name: number.to_string(), best: self.chain.best().number };
        let hash = self.chain.hash_by_number(number)?.ok_or_else(missing)?;
        let header = self.chain.header(hash)?.ok_or_else(missing)?;
        let oldest = OperatorError::BodyPruned { number, oldest: number.saturating_add(1) };
        let body = self.chain.body(hash)?.ok_or(oldest)?;
        let state = Remembered::new(self.chain.state_at(header.parent_hash)?);
        let code = self.chain.code_at(header.parent_hash)?;
        Ok(self.run(&code, &state, &header, &body).map_err(QueryError::from)?)
    }

    fn run(
        &self,
        code: &RuntimeCode,
        state: &Remembered,
        header: &Header,
        body: &[OpaqueExtrinsic],
    ) -> Result<Vec<Sample>, ExecuteError> {
        let mut overlay = Overlay::new();
        let start = Header {
            parent_hash: header.parent_hash,
            number: header.number,
            digest: Digest::for_slot(header.digest.aura_slot().unwrap_or_default()),
            ..Header::default()
        };
        self.executor.call(code, state, &mut overlay, "Core_initialize_block", &start.encode())?;
        body.iter().map(|extrinsic| self.extrinsic(code, state, &mut overlay, extrinsic)).collect()
    }

    fn extrinsic(
        &self,
        code: &RuntimeCode,
        state: &Remembered,
        overlay: &mut Overlay,
        extrinsic: &OpaqueExtrinsic,
    ) -> Result<Sample, ExecuteError> {
        let declared_ns = self.declared(code, state, extrinsic);
        let args = extrinsic.encode();
        let (touched, changed) = (touched(overlay), overlay.changes());
        let mut measured_ns = u64::MAX;
        let mut after = overlay.clone();
        let mut answer = Vec::new();
        for _ in 0..=self.rounds {
            after = overlay.clone();
            let from = thread_ns();
            answer = self.executor.call(code, state, &mut after, "BlockBuilder_apply_extrinsic", &args)?;
            measured_ns = measured_ns.min(thread_ns().saturating_sub(from));
        }
        let reads = self::touched(&after).saturating_sub(touched);
        let is_written = |(key, value): &(&Vec<u8>, &Option<Vec<u8>>)| {
            !is_of_block(key) && changed.get(*key) != Some(*value)
        };
        let writes = after.changes().iter().filter(is_written).count();
        let charged_ns = declared_ns.and_then(|_| charged_ns(&after));
        *overlay = after;
        let name = self.names.of(extrinsic);
        let call = match ApplyExtrinsicResult::decode(&mut answer.as_slice()) {
            Ok(Ok(Ok(()))) => name,
            _ => format!("{name} (failed)"),
        };
        let signature_ns = if declared_ns.is_some() { self.signature_ns } else { 0 };
        let needed_ns = measured_ns + database_ns(reads, writes) + signature_ns;
        Ok(Sample { call, declared_ns, charged_ns, measured_ns, needed_ns, reads, writes })
    }

    fn declared(&self, code: &RuntimeCode, state: &Remembered, extrinsic: &OpaqueExtrinsic) -> Option<u64> {
        const METHOD: &str = "TransactionPaymentApi_query_info";
        let bytes = extrinsic.encode();
        let mut args = bytes.clone();
        (bytes.len() as u32).encode_to(&mut args);
        // Inherents have no price, and a state before their block may not know what they are about.
        let is_signed =
            quire_core::extrinsic::decode_envelope(&extrinsic.0).is_ok_and(|(parts, _)| parts.is_some());
        let answer = self.executor.call(code, state, &mut Overlay::new(), METHOD, &args).ok()?;
        let weight = Weight::decode(&mut answer.as_slice()).ok()?;
        is_signed.then_some(weight.ref_time / PICOSECONDS_PER_NANOSECOND)
    }
}

/// R4.
fn charged_ns(after: &Overlay) -> Option<u64> {
    let events = after.changes().get(EVENTS.key().as_slice())?.clone()?;
    let events = Vec::<EventRecord<RuntimeEvent, H256>>::decode(&mut events.as_slice()).ok()?;
    match &events.last()?.event {
        RuntimeEvent::System(
            SystemEvent::ExtrinsicSuccess { dispatch_info }
            | SystemEvent::ExtrinsicFailed { dispatch_info, .. },
        ) => Some(dispatch_info.weight.ref_time / PICOSECONDS_PER_NANOSECOND),
        _ => None,
    }
}

/// Values that extrinsics touched so far (R2).
fn touched(overlay: &Overlay) -> usize {
    overlay.touched_keys().filter(|key| !is_of_block(key)).count()
}

/// R2.
fn is_of_block(key: &[u8]) -> bool {
    let system = &EVENTS.key()[..PREFIX_BYTES / 2];
    let payment = &COLLECTED.key()[..PREFIX_BYTES / 2];
    key == EXTRINSIC_INDEX_KEY
        || key.starts_with(payment)
        || (key.starts_with(system) && !key.starts_with(&ACCOUNT.prefix()))
}

/// R2.
fn database_ns(reads: usize, writes: usize) -> u64 {
    let weight = pallet_system::limits::db_weight();
    (weight.read * reads as u64 + weight.write * writes as u64) / PICOSECONDS_PER_NANOSECOND
}

/// R3: the least time that checking an sr25519 signature takes here.
fn signature_ns(rounds: u32) -> u64 {
    let pair = schnorrkel::MiniSecretKey::from_bytes(&[7; 32])
        .expect("any 32 bytes are a mini secret key")
        .expand_to_keypair(schnorrkel::ExpansionMode::Ed25519);
    let context = schnorrkel::signing_context(b"substrate");
    let signature = pair.sign(context.bytes(&[7; 200]));
    let once = || {
        let from = thread_ns();
        let verdict = pair.public.verify(context.bytes(&[7; 200]), &signature);
        assert!(verdict.is_ok(), "a signature just made is good");
        thread_ns().saturating_sub(from)
    };
    (0..=rounds).map(|_| once()).min().unwrap_or(0)
}

/// Processor time of this thread, nanoseconds.
fn thread_ns() -> u64 {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    u64::try_from(now.tv_sec).unwrap_or(0).saturating_mul(1_000_000_000)
        + u64::try_from(now.tv_nsec).unwrap_or(0)
}

/// A state that reads everything once (R2).
struct Remembered {
    state: Arc<dyn StateView>,
    values: Mutex<BTreeMap<Vec<u8>, Option<Vec<u8>>>>,
}

impl Remembered {
    fn new(state: Arc<dyn StateView>) -> Self {
        Self { state, values: Mutex::default() }
    }
}

impl StateView for Remembered {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StateError> {
        let mut values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(value) = values.get(key) {
            return Ok(value.clone());
        }
        let value = self.state.get(key)?;
        values.insert(key.to_vec(), value.clone());
        Ok(value)
    }

    fn next_key(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StateError> {
        self.state.next_key(key)
    }

    fn node(&self, path: &NodePath) -> Result<Option<Vec<u8>>, StateError> {
        self.state.node(path)
    }
}
