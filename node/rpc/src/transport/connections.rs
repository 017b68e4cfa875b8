//! The open connections with what they hold: who is admitted, who must go, and how much unread output there is.
use super::End;
use super::slots::{Admission, Slots};
use crate::config::RpcConfig;
use crate::metrics::{Drop as Dropped, RpcMetrics};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};

/// All connections of a server.
pub(super) struct Connections {
    state: Mutex<State>,
    /// Bytes of output that clients have not read yet.
    output_bytes: AtomicUsize,
    max_output_bytes: usize,
    max_output_bytes_each: usize,
    /// KiB that long requests may take together.
    pub(super) long_requests: Arc<Semaphore>,
    pub(super) metrics: Arc<RpcMetrics>,
}

struct State {
    slots: Slots,
    open: BTreeMap<u64, Arc<Connection>>,
}

/// One connection.
pub(crate) struct Connection {
    pub(super) id: u64,
    output_bytes: AtomicUsize,
    end: watch::Sender<Option<End>>,
}

impl Connection {
    /// Tells the connection to end; the first reason counts.
    pub(super) fn end(&self, reason: End) {
        self.end.send_if_modified(|end| {
            let is_first = end.is_none();
            end.get_or_insert(reason);
            is_first
        });
    }

    /// Completes when the connection must end.
    pub(super) async fn ended(&self) -> End {
        let mut end = self.end.subscribe();
        match end.wait_for(Option::is_some).await.map(|end| *end) {
            Ok(Some(end)) => end,
            // The sender is in self.
            _ => End::Gone,
        }
    }

    pub(super) fn is_ending(&self) -> bool {
        self.end.borrow().is_some()
    }
}

/// A place among the open connections, given back when dropped.
pub(super) struct Place {
    pub(super) connection: Arc<Connection>,
    pub(super) all: Arc<Connections>,
    /// What else lasts as long as the connection: the permit for its socket, and its share in the server's life.
    _socket: Permit,
}

/// See [`Place`].
pub(super) type Permit = (OwnedSemaphorePermit, mpsc::Sender<()>);

impl Place {
    pub(super) fn busy(&self) {
        self.all.lock().slots.busy(self.connection.id);
    }

    pub(super) fn idle(&self) {
        self.all.lock().slots.idle(self.connection.id);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.all.lock();
        state.slots.remove(self.connection.id);
        state.open.remove(&self.connection.id);
        self.all.metrics.set_connections(state.slots.count());
    }
}

impl Connections {
    pub(super) fn new(config: &RpcConfig, max: usize, metrics: Arc<RpcMetrics>) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State { slots: Slots::new(max), open: BTreeMap::new() }),
            output_bytes: AtomicUsize::new(0),
            max_output_bytes: config.max_output_bytes,
            max_output_bytes_each: config.max_output_bytes_per_connection,
            long_requests: Arc::new(Semaphore::new(config.max_long_request_bytes / 1024)),
            metrics,
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while these collections change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a new connection; gives back its permit when all are busy.
    pub(super) fn admit(self: &Arc<Self>, socket: Permit) -> Result<Place, Permit> {
        let mut state = self.lock();
        let id = match state.slots.admit() {
            Admission::Open(id) => id,
            Admission::Instead(id, victim) => {
                self.metrics.dropped(Dropped::Evicted);
                if let Some(victim) = state.open.remove(&victim) {
                    victim.end(End::Evicted);
                }
                id
            }
            Admission::Full => {
                self.metrics.dropped(Dropped::Full);
                return Err(socket);
            }
        };
        let connection =
            Arc::new(Connection { id, output_bytes: AtomicUsize::new(0), end: watch::Sender::new(None) });
        state.open.insert(id, connection.clone());
        self.metrics.set_connections(state.slots.count());
        Ok(Place { connection, all: self.clone(), _socket: socket })
    }

    /// Counts output of a connection. Whoever holds too much of it, alone or most of all, ends.
    pub(super) fn charge(&self, connection: &Connection, bytes: usize) {
        let held = connection.output_bytes.fetch_add(bytes, Relaxed).saturating_add(bytes);
        let all = self.output_bytes.fetch_add(bytes, Relaxed).saturating_add(bytes);
        if held > self.max_output_bytes_each {
            connection.end(End::Overflow);
        } else if all > self.max_output_bytes {
            let state = self.lock();
            let candidates = state.open.values().filter(|other| !other.is_ending());
            if let Some(largest) = candidates.max_by_key(|other| other.output_bytes.load(Relaxed)) {
                largest.end(End::Overflow);
            }
        }
    }

    /// The output was sent or thrown away.
    pub(super) fn discharge(&self, connection: &Connection, bytes: usize) {
        connection.output_bytes.fetch_sub(bytes, Relaxed);
        self.output_bytes.fetch_sub(bytes, Relaxed);
    }
}
