//! Transports and protocols of a connection.
use crate::{IDLE_TIMEOUT_S, MAX_CONNECTIONS, MAX_CONNECTIONS_PER_PEER, NetworkError};
use libp2p::core::upgrade::Version;
use libp2p::swarm::NetworkBehaviour;
use libp2p::{
    Swarm, SwarmBuilder, Transport, connection_limits, identify, identity, noise, ping, tcp, websocket, yamux,
};
use std::time::Duration;

/// The version string under which Substrate nodes and light clients expect to be identified.
const IDENTIFY_PROTOCOL: &str = "/substrate/1.0";

/// What runs on every connection.
#[derive(NetworkBehaviour)]
pub(crate) struct Behaviour {
    limits: connection_limits::Behaviour,
    identify: identify::Behaviour,
    ping: ping::Behaviour,
}

/// A swarm with both transports, bound to nothing yet.
pub(crate) fn swarm(keypair: identity::Keypair, agent: &str) -> Result<Swarm<Behaviour>, NetworkError> {
    let setup = |what: &dyn std::fmt::Display| NetworkError::Setup { reason: what.to_string() };
    let limits = connection_limits::ConnectionLimits::default()
        .with_max_established(Some(MAX_CONNECTIONS))
        .with_max_established_per_peer(Some(MAX_CONNECTIONS_PER_PEER));
    let public = keypair.public();
    let behaviour = Behaviour {
        limits: connection_limits::Behaviour::new(limits),
        identify: identify::Behaviour::new(
            identify::Config::new(IDENTIFY_PROTOCOL.into(), public).with_agent_version(agent.into()),
        ),
        ping: ping::Behaviour::new(ping::Config::new()),
    };
    let options = tcp::Config::default().nodelay(true);
    let over_websocket = {
        let options = options.clone();
        move |keypair: &identity::Keypair| -> Result<_, Box<dyn std::error::Error + Send + Sync>> {
            Ok(websocket::Config::new(tcp::tokio::Transport::new(options))
                .upgrade(Version::V1Lazy)
                .authenticate(noise::Config::new(keypair)?)
                .multiplex(yamux::Config::default()))
        }
    };
    Ok(SwarmBuilder::with_existing_identity(keypair)
        .with_tokio()
        .with_tcp(options, noise::Config::new, yamux::Config::default)
        .map_err(|error| setup(&error))?
        .with_other_transport(over_websocket)
        .map_err(|error| setup(&error))?
        .with_behaviour(|_| behaviour)
        .map_err(|error| setup(&error))?
        .with_swarm_config(|config| config.with_idle_connection_timeout(Duration::from_secs(IDLE_TIMEOUT_S)))
        .build())
}
