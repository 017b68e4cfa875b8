//! The task that owns the swarm: it turns what happens on connections into [`Event`]s, and asks [`Peers`] what to do.
//!
//! ```text
//!   substream tasks --reports (bounded)--> shell --events (bounded)--> the node
//!   Network (notify) --outboxes (bounded)--> substream tasks
//!   Network (all else) --commands--> shell
//! ```
//!
//! Rules:
//! * R1 While [`BACKLOG_REPORTS`] events wait for the node, no report is taken, so that readers stop and the senders'
//!   lines fill up; while [`BACKLOG_SWARM`] wait, the swarm rests too.
//! * R2 Of two connections with one peer the one that the lower id dialled stays; of two by the same side the newer.
//! * R3 A connection without open block announces is a stranger's: at most [`MAX_STRANGERS`], the oldest goes first.

mod channels;
mod commands;
mod requests;
mod swarm;

pub(crate) use commands::Command;

use crate::behaviour::Behaviour;
use crate::budget::{Budget, Permit};
use crate::event::{Event, Link, PeerInfo};
use crate::metrics::{Counters, Traffic};
use crate::outbox::Outbox;
use crate::overlay::{Connectivity, Overlay};
use crate::peers::{Effect, Input, Peers};
use crate::protocol::{Channel, Method};
use crate::task::{Context, Report};
use crate::wire::handshake::Handshake;
use channels::Side;
use futures::StreamExt;
use libp2p::swarm::ConnectionId;
use libp2p::{PeerId, Swarm};
use requests::Ask;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::time::Instant;

/// R1.
const BACKLOG_REPORTS: usize = 256;
/// R1.
const BACKLOG_SWARM: usize = 4_096;
/// Reports that may wait for the shell.
const REPORT_QUEUE: usize = 64;
/// R3.
pub(crate) const MAX_STRANGERS: usize = 128;
/// Requests of all peers that are served at a time.
const MAX_SERVED: usize = 128;
/// How often slots, time-outs and the overlay are looked at.
const TICK_MS: u64 = 500;

/// The queues of one link.
pub(crate) type Outboxes = Arc<[Arc<Outbox>; Channel::ALL.len()]>;
/// An event and its claim on the budget.
pub(crate) type Delivery = (Event, Permit);

/// What [`Network`](crate::Network) and the shell share.
pub(crate) struct Shared {
    pub(crate) state: Mutex<State>,
    /// Open links.
    pub(crate) outboxes: RwLock<BTreeMap<Link, Outboxes>>,
    pub(crate) counters: Arc<Counters>,
    started: Instant,
}

/// What the node may look at.
pub(crate) struct State {
    pub(crate) listeners: BTreeSet<String>,
    pub(crate) head: Handshake,
    pub(crate) peers: Peers,
    pub(crate) views: BTreeMap<PeerId, View>,
    pub(crate) connectivity: Connectivity,
}

/// What is shown of a connected peer beside what [`Peers`] knows.
#[derive(Clone)]
pub(crate) struct View {
    pub(crate) link: Link,
    pub(crate) is_open: bool,
    pub(crate) address: String,
    pub(crate) agent: Option<String>,
    pub(crate) traffic: Arc<Traffic>,
    pub(crate) outboxes: Outboxes,
}

impl Shared {
    pub(crate) fn new(head: Handshake, peers: Peers) -> Self {
        let state = State {
            listeners: BTreeSet::new(),
            head,
            peers,
            views: BTreeMap::new(),
            connectivity: Connectivity::default(),
        };
        Self {
            state: Mutex::new(state),
            outboxes: RwLock::default(),
            counters: Arc::default(),
            started: Instant::now(),
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        // Plain values: a panic elsewhere cannot leave them half written.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn outboxes(&self, link: Link) -> Option<Outboxes> {
        self.outboxes.read().unwrap_or_else(PoisonError::into_inner).get(&link).cloned()
    }

    /// Milliseconds since the network started, which is all the time that the core needs.
    pub(crate) fn now_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

impl State {
    /// Everything known of a peer.
    pub(crate) fn info(&self, now_ms: u64, peer: &PeerId) -> Option<PeerInfo> {
        let record = self.peers.record(peer)?;
        let view = self.views.get(peer);
        let (bytes_in, bytes_out) = view.map_or((0, 0), |view| view.traffic.bytes());
        let dialled = view.map(|view| view.address.clone());
        let mut addresses = record.addresses.clone();
        addresses.retain(|address| Some(address) != dialled.as_ref());
        Some(PeerInfo {
            peer: peer.to_base58(),
            link: view.filter(|view| view.is_open).map(|view| view.link),
            connected: record.connected,
            inbound: record.inbound,
            reserved: self.peers.is_reserved(peer),
            addresses: dialled.into_iter().chain(addresses).collect(),
            agent: view.and_then(|view| view.agent.clone()),
            handshake: record.handshake,
            channels: view.map_or_else(Vec::new, |view| {
                let open = |channel: &Channel| view.outboxes[channel.index()].is_open();
                Channel::ALL.into_iter().filter(open).collect()
            }),
            score: record.score(now_ms),
            marks: record.marks(now_ms),
            ban: record.ban(now_ms),
            refusal: record.refusal.clone(),
            bytes_in,
            bytes_out,
        })
    }
}

/// A connection.
struct Conn {
    peer: PeerId,
    id: ConnectionId,
    inbound: bool,
    since_ms: u64,
    /// Block announces are open both ways.
    is_open: bool,
    /// A light client's, if it is open.
    is_light: bool,
    /// Nothing more is done with it.
    is_closing: bool,
    sides: [Side; Channel::ALL.len()],
    outboxes: Outboxes,
    context: Context,
}

/// What a substream that was asked for is to be.
enum Wanted {
    Channel(Link, Channel),
    Request(u64),
}

/// The task's state.
pub(crate) struct Shell {
    swarm: Swarm<Behaviour>,
    kad_name: String,
    own: PeerId,
    genesis: quire_core::H256,
    shared: Arc<Shared>,
    conns: BTreeMap<Link, Conn>,
    links: BTreeMap<ConnectionId, Link>,
    wanted: BTreeMap<u64, Wanted>,
    asks: BTreeMap<u64, Ask>,
    overlay: Overlay<PeerId>,
    next_survey_ms: u64,
    out: VecDeque<Delivery>,
    reports: mpsc::Sender<Report>,
    budget: Arc<Semaphore>,
    serving: Arc<Semaphore>,
    next: u64,
}

/// The ends of the channels that [`Network`](crate::Network) has the other ends of.
pub(crate) struct Ends {
    pub(crate) events: mpsc::Sender<Delivery>,
    pub(crate) commands: mpsc::UnboundedReceiver<Command>,
    pub(crate) stopped: watch::Receiver<bool>,
}

impl Shell {
    pub(crate) fn new(
        swarm: Swarm<Behaviour>,
        kad_name: String,
        genesis: quire_core::H256,
        shared: Arc<Shared>,
    ) -> (Self, mpsc::Receiver<Report>) {
        let (reports, receiver) = mpsc::channel(REPORT_QUEUE);
        let own = *swarm.local_peer_id();
        let shell = Self {
            swarm,
            kad_name,
            own,
            genesis,
            shared,
            conns: BTreeMap::new(),
            links: BTreeMap::new(),
            wanted: BTreeMap::new(),
            asks: BTreeMap::new(),
            overlay: Overlay::default(),
            next_survey_ms: 0,
            out: VecDeque::new(),
            reports,
            budget: crate::budget::total(),
            serving: Arc::new(Semaphore::new(MAX_SERVED)),
            next: 0,
        };
        (shell, receiver)
    }

    /// Works until it is told to stop, or nobody can tell it any more.
    pub(crate) async fn run(mut self, mut reports: mpsc::Receiver<Report>, ends: Ends) {
        let Ends { events, mut commands, mut stopped } = ends;
        let mut tick = tokio::time::interval(Duration::from_millis(TICK_MS));
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let waiting = self.out.len();
            tokio::select! {
                _ = stopped.wait_for(|stop| *stop) => return,
                place = events.reserve(), if waiting > 0 => match (place, self.out.pop_front()) {
                    (Ok(place), Some(delivery)) => place.send(delivery),
                    // Nobody wants them.
                    _ => self.out.clear(),
                },
                event = self.swarm.select_next_some(), if waiting < BACKLOG_SWARM => self.on_swarm(event),
                Some(report) = reports.recv(), if waiting < BACKLOG_REPORTS => self.on_report(report),
                Some(command) = commands.recv() => self.on_command(command),
                _ = tick.tick() => self.on_tick(),
            }
        }
    }

    /// A number that was not used before: links, serials and tokens.
    fn number(&mut self) -> u64 {
        self.next = self.next.saturating_add(1);
        self.next
    }

    fn emit(&mut self, event: Event) {
        self.out.push_back((event, Permit::default()));
    }

    /// Asks the core, and does what it says.
    fn step(&mut self, input: Input<'_>) {
        let now_ms = self.shared.now_ms();
        let effects = self.shared.lock().peers.step(now_ms, input);
        self.act(effects);
    }

    fn broke(&mut self, peer: PeerId, rule: &str, cost: u32) {
        tracing::debug!(target: "sub-libp2p", "{peer}: {rule}");
        self.step(Input::Broke(peer, rule, cost));
    }

    fn act(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Dial(peer, addresses) => self.dial(peer, &addresses),
                Effect::Join(peer) => {
                    for link in self.links_of(&peer) {
                        self.open(link, Channel::BlockAnnounces);
                    }
                }
                Effect::Close(peer, reason) => {
                    self.shared.counters.banned();
                    tracing::warn!(target: "sub-libp2p", "closing {peer}: {reason}");
                    for link in self.links_of(&peer) {
                        self.close(link);
                    }
                }
            }
        }
    }

    fn links_of(&self, peer: &PeerId) -> Vec<Link> {
        self.conns.iter().filter(|(_, conn)| conn.peer == *peer).map(|(link, _)| *link).collect()
    }

    fn on_report(&mut self, report: Report) {
        match report {
            Report::Offered { at, handshake, accept } => self.on_offered(at, handshake, accept),
            Report::Accepted { at, handshake } => self.on_accepted(at, handshake),
            Report::Notification { at, bytes, permit } => self.on_notification(at, bytes, permit),
            Report::Ended { at, inbound, violation } => self.on_ended(at, inbound, violation),
            Report::Asked { link, method, bytes, permit, answer } => {
                self.on_asked(link, method, bytes, permit, answer);
            }
            Report::Answered { request, result, permit } => self.on_answered(request, result, permit),
            Report::Broke { link, rule } => {
                if let Some(peer) = self.conns.get(&link).map(|conn| conn.peer) {
                    self.broke(peer, rule, channels::VIOLATION_COST);
                }
            }
        }
    }

    fn on_tick(&mut self) {
        self.step(Input::Tick);
        self.tick_channels();
        self.survey();
    }

    /// A new context for the tasks of a connection.
    fn context(&self, traffic: Arc<Traffic>) -> Context {
        Context { reports: self.reports.clone(), budget: Budget::new(&self.budget), traffic }
    }

    /// Closes a connection: its requests are answered, its channels end, then the peer is gone.
    fn close(&mut self, link: Link) {
        self.end(link);
        if let Some(conn) = self.conns.get(&link) {
            self.swarm.close_connection(conn.id);
        }
    }

    /// Ends everything on a connection, once.
    fn end(&mut self, link: Link) {
        let Some(conn) = self.conns.get_mut(&link) else { return };
        if std::mem::replace(&mut conn.is_closing, true) {
            return;
        }
        let (peer, was_open) = (conn.peer, std::mem::take(&mut conn.is_open));
        conn.sides = Default::default();
        conn.outboxes.iter().for_each(|outbox| outbox.close());
        self.answer_all(link);
        let asks = &self.asks;
        self.wanted.retain(|_, wanted| match wanted {
            Wanted::Channel(at, _) => *at != link,
            Wanted::Request(key) => asks.contains_key(key),
        });
        self.shared.outboxes.write().unwrap_or_else(PoisonError::into_inner).remove(&link);
        if was_open {
            self.overlay.remove(&peer);
            if let Some(view) = self.shared.lock().views.get_mut(&peer).filter(|view| view.link == link) {
                view.is_open = false;
            }
            self.step(Input::Closed(peer));
            self.emit(Event::Closed { link });
        }
    }

    /// Asks the peers for their neighbours now and then, and measures what is known.
    fn survey(&mut self) {
        let now_ms = self.shared.now_ms();
        if now_ms < self.next_survey_ms {
            return;
        }
        self.next_survey_ms = now_ms.saturating_add(requests::SURVEY_INTERVAL_MS);
        let open = self.full_peers();
        self.overlay.set(self.own, open.iter().map(|(_, peer)| *peer));
        for (link, _) in open {
            let request = self.number();
            self.ask(link, request, Method::Overlay, Vec::new(), true);
        }
        self.measure();
    }

    /// Links with those that light clients are not.
    fn full_peers(&self) -> Vec<(Link, PeerId)> {
        let open = self.conns.iter().filter(|(_, conn)| conn.is_open && !conn.is_light);
        open.map(|(link, conn)| (*link, conn.peer)).collect()
    }

    fn measure(&mut self) {
        self.shared.lock().connectivity = self.overlay.measure();
    }
}
