//! The protocols: their names on the wire, and how much each may carry.
//!
//! A name is `/<genesis hash, hex>[/<fork id>]/<protocol>`, so that nodes of different chains share none.
//!
//! * **channel**: a notification protocol, one substream per direction.
//! * **method**: a request protocol, one substream per request.

use crate::wire::handshake::HANDSHAKE_BYTES;
use quire_core::{H256, limits};
use std::time::Duration;

/// A notification protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Channel {
    /// `block-announces/1`: opens first and closes last; who has it open counts as a peer.
    BlockAnnounces,
    /// `transactions/1`.
    Transactions,
    /// `grandpa/1`.
    Grandpa,
    /// `quire/batches/1`: batches of off-chain messages.
    Batches,
    /// `quire/compact/1`: blocks as hashes of known transactions.
    Compact,
}

impl Channel {
    /// Every channel, announces first.
    pub const ALL: [Channel; 5] =
        [Self::BlockAnnounces, Self::Transactions, Self::Grandpa, Self::Batches, Self::Compact];

    /// The name behind the chain's prefix.
    pub const fn name(self) -> &'static str {
        match self {
            Self::BlockAnnounces => "block-announces/1",
            Self::Transactions => "transactions/1",
            Self::Grandpa => "grandpa/1",
            Self::Batches => "quire/batches/1",
            Self::Compact => "quire/compact/1",
        }
    }

    /// The largest notification, bytes.
    pub const fn max_bytes(self) -> usize {
        match self {
            Self::BlockAnnounces | Self::Grandpa => 1024 * 1024,
            Self::Compact => limits::MAX_BLOCK_BYTES as usize,
            Self::Transactions | Self::Batches => 16 * 1024 * 1024,
        }
    }

    /// The largest handshake that a peer may open it with, bytes.
    pub(crate) const fn max_handshake_bytes(self) -> usize {
        match self {
            Self::BlockAnnounces => HANDSHAKE_BYTES,
            _ => 32,
        }
    }

    /// Notifications that may wait for a slow peer.
    pub(crate) const fn queue_count(self) -> usize {
        match self {
            Self::BlockAnnounces => 256,
            Self::Transactions => 2_048,
            Self::Grandpa => 4_096,
            Self::Batches => 1_024,
            Self::Compact => 32,
        }
    }

    /// Bytes of them; one notification of the largest size always fits an empty queue.
    pub(crate) const fn queue_bytes(self) -> usize {
        match self {
            Self::BlockAnnounces => 1024 * 1024,
            Self::Grandpa => 4 * 1024 * 1024,
            Self::Transactions | Self::Batches | Self::Compact => 16 * 1024 * 1024,
        }
    }

    pub(crate) const fn index(self) -> usize {
        self as usize
    }
}

/// A request protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Method {
    /// `sync/2`: blocks.
    Sync,
    /// `light/2`: proofs of storage and calls.
    Light,
    /// `state/2`: a state in pieces.
    State,
    /// `sync/warp`: proofs of finality from set change to set change.
    Warp,
    /// `quire/chunks/1`: off-chain chunks by content address.
    Chunks,
    /// `quire/certificate/1`: Level-1 certificates.
    Certificate,
    /// `quire/overlay/1`: a peer's neighbours; asked and answered inside this crate.
    Overlay,
}

impl Method {
    /// Every method.
    pub const ALL: [Method; 7] =
        [Self::Sync, Self::Light, Self::State, Self::Warp, Self::Chunks, Self::Certificate, Self::Overlay];

    /// The name behind the chain's prefix.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sync => "sync/2",
            Self::Light => "light/2",
            Self::State => "state/2",
            Self::Warp => "sync/warp",
            Self::Chunks => "quire/chunks/1",
            Self::Certificate => "quire/certificate/1",
            Self::Overlay => "quire/overlay/1",
        }
    }

    /// The largest request, bytes.
    pub const fn max_request_bytes(self) -> usize {
        match self {
            Self::Sync | Self::Light | Self::State => 1024 * 1024,
            Self::Warp => 32,
            Self::Chunks => 64 * 1024,
            Self::Certificate => 16 * 1024,
            Self::Overlay => 0,
        }
    }

    /// The largest answer, bytes.
    pub const fn max_response_bytes(self) -> usize {
        match self {
            Self::Sync | Self::Light | Self::State | Self::Warp => 16 * 1024 * 1024,
            // A chunk with its framing, and several small ones in one answer.
            Self::Chunks => 4 * limits::MAX_CHUNK_BYTES as usize,
            Self::Certificate => 16 * 1024,
            Self::Overlay => 64 * 1024,
        }
    }

    pub(crate) const fn index(self) -> usize {
        self as usize
    }

    /// How long an answer may take, from the request's first byte to the answer's last.
    pub const fn timeout(self) -> Duration {
        match self {
            Self::Sync => Duration::from_secs(20),
            Self::Light => Duration::from_secs(15),
            Self::State => Duration::from_secs(40),
            Self::Warp | Self::Chunks | Self::Certificate | Self::Overlay => Duration::from_secs(10),
        }
    }
}

/// `/<genesis>[/<fork id>]/<name>`.
pub fn name(genesis: H256, fork_id: Option<&str>, name: &str) -> String {
    let genesis: String = genesis.0.iter().map(|byte| format!("{byte:02x}")).collect();
    match fork_id {
        Some(fork) => format!("/{genesis}/{fork}/{name}"),
        None => format!("/{genesis}/{name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_substrates() {
        let genesis = H256([0xab; 32]);
        let hex = "ab".repeat(32);
        assert_eq!(name(genesis, None, Channel::Grandpa.name()), format!("/{hex}/grandpa/1"));
        assert_eq!(name(genesis, Some("two"), Method::Sync.name()), format!("/{hex}/two/sync/2"));
        assert_eq!(name(genesis, None, Method::Warp.name()), format!("/{hex}/sync/warp"));
    }

    #[test]
    fn the_largest_notification_fits_an_empty_queue() {
        for channel in Channel::ALL {
            assert!(channel.max_bytes() <= channel.queue_bytes(), "{channel:?}");
            assert_eq!(Channel::ALL[channel.index()], channel);
        }
    }
}
