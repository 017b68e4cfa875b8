//! The deciders and what is known of peers; see [`super`].
use super::gate::Gate;
use super::gossip::{self, Gossip, Recent};
use super::importer::{self, Job};
use super::post::Letter;
use super::server::{self, Asked};
use super::view::{MAJOR_SYNC_BLOCKS, PeerView, median};
use super::{KEY_LOOK_MS, Wire, blocks, voting};
use crate::service::Inner;
use parity_scale_codec::Encode;
use quire_chain::Head;
use quire_chain::sync::{self, BlockRequest, RequestId, Sync};
use quire_consensus::PeerId;
use quire_consensus::finality::message::Target;
use quire_consensus::finality::voter::{self, Effect, Role, SignRequest, Voter};
use quire_core::{GrandpaId, GrandpaJustification, H256, Header};
use quire_network::wire::handshake::{AUTHORITY, FULL, LIGHT};
use quire_network::{Channel, Event, Handshake, Link, Method, RequestError};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::mpsc::SyncSender;

/// Blocks remembered as known to a peer.
const KNOWN_BLOCKS_MAX: usize = 512;

/// Where the hub hands work to.
pub(crate) struct Queues {
    /// The importer's.
    pub(crate) imports: SyncSender<Job>,
    /// The server's.
    pub(crate) requests: server::Queue,
}

struct Peer {
    id: String,
    roles: u8,
    /// Its role on the finality channel, while that is open.
    votes_as: Option<Role>,
    /// Blocks that it announced or was told of.
    blocks: Recent,
}

enum Work {
    Voter(voter::Input),
    Sync(sync::Input),
}

/// Votes to sign, and when.
#[derive(Default)]
struct Held {
    due_ms: u64,
    requests: Vec<SignRequest>,
}

/// See the module doc.
pub(super) struct Hub<'n> {
    node: &'n Inner,
    wire: Arc<dyn Wire>,
    queues: Queues,
    voter: Voter,
    key: Option<GrandpaId>,
    key_looked_ms: u64,
    has_complained: bool,
    sync: Sync,
    gossip: Gossip,
    gate: Gate,
    peers: BTreeMap<PeerId, Peer>,
    /// Requests under way, by the network's number.
    requests: BTreeMap<u64, (PeerId, RequestId)>,
    work: VecDeque<Work>,
    held: Held,
    now_ms: u64,
    was_syncing: bool,
}

impl<'n> Hub<'n> {
    /// A hub without peers.
    pub(super) fn start(node: &'n Inner, wire: Arc<dyn Wire>, queues: Queues) -> Result<Self, String> {
        let now_ms = node.view.clock.ms();
        let (voter, key) = voting::start(node, now_ms)?;
        let mut hub = Self {
            node,
            wire,
            queues,
            voter,
            key,
            key_looked_ms: now_ms,
            has_complained: false,
            sync: Sync::new(sync::Config::default(), now_ms),
            gossip: Gossip::new(now_ms),
            gate: Gate::new(),
            peers: BTreeMap::new(),
            requests: BTreeMap::new(),
            work: VecDeque::new(),
            held: Held::default(),
            now_ms,
            was_syncing: false,
        };
        hub.complain_without_key();
        hub.head_moved();
        hub.gate.tick(node, &*hub.wire, now_ms);
        hub.run([Work::Voter(voter::Input::Tick)]);
        hub.publish();
        Ok(hub)
    }

    /// How long nothing is to be done, unless something happens.
    pub(super) fn wake_in_ms(&self) -> u64 {
        let held = (!self.held.requests.is_empty()).then_some(self.held.due_ms);
        let times = [self.voter.wake_at(), self.sync.wake_at(), self.gossip.wake_at(), held];
        let at = times.into_iter().flatten().min().unwrap_or(u64::MAX);
        at.saturating_sub(self.node.view.clock.ms())
    }

    /// Time passed.
    pub(super) fn tick(&mut self) {
        self.run([Work::Voter(voter::Input::Tick), Work::Sync(sync::Input::Tick)]);
    }

    /// What is due although other things keep happening.
    pub(super) fn tick_if_due(&mut self) {
        if self.wake_in_ms() == 0 {
            self.tick();
        }
        if !self.held.requests.is_empty() && self.node.view.clock.ms() >= self.held.due_ms {
            let requests = std::mem::take(&mut self.held.requests);
            let inputs = voting::sign(self.node, &requests).into_iter().map(Work::Voter);
            self.run(inputs);
        }
        self.look_for_key();
        self.gate.tick(self.node, &*self.wire, self.node.view.clock.ms());
        self.pass_on();
    }

    /// Something from the network.
    pub(super) fn event(&mut self, event: Event) {
        match event {
            Event::Opened { link, peer, handshake, .. } => self.opened(link, peer, &handshake),
            Event::ChannelOpened { link, channel, handshake } => {
                self.channel_opened(link, channel, handshake.first().copied().unwrap_or(FULL));
            }
            Event::ChannelClosed { link, channel } => self.channel_closed(link, channel),
            Event::Closed { link } => {
                self.gate.closed(link);
                self.channel_closed(link, Channel::Grandpa);
                self.channel_closed(link, Channel::Transactions);
                self.peers.remove(&peer_id(link));
                self.run([Work::Sync(sync::Input::Gone { peer: peer_id(link) })]);
            }
            Event::Notification { link, channel, bytes } => self.notification(link, channel, bytes),
            Event::Request { link, method: Method::Certificate, bytes, answer, .. } => {
                self.gate.question(&*self.wire, link, &bytes, answer);
            }
            // Who may not have it is refused: the answer is dropped.
            Event::Request { link, method, .. } if !self.gate.may_request(link, method) => {}
            Event::Request { link, peer, method, bytes, answer } => {
                if !self.queues.requests.push(Asked { link, peer, method, bytes, answer }) {
                    tracing::debug!(target: "sync", "too many requests wait: one is refused");
                }
            }
            Event::Response { link, request, result } => {
                if !self.gate.response(&*self.wire, request, &result) {
                    self.response(link, request, result);
                }
            }
        }
    }

    fn opened(&mut self, link: Link, id: String, handshake: &Handshake) {
        let peer = peer_id(link);
        self.gate.opened(&*self.wire, self.node.view.clock.ms(), link, &id);
        let best = Head { number: handshake.best_number, hash: handshake.best_hash };
        tracing::debug!(target: "sync", "peer {id} is here, best #{} {:?}", best.number, best.hash);
        let roles = handshake.roles;
        let mut known = Recent::default();
        let header = self.node.chain.best_header();
        if header.number > 0 {
            // What the peer read in our handshake may be older.
            known.insert(header.hash(), KNOWN_BLOCKS_MAX);
            self.wire.notify(link, Channel::BlockAnnounces, blocks::encode_announce(&header, true).into());
        }
        self.peers.insert(peer, Peer { id, roles, votes_as: None, blocks: known });
        // A light client has no blocks to give.
        if roles & LIGHT == 0 {
            self.run([Work::Sync(sync::Input::Connected { peer, best })]);
        }
    }

    fn channel_opened(&mut self, link: Link, channel: Channel, role: u8) {
        let Some(peer) = self.peers.get_mut(&peer_id(link)) else { return };
        let is_light = role & LIGHT != 0;
        match channel {
            Channel::Grandpa => {
                let role = match role {
                    _ if is_light => Role::Light,
                    role if role & AUTHORITY != 0 => Role::Authority,
                    _ => Role::Full,
                };
                peer.votes_as = Some(role);
                self.run([Work::Voter(voter::Input::Connected { peer: peer_id(link), role })]);
            }
            Channel::Transactions => {
                self.gossip.opened(peer_id(link), is_light);
                self.sweep();
            }
            _ => {}
        }
    }

    fn channel_closed(&mut self, link: Link, channel: Channel) {
        let peer = peer_id(link);
        match channel {
            Channel::Grandpa => {
                let was_open = self.peers.get_mut(&peer).and_then(|peer| peer.votes_as.take()).is_some();
                if was_open {
                    self.run([Work::Voter(voter::Input::Gone { peer })]);
                }
            }
            Channel::Transactions => self.gossip.gone(peer),
            _ => {}
        }
    }

    fn notification(&mut self, link: Link, channel: Channel, bytes: Vec<u8>) {
        let peer = peer_id(link);
        if !self.peers.contains_key(&peer) || !self.gate.may_notify(link, channel) {
            return;
        }
        match channel {
            Channel::Grandpa => self.run([Work::Voter(voter::Input::Message { peer, bytes })]),
            Channel::BlockAnnounces => self.announced(link, &bytes),
            Channel::Transactions => match self.gossip.received(self.node.view.clock.ms(), peer, &bytes) {
                Ok(transactions) => self.node.pool.submit_of_peer(peer, transactions),
                Err(rule) => self.wire.report(link, rule.name(), rule.cost()),
            },
            _ => {}
        }
    }

    fn announced(&mut self, link: Link, bytes: &[u8]) {
        let peer = peer_id(link);
        let Some((header, is_best)) = blocks::decode_announce(bytes) else {
            return self.wire.report(link, blocks::UNDECODABLE, blocks::UNDECODABLE_COST);
        };
        if let Some(entry) = self.peers.get_mut(&peer) {
            entry.blocks.insert(header.hash(), KNOWN_BLOCKS_MAX);
            if entry.roles & LIGHT != 0 {
                return;
            }
        }
        self.run([Work::Sync(sync::Input::Announced { peer, header: Box::new(header), is_best })]);
    }

    fn response(&mut self, link: Link, request: u64, result: Result<Vec<u8>, RequestError>) {
        let Some((peer, id)) = self.requests.remove(&request) else { return };
        let failed = sync::Input::Failed { peer, request: id };
        let input = match result.map(|bytes| blocks::decode_response(&bytes)) {
            Ok(Some(blocks)) => sync::Input::Response { peer, request: id, blocks },
            Ok(None) => {
                self.wire.report(link, blocks::UNDECODABLE, blocks::UNDECODABLE_COST);
                failed
            }
            Err(why) => {
                tracing::debug!(target: "sync", "a request failed: {why}");
                failed
            }
        };
        self.run([Work::Sync(input)]);
    }

    /// News of the chain.
    pub(super) fn letter(&mut self, letter: Letter) {
        match letter {
            Letter::Block { hash, header, is_best } => {
                if is_best {
                    self.head_moved();
                }
                self.announce(hash, &header, is_best);
                self.run([Work::Voter(voter::Input::Imported)]);
            }
            Letter::Finalised { target, proof, moved_best } => {
                if moved_best {
                    // Peers believe in a head that is gone.
                    self.head_moved();
                    let header = self.node.chain.best_header();
                    let hash = header.hash();
                    self.peers.values_mut().for_each(|peer| peer.blocks.forget(&hash));
                    self.announce(hash, &header, true);
                }
                self.finalised(target, proof);
            }
            Letter::Imported { hash, outcome } => {
                self.run([Work::Sync(sync::Input::Imported { hash, outcome })]);
            }
        }
    }

    fn finalised(&mut self, target: Target, proof: Arc<GrandpaJustification>) {
        // Of a later block than that of this letter, perhaps: what is final stays so.
        let Some(voters) = self.node.chain.voter_set(target.hash) else { return };
        self.run([Work::Voter(voter::Input::Finalised { target, voters, proof: Some(proof) })]);
        if self.key.is_some_and(|key| !self.voter.voters().contains(&key)) {
            self.key_looked_ms = 0;
            self.look_for_key();
        }
    }

    fn head_moved(&self) {
        let best = self.node.chain.best();
        self.wire.set_head(Handshake {
            roles: if self.node.system().is_authority { AUTHORITY } else { FULL },
            best_number: best.number,
            best_hash: best.hash,
            genesis: self.node.chain.genesis(),
        });
    }

    /// R3.
    fn announce(&mut self, hash: H256, header: &Header, is_best: bool) {
        if self.target().is_some_and(|target| target > header.number.saturating_add(MAJOR_SYNC_BLOCKS)) {
            return;
        }
        let bytes: Arc<[u8]> = blocks::encode_announce(header, is_best).into();
        for (id, peer) in &mut self.peers {
            if peer.blocks.insert(hash, KNOWN_BLOCKS_MAX) {
                // A queue that is full belongs to a peer that is behind: the next block tells it as much.
                self.wire.notify(link(*id), Channel::BlockAnnounces, bytes.clone());
            }
        }
    }

    fn target(&self) -> Option<u32> {
        median(self.sync.heads().map(|(_, head)| head.number))
    }

    fn run(&mut self, inputs: impl IntoIterator<Item = Work>) {
        self.now_ms = self.node.view.clock.ms();
        self.work.extend(inputs);
        while let Some(work) = self.work.pop_front() {
            match work {
                Work::Voter(input) => self.step_voter(input),
                Work::Sync(input) => self.step_sync(input),
            }
        }
    }

    fn step_voter(&mut self, input: voter::Input) {
        let (mut effects, mut to_sign) = (Vec::new(), Vec::new());
        self.voter.step(self.now_ms, &*self.node.chain, input, &mut effects);
        for effect in effects {
            match effect {
                Effect::Sign(request) => to_sign.push(request),
                Effect::Send { to, message } => {
                    let bytes: Arc<[u8]> = message.encode().into();
                    for peer in to {
                        // What does not fit is sent again while the round lasts.
                        self.wire.notify(link(peer), Channel::Grandpa, bytes.clone());
                    }
                }
                Effect::Finalise { target, proof } => importer::finalise(self.node, target.hash, &proof),
                Effect::Fetch { target, peer } => {
                    let block = Head { number: target.number, hash: target.hash };
                    self.work.push_back(Work::Sync(sync::Input::Wanted { block, peer }));
                }
                Effect::Report { peer, rule } => self.wire.report(link(peer), rule.name(), rule.cost()),
                Effect::Equivocation(proof) => crate::offences::vote(self.node, &proof),
            }
        }
        self.sign(to_sign);
    }

    fn sign(&mut self, requests: Vec<SignRequest>) {
        if requests.is_empty() {
            return;
        }
        let delay_ms = voting::delay_ms(self.node, self.voter.voters());
        if delay_ms == 0 {
            let inputs = voting::sign(self.node, &requests);
            self.work.extend(inputs.into_iter().map(Work::Voter));
        } else {
            if self.held.requests.is_empty() {
                self.held.due_ms = self.now_ms.saturating_add(delay_ms);
            }
            self.held.requests.extend(requests);
        }
    }

    fn step_sync(&mut self, input: sync::Input) {
        let mut effects = Vec::new();
        self.sync.step(self.now_ms, &*self.node.chain, input, &mut effects);
        for effect in effects {
            match effect {
                sync::Effect::Request { peer, request, what } => self.ask(peer, request, &what),
                sync::Effect::Import { blocks } => {
                    for block in blocks {
                        let hash = block.hash;
                        if self.queues.imports.try_send(Job::Block(Box::new(block))).is_err() {
                            let outcome = sync::Outcome::Later;
                            self.work.push_back(Work::Sync(sync::Input::Imported { hash, outcome }));
                        }
                    }
                }
                sync::Effect::Proof { block, proof } => {
                    // One that finds no room is asked for again.
                    let _ = self.queues.imports.try_send(Job::Proof(block, proof));
                }
                sync::Effect::Report { peer, rule } => self.wire.report(link(peer), rule.name(), rule.cost()),
            }
        }
    }

    fn ask(&mut self, peer: PeerId, request: RequestId, what: &BlockRequest) {
        let number = self.wire.request(link(peer), Method::Sync, blocks::encode_request(what));
        self.requests.insert(number, (peer, request));
    }

    /// What came loose: transactions and complaints.
    pub(super) fn loose(&mut self) {
        let (transactions, complaints) = self.node.post.take_loose();
        self.gossip.propagate(self.node.view.clock.ms(), transactions);
        for peer in complaints {
            let rule = gossip::Rule::BadTransaction;
            self.wire.report(link(peer), rule.name(), rule.cost());
        }
    }

    fn sweep(&mut self) {
        let ready = self.node.pool.ready(gossip::SWEEP_MAX, usize::MAX);
        let ready = ready.into_iter().map(|one| (one.hash, one.extrinsic));
        self.gossip.propagate(self.node.view.clock.ms(), ready);
    }

    fn pass_on(&mut self) {
        let now_ms = self.node.view.clock.ms();
        if self.gossip.is_sweep_due(now_ms) {
            self.sweep();
        }
        let wire = &self.wire;
        let send = |peer, bytes| wire.notify(link(peer), Channel::Transactions, bytes);
        let told = self.gossip.flush(now_ms, send);
        if !told.is_empty() {
            let name = |peer: &PeerId| self.peers.get(peer).map(|peer| peer.id.clone());
            let names = |peers: Vec<PeerId>| peers.iter().filter_map(name).collect();
            self.node.pool.broadcast(told, names);
        }
    }

    /// R4 of [`super`].
    fn look_for_key(&mut self) {
        let now_ms = self.node.view.clock.ms();
        let has_key = self.key.is_some_and(|key| self.voter.voters().contains(&key));
        if has_key || now_ms < self.key_looked_ms.saturating_add(KEY_LOOK_MS) {
            return;
        }
        self.key_looked_ms = now_ms;
        let found = voting::own_key(self.node, self.voter.voters());
        if found.is_none() {
            self.key = None;
            return self.complain_without_key();
        }
        match voting::start(self.node, now_ms) {
            Ok((voter, key)) => {
                tracing::info!(target: "grandpa", "this node votes from now on");
                (self.voter, self.key, self.has_complained) = (voter, key, false);
                self.held.requests.clear();
                let known = self.peers.iter().filter_map(|(id, peer)| Some((*id, peer.votes_as?)));
                let connected: Vec<Work> =
                    known.map(|(peer, role)| Work::Voter(voter::Input::Connected { peer, role })).collect();
                self.run(connected.into_iter().chain([Work::Voter(voter::Input::Tick)]));
            }
            Err(why) => tracing::error!(target: "grandpa", "{why}"),
        }
    }

    fn complain_without_key(&mut self) {
        let should_vote = self.node.system().is_authority && self.node.votes;
        let is_manual = self.node.sealing == crate::sealing::Sealing::Manual;
        if self.key.is_none() && should_vote && !is_manual && !self.has_complained {
            self.has_complained = true;
            tracing::warn!(
                target: "grandpa",
                "no key of this node is in the finality set, so it votes nothing; insert one with author_insertKey or quire key insert"
            );
        }
    }

    /// Renews what the others see.
    pub(super) fn publish(&mut self) {
        let heads: BTreeMap<PeerId, Head> = self.sync.heads().collect();
        let genesis = Head { number: 0, hash: self.node.chain.genesis() };
        let view = |(id, peer): (&PeerId, &Peer)| {
            let best = heads.get(id).copied().unwrap_or(genesis);
            let standing = self.gate.explanation(link(*id));
            (id.0, PeerView { id: peer.id.clone(), roles: peer.roles, best, standing })
        };
        let target = self.target();
        let best = self.node.chain.best().number;
        let is_syncing = target.is_some_and(|target| target > best.saturating_add(MAJOR_SYNC_BLOCKS));
        let mut state = self.node.view.lock();
        state.peers = self.peers.iter().map(view).collect();
        state.target = target;
        state.is_syncing = is_syncing;
        state.queued = self.sync.queued();
        state.finality = Some(self.voter.explain());
        state.is_voter = self.key.is_some();
        drop(state);
        if std::mem::replace(&mut self.was_syncing, is_syncing) && !is_syncing {
            let header = self.node.chain.best_header();
            self.announce(header.hash(), &header, true);
        }
    }
}

fn peer_id(link: Link) -> PeerId {
    PeerId(link.0)
}

fn link(peer: PeerId) -> Link {
    Link(peer.0)
}

#[cfg(test)]
mod tests;
