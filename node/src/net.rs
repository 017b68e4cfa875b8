//! The node among others: drives voter, sync and transaction gossip over the network.
//!
//! ```text
//!  quire_network ── events ──►┌───────────────────┐── requests, notifications, reports ──► quire_network
//!  chain ────────── letters ─►│  hub (one thread) │── blocks, proofs ──► importer thread ──► chain
//!  pool ─────────── loose ───►│ voter sync gossip │── sign (guard, keystore), finalise ───► chain
//!  clock ────────── ticks ───►└───────────────────┘── requests of peers ─► server thread
//!                                      └─► view: what RPC, metrics, author and informant see
//! ```
//!
//! Terms: *hub* = the thread that owns the three deciders; *link* = one life of a connection, which is the deciders'
//! [`quire_consensus::PeerId`]; *letter* = news from another thread.
//!
//! Rules
//! - R1 One thread owns the deciders; it waits for the disk when it signs and finalises, and for nothing else.
//! - R2 Every effect of a decider is carried out here or handed to a thread with a bounded queue.
//! - R3 A block is announced to who did not announce it, once; not while the node is far behind. The new best block is
//!   announced also when finality moves it.
//! - R4 A voter without a key looks for one once in [`KEY_LOOK_MS`], so that an inserted key is used without a restart.
//! - R5 A lone authority votes a quarter of a slot after the import: clients such as polkadot.js fetch the block when they
//!   hear that their transaction is in it, and drop that report if finality overtakes the fetch.
//! - R6 A node without peers, or without a network, runs the same hub.
//!
//! Out of scope: formats on the wire and connections (`quire-network`); what the deciders decide.
mod blocks;
mod gate;
pub(crate) mod gossip;
mod hub;
pub(crate) mod importer;
pub(crate) mod post;
pub(crate) mod server;
pub(crate) mod view;
mod voting;
mod wire;

pub(crate) use hub::Queues;
pub(crate) use wire::{Nowhere, Wire};

use crate::service::Inner;
use crate::stop::StopReason;
use hub::Hub;
use quire_network::Events;
use std::sync::Arc;
use std::time::Duration;

/// How often a voter without a key looks for one, milliseconds.
const KEY_LOOK_MS: u64 = 1_000;
/// Longest sleep, milliseconds.
const SLEEP_MAX_MS: u64 = 1_000;
/// Events taken before the view is renewed.
const BURST_MAX: usize = 256;

/// Runs the hub until the node stops.
pub(crate) fn run(node: &Inner, wire: Arc<dyn Wire>, events: Option<Events>, queues: Queues) {
    let Some(letters) = node.post.unread() else { return };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_time().build() {
        Ok(runtime) => runtime,
        Err(why) => return node.stop.throw(StopReason::Fatal(format!("no timer for the hub: {why}"))),
    };
    match Hub::start(node, wire, queues) {
        Ok(hub) => runtime.block_on(work(node, hub, letters, events)),
        Err(why) => node.stop.throw(StopReason::Fatal(why)),
    }
}

async fn work(
    node: &Inner,
    mut hub: Hub<'_>,
    mut letters: tokio::sync::mpsc::UnboundedReceiver<post::Letter>,
    mut events: Option<Events>,
) {
    loop {
        let sleep = hub.wake_in_ms().min(SLEEP_MAX_MS);
        tokio::select! {
            biased;
            _ = node.stop.thrown() => return,
            Some(letter) = letters.recv() => hub.letter(letter),
            Some(event) = next(&mut events) => hub.event(event),
            () = node.post.bell.notified() => {}
            () = tokio::time::sleep(Duration::from_millis(sleep)) => hub.tick(),
        }
        for _ in 0..BURST_MAX {
            if let Ok(letter) = letters.try_recv() {
                hub.letter(letter);
            } else if let Some(event) = events.as_mut().and_then(Events::try_recv) {
                hub.event(event);
            } else {
                break;
            }
        }
        hub.loose();
        hub.tick_if_due();
        hub.publish();
    }
}

/// The next event; never, when there is no network or it has stopped.
async fn next(events: &mut Option<Events>) -> Option<quire_network::Event> {
    let event = match events {
        Some(events) => events.recv().await,
        None => std::future::pending().await,
    };
    if event.is_none() {
        *events = None;
    }
    event
}
