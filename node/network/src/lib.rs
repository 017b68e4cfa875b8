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
mod error;
mod event;
pub mod peers;
pub mod protocol;
pub mod wire;

pub use error::NetworkError;
pub use event::{Ban, Event, Events, Link, Mark, PeerInfo, QueueFull, RequestError};
pub use protocol::{Channel, Method};
pub use wire::handshake::Handshake;

use behaviour::{Behaviour, BehaviourEvent};
use futures::StreamExt;
use libp2p::swarm::SwarmEvent;
use libp2p::{Multiaddr, PeerId, Swarm, identity};
use quire_core::H256;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
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
/// How long binding one address may take, seconds.
const LISTEN_TIMEOUT_S: u64 = 10;
/// Events that may wait for the node.
const EVENT_QUEUE: usize = 1_024;

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
    shared: Arc<Mutex<Shared>>,
    stop: watch::Sender<bool>,
    events: mpsc::Sender<Event>,
    requests: Arc<AtomicU64>,
}

#[derive(Default)]
struct Shared {
    listeners: BTreeSet<String>,
    /// Peers and how many connections each has.
    peers: BTreeMap<String, u32>,
}

/// The peer id of a node key, base58.
pub fn peer_id(secret: [u8; 32]) -> Result<String, NetworkError> {
    Ok(PeerId::from(keypair(secret)?.public()).to_base58())
}

/// Fails unless a text is a multiaddress that ends in `/p2p/` and a peer id, as a boot node's must.
pub fn check_boot_node(address: &str) -> Result<(), NetworkError> {
    let wrong = |reason: &str| NetworkError::BootNode { address: address.into(), reason: reason.into() };
    let parsed: Multiaddr =
        address.parse().map_err(|error: libp2p::multiaddr::Error| wrong(&error.to_string()))?;
    match parsed.iter().last() {
        Some(libp2p::multiaddr::Protocol::P2p(_)) => Ok(()),
        _ => Err(wrong("it must end in /p2p/ and the peer id, which quire key inspect-node-key prints")),
    }
}

fn keypair(secret: [u8; 32]) -> Result<identity::Keypair, NetworkError> {
    identity::Keypair::ed25519_from_bytes(secret)
        .map_err(|error| NetworkError::Key { reason: error.to_string() })
}

impl Network {
    /// Binds every address of `config.listen` and serves connections on the current tokio runtime.
    pub async fn start(config: Config) -> Result<(Self, Events), NetworkError> {
        let keypair = keypair(config.secret)?;
        let peer_id = PeerId::from(keypair.public()).to_base58();
        let mut swarm = behaviour::swarm(keypair, &config.agent)?;
        let shared = Arc::new(Mutex::new(Shared::default()));
        // All before any: a listener for IPv6 would stand in the way of our own for IPv4.
        config.listen.iter().try_for_each(|address| check_free(address))?;
        for address in &config.listen {
            listen(&mut swarm, address, &shared).await?;
        }
        let (stop, stopped) = watch::channel(false);
        tokio::spawn(run(swarm, shared.clone(), stopped));
        let (events, receiver) = mpsc::channel(EVENT_QUEUE);
        Ok((Self { peer_id, shared, stop, events, requests: Arc::default() }, Events(receiver)))
    }

    /// The base58 peer id of this node.
    pub fn peer_id(&self) -> &str {
        &self.peer_id
    }

    /// The addresses that are bound, each ending in `/p2p/<peer id>`.
    pub fn listen_addresses(&self) -> Vec<String> {
        lock(&self.shared).listeners.iter().map(|address| format!("{address}/p2p/{}", self.peer_id)).collect()
    }

    /// The base58 ids of all that are connected now, light clients and strangers included.
    pub fn connected(&self) -> Vec<String> {
        lock(&self.shared).peers.keys().cloned().collect()
    }

    /// The peers, each with an open link.
    pub fn peers(&self) -> Vec<PeerInfo> {
        Vec::new()
    }

    /// What is known of any peer by its base58 id, also of a refused or banned one.
    pub fn peer(&self, _peer: &str) -> Option<PeerInfo> {
        None
    }

    /// What block announces are opened with from now on.
    pub fn set_head(&self, _head: Handshake) {}

    /// Queues a notification, without a copy. On a full queue of block announces the peer is closed, since it would
    /// miss a head; the other channels drop the notification.
    pub fn notify(&self, _link: Link, _channel: Channel, _bytes: Arc<[u8]>) -> Result<(), QueueFull> {
        Err(QueueFull)
    }

    /// Asks a peer. The returned number comes back with the answer.
    pub fn request(&self, link: Link, _method: Method, _bytes: Vec<u8>) -> u64 {
        let request = self.requests.fetch_add(1, Ordering::Relaxed);
        let _gone = self.events.try_send(Event::Response { link, request, result: Err(RequestError::Gone) });
        request
    }

    /// Lowers a peer's score; at [`peers::BAN_SCORE`] it is closed and banned, with the rule as reason.
    pub fn report(&self, _link: Link, _rule: &'static str, _cost: u32) {}

    /// Closes a link; its peer may come back.
    pub fn disconnect(&self, _link: Link) {}

    /// Keeps a peer out for a time, and closes its link.
    pub fn ban(&self, _peer: &str, _rule: &'static str, _duration: Duration) {}

    /// Ends a ban.
    pub fn allow(&self, _peer: &str) {}

    /// Closes listeners and connections.
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }
}

fn lock(shared: &Mutex<Shared>) -> std::sync::MutexGuard<'_, Shared> {
    // Plain values: a panic elsewhere cannot leave them half written.
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

fn parse(text: &str) -> Result<Multiaddr, NetworkError> {
    let wrong = |error| NetworkError::Address { address: text.to_owned(), reason: format!("{error}") };
    text.parse().map_err(wrong)
}

/// R2.
fn check_free(text: &str) -> Result<(), NetworkError> {
    match socket_address(&parse(text)?) {
        Some(socket) => {
            std::net::TcpListener::bind(socket).map(drop).map_err(|source| NetworkError::bind(text, source))
        }
        None => Ok(()),
    }
}

/// R1.
async fn listen(
    swarm: &mut Swarm<Behaviour>,
    text: &str,
    shared: &Mutex<Shared>,
) -> Result<(), NetworkError> {
    let id = swarm
        .listen_on(parse(text)?)
        .map_err(|error| NetworkError::Address { address: text.to_owned(), reason: error.to_string() })?;
    let bound = async {
        loop {
            match swarm.select_next_some().await {
                SwarmEvent::NewListenAddr { listener_id, address } => {
                    lock(shared).listeners.insert(address.to_string());
                    if listener_id == id {
                        return Ok(());
                    }
                }
                SwarmEvent::ListenerClosed { listener_id, reason: Err(source), .. } if listener_id == id => {
                    return Err(NetworkError::bind(text, source));
                }
                SwarmEvent::ListenerError { listener_id, error } if listener_id == id => {
                    return Err(NetworkError::bind(text, error));
                }
                _ => {}
            }
        }
    };
    match tokio::time::timeout(Duration::from_secs(LISTEN_TIMEOUT_S), bound).await {
        Ok(result) => result,
        Err(_) => Err(NetworkError::Address {
            address: text.to_owned(),
            reason: format!("no answer from the operating system within {LISTEN_TIMEOUT_S} s"),
        }),
    }
}

/// The TCP socket of `/ip4/…/tcp/…` or `/ip6/…/tcp/…`, whatever follows.
fn socket_address(address: &Multiaddr) -> Option<SocketAddr> {
    use libp2p::multiaddr::Protocol;
    let mut parts = address.iter();
    let ip = match parts.next()? {
        Protocol::Ip4(ip) => ip.into(),
        Protocol::Ip6(ip) => ip.into(),
        _ => return None,
    };
    match parts.next()? {
        Protocol::Tcp(port) if port != 0 => Some(SocketAddr::new(ip, port)),
        _ => None,
    }
}

async fn run(mut swarm: Swarm<Behaviour>, shared: Arc<Mutex<Shared>>, mut stopped: watch::Receiver<bool>) {
    loop {
        let event = tokio::select! {
            _ = stopped.wait_for(|stop| *stop) => return,
            event = swarm.select_next_some() => event,
        };
        match event {
            SwarmEvent::NewListenAddr { address, .. } => {
                lock(&shared).listeners.insert(address.to_string());
            }
            SwarmEvent::ExpiredListenAddr { address, .. } => {
                lock(&shared).listeners.remove(&address.to_string());
            }
            SwarmEvent::ConnectionEstablished { peer_id, num_established, .. } => {
                lock(&shared).peers.insert(peer_id.to_base58(), num_established.get());
                tracing::debug!(target: "sub-libp2p", "connected to {peer_id}");
            }
            SwarmEvent::ConnectionClosed { peer_id, num_established: 0, .. } => {
                lock(&shared).peers.remove(&peer_id.to_base58());
                tracing::debug!(target: "sub-libp2p", "disconnected from {peer_id}");
            }
            SwarmEvent::Behaviour(BehaviourEvent::Identify(event)) => {
                tracing::trace!(target: "sub-libp2p", "identify: {event:?}");
            }
            SwarmEvent::ListenerError { error, .. } => {
                tracing::warn!(target: "sub-libp2p", "a listener failed: {error}");
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
