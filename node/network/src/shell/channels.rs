//! Notification channels: which substreams exist, and when a channel is open.
//!
//! Each direction has a substream of its own. A peer's opens with its handshake and is accepted with ours (*incoming*);
//! ours the other way round (*outgoing*).
//!
//! Rules:
//! * R1 Block announces are open when both directions are accepted, each with a handshake of this chain; then the link is.
//! * R2 The other channels open when the link is open and the peer accepted our direction. What the peer offers before
//!   waits for the link, as long as a handshake may take.
//! * R3 What the peer offers is answered by opening our direction. Without an offer the node opens every channel of an
//!   open link itself; to light clients those only that light clients know.
//! * R4 When one direction ends, both do. Without block announces the connection is closed.
//! * R5 A channel that closed is opened again after [`REOPEN_MS`], twice as long each time that it did not open at all; one
//!   that the peer does not know only when it offers it.
//! * R6 Notifications are read only while their channel is open.
//! * R7 Block announces that are half open for [`HALF_OPEN_MS`] are given up.
//! * R8 A peer that reads block announces too slowly for its queue is closed.

use super::{Conn, Shell, Wanted};
use crate::budget::Permit;
use crate::event::{Event, Link};
use crate::peers::{Input, Lane};
use crate::protocol::Channel;
use crate::streams::{OpenError, Protocol, Substream};
use crate::task::{self, Accept, Place, Task};
use crate::wire::handshake::Handshake;
use std::sync::PoisonError;
use tokio::sync::oneshot;

/// What a violation of the framing costs: the third in short time bans.
pub(super) const VIOLATION_COST: u32 = 400;
/// What a substream too many costs.
pub(super) const EXCESS_COST: u32 = 5;
/// R5.
const REOPEN_MS: u64 = 5_000;
/// Why block announces ended before they were open.
const NOT_ACCEPTED: &str = "it did not accept this node as a peer";
/// R7.
const HALF_OPEN_MS: u64 = 20_000;

/// The two substreams of one channel.
#[derive(Default)]
pub(super) struct Side {
    outgoing: Outgoing,
    incoming: Incoming,
    is_open: bool,
    since_ms: u64,
    /// R5; none: never by ourselves.
    reopen_ms: Option<u64>,
    /// R5: closed so many times without having been open.
    failures: u32,
}

#[derive(Default)]
enum Outgoing {
    #[default]
    None,
    Asked(u64),
    Running {
        serial: u64,
        /// The peer's handshake, once it accepted.
        handshake: Option<Vec<u8>>,
        _task: Task,
    },
}

#[derive(Default)]
enum Incoming {
    #[default]
    None,
    Running {
        serial: u64,
        state: Offer,
        _task: Task,
    },
}

enum Offer {
    /// The handshake is not there yet.
    Reading,
    /// R2.
    Waiting(oneshot::Sender<Accept>),
    /// Accepted; what lets it read, until it reads.
    Accepted(Option<oneshot::Sender<()>>),
}

impl Side {
    fn incoming(&mut self, serial: u64) -> Option<&mut Offer> {
        match &mut self.incoming {
            Incoming::Running { serial: own, state, .. } if *own == serial => Some(state),
            _ => None,
        }
    }

    fn accepted(&self) -> Option<&[u8]> {
        match &self.outgoing {
            Outgoing::Running { handshake, .. } => handshake.as_deref(),
            _ => None,
        }
    }

    fn is_incoming_accepted(&self) -> bool {
        matches!(self.incoming, Incoming::Running { state: Offer::Accepted(_), .. })
    }

    fn let_read(&mut self) {
        if let Incoming::Running { state: Offer::Accepted(go), .. } = &mut self.incoming {
            // A task that is gone needs no leave.
            let _gone = go.take().map(|go| go.send(()));
        }
    }

    fn is_half_open(&self) -> bool {
        let is_idle = matches!(self.outgoing, Outgoing::None) && matches!(self.incoming, Incoming::None);
        !self.is_open && !is_idle
    }
}

/// R3: what light clients know.
const fn is_for(channel: Channel, light: bool) -> bool {
    !light || matches!(channel, Channel::BlockAnnounces | Channel::Transactions | Channel::Grandpa)
}

impl Shell {
    fn side(&mut self, link: Link, channel: Channel) -> Option<&mut Side> {
        let conn = self.conns.get_mut(&link).filter(|conn| !conn.is_closing)?;
        conn.sides.get_mut(channel.index())
    }

    fn our_handshake(&self, channel: Channel) -> Vec<u8> {
        let head = self.shared.lock().head;
        match channel {
            Channel::BlockAnnounces => head.encode(),
            _ => vec![head.roles],
        }
    }

    /// Opens our direction, if nothing is under way.
    pub(super) fn open(&mut self, link: Link, channel: Channel) {
        let (token, now_ms) = (self.number(), self.shared.now_ms());
        let Some(conn) = self.conns.get_mut(&link).filter(|conn| !conn.is_closing) else { return };
        let (peer, id) = (conn.peer, conn.id);
        let Some(side) = conn.sides.get_mut(channel.index()) else { return };
        if !matches!(side.outgoing, Outgoing::None) {
            return;
        }
        side.outgoing = Outgoing::Asked(token);
        side.since_ms = now_ms;
        side.reopen_ms = None;
        self.wanted.insert(token, Wanted::Channel(link, channel));
        self.swarm.behaviour_mut().streams.open(peer, id, Protocol::Channel(channel), token);
    }

    /// Our direction is negotiated, or is not.
    pub(super) fn on_channel_opened(
        &mut self,
        link: Link,
        channel: Channel,
        token: u64,
        result: Result<Substream, OpenError>,
    ) {
        let handshake = self.our_handshake(channel);
        let serial = self.number();
        let Some(conn) = self.conns.get_mut(&link).filter(|conn| !conn.is_closing) else { return };
        let (peer, context) = (conn.peer, conn.context.clone());
        let outbox = conn.outboxes[channel.index()].clone();
        let side = &mut conn.sides[channel.index()];
        if !matches!(side.outgoing, Outgoing::Asked(own) if own == token) {
            return;
        }
        match result {
            Ok(stream) => {
                let at = Place { link, channel, serial };
                let task = Task::spawn(task::outbound(context, at, stream, handshake, outbox));
                side.outgoing = Outgoing::Running { serial, handshake: None, _task: task };
            }
            Err(error) => {
                if error == OpenError::Unsupported && channel == Channel::BlockAnnounces {
                    let reason = "it does not speak this chain's block announces: another genesis or fork id";
                    self.step(Input::Refused(peer, reason));
                }
                self.close_channel(link, channel, error != OpenError::Unsupported);
            }
        }
    }

    /// The peer opened its direction.
    pub(super) fn on_channel_offered(&mut self, link: Link, channel: Channel, stream: Substream) {
        let (serial, now_ms) = (self.number(), self.shared.now_ms());
        let Some(conn) = self.conns.get_mut(&link).filter(|conn| !conn.is_closing) else { return };
        let context = conn.context.clone();
        let side = &mut conn.sides[channel.index()];
        // One at a time: a second one is dropped.
        if matches!(side.incoming, Incoming::None) {
            let task = Task::spawn(task::inbound(context, Place { link, channel, serial }, stream));
            side.incoming = Incoming::Running { serial, state: Offer::Reading, _task: task };
            side.since_ms = now_ms;
        }
    }

    /// The handshake of the peer's direction has come.
    pub(super) fn on_offered(&mut self, at: Place, handshake: Vec<u8>, accept: oneshot::Sender<Accept>) {
        let Some(conn) = self.conns.get_mut(&at.link).filter(|conn| !conn.is_closing) else { return };
        let (peer, is_open) = (conn.peer, conn.is_open);
        let Some(state) = conn.sides[at.channel.index()].incoming(at.serial) else { return };
        *state = Offer::Waiting(accept);
        if at.channel == Channel::BlockAnnounces {
            match self.judge(at.link, &handshake) {
                Ok(_) => self.accept(at.link, at.channel),
                Err(reason) => {
                    tracing::debug!(target: "sub-libp2p", "{peer} is no peer: {reason}");
                    self.step(Input::Refused(peer, &reason));
                    self.close_channel(at.link, at.channel, false);
                }
            }
        } else if is_open {
            self.accept(at.link, at.channel);
        }
    }

    /// Whether a handshake makes a peer (R1), with the reason if not.
    fn judge(&mut self, link: Link, bytes: &[u8]) -> Result<Handshake, String> {
        let Some(conn) = self.conns.get(&link) else { return Err("the connection is gone".into()) };
        let (peer, inbound) = (conn.peer, conn.inbound);
        let handshake = match Handshake::decode(bytes) {
            Ok(handshake) => handshake,
            Err(error) => {
                self.broke(peer, "malformed handshake", VIOLATION_COST);
                return Err(error.to_string());
            }
        };
        if handshake.genesis != self.genesis {
            return Err(format!(
                "it is of another chain: its genesis is {:?}, ours {:?}",
                handshake.genesis, self.genesis
            ));
        }
        if self.conns.iter().any(|(other, conn)| *other != link && conn.peer == peer && conn.is_open) {
            return Err("another connection with it is open".into());
        }
        let now_ms = self.shared.now_ms();
        let verdict = self.shared.lock().peers.admit(now_ms, &peer, inbound, handshake.is_light());
        verdict.map(|()| handshake).map_err(|refusal| refusal.to_string())
    }

    /// Accepts what waits, and opens our direction (R3).
    fn accept(&mut self, link: Link, channel: Channel) {
        let handshake = self.our_handshake(channel);
        let Some(side) = self.side(link, channel) else { return };
        if let Incoming::Running { state, .. } = &mut side.incoming
            && matches!(state, Offer::Waiting(_))
        {
            let (go, wait) = oneshot::channel();
            if let Offer::Waiting(accept) = std::mem::replace(state, Offer::Accepted(Some(go))) {
                // A task that gave up reports its end.
                let _late = accept.send(Accept { handshake, go: wait });
            }
        }
        self.open(link, channel);
        self.settle(link, channel);
    }

    /// The peer accepted our direction.
    pub(super) fn on_accepted(&mut self, at: Place, answer: Vec<u8>) {
        let Some(side) = self.side(at.link, at.channel) else { return };
        match &mut side.outgoing {
            Outgoing::Running { serial, handshake, .. } if *serial == at.serial => {
                *handshake = Some(answer);
            }
            _ => return,
        }
        self.settle(at.link, at.channel);
    }

    /// Opens the channel if everything is there (R1, R2).
    fn settle(&mut self, link: Link, channel: Channel) {
        let Some(conn) = self.conns.get_mut(&link).filter(|conn| !conn.is_closing) else { return };
        let (peer, is_link_open) = (conn.peer, conn.is_open);
        let side = &mut conn.sides[channel.index()];
        if side.is_open {
            // The peer's direction came second.
            return side.let_read();
        }
        let Some(handshake) = side.accepted().map(<[u8]>::to_vec) else { return };
        if channel == Channel::BlockAnnounces {
            if !side.is_incoming_accepted() {
                return;
            }
            match self.judge(link, &handshake) {
                Ok(handshake) => self.open_link(link, handshake),
                Err(reason) => {
                    self.step(Input::Refused(peer, &reason));
                    self.close(link);
                }
            }
        } else if is_link_open {
            side.is_open = true;
            side.let_read();
            conn.outboxes[channel.index()].open();
            self.emit(Event::ChannelOpened { link, channel, handshake });
        }
    }

    /// R1, then R3.
    fn open_link(&mut self, link: Link, handshake: Handshake) {
        let Some(conn) = self.conns.get_mut(&link) else { return };
        let (peer, inbound, outboxes) = (conn.peer, conn.inbound, conn.outboxes.clone());
        conn.is_open = true;
        conn.is_light = handshake.is_light();
        let announces = Channel::BlockAnnounces;
        let side = &mut conn.sides[announces.index()];
        side.is_open = true;
        side.let_read();
        outboxes[announces.index()].open();
        self.shared.outboxes.write().unwrap_or_else(PoisonError::into_inner).insert(link, outboxes);
        if let Some(view) = self.shared.lock().views.get_mut(&peer).filter(|view| view.link == link) {
            view.is_open = true;
        }
        self.step(Input::Opened(peer, handshake));
        tracing::debug!(target: "sub-libp2p", "{peer} is a peer at #{}", handshake.best_number);
        self.emit(Event::Opened { link, peer: peer.to_base58(), handshake, inbound });
        // The overlay has changed: measure soon.
        self.next_survey_ms = self.next_survey_ms.min(self.shared.now_ms().saturating_add(1_000));
        for channel in Channel::ALL.into_iter().filter(|channel| *channel != announces) {
            let waits = self.side(link, channel).is_some_and(|side| {
                matches!(side.incoming, Incoming::Running { state: Offer::Waiting(_), .. })
            });
            if waits {
                self.accept(link, channel);
            } else if is_for(channel, handshake.is_light()) {
                self.open(link, channel);
            }
        }
    }

    pub(super) fn on_notification(&mut self, at: Place, bytes: Vec<u8>, permit: Permit) {
        let Some(conn) = self.conns.get_mut(&at.link).filter(|conn| !conn.is_closing) else { return };
        let peer = conn.peer;
        let side = &mut conn.sides[at.channel.index()];
        // R6: an earlier substream may have left something behind.
        if !side.is_open || side.incoming(at.serial).is_none() {
            return;
        }
        let now_ms = self.shared.now_ms();
        let lane = Lane::Channel(at.channel);
        let arrived = self.shared.lock().peers.arrived(now_ms, &peer, lane, bytes.len());
        match arrived {
            Ok(()) => {
                let event = Event::Notification { link: at.link, channel: at.channel, bytes };
                self.out.push_back((event, permit));
            }
            Err(effects) => self.act(effects),
        }
    }

    /// R4.
    pub(super) fn on_ended(&mut self, at: Place, inbound: bool, violation: Option<&'static str>) {
        let Some(conn) = self.conns.get_mut(&at.link).filter(|conn| !conn.is_closing) else { return };
        let peer = conn.peer;
        let side = &mut conn.sides[at.channel.index()];
        let is_current = match (&side.outgoing, &side.incoming) {
            (_, Incoming::Running { serial, .. }) if inbound => *serial == at.serial,
            (Outgoing::Running { serial, .. }, _) if !inbound => *serial == at.serial,
            _ => false,
        };
        if let Some(rule) = violation {
            self.broke(peer, rule, VIOLATION_COST);
        }
        if is_current {
            self.close_channel(at.link, at.channel, true);
        }
    }

    /// R4. `again`: whether we try again by ourselves (R5).
    fn close_channel(&mut self, link: Link, channel: Channel, again: bool) {
        let now_ms = self.shared.now_ms();
        let Some(conn) = self.conns.get_mut(&link).filter(|conn| !conn.is_closing) else { return };
        let (peer, inbound, is_link_open) = (conn.peer, conn.inbound, conn.is_open);
        let old = std::mem::take(&mut conn.sides[channel.index()]);
        conn.outboxes[channel.index()].close();
        if channel == Channel::BlockAnnounces {
            if is_link_open {
                self.close(link);
            } else if !inbound {
                // We dialled for a slot and got none.
                if self.shared.lock().peers.record(&peer).is_some_and(|record| record.refusal.is_none()) {
                    self.step(Input::Refused(peer, NOT_ACCEPTED));
                }
                self.close(link);
            } else if matches!(old.outgoing, Outgoing::Running { handshake: None, .. }) {
                self.step(Input::Refused(peer, NOT_ACCEPTED));
            }
            return;
        }
        let failures = if old.is_open { 0 } else { old.failures.saturating_add(1) };
        let wait = REOPEN_MS.saturating_mul(1 << failures.min(6));
        let side = &mut conn.sides[channel.index()];
        side.reopen_ms = again.then(|| now_ms.saturating_add(wait));
        side.failures = failures;
        if old.is_open {
            self.emit(Event::ChannelClosed { link, channel });
        }
    }

    /// R5, R7, R8.
    pub(super) fn tick_channels(&mut self) {
        let now_ms = self.shared.now_ms();
        let announces = Channel::BlockAnnounces.index();
        let is_late = |conn: &Conn| {
            let side = &conn.sides[announces];
            side.is_half_open() && now_ms.saturating_sub(side.since_ms) > HALF_OPEN_MS
        };
        let is_slow = |conn: &Conn| conn.is_open && conn.outboxes[announces].has_overflown();
        let due: Vec<(Link, Channel)> = self
            .conns
            .iter()
            .filter(|(_, conn)| conn.is_open)
            .flat_map(|(link, conn)| {
                let due =
                    |channel: &Channel| conn.sides[channel.index()].reopen_ms.is_some_and(|at| at <= now_ms);
                Channel::ALL.into_iter().filter(due).map(|channel| (*link, channel)).collect::<Vec<_>>()
            })
            .collect();
        let late: Vec<(Link, bool)> = self
            .conns
            .iter()
            .filter(|(_, conn)| !conn.is_closing && (is_late(conn) || is_slow(conn)))
            .map(|(link, conn)| (*link, is_slow(conn)))
            .collect();
        due.into_iter().for_each(|(link, channel)| self.open(link, channel));
        for (link, is_slow) in late {
            if is_slow && let Some(peer) = self.conns.get(&link).map(|conn| conn.peer) {
                self.step(Input::Refused(peer, "it reads block announces too slowly"));
            }
            self.close_channel(link, Channel::BlockAnnounces, true);
        }
    }
}
