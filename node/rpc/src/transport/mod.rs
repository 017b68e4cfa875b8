//! The server's side of the sockets: who may connect, how long anybody is waited for, and how much memory it costs.
//!
//! ```text
//!  accept --> a place (slots) --> HTTP/1.1 --> dispatch --> methods
//!    | none: 429                     |
//!                                    +-- upgrade --> WebSocket session --> dispatch, subscriptions
//! ```
//!
//! Rules:
//! * T1 At most [`RpcConfig::max_connections`] connections are open. When all are, the one that was idle longest gives
//!   way (half-open ones are idle); when all are busy, a new one gets 429 and is closed. Nobody queues.
//! * T2 Nobody is waited for without end: [`RpcConfig::head_ms`] for the head of a request, the handshake and the pause
//!   between two requests; [`RpcConfig::request_ms`] for a body or a message; a session that says nothing for
//!   [`RpcConfig::ping_ms`] is pinged and ends after as much silence again.
//! * T3 A session is read only while it may call: while fewer than [`RpcConfig::max_calls_per_connection`] of its calls
//!   run, its requests fit into the memory for them (M1), and its outbox has room (M2). A client that floods and does
//!   not read is stopped by its own TCP window.
//! * T4 A client that takes nothing for [`RpcConfig::slow_reader_ms`] while something waits for it is closed with code
//!   1008 and the reason. The rest of the frame and the close frame go to the kernel's send buffer, which keeps a reserve
//!   for them, so the client finds them should it ever read again. A subscription whose items find no room for so long
//!   ends with an error notification, whoever fills the outbox.
//! * T5 Stopping: running calls end, their answers are sent, sessions close with 1001.
//!
//! Memory, for C connections:
//! * M1 Requests: per connection a read buffer of 16 KiB, one unfinished message of up to 64 KiB + 256 KiB of growth,
//!   and running short requests (up to 64 KiB each) of 256 KiB together; all longer requests of all connections
//!   together [`RpcConfig::max_long_request_bytes`].
//! * M2 Output: reads start only while the outbox has room, so a connection has up to `output_room_bytes` +
//!   `concurrent_reads` × `max_response_bytes` waiting; above [`RpcConfig::max_output_bytes_per_connection`] it is closed
//!   with 1013, and when all together pass [`RpcConfig::max_output_bytes`], the one that holds most of it is.
//! * M3 Subscriptions: [`RpcConfig::max_subscriptions`] of them, about 4 KiB each; keys watched, with a hash of each
//!   value, [`RpcConfig::max_watched_bytes`].
//! * M4 The kernel: two times [`RpcConfig::send_buffer_bytes`] per connection, twice that for a client being given up.
//!
//! Together at most `C × (592 KiB + 2 × send_buffer_bytes) + max_long_request_bytes + max_output_bytes +
//! (concurrent_reads + 1) × 3 × max_response_bytes + max_subscriptions × 4 KiB + max_watched_bytes`; what a busy node of
//! 1,000 subscribers really uses is in the README.
mod accept;
mod connections;
mod dispatch;
mod frame;
mod http;
mod io;
mod outbox;
mod session;
mod slots;
mod writer;

pub(crate) use accept::{Running, start};
pub(crate) use http::{HttpResponse, text};
pub(crate) use outbox::Outbox;

use crate::config::RpcConfig;
use crate::metrics::{Drop as Dropped, RpcMetrics};
use connections::Connections;
use dispatch::Dispatcher;
use frame::FrameError;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// Requests up to this length are paid by their connection, longer ones by a pool of all.
const SHORT_BYTES: usize = 64 * 1024;
/// Short requests of one connection that may be under way, KiB.
const SHORT_WINDOW_KIB: usize = 256;

/// How long a server that stops waits for a client that does nothing, milliseconds.
const GOODBYE_MS: u64 = 300;

/// What all connections share.
pub(crate) struct Server {
    config: RpcConfig,
    dispatcher: Arc<Dispatcher>,
    metrics: Arc<RpcMetrics>,
    stop: Stop,
}

/// Tells every connection that the server stops.
#[derive(Clone)]
pub(crate) struct Stop(watch::Receiver<bool>);

impl Stop {
    async fn stopped(&self) {
        // A server that is gone has stopped.
        let _ = self.0.clone().wait_for(|is_stopping| *is_stopping).await;
    }
}

/// Why a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The client left without a word, or nothing can be sent to it.
    Gone,
    /// The client said that it closes.
    Closed,
    /// The server stops.
    Stopping,
    /// The client broke the protocol.
    Protocol(FrameError),
    /// A message was not complete in time.
    Late,
    /// The client does not read.
    SlowReader,
    /// The client does not answer.
    Silent,
    /// Too much output waits for the client.
    Overflow,
    /// Another connection needed the place.
    Evicted,
}

impl End {
    /// As what the end is counted; evictions are counted where they are decided.
    fn counted(self) -> Option<Dropped> {
        match self {
            Self::Gone | Self::Closed | Self::Stopping | Self::Evicted => None,
            Self::Protocol(_) => Some(Dropped::Protocol),
            Self::Late => Some(Dropped::Late),
            Self::SlowReader | Self::Overflow => Some(Dropped::SlowReader),
            Self::Silent => Some(Dropped::Silent),
        }
    }
}

/// Memory for the requests of one connection (M1).
struct Input {
    short: Arc<Semaphore>,
    long: Arc<Semaphore>,
}

impl Input {
    fn new(all: &Connections) -> Self {
        Self { short: Arc::new(Semaphore::new(SHORT_WINDOW_KIB)), long: all.long_requests.clone() }
    }

    /// Memory for a message that may still grow; a short one needs none yet.
    async fn grow(&self, memory: &mut Option<OwnedSemaphorePermit>, bytes: usize) {
        if bytes > SHORT_BYTES {
            take(&self.long, memory, bytes).await;
        }
    }

    /// Memory for a whole message.
    async fn settle(&self, memory: &mut Option<OwnedSemaphorePermit>, bytes: usize) {
        match bytes > SHORT_BYTES {
            true => take(&self.long, memory, bytes).await,
            // What it grew by before its end was known is given back.
            false => *memory = self.short.clone().acquire_many_owned(kib(bytes)).await.ok(),
        }
    }
}

/// Brings the memory held up to what is needed; waits for it.
async fn take(pool: &Arc<Semaphore>, memory: &mut Option<OwnedSemaphorePermit>, bytes: usize) {
    let held = memory.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
    let missing = kib(bytes).saturating_sub(u32::try_from(held).unwrap_or(u32::MAX));
    // The pools are never closed.
    if missing > 0
        && let Ok(more) = pool.clone().acquire_many_owned(missing).await
    {
        match memory {
            Some(memory) => memory.merge(more),
            None => *memory = Some(more),
        }
    }
}

fn kib(bytes: usize) -> u32 {
    u32::try_from(bytes / 1024).unwrap_or(u32::MAX).saturating_add(1)
}
