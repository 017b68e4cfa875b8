//! A world for the tests of finality: a tree of blocks, keys, and a network of voters on a virtual clock.

use std::collections::BTreeMap;
use std::sync::Arc;

use ed25519_zebra::{SigningKey, VerificationKey};
use parity_scale_codec::{Decode, Encode};
use quire_core::{GrandpaId, H256, Header};

use super::blocks::{Blocks, contains};
use super::justification::{VoterSet, verify};
use super::message::{Ballot, Message, SignedVote, Target, payload};
use super::voter::*;
use super::votes::VoteEquivocation;
use crate::peer::PeerId;
use crate::vote_guard::{Verdict, VoteGuard, VoteKind};

pub(crate) fn key(seed: usize) -> SigningKey {
    SigningKey::from([u8::try_from(seed).expect("few keys") + 1; 32])
}

pub(crate) fn id(seed: usize) -> GrandpaId {
    GrandpaId(VerificationKey::from(&key(seed)).into())
}

pub(crate) fn voters(set_id: u64, count: usize) -> Arc<VoterSet> {
    Arc::new(VoterSet::new(set_id, (0..count).map(id)))
}

pub(crate) fn ballot(seed: usize, kind: VoteKind, target: Target, round: u64, set_id: u64) -> Ballot {
    let signature = key(seed).sign(&payload(kind, target, round, set_id)).into();
    Ballot { target, signature, id: id(seed) }
}

/// Blocks of a node: everything imported, never pruned.
#[derive(Clone, Debug)]
pub(crate) struct Tree {
    headers: BTreeMap<H256, Arc<Header>>,
    pub(crate) genesis: Target,
    pub(crate) finalised: Target,
    /// A block above which nothing is voted for.
    pub(crate) change: Option<Target>,
}

impl Tree {
    pub(crate) fn new() -> Self {
        let header = Header::default();
        let genesis = Target { hash: header.hash(), number: 0 };
        let headers = [(genesis.hash, Arc::new(header))].into();
        Self { headers, genesis, finalised: genesis, change: None }
    }

    /// The block on `parent` that `salt` tells from its siblings; imports it.
    pub(crate) fn grow(&mut self, parent: Target, salt: u8) -> Target {
        let header = Header {
            parent_hash: parent.hash,
            number: parent.number + 1,
            state_root: H256([salt; 32]),
            ..Header::default()
        };
        let target = Target { hash: header.hash(), number: header.number };
        self.headers.insert(target.hash, Arc::new(header));
        target
    }

    pub(crate) fn best(&self) -> Target {
        self.best_containing(self.finalised.hash).expect("the finalised block is there")
    }
}

impl Blocks for Tree {
    fn header(&self, hash: H256) -> Option<Arc<Header>> {
        self.headers.get(&hash).cloned()
    }

    fn finalised(&self) -> Target {
        self.finalised
    }

    fn best_containing(&self, base: H256) -> Option<Target> {
        self.headers.get(&base)?;
        let targets = self.headers.iter().map(|(hash, header)| Target { hash: *hash, number: header.number });
        let fits = |target: &Target| {
            contains(self, base, target.hash)
                && self.change.is_none_or(|c| target.hash == c.hash || !contains(self, c.hash, target.hash))
        };
        targets.filter(fits).max_by_key(|target| (target.number, std::cmp::Reverse(target.hash)))
    }
}

/// One node of the test network.
pub(crate) struct Node {
    pub(crate) voter: Voter,
    pub(crate) tree: Tree,
    pub(crate) guard: VoteGuard,
    pub(crate) key: SigningKey,
    pub(crate) is_up: bool,
    pub(crate) signed: usize,
    pub(crate) reports: Vec<(PeerId, Rule)>,
    pub(crate) equivocations: Vec<VoteEquivocation>,
    pub(crate) fetches: Vec<Target>,
    /// When each height became final.
    pub(crate) final_at: BTreeMap<u32, u64>,
}

type Passes = Box<dyn Fn(usize, usize, &Message, u64) -> bool>;

/// Voters that talk; node `n` is peer `n` of the others.
pub(crate) struct Net {
    pub(crate) nodes: Vec<Node>,
    pub(crate) now_ms: u64,
    pub(crate) delay_ms: u64,
    queue: BTreeMap<(u64, u64), (usize, usize, Vec<u8>)>,
    sent: u64,
    pub(crate) set: Arc<VoterSet>,
    pub(crate) config: Config,
    /// Whether a message from the first to the second arrives; the number counts messages.
    pub(crate) passes: Passes,
}

impl Net {
    pub(crate) fn new(count: usize) -> Self {
        let config = Config::default();
        let set = voters(0, count);
        let tree = Tree::new();
        let node = |seed| {
            let start =
                Start { id: Some(id(seed)), voters: set.clone(), own: OwnVotes::default(), record: None };
            Node {
                voter: Voter::new(config, 0, start, &tree),
                tree: tree.clone(),
                guard: VoteGuard::fresh(),
                key: key(seed),
                is_up: true,
                signed: 0,
                reports: Vec::new(),
                equivocations: Vec::new(),
                fetches: Vec::new(),
                final_at: BTreeMap::new(),
            }
        };
        let mut net = Self {
            nodes: (0..count).map(node).collect(),
            now_ms: 0,
            delay_ms: 10,
            queue: BTreeMap::new(),
            sent: 0,
            set: set.clone(),
            config,
            passes: Box::new(|_, _, _, _| true),
        };
        for a in 0..count {
            net.connect(a);
        }
        net
    }

    fn connect(&mut self, a: usize) {
        for b in (0..self.nodes.len()).filter(|b| *b != a) {
            self.input(a, Input::Connected { peer: PeerId(b as u64), role: Role::Authority });
        }
    }

    pub(crate) fn input(&mut self, at: usize, input: Input) {
        let mut inputs = vec![input];
        while let Some(input) = inputs.pop() {
            let node = &mut self.nodes[at];
            if !node.is_up {
                return;
            }
            let mut out = Vec::new();
            node.voter.step(self.now_ms, &node.tree, input, &mut out);
            for effect in out {
                self.carry_out(at, effect, &mut inputs);
            }
        }
    }

    fn carry_out(&mut self, at: usize, effect: Effect, inputs: &mut Vec<Input>) {
        let node = &mut self.nodes[at];
        match effect {
            Effect::Sign(request) => inputs.push(node.sign(request)),
            Effect::Send { to, message } => {
                for peer in to {
                    self.sent += 1;
                    let b = usize::try_from(peer.0).expect("few nodes");
                    if (self.passes)(at, b, &message, self.sent) {
                        let due = (self.now_ms + self.delay_ms, self.sent);
                        self.queue.insert(due, (at, b, message.encode()));
                    }
                }
            }
            Effect::Finalise { target, proof } => {
                verify(&proof, (target.hash, target.number), &self.set).expect("is proven");
                assert!(contains(&node.tree, node.tree.finalised.hash, target.hash), "finality never turns");
                node.tree.finalised = target;
                for number in 0..=target.number {
                    node.final_at.entry(number).or_insert(self.now_ms);
                }
                let voters = self.set.clone();
                inputs.push(Input::Finalised { target, voters, proof: Some(proof) });
            }
            Effect::Fetch { target, .. } => node.fetches.push(target),
            Effect::Report { peer, rule } => node.reports.push((peer, rule)),
            Effect::Equivocation(proof) => node.equivocations.push(proof),
        }
    }

    /// Imports a block everywhere that is up.
    pub(crate) fn grow(&mut self, parent: Target, salt: u8) -> Target {
        let mut block = parent;
        for at in 0..self.nodes.len() {
            block = self.grow_at(at, parent, salt);
        }
        block
    }

    pub(crate) fn grow_at(&mut self, at: usize, parent: Target, salt: u8) -> Target {
        let block = self.nodes[at].tree.grow(parent, salt);
        self.input(at, Input::Imported);
        block
    }

    /// Lets time pass.
    pub(crate) fn run(&mut self, ms: u64) {
        let end = self.now_ms + ms;
        loop {
            let message = self.queue.first_key_value().map(|((at, _), _)| *at);
            let wakes = self.nodes.iter().enumerate().filter(|(_, node)| node.is_up);
            let wake = wakes.filter_map(|(n, node)| Some((node.voter.wake_at()?, n))).min();
            let next = [message, wake.map(|(at, _)| at)].into_iter().flatten().min();
            let Some(at) = next.filter(|at| *at <= end) else { break };
            self.now_ms = self.now_ms.max(at);
            if message == Some(at) {
                let (_, (a, b, bytes)) = self.queue.pop_first().expect("peeked");
                self.input(b, Input::Message { peer: PeerId(a as u64), bytes });
            } else if let Some((_, node)) = wake {
                self.input(node, Input::Tick);
            }
        }
        self.now_ms = end;
    }

    /// Stops a node and starts it again from what its guard has on disk.
    pub(crate) fn restart(&mut self, at: usize) {
        let node = &mut self.nodes[at];
        let key = id(at).0;
        let record = node.guard.round(&key).map(|mut bytes| RoundRecord::decode(&mut bytes).expect("ours"));
        let start =
            Start { id: Some(id(at)), voters: self.set.clone(), own: node.guard.own_votes(&key), record };
        node.voter = Voter::new(self.config, self.now_ms, start, &node.tree);
        node.is_up = true;
        for b in (0..self.nodes.len()).filter(|b| *b != at) {
            self.input(b, Input::Gone { peer: PeerId(at as u64) });
            self.input(b, Input::Connected { peer: PeerId(at as u64), role: Role::Authority });
        }
        self.connect(at);
    }

    pub(crate) fn finalised(&self) -> Vec<u32> {
        self.nodes.iter().map(|node| node.tree.finalised.number).collect()
    }
}

impl Node {
    fn sign(&mut self, request: SignRequest) -> Input {
        let (set_id, round, kind) = (request.set_id, request.round, request.kind);
        if let Some(record) = &request.record {
            self.guard.keep_round(request.id.0, record.clone());
        }
        match self.guard.ask(&request.guard_request()) {
            Verdict::Safe { after } => {
                while let Some(write) = self.guard.write() {
                    self.guard.written(write.through);
                }
                assert!(self.guard.is_durable(after));
                self.signed += 1;
                let signature = self.key.sign(&request.payload()).into();
                let ballot = Ballot { target: request.target, signature, id: request.id };
                Input::Signed { set_id, round, vote: SignedVote { kind, ballot } }
            }
            Verdict::NotSafe(_) => Input::Refused { set_id, round, kind },
        }
    }
}
