//! Random histories: submissions, blocks of our own and of others, reorganisations, finality, slow validations.

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Op {
    Submit {
        who: u8,
        nonce: Nonce,
        tip: u64,
    },
    /// Carry out one validation that is under way.
    Validate,
    /// Author a block of the first `count` ready ones.
    Author(usize),
    /// Somebody else's block with the next nonces of `who`.
    Foreign {
        who: u8,
        count: u32,
    },
    /// The last `depth` blocks are replaced by one more empty ones.
    Reorganise(usize),
    Finalise,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        8 => (0u8..3, 0u32..5, 0u64..4).prop_map(|(who, nonce, tip)| Op::Submit { who, nonce, tip }),
        6 => Just(Op::Validate),
        3 => (0usize..5).prop_map(Op::Author),
        1 => (0u8..3, 1u32..3).prop_map(|(who, count)| Op::Foreign { who, count }),
        1 => (1usize..3).prop_map(Op::Reorganise),
        1 => Just(Op::Finalise),
    ]
}

/// A chain of blocks with the state after each, and jobs that are not done yet.
struct World {
    shell: Shell,
    chain: Vec<(BlockBody, Nonces)>,
    finalised: usize,
    forks: u8,
    jobs: Vec<(u64, Vec<Arc<OpaqueExtrinsic>>)>,
}

impl World {
    fn new() -> Self {
        let config = Config {
            ready_count_max: 8,
            future_count_max: 4,
            revalidate_after_blocks: 1,
            ..Config::default()
        };
        let genesis = (body(block(0), &[]), Nonces::new());
        Self { shell: Shell::new(config), chain: vec![genesis], finalised: 0, forks: 0, jobs: Vec::new() }
    }

    fn state(&self) -> Nonces {
        self.chain.last().expect("genesis").1.clone()
    }

    fn tell(&mut self, input: Input) {
        let jobs = self.shell.step(input);
        self.jobs.extend(jobs);
    }

    fn next_block(&mut self, extrinsics: Vec<Arc<OpaqueExtrinsic>>) -> BlockBody {
        let mut state = self.state();
        let valid: Vec<_> = extrinsics.iter().filter(|extrinsic| apply(&mut state, extrinsic)).collect();
        let mut at = block(u32::try_from(self.chain.len()).expect("short"));
        at.hash.0[31] = self.forks;
        let body = body(at, &valid);
        self.chain.push((body.clone(), state));
        body
    }

    fn extend(&mut self, extrinsics: Vec<Arc<OpaqueExtrinsic>>) {
        let body = self.next_block(extrinsics);
        self.tell(Input::NewBest { best: body.block, retracted: Vec::new(), enacted: vec![body] });
    }

    fn validate(&mut self) {
        if self.jobs.is_empty() {
            return;
        }
        let (job, transactions) = self.jobs.remove(0);
        let state = self.state();
        let results = transactions.iter().map(|extrinsic| Ok(verdict(&state, extrinsic))).collect();
        let at = self.shell.pool.best();
        self.tell(Input::Validated { job, at, results });
    }

    fn take(&mut self, op: Op) {
        match op {
            Op::Submit { who, nonce, tip } => {
                let (_, input) = self.shell.submission(&signed(who, nonce, tip));
                self.tell(input);
            }
            Op::Validate => self.validate(),
            Op::Author(count) => {
                let ready = self.shell.pool.ready(count, usize::MAX);
                self.extend(ready.into_iter().map(|ready| ready.extrinsic).collect());
            }
            Op::Foreign { who, count } => {
                let next = self.state().get(&account(who)).copied().unwrap_or(0);
                self.extend((next..next + count).map(|nonce| signed(who, nonce, 77)).collect());
            }
            Op::Reorganise(depth) => self.reorganise(depth),
            Op::Finalise => {
                let blocks: Vec<_> =
                    self.chain[self.finalised + 1..].iter().map(|(body, _)| body.block).collect();
                self.finalised = self.chain.len() - 1;
                self.tell(Input::Finalised(blocks));
            }
        }
    }

    fn reorganise(&mut self, depth: usize) {
        let depth = depth.min(self.chain.len() - 1 - self.finalised);
        if depth == 0 {
            return;
        }
        self.forks += 1;
        let old = self.chain.split_off(self.chain.len() - depth);
        let retracted = old.into_iter().rev().map(|(body, _)| body).collect();
        let enacted: Vec<_> = (0..=depth).map(|_| self.next_block(Vec::new())).collect();
        let best = enacted.last().expect("at least one").block;
        self.tell(Input::NewBest { best, retracted, enacted });
    }

    /// Validations end and empty blocks come until nothing more can change.
    fn settle(&mut self) {
        for _ in 0..4 {
            while !self.jobs.is_empty() {
                self.validate();
            }
            self.extend(Vec::new());
        }
        while !self.jobs.is_empty() {
            self.validate();
        }
    }

    fn check_limits(&self) {
        let sizes = self.shell.pool.sizes();
        assert!(sizes.ready <= 8 && sizes.future <= 4, "{sizes:?}");
        let sum: usize = self.shell.pool.transactions().map(Transaction::size_bytes).sum();
        assert_eq!(sizes.ready_bytes + sizes.future_bytes, sum);
    }

    fn check_settled(&self) {
        assert_eq!(self.shell.answers.len() as u64, self.shell.next_ticket, "everybody is answered");
        let mut state = self.state();
        for ready in self.shell.pool.ready(usize::MAX, usize::MAX) {
            assert!(
                apply(&mut state, &ready.extrinsic),
                "each ready transaction applies after those before it"
            );
        }
        for (account, next) in &self.state() {
            if let Some(after) = self.shell.pool.nonce_of(account) {
                assert_eq!(after, state[account], "nonce after the ready ones");
                assert!(after > *next);
            }
        }
        for transaction in self.shell.pool.transactions() {
            let (account, nonce) = transaction.sender.expect("signed");
            let fits = state.get(&account).copied().unwrap_or(0) == nonce;
            assert!(self.shell.pool.is_ready(&transaction.hash) || !fits, "a future one must not fit");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn ready_ones_apply_whatever_happened(ops in proptest::collection::vec(op(), 1..60)) {
        let mut world = World::new();
        for op in ops {
            world.take(op);
            world.check_limits();
        }
        world.settle();
        world.check_limits();
        world.check_settled();
    }
}
