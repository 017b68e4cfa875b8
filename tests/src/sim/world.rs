//! The event loop: one clock, one queue, one thread. Carries packets between nodes as the plan's weather has it, breaks
//! and heals what the plan says, lets clients submit, and shows the judges everything.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use parity_scale_codec::Encode;
use quire_chain::{Chain, Genesis};
use quire_consensus::PeerId;
use quire_consensus::finality::voter;
use quire_core::hash::blake2_256;
use quire_core::{H256, OpaqueExtrinsic, Slot};

use super::byzantine::{self, Behaviour, View};
use super::disk::{Disk, lock};
use super::judges::Judges;
use super::keys::Keys;
use super::node::{Birth, Node, Observation, Out};
use super::packet::Packet;
use super::plan::{DUE_MS, END_MS, FAULTS_FROM_MS, Fault, HANDED_MS, HEALED_MS, Plan, Weather};
use super::rng::Rng;
use super::runtime::{SLOT_MS, genesis, transfer};

/// The clock at the start of a run: slots are cut from it, so it is not 0.
const EPOCH_MS: u64 = 1_000_000;
/// A peer with this score is disconnected for [`BAN_MS`].
const BAN_SCORE: u32 = 100;
/// How long a ban lasts, milliseconds.
const BAN_MS: u64 = 8_000;
/// Pause between two transfers of a client, milliseconds.
const CLIENT_MS: u64 = 400;
/// Pause between two rounds of gossip and of byzantine idling, milliseconds.
const IDLE_MS: u64 = 700;

/// Pause before a handshake is tried again, milliseconds.
const HELLO_MS: u64 = 500;

#[derive(Clone, Debug)]
enum Event {
    Packet {
        to: usize,
        link: PeerId,
        packet: Packet,
    },
    /// What a node wrote is durable: its outbox goes out.
    Flush {
        node: usize,
        life: u64,
    },
    Wake {
        node: usize,
        life: u64,
    },
    Slot {
        node: usize,
        slot: Slot,
    },
    Client,
    Idle,
    Fault(Fault),
    Reconnect {
        a: usize,
        b: usize,
    },
    Hello {
        from: usize,
        to: usize,
        packet: Packet,
    },
}

struct Place {
    node: Option<Node>,
    disk: Arc<Mutex<Disk>>,
    behaviour: Option<Box<dyn Behaviour>>,
    /// Counts starts, so that events of an earlier life are known.
    life: u64,
    scores: BTreeMap<usize, u32>,
    /// The wake-up that is queued.
    wake_at_ms: Option<u64>,
}

/// A run of a plan.
pub struct World {
    plan: Plan,
    genesis: Genesis,
    places: Vec<Place>,
    queue: BTreeMap<(u64, u64), Event>,
    events: u64,
    now_ms: u64,
    rng: Rng,
    /// The name of the connection from the first to the second, at the first.
    links: BTreeMap<(usize, usize), PeerId>,
    next_link: u64,
    sides: u32,
    is_split: bool,
    judges: Judges,
    /// Transactions handed in, by account, with the time.
    handed: Vec<Vec<(u64, Arc<OpaqueExtrinsic>)>>,
    /// The account whose turn it is to hand in again.
    turn: usize,
    trace: [u8; 32],
    /// Height of the best chain at [`DUE_MS`].
    due_height: u32,
}

/// What came of a run.
#[derive(Clone, Debug)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// Hash over everything that happened.
    pub trace: [u8; 32],
    /// Events carried out.
    pub events: u64,
    /// Highest final block.
    pub finalised: u32,
    /// Transactions that became final.
    pub transactions: usize,
    /// Nodes rightly accused of signing twice.
    pub caught: BTreeSet<usize>,
    /// What the judges say; empty if all is well.
    pub violations: Vec<String>,
    /// Why finality is where it is, node by node.
    pub explanations: Vec<String>,
}

impl World {
    /// The world of a plan at its first moment.
    pub fn new(plan: Plan) -> Result<Self, String> {
        let keys: Vec<Keys> = (0..plan.nodes).map(Keys::new).collect();
        let aura: Vec<_> = keys.iter().map(Keys::aura_id).collect();
        let ids: Vec<_> = keys.iter().map(Keys::grandpa_id).collect();
        let genesis =
            genesis(&aura, &ids, plan.accounts, plan.change_at).map_err(|error| error.to_string())?;
        let place = |kind: &Option<usize>| Place {
            node: None,
            disk: Arc::default(),
            behaviour: kind.map(byzantine::behaviour),
            life: 0,
            scores: BTreeMap::new(),
            wake_at_ms: None,
        };
        let honest = plan.byzantine.iter().map(Option::is_none).collect();
        let mut world = Self {
            places: plan.byzantine.iter().map(place).collect(),
            judges: Judges::new(honest, ids, plan.accounts),
            genesis,
            queue: BTreeMap::new(),
            events: 0,
            now_ms: EPOCH_MS,
            rng: Rng::new(plan.seed ^ 0xabcd),
            links: BTreeMap::new(),
            next_link: 0,
            sides: 0,
            is_split: false,
            handed: vec![Vec::new(); usize::from(plan.accounts)],
            turn: 0,
            trace: blake2_256(&plan.seed.to_le_bytes()),
            due_height: 0,
            plan,
        };
        world.begin();
        Ok(world)
    }

    fn begin(&mut self) {
        for node in 0..self.plan.nodes {
            self.start(node);
        }
        for (at, fault) in self.plan.faults.clone() {
            self.push(EPOCH_MS + at, Event::Fault(fault));
        }
        let first = EPOCH_MS / SLOT_MS + 1;
        for slot in first..first + END_MS / SLOT_MS {
            for node in 0..self.plan.nodes {
                let ahead = self.plan.clock_ahead_ms[node];
                self.push(slot * SLOT_MS + 120 - ahead, Event::Slot { node, slot: Slot(slot) });
            }
        }
        self.push(EPOCH_MS + CLIENT_MS, Event::Client);
        self.push(EPOCH_MS + IDLE_MS, Event::Idle);
    }

    /// Runs to the end and asks the judges.
    #[must_use]
    pub fn run(mut self) -> Report {
        while let Some(((at, _), event)) = self.queue.pop_first() {
            if at > EPOCH_MS + END_MS {
                break;
            }
            if self.now_ms < EPOCH_MS + DUE_MS && at >= EPOCH_MS + DUE_MS {
                self.due_height = self.best_height();
            }
            self.now_ms = at;
            self.events += 1;
            self.carry_out(event);
        }
        self.finish()
    }

    fn finish(mut self) -> Report {
        let heads: Vec<(u32, u32)> = self
            .places
            .iter()
            .map(|place| {
                let node = place.node.as_ref();
                node.map_or((0, 0), |node| {
                    (Chain::finalised(&node.chain).number, Chain::best(&node.chain).number)
                })
            })
            .collect();
        let due_ms = EPOCH_MS + HANDED_MS;
        let handed = self.handed.iter().flatten().filter(|(at, _)| *at <= due_ms);
        let due: Vec<H256> = handed.map(|(_, extrinsic)| extrinsic.hash()).collect();
        let explain = |place: &Place| match &place.node {
            Some(node) => format!("{:?}", node.voter.explain()),
            None => "is down".into(),
        };
        let explanations = self.places.iter().map(explain).collect();
        self.judges.finish(&heads, self.due_height, &due);
        Report {
            seed: self.plan.seed,
            trace: self.trace,
            events: self.events,
            finalised: self.judges.highest(),
            transactions: self.judges.final_in.len(),
            caught: self.judges.caught,
            violations: self.judges.violations,
            explanations,
        }
    }

    /// Lowest best height of honest nodes: what everybody must have final in the end.
    fn best_height(&self) -> u32 {
        let honest = self.places.iter().filter(|place| place.behaviour.is_none());
        honest.filter_map(|p| p.node.as_ref().map(|node| Chain::best(&node.chain).number)).min().unwrap_or(0)
    }

    fn push(&mut self, at: u64, event: Event) {
        self.events += 1;
        self.queue.insert((at.max(self.now_ms), self.events), event);
    }

    fn note(&mut self, kind: u8, node: usize, bytes: &[u8]) {
        let place = u8::try_from(node).unwrap_or(u8::MAX);
        let entry = (self.trace, self.now_ms, kind, place, bytes).encode();
        self.trace = blake2_256(&entry);
    }

    fn carry_out(&mut self, event: Event) {
        match event {
            Event::Packet { to, link, packet } => self.deliver(to, link, packet),
            Event::Flush { node, life } if self.places[node].life == life => self.flush(node),
            Event::Wake { node, life } if self.places[node].life == life => {
                self.places[node].wake_at_ms = None;
                self.with_node(node, |node, now| node.tick(now));
            }
            Event::Flush { .. } | Event::Wake { .. } => {}
            Event::Slot { node, slot } => self.with_node(node, |node, now| node.slot(now, slot)),
            Event::Client => self.client(),
            Event::Idle => self.idle(),
            Event::Fault(fault) => self.fault(&fault),
            Event::Reconnect { a, b } => self.connect(a, b),
            Event::Hello { from, to, packet } => self.carry(from, to, packet),
        }
    }

    /// Lets a node work, then arranges what follows from it.
    fn with_node(&mut self, index: usize, work: impl FnOnce(&mut Node, u64)) {
        let now_ms = self.now_ms;
        let place = &mut self.places[index];
        let Some(node) = &mut place.node else { return };
        work(node, now_ms);
        let life = place.life;
        let flush_at = node.busy_until_ms.max(now_ms);
        let wake = node.wake_at().filter(|at| place.wake_at_ms.is_none_or(|queued| *at < queued));
        if let Some(at) = wake {
            place.wake_at_ms = Some(at);
            self.push(at, Event::Wake { node: index, life });
        }
        self.push(flush_at, Event::Flush { node: index, life });
    }

    fn deliver(&mut self, to: usize, link: PeerId, packet: Packet) {
        let Some(node) = &self.places[to].node else { return };
        if node.busy_until_ms > self.now_ms {
            // One thread: it takes the packet when it is done with the last one.
            let at = node.busy_until_ms;
            self.push(at, Event::Packet { to, link, packet });
            return;
        }
        self.note(1, to, &packet.trace());
        self.with_node(to, |node, now| node.receive(now, link, packet));
    }

    /// What the node wrote is durable: what it said goes out.
    fn flush(&mut self, index: usize) {
        let Some(node) = &mut self.places[index].node else { return };
        if node.busy_until_ms > self.now_ms {
            return;
        }
        for out in node.take_out() {
            match out {
                Out::Send(link, packet) => self.send(index, link, packet),
                Out::Observed(observation) => self.observe(index, &observation),
            }
        }
    }

    fn observe(&mut self, index: usize, observation: &Observation) {
        if let Some(node) = &self.places[index].node {
            self.judges.observe(index, &node.chain, observation);
        }
        if let Observation::Finalised(blocks) = observation {
            let bytes: Vec<u8> = blocks.iter().flat_map(|(head, _)| head.hash.0).collect();
            self.note(2, index, &bytes);
        }
        if let Observation::Report { peer, cost, .. } = observation {
            let score = self.places[index].scores.entry(*peer).or_default();
            *score = score.saturating_add(*cost);
            if *score >= BAN_SCORE {
                *score = 0;
                self.disconnect(index, *peer);
                self.push(self.now_ms + BAN_MS, Event::Reconnect { a: index, b: *peer });
            }
        }
    }

    fn send(&mut self, from: usize, link: PeerId, packet: Packet) {
        let Some(to) = self.places[from].node.as_ref().and_then(|node| node.peers.get(&link).copied()) else {
            return;
        };
        for packet in self.twist(from, to, packet) {
            self.judges.overhear(from, &packet);
            self.carry(from, to, packet);
        }
    }

    /// What a byzantine node makes of a packet.
    fn twist(&mut self, from: usize, to: usize, packet: Packet) -> Vec<Packet> {
        let place = &mut self.places[from];
        let (Some(behaviour), Some(node)) = (&mut place.behaviour, &place.node) else { return vec![packet] };
        let view = view(node, self.plan.nodes, self.now_ms);
        behaviour.outgoing(&view, to, packet, &mut self.rng)
    }

    /// The network between two nodes.
    fn carry(&mut self, from: usize, to: usize, packet: Packet) {
        let weather = self.weather();
        let is_cut = self.is_split && ((self.sides >> from) ^ (self.sides >> to)) & 1 == 1;
        if is_cut || self.rng.chance(weather.lost) {
            if let Packet::Hello { .. } = packet {
                // Without its handshake a connection is none: it is tried again until it stands.
                self.push(self.now_ms + HELLO_MS, Event::Hello { from, to, packet });
            }
            return;
        }
        let Some(link) = self.links.get(&(to, from)).copied() else { return };
        let copies = 1 + u64::from(self.rng.chance(weather.doubled));
        for _ in 0..copies {
            let at = self.now_ms + self.rng.between(weather.delay_min_ms, weather.delay_max_ms);
            self.push(at, Event::Packet { to, link, packet: packet.clone() });
        }
    }

    fn weather(&self) -> Weather {
        let since = self.now_ms - EPOCH_MS;
        if (FAULTS_FROM_MS..HEALED_MS).contains(&since) { self.plan.storm } else { self.plan.calm }
    }

    fn start(&mut self, index: usize) {
        if self.places[index].node.is_some() {
            return;
        }
        let place = &mut self.places[index];
        place.life += 1;
        place.wake_at_ms = None;
        let birth = Birth {
            index,
            genesis: &self.genesis,
            disk: place.disk.clone(),
            speed: self.plan.speed,
            rng: Rng::new(self.plan.seed ^ (u64::try_from(index).unwrap_or(0) << 32) ^ place.life),
            config: voter::Config::default(),
            unfinalised_max: self.plan.unfinalised_max,
        };
        match Node::start(self.now_ms, birth) {
            Ok(node) => {
                self.judges.restarted(index, &node.chain);
                self.places[index].node = Some(node);
            }
            Err(why) => return self.judges.violate(format!("node {index} does not start: {why}")),
        }
        for other in (0..self.plan.nodes).filter(|other| *other != index) {
            self.connect(index, other);
        }
    }

    fn crash(&mut self, index: usize) {
        if self.places[index].node.take().is_none() {
            return;
        }
        self.note(3, index, &[]);
        lock(&self.places[index].disk).crash(self.now_ms, &mut self.rng);
        for other in (0..self.plan.nodes).filter(|other| *other != index) {
            self.disconnect(other, index);
        }
    }

    fn connect(&mut self, a: usize, b: usize) {
        let are_up = self.places[a].node.is_some() && self.places[b].node.is_some();
        if !are_up || self.links.contains_key(&(a, b)) {
            return;
        }
        for (one, other) in [(a, b), (b, a)] {
            self.next_link += 1;
            let link = PeerId(self.next_link);
            self.links.insert((one, other), link);
            self.with_node(one, |node, now| node.connected(now, link, other));
        }
    }

    fn disconnect(&mut self, a: usize, b: usize) {
        for (one, other) in [(a, b), (b, a)] {
            if let Some(link) = self.links.remove(&(one, other)) {
                self.with_node(one, |node, now| node.gone(now, link));
            }
        }
    }

    fn fault(&mut self, fault: &Fault) {
        match fault {
            Fault::Partition(sides) => (self.is_split, self.sides) = (true, *sides),
            Fault::Heal => self.is_split = false,
            Fault::Crash(node) => self.crash(*node),
            Fault::Restart(node) => self.start(*node),
        }
    }

    /// Some account sends a transfer through its home node; another one hands in again what is not final.
    fn client(&mut self) {
        self.push(self.now_ms + CLIENT_MS, Event::Client);
        let account = self.rng.index(self.handed.len());
        let is_open = self.now_ms <= EPOCH_MS + DUE_MS && self.places[self.home(account)].node.is_some();
        if is_open {
            let transfer = transfer(
                u8::try_from(account).unwrap_or(0),
                u32::try_from(self.handed[account].len()).unwrap_or(u32::MAX),
                u8::try_from(self.rng.index(self.handed.len())).unwrap_or(0),
                self.rng.between(1, 1_000),
            );
            self.handed[account].push((self.now_ms, Arc::new(transfer)));
            self.hand_in(account);
        }
        self.turn = (self.turn + 1) % self.handed.len();
        self.hand_in(self.turn);
    }

    /// The node through which an account talks to the chain: an honest one.
    fn home(&self, account: usize) -> usize {
        let nodes = (0..self.plan.nodes).map(|step| (account + step) % self.plan.nodes);
        nodes.into_iter().find(|node| self.places[*node].behaviour.is_none()).unwrap_or(0)
    }

    fn hand_in(&mut self, account: usize) {
        let open: Vec<_> = self.handed[account]
            .iter()
            .filter(|(_, extrinsic)| !self.judges.final_in.contains_key(&extrinsic.hash()))
            .map(|(_, extrinsic)| extrinsic.clone())
            .collect();
        if !open.is_empty() {
            self.with_node(self.home(account), |node, now| node.submit(now, open));
        }
    }

    fn idle(&mut self) {
        self.push(self.now_ms + IDLE_MS, Event::Idle);
        for index in 0..self.plan.nodes {
            for score in self.places[index].scores.values_mut() {
                *score = score.saturating_sub(1);
            }
            self.with_node(index, |node, now| node.gossip(now));
            let place = &mut self.places[index];
            let (Some(behaviour), Some(node)) = (&mut place.behaviour, &place.node) else { continue };
            let view = view(node, self.plan.nodes, self.now_ms);
            for (to, packet) in behaviour.idle(&view, &mut self.rng) {
                self.carry(index, to, packet);
            }
        }
    }
}

fn view(node: &Node, nodes: usize, now_ms: u64) -> View<'_> {
    let round = (node.voter.voters().set_id, node.voter.round());
    View { index: node.index, nodes, keys: &node.keys, chain: &node.chain, round, now_ms }
}
