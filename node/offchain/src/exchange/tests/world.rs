//! Many machines on a virtual clock, one seed: disks and mailboxes in memory, a network that delays, reorders, loses,
//! cuts, and nodes that lie. The judges look at disks and mailboxes only, never at the machines' own words.

use crate::cid::{ChunkId, Codec};
use crate::exchange::*;
use parity_scale_codec::Decode as _;
use quire_channel::BatchHeader;
use quire_core::hash::blake2_256;
use schnorrkel::{ExpansionMode, Keypair, MiniSecretKey};
use std::collections::{BTreeMap, BTreeSet};

pub(super) const GENESIS: H256 = H256([7; 32]);
pub(super) const CHANNEL: u64 = 5;

/// splitmix64.
#[derive(Debug, Clone)]
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }

    fn hits(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

pub(super) fn pair(node: usize) -> Keypair {
    let seed = blake2_256(&[b'k', node as u8]);
    MiniSecretKey::from_bytes(&seed).expect("32 bytes").expand_to_keypair(ExpansionMode::Ed25519)
}

pub(super) fn key(node: usize) -> Key {
    pair(node).public.to_bytes()
}

pub(super) fn name(node: usize) -> String {
    format!("node-{node}")
}

/// A batch whose "signature" is that its filler hashes to the root.
pub(super) fn batch(
    sender: u8,
    block: u32,
    first_seq: u64,
    count: u32,
    size: usize,
) -> (BatchHeader, Vec<u8>) {
    let filler: Vec<u8> = (0..size).map(|at| (at as u64 ^ first_seq ^ u64::from(sender)) as u8).collect();
    let root = H256(blake2_256(&filler));
    let header = BatchHeader { genesis: GENESIS, channel: CHANNEL, block, sender, first_seq, count, root };
    let mut bytes = header.encode();
    bytes.extend(filler);
    (header, bytes)
}

fn is_genuine(bytes: &[u8]) -> Option<BatchHeader> {
    let rest = &mut &bytes[..];
    let header = BatchHeader::decode(rest).ok()?;
    (H256(blake2_256(rest)) == header.root).then_some(header)
}

/// What a node does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Vice {
    None,
    /// Answers with other bytes than were asked for.
    WrongChunks,
    /// Never answers questions.
    Mute,
    /// Alters batches on the way.
    WrongBatches,
}

#[derive(Debug)]
pub(super) struct Node {
    pub(super) machine: Exchange,
    pub(super) vice: Vice,
    pub(super) mailbox: BTreeMap<BatchHeader, Vec<u8>>,
    pub(super) disk: BTreeMap<ChunkId, Vec<u8>>,
    pub(super) complete: BTreeSet<(u64, u32)>,
    pub(super) fetched: BTreeSet<ChunkId>,
    pub(super) received: Vec<Receipt>,
    /// Reports that are not about haste.
    pub(super) reports: Vec<(usize, &'static str)>,
    pub(super) asked_of: BTreeMap<usize, usize>,
    pub(super) requested: BTreeMap<ChunkId, usize>,
    pub(super) judged: usize,
    pub(super) worst: Sizes,
    stored_parts: BTreeMap<ChunkId, Vec<ChunkId>>,
}

#[derive(Debug, Clone)]
enum Event {
    Input(Input),
    /// A notice that was sent over this connection: lost with it.
    Notice {
        link: u64,
        notice: Notice,
    },
    Question {
        link: u64,
        request: u64,
        ids: Vec<ChunkId>,
    },
}

pub(super) struct World {
    pub(super) nodes: Vec<Node>,
    pub(super) now: u64,
    pub(super) dice: Dice,
    pub(super) loss_percent: u64,
    pub(super) delay_ms: u64,
    /// Connections that are open: both ends know them by one number.
    links: BTreeMap<u64, (usize, usize)>,
    next_link: u64,
    tokens: BTreeMap<(usize, u64), (usize, u64, u64)>,
    next_token: u64,
    queue: BTreeMap<(u64, u64), (usize, Event)>,
    next_event: u64,
}

impl World {
    pub(super) fn new(seed: u64, count: usize) -> World {
        let node = |number: usize| Node {
            machine: Exchange::new(GENESIS, name(number)),
            vice: Vice::None,
            mailbox: BTreeMap::new(),
            disk: BTreeMap::new(),
            complete: BTreeSet::new(),
            fetched: BTreeSet::new(),
            received: Vec::new(),
            reports: Vec::new(),
            asked_of: BTreeMap::new(),
            requested: BTreeMap::new(),
            judged: 0,
            worst: Sizes::default(),
            stored_parts: BTreeMap::new(),
        };
        World {
            nodes: (0..count).map(node).collect(),
            now: 0,
            dice: Dice(seed),
            loss_percent: 0,
            delay_ms: 20,
            links: BTreeMap::new(),
            next_link: 1,
            tokens: BTreeMap::new(),
            next_token: 0,
            queue: BTreeMap::new(),
            next_event: 0,
        }
    }

    /// A channel of the first `participants` nodes; the others are its validators.
    pub(super) fn open_channel(&mut self, participants: usize) {
        for node in 0..self.nodes.len() {
            self.tell(node, Input::Keys([key(node)].into()));
            self.tell(node, Input::Channel(self.facts(participants, node)));
        }
    }

    pub(super) fn facts(&self, participants: usize, node: usize) -> Facts {
        Facts {
            channel: CHANNEL,
            me: (node < participants).then_some(node as u8),
            wanted: u32::MAX,
            participants: (0..participants).map(key).collect(),
            validators: (participants..self.nodes.len()).map(key).collect(),
            taking: (0..8).collect(),
            ..Facts::default()
        }
    }

    pub(super) fn connect(&mut self, a: usize, b: usize) {
        if self.links.values().any(|ends| *ends == (a, b) || *ends == (b, a)) {
            return;
        }
        let link = self.next_link;
        self.next_link += 1;
        self.links.insert(link, (a, b));
        for (node, other) in [(a, b), (b, a)] {
            let nonce = blake2_256(&(link, node as u64).encode());
            self.tell(node, Input::Opened { peer: Peer(link), name: name(other), nonce });
        }
    }

    pub(super) fn connect_all(&mut self) {
        for a in 0..self.nodes.len() {
            for b in a + 1..self.nodes.len() {
                self.connect(a, b);
            }
        }
    }

    pub(super) fn cut(&mut self, a: usize, b: usize) {
        let cut: Vec<u64> = self
            .links
            .iter()
            .filter(|(_, ends)| **ends == (a, b) || **ends == (b, a))
            .map(|(link, _)| *link)
            .collect();
        for link in cut {
            self.links.remove(&link);
            self.tell(a, Input::Closed { peer: Peer(link) });
            self.tell(b, Input::Closed { peer: Peer(link) });
        }
    }

    /// The node at the other end.
    pub(super) fn other(&self, link: u64, node: usize) -> Option<usize> {
        let (a, b) = *self.links.get(&link)?;
        Some(if a == node { b } else { a })
    }

    pub(super) fn publish(&mut self, node: usize, batches: &[(BatchHeader, Vec<u8>)]) {
        let hold = batches.iter().map(|(header, bytes)| (*header, bytes.len() as u64)).collect();
        self.nodes[node].mailbox.extend(batches.iter().cloned());
        self.tell(node, Input::Hold { channel: CHANNEL, batches: hold });
    }

    /// A part of so many chunks on these nodes' disks; gives the manifest's address.
    pub(super) fn store_part(&mut self, tag: u8, chunks: usize, on: &[usize]) -> ChunkId {
        let bytes: Vec<Vec<u8>> = (0..chunks).map(|at| vec![tag, at as u8, (at >> 8) as u8]).collect();
        let ids: Vec<ChunkId> = bytes.iter().map(|bytes| ChunkId::of(Codec::Raw, bytes)).collect();
        let manifest: Vec<u8> = [b"manifest".to_vec(), vec![tag]].concat();
        let part = ChunkId::of(Codec::DagCbor, &manifest);
        for (number, node) in self.nodes.iter_mut().enumerate() {
            // What a manifest lists is known to whoever has it.
            node.stored_parts.insert(part, ids.clone());
            if on.contains(&number) {
                node.disk.insert(part, manifest.clone());
                node.disk.extend(ids.iter().copied().zip(bytes.iter().cloned()));
            }
        }
        part
    }

    pub(super) fn is_whole(&self, node: usize, part: &ChunkId) -> bool {
        let node = &self.nodes[node];
        node.disk.contains_key(part) && node.stored_parts[part].iter().all(|id| node.disk.contains_key(id))
    }

    fn later(&mut self, delay: u64, node: usize, event: Event) {
        self.queue.insert((self.now + delay, self.next_event), (node, event));
        self.next_event += 1;
    }

    /// A step of one machine now, and its effects.
    pub(super) fn tell(&mut self, node: usize, input: Input) {
        let mut effects = Vec::new();
        self.nodes[node].machine.step(self.now, input, &mut effects);
        let (sizes, worst) = (self.nodes[node].machine.sizes(), &mut self.nodes[node].worst);
        *worst = Sizes {
            peers: worst.peers.max(sizes.peers),
            batches: worst.batches.max(sizes.batches),
            ends: worst.ends.max(sizes.ends),
            flight_bytes_max: worst.flight_bytes_max.max(sizes.flight_bytes_max),
            intake_bytes_max: worst.intake_bytes_max.max(sizes.intake_bytes_max),
            parts: worst.parts.max(sizes.parts),
            requests: worst.requests.max(sizes.requests),
            ids: worst.ids.max(sizes.ids),
            serving: worst.serving.max(sizes.serving),
            offers: worst.offers.max(sizes.offers),
        };
        for effect in effects {
            self.carry_out(node, effect);
        }
    }

    fn carry_out(&mut self, node: usize, effect: Effect) {
        match effect {
            Effect::Send { peer, notice } => self.send(node, peer, notice),
            Effect::SendBatches { peer, channel, headers } => {
                let mut batches: Vec<Vec<u8>> =
                    headers.iter().map(|header| self.nodes[node].mailbox[header].clone()).collect();
                if self.nodes[node].vice == Vice::WrongBatches {
                    batches.iter_mut().filter_map(|bytes| bytes.last_mut()).for_each(|byte| *byte ^= 1);
                }
                self.send(node, peer, Notice::Batches { channel, batches });
            }
            Effect::Sign { peer, key, payload } => {
                let signature = pair(node).sign_simple(PROOF_CONTEXT, &payload).to_bytes();
                self.tell(node, Input::Signed { peer, key, signature });
            }
            Effect::Report { cost: cost::EARLY, .. } => {}
            Effect::Report { peer, rule, .. } => {
                let other = self.other(peer.0, node).unwrap_or(usize::MAX);
                self.nodes[node].reports.push((other, rule));
            }
            Effect::Judge { peer, channel, batches } => self.judge(node, peer, channel, batches),
            Effect::Complete { channel, block } => {
                assert!(self.nodes[node].complete.insert((channel, block)), "told twice");
            }
            Effect::Survey { part } => {
                let missing = {
                    let node = &self.nodes[node];
                    let lacks = |id: &ChunkId| !node.disk.contains_key(id);
                    if lacks(&part) {
                        vec![part]
                    } else {
                        node.stored_parts[&part].iter().copied().filter(lacks).collect()
                    }
                };
                self.later(1, node, Event::Input(Input::Surveyed { part, missing }));
            }
            Effect::Store { id, bytes } => {
                assert!(id.is_of(&bytes), "unverified bytes reach the disk");
                self.nodes[node].disk.insert(id, bytes);
            }
            Effect::Fetched { part } => {
                self.nodes[node].fetched.insert(part);
            }
            Effect::Request { peer, request, ids } => self.request(node, peer, request, ids),
            Effect::Serve { token, ids } => self.serve(node, token, &ids),
            Effect::Refuse { token } => {
                if let Some((asker, request, _)) = self.tokens.remove(&(node, token)) {
                    self.later(5, asker, Event::Input(Input::Answered { request, chunks: None }));
                }
            }
            Effect::Received(receipt) => self.nodes[node].received.push(receipt),
            Effect::Offered(offer) => {
                let receipt = Receipt {
                    channel: offer.channel,
                    block: offer.block,
                    participant: offer.participant,
                    validator: offer.validator,
                    signature: [node as u8; 64],
                };
                self.later(10, node, Event::Input(Input::Give { receipt }));
            }
            Effect::NotFetched { .. } => {}
        }
    }

    fn send(&mut self, node: usize, peer: Peer, notice: Notice) {
        let Some(other) = self.other(peer.0, node) else { return };
        if self.dice.hits(self.loss_percent)
            && !matches!(notice, Notice::Challenge { .. } | Notice::Proof { .. })
        {
            return;
        }
        let delay = 1 + self.dice.below(self.delay_ms);
        self.later(delay, other, Event::Notice { link: peer.0, notice });
    }

    fn judge(&mut self, node: usize, peer: Peer, channel: u64, batches: Vec<Vec<u8>>) {
        let bytes = batches.iter().map(|batch| batch.len() as u64).sum();
        let mut verdicts = Vec::new();
        for batch in batches {
            self.nodes[node].judged += 1;
            verdicts.push(match is_genuine(&batch) {
                Some(header) => {
                    let length = batch.len() as u64;
                    self.nodes[node].mailbox.insert(header, batch);
                    Verdict::Taken { header, bytes: length }
                }
                None => Verdict::Refused,
            });
        }
        let delay = 1 + self.dice.below(30);
        self.later(delay, node, Event::Input(Input::Judged { peer, channel, bytes, verdicts }));
    }

    fn request(&mut self, node: usize, peer: Peer, request: u64, ids: Vec<ChunkId>) {
        let other = self.other(peer.0, node).unwrap_or(node);
        *self.nodes[node].asked_of.entry(other).or_default() += 1;
        for id in &ids {
            *self.nodes[node].requested.entry(*id).or_default() += 1;
        }
        if other == node || self.nodes[other].vice == Vice::Mute {
            // The network answers in any case, late.
            return self.later(10_000, node, Event::Input(Input::Answered { request, chunks: None }));
        }
        let delay = 1 + self.dice.below(self.delay_ms);
        self.later(delay, other, Event::Question { link: peer.0, request, ids });
    }

    fn serve(&mut self, node: usize, token: u64, ids: &[ChunkId]) {
        let disk = &self.nodes[node].disk;
        let mut chunks: Vec<Option<Vec<u8>>> = ids.iter().map(|id| disk.get(id).cloned()).collect();
        if self.nodes[node].vice == Vice::WrongChunks {
            chunks.iter_mut().flatten().for_each(|bytes| bytes.push(0));
        }
        let bytes = chunks.iter().flatten().map(|chunk| chunk.len() as u64).sum();
        self.tell(node, Input::Served { token, bytes });
        let Some((asker, request, link)) = self.tokens.remove(&(node, token)) else { return };
        let is_lost = self.dice.hits(self.loss_percent) || !self.links.contains_key(&link);
        let delay = if is_lost { 10_000 } else { 1 + self.dice.below(self.delay_ms) };
        let chunks = (!is_lost).then_some(chunks);
        self.later(delay, asker, Event::Input(Input::Answered { request, chunks }));
    }

    /// Lets so much time pass.
    pub(super) fn run(&mut self, ms: u64) {
        let end = self.now + ms;
        while self.now < end {
            let next_tick = (self.now / 200 + 1) * 200;
            let next = self.queue.first_key_value().map_or(u64::MAX, |((at, _), _)| *at);
            self.now = next.min(next_tick).min(end).max(self.now);
            while let Some(((at, _), _)) = self.queue.first_key_value()
                && *at <= self.now
            {
                let (_, (node, event)) = self.queue.pop_first().expect("it was there");
                self.deliver(node, event);
            }
            if self.now == next_tick {
                (0..self.nodes.len()).for_each(|node| self.tell(node, Input::Tick));
            }
        }
    }

    fn deliver(&mut self, node: usize, event: Event) {
        match event {
            Event::Input(input) => self.tell(node, input),
            Event::Notice { link, notice } if self.links.contains_key(&link) => {
                self.tell(node, Input::Notice { peer: Peer(link), notice });
            }
            Event::Notice { .. } => {}
            Event::Question { link, request, ids } => {
                let Some(asker) = self.other(link, node) else { return };
                let token = self.next_token;
                self.next_token += 1;
                self.tokens.insert((node, token), (asker, request, link));
                self.tell(node, Input::Asked { peer: Peer(link), token, ids });
            }
        }
    }
}
