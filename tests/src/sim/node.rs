//! An honest node: the real cores with a shell that has no sockets, no threads and no clock.
//!
//! Everything the node wants to tell the world waits in its outbox until what it wrote is durable; the world fetches it
//! then, or throws it away with a crash.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use parity_scale_codec::{Decode, Encode};
use quire_chain::sync::{self, BlockData, Outcome, Sync};
use quire_chain::{Chain, Config, Finalised, Genesis, Head, Imported};
use quire_consensus::PeerId;
use quire_consensus::equivocation::EquivocationProof;
use quire_consensus::finality::message::{Ballot, SignedVote, Target};
use quire_consensus::finality::voter::{
    self, Effect as VoterEffect, Role, RoundRecord, SignRequest, Start, Voter,
};
use quire_consensus::finality::votes::VoteEquivocation;
use quire_consensus::slots::claim;
use quire_consensus::vote_guard::{Request, Verdict, VoteGuard};
use quire_core::inherent::TIMESTAMP_ID;
use quire_core::{Block, GrandpaJustification, H256, InherentData, OpaqueExtrinsic, Slot, TransactionSource};
use quire_pool::{BlockBody, BlockRef, Pool, Status, Submission};

use super::disk::{Disk, SimStore, Span, lock};
use super::keys::Keys;
use super::packet::Packet;
use super::rng::Rng;
use super::runtime::{SLOT_MS, ToyRuntime};

/// The chain of a simulated node.
pub type SimChain = Chain<SimStore, ToyRuntime>;

/// Something the judges look at.
#[derive(Clone, Debug)]
pub enum Observation {
    /// Blocks became final, ascending, with their bodies.
    Finalised(Vec<(Head, Arc<Vec<OpaqueExtrinsic>>)>),
    /// The pool told a client that its transaction is final.
    TransactionFinal {
        /// The transaction.
        hash: H256,
        /// The block.
        block: H256,
    },
    /// An authority sealed twice in a slot.
    SealTwice(EquivocationProof),
    /// An authority voted twice in a round.
    VoteTwice(Box<VoteEquivocation>),
    /// A peer broke a rule.
    Report {
        /// The node that is accused.
        peer: usize,
        /// The rule.
        rule: &'static str,
        /// What it costs.
        cost: u32,
    },
    /// The node would have to stop.
    Fatal(String),
}

/// What a node wants to tell the world.
#[derive(Clone, Debug)]
pub enum Out {
    /// A packet on a connection.
    Send(PeerId, Packet),
    /// For the judges.
    Observed(Observation),
}

enum Work {
    Voter(voter::Input),
    Sync(sync::Input),
    Pool(quire_pool::Input),
    Import(BlockData),
    Proof(H256, Vec<u8>),
}

/// How long writes take, milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct DiskSpeed {
    /// Shortest.
    pub min_ms: u64,
    /// Longest.
    pub max_ms: u64,
}

/// A node; see the module doc.
pub struct Node {
    /// Its place among the authorities.
    pub index: usize,
    /// Its keys.
    pub keys: Keys,
    /// Its chain.
    pub chain: SimChain,
    /// Its voter.
    pub voter: Voter,
    /// Its sync.
    pub sync: Sync,
    pool: Pool,
    guard: VoteGuard,
    disk: Arc<Mutex<Disk>>,
    speed: DiskSpeed,
    rng: Rng,
    /// Connections.
    pub peers: BTreeMap<PeerId, usize>,
    /// Until when it works on what came in; it takes nothing else before.
    pub busy_until_ms: u64,
    now_ms: u64,
    work: VecDeque<Work>,
    out: Vec<Out>,
    ticket: u64,
}

/// What a node needs to start.
pub struct Birth<'a> {
    /// Its place among the authorities.
    pub index: usize,
    /// The state before the first block.
    pub genesis: &'a Genesis,
    /// Its disk, with whatever survived.
    pub disk: Arc<Mutex<Disk>>,
    /// How fast that is.
    pub speed: DiskSpeed,
    /// Chance for the disk's speed.
    pub rng: Rng,
    /// The voter's times.
    pub config: voter::Config,
    /// Most unfinalised blocks.
    pub unfinalised_max: usize,
}

impl Node {
    /// Starts a node from its disk.
    pub fn start(now_ms: u64, birth: Birth<'_>) -> Result<Self, String> {
        let keys = Keys::new(birth.index);
        let store = Arc::new(SimStore::open(birth.disk.clone()));
        store.set_span(Span { begun_ms: now_ms, durable_ms: now_ms });
        let config = Config { unfinalised_blocks_max: birth.unfinalised_max, ..Config::default() };
        let chain = Chain::open(store, Arc::new(ToyRuntime), birth.genesis, config)
            .map_err(|error| error.to_string())?;
        let guard = {
            let mut disk = lock(&birth.disk);
            let guard = VoteGuard::restore(disk.files()).map_err(|error| error.to_string())?;
            if disk.files() == [None, None] {
                for write in guard.initial_files() {
                    disk.write_file(write.file, write.bytes, Span { begun_ms: now_ms, durable_ms: now_ms });
                }
            }
            guard
        };
        let id = keys.grandpa_id();
        let record = guard.round(&id.0).map(|mut bytes| RoundRecord::decode(&mut bytes)).transpose();
        let voters = chain.voter_set(Chain::finalised(&chain).hash).ok_or("the root has no voters")?;
        let start = Start {
            id: Some(id),
            voters,
            own: guard.own_votes(&id.0),
            record: record.map_err(|error| error.to_string())?,
        };
        let voter = Voter::new(birth.config, now_ms, start, &chain);
        let sync = sync::Config { request_timeout_ms: 2_000, retry_ms: 500, ..sync::Config::default() };
        let best = block_ref(Chain::best(&chain));
        Ok(Self {
            index: birth.index,
            keys,
            voter,
            sync: Sync::new(sync, now_ms),
            pool: Pool::new(quire_pool::Config { ban_ms: 5_000, ..quire_pool::Config::default() }, best),
            guard,
            disk: birth.disk,
            speed: birth.speed,
            rng: birth.rng,
            peers: BTreeMap::new(),
            busy_until_ms: now_ms,
            now_ms,
            work: VecDeque::new(),
            out: Vec::new(),
            ticket: 0,
            chain,
        })
    }

    /// When the node wants to be woken, if nothing happens before.
    #[must_use]
    pub fn wake_at(&self) -> Option<u64> {
        [self.voter.wake_at(), self.sync.wake_at()].into_iter().flatten().min()
    }

    /// What it has to tell, once `busy_until_ms` has come.
    pub fn take_out(&mut self) -> Vec<Out> {
        std::mem::take(&mut self.out)
    }

    /// A connection is there.
    pub fn connected(&mut self, now_ms: u64, link: PeerId, peer: usize) {
        self.peers.insert(link, peer);
        let best = Chain::best(&self.chain);
        self.out.push(Out::Send(link, Packet::Hello { best }));
        self.run(now_ms, [Work::Voter(voter::Input::Connected { peer: link, role: Role::Authority })]);
    }

    /// A connection is gone.
    pub fn gone(&mut self, now_ms: u64, link: PeerId) {
        self.peers.remove(&link);
        let inputs =
            [Work::Voter(voter::Input::Gone { peer: link }), Work::Sync(sync::Input::Gone { peer: link })];
        self.run(now_ms, inputs);
    }

    /// A packet came in.
    pub fn receive(&mut self, now_ms: u64, link: PeerId, packet: Packet) {
        if !self.peers.contains_key(&link) {
            return;
        }
        let work = match packet {
            Packet::Hello { best } => Work::Sync(sync::Input::Connected { peer: link, best }),
            Packet::Announce { header, is_best } => {
                let header = Box::new((*header).clone());
                Work::Sync(sync::Input::Announced { peer: link, header, is_best })
            }
            Packet::Request { id, what } => match self.chain.answer(&what) {
                Ok(blocks) => return self.out.push(Out::Send(link, Packet::Response { id, blocks })),
                Err(error) => return self.observe(Observation::Fatal(error.to_string())),
            },
            Packet::Response { id, blocks } => {
                Work::Sync(sync::Input::Response { peer: link, request: id, blocks })
            }
            Packet::Grandpa(bytes) => Work::Voter(voter::Input::Message { peer: link, bytes }),
            Packet::Transactions(all) => Work::Pool(self.submission(all, TransactionSource::External, false)),
        };
        self.run(now_ms, [work]);
    }

    /// A client hands in transactions.
    pub fn submit(&mut self, now_ms: u64, transactions: Vec<Arc<OpaqueExtrinsic>>) {
        let input = self.submission(transactions, TransactionSource::Local, true);
        self.run(now_ms, [Work::Pool(input)]);
    }

    /// Time passed.
    pub fn tick(&mut self, now_ms: u64) {
        self.run(now_ms, [Work::Voter(voter::Input::Tick), Work::Sync(sync::Input::Tick)]);
    }

    /// Tells everybody the ready transactions again.
    pub fn gossip(&mut self, now_ms: u64) {
        self.now_ms = now_ms;
        let ready: Vec<_> = self.pool.pending().take(512).cloned().collect();
        if !ready.is_empty() {
            self.broadcast(&Packet::Transactions(ready));
        }
    }

    /// A slot began: authors if it is ours.
    pub fn slot(&mut self, now_ms: u64, slot: Slot) {
        self.now_ms = now_ms;
        let parent = Chain::best(&self.chain);
        let Some(set) = self.chain.aura_set(parent.hash) else { return };
        let parent_slot = (parent.number > 0).then(|| self.chain.best_slot());
        let Some(claim) = claim::claim(slot, parent_slot, &set, &[self.keys.aura_id()]) else { return };
        let finalised = Chain::finalised(&self.chain).number;
        if claim::should_back_off(slot, self.chain.best_slot(), parent.number, finalised) {
            return;
        }
        match self.author(parent.hash, claim.slot) {
            Ok(Some(imported)) => self.after_import(&imported),
            Ok(None) => {}
            Err(error) => self.observe(Observation::Fatal(error)),
        }
        self.run(now_ms, []);
    }

    fn author(&mut self, parent: H256, slot: Slot) -> Result<Option<Imported>, String> {
        let mut inherents = InherentData::new();
        inherents.put(TIMESTAMP_ID, &slot.0.saturating_mul(SLOT_MS));
        let mut proposer = self.chain.proposer(parent, slot, &inherents).map_err(|e| e.to_string())?;
        let ready = self.pool.ready(200, 1 << 20);
        let batch: Vec<_> = ready.iter().map(|transaction| transaction.extrinsic.clone()).collect();
        let answers = proposer.push_batch(&batch).map_err(|e| e.to_string())?;
        let refused = ready.iter().zip(answers).filter_map(|(one, answer)| Some((one.hash, answer.err()?)));
        self.work.push_back(Work::Pool(quire_pool::Input::Refused { parent, refused: refused.collect() }));
        let built = proposer.finish().map_err(|e| e.to_string())?;
        let payload = built.seal_payload();
        let request = Request::Seal { key: self.keys.aura_id().0, slot, payload };
        if let Verdict::NotSafe(_) = self.guard.ask(&request) {
            return Ok(None);
        }
        self.write_guard();
        let seal = self.keys.seal(payload);
        self.expect_commit();
        let imported = self.chain.import_built(built, seal);
        match imported {
            Ok(imported) => Ok(Some(imported)),
            Err(error) if error.retry() => Ok(None),
            Err(error) => Err(error.to_string()),
        }
    }

    fn submission(
        &mut self,
        transactions: Vec<Arc<OpaqueExtrinsic>>,
        source: TransactionSource,
        watch: bool,
    ) -> quire_pool::Input {
        let submission = |extrinsic| {
            self.ticket += 1;
            Submission { ticket: self.ticket, extrinsic, source, watch }
        };
        quire_pool::Input::Submit(transactions.into_iter().map(submission).collect())
    }

    fn run(&mut self, now_ms: u64, inputs: impl IntoIterator<Item = Work>) {
        self.now_ms = now_ms;
        self.busy_until_ms = self.busy_until_ms.max(now_ms);
        self.work.extend(inputs);
        while let Some(work) = self.work.pop_front() {
            match work {
                Work::Voter(input) => self.step_voter(input),
                Work::Sync(input) => self.step_sync(input),
                Work::Pool(input) => self.step_pool(input),
                Work::Import(block) => self.import(block),
                Work::Proof(hash, bytes) => self.take_proof(hash, &bytes),
            }
        }
    }

    fn step_voter(&mut self, input: voter::Input) {
        let mut effects = Vec::new();
        self.voter.step(self.now_ms, &self.chain, input, &mut effects);
        for effect in effects {
            match effect {
                VoterEffect::Sign(request) => {
                    let input = self.sign(&request);
                    self.work.push_back(Work::Voter(input));
                }
                VoterEffect::Send { to, message } => {
                    let bytes = message.encode();
                    for peer in to {
                        self.out.push(Out::Send(peer, Packet::Grandpa(bytes.clone())));
                    }
                }
                VoterEffect::Finalise { target, proof } => self.finalise(target.hash, &proof),
                VoterEffect::Fetch { target, peer } => {
                    let block = Head { number: target.number, hash: target.hash };
                    self.work.push_back(Work::Sync(sync::Input::Wanted { block, peer }));
                }
                VoterEffect::Report { peer, rule } => self.report(peer, rule.name(), rule.cost()),
                VoterEffect::Equivocation(proof) => self.observe(Observation::VoteTwice(Box::new(proof))),
            }
        }
    }

    fn step_sync(&mut self, input: sync::Input) {
        let mut effects = Vec::new();
        self.sync.step(self.now_ms, &self.chain, input, &mut effects);
        for effect in effects {
            match effect {
                sync::Effect::Request { peer, request, what } => {
                    self.out.push(Out::Send(peer, Packet::Request { id: request, what }));
                }
                sync::Effect::Import { blocks } => self.work.extend(blocks.into_iter().map(Work::Import)),
                sync::Effect::Proof { block, proof } => self.work.push_back(Work::Proof(block.hash, proof)),
                sync::Effect::Report { peer, rule } => self.report(peer, rule.name(), rule.cost()),
            }
        }
    }

    fn step_pool(&mut self, input: quire_pool::Input) {
        let mut effects = Vec::new();
        self.pool.step(self.now_ms, input, &mut effects);
        for effect in effects {
            match effect {
                quire_pool::Effect::Validate { job, source, transactions } => {
                    let at = Chain::best(&self.chain);
                    let results = match self.chain.validate(at.hash, source, &transactions) {
                        Ok(answers) => answers.into_iter().map(Ok).collect(),
                        Err(error) => transactions.iter().map(|_| Err(error.to_string())).collect(),
                    };
                    let at = block_ref(at);
                    self.work.push_back(Work::Pool(quire_pool::Input::Validated { job, at, results }));
                }
                quire_pool::Effect::Propagate { extrinsic, .. } => {
                    self.broadcast(&Packet::Transactions(vec![extrinsic]));
                }
                quire_pool::Effect::Status { hash, status: Status::Finalized { block, .. } } => {
                    self.observe(Observation::TransactionFinal { hash, block });
                }
                quire_pool::Effect::Answer { .. } | quire_pool::Effect::Status { .. } => {}
            }
        }
    }

    /// Guard first, then the signature (R1 of the voter).
    fn sign(&mut self, request: &SignRequest) -> voter::Input {
        let (set_id, round, kind) = (request.set_id, request.round, request.kind);
        if let Some(record) = &request.record {
            self.guard.keep_round(request.id.0, record.clone());
        }
        if let Verdict::NotSafe(_) = self.guard.ask(&request.guard_request()) {
            return voter::Input::Refused { set_id, round, kind };
        }
        self.write_guard();
        let signature = self.keys.vote(&request.payload());
        let ballot = Ballot { target: request.target, signature, id: request.id };
        voter::Input::Signed { set_id, round, vote: SignedVote { kind, ballot } }
    }

    fn write_guard(&mut self) {
        while let Some(write) = self.guard.write() {
            let span = self.spend();
            lock(&self.disk).write_file(write.file, write.bytes, span);
            self.guard.written(write.through);
        }
    }

    /// The commit that follows takes its time.
    fn expect_commit(&mut self) {
        let span = self.spend();
        self.chain.store().set_span(span);
    }

    fn spend(&mut self) -> Span {
        let begun_ms = self.busy_until_ms;
        self.busy_until_ms += self.rng.between(self.speed.min_ms, self.speed.max_ms);
        Span { begun_ms, durable_ms: self.busy_until_ms }
    }

    fn import(&mut self, block: BlockData) {
        let BlockData { hash, header: Some(header), body: Some(extrinsics), proof } = block else { return };
        self.expect_commit();
        let outcome = match self.chain.import(self.now_ms, Block { header, extrinsics }) {
            Ok(imported) => {
                self.after_import(&imported);
                Outcome::Imported
            }
            Err(error) => {
                if error.is_fatal() {
                    self.observe(Observation::Fatal(error.to_string()));
                }
                Outcome::of(&error)
            }
        };
        if let Some(proof) = proof {
            self.work.push_back(Work::Proof(hash, proof));
        }
        self.work.push_back(Work::Sync(sync::Input::Imported { hash, outcome }));
    }

    fn after_import(&mut self, imported: &Imported) {
        if let Some(proof) = &imported.equivocation {
            self.observe(Observation::SealTwice(proof.clone()));
        }
        if let Some(route) = &imported.new_best {
            let newest = [(imported.block, imported.body.clone())];
            self.move_pool(&route.retracted, &route.enacted, &newest);
        }
        let is_best = imported.new_best.is_some();
        self.broadcast(&Packet::Announce { header: imported.header.clone(), is_best });
        self.work.push_back(Work::Voter(voter::Input::Imported));
    }

    fn take_proof(&mut self, hash: H256, bytes: &[u8]) {
        if let Ok(proof) = GrandpaJustification::decode(&mut &*bytes)
            && proof.target_hash == hash
        {
            self.finalise(hash, &proof);
        }
    }

    fn finalise(&mut self, hash: H256, proof: &GrandpaJustification) {
        self.expect_commit();
        let finalised = self.chain.finalise(hash, proof);
        match finalised {
            Ok(done) => self.after_finality(done, proof),
            Err(error) if error.is_fatal() => self.observe(Observation::Fatal(error.to_string())),
            Err(_) => {}
        }
    }

    fn after_finality(&mut self, done: Finalised, proof: &GrandpaJustification) {
        if let Some(route) = &done.new_best {
            let lost: Vec<_> = route.retracted.iter().copied().zip(done.retracted.iter().cloned()).collect();
            self.move_pool(&route.retracted, &route.enacted, &lost);
            // Peers believe in a head that is gone.
            let header = self.chain.best_header();
            self.broadcast(&Packet::Announce { header, is_best: true });
        }
        let blocks: Vec<_> = done.blocks.iter().map(|(head, _)| *head).collect();
        let refs = blocks.iter().copied().map(block_ref).collect();
        self.work.push_back(Work::Pool(quire_pool::Input::Finalised(refs)));
        let with_body =
            |head: Head| (head, Arc::new(self.chain.body(head.hash).ok().flatten().unwrap_or_default()));
        let observed = blocks.iter().copied().map(with_body).collect();
        self.observe(Observation::Finalised(observed));
        let head = Chain::finalised(&self.chain);
        let Some(voters) = self.chain.voter_set(head.hash) else { return };
        let target = Target { hash: head.hash, number: head.number };
        let proof = Some(Arc::new(proof.clone()));
        self.work.push_back(Work::Voter(voter::Input::Finalised { target, voters, proof }));
    }

    /// Tells the pool that the best head moved; bodies are in the chain or among `known`.
    fn move_pool(
        &mut self,
        retracted: &[Head],
        enacted: &[Head],
        known: &[(Head, Arc<Vec<OpaqueExtrinsic>>)],
    ) {
        let body = |head: &Head| {
            let at_hand = known.iter().find(|(block, _)| block == head).map(|(_, body)| body.clone());
            let extrinsics = at_hand.or_else(|| self.chain.body(head.hash).ok().flatten().map(Arc::new))?;
            Some(BlockBody { block: block_ref(*head), extrinsics })
        };
        let input = quire_pool::Input::NewBest {
            best: block_ref(Chain::best(&self.chain)),
            retracted: retracted.iter().filter_map(body).collect(),
            enacted: enacted.iter().filter_map(body).collect(),
        };
        self.work.push_back(Work::Pool(input));
    }

    fn broadcast(&mut self, packet: &Packet) {
        self.out.extend(self.peers.keys().map(|link| Out::Send(*link, packet.clone())));
    }

    fn report(&mut self, link: PeerId, rule: &'static str, cost: u32) {
        if let Some(peer) = self.peers.get(&link).copied() {
            self.observe(Observation::Report { peer, rule, cost });
        }
    }

    fn observe(&mut self, observation: Observation) {
        self.out.push(Out::Observed(observation));
    }
}

fn block_ref(head: Head) -> BlockRef {
    BlockRef { number: head.number, hash: head.hash }
}
