//! Connections: made, lost, dialled; and what Identify and Kademlia tell about addresses.

use super::{Conn, Shell, View, Wanted};
use crate::MAX_CONNECTIONS;
use crate::behaviour::BehaviourEvent;
use crate::event::Link;
use crate::metrics::Traffic;
use crate::outbox::Outbox;
use crate::peers::{Input, MAX_ADDRESSES, Source};
use crate::protocol::Channel;
use crate::streams::{Protocol, StreamEvent};
use libp2p::core::ConnectedPoint;
use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use libp2p::swarm::{ConnectionId, DialError, SwarmEvent};
use libp2p::{Multiaddr, PeerId, identify, kad};
use std::sync::Arc;

/// The longest version string that is shown.
const MAX_AGENT_BYTES: usize = 128;

impl Shell {
    pub(super) fn on_swarm(&mut self, event: SwarmEvent<BehaviourEvent>) {
        match event {
            SwarmEvent::NewListenAddr { address, .. } => {
                self.shared.lock().listeners.insert(address.to_string());
            }
            SwarmEvent::ExpiredListenAddr { address, .. } => {
                self.shared.lock().listeners.remove(&address.to_string());
            }
            SwarmEvent::ConnectionEstablished { peer_id, connection_id, endpoint, .. } => {
                self.on_connected(peer_id, connection_id, &endpoint);
            }
            SwarmEvent::ConnectionClosed { peer_id, connection_id, num_established, .. } => {
                self.on_disconnected(peer_id, connection_id, num_established);
            }
            SwarmEvent::OutgoingConnectionError { peer_id: Some(peer), error, .. } => {
                self.step(Input::DialFailed(peer, &reason(&error)));
            }
            SwarmEvent::Behaviour(BehaviourEvent::Streams((connection, event))) => {
                self.on_stream(connection, event);
            }
            SwarmEvent::Behaviour(BehaviourEvent::Identify(identify::Event::Received {
                peer_id,
                info,
                ..
            })) => self.on_identified(peer_id, info),
            SwarmEvent::Behaviour(BehaviourEvent::Kad(event)) => self.on_kad(event),
            SwarmEvent::ListenerError { error, .. } => {
                tracing::warn!(target: "sub-libp2p", "a listener failed: {error}");
            }
            _ => {}
        }
    }

    pub(super) fn dial(&mut self, peer: PeerId, addresses: &[String]) {
        let addresses: Vec<Multiaddr> = addresses.iter().filter_map(|one| one.parse().ok()).collect();
        let options = DialOpts::peer_id(peer)
            .addresses(addresses)
            .condition(PeerCondition::DisconnectedAndNotDialing)
            .build();
        if let Err(error) = self.swarm.dial(options) {
            // Under way already: its outcome will be told.
            if !matches!(error, DialError::DialPeerConditionFalse(_)) || !self.swarm.is_connected(&peer) {
                self.step(Input::DialFailed(peer, &reason(&error)));
            }
        }
    }

    fn on_connected(&mut self, peer: PeerId, id: ConnectionId, endpoint: &ConnectedPoint) {
        let link = Link(self.number());
        let inbound = endpoint.is_listener();
        let address = endpoint.get_remote_address().to_string();
        let now_ms = self.shared.now_ms();
        self.shared.counters.opened(inbound);
        let traffic = Arc::new(Traffic::new(self.shared.counters.clone()));
        let outboxes = Arc::new(Channel::ALL.map(|channel| Arc::new(Outbox::new(channel))));
        let context = self.context(traffic.clone());
        let conn = Conn {
            peer,
            id,
            inbound,
            since_ms: now_ms,
            is_open: false,
            is_light: false,
            is_closing: false,
            sides: Default::default(),
            outboxes: outboxes.clone(),
            context,
        };
        let others = self.links_of(&peer);
        self.links.insert(id, link);
        self.conns.insert(link, conn);
        tracing::debug!(target: "sub-libp2p", "connected to {peer} at {address}");
        let kept_out = self.shared.lock().peers.banned(now_ms, &peer);
        if let Some(refusal) = kept_out {
            tracing::debug!(target: "sub-libp2p", "{peer} is kept out: {refusal}");
            return self.close(link);
        }
        for other in others {
            if !self.is_better(link, other) {
                let kept = self.conns.get(&other).is_some_and(|conn| conn.inbound);
                self.step(Input::Connected(peer, kept));
                return self.close(link);
            }
            self.close(other);
        }
        self.step(Input::Connected(peer, inbound));
        let agent = None;
        let view = View { link, is_open: false, address, agent, traffic, outboxes };
        self.shared.lock().views.insert(peer, view);
        if !inbound && self.shared.lock().peers.admit(now_ms, &peer, false, false).is_ok() {
            self.open(link, Channel::BlockAnnounces);
        }
        self.drop_strangers();
    }

    /// Whether a new connection is kept and an old one given up (R2 of the shell).
    fn is_better(&self, new: Link, old: Link) -> bool {
        let (Some(new), Some(old)) = (self.conns.get(&new), self.conns.get(&old)) else { return true };
        let dialled_by_lower = |conn: &Conn| conn.inbound == (conn.peer < self.own);
        old.is_closing || new.inbound == old.inbound || dialled_by_lower(new)
    }

    /// R3 of the shell.
    fn drop_strangers(&mut self) {
        let is_stranger = |conn: &Conn| {
            !conn.is_open && !conn.is_closing && !self.shared.lock().peers.is_reserved(&conn.peer)
        };
        let strangers: Vec<(u64, Link)> = self
            .conns
            .iter()
            .filter(|(_, conn)| is_stranger(conn))
            .map(|(link, conn)| (conn.since_ms, *link))
            .collect();
        let is_crowded = self.conns.len() > MAX_CONNECTIONS as usize - 16;
        let most = if is_crowded { super::MAX_STRANGERS / 2 } else { super::MAX_STRANGERS };
        if let Some((_, oldest)) = strangers.iter().min().filter(|_| strangers.len() > most) {
            self.close(*oldest);
        }
    }

    fn on_disconnected(&mut self, peer: PeerId, id: ConnectionId, left: u32) {
        self.shared.counters.closed();
        let Some(link) = self.links.remove(&id) else { return };
        self.end(link);
        self.conns.remove(&link);
        let mut state = self.shared.lock();
        if state.views.get(&peer).is_some_and(|view| view.link == link) {
            state.views.remove(&peer);
        }
        drop(state);
        if left == 0 {
            self.step(Input::Disconnected(peer));
            tracing::debug!(target: "sub-libp2p", "disconnected from {peer}");
        }
    }

    fn on_stream(&mut self, connection: ConnectionId, event: StreamEvent) {
        let Some(link) = self.links.get(&connection).copied() else { return };
        let Some(conn) = self.conns.get(&link).filter(|conn| !conn.is_closing) else { return };
        match event {
            StreamEvent::Inbound { protocol: Protocol::Channel(channel), stream } => {
                self.on_channel_offered(link, channel, stream);
            }
            StreamEvent::Inbound { protocol: Protocol::Method(method), stream } => {
                self.on_request_opened(link, method, stream);
            }
            StreamEvent::Excess { count } => {
                let peer = conn.peer;
                let cost = count.saturating_mul(super::channels::EXCESS_COST);
                self.broke(peer, "too many substreams", cost);
            }
            StreamEvent::Outbound { token, result } => match self.wanted.remove(&token) {
                Some(Wanted::Channel(link, channel)) => {
                    self.on_channel_opened(link, channel, token, result);
                }
                Some(Wanted::Request(key)) => self.on_ask_opened(key, result),
                None => {}
            },
        }
    }

    fn on_identified(&mut self, peer: PeerId, info: identify::Info) {
        let agent: String =
            info.agent_version.chars().filter(|c| !c.is_control()).take(MAX_AGENT_BYTES).collect();
        if let Some(view) = self.shared.lock().views.get_mut(&peer) {
            view.agent = Some(agent);
        }
        // Who does not speak this chain's Kademlia is on another chain.
        if !info.protocols.iter().any(|name| name.as_ref() == self.kad_name) {
            return;
        }
        for address in info.listen_addrs.into_iter().take(MAX_ADDRESSES) {
            self.learn(peer, &address);
        }
    }

    fn learn(&mut self, peer: PeerId, address: &Multiaddr) {
        if peer == self.own || !self.shared.lock().peers.trusts_told_addresses() {
            return;
        }
        self.swarm.behaviour_mut().kad.add_address(&peer, address.clone());
        self.step(Input::Learned(peer, address.to_string(), Source::Gossip));
    }

    fn on_kad(&mut self, event: kad::Event) {
        let kad::Event::OutboundQueryProgressed { result, .. } = event else { return };
        let found = match result {
            kad::QueryResult::GetClosestPeers(Ok(found)) => found.peers,
            _ => return,
        };
        for peer in found {
            for address in peer.addrs.iter().take(MAX_ADDRESSES) {
                self.learn(peer.peer_id, address);
            }
        }
    }
}

fn reason(error: &DialError) -> String {
    match error {
        DialError::WrongPeerId { obtained, address } => {
            format!("{address} is {obtained}")
        }
        DialError::NoAddresses => "no address is known".into(),
        DialError::LocalPeerId { address } => format!("{address} is this node"),
        DialError::Transport(failures) => {
            let reasons: Vec<String> =
                failures.iter().take(2).map(|(address, error)| format!("{address}: {error}")).collect();
            reasons.join("; ")
        }
        other => other.to_string(),
    }
}
