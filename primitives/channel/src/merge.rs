//! Parts to ordered, distinct messages: what every honest validator computes from the counted parts of a block.
//!
//! Terms: a *copy* is a batch inside a part; leaves of a copy are messages or only ids.
//!
//! R1 The merge is the union of the counted parts. A counted part that does not decode counts as empty.
//! R2 A copy counts when its header names this chain, channel and block and a participant; its count is that of its
//!    leaves, within limits, and its sequence numbers do not overflow; the signature is the sender's; and the ids of its leaves
//!    give its root. Otherwise the copy is excluded with the first reason in this order. Other copies of the same
//!    batch are judged on their own.
//! R3 A leaf that is only an id is no message. It becomes one when another counting copy of the batch holds the message.
//! R4 A message counts when channel, block and sender are those of its batch and its sequence number lies in
//!    `first_seq..first_seq + count`. Otherwise it is excluded.
//! R5 A message that comes in several batches counts once (same id).
//! R6 Of several ids with one (sender, seq) the lowest counts, the others are excluded as equivocation.
//! R7 Messages are ordered by (vbucket(key), key, time_ms, id).
//! R8 Nothing above depends on the order of parts, copies or arrival. Exclusions are counted all and remembered in
//!    the order (reason, sender, id), the first [`MAX_EXCLUSIONS_KEPT`] of them.
//!
//! Memory: the messages once, in one arena, plus 50 bytes each; a part can be dropped as soon as it was added. A second
//! copy of a batch costs a comparison, no hashing and no signature check.
//!
//! Out of scope: fetching and decrypting parts, signatures (they come in through [`BatchVerifier`]), threads
//! (through [`Parallel`]).

mod bucket;
mod merger;

pub use bucket::{BucketMessages, Merged};
pub use merger::Merger;

use crate::limits::MAX_EXCLUSIONS_KEPT;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use quire_core::H256;

/// Checks sr25519 signatures of batches.
pub trait BatchVerifier {
    /// Is `signature` the participant's message key over `payload`, context [`crate::part::SIGNING_CONTEXT`]?
    fn verify(&self, sender: u8, payload: &[u8], signature: &[u8; 64]) -> bool;

    /// The same for many, one answer each, in order. Implementations may verify in batches or in parallel, as long as
    /// every answer is that of [`BatchVerifier::verify`].
    fn verify_many(&self, checks: &[SignatureCheck]) -> Vec<bool> {
        checks.iter().map(|check| self.verify(check.sender, &check.payload, &check.signature)).collect()
    }
}

/// One signature to check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureCheck {
    /// Participant.
    pub sender: u8,
    /// Signed bytes.
    pub payload: Vec<u8>,
    /// sr25519.
    pub signature: [u8; 64],
}

/// Does the same work on each of many items, in any order, perhaps on several threads.
pub trait Parallel {
    /// Calls `work(index, item)` once for each item.
    fn each<T: Send>(&self, items: &mut [T], work: impl Fn(usize, &mut T) + Sync);
}

/// One after the other.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sequential;

impl Parallel for Sequential {
    fn each<T: Send>(&self, items: &mut [T], work: impl Fn(usize, &mut T) + Sync) {
        for (index, item) in items.iter_mut().enumerate() {
            work(index, item);
        }
    }
}

/// What is merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MergePlace {
    /// Hash of the chain's genesis block.
    pub genesis: H256,
    /// Channel id.
    pub channel: u64,
    /// Channel block.
    pub block: u32,
    /// Number of participants.
    pub participants: u8,
}

/// Why a copy or a message does not count, in the order of checks (R2, R4, R6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// Batch of another chain.
    BatchGenesis,
    /// Batch of another channel or block.
    BatchPlace,
    /// Batch by nobody in the channel.
    BatchSender,
    /// Count is not that of the leaves, zero, above the limit, or sequence numbers overflow.
    BatchCount,
    /// Wrong signature.
    BatchSignature,
    /// Leaves do not give the root.
    BatchRoot,
    /// Message of another channel or block than its batch.
    MessagePlace,
    /// Message of another sender than its batch.
    MessageSender,
    /// Sequence number outside the batch's.
    MessageSeq,
    /// Another id with the same (sender, seq) is lower.
    Equivocation,
}

/// Number of [`Reason`]s.
pub const REASONS: usize = 10;

/// One thing that does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Exclusion {
    /// Why.
    pub reason: Reason,
    /// Sender as stated by the batch.
    pub sender: u8,
    /// Hash of the batch header, or id of the message.
    pub id: H256,
}

/// Everything that does not count (R8).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exclusions {
    kept: BTreeSet<Exclusion>,
    counts: [u64; REASONS],
}

impl Exclusions {
    pub(crate) fn add(&mut self, reason: Reason, sender: u8, id: H256) {
        if let Some(count) = self.counts.get_mut(reason as usize) {
            *count = count.saturating_add(1);
        }
        self.kept.insert(Exclusion { reason, sender, id });
        if self.kept.len() > MAX_EXCLUSIONS_KEPT {
            self.kept.pop_last();
        }
    }

    /// The first [`MAX_EXCLUSIONS_KEPT`] distinct ones, in order.
    pub fn kept(&self) -> impl Iterator<Item = &Exclusion> {
        self.kept.iter()
    }

    /// How many copies or messages were excluded for `reason`.
    pub fn count(&self, reason: Reason) -> u64 {
        self.counts.get(reason as usize).copied().unwrap_or(0)
    }

    /// How many in all.
    pub fn total(&self) -> u64 {
        self.counts.iter().fold(0, |sum, count| sum.saturating_add(*count))
    }
}

#[cfg(test)]
mod tests;
