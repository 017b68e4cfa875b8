//! What went over the wire, counted by protocol. Payloads only: framing, encryption and libp2p's own protocols are not
//! in the figures.

use crate::protocol::{Channel, Method};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A number that only grows.
#[derive(Debug, Default)]
struct Count(AtomicU64);

impl Count {
    fn add(&self, n: usize) {
        self.0.fetch_add(n as u64, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Notifications of one channel in one direction.
#[derive(Debug, Default)]
struct ChannelCounts {
    count: Count,
    bytes: Count,
}

/// Requests of one method in one direction.
#[derive(Debug, Default)]
struct MethodCounts {
    success: Count,
    failure: Count,
}

/// Counts of the whole network.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    bytes_in: Count,
    bytes_out: Count,
    channels_in: [ChannelCounts; Channel::ALL.len()],
    channels_out: [ChannelCounts; Channel::ALL.len()],
    methods_in: [MethodCounts; Method::ALL.len()],
    methods_out: [MethodCounts; Method::ALL.len()],
    opened_in: Count,
    opened_out: Count,
    closed: Count,
    bans: Count,
}

/// A look at the counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metrics {
    /// `substrate_sub_libp2p_network_bytes_total{direction="in"}`.
    pub bytes_in: u64,
    /// The same with `direction="out"`.
    pub bytes_out: u64,
    /// `substrate_sub_libp2p_notifications_sizes`: channel, inbound, count, bytes.
    pub notifications: Vec<(Channel, bool, u64, u64)>,
    /// `substrate_sub_libp2p_requests_{in,out}_{success,failure}_total`: method, inbound, successes, failures.
    pub requests: Vec<(Method, bool, u64, u64)>,
    /// `substrate_sub_libp2p_connections_opened_total{direction="in"}`.
    pub connections_opened_in: u64,
    /// The same with `direction="out"`.
    pub connections_opened_out: u64,
    /// `substrate_sub_libp2p_connections_closed_total`.
    pub connections_closed: u64,
    /// Peers that were banned.
    pub bans: u64,
}

impl Counters {
    pub(crate) fn opened(&self, inbound: bool) {
        if inbound { self.opened_in.add(1) } else { self.opened_out.add(1) }
    }

    pub(crate) fn closed(&self) {
        self.closed.add(1);
    }

    pub(crate) fn banned(&self) {
        self.bans.add(1);
    }

    pub(crate) fn read(&self) -> Metrics {
        let channel = |inbound, list: &[ChannelCounts]| {
            let counts = Channel::ALL.into_iter().zip(list);
            counts.map(move |(c, n)| (c, inbound, n.count.get(), n.bytes.get())).collect::<Vec<_>>()
        };
        let method = |inbound, list: &[MethodCounts]| {
            let counts = Method::ALL.into_iter().zip(list);
            counts.map(move |(m, n)| (m, inbound, n.success.get(), n.failure.get())).collect::<Vec<_>>()
        };
        Metrics {
            bytes_in: self.bytes_in.get(),
            bytes_out: self.bytes_out.get(),
            notifications: [channel(true, &self.channels_in), channel(false, &self.channels_out)].concat(),
            requests: [method(true, &self.methods_in), method(false, &self.methods_out)].concat(),
            connections_opened_in: self.opened_in.get(),
            connections_opened_out: self.opened_out.get(),
            connections_closed: self.closed.get(),
            bans: self.bans.get(),
        }
    }
}

/// Counts of one connection, which also feed the whole.
#[derive(Debug)]
pub(crate) struct Traffic {
    bytes_in: Count,
    bytes_out: Count,
    counters: Arc<Counters>,
}

impl Traffic {
    pub(crate) fn new(counters: Arc<Counters>) -> Self {
        Self { bytes_in: Count::default(), bytes_out: Count::default(), counters }
    }

    /// Bytes in and out.
    pub(crate) fn bytes(&self) -> (u64, u64) {
        (self.bytes_in.get(), self.bytes_out.get())
    }

    fn came(&self, bytes: usize) {
        self.bytes_in.add(bytes);
        self.counters.bytes_in.add(bytes);
    }

    fn went(&self, bytes: usize) {
        self.bytes_out.add(bytes);
        self.counters.bytes_out.add(bytes);
    }

    pub(crate) fn received(&self, channel: Channel, bytes: usize) {
        self.came(bytes);
        let counts = &self.counters.channels_in[channel.index()];
        counts.count.add(1);
        counts.bytes.add(bytes);
    }

    pub(crate) fn sent(&self, channel: Channel, bytes: usize) {
        self.went(bytes);
        let counts = &self.counters.channels_out[channel.index()];
        counts.count.add(1);
        counts.bytes.add(bytes);
    }

    pub(crate) fn asked(&self, bytes: usize) {
        self.went(bytes);
    }

    /// The answer's bytes, if there was one.
    pub(crate) fn answered(&self, method: Method, bytes: Option<usize>) {
        let counts = &self.counters.methods_out[method.index()];
        match bytes {
            Some(bytes) => {
                self.came(bytes);
                counts.success.add(1);
            }
            None => counts.failure.add(1),
        }
    }

    pub(crate) fn was_asked(&self, bytes: usize) {
        self.came(bytes);
    }

    /// The answer's bytes, if it was sent.
    pub(crate) fn served(&self, method: Method, bytes: Option<usize>) {
        let counts = &self.counters.methods_in[method.index()];
        match bytes {
            Some(bytes) => {
                self.went(bytes);
                counts.success.add(1);
            }
            None => counts.failure.add(1),
        }
    }
}
