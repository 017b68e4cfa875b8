//! Authors blocks: waits for a slot of ours, or for what `--sealing` says ([`super::on_demand`]), proposes, seals,
//! imports.
//!
//! Runs on a thread of its own, above the priority of RPC and pool work, so that load from outside costs no slot.
use super::import;
use super::informant::short;
use crate::clock::{Stopwatch, now_ms};
use crate::keystore::KeystoreError;
use crate::metrics::BlockEnd;
use crate::sealing::Sealing;
use crate::service::Inner;
use crate::stop::StopReason;
use parity_scale_codec::Encode;
use quire_chain::{Built, Head, ImportError, Imported, Pace, ProposeError, Proposer};
use quire_consensus::AuraSet;
use quire_consensus::slots::claim::{self, Claim};
use quire_core::codec::decode_bytes;
use quire_core::inherent::TIMESTAMP_ID;
use quire_core::randomness::{VRF_ID, VrfOutput};
use quire_core::{H256, InherentData, Slot, TransactionValidityError};
use quire_pool::{Input, ReadyTransaction};
use std::collections::BTreeSet;
use std::time::Duration;

/// Share of a slot for transactions, percent; the rest is for finishing, sealing and importing the block.
const PROPOSING_PERCENT: u64 = 60;
/// A slot with less than this share left is not begun, percent.
const MIN_LEFT_PERCENT: u64 = 65;
/// Longest sleep while it is nobody's turn, so that a changed slot length or a stop is seen soon, milliseconds.
const MAX_SLEEP_MS: u64 = 1_000;
/// Ready transactions asked for at once: a full block of the smallest ones.
const READY_COUNT: usize = 40_000;

/// The runtime API that says what goes through the VRF.
const VRF_INPUT: &str = "QuireSession_vrf_input";
/// Most bytes of that.
const MAX_VRF_INPUT_BYTES: u32 = 1_024;

/// Why no block was made.
#[derive(Debug, thiserror::Error)]
pub(super) enum AuthorError {
    #[error(transparent)]
    Propose(#[from] ProposeError),
    #[error(transparent)]
    Sign(#[from] KeystoreError),
    #[error(transparent)]
    Import(#[from] ImportError),
}

impl AuthorError {
    /// True when the node must stop.
    pub(super) fn is_fatal(&self) -> bool {
        match self {
            Self::Propose(error) => error.is_fatal(),
            Self::Sign(error) => error.is_fatal(),
            Self::Import(error) => error.is_fatal(),
        }
    }
}

/// A block that this node made.
pub(super) struct Authored {
    /// What the chain said.
    pub(super) imported: Imported,
    /// Transactions in it, inherents not counted.
    pub(super) taken: usize,
}

/// Runs until the node stops.
pub(crate) fn run(node: &Inner) {
    match node.sealing {
        Sealing::Slots => run_slots(node),
        sealing => super::on_demand::run(node, sealing),
    }
}

fn run_slots(node: &Inner) {
    let mut done = Slot(0);
    while let Some((slot, set)) = next_slot(node, done) {
        done = slot;
        let parent = node.chain.best();
        let Some(claim) = claim_slot(node, slot, &parent, &set) else { continue };
        let late = now_ms().saturating_sub(claim::slot_start_ms(slot, set.slot_duration_ms));
        match author(node, &claim, &parent, set.slot_duration_ms, late) {
            Ok(_) => {}
            Err(error) if error.is_fatal() => node.stop.throw(StopReason::Fatal(error.to_string())),
            Err(error) => tracing::error!(target: "aura", "slot {} stays empty: {error}", slot.0),
        }
    }
}

/// Waits for the next slot that leaves enough time for a block; none when the node stops.
fn next_slot(node: &Inner, done: Slot) -> Option<(Slot, std::sync::Arc<AuraSet>)> {
    loop {
        let set = node.chain.aura_set(node.chain.best().hash)?;
        let duration = set.slot_duration_ms;
        let now = now_ms();
        let slot = claim::slot_at(now, duration)?;
        let end = claim::slot_start_ms(Slot(slot.0.saturating_add(1)), duration);
        let left = end.saturating_sub(now);
        if slot > done && left >= duration * MIN_LEFT_PERCENT / 100 {
            return if node.stop.is_thrown() { None } else { Some((slot, set)) };
        }
        if node.stop.wait(Duration::from_millis(left.clamp(1, MAX_SLEEP_MS))) {
            return None;
        }
    }
}

fn claim_slot(node: &Inner, slot: Slot, parent: &Head, set: &AuraSet) -> Option<Claim> {
    let best_slot = node.chain.best_slot();
    let parent_slot = (parent.number > 0).then_some(best_slot);
    let claim = claim::claim(slot, parent_slot, set, &node.keystore.aura_keys())?;
    if !node.force_authoring && node.view.lock().is_syncing {
        tracing::debug!(target: "aura", "slot {} is skipped: the node is catching up", slot.0);
        return None;
    }
    let finalised = node.chain.finalised().number;
    if !node.force_authoring && claim::should_back_off(slot, best_slot, parent.number, finalised) {
        tracing::info!(target: "aura", "slot {} is skipped: finality lags at #{finalised}", slot.0);
        return None;
    }
    Some(claim)
}

/// Makes, seals and imports a block; `late_ms` of its slot are gone.
pub(super) fn author(
    node: &Inner,
    claim: &Claim,
    parent: &Head,
    slot_ms: u64,
    late_ms: u64,
) -> Result<Authored, AuthorError> {
    let watch = Stopwatch::start();
    let start = claim::slot_start_ms(claim.slot, slot_ms);
    let mut inherents = InherentData::new();
    // The slot's own time: authors that are late in one slot and early in the next still keep the runtime's distance.
    inherents.put(TIMESTAMP_ID, &start);
    node.upgrade.tell(&mut inherents);
    if let Some(output) = contribution(node, claim, parent) {
        inherents.put(VRF_ID, &output);
    }
    let mut proposer = node.chain.proposer(parent.hash, claim.slot, &inherents)?;
    let inherents = proposer.len();
    let late = late_ms.saturating_add(watch.ms());
    let end: BlockEnd = fill(node, parent, &mut proposer, slot_ms * PROPOSING_PERCENT / 100, late)?;
    let count = proposer.len();
    let built = proposer.finish()?;
    let built_ms = watch.ms();
    node.metrics.constructed(watch.us(), count, end);
    let imported = seal(node, claim, built)?;
    tracing::info!(
        target: "aura",
        "Prepared block for proposing at {} ({built_ms} ms, imported in {} ms) [hash: {:?}; parent_hash: {}; end: {end:?}; extrinsics_count: {count}]",
        imported.block.number,
        watch.ms(),
        imported.block.hash,
        short(&parent.hash),
    );
    Ok(Authored { imported, taken: count.saturating_sub(inherents) })
}

/// What the block adds to the chain's randomness. Without it the block is valid and earns no fees, so that the slot is not
/// lost to a runtime that asks for none, or cannot say for what.
fn contribution(node: &Inner, claim: &Claim, parent: &Head) -> Option<VrfOutput> {
    let answer = match node.chain.call(parent.hash, VRF_INPUT, &claim.slot.encode()) {
        Ok(answer) => answer,
        Err(why) => {
            tracing::warn!(target: "aura", "slot {} contributes no randomness: {why}", claim.slot.0);
            return None;
        }
    };
    let output = decode_bytes(&mut answer.as_slice(), MAX_VRF_INPUT_BYTES, VRF_INPUT)
        .map_err(|why| why.to_string())
        .and_then(|input| node.keystore.vrf(&claim.author, &input).map_err(|why| why.to_string()));
    output
        .inspect_err(|why| {
            tracing::warn!(target: "aura", "slot {} contributes no randomness: {why}", claim.slot.0);
        })
        .ok()
}

fn seal(node: &Inner, claim: &Claim, built: Built) -> Result<Imported, AuthorError> {
    let signature = node.keystore.sign_seal(&claim.author, claim.slot, built.seal_payload())?;
    let change = || import::timed(node, || node.chain.import_built(built, signature));
    Ok(node.announcer.in_order(change, |imported| import::imported(node, imported))?)
}

/// Pushes ready transactions until they, the time or the block's room end; `late` is how much of the time is gone.
fn fill<E: quire_chain::Execute + ?Sized>(
    node: &Inner,
    parent: &Head,
    proposer: &mut Proposer<E>,
    time_ms: u64,
    late: u64,
) -> Result<BlockEnd, ProposeError> {
    let watch = Stopwatch::start();
    let now = || watch.ms().saturating_add(late);
    let mut pace = Pace::new(time_ms);
    let mut tried = BTreeSet::new();
    loop {
        let ready = node.pool.ready(READY_COUNT, proposer.room_bytes());
        let mut fresh = ready.into_iter().filter(|transaction| tried.insert(transaction.hash)).peekable();
        if fresh.peek().is_none() {
            return Ok(BlockEnd::NoMoreTransactions);
        }
        while fresh.peek().is_some() {
            let batch: Vec<ReadyTransaction> = fresh.by_ref().take(pace.next_batch(now())).collect();
            if batch.is_empty() {
                return Ok(BlockEnd::HitDeadline);
            }
            let batch_watch = Stopwatch::start();
            push(node, parent, proposer, &batch)?;
            pace.applied(batch.len(), batch_watch.us());
            if proposer.is_full() {
                return Ok(BlockEnd::HitBlockSizeLimit);
            }
        }
    }
}

fn push<E: quire_chain::Execute + ?Sized>(
    node: &Inner,
    parent: &Head,
    proposer: &mut Proposer<E>,
    batch: &[ReadyTransaction],
) -> Result<(), ProposeError> {
    let extrinsics: Vec<_> = batch.iter().map(|transaction| transaction.extrinsic.clone()).collect();
    let answers = proposer.push_batch(&extrinsics)?;
    let refused: Vec<(H256, TransactionValidityError)> = batch
        .iter()
        .zip(answers)
        .filter_map(|(transaction, answer)| Some((transaction.hash, answer.err()?)))
        .collect();
    if !refused.is_empty() {
        node.pool.step(Input::Refused { parent: parent.hash, refused });
    }
    Ok(())
}
