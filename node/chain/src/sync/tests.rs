//! Sync: one test per rule, against peers that answer from a tree of blocks, rightly or not.

use std::sync::Arc;

use super::*;

/// Blocks by hash, with the best chain by number.
#[derive(Clone, Default)]
struct World {
    blocks: BTreeMap<H256, BlockData>,
    chain: Vec<Head>,
}

impl World {
    /// A chain of `length` blocks over the genesis block, told from others by `salt` from `fork` upwards.
    fn new(length: u32, fork: u32, salt: u8) -> Self {
        let mut world = Self::default();
        let mut parent_hash = H256::ZERO;
        for number in 0..=length {
            let salt = if number >= fork { salt } else { 0 };
            let header = Header { parent_hash, number, state_root: H256([salt; 32]), ..Header::default() };
            let hash = header.hash();
            parent_hash = hash;
            world.chain.push(Head { number, hash });
            let data = BlockData { hash, header: Some(header), body: Some(vec![]), proof: None };
            world.blocks.insert(hash, data);
        }
        world
    }

    fn head(&self) -> Head {
        *self.chain.last().expect("genesis at least")
    }

    fn header(&self, number: usize) -> Box<Header> {
        Box::new(self.blocks[&self.chain[number].hash].header.clone().expect("has one"))
    }

    fn answer(&self, what: &BlockRequest) -> Vec<BlockData> {
        let mut at = match what.from {
            From::Hash(hash) => self.blocks.get(&hash).cloned(),
            From::Number(number) => {
                self.chain.get(number as usize).map(|head| self.blocks[&head.hash].clone())
            }
        };
        let mut answer = Vec::new();
        while let Some(block) = at.filter(|_| answer.len() < what.max as usize) {
            let header = block.header.clone().expect("has one");
            at = match what.direction {
                Direction::Descending => self.blocks.get(&header.parent_hash).cloned(),
                Direction::Ascending => {
                    self.chain.get(header.number as usize + 1).map(|head| self.blocks[&head.hash].clone())
                }
            };
            let body = block.body.filter(|_| what.fields.body);
            let proof = block.proof.filter(|_| what.fields.proof);
            answer.push(BlockData { header: Some(header), body, proof, hash: block.hash });
        }
        answer
    }
}

#[derive(Clone)]
struct Ours {
    known: BTreeMap<H256, Head>,
    best: Head,
    finalised: Head,
    change: Option<Head>,
}

impl Ours {
    fn of(world: &World, length: usize) -> Self {
        let known = world.chain[..=length].iter().map(|head| (head.hash, *head)).collect();
        Self { known, best: world.chain[length], finalised: world.chain[0], change: None }
    }
}

impl Known for Ours {
    fn is_known(&self, hash: H256) -> bool {
        self.known.contains_key(&hash)
    }
    fn best(&self) -> Head {
        self.best
    }
    fn finalised(&self) -> Head {
        self.finalised
    }
    fn open_change(&self) -> Option<Head> {
        self.change.filter(|change| change.number > self.finalised.number)
    }
}

type Answerer = Box<dyn Fn(&BlockRequest) -> Option<Vec<BlockData>>>;

/// A node that syncs from peers.
struct Run {
    sync: Sync,
    ours: Ours,
    now_ms: u64,
    peers: BTreeMap<PeerId, Answerer>,
    requests: Vec<(PeerId, BlockRequest)>,
    reports: Vec<(PeerId, Rule)>,
    imports: Vec<H256>,
    proofs: Vec<(Head, Vec<u8>)>,
    /// What the import says to a block.
    judge: Box<dyn Fn(&BlockData) -> Outcome>,
}

impl Run {
    fn new(ours: Ours) -> Self {
        Self {
            sync: Sync::new(Config::default(), 0),
            ours,
            now_ms: 0,
            peers: BTreeMap::new(),
            requests: Vec::new(),
            reports: Vec::new(),
            imports: Vec::new(),
            proofs: Vec::new(),
            judge: Box::new(|_| Outcome::Imported),
        }
    }

    fn peer(
        &mut self,
        id: u64,
        best: Head,
        answer: impl Fn(&BlockRequest) -> Option<Vec<BlockData>> + 'static,
    ) {
        self.peers.insert(PeerId(id), Box::new(answer));
        self.input(Input::Connected { peer: PeerId(id), best });
    }

    fn honest(&mut self, id: u64, world: &World) {
        let world = Arc::new(world.clone());
        self.peer(id, world.head(), move |what| Some(world.answer(what)));
    }

    fn announce(&mut self, id: u64, world: &World, number: usize) {
        let input = Input::Announced { peer: PeerId(id), header: world.header(number), is_best: true };
        self.input(input);
    }

    fn input(&mut self, input: Input) {
        let mut inputs = std::collections::VecDeque::from([input]);
        let mut steps = 0;
        while let Some(input) = inputs.pop_front() {
            steps += 1;
            assert!(steps < 100_000, "it goes on for ever");
            let mut out = Vec::new();
            self.sync.step(self.now_ms, &self.ours, input, &mut out);
            for effect in out {
                match effect {
                    Effect::Request { peer, request, what } => {
                        self.requests.push((peer, what));
                        if let Some(blocks) = self.peers[&peer](&what) {
                            inputs.push_back(Input::Response { peer, request, blocks });
                        }
                    }
                    Effect::Import { blocks } => {
                        inputs.extend(blocks.iter().map(|block| self.import(block)));
                    }
                    Effect::Proof { block, proof } => self.proofs.push((block, proof)),
                    Effect::Report { peer, rule } => self.reports.push((peer, rule)),
                }
            }
        }
        assert!(self.sync.queued() <= self.sync.config.queue_blocks_max, "R5");
    }

    fn import(&mut self, block: &BlockData) -> Input {
        let header = block.header.as_ref().expect("imports have headers");
        assert!(block.body.is_some(), "and bodies");
        let mut outcome = (self.judge)(block);
        if outcome == Outcome::Imported && !self.ours.known.contains_key(&header.parent_hash) {
            outcome = Outcome::Later;
        }
        if outcome == Outcome::Imported {
            let head = Head { number: header.number, hash: block.hash };
            self.imports.push(block.hash);
            self.ours.known.insert(block.hash, head);
            self.ours.best = self.ours.best.max(head);
        }
        Input::Imported { hash: block.hash, outcome }
    }

    fn wait(&mut self, ms: u64) {
        let end = self.now_ms + ms;
        while let Some(at) = self.sync.wake_at().filter(|at| *at <= end) {
            self.now_ms = at;
            self.input(Input::Tick);
        }
        self.now_ms = end;
    }
}

#[test]
fn an_announced_block_costs_one_request() {
    let world = World::new(6, 99, 0);
    let mut run = Run::new(Ours::of(&world, 5));
    run.honest(1, &World::new(5, 99, 0));
    let more = world.clone();
    run.peers.insert(PeerId(1), Box::new(move |what| Some(more.answer(what))));
    run.announce(1, &world, 6);
    assert_eq!(run.requests.len(), 1);
    assert_eq!(run.ours.best, world.head());
}

#[test]
fn r1_a_silent_peer_is_reported_and_another_asked() {
    let world = World::new(6, 99, 0);
    let mut run = Run::new(Ours::of(&world, 5));
    run.peer(1, world.head(), |_| None);
    run.wait(5_000);
    run.honest(2, &world);
    assert_eq!(run.ours.best.number, 5, "the request is under way");
    run.wait(10_000);
    assert_eq!(run.reports, [(PeerId(1), Rule::Timeout)]);
    assert_eq!(run.ours.best, world.head());
}

#[test]
fn r1_a_lost_peer_is_replaced() {
    let world = World::new(6, 99, 0);
    let mut run = Run::new(Ours::of(&world, 5));
    run.peer(1, world.head(), |_| None);
    run.honest(2, &world);
    run.input(Input::Gone { peer: PeerId(1) });
    assert_eq!(run.ours.best, world.head());
}

#[test]
fn r2_answers_that_are_none_are_reported() {
    let world = World::new(40, 99, 0);
    let other = World::new(40, 1, 7);
    type Spoil = fn(&World, &World, &BlockRequest) -> Vec<BlockData>;
    let cases: [(Spoil, Rule); 6] = [
        (|_, other, what| other.answer(&BlockRequest { from: From::Number(40), ..*what }), Rule::WrongAnswer),
        (
            |world, _, what| {
                let mut answer = world.answer(what);
                answer.swap_remove(1);
                answer
            },
            Rule::WrongAnswer,
        ),
        (
            |world, _, what| {
                let mut answer = world.answer(what);
                answer[0].header.as_mut().expect("has one").number += 1;
                answer
            },
            Rule::WrongAnswer,
        ),
        (|world, _, what| vec![world.answer(what); 5].concat(), Rule::TooMany),
        (
            |world, _, what| {
                let mut answer = world.answer(what);
                answer.iter_mut().for_each(|block| block.header = None);
                answer
            },
            Rule::WrongAnswer,
        ),
        (|_, _, _| vec![], Rule::MissingClaimed),
    ];
    for (spoil, rule) in cases {
        let mut run = Run::new(Ours::of(&world, 5));
        let (a, b) = (world.clone(), other.clone());
        run.peer(1, world.head(), move |what| Some(spoil(&a, &b, what)));
        assert_eq!(run.reports, [(PeerId(1), rule)]);
        run.wait(60_000);
        assert_eq!(run.reports.len(), 1, "it is not believed again by itself");
        run.honest(2, &world);
        assert_eq!(run.ours.best, world.head());
    }
}

#[test]
fn r3_a_fork_comes_whole_and_in_order() {
    let ours = World::new(30, 99, 0);
    let fork = World::new(190, 11, 3);
    let mut run = Run::new(Ours::of(&ours, 30));
    run.honest(1, &fork);
    assert_eq!(run.ours.best, fork.head());
    let expected: Vec<_> = fork.chain[11..].iter().map(|head| head.hash).collect();
    assert_eq!(run.imports, expected, "each once, parents first");
    assert!(run.reports.is_empty());
}

#[test]
fn r3_the_head_may_grow_meanwhile() {
    let world = World::new(90, 99, 0);
    let mut run = Run::new(Ours::of(&world, 5));
    run.peer(1, world.chain[60], |_| None);
    for number in 61..=90 {
        run.announce(1, &world, number);
        run.now_ms += 100;
    }
    assert_eq!(run.sync.branches.len(), 1, "one branch, however often it grows");
    run.honest(2, &world);
    run.wait(20_000);
    assert_eq!(run.ours.best, world.head());
}

#[test]
fn r4_a_long_way_comes_in_ranges_from_several_peers() {
    let world = World::new(2_000, 9_999, 0);
    let mut run = Run::new(Ours::of(&world, 3));
    run.honest(1, &world);
    run.sync = Sync::new(Config::default(), 0);
    run.ours = Ours::of(&world, 3);
    run.imports.clear();
    run.requests.clear();
    run.peer(7, world.head(), |_| None);
    run.honest(1, &world);
    run.honest(2, &world);
    run.wait(60_000);
    assert_eq!(run.ours.best, world.head());
    let expected: Vec<_> = world.chain[4..].iter().map(|head| head.hash).collect();
    assert_eq!(run.imports, expected);
    assert!(run.requests.iter().any(|(peer, _)| *peer == PeerId(2)), "both were asked");
}

#[test]
fn r4_ranges_fall_back_to_the_final_block() {
    let ours = World::new(30, 99, 0);
    let fork = World::new(1_000, 11, 3);
    let mut run = Run::new(Ours::of(&ours, 30));
    run.ours.finalised = ours.chain[8];
    run.honest(1, &fork);
    run.wait(10_000);
    assert_eq!(run.ours.best, fork.head());
    assert!(run.reports.is_empty());
    let alien = World::new(1_000, 3, 5);
    let mut run = Run::new(Ours::of(&ours, 30));
    run.ours.finalised = ours.chain[8];
    run.honest(1, &alien);
    run.wait(10_000);
    assert_eq!(run.reports, [(PeerId(1), Rule::OtherChain)]);
    assert_eq!(run.ours.best, ours.head());
}

#[test]
fn r5_blocks_that_must_wait_come_again() {
    let world = World::new(40, 99, 0);
    let mut run = Run::new(Ours::of(&world, 5));
    run.judge = Box::new(|block| {
        let number = block.header.as_ref().map_or(0, |header| header.number);
        if number < 20 { Outcome::Imported } else { Outcome::Later }
    });
    run.honest(1, &world);
    run.wait(9_000);
    assert_eq!(run.ours.best.number, 19);
    let asked = run.requests.len();
    assert!(asked < 30, "with pauses: {asked}");
    run.judge = Box::new(|_| Outcome::Imported);
    run.wait(5_000);
    assert_eq!(run.ours.best, world.head());
    assert!(run.reports.is_empty());
}

#[test]
fn r6_bad_blocks_are_refused_for_ever() {
    let world = World::new(40, 99, 0);
    let bad = world.chain[20].hash;
    let mut run = Run::new(Ours::of(&world, 5));
    run.judge = Box::new(move |block| if block.hash == bad { Outcome::Bad } else { Outcome::Imported });
    run.honest(1, &world);
    run.wait(60_000);
    assert_eq!(run.ours.best.number, 19);
    assert!(run.reports.contains(&(PeerId(1), Rule::BadBlock)));
    let asked = run.requests.len();
    run.announce(1, &world, 21);
    assert_eq!(run.reports.last(), Some(&(PeerId(1), Rule::BadBlock)), "its child is no better");
    assert_eq!(run.requests.len(), asked);
}

#[test]
fn r7_a_claimed_head_is_believed_once() {
    let world = World::new(10, 99, 0);
    for number in [12, 5_000_000] {
        let mut run = Run::new(Ours::of(&world, 10));
        let lie = Head { number, hash: H256([0xee; 32]) };
        let real = world.clone();
        run.peer(1, lie, move |what| Some(real.answer(what)));
        run.wait(120_000);
        assert_eq!(run.reports, [(PeerId(1), Rule::MissingClaimed)]);
        assert!(run.requests.len() <= 2, "{:?}", run.requests);
    }
}

#[test]
fn r8_proofs_are_asked_from_peer_to_peer() {
    let mut world = World::new(10, 99, 0);
    let mut run = Run::new(Ours::of(&world, 10));
    run.honest(1, &world);
    let block = world.chain[6];
    world.blocks.get_mut(&block.hash).expect("is there").proof = Some(vec![1, 2, 3]);
    run.honest(2, &world);
    run.ours.change = Some(block);
    run.wait(2_100);
    assert_eq!(run.requests.len(), 0, "it may become final by itself in a moment");
    run.wait(10_000);
    assert_eq!(run.proofs.first(), Some(&(block, vec![1, 2, 3])));
    run.ours.finalised = block;
    let asked = run.requests.len();
    run.wait(60_000);
    assert_eq!(run.requests.len(), asked, "it is final now");
}

#[test]
fn a_handshake_that_comes_again_forgets_nothing() {
    let world = World::new(6, 99, 0);
    let mut run = Run::new(Ours::of(&world, 5));
    run.peer(1, world.head(), |_| None);
    run.input(Input::Connected { peer: PeerId(1), best: world.head() });
    assert_eq!(run.requests.len(), 1, "the request is still under way");
    run.wait(11_000);
    assert_eq!(run.reports, [(PeerId(1), Rule::Timeout)]);
}

#[test]
fn announcements_have_a_limit() {
    let world = World::new(10, 99, 0);
    let mut run = Run::new(Ours::of(&world, 10));
    run.honest(1, &world);
    for _ in 0..33 {
        run.announce(1, &world, 10);
    }
    assert_eq!(run.reports, [(PeerId(1), Rule::AnnouncementFlood)]);
    run.wait(1_000);
    run.announce(1, &world, 10);
    assert_eq!(run.reports.len(), 1);
}
