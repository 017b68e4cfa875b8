//! Metrics for Prometheus: `http://127.0.0.1:9615/metrics`.
//!
//! ```text
//!  tasks count into atomics (this file)  ──┐
//!  chain, pool, store, RPC say their sizes ├──> scrape.rs ──> text.rs ──> endpoint.rs ──> one HTTP answer
//!  cores stay as they are: values come out ┘
//! ```
//!
//! Rules:
//! * R1 What a Substrate node has too carries Substrate's name, type and labels; Quire's own begin with `quire_`.
//! * R2 Every series has the label `chain` with the id of the chain spec.
//! * R3 Everything is read when it is asked for; counting costs a few nanoseconds and never waits.
//! * R4 A port that is taken costs the metrics, not the node: it says so and runs without, as Substrate nodes do.
//! * R5 Connections, their size and their time are bounded ([`endpoint`]).
//!
//! Why no crate: `prometheus-client` appends `_total` to every counter, where Substrate's names have none on some, and
//! both crates want to own the values that here live where they are counted. The text format is a page of code.
//!
//! Out of scope: what a task polls (threads here, not futures: no `substrate_tasks_polling_duration`), bytes of peers.
pub(crate) mod endpoint;
pub(crate) mod scrape;
mod text;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

/// Upper bounds of the buckets of times, microseconds: those that Substrate's histograms have.
const BOUNDS_US: [u64; 11] =
    [5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000, 10_000_000];

/// A number that only rises.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    /// Counts `more`.
    pub(crate) fn add(&self, more: usize) {
        self.0.fetch_add(u64::try_from(more).unwrap_or(u64::MAX), Relaxed);
    }

    /// Counts one.
    pub(crate) fn count(&self) {
        self.add(1);
    }

    pub(crate) fn set(&self, value: u64) {
        self.0.store(value, Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// Times by [`BOUNDS_US`].
#[derive(Debug, Default)]
pub(crate) struct Times {
    buckets: [Counter; BOUNDS_US.len() + 1],
    sum_us: Counter,
}

impl Times {
    /// Notes that something took this long.
    pub(crate) fn observe_us(&self, us: u64) {
        // A value that equals a bound counts below it.
        self.buckets[BOUNDS_US.partition_point(|bound| *bound < us)].count();
        self.sum_us.add(usize::try_from(us).unwrap_or(usize::MAX));
    }
}

/// Why a block under construction takes no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BlockEnd {
    /// Nothing is ready any more.
    NoMoreTransactions,
    /// The time for proposing is over.
    HitDeadline,
    /// A transaction had no room.
    HitBlockSizeLimit,
}

impl BlockEnd {
    const ALL: [Self; 3] = [Self::NoMoreTransactions, Self::HitDeadline, Self::HitBlockSizeLimit];

    /// The value of Substrate's label `reason`.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::NoMoreTransactions => "no_more_transactions",
            Self::HitDeadline => "hit_deadline",
            Self::HitBlockSizeLimit => "hit_block_size_limit",
        }
    }
}

/// Threads of one name.
#[derive(Debug, Clone, Copy, Default)]
struct Threads {
    spawned: u64,
    ended: u64,
}

/// Work of one kind.
#[derive(Debug, Clone, Copy, Default)]
struct Jobs {
    done: u64,
    us: u64,
}

/// What the tasks of a node count.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    start_s: Counter,
    /// When the node's own certificate ends, seconds since the Unix epoch; 0 without one.
    pub(crate) certificate_until_s: Counter,
    /// From the start of a block to its last byte, without seal and import.
    pub(crate) constructed: Times,
    /// Checks and import of a block, its own ones included.
    pub(crate) imported: Times,
    /// Blocks that could not be imported.
    pub(crate) import_failures: Counter,
    /// Prevotes of this node's key.
    pub(crate) prevotes: Counter,
    /// Precommits of this node's key.
    pub(crate) precommits: Counter,
    /// Authors found to have sealed twice in a slot.
    pub(crate) seal_equivocations: Counter,
    /// Authorities found to have voted twice in a round.
    pub(crate) vote_equivocations: Counter,
    transactions: Counter,
    ends: [Counter; BlockEnd::ALL.len()],
    tokio_threads_started: Counter,
    tokio_threads_stopped: Counter,
    threads: Mutex<BTreeMap<String, Threads>>,
    jobs: Mutex<BTreeMap<&'static str, Jobs>>,
}

impl Metrics {
    /// Nothing counted, for a process that started at this Unix time.
    pub(crate) fn new(start_ms: u64) -> Self {
        let metrics = Self::default();
        metrics.start_s.set(start_ms / 1_000);
        metrics
    }

    /// A block was built.
    pub(crate) fn constructed(&self, us: u64, transactions: usize, end: BlockEnd) {
        self.constructed.observe_us(us);
        self.transactions.set(u64::try_from(transactions).unwrap_or(u64::MAX));
        self.ends[end as usize].count();
    }

    /// A thread of a tokio runtime began.
    pub(crate) fn tokio_thread_started(&self) {
        self.tokio_threads_started.count();
    }

    /// A thread of a tokio runtime ended.
    pub(crate) fn tokio_thread_stopped(&self) {
        self.tokio_threads_stopped.count();
    }

    /// A thread of the node began.
    pub(crate) fn spawned(&self, name: &str) {
        self.thread(name, |threads| threads.spawned += 1);
    }

    /// A thread of the node ended.
    pub(crate) fn ended(&self, name: &str) {
        self.thread(name, |threads| threads.ended += 1);
    }

    fn thread(&self, name: &str, change: impl FnOnce(&mut Threads)) {
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        change(threads.entry(name.to_owned()).or_default());
    }

    /// A piece of off-chain work is done.
    pub(crate) fn worked(&self, what: &'static str, us: u64) {
        let mut jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        let jobs = jobs.entry(what).or_default();
        jobs.done += 1;
        jobs.us = jobs.us.saturating_add(us);
    }
}

/// What the pool's task counts.
#[derive(Debug, Default)]
pub(crate) struct PoolMetrics {
    /// Transactions handed in.
    pub(crate) submitted: Counter,
    /// Validations that the pool asked for.
    pub(crate) scheduled: Counter,
    /// Those that are done.
    pub(crate) finished: Counter,
    /// Those that ended with a refusal.
    pub(crate) invalid: Counter,
}

#[cfg(test)]
mod tests;
