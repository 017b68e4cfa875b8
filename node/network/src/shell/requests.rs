//! Requests in both directions.
//!
//! Rules:
//! * R1 At most [`MAX_ASKS_PER_LINK`] requests wait for one peer; further ones are answered at once as busy. Of one method
//!   no more are under way than a peer keeps substreams of, less [`MARGIN`] that it may not have closed yet; the rest wait
//!   their turn.
//! * R2 An ask leaves the table exactly when its answer is told, so it is told once; closing a link tells the rest.
//! * R3 Requests beyond a peer's rate, or beyond what is served at a time, are refused by dropping the substream.
//! * R4 Neighbours are asked and told inside this crate. What a peer tells has at most
//!   [`MAX_NEIGHBOURS`](crate::overlay::MAX_NEIGHBOURS) ids.

use super::{Shell, Wanted};
use crate::budget::Permit;
use crate::event::{Event, Link, RequestError};
use crate::overlay::MAX_NEIGHBOURS;
use crate::peers::Lane;
use crate::protocol::Method;
use crate::streams::{OpenError, Protocol, Substream, inbound_max};
use crate::task::{self, Task};
use crate::wire::neighbours;
use libp2p::PeerId;
use tokio::sync::oneshot;

/// R1.
const MAX_ASKS_PER_LINK: usize = 64;
/// R1.
const MARGIN: usize = 2;
/// How often neighbours are asked for theirs.
pub(super) const SURVEY_INTERVAL_MS: u64 = 15_000;
/// What a malformed list of neighbours costs.
const MALFORMED_COST: u32 = 200;

/// A request that waits for its answer.
pub(super) struct Ask {
    link: Link,
    method: Method,
    /// Until the substream is there.
    bytes: Option<Vec<u8>>,
    /// R1: its substream was asked for.
    is_under_way: bool,
    task: Option<Task>,
    /// R4.
    is_internal: bool,
}

/// The node's numbers and our own, apart.
const fn key(request: u64, is_internal: bool) -> u64 {
    request << 1 | is_internal as u64
}

impl Shell {
    pub(super) fn ask(
        &mut self,
        link: Link,
        request: u64,
        method: Method,
        bytes: Vec<u8>,
        is_internal: bool,
    ) {
        let waiting = self.asks.values().filter(|ask| ask.link == link).count();
        let is_open = self.conns.get(&link).is_some_and(|conn| conn.is_open);
        let problem = if !is_open {
            Some(RequestError::Gone)
        } else if waiting >= MAX_ASKS_PER_LINK {
            Some(RequestError::Busy)
        } else {
            (bytes.len() > method.max_request_bytes()).then_some(RequestError::TooLarge)
        };
        let key = key(request, is_internal);
        let ask = Ask { link, method, bytes: Some(bytes), is_under_way: false, task: None, is_internal };
        self.asks.insert(key, ask);
        match problem {
            None => self.ask_next(link, method),
            Some(problem) => self.tell(key, Err(problem), Permit::default()),
        }
    }

    /// R1: opens substreams for those that wait, as far as there is room.
    fn ask_next(&mut self, link: Link, method: Method) {
        let Some(conn) = self.conns.get(&link).filter(|conn| conn.is_open) else { return };
        let (peer, id) = (conn.peer, conn.id);
        let protocol = Protocol::Method(method);
        let own = || self.asks.iter().filter(|(_, ask)| ask.link == link && ask.method == method);
        let under_way = own().filter(|(_, ask)| ask.is_under_way).count();
        let room = inbound_max(protocol).saturating_sub(MARGIN).saturating_sub(under_way);
        let next: Vec<u64> =
            own().filter(|(_, ask)| !ask.is_under_way).map(|(key, _)| *key).take(room).collect();
        for key in next {
            let token = self.number();
            self.wanted.insert(token, Wanted::Request(key));
            self.swarm.behaviour_mut().streams.open(peer, id, protocol, token);
            if let Some(ask) = self.asks.get_mut(&key) {
                ask.is_under_way = true;
            }
        }
    }

    pub(super) fn on_ask_opened(&mut self, key: u64, result: Result<Substream, OpenError>) {
        let Some(ask) = self.asks.get_mut(&key) else { return };
        let Some(context) = self.conns.get(&ask.link).map(|conn| conn.context.clone()) else { return };
        match (result, ask.bytes.take()) {
            (Ok(stream), Some(bytes)) => {
                ask.task = Some(Task::spawn(task::ask(context, key, ask.method, stream, bytes)));
            }
            (Err(OpenError::Unsupported), _) => {
                self.tell(key, Err(RequestError::Unsupported), Permit::default());
            }
            _ => self.tell(key, Err(RequestError::Timeout), Permit::default()),
        }
    }

    pub(super) fn on_answered(&mut self, key: u64, result: Result<Vec<u8>, RequestError>, permit: Permit) {
        self.tell(key, result, permit);
    }

    /// R2.
    fn tell(&mut self, key: u64, result: Result<Vec<u8>, RequestError>, permit: Permit) {
        let Some(ask) = self.asks.remove(&key) else { return };
        if ask.is_internal {
            if let Ok(bytes) = result {
                self.on_neighbours(ask.link, &bytes);
            }
            return self.ask_next(ask.link, ask.method);
        }
        let event = Event::Response { link: ask.link, request: key >> 1, result };
        self.out.push_back((event, permit));
        self.ask_next(ask.link, ask.method);
    }

    /// R2.
    pub(super) fn answer_all(&mut self, link: Link) {
        let left: Vec<u64> =
            self.asks.iter().filter(|(_, ask)| ask.link == link).map(|(key, _)| *key).collect();
        for key in left {
            self.tell(key, Err(RequestError::Gone), Permit::default());
        }
    }

    /// A peer opened a substream for a request.
    pub(super) fn on_request_opened(&mut self, link: Link, method: Method, stream: Substream) {
        let Some(context) = self.conns.get(&link).map(|conn| conn.context.clone()) else { return };
        // R3.
        let Ok(place) = self.serving.clone().try_acquire_owned() else { return };
        tokio::spawn(async move {
            task::serve(context, link, method, stream).await;
            drop(place);
        });
    }

    pub(super) fn on_asked(
        &mut self,
        link: Link,
        method: Method,
        bytes: Vec<u8>,
        permit: Permit,
        answer: oneshot::Sender<Vec<u8>>,
    ) {
        let Some(conn) = self.conns.get(&link).filter(|conn| !conn.is_closing) else { return };
        let (peer, is_open) = (conn.peer, conn.is_open);
        let now_ms = self.shared.now_ms();
        let arrived = self.shared.lock().peers.arrived(now_ms, &peer, Lane::Method(method), bytes.len());
        if let Err(effects) = arrived {
            return self.act(effects);
        }
        if method == Method::Overlay {
            let list: Vec<PeerId> = self.full_peers().into_iter().map(|(_, peer)| peer).collect();
            // A peer that went away needs no answer.
            let _gone = answer.send(neighbours::encode(&list));
            return;
        }
        let link = is_open.then_some(link);
        self.out.push_back((Event::Request { link, peer: peer.to_base58(), method, bytes, answer }, permit));
    }

    /// R4.
    fn on_neighbours(&mut self, link: Link, bytes: &[u8]) {
        let Some(peer) = self.conns.get(&link).filter(|conn| conn.is_open).map(|conn| conn.peer) else {
            return;
        };
        match neighbours::decode(bytes, MAX_NEIGHBOURS) {
            Some(list) => {
                self.overlay.set(peer, list);
                self.measure();
            }
            None => self.broke(peer, "malformed list of neighbours", MALFORMED_COST),
        }
    }
}
