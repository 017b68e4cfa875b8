//! How many connections one address may make, so that a stranger with many sockets does not keep others out.
//!
//! Rules:
//! * R1 Of one address at most [`MAX_PENDING_PER_ADDRESS`] connections shake hands and [`MAX_OPEN_PER_ADDRESS`] stay. An
//!   IPv6 address counts by its first 64 bits, which is what one customer gets.
//! * R2 Only connections that others make count.

use libp2p::core::Endpoint;
use libp2p::core::transport::PortUse;
use libp2p::multiaddr::Protocol;
use libp2p::swarm::{
    ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, THandler, THandlerInEvent, THandlerOutEvent,
    ToSwarm, dummy,
};
use libp2p::{Multiaddr, PeerId};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::IpAddr;
use std::task::{Context, Poll};

/// R1.
pub(crate) const MAX_PENDING_PER_ADDRESS: usize = 16;
/// R1.
pub(crate) const MAX_OPEN_PER_ADDRESS: usize = 64;

/// R1.
#[derive(Debug, thiserror::Error)]
#[error("too many connections from {0}")]
struct TooMany(IpAddr);

/// The behaviour.
#[derive(Default)]
pub(crate) struct Doors {
    pending: BTreeMap<ConnectionId, IpAddr>,
    open: BTreeMap<ConnectionId, IpAddr>,
}

/// The address as it is counted.
fn origin(address: &Multiaddr) -> Option<IpAddr> {
    match address.iter().next()? {
        Protocol::Ip4(ip) => Some(ip.into()),
        Protocol::Ip6(ip) => {
            let prefix = u128::from(ip) & (u128::from(u64::MAX) << 64);
            Some(ip.to_ipv4_mapped().map_or_else(|| IpAddr::V6(prefix.into()), IpAddr::V4))
        }
        _ => None,
    }
}

fn enter(
    room: &mut BTreeMap<ConnectionId, IpAddr>,
    most: usize,
    id: ConnectionId,
    address: &Multiaddr,
) -> Result<(), ConnectionDenied> {
    let Some(ip) = origin(address) else { return Ok(()) };
    if room.values().filter(|one| **one == ip).count() >= most {
        return Err(ConnectionDenied::new(TooMany(ip)));
    }
    room.insert(id, ip);
    Ok(())
}

impl NetworkBehaviour for Doors {
    type ConnectionHandler = dummy::ConnectionHandler;
    type ToSwarm = Infallible;

    fn handle_pending_inbound_connection(
        &mut self,
        id: ConnectionId,
        _: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<(), ConnectionDenied> {
        enter(&mut self.pending, MAX_PENDING_PER_ADDRESS, id, remote)
    }

    fn handle_established_inbound_connection(
        &mut self,
        id: ConnectionId,
        _: PeerId,
        _: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.pending.remove(&id);
        enter(&mut self.open, MAX_OPEN_PER_ADDRESS, id, remote)?;
        Ok(dummy::ConnectionHandler)
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        _: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(dummy::ConnectionHandler)
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        let left = match event {
            // Also when another behaviour refused what this one had let in.
            FromSwarm::ListenFailure(failure) => failure.connection_id,
            FromSwarm::ConnectionClosed(closed) => closed.connection_id,
            _ => return,
        };
        self.pending.remove(&left);
        self.open.remove(&left);
    }

    fn on_connection_handler_event(&mut self, _: PeerId, _: ConnectionId, event: THandlerOutEvent<Self>) {
        match event {}
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Multiaddr {
        text.parse().expect("a multiaddress")
    }

    fn knock(doors: &mut Doors, n: usize, from: &str) -> bool {
        let local = address("/ip4/127.0.0.1/tcp/1");
        doors
            .handle_pending_inbound_connection(ConnectionId::new_unchecked(n), &local, &address(from))
            .is_ok()
    }

    fn come_in(doors: &mut Doors, n: usize, from: &str) -> bool {
        let (id, local) = (ConnectionId::new_unchecked(n), address("/ip4/127.0.0.1/tcp/1"));
        doors.handle_established_inbound_connection(id, somebody(), &local, &address(from)).is_ok()
    }

    fn somebody() -> PeerId {
        PeerId::from(libp2p::identity::Keypair::ed25519_from_bytes([1; 32]).expect("32 bytes").public())
    }

    #[test]
    fn r1_pending_handshakes_are_bounded_by_address() {
        let mut doors = Doors::default();
        for n in 0..MAX_PENDING_PER_ADDRESS {
            assert!(knock(&mut doors, n, "/ip4/10.0.0.1/tcp/1"), "{n}");
        }
        assert!(!knock(&mut doors, 100, "/ip4/10.0.0.1/tcp/2"));
        assert!(knock(&mut doors, 101, "/ip4/10.0.0.2/tcp/1"), "another address");
        // Who is through makes room.
        assert!(come_in(&mut doors, 0, "/ip4/10.0.0.1/tcp/1"));
        assert!(knock(&mut doors, 102, "/ip4/10.0.0.1/tcp/3"));
    }

    #[test]
    fn r1_open_connections_are_bounded_by_address() {
        let mut doors = Doors::default();
        for n in 0..MAX_OPEN_PER_ADDRESS {
            assert!(come_in(&mut doors, n, "/ip6/2001:db8::1/tcp/1"), "{n}");
        }
        assert!(!come_in(&mut doors, 100, "/ip6/2001:db8::ffff/tcp/1"), "the same 64 bits");
        assert!(come_in(&mut doors, 101, "/ip6/2001:db8:0:1::1/tcp/1"));
    }

    #[test]
    fn r1_a_mapped_address_is_an_ipv4_address() {
        let mapped = origin(&address("/ip6/::ffff:10.0.0.1/tcp/1"));
        assert_eq!(mapped, origin(&address("/ip4/10.0.0.1/tcp/9")));
    }
}
