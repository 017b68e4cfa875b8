//! What the RPC server counts, for whoever exports it (`substrate_rpc_*`).
//!
//! Plain atomics: counting costs a few nanoseconds, reading never blocks a call. The set of methods is fixed when the
//! server starts, so a client cannot make it grow; calls of names that do not exist are counted under [`UNKNOWN`].
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// The name under which calls of methods that do not exist are counted.
pub const UNKNOWN: &str = "unknown";

/// Upper bounds of the buckets of call times, microseconds; one more bucket takes the rest.
pub const CALL_BUCKETS_US: [u64; 11] =
    [5, 25, 100, 500, 1_000, 2_500, 10_000, 25_000, 100_000, 1_000_000, 10_000_000];

/// Upper bounds of the buckets of session lengths, seconds; one more bucket takes the rest.
pub const SESSION_BUCKETS_S: [u64; 11] = CALL_BUCKETS_US;

/// How a call came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protocol {
    /// HTTP POST.
    Http,
    /// WebSocket.
    Ws,
}

impl Protocol {
    /// The value of the label `protocol`.
    pub fn label(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Ws => "ws",
        }
    }
}

/// Counts of values by upper bound.
#[derive(Debug, Default)]
pub struct Histogram {
    buckets: [AtomicU64; 12],
    sum: AtomicU64,
}

/// A histogram at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HistogramView {
    /// Values in each bucket, not cumulated; the last one has no upper bound.
    pub buckets: [u64; 12],
    /// All values together.
    pub sum: u64,
}

impl Histogram {
    fn observe(&self, value: u64, bounds: &[u64; 11]) {
        // Prometheus counts a value that equals a bound below it.
        let bucket = bounds.partition_point(|bound| *bound < value);
        self.buckets[bucket].fetch_add(1, Relaxed);
        self.sum.fetch_add(value, Relaxed);
    }

    /// The values now.
    pub fn view(&self) -> HistogramView {
        HistogramView {
            buckets: std::array::from_fn(|at| self.buckets[at].load(Relaxed)),
            sum: self.sum.load(Relaxed),
        }
    }
}

/// Calls of one method over one protocol.
#[derive(Debug, Default)]
pub struct CallCounts {
    started: AtomicU64,
    succeeded: AtomicU64,
    failed: AtomicU64,
    time_us: Histogram,
}

impl CallCounts {
    /// Calls begun.
    pub fn started(&self) -> u64 {
        self.started.load(Relaxed)
    }

    /// Calls answered with a result.
    pub fn succeeded(&self) -> u64 {
        self.succeeded.load(Relaxed)
    }

    /// Calls answered with an error.
    pub fn failed(&self) -> u64 {
        self.failed.load(Relaxed)
    }

    /// How long they took, microseconds, by [`CALL_BUCKETS_US`].
    pub fn time_us(&self) -> HistogramView {
        self.time_us.view()
    }

    pub(crate) fn start(&self) {
        self.started.fetch_add(1, Relaxed);
    }

    pub(crate) fn finish(&self, took: Duration, is_success: bool) {
        let count = if is_success { &self.succeeded } else { &self.failed };
        count.fetch_add(1, Relaxed);
        self.time_us.observe(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), &CALL_BUCKETS_US);
    }
}

/// Why a connection was refused or closed by the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Drop {
    /// All connections were in use.
    Full,
    /// An idle or half-open connection made room for another one.
    Evicted,
    /// No complete request, handshake or message in time.
    Late,
    /// The client did not read its answers.
    SlowReader,
    /// The client did not answer pings.
    Silent,
    /// The client broke the WebSocket protocol.
    Protocol,
}

impl Drop {
    /// Every reason.
    pub const ALL: [Self; 6] =
        [Self::Full, Self::Evicted, Self::Late, Self::SlowReader, Self::Silent, Self::Protocol];

    /// The value of the label `reason`.
    pub fn label(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Evicted => "evicted",
            Self::Late => "late",
            Self::SlowReader => "slow_reader",
            Self::Silent => "silent",
            Self::Protocol => "protocol",
        }
    }
}

/// Everything counted since the server started.
#[derive(Debug)]
pub struct RpcMetrics {
    methods: BTreeMap<&'static str, [CallCounts; 2]>,
    unknown: [CallCounts; 2],
    sessions_opened: AtomicU64,
    sessions_closed: AtomicU64,
    session_s: Histogram,
    connections: AtomicU64,
    drops: [AtomicU64; 6],
}

impl RpcMetrics {
    /// Counts for these methods, all zero.
    pub fn new(methods: impl IntoIterator<Item = &'static str>) -> Self {
        Self {
            methods: methods.into_iter().map(|name| (name, Default::default())).collect(),
            unknown: Default::default(),
            sessions_opened: AtomicU64::default(),
            sessions_closed: AtomicU64::default(),
            session_s: Histogram::default(),
            connections: AtomicU64::default(),
            drops: Default::default(),
        }
    }

    /// Every method that was called at least once, with its counts.
    pub fn calls(&self) -> impl Iterator<Item = (Protocol, &'static str, &CallCounts)> {
        let known = self.methods.iter().map(|(name, counts)| (*name, counts));
        known
            .chain([(UNKNOWN, &self.unknown)])
            .flat_map(|(name, [http, ws])| [(Protocol::Http, name, http), (Protocol::Ws, name, ws)])
            .filter(|(_, _, counts)| counts.started() > 0)
    }

    /// WebSocket sessions opened.
    pub fn sessions_opened(&self) -> u64 {
        self.sessions_opened.load(Relaxed)
    }

    /// WebSocket sessions closed.
    pub fn sessions_closed(&self) -> u64 {
        self.sessions_closed.load(Relaxed)
    }

    /// How long closed sessions lasted, seconds, by [`SESSION_BUCKETS_S`].
    pub fn session_s(&self) -> HistogramView {
        self.session_s.view()
    }

    /// Open connections now, HTTP and WebSocket.
    pub fn connections(&self) -> u64 {
        self.connections.load(Relaxed)
    }

    /// Connections that the server refused or closed for this reason.
    pub fn drops(&self, reason: Drop) -> u64 {
        self.drops[reason as usize].load(Relaxed)
    }

    pub(crate) fn of(&self, protocol: Protocol, method: &str) -> &CallCounts {
        &self.methods.get(method).unwrap_or(&self.unknown)[protocol as usize]
    }

    pub(crate) fn session_opened(&self) {
        self.sessions_opened.fetch_add(1, Relaxed);
    }

    pub(crate) fn session_closed(&self, lasted: Duration) {
        self.sessions_closed.fetch_add(1, Relaxed);
        self.session_s.observe(lasted.as_secs(), &SESSION_BUCKETS_S);
    }

    pub(crate) fn set_connections(&self, count: usize) {
        self.connections.store(count as u64, Relaxed);
    }

    pub(crate) fn dropped(&self, reason: Drop) {
        self.drops[reason as usize].fetch_add(1, Relaxed);
    }
}
