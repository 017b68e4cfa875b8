//! Binding addresses (R1 and R2 of the crate).

use crate::NetworkError;
use crate::behaviour::Behaviour;
use crate::shell::Shared;
use futures::StreamExt;
use libp2p::multiaddr::Protocol;
use libp2p::swarm::SwarmEvent;
use libp2p::{Multiaddr, Swarm};
use std::net::SocketAddr;
use std::time::Duration;

/// How long binding one address may take, seconds.
const LISTEN_TIMEOUT_S: u64 = 10;

/// Binds every address, or none that another process has.
pub(crate) async fn all(
    swarm: &mut Swarm<Behaviour>,
    addresses: &[String],
    shared: &Shared,
) -> Result<(), NetworkError> {
    // All before any: a listener for IPv6 would stand in the way of our own for IPv4.
    addresses.iter().try_for_each(|address| check_free(address))?;
    for address in addresses {
        listen(swarm, address, shared).await?;
    }
    Ok(())
}

pub(crate) fn parse(text: &str) -> Result<Multiaddr, NetworkError> {
    let wrong = |error| NetworkError::Address { address: text.to_owned(), reason: format!("{error}") };
    text.parse().map_err(wrong)
}

fn check_free(text: &str) -> Result<(), NetworkError> {
    match socket_address(&parse(text)?) {
        Some(socket) => {
            std::net::TcpListener::bind(socket).map(drop).map_err(|source| NetworkError::bind(text, source))
        }
        None => Ok(()),
    }
}

async fn listen(swarm: &mut Swarm<Behaviour>, text: &str, shared: &Shared) -> Result<(), NetworkError> {
    let id = swarm
        .listen_on(parse(text)?)
        .map_err(|error| NetworkError::Address { address: text.to_owned(), reason: error.to_string() })?;
    let bound = async {
        loop {
            match swarm.select_next_some().await {
                SwarmEvent::NewListenAddr { listener_id, address } => {
                    shared.lock().listeners.insert(address.to_string());
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
