//! Chain and pool together, judged by a model that shares no code with them.
//!
//! Random submissions, blocks on any fork, foreign blocks, finality and slow validations drive the real [`crate::Chain`]
//! and the real `quire_pool::Pool`, as the node's tasks do. [`model`] keeps the same history in plain maps; [`judge`]
//! compares what each watcher is told with it.
//!
//! Rules
//! - R1 The chain's best head is the model's after every block and every finality.
//! - R2 Finalised: the block is final, has the transaction, and is in the chain of every later block.
//! - R3 In block: the block is in the best chain and has the transaction in that place. Retracted: the block that was
//!   told before is not in the best chain any more.
//! - R4 Usurped: the named one has the same sender and nonce, and is in the pool or in the best chain.
//! - R5 Dropped: a limit was reached. Invalid: the best state refuses it, or three blocks did.
//! - R6 Every submission is answered once; nothing follows a final status; no status comes twice in a row; ready and
//!   future come only while it is in no block.
//! - R7 When everything is quiet, each watched transaction without a final status is where it was told last: in that
//!   block, ready if all nonces below are in chain and pool, or future.

mod judge;
mod model;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use proptest::prelude::*;
use quire_core::{H256, InherentData, OpaqueExtrinsic, Slot, TransactionSource};
use quire_pool::{BlockBody, BlockRef, Config, Effect, Input, Pool, Submission};

use self::model::{Model, Tx};
use crate::testing::accounts::ACCOUNTS;
use crate::testing::{SLOT_MS, TestChain, justify, seal, with_genesis_value};
use crate::{Head, TreeRoute};

/// Limits that a few transactions reach.
fn config() -> Config {
    Config {
        ready_count_max: 7,
        future_count_max: 3,
        sender_count_max: 5,
        validating_count_max: 6,
        revalidate_after_blocks: 1,
        ..Config::default()
    }
}

#[derive(Clone, Debug)]
enum Op {
    /// A transaction with a nonce this far above the best state's.
    Submit { who: u8, ahead: u32, tip: u64, is_mortal: bool },
    /// The oldest transaction known so far, once more.
    Resubmit(usize),
    /// One validation that is under way ends.
    Validate,
    /// A block of at most `take` ready ones, on the best block or on another unfinalised one.
    Build { parent: Option<usize>, take: usize },
    /// Somebody else's block.
    Foreign { parent: Option<usize>, who: u8, count: u32, tip: u64 },
    /// A block becomes final.
    Finalise(usize),
    /// The pool hears of the last change of the chain.
    Hear,
}

fn op() -> impl Strategy<Value = Op> {
    let parent = || prop_oneof![3 => Just(None), 2 => (0usize..8).prop_map(Some)];
    prop_oneof![
        8 => (0u8..3, 0u32..4, 0u64..4, any::<bool>())
            .prop_map(|(who, ahead, tip, is_mortal)| Op::Submit { who, ahead, tip, is_mortal }),
        1 => (0usize..20).prop_map(Op::Resubmit),
        6 => Just(Op::Validate),
        4 => (parent(), 0usize..6).prop_map(|(parent, take)| Op::Build { parent, take }),
        2 => (parent(), 0u8..3, 1u32..3, 0u64..3)
            .prop_map(|(parent, who, count, tip)| Op::Foreign { parent, who, count, tip }),
        1 => (0usize..8).prop_map(Op::Finalise),
        3 => Just(Op::Hear),
    ]
}

/// Chain, pool, and the shell between them.
struct World {
    chain: TestChain,
    pool: Pool,
    model: Model,
    judge: judge::Judge,
    jobs: VecDeque<(u64, Vec<Arc<OpaqueExtrinsic>>)>,
    /// The chain changed, the pool has not heard of it: a block, or finality.
    unheard: Option<(Input, Vec<Input>, H256)>,
    slot: u64,
    next_ticket: u64,
    round: u64,
}

impl World {
    fn new() -> Self {
        let chain = with_genesis_value(ACCOUNTS, vec![1]);
        let best = BlockRef { number: 0, hash: chain.genesis() };
        let model = Model::new(chain.genesis());
        let pool = Pool::new(config(), best);
        let judge = judge::Judge::default();
        Self {
            chain,
            pool,
            model,
            judge,
            jobs: VecDeque::new(),
            unheard: None,
            slot: 0,
            next_ticket: 0,
            round: 0,
        }
    }

    /// Tells the pool something and judges what it says.
    fn tell(&mut self, input: Input) {
        let mut before = self.pool.sizes();
        if let Input::NewBest { retracted, .. } = &input {
            before.validating += retracted.iter().map(|body| body.extrinsics.len()).sum::<usize>();
        }
        let mut out = Vec::new();
        self.pool.step(1_000, input, &mut out);
        // In one step one may take the place of another and lose it again.
        let gone = out.iter().filter_map(|effect| match effect {
            Effect::Status { hash, status } if status.is_final() => Some(*hash),
            _ => None,
        });
        self.judge.begin_step(gone.collect());
        for effect in out {
            match effect {
                Effect::Validate { job, transactions, .. } => self.jobs.push_back((job, transactions)),
                Effect::Answer { ticket, hash, result } => self.judge.answered(ticket, hash, &result),
                Effect::Status { hash, status } => {
                    self.judge.told(&self.model, &self.pool, (&before, &config()), hash, status);
                }
                Effect::Propagate { .. } => {}
            }
        }
    }

    fn submit(&mut self, tx: Tx) {
        let extrinsic = Arc::new(tx.extrinsic());
        self.model.know(extrinsic.hash(), tx);
        let (ticket, source) = (self.next_ticket, TransactionSource::External);
        self.next_ticket += 1;
        self.tell(Input::Submit(vec![Submission { ticket, extrinsic, source, watch: true }]));
    }

    /// Carries one validation out on the chain's best block, which the pool need not know yet.
    fn validate(&mut self) {
        let Some((job, transactions)) = self.jobs.pop_front() else { return };
        let best = self.chain.best();
        let results = self.chain.validate(best.hash, TransactionSource::External, &transactions);
        let results = results.expect("the runtime answers").into_iter().map(Ok).collect();
        self.tell(Input::Validated { job, at: reference(best), results });
    }

    /// The node tells the pool before the next change of the chain.
    fn hear(&mut self) {
        if let Some((first, then, best)) = self.unheard.take() {
            self.model.heard = best;
            self.tell(first);
            then.into_iter().for_each(|input| self.tell(input));
        }
    }

    fn parent(&self, choice: Option<usize>) -> H256 {
        let all = self.model.open_blocks();
        choice.map_or(self.model.best(), |index| all[index % all.len()])
    }

    fn build(&mut self, parent: H256, extrinsics: &[Arc<OpaqueExtrinsic>]) {
        self.slot += 1;
        let mut inherents = InherentData::new();
        inherents.put(quire_core::inherent::TIMESTAMP_ID, &(self.slot * SLOT_MS));
        let mut proposer = self.chain.proposer(parent, Slot(self.slot), &inherents).expect("parent is known");
        let answers = proposer.push_batch(extrinsics).expect("the runtime answers");
        let (mut body, mut refused) = (Vec::new(), Vec::new());
        for (extrinsic, answer) in extrinsics.iter().zip(answers) {
            match answer {
                Ok(_) => body.push(extrinsic.hash()),
                Err(why) => refused.push((extrinsic.hash(), why)),
            }
        }
        self.model.check_taken(parent, extrinsics, &body);
        if parent == self.model.best() {
            refused.iter().for_each(|(hash, _)| self.judge.refused_by_a_block(*hash));
        }
        self.tell(Input::Refused { parent, refused });
        let built = proposer.finish().expect("finishes");
        let signature = seal(built.seal_payload(), Slot(self.slot), 2);
        let imported = self.chain.import_built(built, signature).expect("is right");
        self.model.add(imported.block.hash, parent, self.slot, body);
        assert_eq!(self.chain.best().hash, self.model.best(), "R1");
        if let Some(route) = imported.new_best {
            let input = self.new_best(&route, &BTreeMap::new());
            self.unheard = Some((input, Vec::new(), self.model.best()));
        }
    }

    fn new_best(&self, route: &TreeRoute, lost: &BTreeMap<H256, Arc<Vec<OpaqueExtrinsic>>>) -> Input {
        let body = |head: &Head| BlockBody {
            block: reference(*head),
            extrinsics: lost
                .get(&head.hash)
                .cloned()
                .unwrap_or_else(|| Arc::new(self.chain.body(head.hash).expect("readable").expect("there"))),
        };
        let best = reference(*route.enacted.last().unwrap_or(&route.common));
        let retracted = route.retracted.iter().map(body).collect();
        Input::NewBest { best, retracted, enacted: route.enacted.iter().map(body).collect() }
    }

    fn finalise(&mut self, index: usize) {
        let all = self.model.open_blocks();
        let hash = all[index % all.len()];
        let Some(number) = self.model.number_above_final(hash) else { return };
        self.round += 1;
        let done = self.chain.finalise(hash, &justify(1, 0, self.round, hash, number)).expect("is right");
        self.model.finalise(hash);
        assert_eq!(self.chain.best().hash, self.model.best(), "R1");
        let blocks = Input::Finalised(done.blocks.iter().map(|(head, _)| reference(*head)).collect());
        let best = self.model.best();
        self.unheard = Some(match &done.new_best {
            Some(route) => {
                let lost = route.retracted.iter().map(|head| head.hash).zip(done.retracted.iter().cloned());
                (self.new_best(route, &lost.collect()), vec![blocks], best)
            }
            None => (blocks, Vec::new(), best),
        });
    }

    fn take(&mut self, op: Op) {
        match op {
            Op::Submit { who, ahead, tip, is_mortal } => {
                let best = self.model.best();
                self.submit(self.model.new_tx(best, who, ahead, tip, is_mortal));
            }
            Op::Resubmit(index) => {
                if let Some(tx) = self.model.nth_tx(index) {
                    self.submit(tx);
                }
            }
            Op::Validate => self.validate(),
            Op::Build { parent, take } => {
                self.hear();
                let ready = self.pool.ready(take, usize::MAX);
                let extrinsics: Vec<_> = ready.into_iter().map(|ready| ready.extrinsic).collect();
                self.build(self.parent(parent), &extrinsics);
            }
            Op::Foreign { parent, who, count, tip } => {
                self.hear();
                let parent = self.parent(parent);
                let txs = (0..count).map(|ahead| self.model.new_tx(parent, who, ahead, tip, false));
                let txs: Vec<_> = txs.collect();
                let extrinsics: Vec<_> = txs.iter().map(|tx| Arc::new(tx.extrinsic())).collect();
                for (tx, extrinsic) in txs.into_iter().zip(&extrinsics) {
                    self.model.know(extrinsic.hash(), tx);
                }
                self.build(parent, &extrinsics);
            }
            Op::Finalise(index) => {
                self.hear();
                self.finalise(index);
            }
            Op::Hear => self.hear(),
        }
        self.judge.check_final_ones(&self.model);
    }

    /// Validations end and empty blocks come until nothing changes any more.
    fn settle(&mut self) {
        for _ in 0..8 {
            self.hear();
            for _ in 0..100 {
                self.validate();
            }
            assert!(self.jobs.is_empty(), "validations come to an end");
            self.build(self.model.best(), &[]);
        }
        self.hear();
        for _ in 0..100 {
            self.validate();
        }
    }
}

fn reference(head: Head) -> BlockRef {
    BlockRef { number: head.number, hash: head.hash }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn watchers_are_told_the_truth(ops in proptest::collection::vec(op(), 1..80)) {
        let mut world = World::new();
        for op in ops {
            world.take(op);
        }
        world.settle();
        world.judge.check_quiet(&world.model, &world.pool, world.next_ticket);
    }
}
