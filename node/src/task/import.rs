//! What follows when a block entered the chain or became final: the pool, the voter and everybody who listens learn it.
//!
//! Rule: a change of the chain and what is told about it belong together ([`Announcer::in_order`]). Else the voter could
//! make a block final, and tell so, before its author has told that the block exists.
use crate::clock::Stopwatch;
use crate::net::post::Letter;
use crate::service::Inner;
use crate::stop::StopReason;
use quire_chain::{Finalised, Head, ImportError, Imported, TreeRoute};
use quire_consensus::finality::message::Target;
use quire_core::{GrandpaJustification, OpaqueExtrinsic};
use quire_pool::{BlockBody, BlockRef, Input};
use quire_rpc::{BlockEvent, Runtime};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{broadcast, watch};

/// Events that a slow listener may be behind before it misses some.
const EVENTS_BUFFERED: usize = 1_024;

/// Tells the world about blocks.
pub(crate) struct Announcer {
    order: Mutex<()>,
    pub(crate) events: broadcast::Sender<BlockEvent>,
    pub(crate) best: watch::Sender<Head>,
    pub(crate) finalised: watch::Sender<Head>,
}

impl Announcer {
    pub(crate) fn new(best: Head, finalised: Head) -> Self {
        Self {
            order: Mutex::default(),
            events: broadcast::channel(EVENTS_BUFFERED).0,
            best: watch::channel(best).0,
            finalised: watch::channel(finalised).0,
        }
    }

    /// Changes the chain and tells what changed, with nobody else in between.
    pub(crate) fn in_order<T, E>(
        &self,
        change: impl FnOnce() -> Result<T, E>,
        tell: impl FnOnce(&T),
    ) -> Result<T, E> {
        let _order = self.order.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = change()?;
        tell(&changed);
        Ok(changed)
    }

    /// Reads while nobody changes the chain, with the events of what changes afterwards.
    pub(crate) fn between_changes<T>(&self, read: impl FnOnce(&broadcast::Sender<BlockEvent>) -> T) -> T {
        let _order = self.order.lock().unwrap_or_else(PoisonError::into_inner);
        read(&self.events)
    }

    fn event(&self, event: BlockEvent) {
        // Nobody listens: nothing to do.
        let _ = self.events.send(event);
    }
}

/// Imports a block and counts how long that took.
pub(crate) fn timed(
    node: &Inner,
    import: impl FnOnce() -> Result<Imported, ImportError>,
) -> Result<Imported, ImportError> {
    let watch = Stopwatch::start();
    let imported = import();
    match &imported {
        Ok(_) => node.metrics.imported.observe_us(watch.us()),
        Err(_) => node.metrics.import_failures.count(),
    }
    imported
}

/// After a block was imported. Pool first: whoever hears of the block may submit what builds on it.
pub(crate) fn imported(node: &Inner, imported: &Imported) {
    if let Some(proof) = &imported.equivocation {
        crate::offences::seal(node, proof);
    }
    if let Some(route) = &imported.new_best {
        let newest = (imported.block, &imported.body);
        move_pool(node, route, &[newest]);
        node.announcer.best.send_replace(imported.block);
    }
    node.announcer.event(BlockEvent::Imported {
        hash: imported.block.hash,
        header: imported.header.clone(),
        is_best: imported.new_best.is_some(),
        new_runtime: new_runtime(node, imported),
    });
    node.post.send(Letter::Block {
        hash: imported.block.hash,
        header: imported.header.clone(),
        is_best: imported.new_best.is_some(),
    });
    node.upgrade.wake();
}

/// After blocks became final.
pub(crate) fn finalised(node: &Inner, done: &Finalised, proof: &Arc<GrandpaJustification>) {
    if let Some(route) = &done.new_best {
        // What lost is gone from the store.
        let lost: Vec<Known> = route.retracted.iter().copied().zip(&done.retracted).collect();
        move_pool(node, route, &lost);
        node.announcer.best.send_replace(node.chain.best());
    }
    for (head, header) in &done.blocks {
        node.announcer.event(BlockEvent::Finalized { hash: head.hash, header: header.clone() });
    }
    if let Some((head, _)) = done.blocks.last() {
        node.announcer.event(BlockEvent::FinalityMoved {
            finalized: done.blocks.iter().map(|(head, _)| head.hash).collect(),
            best: best(node),
        });
        node.announcer.finalised.send_replace(*head);
        node.post.send(Letter::Finalised {
            target: Target { hash: head.hash, number: head.number },
            proof: proof.clone(),
            moved_best: done.new_best.is_some(),
        });
    }
    node.pool.step(Input::Finalised(done.blocks.iter().map(|(head, _)| block_ref(head)).collect()));
}

fn best(node: &Inner) -> quire_rpc::BlockRef {
    let best = node.chain.best();
    quire_rpc::BlockRef { hash: best.hash, number: best.number }
}

/// The runtime that the block brings, if its code is not that of its parent.
fn new_runtime(node: &Inner, imported: &Imported) -> Option<Arc<Runtime>> {
    let hash = imported.block.hash;
    let before = node.chain.code_at(imported.header.parent_hash).ok()?;
    let after = node.chain.code_at(hash).ok()?;
    (before.hash != after.hash).then(|| crate::service::runtime_after(&node.chain, hash))
}

/// A block whose body is at hand.
type Known<'a> = (Head, &'a Arc<Vec<OpaqueExtrinsic>>);

/// Tells the pool that the best head moved, with the bodies on both sides of the fork.
fn move_pool(node: &Inner, route: &TreeRoute, known: &[Known]) {
    let body = |head: &Head| -> Option<BlockBody> {
        let extrinsics = match known.iter().find(|(block, _)| block == head) {
            Some((_, body)) => (*body).clone(),
            None => match node.chain.body(head.hash) {
                Ok(body) => Arc::new(body.unwrap_or_default()),
                Err(error) => {
                    node.stop.throw(StopReason::Fatal(error.to_string()));
                    return None;
                }
            },
        };
        Some(BlockBody { block: block_ref(head), extrinsics })
    };
    let retracted = route.retracted.iter().filter_map(body).collect();
    let enacted = route.enacted.iter().filter_map(body).collect();
    let best = route.enacted.last().unwrap_or(&route.common);
    node.pool.step(Input::NewBest { best: block_ref(best), retracted, enacted });
    let before = route.retracted.first().unwrap_or(&route.common);
    if !runs_same_code(node, before, best) {
        node.pool.step(Input::NewRuntime);
    }
}

/// Whether the children of two blocks run the same code; a block whose state is gone has other code.
fn runs_same_code(node: &Inner, one: &Head, other: &Head) -> bool {
    let code = |head: &Head| node.chain.code_at(head.hash).ok().map(|code| code.hash);
    code(one).is_some() && code(one) == code(other)
}

pub(crate) fn block_ref(head: &Head) -> BlockRef {
    BlockRef { number: head.number, hash: head.hash }
}
