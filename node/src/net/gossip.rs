//! Passes transactions on: in batches, to each peer at most once.
//!
//! ```text
//!  pool says Propagate ──► waiting ──(BATCH_MS, or BATCH_BYTES)──► one batch per peer of what it does not know
//!  every SWEEP_MS: what is ready in the pool goes to whoever still does not know it
//! ```
//!
//! Rules
//! - R1 A peer gets a transaction once: what it sent, and what was sent to it, is known of it. What the queue to it has
//!   no room for is not, and goes with a later sweep.
//! - R2 What is known of a peer is bounded ([`KNOWN_MAX`]); the oldest is forgotten first.
//! - R3 A batch has at most [`BATCH_BYTES`], or one transaction. What waits has at most [`WAITING_MAX`] transactions:
//!   the rest goes with a sweep.
//! - R4 A peer may send [`RECEIVED_PER_S`] transactions in a second; what is above is dropped unread, and reported.
//! - R5 Light clients submit; they are sent nothing.
//!
//! Out of scope: whether a transaction is any good (pool), encoding of the channel's frames (`quire-network`).
use parity_scale_codec::{Compact, Decode, Encode};
use quire_consensus::PeerId;
use quire_core::codec::decode_vec;
use quire_core::{H256, OpaqueExtrinsic};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// How long a transaction waits for others to share a batch with, milliseconds.
const BATCH_MS: u64 = 25;
/// Bytes of transactions in a batch.
const BATCH_BYTES: usize = 256 * 1024;
/// Most transactions in a notification that is read.
const BATCH_COUNT_MAX: u32 = 16_384;
/// Transactions that wait for their batch.
const WAITING_MAX: usize = 16_384;
/// Transactions remembered of a peer.
const KNOWN_MAX: usize = 16_384;
/// Time between two sweeps, milliseconds.
const SWEEP_MS: u64 = 3_000;
/// Ready transactions that a sweep looks at.
pub(crate) const SWEEP_MAX: usize = 4_096;
/// Transactions that a peer may send in a second.
const RECEIVED_PER_S: u64 = 16_384;

/// What a peer can do wrong on `transactions/1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// A notification that is no list of transactions.
    Undecodable,
    /// More transactions than [`RECEIVED_PER_S`].
    Flood,
    /// A transaction whose signature is wrong, or that is none.
    BadTransaction,
}

impl Rule {
    /// What it costs; a peer with 100 is disconnected.
    pub(crate) fn cost(self) -> u32 {
        match self {
            Self::Undecodable => 50,
            Self::BadTransaction => 20,
            Self::Flood => 10,
        }
    }

    /// For metrics and logs.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Undecodable => "transactions-undecodable",
            Self::Flood => "transactions-flood",
            Self::BadTransaction => "transactions-bad",
        }
    }
}

/// A transaction with its hash.
pub(crate) type Hashed = (H256, Arc<OpaqueExtrinsic>);

/// The last [`KNOWN_MAX`] hashes, or fewer.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    all: BTreeSet<H256>,
    order: VecDeque<H256>,
}

impl Recent {
    /// Remembers a hash; false if it was remembered.
    pub(crate) fn insert(&mut self, hash: H256, max: usize) -> bool {
        if !self.all.insert(hash) {
            return false;
        }
        self.order.push_back(hash);
        while self.order.len() > max {
            if let Some(oldest) = self.order.pop_front() {
                self.all.remove(&oldest);
            }
        }
        true
    }

    /// Forgets a hash.
    pub(crate) fn forget(&mut self, hash: &H256) {
        if self.all.remove(hash) {
            self.order.retain(|known| known != hash);
        }
    }

    /// Whether a hash is remembered.
    pub(crate) fn contains(&self, hash: &H256) -> bool {
        self.all.contains(hash)
    }
}

#[derive(Debug, Default)]
struct Peer {
    known: Recent,
    is_light: bool,
    received: u64,
    received_since_ms: u64,
}

/// The decider; see the module doc.
#[derive(Debug)]
pub(crate) struct Gossip {
    peers: BTreeMap<PeerId, Peer>,
    waiting: Vec<Hashed>,
    waiting_bytes: usize,
    due_ms: Option<u64>,
    swept_ms: u64,
}

impl Gossip {
    /// Nobody to talk to.
    pub(crate) fn new(now_ms: u64) -> Self {
        Self { peers: BTreeMap::new(), waiting: Vec::new(), waiting_bytes: 0, due_ms: None, swept_ms: now_ms }
    }

    /// The channel to a peer is open.
    pub(crate) fn opened(&mut self, peer: PeerId, is_light: bool) {
        self.peers.insert(peer, Peer { is_light, ..Peer::default() });
    }

    /// It is closed.
    pub(crate) fn gone(&mut self, peer: PeerId) {
        self.peers.remove(&peer);
    }

    /// A notification came in: the transactions in it that this peer had not sent before.
    pub(crate) fn received(
        &mut self,
        now_ms: u64,
        peer: PeerId,
        mut bytes: &[u8],
    ) -> Result<Vec<OpaqueExtrinsic>, Rule> {
        let Some(entry) = self.peers.get_mut(&peer) else { return Ok(Vec::new()) };
        if now_ms >= entry.received_since_ms.saturating_add(1_000) {
            (entry.received, entry.received_since_ms) = (0, now_ms);
        }
        let count = Compact::<u32>::decode(&mut &*bytes).map_err(|_| Rule::Undecodable)?.0;
        entry.received = entry.received.saturating_add(u64::from(count));
        if entry.received > RECEIVED_PER_S {
            return Err(Rule::Flood);
        }
        let all: Vec<OpaqueExtrinsic> =
            decode_vec(&mut bytes, BATCH_COUNT_MAX, "transactions").map_err(|_| Rule::Undecodable)?;
        if !bytes.is_empty() {
            return Err(Rule::Undecodable);
        }
        let is_new = |one: &OpaqueExtrinsic| entry.known.insert(one.hash(), KNOWN_MAX);
        Ok(all.into_iter().filter(is_new).collect())
    }

    /// A transaction became ready.
    pub(crate) fn propagate(&mut self, now_ms: u64, transactions: impl IntoIterator<Item = Hashed>) {
        for (hash, extrinsic) in transactions {
            if self.waiting.len() < WAITING_MAX {
                self.waiting_bytes = self.waiting_bytes.saturating_add(extrinsic.0.len());
                self.waiting.push((hash, extrinsic));
                self.due_ms.get_or_insert(now_ms.saturating_add(BATCH_MS));
            }
        }
        if self.waiting_bytes >= BATCH_BYTES {
            self.due_ms = Some(now_ms);
        }
    }

    /// When [`flush`](Self::flush) or a sweep is due.
    pub(crate) fn wake_at(&self) -> Option<u64> {
        let sweep = (!self.peers.is_empty()).then(|| self.swept_ms.saturating_add(SWEEP_MS));
        self.due_ms.into_iter().chain(sweep).min()
    }

    /// Whether the ready transactions are to be handed in with [`propagate`](Self::propagate) now.
    pub(crate) fn is_sweep_due(&mut self, now_ms: u64) -> bool {
        let is_due = !self.peers.is_empty() && now_ms >= self.swept_ms.saturating_add(SWEEP_MS);
        if is_due {
            self.swept_ms = now_ms;
        }
        is_due
    }

    /// Sends what is due through `send`, which says whether there was room. Gives who was sent what.
    pub(crate) fn flush(
        &mut self,
        now_ms: u64,
        mut send: impl FnMut(PeerId, Arc<[u8]>) -> bool,
    ) -> BTreeMap<H256, Vec<PeerId>> {
        let mut told: BTreeMap<H256, Vec<PeerId>> = BTreeMap::new();
        if self.due_ms.is_none_or(|due| now_ms < due) {
            return told;
        }
        self.due_ms = None;
        self.waiting_bytes = 0;
        let waiting = std::mem::take(&mut self.waiting);
        let mut shared: BTreeMap<(usize, usize), Arc<[u8]>> = BTreeMap::new();
        for (id, peer) in self.peers.iter_mut().filter(|(_, peer)| !peer.is_light) {
            let fresh: Vec<&Hashed> = waiting.iter().filter(|(hash, _)| !peer.known.contains(hash)).collect();
            let is_everything = fresh.len() == waiting.len();
            let mut first = 0;
            for batch in batches(&fresh) {
                let place = (first, batch.len());
                first += batch.len();
                // Most peers miss the same: their batch is encoded once.
                let bytes = match shared.get(&place).filter(|_| is_everything) {
                    Some(bytes) => bytes.clone(),
                    None => encode(batch),
                };
                if is_everything {
                    shared.insert(place, bytes.clone());
                }
                if !send(*id, bytes) {
                    break;
                }
                for (hash, _) in batch {
                    peer.known.insert(*hash, KNOWN_MAX);
                    told.entry(*hash).or_default().push(*id);
                }
            }
        }
        told
    }
}

/// R3.
fn batches<'a>(all: &'a [&'a Hashed]) -> impl Iterator<Item = &'a [&'a Hashed]> {
    let mut rest = all;
    std::iter::from_fn(move || {
        let mut bytes = 0_usize;
        let fits = rest.iter().take_while(|(_, extrinsic)| {
            bytes = bytes.saturating_add(extrinsic.0.len());
            bytes <= BATCH_BYTES
        });
        let count = fits.count().max(1).min(rest.len());
        let (batch, tail) = rest.split_at(count);
        rest = tail;
        (!batch.is_empty()).then_some(batch)
    })
}

fn encode(batch: &[&Hashed]) -> Arc<[u8]> {
    let count = u32::try_from(batch.len()).unwrap_or(u32::MAX);
    let mut bytes = Compact(count).encode();
    batch.iter().for_each(|(_, extrinsic)| extrinsic.encode_to(&mut bytes));
    bytes.into()
}

#[cfg(test)]
mod tests;
