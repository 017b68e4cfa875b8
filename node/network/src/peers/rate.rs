//! How much one peer may send: a bucket of messages and one of bytes for each lane, filled by time.

use crate::protocol::{Channel, Method};

/// A channel or a method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lane {
    /// Notifications.
    Channel(Channel),
    /// Requests.
    Method(Method),
}

const LANES: usize = Channel::ALL.len() + Method::ALL.len();
/// A bucket holds what comes in so many seconds.
const BURST_S: u64 = 4;
const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;

impl Lane {
    const fn index(self) -> usize {
        match self {
            Self::Channel(channel) => channel.index(),
            Self::Method(method) => Channel::ALL.len() + method as usize,
        }
    }

    /// Messages and bytes a second. A bucket holds four times as much, and always one message of the largest size.
    pub const fn rate(self) -> (u64, u64) {
        match self {
            // A chain of 1 s slots announces one block a second; catching up announces none.
            Self::Channel(Channel::BlockAnnounces) => (50, 256 * KIB),
            Self::Channel(Channel::Transactions) => (2_000, 16 * MIB),
            // Two votes a round of every authority, several times over.
            Self::Channel(Channel::Grandpa) => (2_000, 8 * MIB),
            Self::Channel(Channel::Batches) => (2_000, 64 * MIB),
            Self::Channel(Channel::Compact) => (20, 16 * MIB),
            Self::Method(Method::Sync | Method::Light) => (100, 2 * MIB),
            Self::Method(Method::State) => (50, 2 * MIB),
            Self::Method(Method::Warp | Method::Certificate) => (10, 64 * KIB),
            Self::Method(Method::Chunks) => (1_000, MIB),
            Self::Method(Method::Overlay) => (2, KIB),
        }
    }

    const fn largest(self) -> u64 {
        match self {
            Self::Channel(channel) => channel.max_bytes() as u64,
            Self::Method(method) => method.max_request_bytes() as u64,
        }
    }

    /// The rule that is broken by more.
    pub const fn rule(self) -> &'static str {
        match self {
            Self::Channel(Channel::BlockAnnounces) => "too many block announces",
            Self::Channel(Channel::Transactions) => "too many transactions",
            Self::Channel(Channel::Grandpa) => "too many grandpa messages",
            Self::Channel(Channel::Batches) => "too many batches",
            Self::Channel(Channel::Compact) => "too many compact blocks",
            Self::Method(_) => "too many requests",
        }
    }
}

/// Thousandths of messages and of bytes left in a lane at a time.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    messages: u64,
    bytes: u64,
    filled_ms: u64,
}

/// The buckets of a peer; a lane has one from its first message on.
#[derive(Clone, Debug, Default)]
pub(super) struct Buckets([Option<Bucket>; LANES]);

impl Buckets {
    /// Takes a message out, if it fits.
    pub(super) fn take(&mut self, now_ms: u64, lane: Lane, bytes: usize) -> bool {
        let (messages_s, bytes_s) = lane.rate();
        let most_messages = messages_s * BURST_S * 1_000;
        let most_bytes = (bytes_s * BURST_S).max(lane.largest()) * 1_000;
        let Some(slot) = self.0.get_mut(lane.index()) else { return false };
        let bucket =
            slot.get_or_insert(Bucket { messages: most_messages, bytes: most_bytes, filled_ms: now_ms });
        let passed = now_ms.saturating_sub(bucket.filled_ms);
        bucket.filled_ms = now_ms.max(bucket.filled_ms);
        bucket.messages =
            bucket.messages.saturating_add(passed.saturating_mul(messages_s)).min(most_messages);
        bucket.bytes = bucket.bytes.saturating_add(passed.saturating_mul(bytes_s)).min(most_bytes);
        let cost = (bytes as u64).saturating_mul(1_000);
        match (bucket.messages.checked_sub(1_000), bucket.bytes.checked_sub(cost)) {
            (Some(messages), Some(bytes)) => {
                (bucket.messages, bucket.bytes) = (messages, bytes);
                true
            }
            _ => false,
        }
    }
}
