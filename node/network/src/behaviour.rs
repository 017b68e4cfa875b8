//! Transports, and the protocols of a connection.
use crate::doors::Doors;
use crate::streams::{Names, Streams};
use crate::{Config, IDLE_TIMEOUT_S, MAX_CONNECTIONS, MAX_CONNECTIONS_PER_PEER, NetworkError, protocol};
use libp2p::core::upgrade::Version;
use libp2p::kad::store::{MemoryStore, MemoryStoreConfig};
use libp2p::swarm::{NetworkBehaviour, StreamProtocol};
use libp2p::{
    PeerId, Swarm, SwarmBuilder, Transport, connection_limits, identify, identity, kad, noise, ping, tcp,
    websocket, yamux,
};
use std::time::Duration;

/// The version string under which Substrate nodes and light clients expect to be identified.
const IDENTIFY_PROTOCOL: &str = "/substrate/1.0";
/// Connections that have not shaken hands.
const MAX_PENDING: u32 = 256;
/// Substreams of one connection, in both directions. A peer that opens more is cut off.
const MAX_SUBSTREAMS: usize = 128;
/// Substreams of one connection whose protocol is not agreed on yet; further ones are dropped.
const MAX_NEGOTIATING: usize = 16;
/// How often the routing table is refreshed, seconds.
const BOOTSTRAP_INTERVAL_S: u64 = 60;

/// What runs on every connection.
#[derive(NetworkBehaviour)]
pub(crate) struct Behaviour {
    limits: connection_limits::Behaviour,
    doors: Doors,
    identify: identify::Behaviour,
    ping: ping::Behaviour,
    pub(crate) kad: kad::Behaviour<MemoryStore>,
    pub(crate) streams: Streams,
}

/// The name of Kademlia on this chain.
pub(crate) fn kad_name(config: &Config) -> String {
    protocol::name(config.genesis, config.fork_id.as_deref(), "kad")
}

fn setup(what: &dyn std::fmt::Display) -> NetworkError {
    NetworkError::Setup { reason: what.to_string() }
}

/// A routing table that stores no records: addresses of peers are all that it is for.
fn kademlia(own: PeerId, config: &Config) -> Result<kad::Behaviour<MemoryStore>, NetworkError> {
    let name = StreamProtocol::try_from_owned(kad_name(config)).map_err(|error| setup(&error))?;
    let mut settings = kad::Config::new(name);
    settings
        .set_record_filtering(kad::StoreInserts::FilterBoth)
        .set_replication_interval(None)
        .set_publication_interval(None)
        .set_periodic_bootstrap_interval(Some(Duration::from_secs(BOOTSTRAP_INTERVAL_S)));
    if config.reserved_only {
        // The table stays empty: it would add what others tell to the operator's addresses.
        settings.set_kbucket_inserts(kad::BucketInserts::Manual).set_periodic_bootstrap_interval(None);
    }
    let nothing = MemoryStoreConfig { max_records: 0, max_provided_keys: 0, ..MemoryStoreConfig::default() };
    let mut kad = kad::Behaviour::with_config(own, MemoryStore::with_config(own, nothing), settings);
    kad.set_mode(Some(kad::Mode::Server));
    Ok(kad)
}

fn behaviour(public: identity::PublicKey, config: &Config) -> Result<Behaviour, NetworkError> {
    let limits = connection_limits::ConnectionLimits::default()
        .with_max_pending_incoming(Some(MAX_PENDING))
        .with_max_pending_outgoing(Some(MAX_PENDING))
        .with_max_established(Some(MAX_CONNECTIONS))
        .with_max_established_per_peer(Some(MAX_CONNECTIONS_PER_PEER));
    let names = Names::new(|name| protocol::name(config.genesis, config.fork_id.as_deref(), name));
    let own = PeerId::from(&public);
    Ok(Behaviour {
        limits: connection_limits::Behaviour::new(limits),
        doors: Doors::default(),
        identify: identify::Behaviour::new(
            identify::Config::new(IDENTIFY_PROTOCOL.into(), public).with_agent_version(config.agent.clone()),
        ),
        ping: ping::Behaviour::new(ping::Config::new()),
        kad: kademlia(own, config)?,
        streams: Streams::new(
            names.ok_or_else(|| setup(&"the fork id has a character that names cannot have"))?,
        ),
    })
}

fn multiplexer() -> yamux::Config {
    let mut config = yamux::Config::default();
    config.set_max_num_streams(MAX_SUBSTREAMS);
    config
}

/// A swarm with both transports, bound to nothing yet.
pub(crate) fn swarm(keypair: identity::Keypair, config: &Config) -> Result<Swarm<Behaviour>, NetworkError> {
    let behaviour = behaviour(keypair.public(), config)?;
    let options = tcp::Config::default().nodelay(true);
    let over_websocket = {
        let options = options.clone();
        move |keypair: &identity::Keypair| -> Result<_, Box<dyn std::error::Error + Send + Sync>> {
            Ok(websocket::Config::new(tcp::tokio::Transport::new(options))
                .upgrade(Version::V1Lazy)
                .authenticate(noise::Config::new(keypair)?)
                .multiplex(multiplexer()))
        }
    };
    Ok(SwarmBuilder::with_existing_identity(keypair)
        .with_tokio()
        .with_tcp(options, noise::Config::new, multiplexer)
        .map_err(|error| setup(&error))?
        .with_other_transport(over_websocket)
        .map_err(|error| setup(&error))?
        .with_dns()
        .map_err(|error| setup(&error))?
        .with_behaviour(|_| behaviour)
        .map_err(|error| setup(&error))?
        .with_swarm_config(|config| {
            config
                .with_idle_connection_timeout(Duration::from_secs(IDLE_TIMEOUT_S))
                .with_max_negotiating_inbound_streams(MAX_NEGOTIATING)
        })
        .build())
}
