//! Serving chunks: to whom, and how much (R14, R15 of the parent).

use super::message::REQUEST_CHUNKS_MAX;
use super::{Effect, Peer, cost};
use quire_core::limits::MAX_CHUNK_BYTES;
use std::collections::BTreeMap;

/// Answers that are being made at a time, all peers together: times 768 KiB is the memory for them.
pub const SERVING_MAX: usize = 32;
/// The same for one peer.
pub const PEER_SERVING_MAX: usize = 8;
/// Bytes that a peer gets at once...
pub const BURST_BYTES: u64 = 256 * 1024 * 1024;
/// ... and a second.
pub const BYTES_PER_S: u64 = 64 * 1024 * 1024;

#[derive(Debug, Clone, Copy)]
struct Bucket {
    bytes: u64,
    filled: u64,
    serving: usize,
}

/// The machine.
#[derive(Debug, Clone, Default)]
pub(super) struct Serving {
    buckets: BTreeMap<Peer, Bucket>,
    tokens: BTreeMap<u64, (Peer, u64)>,
}

impl Serving {
    pub(super) fn asked(
        &mut self,
        peer: Peer,
        token: u64,
        ids: Vec<crate::cid::ChunkId>,
        is_entitled: bool,
        now: u64,
        out: &mut Vec<Effect>,
    ) {
        let refuse = |rule, cost, out: &mut Vec<Effect>| {
            out.push(Effect::Refuse { token });
            out.push(Effect::Report { peer, rule, cost });
        };
        if !is_entitled {
            return refuse("chunks: asked without a key of a channel", cost::EARLY, out);
        }
        if ids.len() > REQUEST_CHUNKS_MAX || ids.is_empty() {
            return refuse("chunks: a request outside the limits", cost::JUNK, out);
        }
        let bucket =
            self.buckets.entry(peer).or_insert(Bucket { bytes: BURST_BYTES, filled: now, serving: 0 });
        let since = now.saturating_sub(bucket.filled);
        bucket.bytes =
            bucket.bytes.saturating_add(since.saturating_mul(BYTES_PER_S) / 1_000).min(BURST_BYTES);
        bucket.filled = now;
        // Counted as if all were of full size; the difference comes back when they were read.
        let cost = ids.len() as u64 * u64::from(MAX_CHUNK_BYTES);
        if bucket.bytes < cost || bucket.serving >= PEER_SERVING_MAX || self.tokens.len() >= SERVING_MAX {
            // No lie: whoever asks much is slowed down.
            return out.push(Effect::Refuse { token });
        }
        bucket.bytes -= cost;
        bucket.serving += 1;
        self.tokens.insert(token, (peer, cost));
        out.push(Effect::Serve { token, ids });
    }

    /// An answer was made of so many bytes.
    pub(super) fn served(&mut self, token: u64, bytes: u64) {
        let Some((peer, cost)) = self.tokens.remove(&token) else { return };
        if let Some(bucket) = self.buckets.get_mut(&peer) {
            bucket.serving = bucket.serving.saturating_sub(1);
            bucket.bytes = bucket.bytes.saturating_add(cost.saturating_sub(bytes)).min(BURST_BYTES);
        }
    }

    pub(super) fn close(&mut self, peer: Peer) {
        self.buckets.remove(&peer);
    }

    pub(super) fn len(&self) -> usize {
        self.tokens.len()
    }
}
