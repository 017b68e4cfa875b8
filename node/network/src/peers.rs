//! What the node thinks of its peers: whom to dial, whom to let in, whom to keep out. Pure: time and events come in,
//! decisions come out.
//!
//! Terms
//! * **known**: an id with addresses, or with something held against it.
//! * **score**: 0 is neutral; broken rules lower it, time heals it.
//! * **slot**: the right to be a peer. Inbound, outbound and light peers have slots of their own; reserved ones need none.
//! * **lane**: a channel or a method; each peer has a rate on each.
//!
//! Rules
//! * R1 A score heals by a 64th a second, at least one. At [`BAN_SCORE`] the peer is closed and banned, with the last
//!   rule as reason; a ban lasts [`FIRST_BAN_MS`], twice as long each further time, at most [`MAX_BAN_MS`]. Afterwards the
//!   score is half as bad as when it began.
//! * R2 Reserved peers are never banned and need no slot. With `reserved_only` all others are refused,
//!   and addresses that peers tell are not used.
//! * R3 A peer gets a slot if one of its kind is free, and none while it is banned. The reason of a refusal is remembered.
//! * R4 The node dials until its outbound slots are taken and it has at least `connectivity + 1` full peers in either
//!   direction; reserved peers first, then those with the fewest failures. Never itself, never a banned peer. With one
//!   that is connected already, for Kademlia's sake, it opens block announces instead.
//! * R5 A failed or refused dial is repeated after [`FIRST_BACKOFF_MS`], twice as long each time, at most [`MAX_BACKOFF_MS`]
//!   ([`MAX_RESERVED_BACKOFF_MS`] for boot and reserved nodes); success forgets the failures.
//! * R6 Messages and bytes beyond a lane's rate are dropped and cost [`EXCESS_COST`] each.
//! * R7 At most [`MAX_KNOWN`] peers are known, with [`MAX_ADDRESSES`] addresses each; who is connected, banned or reserved
//!   is not forgotten, except that a ban gives way when there are only bans.

mod rate;

pub use rate::Lane;

use crate::event::{Ban, Mark};
use crate::wire::handshake::Handshake;
use libp2p::PeerId;
use rate::Buckets;
use std::collections::{BTreeMap, VecDeque};

/// The score at which a peer is closed and banned.
pub const BAN_SCORE: i32 = -1_000;
/// A first ban.
pub const FIRST_BAN_MS: u64 = 10 * 60 * 1_000;
/// The longest ban.
pub const MAX_BAN_MS: u64 = 24 * 60 * 60 * 1_000;
/// The wait after a first failed dial.
pub const FIRST_BACKOFF_MS: u64 = 1_000;
/// The longest wait.
pub const MAX_BACKOFF_MS: u64 = 5 * 60 * 1_000;
/// The longest wait for boot and reserved nodes.
pub const MAX_RESERVED_BACKOFF_MS: u64 = 10_000;
/// What each message beyond a rate costs.
pub const EXCESS_COST: u32 = 5;
/// Peers remembered.
pub const MAX_KNOWN: usize = 4_096;
/// Addresses remembered of one.
pub const MAX_ADDRESSES: usize = 8;
/// Light clients at a time.
pub const MAX_LIGHT_PEERS: u32 = 100;
/// How long a connected peer has to open block announces itself.
const JOIN_AFTER_MS: u64 = 5_000;
/// Dials at a time.
const MAX_DIALS: usize = 16;
/// Falls of a score remembered of one peer.
const MAX_MARKS: usize = 16;

/// The operator's wishes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Slots of full peers that dialled.
    pub in_peers: u32,
    /// Slots of peers that we dial.
    pub out_peers: u32,
    /// Only reserved peers.
    pub reserved_only: bool,
    /// How many nodes may fail without cutting this one off.
    pub connectivity: u8,
}

/// Where an address came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// Other peers.
    Gossip,
    /// The operator or the chain spec.
    Boot,
    /// `--reserved-nodes`.
    Reserved,
}

/// What happened.
#[derive(Clone, Debug)]
pub enum Input<'a> {
    /// Time passed.
    Tick,
    /// An address of a peer became known.
    Learned(PeerId, String, Source),
    /// A connection was made. `inbound`: by the peer.
    Connected(PeerId, bool),
    /// The last connection with a peer ended.
    Disconnected(PeerId),
    /// No address of a peer answered.
    DialFailed(PeerId, &'a str),
    /// The peer became one of ours: block announces are open.
    Opened(PeerId, Handshake),
    /// The peer is none of ours any more.
    Closed(PeerId),
    /// The peer was not let in, for this reason.
    Refused(PeerId, &'a str),
    /// The peer broke a rule.
    Broke(PeerId, &'a str, u32),
    /// The operator, or the node, wants a peer kept out for so long.
    Ban(PeerId, &'a str, u64),
    /// The end of a ban.
    Allow(PeerId),
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Dial a peer at these addresses.
    Dial(PeerId, Vec<String>),
    /// Open block announces with a peer that is connected.
    Join(PeerId),
    /// Close all connections with a peer.
    Close(PeerId, String),
}

/// Why a peer gets no slot.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// R1.
    #[error("banned for {left_s} s more: {rule}")]
    Banned {
        /// What it did.
        rule: String,
        /// Seconds left.
        left_s: u64,
    },
    /// R2.
    #[error("this node takes reserved peers only")]
    NotReserved,
    /// R3.
    #[error("all {0} slots for {1} are taken")]
    Full(u32, &'static str),
}

/// What is known of one peer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Record {
    pub(crate) addresses: Vec<String>,
    pub(crate) source: Option<Source>,
    pub(crate) connected: bool,
    pub(crate) inbound: bool,
    pub(crate) handshake: Option<Handshake>,
    pub(crate) open: bool,
    pub(crate) refusal: Option<String>,
    dialling: bool,
    /// R4: the dial was our decision, and its slot is counted.
    wanted: bool,
    connected_ms: u64,
    failures: u32,
    retry_ms: u64,
    score: i32,
    scored_ms: u64,
    marks: VecDeque<(String, u32, u64)>,
    ban: Option<(String, u64)>,
    bans: u32,
    seen_ms: u64,
    buckets: Buckets,
}

impl Record {
    fn is_reserved(&self) -> bool {
        self.source == Some(Source::Reserved)
    }

    /// R1: the score after healing.
    fn heal(&mut self, now_ms: u64) {
        let mut seconds = now_ms.saturating_sub(self.scored_ms) / 1_000;
        self.scored_ms = self.scored_ms.saturating_add(seconds.saturating_mul(1_000));
        while self.score < 0 && seconds > 0 {
            self.score += (-self.score / 64).max(1);
            seconds -= 1;
        }
    }

    pub(crate) fn score(&self, now_ms: u64) -> i32 {
        let mut copy = Self { score: self.score, scored_ms: self.scored_ms, ..Self::default() };
        copy.heal(now_ms);
        copy.score
    }

    pub(crate) fn marks(&self, now_ms: u64) -> Vec<Mark> {
        let mark = |(rule, cost, at): &(String, u32, u64)| Mark {
            rule: rule.clone(),
            cost: *cost,
            age_ms: now_ms.saturating_sub(*at),
        };
        self.marks.iter().map(mark).collect()
    }

    pub(crate) fn ban(&self, now_ms: u64) -> Option<Ban> {
        let (rule, until) = self.ban.as_ref().filter(|(_, until)| *until > now_ms)?;
        Some(Ban { rule: rule.clone(), left_ms: until - now_ms })
    }

    /// R5. What fails while the wait lasts is the same failure.
    fn fail(&mut self, now_ms: u64) {
        if self.retry_ms > now_ms {
            return;
        }
        let most = match self.source {
            Some(Source::Boot | Source::Reserved) => MAX_RESERVED_BACKOFF_MS,
            _ => MAX_BACKOFF_MS,
        };
        let wait = FIRST_BACKOFF_MS.saturating_mul(1 << self.failures.min(20)).min(most);
        self.failures = self.failures.saturating_add(1);
        self.retry_ms = now_ms.saturating_add(wait);
    }

    /// R7.
    fn can_be_forgotten(&self, now_ms: u64, with_bans: bool) -> bool {
        let is_free = !self.connected && !self.dialling && self.source.is_none_or(|s| s == Source::Gossip);
        is_free && (with_bans || self.ban(now_ms).is_none())
    }
}

/// All peers.
pub struct Peers {
    own: PeerId,
    policy: Policy,
    records: BTreeMap<PeerId, Record>,
}

impl Peers {
    /// Knows nobody yet.
    pub fn new(own: PeerId, policy: Policy) -> Self {
        Self { own, policy, records: BTreeMap::new() }
    }

    pub(crate) fn record(&self, peer: &PeerId) -> Option<&Record> {
        self.records.get(peer)
    }

    pub(crate) fn records(&self) -> impl Iterator<Item = (&PeerId, &Record)> {
        self.records.iter()
    }

    /// R2: whether addresses that peers tell are used.
    pub fn trusts_told_addresses(&self) -> bool {
        !self.policy.reserved_only
    }

    /// Whether the peer was named by the operator.
    pub fn is_reserved(&self, peer: &PeerId) -> bool {
        self.records.get(peer).is_some_and(Record::is_reserved)
    }

    /// Why a peer may not connect at all, if so (R1).
    pub fn banned(&self, now_ms: u64, peer: &PeerId) -> Option<Refusal> {
        let ban = self.records.get(peer)?.ban(now_ms)?;
        Some(Refusal::Banned { rule: ban.rule, left_s: ban.left_ms.div_ceil(1_000) })
    }

    /// R3: whether a peer that opens block announces, or that we dialled for it, gets a slot.
    ///
    /// # Errors
    /// With the reason why not.
    pub fn admit(&self, now_ms: u64, peer: &PeerId, inbound: bool, light: bool) -> Result<(), Refusal> {
        let record = self.records.get(peer);
        if record.is_some_and(Record::is_reserved) {
            return Ok(());
        }
        if let Some(banned) = self.banned(now_ms, peer) {
            return Err(banned);
        }
        if self.policy.reserved_only {
            return Err(Refusal::NotReserved);
        }
        // R4: its slot was counted when this was decided.
        if record.is_some_and(|record| record.wanted) && !light {
            return Ok(());
        }
        let taken = |want: &dyn Fn(&Record) -> bool| {
            let counts = |(id, record): &(&PeerId, &Record)| {
                record.open && *id != peer && !record.is_reserved() && want(record)
            };
            u32::try_from(self.records.iter().filter(counts).count()).unwrap_or(u32::MAX)
        };
        let is_light = |record: &Record| record.handshake.is_some_and(|handshake| handshake.is_light());
        if light {
            let is_free = taken(&is_light) < MAX_LIGHT_PEERS;
            return if is_free { Ok(()) } else { Err(Refusal::Full(MAX_LIGHT_PEERS, "light clients")) };
        }
        // Others may have dialled it, Kademlia above all.
        let is_outbound = |record: &Record| !record.inbound && !is_light(record);
        let out_peers = self.policy.out_peers;
        if !inbound && taken(&is_outbound) >= out_peers {
            return Err(Refusal::Full(out_peers, "peers that this node dials"));
        }
        if inbound && taken(&|record| record.inbound && !is_light(record)) >= self.policy.in_peers {
            return Err(Refusal::Full(self.policy.in_peers, "peers that dial this node"));
        }
        Ok(())
    }

    /// R6: whether a message is within the peer's rate; if not, it is to be dropped.
    ///
    /// # Errors
    /// With the effects of the fall of its score.
    pub fn arrived(
        &mut self,
        now_ms: u64,
        peer: &PeerId,
        lane: Lane,
        bytes: usize,
    ) -> Result<(), Vec<Effect>> {
        let Some(record) = self.records.get_mut(peer) else { return Ok(()) };
        if record.buckets.take(now_ms, lane, bytes) {
            return Ok(());
        }
        let rule = lane.rule();
        Err(self.step(now_ms, Input::Broke(*peer, rule, EXCESS_COST)))
    }

    /// Takes an input at a time.
    pub fn step(&mut self, now_ms: u64, input: Input<'_>) -> Vec<Effect> {
        let mut effects = Vec::new();
        match input {
            Input::Tick => effects = self.tick(now_ms),
            Input::Learned(peer, address, source) => self.learn(now_ms, peer, address, source),
            Input::Connected(peer, inbound) => {
                let record = self.touch(now_ms, peer);
                (record.connected, record.inbound, record.dialling) = (true, inbound, false);
                record.wanted &= !inbound;
                record.connected_ms = now_ms;
            }
            Input::Disconnected(peer) => {
                let record = self.touch(now_ms, peer);
                (record.connected, record.open) = (false, false);
                (record.dialling, record.wanted) = (false, false);
                record.fail(now_ms);
            }
            Input::DialFailed(peer, reason) => {
                let record = self.touch(now_ms, peer);
                record.wanted = false;
                if std::mem::take(&mut record.dialling) {
                    record.refusal = Some(format!("no connection: {reason}"));
                    record.fail(now_ms);
                }
            }
            Input::Opened(peer, handshake) => {
                let record = self.touch(now_ms, peer);
                (record.open, record.handshake) = (true, Some(handshake));
                (record.failures, record.refusal) = (0, None);
            }
            Input::Closed(peer) => self.touch(now_ms, peer).open = false,
            Input::Refused(peer, reason) => {
                let record = self.touch(now_ms, peer);
                record.refusal = Some(reason.to_owned());
                record.wanted = false;
                record.fail(now_ms);
            }
            Input::Broke(peer, rule, cost) => effects = self.broke(now_ms, peer, rule, cost),
            Input::Ban(peer, rule, duration_ms) => effects = self.ban(now_ms, peer, rule, duration_ms),
            Input::Allow(peer) => {
                let record = self.touch(now_ms, peer);
                (record.ban, record.score, record.bans) = (None, 0, 0);
            }
        }
        effects
    }

    fn touch(&mut self, now_ms: u64, peer: PeerId) -> &mut Record {
        if !self.records.contains_key(&peer) {
            self.make_room(now_ms);
        }
        let record = self.records.entry(peer).or_default();
        record.seen_ms = now_ms;
        record
    }

    /// R7.
    fn make_room(&mut self, now_ms: u64) {
        if self.records.len() < MAX_KNOWN {
            return;
        }
        let oldest = |with_bans: bool| {
            let can = |(_, record): &(&PeerId, &Record)| record.can_be_forgotten(now_ms, with_bans);
            self.records.iter().filter(can).min_by_key(|(_, record)| record.seen_ms).map(|(id, _)| *id)
        };
        if let Some(peer) = oldest(false).or_else(|| oldest(true)) {
            self.records.remove(&peer);
        }
    }

    fn learn(&mut self, now_ms: u64, peer: PeerId, address: String, source: Source) {
        if peer == self.own {
            return;
        }
        // R2: the operator named whom to talk to, and where they are.
        if source == Source::Gossip && !self.trusts_told_addresses() {
            return;
        }
        // R7: only the operator's peers, and those with whom there is more than an address, displace others.
        let is_new = !self.records.contains_key(&peer);
        if is_new && source == Source::Gossip && self.records.len() >= MAX_KNOWN {
            return;
        }
        let record = self.touch(now_ms, peer);
        record.source = record.source.max(Some(source));
        if !record.addresses.contains(&address) {
            if record.addresses.len() >= MAX_ADDRESSES {
                // The operator's address stays.
                record.addresses.remove(usize::from(record.source > Some(Source::Gossip)));
            }
            record.addresses.push(address);
        }
    }

    /// R1.
    fn broke(&mut self, now_ms: u64, peer: PeerId, rule: &str, cost: u32) -> Vec<Effect> {
        let record = self.touch(now_ms, peer);
        record.heal(now_ms);
        record.score = record.score.saturating_sub(i32::try_from(cost).unwrap_or(i32::MAX));
        match record.marks.back_mut() {
            // A flood is one entry.
            Some((last, costs, at)) if last == rule => {
                (*costs, *at) = (costs.saturating_add(cost), now_ms);
            }
            _ => {
                if record.marks.len() >= MAX_MARKS {
                    record.marks.pop_front();
                }
                record.marks.push_back((rule.to_owned(), cost, now_ms));
            }
        }
        if record.score > BAN_SCORE {
            return Vec::new();
        }
        let duration = FIRST_BAN_MS.saturating_mul(1 << record.bans.min(20)).min(MAX_BAN_MS);
        self.ban(now_ms, peer, rule, duration)
    }

    fn ban(&mut self, now_ms: u64, peer: PeerId, rule: &str, duration_ms: u64) -> Vec<Effect> {
        let record = self.touch(now_ms, peer);
        // R2.
        if record.is_reserved() {
            record.score = record.score.max(BAN_SCORE);
            return Vec::new();
        }
        record.score = record.score.max(BAN_SCORE) / 2;
        record.bans = record.bans.saturating_add(1);
        record.ban = Some((rule.to_owned(), now_ms.saturating_add(duration_ms)));
        record.refusal = Some(format!("banned: {rule}"));
        let is_here = record.connected || record.dialling;
        if is_here { vec![Effect::Close(peer, format!("banned: {rule}"))] } else { Vec::new() }
    }

    /// R4.
    fn tick(&mut self, now_ms: u64) -> Vec<Effect> {
        let count = |want: &dyn Fn(&Record) -> bool| self.records.values().filter(|r| want(r)).count();
        let outbound = count(&|r| !r.is_reserved() && (r.dialling || r.wanted || (r.open && !r.inbound)));
        let full = count(&|r| {
            r.dialling || r.wanted || (r.open && !r.handshake.is_some_and(|handshake| handshake.is_light()))
        });
        let free = (self.policy.out_peers as usize).saturating_sub(outbound);
        let cut = (usize::from(self.policy.connectivity) + 1).saturating_sub(full);
        let mut wanted = if self.policy.reserved_only { 0 } else { free.max(cut) };
        let mut dials_left = MAX_DIALS.saturating_sub(count(&|r| r.dialling));
        let mut order: Vec<_> = self
            .records
            .iter()
            .filter(|(_, r)| {
                let is_candidate = if r.connected {
                    // A while for the peer to open what it connected for.
                    !r.open && !r.wanted && r.connected_ms.saturating_add(JOIN_AFTER_MS) <= now_ms
                } else {
                    !r.dialling
                };
                let is_due = r.retry_ms <= now_ms && r.ban(now_ms).is_none();
                is_candidate && is_due && !r.addresses.is_empty()
            })
            .map(|(id, r)| ((!r.is_reserved(), r.failures, distance(&self.own, id)), *id))
            .collect();
        order.sort_unstable();
        let mut effects = Vec::new();
        for ((is_common, ..), peer) in order {
            if dials_left == 0 || (is_common && wanted == 0) {
                break;
            }
            dials_left -= 1;
            wanted -= usize::from(is_common);
            if let Some(record) = self.records.get_mut(&peer) {
                (record.dialling, record.wanted) = (!record.connected, true);
                effects.push(match record.connected {
                    true => Effect::Join(peer),
                    false => Effect::Dial(peer, record.addresses.clone()),
                });
            }
        }
        effects
    }
}

/// Kademlia's metric on the last eight bytes: nodes differ in whom they prefer.
fn distance(a: &PeerId, b: &PeerId) -> u64 {
    let tail = |id: &PeerId| {
        let bytes = id.to_bytes();
        bytes.last_chunk().map_or(0, |tail| u64::from_be_bytes(*tail))
    };
    tail(a) ^ tail(b)
}

#[cfg(test)]
mod tests;
