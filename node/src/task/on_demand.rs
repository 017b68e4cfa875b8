//! Makes and finalises blocks on demand: waits for the pool, the time or an order, as [`crate::sealing`] decides.
//!
//! Rule: an order may name any block above the last finalised one, or that one itself, as parent. The block goes through
//! the same import as any other, so a longer fork reorganises the chain for real.
use super::author::{Authored, author};
use super::import;
use super::orders::{Found, Order};
use super::solo::{Trouble, finalise_to, find_key, voter};
use crate::clock::{Stopwatch, now_ms};
use crate::sealing::{Next, Sealer, Sealing, Seen, on_demand};
use crate::service::Inner;
use crate::stop::StopReason;
use parity_scale_codec::DecodeAll;
use quire_chain::Head;
use quire_consensus::finality::solo::Solo;
use quire_core::{GrandpaJustification, H256};
use quire_rpc::{Created, SealError};
use std::sync::Arc;
use std::time::Duration;

/// Runs until the node stops.
pub(super) fn run(node: &Inner, sealing: Sealing) {
    tracing::info!(target: "aura", "blocks are made on demand: --sealing {sealing}");
    let clock = Stopwatch::start();
    let mut sealer = Sealer::new(sealing, clock.ms());
    let mut solo = None;
    while !node.stop.is_thrown() {
        let seen =
            Seen { now_ms: clock.ms(), ready: node.pool.sizes().ready, promotions: node.pool.promotions() };
        match sealer.next(seen) {
            Next::Seal => {
                let made = make(node, None);
                if let Err(why) = &made {
                    tracing::error!(target: "aura", "no block was made: {why}");
                }
                sealer.sealed(seen, made.ok().map(|authored| authored.taken));
            }
            Next::Wait(ms) => match node.orders.wait(ms.map(Duration::from_millis)) {
                Found::Order(order) => carry_out(node, &mut solo, order),
                Found::News => {}
                Found::Closed => return,
            },
        }
    }
}

fn carry_out(node: &Inner, solo: &mut Option<Solo>, order: Order) {
    // A client that left meanwhile gets no answer; what it asked for is done all the same.
    match order {
        Order::Create { is_empty_allowed, finalize, parent, reply } => {
            let _ = reply.send(create(node, solo, is_empty_allowed, finalize, parent));
        }
        Order::Finalize { hash, justification, reply } => {
            let _ = reply.send(make_final(node, solo, hash, justification.as_deref()));
        }
    }
}

fn create(
    node: &Inner,
    solo: &mut Option<Solo>,
    is_empty_allowed: bool,
    finalize: bool,
    parent: Option<H256>,
) -> Result<Created, SealError> {
    if !is_empty_allowed && node.pool.sizes().ready == 0 {
        return Err(SealError::EmptyPool);
    }
    let imported = make(node, parent)?.imported;
    let hash = imported.block.hash;
    if finalize {
        make_final(node, solo, hash, None)?;
    }
    Ok(Created { hash, is_new_best: imported.new_best.is_some() })
}

/// Makes a block on `parent`, or on the best one.
fn make(node: &Inner, parent: Option<H256>) -> Result<Authored, SealError> {
    let hash = parent.unwrap_or_else(|| node.chain.best().hash);
    let set = node.chain.aura_set(hash).ok_or(SealError::UnknownParent(hash))?;
    let header = node.chain.header(hash).map_err(|why| SealError::Import(why.to_string()))?;
    let header = header.ok_or(SealError::UnknownParent(hash))?;
    let last_sealed = |key: &quire_core::AuraId| node.keystore.guard().view(|guard| guard.last_slot(&key.0));
    let parent_slot = header.digest.aura_slot();
    let claim = on_demand(now_ms(), parent_slot, &set, &node.keystore.aura_keys(), last_sealed);
    let claim = claim.ok_or_else(|| {
        SealError::Consensus("no aura key of this node is in the authority set of that block".into())
    })?;
    let parent = Head { number: header.number, hash };
    author(node, &claim, &parent, set.slot_duration_ms, 0).map_err(|why| {
        if why.is_fatal() {
            node.stop.throw(StopReason::Fatal(why.to_string()));
        }
        SealError::Import(why.to_string())
    })
}

fn make_final(
    node: &Inner,
    solo: &mut Option<Solo>,
    hash: H256,
    justification: Option<&[u8]>,
) -> Result<(), SealError> {
    let refuse = |why: String| SealError::Finalization(why);
    if node.chain.is_finalised(hash).map_err(|why| refuse(why.to_string()))? {
        return Ok(());
    }
    if let Some(mut bytes) = justification {
        let proof = GrandpaJustification::decode_all(&mut bytes)
            .map_err(|why| refuse(format!("the justification is none: {why}")))?;
        let proof = Arc::new(proof);
        let change = || node.chain.finalise(hash, &proof);
        let done = node.announcer.in_order(change, |done| import::finalised(node, done, &proof));
        return done.map(drop).map_err(|why| refuse(why.to_string()));
    }
    let solo = match solo {
        Some(solo) => solo,
        none => none.insert(voter(node, find_key(node).map_err(|trouble| give_up(node, trouble))?)),
    };
    finalise_to(node, solo, hash).map_err(|trouble| give_up(node, trouble))
}

fn give_up(node: &Inner, trouble: Trouble) -> SealError {
    match trouble {
        Trouble::Fatal(why) => {
            node.stop.throw(StopReason::Fatal(why.clone()));
            SealError::Finalization(why)
        }
        Trouble::Waits(why) => SealError::Finalization(why),
    }
}
