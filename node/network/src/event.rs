//! What the network tells the node, and what the node can read of it.

use crate::protocol::{Channel, Method};
use crate::shell::Delivery;
use crate::wire::handshake::Handshake;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::{mpsc, oneshot};

/// One life of a connection with a peer: never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Link(pub u64);

/// Something happened on the network.
#[derive(Debug)]
pub enum Event {
    /// Block announces are open in both directions with a good handshake: the peer counts.
    Opened {
        /// The connection.
        link: Link,
        /// The peer's base58 id.
        peer: String,
        /// Its handshake.
        handshake: Handshake,
        /// Whether the peer dialled.
        inbound: bool,
    },
    /// A further channel is open in both directions. Comes after `Opened`.
    ChannelOpened {
        /// The connection.
        link: Link,
        /// Which one.
        channel: Channel,
        /// What the peer opened it with: its role byte.
        handshake: Vec<u8>,
    },
    /// A further channel closed; it opens again by itself if the peer wants.
    ChannelClosed {
        /// The connection.
        link: Link,
        /// Which one.
        channel: Channel,
    },
    /// The peer is gone, with all its channels. Its requests are answered first.
    Closed {
        /// The connection.
        link: Link,
    },
    /// A notification, at most [`Channel::max_bytes`].
    Notification {
        /// The connection.
        link: Link,
        /// Its channel.
        channel: Channel,
        /// The payload.
        bytes: Vec<u8>,
    },
    /// A peer asks.
    Request {
        /// None for one that opened no block announces, as a light client may.
        link: Option<Link>,
        /// The peer's base58 id.
        peer: String,
        /// What for.
        method: Method,
        /// At most [`Method::max_request_bytes`].
        bytes: Vec<u8>,
        /// Where the answer goes; dropped, it refuses.
        answer: oneshot::Sender<Vec<u8>>,
    },
    /// The answer to [`Network::request`](crate::Network::request), exactly one for each.
    Response {
        /// Whom it was sent to.
        link: Link,
        /// The number that `request` gave.
        request: u64,
        /// At most [`Method::max_response_bytes`].
        result: Result<Vec<u8>, RequestError>,
    },
}

/// Why a request has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// The link is closed.
    #[error("the peer is gone")]
    Gone,
    /// Too many requests wait for answers.
    #[error("too many requests are under way")]
    Busy,
    /// The request is larger than the method allows.
    #[error("the request is too large")]
    TooLarge,
    /// The peer does not know the method.
    #[error("the peer does not serve it")]
    Unsupported,
    /// The peer closed the substream without an answer.
    #[error("the peer refused")]
    Refused,
    /// The peer took too long.
    #[error("the peer did not answer in time")]
    Timeout,
    /// The answer broke the framing or its limit.
    #[error("the answer is malformed or too large")]
    Malformed,
}

/// A peer's queue has no room: it reads too slowly. The notification was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the peer's queue is full, or the channel is closed")]
pub struct QueueFull;

/// What is known of a peer.
#[derive(Clone, Debug)]
pub struct PeerInfo {
    /// Its base58 id.
    pub peer: String,
    /// Its link, if block announces are open.
    pub link: Option<Link>,
    /// Whether there is a connection.
    pub connected: bool,
    /// Whether the peer dialled.
    pub inbound: bool,
    /// Whether it was named by `--reserved-nodes`.
    pub reserved: bool,
    /// Where it can be, or was, reached.
    pub addresses: Vec<String>,
    /// The version string that it shows.
    pub agent: Option<String>,
    /// Its last handshake.
    pub handshake: Option<Handshake>,
    /// The channels that are open.
    pub channels: Vec<Channel>,
    /// Its score: 0 is neutral, at [`BAN_SCORE`](crate::peers::BAN_SCORE) it is banned.
    pub score: i32,
    /// What lowered it lately, latest last.
    pub marks: Vec<Mark>,
    /// Why it is kept out, if it is.
    pub ban: Option<Ban>,
    /// Why it was last refused or closed.
    pub refusal: Option<String>,
    /// Bytes of notifications, requests and answers received from it.
    pub bytes_in: u64,
    /// Bytes sent to it.
    pub bytes_out: u64,
}

/// A fall of a score.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The rule that was broken.
    pub rule: String,
    /// By how much the score fell.
    pub cost: u32,
    /// How long ago.
    pub age_ms: u64,
}

/// A ban.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ban {
    /// The rule that was broken.
    pub rule: String,
    /// When it ends.
    pub left_ms: u64,
}

/// The receiving end of the network's events.
#[derive(Debug)]
pub struct Events {
    pub(crate) receiver: mpsc::Receiver<Delivery>,
    /// Requests that the node has not seen the answer of.
    pub(crate) unanswered: Arc<AtomicUsize>,
}

impl Events {
    /// The next event; none when the network has stopped.
    pub async fn recv(&mut self) -> Option<Event> {
        self.receiver.recv().await.map(|delivery| self.take(delivery))
    }

    /// The same for a thread outside of async code.
    pub fn blocking_recv(&mut self) -> Option<Event> {
        self.receiver.blocking_recv().map(|delivery| self.take(delivery))
    }

    /// An event that is there already.
    pub fn try_recv(&mut self) -> Option<Event> {
        self.receiver.try_recv().ok().map(|delivery| self.take(delivery))
    }

    /// The event; its claim on the budget ends.
    fn take(&self, (event, _permit): Delivery) -> Event {
        if let Event::Response { .. } = event {
            self.unanswered.fetch_sub(1, Ordering::Relaxed);
        }
        event
    }
}
