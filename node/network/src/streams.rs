//! Raw substreams of our protocols, in and out, for every connection.
//!
//! libp2p negotiates a protocol; what then runs on the substream is a task of its own (`channel`, `request`). This
//! behaviour only hands substreams over.
//!
//! Rules:
//! * R1 At most [`inbound_max`] substreams of one protocol that a peer opened are alive on a connection; further ones are
//!   dropped unread, and counted.
//! * R2 Every substream that was asked for is answered once, unless its connection closes first.

use crate::protocol::{Channel, Method};
use futures::{AsyncRead, AsyncWrite};
use libp2p::core::Endpoint;
use libp2p::core::transport::PortUse;
use libp2p::core::upgrade::{InboundUpgrade, ReadyUpgrade, UpgradeInfo};
use libp2p::swarm::handler::{
    ConnectionEvent, DialUpgradeError, FullyNegotiatedInbound, FullyNegotiatedOutbound,
};
use libp2p::swarm::{
    ConnectionDenied, ConnectionHandler, ConnectionHandlerEvent, ConnectionId, FromSwarm, NetworkBehaviour,
    NotifyHandler, StreamProtocol, StreamUpgradeError, SubstreamProtocol, THandler, THandlerInEvent,
    THandlerOutEvent, ToSwarm,
};
use libp2p::{Multiaddr, PeerId, Stream};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// How long the negotiation of a substream may take, seconds.
const NEGOTIATION_TIMEOUT_S: u64 = 10;

/// What a substream is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// Notifications.
    Channel(Channel),
    /// One request.
    Method(Method),
}

/// Substreams of a protocol that a peer may have open towards us on one connection. A channel has one, and one that takes
/// its place while the old one closes.
pub(crate) const fn inbound_max(protocol: Protocol) -> usize {
    match protocol {
        Protocol::Channel(_) => 2,
        Protocol::Method(Method::Chunks) => 16,
        Protocol::Method(_) => 8,
    }
}

/// The protocols and their names on this chain.
pub(crate) struct Names(Vec<(Protocol, StreamProtocol)>);

impl Names {
    /// None when a name is none that libp2p takes, which a fork id can cause.
    pub(crate) fn new(name: impl Fn(&str) -> String) -> Option<Self> {
        let channels = Channel::ALL.into_iter().map(|channel| (Protocol::Channel(channel), channel.name()));
        let methods = Method::ALL.into_iter().map(|method| (Protocol::Method(method), method.name()));
        let named = channels.chain(methods).map(|(protocol, suffix)| {
            StreamProtocol::try_from_owned(name(suffix)).ok().map(|name| (protocol, name))
        });
        named.collect::<Option<_>>().map(Self)
    }

    fn get(&self, protocol: Protocol) -> Option<StreamProtocol> {
        self.0.iter().find(|(one, _)| *one == protocol).map(|(_, name)| name.clone())
    }

    fn position(&self, name: &StreamProtocol) -> Option<usize> {
        self.0.iter().position(|(_, one)| one == name)
    }
}

/// A substream; the guard counts it until it is dropped (R1).
pub(crate) struct Substream {
    stream: Stream,
    _guard: Option<Arc<()>>,
}

impl std::fmt::Debug for Substream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Substream")
    }
}

impl AsyncRead for Substream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Substream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_close(cx)
    }
}

/// Why no substream could be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OpenError {
    /// The peer does not know the protocol.
    Unsupported,
    /// It took too long, or the connection broke.
    Failed,
}

/// What happened on a connection.
#[derive(Debug)]
pub(crate) enum StreamEvent {
    /// The peer opened a substream.
    Inbound { protocol: Protocol, stream: Substream },
    /// R1: it opened so many too many since the last such event.
    Excess { count: u32 },
    /// R2.
    Outbound { token: u64, result: Result<Substream, OpenError> },
}

/// An order to open a substream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Open {
    protocol: Protocol,
    token: u64,
}

/// The behaviour.
pub(crate) struct Streams {
    names: Arc<Names>,
    queue: VecDeque<ToSwarm<(ConnectionId, StreamEvent), Open>>,
    waker: Option<Waker>,
}

impl Streams {
    pub(crate) fn new(names: Names) -> Self {
        Self { names: Arc::new(names), queue: VecDeque::new(), waker: None }
    }

    /// Opens a substream; `token` comes back with it.
    pub(crate) fn open(&mut self, peer_id: PeerId, connection: ConnectionId, protocol: Protocol, token: u64) {
        self.push(ToSwarm::NotifyHandler {
            peer_id,
            handler: NotifyHandler::One(connection),
            event: Open { protocol, token },
        });
    }

    fn push(&mut self, event: ToSwarm<(ConnectionId, StreamEvent), Open>) {
        self.queue.push_back(event);
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    fn handler(&self) -> Handler {
        Handler {
            live: self.names.0.iter().map(|_| Arc::new(())).collect(),
            excess: 0,
            names: self.names.clone(),
            queue: VecDeque::new(),
            waker: None,
        }
    }
}

impl NetworkBehaviour for Streams {
    type ConnectionHandler = Handler;
    type ToSwarm = (ConnectionId, StreamEvent);

    fn handle_established_inbound_connection(
        &mut self,
        _: ConnectionId,
        _: PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(self.handler())
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        _: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(self.handler())
    }

    fn on_swarm_event(&mut self, _: FromSwarm<'_>) {}

    fn on_connection_handler_event(
        &mut self,
        _: PeerId,
        connection: ConnectionId,
        event: THandlerOutEvent<Self>,
    ) {
        self.push(ToSwarm::GenerateEvent((connection, event)));
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        match self.queue.pop_front() {
            Some(event) => Poll::Ready(event),
            None => {
                self.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

type ToBehaviour = ConnectionHandlerEvent<ReadyUpgrade<StreamProtocol>, u64, StreamEvent>;

/// One connection's side of [`Streams`].
pub(crate) struct Handler {
    names: Arc<Names>,
    /// For each protocol the guard of its inbound substreams.
    live: Vec<Arc<()>>,
    /// R1: how many were too many.
    excess: u32,
    queue: VecDeque<ToBehaviour>,
    waker: Option<Waker>,
}

impl Handler {
    fn push(&mut self, event: ToBehaviour) {
        self.queue.push_back(event);
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    fn inbound(&mut self, stream: Stream, name: &StreamProtocol) {
        let Some(place) = self.names.position(name) else { return };
        let (Some((protocol, _)), Some(guard)) = (self.names.0.get(place), self.live.get(place)) else {
            return;
        };
        let protocol = *protocol;
        // One of the count is our own.
        if Arc::strong_count(guard) > inbound_max(protocol) {
            self.excess = self.excess.saturating_add(1);
            if let Some(waker) = self.waker.take() {
                waker.wake();
            }
            return;
        }
        let stream = Substream { stream, _guard: Some(guard.clone()) };
        self.push(ConnectionHandlerEvent::NotifyBehaviour(StreamEvent::Inbound { protocol, stream }));
    }

    fn outbound(&mut self, token: u64, result: Result<Stream, OpenError>) {
        let result = result.map(|stream| Substream { stream, _guard: None });
        self.push(ConnectionHandlerEvent::NotifyBehaviour(StreamEvent::Outbound { token, result }));
    }
}

impl ConnectionHandler for Handler {
    type FromBehaviour = Open;
    type ToBehaviour = StreamEvent;
    type InboundProtocol = Listen;
    type OutboundProtocol = ReadyUpgrade<StreamProtocol>;
    type InboundOpenInfo = ();
    type OutboundOpenInfo = u64;

    fn listen_protocol(&self) -> SubstreamProtocol<Self::InboundProtocol> {
        SubstreamProtocol::new(Listen(self.names.clone()), ())
            .with_timeout(Duration::from_secs(NEGOTIATION_TIMEOUT_S))
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ToBehaviour> {
        if let Some(event) = self.queue.pop_front() {
            return Poll::Ready(event);
        }
        if self.excess > 0 {
            let event = StreamEvent::Excess { count: std::mem::take(&mut self.excess) };
            return Poll::Ready(ConnectionHandlerEvent::NotifyBehaviour(event));
        }
        self.waker = Some(cx.waker().clone());
        Poll::Pending
    }

    fn on_behaviour_event(&mut self, Open { protocol, token }: Open) {
        match self.names.get(protocol) {
            Some(name) => {
                let protocol = SubstreamProtocol::new(ReadyUpgrade::new(name), token)
                    .with_timeout(Duration::from_secs(NEGOTIATION_TIMEOUT_S));
                self.push(ConnectionHandlerEvent::OutboundSubstreamRequest { protocol });
            }
            None => self.outbound(token, Err(OpenError::Unsupported)),
        }
    }

    fn on_connection_event(
        &mut self,
        event: ConnectionEvent<'_, Self::InboundProtocol, Self::OutboundProtocol, (), u64>,
    ) {
        match event {
            ConnectionEvent::FullyNegotiatedInbound(FullyNegotiatedInbound {
                protocol: (stream, name),
                ..
            }) => {
                self.inbound(stream, &name);
            }
            ConnectionEvent::FullyNegotiatedOutbound(FullyNegotiatedOutbound { protocol, info }) => {
                self.outbound(info, Ok(protocol));
            }
            ConnectionEvent::DialUpgradeError(DialUpgradeError { info, error }) => {
                let error = match error {
                    StreamUpgradeError::NegotiationFailed => OpenError::Unsupported,
                    _ => OpenError::Failed,
                };
                self.outbound(info, Err(error));
            }
            _ => {}
        }
    }
}

/// Accepts every protocol and says which one it was.
pub(crate) struct Listen(Arc<Names>);

impl UpgradeInfo for Listen {
    type Info = StreamProtocol;
    type InfoIter = std::vec::IntoIter<StreamProtocol>;

    fn protocol_info(&self) -> Self::InfoIter {
        self.0.0.iter().map(|(_, name)| name.clone()).collect::<Vec<_>>().into_iter()
    }
}

impl InboundUpgrade<Stream> for Listen {
    type Output = (Stream, StreamProtocol);
    type Error = Infallible;
    type Future = Ready<Result<Self::Output, Infallible>>;

    fn upgrade_inbound(self, stream: Stream, name: StreamProtocol) -> Self::Future {
        ready(Ok((stream, name)))
    }
}
