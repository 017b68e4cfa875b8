//! Fetching parts, chunk by chunk, from whoever has them (R9 to R13 of the parent).

use super::message::{Key, REQUEST_CHUNKS_MAX};
use super::peers::Peers;
use super::{Effect, Peer, cost};
use crate::cid::ChunkId;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Requests on their way, all peers together: times 768 KiB is the memory for answers.
pub const REQUESTS_MAX: usize = 16;
/// Requests on their way to one peer.
pub const PEER_REQUESTS_MAX: usize = 4;
/// How long an answer may take, milliseconds.
pub const ANSWER_MS: u64 = 15_000;
/// How long a peer that lacked a chunk of a part is not asked for that part, milliseconds.
pub const ABSENT_MS: u64 = 1_000;
/// How long a peer that did not answer is not asked, milliseconds; doubled each time up to [`REST_MS_MAX`].
pub const REST_MS: u64 = 500;
/// Longest rest.
pub const REST_MS_MAX: u64 = 30_000;
/// Parts whose missing chunks are listed at a time.
pub const ACTIVE_MAX: usize = 16;
/// Parts that wait to be fetched; more are not taken.
pub const PARTS_MAX: usize = 1_024;
/// How long a part may get nothing while others wait, milliseconds.
pub const TURN_MS: u64 = 20_000;

/// A part on its way.
#[derive(Debug, Clone, Default)]
struct Part {
    providers: BTreeSet<Key>,
    /// R10: missing and not asked for; `None` before the disk was surveyed.
    missing: Option<VecDeque<ChunkId>>,
    in_flight: usize,
    /// Peers that lacked something, and until when they are not asked.
    absent: BTreeMap<Peer, u64>,
    moved: u64,
    is_active: bool,
}

#[derive(Debug, Clone)]
struct Request {
    peer: Peer,
    part: ChunkId,
    ids: Vec<ChunkId>,
    sent: u64,
}

/// How a peer behaves.
#[derive(Debug, Clone, Default)]
struct Manners {
    in_flight: usize,
    rest_until: u64,
    rest_ms: u64,
    has_lied: bool,
}

/// The machine.
#[derive(Debug, Clone, Default)]
pub(super) struct Fetches {
    parts: BTreeMap<ChunkId, Part>,
    queue: VecDeque<ChunkId>,
    requests: BTreeMap<u64, Request>,
    manners: BTreeMap<Peer, Manners>,
    next: u64,
}

impl Fetches {
    /// R9.
    pub(super) fn want(&mut self, part: ChunkId, providers: &[Key], now: u64, out: &mut Vec<Effect>) {
        if !self.parts.contains_key(&part) {
            if self.parts.len() >= PARTS_MAX {
                return out.push(Effect::NotFetched { part });
            }
            self.queue.push_back(part);
            self.parts.insert(part, Part { moved: now, ..Part::default() });
        }
        if let Some(known) = self.parts.get_mut(&part) {
            known.providers.extend(providers);
        }
        self.activate(now, out);
    }

    pub(super) fn abandon(&mut self, part: &ChunkId, now: u64, out: &mut Vec<Effect>) {
        self.parts.remove(part);
        self.queue.retain(|waiting| waiting != part);
        self.activate(now, out);
    }

    fn activate(&mut self, now: u64, out: &mut Vec<Effect>) {
        let mut active = self.parts.values().filter(|part| part.is_active).count();
        while active < ACTIVE_MAX
            && let Some(id) = self.queue.pop_front()
        {
            if let Some(part) = self.parts.get_mut(&id) {
                part.is_active = true;
                part.moved = now;
                active += 1;
                out.push(Effect::Survey { part: id });
            }
        }
    }

    /// R10: what the disk lacks.
    pub(super) fn surveyed(
        &mut self,
        id: ChunkId,
        missing: Vec<ChunkId>,
        peers: &Peers,
        now: u64,
        out: &mut Vec<Effect>,
    ) {
        let Some(part) = self.parts.get_mut(&id) else { return };
        if missing.is_empty() {
            self.parts.remove(&id);
            out.push(Effect::Fetched { part: id });
            return self.activate(now, out);
        }
        part.missing = Some(missing.into());
        self.assign(peers, now, out);
    }

    /// R11, R12: an answer, or none.
    pub(super) fn answered(
        &mut self,
        request: u64,
        answer: Option<Vec<Option<Vec<u8>>>>,
        peers: &Peers,
        now: u64,
        out: &mut Vec<Effect>,
    ) {
        let Some(Request { peer, part: id, ids, .. }) = self.requests.remove(&request) else { return };
        self.finish_request(peer, id);
        match answer {
            None => {
                self.rest(peer, now);
                self.put_back(id, ids);
            }
            Some(chunks) if chunks.len() != ids.len() => {
                self.lied(peer, "chunks: an answer to another question", out);
                self.put_back(id, ids);
            }
            Some(chunks) => {
                if let Some(manners) = self.manners.get_mut(&peer) {
                    manners.rest_ms = 0;
                }
                self.take(peer, id, ids, chunks, now, out);
            }
        }
        self.check_done(id, out);
        self.assign(peers, now, out);
    }

    fn take(
        &mut self,
        peer: Peer,
        part: ChunkId,
        ids: Vec<ChunkId>,
        chunks: Vec<Option<Vec<u8>>>,
        now: u64,
        out: &mut Vec<Effect>,
    ) {
        let mut back = Vec::new();
        for (id, chunk) in ids.into_iter().zip(chunks) {
            match chunk {
                Some(bytes) if id.is_of(&bytes) => {
                    if let Some(part) = self.parts.get_mut(&part) {
                        part.moved = now;
                        out.push(Effect::Store { id, bytes });
                    }
                }
                Some(_) => {
                    self.lied(peer, "chunks: bytes of another address", out);
                    back.push(id);
                }
                None => {
                    if let Some(part) = self.parts.get_mut(&part) {
                        part.absent.insert(peer, now.saturating_add(ABSENT_MS));
                    }
                    back.push(id);
                }
            }
        }
        self.put_back(part, back);
    }

    /// R12: a liar is not asked again as long as it is connected.
    fn lied(&mut self, peer: Peer, rule: &'static str, out: &mut Vec<Effect>) {
        let manners = self.manners.entry(peer).or_default();
        if !std::mem::replace(&mut manners.has_lied, true) {
            out.push(Effect::Report { peer, rule, cost: cost::LIE });
        }
    }

    fn rest(&mut self, peer: Peer, now: u64) {
        let manners = self.manners.entry(peer).or_default();
        manners.rest_ms = manners.rest_ms.saturating_mul(2).clamp(REST_MS, REST_MS_MAX);
        manners.rest_until = now.saturating_add(manners.rest_ms);
    }

    fn put_back(&mut self, id: ChunkId, ids: Vec<ChunkId>) {
        if let Some(missing) = self.parts.get_mut(&id).and_then(|part| part.missing.as_mut()) {
            ids.into_iter().rev().for_each(|id| missing.push_front(id));
        }
    }

    fn finish_request(&mut self, peer: Peer, part: ChunkId) {
        if let Some(manners) = self.manners.get_mut(&peer) {
            manners.in_flight = manners.in_flight.saturating_sub(1);
        }
        if let Some(part) = self.parts.get_mut(&part) {
            part.in_flight = part.in_flight.saturating_sub(1);
        }
    }

    /// Everything came: the disk is asked whether that is all.
    fn check_done(&mut self, id: ChunkId, out: &mut Vec<Effect>) {
        let Some(part) = self.parts.get_mut(&id) else { return };
        if part.in_flight == 0 && part.missing.as_ref().is_some_and(VecDeque::is_empty) {
            part.missing = None;
            out.push(Effect::Survey { part: id });
        }
    }

    pub(super) fn close(&mut self, peer: Peer) {
        self.manners.remove(&peer);
        for part in self.parts.values_mut() {
            part.absent.remove(&peer);
        }
        let lost: Vec<u64> =
            self.requests.iter().filter(|(_, request)| request.peer == peer).map(|(id, _)| *id).collect();
        for id in lost {
            if let Some(Request { part, ids, .. }) = self.requests.remove(&id) {
                self.finish_request(peer, part);
                self.put_back(part, ids);
            }
        }
    }

    pub(super) fn tick(&mut self, peers: &Peers, now: u64, out: &mut Vec<Effect>) {
        let is_late = |request: &&Request| now.saturating_sub(request.sent) >= ANSWER_MS;
        let late: Vec<u64> =
            self.requests.iter().filter(|(_, request)| is_late(request)).map(|(id, _)| *id).collect();
        for id in late {
            if let Some(Request { peer, part, ids, .. }) = self.requests.remove(&id) {
                self.finish_request(peer, part);
                self.rest(peer, now);
                self.put_back(part, ids);
            }
        }
        self.rotate(now, out);
        self.assign(peers, now, out);
    }

    /// R13: a part that nobody gives makes room for others.
    fn rotate(&mut self, now: u64, out: &mut Vec<Effect>) {
        if self.queue.is_empty() {
            return;
        }
        for (id, part) in &mut self.parts {
            let is_idle = part.is_active && part.in_flight == 0 && part.missing.is_some();
            if is_idle && now.saturating_sub(part.moved) >= TURN_MS {
                (part.is_active, part.missing) = (false, None);
                self.queue.push_back(*id);
            }
        }
        self.activate(now, out);
    }

    /// R11: spreads what is missing over all peers that may have it.
    fn assign(&mut self, peers: &Peers, now: u64, out: &mut Vec<Effect>) {
        for (id, part) in &mut self.parts {
            while self.requests.len() < REQUESTS_MAX {
                let Some(missing) = part.missing.as_mut().filter(|missing| !missing.is_empty()) else {
                    break;
                };
                let may_ask = |peer: &Peer| {
                    let manners = self.manners.get(peer);
                    let is_free = manners.is_none_or(|manners| {
                        !manners.has_lied
                            && manners.in_flight < PEER_REQUESTS_MAX
                            && manners.rest_until <= now
                    });
                    is_free && part.absent.get(peer).is_none_or(|until| *until <= now)
                };
                let candidates: BTreeSet<Peer> =
                    part.providers.iter().flat_map(|key| peers.with(*key)).filter(may_ask).collect();
                let load = |peer: &Peer| self.manners.get(peer).map_or(0, |manners| manners.in_flight);
                let Some(peer) = candidates.into_iter().min_by_key(|peer| (load(peer), *peer)) else { break };
                let count = missing.len().min(REQUEST_CHUNKS_MAX);
                let ids: Vec<ChunkId> = missing.drain(..count).collect();
                let request = self.next;
                self.next = self.next.wrapping_add(1);
                part.in_flight += 1;
                self.manners.entry(peer).or_default().in_flight += 1;
                self.requests.insert(request, Request { peer, part: *id, ids: ids.clone(), sent: now });
                out.push(Effect::Request { peer, request, ids });
            }
        }
    }

    /// A provider came, or may be asked again.
    pub(super) fn look(&mut self, peers: &Peers, now: u64, out: &mut Vec<Effect>) {
        self.assign(peers, now, out);
    }

    pub(super) fn sizes(&self) -> super::Sizes {
        super::Sizes {
            parts: self.parts.len(),
            requests: self.requests.len(),
            ids: self.parts.values().filter_map(|part| part.missing.as_ref()).map(VecDeque::len).sum(),
            ..super::Sizes::default()
        }
    }
}
