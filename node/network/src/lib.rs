//! The node's place in the peer-to-peer network: identity, connections, and Substrate's protocols over them.
//!
//! This crate is the only home of libp2p. It knows wire formats and peers, nothing of the chain, and no key but the
//! node's own. The node hands it bytes for a [`Link`] and gets [`Event`]s.
//!
//! Rules:
//! * R1 [`Network::start`] returns when every listener is bound, or with an error that names the address.
//! * R2 A port that another process listens on is an error, although libp2p would share it.
//! * R3 At most [`MAX_CONNECTIONS`] connections, [`MAX_CONNECTIONS_PER_PEER`] per peer; the rest are refused.
//! * R4 No call of [`Network`] blocks; every queue behind one is bounded.
//! * R5 Every request is answered exactly once, by [`Event::Response`].

mod behaviour;
mod budget;
mod doors;
mod error;
mod event;
mod frames;
mod listen;
mod metrics;
mod outbox;
pub mod overlay;
pub mod peers;
pub mod protocol;
mod shell;
mod streams;
mod task;
pub mod wire;

pub use error::NetworkError;
pub use event::{Ban, Event, Events, Link, Mark, PeerInfo, QueueFull, RequestError};
pub use metrics::Metrics;
pub use overlay::Connectivity;
pub use protocol::{Channel, Method};
pub use wire::handshake::Handshake;

use libp2p::multiaddr::Protocol;
use libp2p::{Multiaddr, PeerId, identity};
use peers::{Input, Peers, Policy, Source};
use quire_core::H256;
use shell::{Command, Ends, Shared, Shell};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// Connections at once, in both directions.
pub const MAX_CONNECTIONS: u32 = 256;
/// Connections with one peer at once: a simultaneous dial from both sides makes two.
pub const MAX_CONNECTIONS_PER_PEER: u32 = 2;
/// Full nodes that may be peers after having dialled, unless told otherwise.
pub const DEFAULT_IN_PEERS: u32 = 32;
/// Peers that the node dials, unless told otherwise.
pub const DEFAULT_OUT_PEERS: u32 = 8;
/// Vertex-disjoint paths that may be cut without splitting the overlay, unless told otherwise.
pub const DEFAULT_CONNECTIVITY: u8 = 2;
/// How long a connection without streams is kept, seconds.
const IDLE_TIMEOUT_S: u64 = 60;
/// Events that may wait for the node.
const EVENT_QUEUE: usize = 1_024;
/// Requests that may wait for answers, or answers for the node.
const MAX_UNANSWERED: usize = 512;

/// What the network needs to start.
#[derive(Debug, Clone)]
pub struct Config {
    /// The ed25519 seed of the node key.
    pub secret: [u8; 32],
    /// Multiaddresses to listen on; `/ws` at the end means WebSocket.
    pub listen: Vec<String>,
    /// Multiaddresses told to peers beside those.
    pub public_addresses: Vec<String>,
    /// Shown to peers, for instance `quire/0.1.0`.
    pub agent: String,
    /// Hash of block 0: peers of another chain are refused.
    pub genesis: H256,
    /// The chain spec's fork id.
    pub fork_id: Option<String>,
    /// Multiaddresses, each ending in `/p2p/<peer id>`, to begin with.
    pub boot_nodes: Vec<String>,
    /// Multiaddresses of peers that always have a slot, are dialled for ever and never banned.
    pub reserved: Vec<String>,
    /// Whether all others are refused.
    pub reserved_only: bool,
    /// Full nodes that may be peers after having dialled.
    pub in_peers: u32,
    /// Peers that the node dials.
    pub out_peers: u32,
    /// How many other nodes may fail without cutting the node off: it keeps one connection more than that.
    pub connectivity: u8,
    /// What to open block announces with.
    pub head: Handshake,
}

impl Config {
    /// The usual settings: no listener, no boot node, a full node at its genesis block.
    pub fn new(secret: [u8; 32], agent: &str, genesis: H256) -> Self {
        Self {
            secret,
            listen: Vec::new(),
            public_addresses: Vec::new(),
            agent: agent.into(),
            genesis,
            fork_id: None,
            boot_nodes: Vec::new(),
            reserved: Vec::new(),
            reserved_only: false,
            in_peers: DEFAULT_IN_PEERS,
            out_peers: DEFAULT_OUT_PEERS,
            connectivity: DEFAULT_CONNECTIVITY,
            head: Handshake { roles: wire::handshake::FULL, best_number: 0, best_hash: genesis, genesis },
        }
    }
}

/// A running network. It stops when [`stop`](Self::stop) is called or all clones are gone.
#[derive(Clone)]
pub struct Network {
    peer_id: String,
    shared: Arc<Shared>,
    stop: watch::Sender<bool>,
    commands: mpsc::UnboundedSender<Command>,
    requests: Arc<AtomicU64>,
    unanswered: Arc<AtomicUsize>,
}

/// The peer id of a node key, base58.
pub fn peer_id(secret: [u8; 32]) -> Result<String, NetworkError> {
    Ok(PeerId::from(keypair(secret)?.public()).to_base58())
}

/// Fails unless a text is a multiaddress that ends in `/p2p/` and a peer id, as a boot node's must.
pub fn check_boot_node(address: &str) -> Result<(), NetworkError> {
    boot_node(address).map(drop)
}

/// The peer of a boot node's address.
fn boot_node(address: &str) -> Result<(PeerId, Multiaddr), NetworkError> {
    let wrong = |reason: &str| NetworkError::BootNode { address: address.into(), reason: reason.into() };
    let parsed: Multiaddr =
        address.parse().map_err(|error: libp2p::multiaddr::Error| wrong(&error.to_string()))?;
    match parsed.iter().last() {
        Some(Protocol::P2p(peer)) => Ok((peer, parsed)),
        _ => Err(wrong("it must end in /p2p/ and the peer id, which quire key inspect-node-key prints")),
    }
}

fn keypair(secret: [u8; 32]) -> Result<identity::Keypair, NetworkError> {
    identity::Keypair::ed25519_from_bytes(secret)
        .map_err(|error| NetworkError::Key { reason: error.to_string() })
}

/// The core, knowing the operator's peers.
fn known_peers(own: PeerId, config: &Config) -> Result<Peers, NetworkError> {
    let policy = Policy {
        in_peers: config.in_peers,
        out_peers: config.out_peers,
        reserved_only: config.reserved_only,
        connectivity: config.connectivity,
    };
    let mut peers = Peers::new(own, policy);
    let sources = [(&config.boot_nodes, Source::Boot), (&config.reserved, Source::Reserved)];
    for (list, source) in sources {
        for text in list {
            let (peer, address) = boot_node(text)?;
            peers.step(0, Input::Learned(peer, address.to_string(), source));
        }
    }
    Ok(peers)
}

impl Network {
    /// Binds every address of `config.listen` and serves connections on the current tokio runtime.
    pub async fn start(config: Config) -> Result<(Self, Events), NetworkError> {
        let keypair = keypair(config.secret)?;
        let own = PeerId::from(keypair.public());
        let mut swarm = behaviour::swarm(keypair, &config)?;
        let shared = Arc::new(Shared::new(config.head, known_peers(own, &config)?));
        for address in &config.public_addresses {
            swarm.add_external_address(listen::parse(address)?);
        }
        if !config.reserved_only {
            for (peer, address) in config.boot_nodes.iter().filter_map(|text| boot_node(text).ok()) {
                swarm.behaviour_mut().kad.add_address(&peer, address);
            }
        }
        listen::all(&mut swarm, &config.listen, &shared).await?;
        let (stop, stopped) = watch::channel(false);
        let (commands, orders) = mpsc::unbounded_channel();
        let (events, receiver) = mpsc::channel(EVENT_QUEUE);
        let kad_name = behaviour::kad_name(&config);
        let (shell, reports) = Shell::new(swarm, kad_name, config.genesis, shared.clone());
        tokio::spawn(shell.run(reports, Ends { events, commands: orders, stopped }));
        let unanswered = Arc::new(AtomicUsize::new(0));
        let events = Events { receiver, unanswered: unanswered.clone() };
        let peer_id = own.to_base58();
        Ok((Self { peer_id, shared, stop, commands, requests: Arc::default(), unanswered }, events))
    }

    /// The base58 peer id of this node.
    pub fn peer_id(&self) -> &str {
        &self.peer_id
    }

    /// The addresses that are bound, each ending in `/p2p/<peer id>`.
    pub fn listen_addresses(&self) -> Vec<String> {
        let state = self.shared.lock();
        state.listeners.iter().map(|address| format!("{address}/p2p/{}", self.peer_id)).collect()
    }

    /// The base58 ids of all that are connected now, light clients and strangers included.
    pub fn connected(&self) -> Vec<String> {
        let state = self.shared.lock();
        let connected = state.peers.records().filter(|(_, record)| record.connected);
        connected.map(|(peer, _)| peer.to_base58()).collect()
    }

    /// The peers, each with an open link.
    pub fn peers(&self) -> Vec<PeerInfo> {
        let (now_ms, state) = (self.shared.now_ms(), self.shared.lock());
        let open = state.views.iter().filter(|(_, view)| view.is_open);
        open.filter_map(|(peer, _)| state.info(now_ms, peer)).collect()
    }

    /// What is known of any peer by its base58 id, also of a refused or banned one.
    pub fn peer(&self, peer: &str) -> Option<PeerInfo> {
        let peer: PeerId = peer.parse().ok()?;
        let now_ms = self.shared.now_ms();
        self.shared.lock().info(now_ms, &peer)
    }

    /// How well the overlay hangs together, as far as it is known.
    pub fn connectivity(&self) -> Connectivity {
        self.shared.lock().connectivity
    }

    /// What went over the wire so far.
    pub fn metrics(&self) -> Metrics {
        self.shared.counters.read()
    }

    /// What block announces are opened with from now on.
    pub fn set_head(&self, head: Handshake) {
        self.shared.lock().head = head;
    }

    /// Queues a notification, without a copy. On a full queue of block announces the peer is closed, since it would
    /// miss a head; the other channels drop the notification.
    ///
    /// # Errors
    /// When the notification was not queued.
    pub fn notify(&self, link: Link, channel: Channel, bytes: Arc<[u8]>) -> Result<(), QueueFull> {
        self.shared.outboxes(link).ok_or(QueueFull)?[channel.index()].push(bytes)
    }

    /// Asks a peer. The returned number comes back with the answer.
    pub fn request(&self, link: Link, method: Method, bytes: Vec<u8>) -> u64 {
        let request = self.requests.fetch_add(1, Ordering::Relaxed);
        let waiting = self.unanswered.fetch_add(1, Ordering::Relaxed);
        self.order(match waiting < MAX_UNANSWERED {
            true => Command::Request { link, request, method, bytes },
            false => Command::Refuse { link, request },
        });
        request
    }

    /// Lowers a peer's score; at [`peers::BAN_SCORE`] it is closed and banned, with the rule as reason.
    pub fn report(&self, link: Link, rule: &'static str, cost: u32) {
        self.order(Command::Report { link, rule, cost });
    }

    /// Closes a link; its peer may come back.
    pub fn disconnect(&self, link: Link) {
        self.order(Command::Disconnect { link });
    }

    /// Keeps a peer out for a time, and closes its link. A text that is no peer id names nobody.
    pub fn ban(&self, peer: &str, rule: &'static str, duration: Duration) {
        if let Ok(peer) = peer.parse() {
            self.order(Command::Ban { peer, rule, duration });
        }
    }

    /// Ends a ban.
    pub fn allow(&self, peer: &str) {
        if let Ok(peer) = peer.parse() {
            self.order(Command::Allow { peer });
        }
    }

    /// Closes listeners and connections.
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }

    fn order(&self, command: Command) {
        // A network that has stopped carries out nothing.
        let _stopped = self.commands.send(command);
    }
}

#[cfg(test)]
mod tests;
