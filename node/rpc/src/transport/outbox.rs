//! What waits to be written to one WebSocket.
//!
//! * O1 Answers of calls and items of subscriptions leave in the order in which they came.
//! * O2 Every byte that waits, here or in a subscription that waits for room here, is counted for its connection.
//! * O3 Below its limits the outbox *has room*: subscriptions send and reads run only while it has.
//! * O4 Pings and pongs take no place in the queue; of several unanswered pings only the last one is answered.
use super::connections::{Connection, Connections};
use super::frame;
use serde_json::value::RawValue;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Notify, Semaphore};

/// Reads that one connection may have running or waiting for their turn among those of all.
const READS_EACH: usize = 2;
/// Memory of a queued message beside its text.
const OVERHEAD_BYTES: usize = 64;

/// The queue of one connection; shared by its calls and subscriptions.
pub(crate) struct Outbox {
    queue: Mutex<Queue>,
    has_more: Notify,
    has_less: Notify,
    all: Arc<Connections>,
    connection: Arc<Connection>,
    room_bytes: usize,
    room_messages: usize,
    /// Reads of this connection that may wait for their turn at once.
    pub(crate) reads: Semaphore,
}

#[derive(Default)]
struct Queue {
    messages: VecDeque<Box<RawValue>>,
    /// Bytes of messages here; those that wait for room elsewhere take none.
    bytes: usize,
    control: Option<Vec<u8>>,
    is_ping_due: bool,
    is_closed: bool,
}

/// What to write next.
pub(super) enum Next {
    /// A whole control frame.
    Control(Vec<u8>),
    /// A text message, counted until [`Outbox::sent`].
    Message(Box<RawValue>),
}

/// Bytes counted for the outbox while they wait elsewhere.
pub(crate) struct Held<'a> {
    outbox: &'a Outbox,
    bytes: usize,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.outbox.all.discharge(&self.outbox.connection, self.bytes);
    }
}

impl Outbox {
    pub(super) fn new(
        all: Arc<Connections>,
        connection: Arc<Connection>,
        room_bytes: usize,
        room_messages: usize,
    ) -> Self {
        let (has_more, has_less) = Default::default();
        Self {
            queue: Mutex::default(),
            has_more,
            has_less,
            all,
            connection,
            room_bytes,
            room_messages,
            reads: Semaphore::new(READS_EACH),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        // Nothing panics while the queue changes.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues a message; thrown away when the connection ends.
    pub(crate) fn push(&self, message: Box<RawValue>) {
        let bytes = cost(&message);
        // Charged before anybody can take it, so that what is released was always charged.
        self.all.charge(&self.connection, bytes);
        let mut queue = self.lock();
        if queue.is_closed {
            drop(queue);
            self.all.discharge(&self.connection, bytes);
            return;
        }
        queue.messages.push_back(message);
        queue.bytes = queue.bytes.saturating_add(bytes);
        drop(queue);
        self.has_more.notify_one();
    }

    /// O2: counts bytes that wait for room.
    pub(crate) fn hold(&self, bytes: usize) -> Held<'_> {
        self.all.charge(&self.connection, bytes);
        Held { outbox: self, bytes }
    }

    fn release(&self, bytes: usize) {
        let mut queue = self.lock();
        queue.bytes = queue.bytes.saturating_sub(bytes);
        drop(queue);
        self.all.discharge(&self.connection, bytes);
        self.has_less.notify_waiters();
    }

    /// O3; a closed outbox swallows everything, so it has room too.
    pub(crate) fn has_room(&self) -> bool {
        let queue = self.lock();
        queue.is_closed || (queue.bytes < self.room_bytes && queue.messages.len() < self.room_messages)
    }

    /// Waits until there is room.
    pub(crate) async fn room(&self) {
        loop {
            let changed = self.has_less.notified();
            if self.has_room() {
                return;
            }
            changed.await;
        }
    }

    /// The answer to a ping.
    pub(super) fn pong(&self, payload: &[u8]) {
        self.lock().control = Some(frame::pong(payload));
        self.has_more.notify_one();
    }

    /// Asks the client for a sign of life.
    pub(super) fn ping(&self) {
        self.lock().is_ping_due = true;
        self.has_more.notify_one();
    }

    /// A control frame that waits: it may leave between the fragments of a message.
    pub(super) fn control(&self) -> Option<Vec<u8>> {
        let mut queue = self.lock();
        queue.control.take().or_else(|| std::mem::take(&mut queue.is_ping_due).then(frame::ping))
    }

    /// What to write next, without waiting.
    pub(super) fn try_next(&self) -> Option<Next> {
        if let Some(control) = self.control() {
            return Some(Next::Control(control));
        }
        self.lock().messages.pop_front().map(Next::Message)
    }

    /// What to write next.
    pub(super) async fn next(&self) -> Next {
        loop {
            let changed = self.has_more.notified();
            if let Some(next) = self.try_next() {
                return next;
            }
            changed.await;
        }
    }

    /// A message was written, or given up.
    pub(super) fn sent(&self, message: &RawValue) {
        self.release(cost(message));
    }

    /// Throws everything away, now and later.
    pub(super) fn close(&self) {
        let mut queue = self.lock();
        queue.is_closed = true;
        let thrown: usize = queue.messages.drain(..).map(|message| cost(&message)).sum();
        drop(queue);
        self.release(thrown);
    }
}

fn cost(message: &RawValue) -> usize {
    message.get().len().saturating_add(OVERHEAD_BYTES)
}
