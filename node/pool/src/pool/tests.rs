//! The pool against a small chain of accounts and nonces: one test per rule, then random histories.

mod history;

use std::collections::BTreeMap;

use quire_core::{Era, Extra, InvalidTransaction, MultiSignature, UncheckedExtrinsic, ValidTransaction};

use super::*;
use crate::transaction::nonce_tag_bytes;

/// A signed extrinsic of account `who`; its tip is its priority.
fn signed(who: u8, nonce: Nonce, tip: u64) -> Arc<OpaqueExtrinsic> {
    let extra = Extra { era: Era::Immortal, nonce, tip: u128::from(tip), mode: 0 };
    let signature = MultiSignature::Sr25519([7; 64]);
    Arc::new(UncheckedExtrinsic::signed(who, account(who), signature, extra).to_opaque())
}

fn account(who: u8) -> AccountId {
    AccountId([who; 32])
}

/// The state of a chain: the next nonce of each account.
type Nonces = BTreeMap<AccountId, Nonce>;

/// What a runtime says about an extrinsic on a state.
fn verdict(state: &Nonces, extrinsic: &OpaqueExtrinsic) -> TransactionValidity {
    let (account, nonce) = crate::sender_of(extrinsic).ok_or(InvalidTransaction::Call)?;
    let (signature, _) = quire_core::extrinsic::decode_envelope(&extrinsic.0).expect("decoded above");
    let tip = signature.expect("signed").2.tip;
    let next = state.get(&account).copied().unwrap_or(0);
    if nonce < next {
        return Err(InvalidTransaction::Stale.into());
    }
    let before = nonce.checked_sub(1).filter(|_| nonce > next);
    Ok(ValidTransaction {
        priority: u64::try_from(tip).expect("tips here are u64"),
        requires: before.map(|nonce| nonce_tag_bytes(&account, nonce).to_vec()).into_iter().collect(),
        provides: vec![nonce_tag_bytes(&account, nonce).to_vec()],
        longevity: u64::MAX,
        propagate: true,
    })
}

fn apply(state: &mut Nonces, extrinsic: &OpaqueExtrinsic) -> bool {
    let Some((account, nonce)) = crate::sender_of(extrinsic) else { return false };
    let next = state.entry(account).or_default();
    let fits = *next == nonce;
    if fits {
        *next += 1;
    }
    fits
}

fn block(number: BlockNumber) -> BlockRef {
    let mut hash = [0xbb; 32];
    hash[..4].copy_from_slice(&number.to_be_bytes());
    BlockRef { number, hash: H256(hash) }
}

/// A pool with a shell that validates at once on `state`.
struct Shell {
    pool: Pool,
    state: Nonces,
    now_ms: u64,
    answers: BTreeMap<u64, Result<(), PoolError>>,
    statuses: BTreeMap<H256, Vec<Status>>,
    propagated: Vec<H256>,
    next_ticket: u64,
}

impl Shell {
    fn new(config: Config) -> Self {
        Self {
            pool: Pool::new(config, block(0)),
            state: Nonces::new(),
            now_ms: 0,
            answers: BTreeMap::new(),
            statuses: BTreeMap::new(),
            propagated: Vec::new(),
            next_ticket: 0,
        }
    }

    /// One input without carrying validations out; returns the jobs.
    fn step(&mut self, input: Input) -> Vec<(u64, Vec<Arc<OpaqueExtrinsic>>)> {
        let mut out = Vec::new();
        self.pool.step(self.now_ms, input, &mut out);
        let mut jobs = Vec::new();
        for effect in out {
            match effect {
                Effect::Validate { job, transactions, .. } => jobs.push((job, transactions)),
                Effect::Answer { ticket, hash, result } => {
                    if result.is_ok() && self.told_last(&hash).is_some_and(|last| last.is_final()) {
                        // It was in the pool before, left it, and is watched anew.
                        self.statuses.remove(&hash);
                    }
                    assert!(self.answers.insert(ticket, result).is_none(), "R1: one answer");
                }
                Effect::Status { hash, status } => {
                    let told = self.statuses.entry(hash).or_default();
                    assert!(
                        told.last().is_none_or(|last| !last.is_final() && *last != status),
                        "R8: {told:?}"
                    );
                    told.push(status);
                }
                Effect::Propagate { hash, .. } => self.propagated.push(hash),
            }
        }
        jobs
    }

    fn run(&mut self, input: Input) {
        let mut jobs = self.step(input);
        while let Some((job, transactions)) = jobs.pop() {
            let results = transactions.iter().map(|extrinsic| Ok(verdict(&self.state, extrinsic))).collect();
            let at = self.pool.best();
            jobs.extend(self.step(Input::Validated { job, at, results }));
        }
    }

    fn submission(&mut self, extrinsic: &Arc<OpaqueExtrinsic>) -> (u64, Input) {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        let source = TransactionSource::External;
        (
            ticket,
            Input::Submit(vec![Submission { ticket, extrinsic: extrinsic.clone(), source, watch: true }]),
        )
    }

    fn submit(&mut self, extrinsic: &Arc<OpaqueExtrinsic>) -> Result<(), PoolError> {
        let (ticket, input) = self.submission(extrinsic);
        self.run(input);
        self.answers.get(&ticket).cloned().expect("R1: answered")
    }

    fn ready(&self) -> Vec<H256> {
        self.pool.ready(usize::MAX, usize::MAX).into_iter().map(|ready| ready.hash).collect()
    }

    fn enact(&mut self, number: BlockNumber, extrinsics: &[&Arc<OpaqueExtrinsic>]) -> BlockBody {
        for extrinsic in extrinsics {
            assert!(apply(&mut self.state, extrinsic), "the block is valid");
        }
        let body = body(block(number), extrinsics);
        self.run(Input::NewBest { best: block(number), retracted: Vec::new(), enacted: vec![body.clone()] });
        body
    }

    fn told_last(&self, hash: &H256) -> Option<Status> {
        self.statuses.get(hash)?.last().copied()
    }

    fn told(&self, extrinsic: &Arc<OpaqueExtrinsic>) -> &[Status] {
        self.statuses.get(&extrinsic.hash()).map_or(&[], Vec::as_slice)
    }
}

fn body(block: BlockRef, extrinsics: &[&Arc<OpaqueExtrinsic>]) -> BlockBody {
    BlockBody {
        block,
        extrinsics: Arc::new(extrinsics.iter().map(|extrinsic| (***extrinsic).clone()).collect()),
    }
}

#[test]
fn r1_answers_and_statuses_of_a_life() {
    let mut shell = Shell::new(Config::default());
    let (first, second) = (signed(1, 0, 1), signed(1, 1, 1));
    assert_eq!(shell.submit(&second), Ok(()));
    assert_eq!(shell.submit(&first), Ok(()));
    assert_eq!(shell.ready(), [first.hash(), second.hash()]);
    assert_eq!(shell.pool.nonce_of(&account(1)), Some(2));
    assert_eq!(shell.propagated, [first.hash(), second.hash()]);
    shell.enact(1, &[&first]);
    assert_eq!(shell.ready(), [second.hash()]);
    shell.run(Input::Finalised(vec![block(1)]));
    let hash = block(1).hash;
    assert_eq!(
        shell.told(&first),
        [
            Status::Ready,
            Status::InBlock { block: hash, index: 0 },
            Status::Finalized { block: hash, index: 0 }
        ]
    );
    assert_eq!(shell.told(&second), [Status::Future, Status::Ready]);
    assert_eq!(shell.pool.sizes().watched, 1);
}

#[test]
fn r1_a_failing_runtime_is_an_answer() {
    let mut shell = Shell::new(Config::default());
    let (ticket, input) = shell.submission(&signed(1, 0, 1));
    let jobs = shell.step(input);
    let at = shell.pool.best();
    shell.step(Input::Validated { job: jobs[0].0, at, results: vec![Err("trap".into())] });
    let error = shell.answers[&ticket].clone().expect_err("failed");
    assert_eq!((error.code(), error.message()), (1002, "Verification Error: trap".into()));
    // An executor that answers too little still answers everybody.
    let (ticket, input) = shell.submission(&signed(2, 0, 1));
    let jobs = shell.step(input);
    shell.step(Input::Validated { job: jobs[0].0, at, results: Vec::new() });
    assert_eq!(shell.answers[&ticket].clone().map_err(|error| error.code()), Err(1002));
}

#[test]
fn r2_what_comes_meanwhile_goes_together() {
    let mut shell = Shell::new(Config { jobs_max: 1, ..Config::default() });
    let (_, input) = shell.submission(&signed(1, 0, 1));
    let jobs = shell.step(input);
    for who in 2..10 {
        let (_, input) = shell.submission(&signed(who, 0, 1));
        assert!(shell.step(input).is_empty(), "one job at a time");
    }
    let at = shell.pool.best();
    let results = vec![Ok(verdict(&shell.state, &jobs[0].1[0]))];
    let next = shell.step(Input::Validated { job: jobs[0].0, at, results });
    assert_eq!(next.len(), 1);
    assert_eq!(next[0].1.len(), 8);
}

#[test]
fn r3_a_higher_priority_replaces() {
    let mut shell = Shell::new(Config::default());
    let (poor, equal, rich) = (signed(1, 0, 5), signed(1, 0, 5), signed(1, 0, 6));
    let next = signed(1, 1, 1);
    shell.submit(&poor).expect("valid");
    shell.submit(&next).expect("valid");
    assert_eq!(shell.submit(&equal), Err(PoolError::AlreadyImported(poor.hash())));
    let worse = signed(1, 0, 4);
    let error = shell.submit(&worse).expect_err("too low");
    assert_eq!((error.code(), error.message()), (1014, "Priority is too low: (5 vs 4)".into()));
    assert_eq!(shell.submit(&rich), Ok(()));
    assert_eq!(shell.told(&poor), [Status::Ready, Status::Usurped(rich.hash())]);
    assert_eq!(shell.ready(), [rich.hash(), next.hash()]);
    assert_eq!(shell.told(&next), [Status::Ready]);
}

#[test]
fn r4_the_worst_goes() {
    let mut shell = Shell::new(Config { ready_count_max: 3, ..Config::default() });
    let low = signed(1, 0, 1);
    let child = signed(1, 1, 9);
    shell.submit(&low).expect("valid");
    shell.submit(&child).expect("valid");
    shell.submit(&signed(2, 0, 5)).expect("valid");
    let error = shell.submit(&signed(3, 0, 1)).expect_err("full, and it is the latest of the worst");
    assert_eq!((error.code(), error.message().as_str()), (1016, "Immediately Dropped"));
    shell.submit(&signed(4, 0, 5)).expect("better than the worst");
    assert_eq!(shell.told(&low).last(), Some(&Status::Dropped));
    assert_eq!(shell.told(&child).last(), Some(&Status::Dropped), "it depended on the dropped one");
    assert_eq!(shell.pool.sizes().ready, 2);
}

#[test]
fn r4_bytes_and_future_are_limited() {
    let size = signed(1, 0, 1).0.len();
    let config = Config { ready_bytes_max: 2 * size, future_count_max: 2, ..Config::default() };
    let mut shell = Shell::new(config);
    for who in 1..=2 {
        shell.submit(&signed(who, 0, 1)).expect("room");
    }
    assert_eq!(shell.submit(&signed(3, 0, 1)), Err(PoolError::ImmediatelyDropped));
    let oldest = signed(9, 5, 1);
    shell.submit(&oldest).expect("future");
    shell.submit(&signed(9, 6, 1)).expect("future");
    shell.submit(&signed(9, 7, 1)).expect("future");
    assert_eq!(shell.pool.sizes().future, 2);
    assert_eq!(shell.told(&oldest).last(), Some(&Status::Dropped));
}

#[test]
fn r4_a_full_queue_pushes_back() {
    let mut shell = Shell::new(Config { validating_count_max: 1, ..Config::default() });
    let (_, input) = shell.submission(&signed(1, 0, 1));
    shell.step(input);
    let (ticket, input) = shell.submission(&signed(2, 0, 1));
    shell.step(input);
    assert_eq!(shell.answers[&ticket], Err(PoolError::ImmediatelyDropped));
}

#[test]
fn r5_invalid_ones_are_banned_for_a_while() {
    let mut shell = Shell::new(Config { ban_ms: 1_000, ..Config::default() });
    shell.state.insert(account(1), 3);
    let stale = signed(1, 2, 1);
    let error = shell.submit(&stale).expect_err("stale");
    assert_eq!((error.code(), error.data().as_deref()), (1010, Some("Transaction is outdated")));
    let error = shell.submit(&stale).expect_err("banned");
    assert_eq!((error.code(), error.message().as_str()), (1012, "Transaction is temporarily banned"));
    shell.now_ms = 1_000;
    assert_eq!(shell.submit(&stale).map_err(|error| error.code()), Err(1010));
}

#[test]
fn r6_a_foreign_block_takes_nonces() {
    let mut shell = Shell::new(Config::default());
    let (ours, theirs, next) = (signed(1, 0, 1), signed(1, 0, 2), signed(1, 1, 1));
    shell.submit(&ours).expect("valid");
    shell.submit(&next).expect("valid");
    shell.enact(1, &[&theirs]);
    assert_eq!(shell.told(&ours).last(), Some(&Status::Usurped(theirs.hash())));
    assert_eq!(shell.ready(), [next.hash()]);
}

#[test]
fn r6_a_future_one_becomes_ready_by_a_block() {
    let mut shell = Shell::new(Config::default());
    let (theirs, next) = (signed(1, 0, 2), signed(1, 1, 1));
    shell.submit(&next).expect("valid");
    assert_eq!(shell.told(&next), [Status::Future]);
    shell.enact(1, &[&theirs]);
    assert_eq!(shell.ready(), [next.hash()]);
    assert_eq!(shell.told(&next), [Status::Future, Status::Ready]);
}

#[test]
fn r6_included_before_its_validation() {
    let mut shell = Shell::new(Config::default());
    let extrinsic = signed(1, 0, 1);
    let (ticket, input) = shell.submission(&extrinsic);
    let jobs = shell.step(input);
    shell.enact(1, &[&extrinsic]);
    assert_eq!(shell.answers[&ticket], Ok(()));
    assert_eq!(shell.told(&extrinsic), [Status::InBlock { block: block(1).hash, index: 0 }]);
    let results = vec![Ok(verdict(&shell.state, &extrinsic))];
    shell.step(Input::Validated { job: jobs[0].0, at: block(0), results });
    assert_eq!(shell.pool.sizes(), Sizes { watched: 1, ..Sizes::default() });
}

#[test]
fn r6_retracted_ones_come_back() {
    let mut shell = Shell::new(Config::default());
    let (first, second) = (signed(1, 0, 1), signed(2, 0, 1));
    let next = signed(1, 1, 1);
    for extrinsic in [&first, &second, &next] {
        shell.submit(extrinsic).expect("valid");
    }
    let old = shell.enact(1, &[&first, &second]);
    assert_eq!(shell.ready(), [next.hash()]);
    shell.state = [(account(2), 1)].into();
    let best = BlockRef { number: 2, hash: H256([9; 32]) };
    let new = body(best, &[&second]);
    shell.run(Input::NewBest { best, retracted: vec![old], enacted: vec![new] });
    assert_eq!(shell.ready(), [first.hash(), next.hash()], "the second is in the new chain as well");
    let in_block = |block: BlockRef, index| Status::InBlock { block: block.hash, index };
    let retracted = Status::Retracted(block(1).hash);
    assert_eq!(shell.told(&first), [Status::Ready, in_block(block(1), 0), retracted, Status::Ready]);
    assert_eq!(shell.told(&second), [Status::Ready, in_block(block(1), 1), retracted, in_block(best, 0)]);
}

#[test]
fn r6_a_verdict_on_an_outdated_block_is_repeated() {
    let mut shell = Shell::new(Config::default());
    let (first, second) = (signed(1, 0, 1), signed(1, 1, 1));
    let (ticket, input) = shell.submission(&second);
    let jobs = shell.step(input);
    let results = vec![Ok(verdict(&shell.state, &second))];
    // Meanwhile the first one gets into a block without having been here.
    shell.enact(1, &[&first]);
    let again = shell.step(Input::Validated { job: jobs[0].0, at: block(0), results });
    assert_eq!(again.len(), 1, "on the old state it would wait for ever");
    assert!(!shell.answers.contains_key(&ticket));
    let results = vec![Ok(verdict(&shell.state, &second))];
    shell.step(Input::Validated { job: again[0].0, at: block(1), results });
    assert_eq!(shell.answers[&ticket], Ok(()));
    assert_eq!(shell.ready(), [second.hash()]);
}

#[test]
fn r7_stale_ones_are_found_and_future_ones_freed() {
    let mut shell = Shell::new(Config { revalidate_after_blocks: 2, ..Config::default() });
    let (stale, waiting) = (signed(1, 0, 1), signed(2, 1, 1));
    shell.submit(&stale).expect("valid");
    shell.submit(&waiting).expect("future");
    // The state moves by something that the pool cannot see, such as a transaction without a readable sender.
    shell.state.insert(account(1), 1);
    shell.state.insert(account(2), 1);
    for number in 1..=3 {
        shell.enact(number, &[]);
    }
    assert_eq!(shell.told(&stale).last(), Some(&Status::Invalid));
    assert_eq!(shell.ready(), [waiting.hash()]);
}

#[test]
fn r7_the_author_reports_what_the_runtime_refuses() {
    let mut shell = Shell::new(Config::default());
    let (bad, full) = (signed(1, 0, 1), signed(2, 0, 1));
    shell.submit(&bad).expect("valid");
    shell.submit(&full).expect("valid");
    let refused = vec![
        (bad.hash(), InvalidTransaction::Payment.into()),
        (full.hash(), InvalidTransaction::ExhaustsResources.into()),
    ];
    shell.run(Input::Refused { parent: H256([0xee; 32]), refused: refused.clone() });
    assert_eq!(shell.told(&bad), [Status::Ready], "a fork's opinion: asked again on the best block");
    // A block that takes too much from the sender refuses it, the state below does not: the next block decides.
    let parent = shell.pool.best().hash;
    shell.run(Input::Refused { parent, refused: refused.clone() });
    shell.run(Input::Refused { parent, refused: refused.clone() });
    assert_eq!(shell.told(&bad), [Status::Ready]);
    shell.run(Input::Refused { parent, refused });
    assert_eq!(shell.told(&bad).last(), Some(&Status::Invalid), "not for ever");
    assert_eq!(shell.ready(), [full.hash()]);
    assert_eq!(shell.submit(&bad), Err(PoolError::Banned));
}

#[test]
fn r3_of_verdicts_the_next_best_block_decides_about_what_one_refused() {
    let mut shell = Shell::new(Config::default());
    let (broke, fine) = (signed(1, 0, 1), signed(2, 0, 1));
    for extrinsic in [&broke, &fine] {
        shell.submit(extrinsic).expect("valid");
    }
    let refused = [&broke, &fine].map(|one| (one.hash(), InvalidTransaction::Payment.into())).to_vec();
    let parent = shell.pool.best().hash;
    shell.run(Input::Refused { parent, refused });
    assert_eq!(shell.ready().len(), 2, "on the best block both are valid");
    shell.state.insert(account(1), 1);
    // An answer from before that block must not stand for one after it.
    let aged = shell.step(Input::Refused {
        parent: H256([0xee; 32]),
        refused: vec![(fine.hash(), InvalidTransaction::Payment.into())],
    });
    shell.enact(1, &[]);
    assert_eq!(shell.told(&broke).last(), Some(&Status::Invalid));
    assert_eq!(shell.told(&fine), [Status::Ready]);
    shell.state.insert(account(2), 1);
    for (job, transactions) in aged {
        let results = transactions.iter().map(|_| verdict(&Nonces::new(), &fine)).map(Ok).collect();
        shell.run(Input::Validated { job, at: block(0), results });
    }
    assert_eq!(shell.told(&fine), [Status::Ready], "outdated");
    shell.enact(2, &[]);
    assert_eq!(shell.told(&fine).last(), Some(&Status::Invalid), "two blocks later at the latest");
}

#[test]
fn r8_time_out_unwatch_and_remove() {
    let mut shell = Shell::new(Config { finality_timeout_blocks: 2, ..Config::default() });
    let (slow, silent, removed) = (signed(1, 0, 1), signed(2, 0, 1), signed(3, 0, 1));
    for extrinsic in [&slow, &silent, &removed] {
        shell.submit(extrinsic).expect("valid");
    }
    shell.run(Input::Unwatch(silent.hash()));
    shell.run(Input::Remove(removed.hash()));
    for number in 1..=3 {
        let extrinsics: &[_] = if number == 1 { &[&slow, &silent] } else { &[] };
        shell.enact(number, extrinsics);
    }
    assert_eq!(shell.told(&slow).last(), Some(&Status::FinalityTimeout(block(1).hash)));
    assert_eq!(shell.told(&silent), [Status::Ready]);
    assert_eq!(shell.told(&removed), [Status::Ready, Status::Dropped]);
    assert_eq!(shell.pool.sizes().watched, 0);
}

#[test]
fn longevity_ends() {
    let mut shell = Shell::new(Config::default());
    let extrinsic = signed(1, 0, 1);
    let (_, input) = shell.submission(&extrinsic);
    let jobs = shell.step(input);
    let valid = verdict(&shell.state, &extrinsic).map(|valid| ValidTransaction { longevity: 2, ..valid });
    shell.step(Input::Validated { job: jobs[0].0, at: block(0), results: vec![Ok(valid)] });
    shell.enact(1, &[]);
    assert_eq!(shell.ready().len(), 1, "block 2 is the second one that may have it");
    shell.enact(2, &[]);
    assert_eq!(shell.told(&extrinsic), [Status::Ready, Status::Invalid], "block 3 may not");
}

#[test]
fn r9_one_sender_cannot_fill_the_pool() {
    let mut shell = Shell::new(Config { sender_count_max: 3, ..Config::default() });
    for nonce in [0, 1, 7] {
        shell.submit(&signed(1, nonce, 1)).expect("has room");
    }
    assert_eq!(shell.submit(&signed(1, 2, 9)), Err(PoolError::ImmediatelyDropped));
    shell.submit(&signed(1, 1, 2)).expect("replaces one of its own");
    shell.submit(&signed(2, 0, 1)).expect("another sender");
    let first = signed(1, 0, 1);
    shell.enact(1, &[&first]);
    shell.submit(&signed(1, 2, 1)).expect("room again");
}

#[test]
fn r1_of_verdicts_a_refusal_elsewhere_is_no_refusal() {
    let stale = || vec![Ok(Err(InvalidTransaction::Stale.into()))];
    let mut shell = Shell::new(Config { revalidate_after_blocks: 1, ..Config::default() });
    let fresh = signed(2, 0, 1);
    let (ticket, input) = shell.submission(&fresh);
    let jobs = shell.step(input);
    // The chain has a block with it already; the pool has not heard of it.
    let jobs = shell.step(Input::Validated { job: jobs[0].0, at: block(1), results: stale() });
    assert!(!shell.answers.contains_key(&ticket) && jobs.len() == 1, "asked again");
    shell.enact(1, &[&fresh]);
    assert_eq!(shell.answers[&ticket], Ok(()), "it is in the block");
    assert!(matches!(shell.told(&fresh)[..], [Status::InBlock { .. }]));

    let known = signed(1, 0, 1);
    shell.submit(&known).expect("valid");
    let jobs = shell.step(Input::NewBest { best: block(3), retracted: Vec::new(), enacted: Vec::new() });
    assert_eq!(jobs.len(), 1, "validated again");
    let jobs = shell.step(Input::Validated { job: jobs[0].0, at: block(4), results: stale() });
    assert_eq!((shell.told(&known), jobs.len()), (&[Status::Ready][..], 1), "asked again");
    shell.enact(4, &[&known]);
    assert!(matches!(shell.told(&known)[..], [Status::Ready, Status::InBlock { .. }]));
}

#[test]
fn r2_of_verdicts_who_cannot_return_is_told_why() {
    let mut shell = Shell::new(Config { sender_count_max: 2, ..Config::default() });
    let (first, second) = (signed(1, 0, 5), signed(2, 0, 5));
    shell.submit(&first).expect("valid");
    shell.submit(&second).expect("valid");
    let lost = shell.enact(1, &[&first, &second]);
    // On the new branch a rival and too many others of the second sender are there before the old ones come back.
    let best = BlockRef { number: 2, hash: H256([9; 32]) };
    shell.state = Nonces::new();
    let jobs = shell.step(Input::NewBest { best, retracted: vec![lost], enacted: Vec::new() });
    let rival = signed(1, 0, 9);
    let verdicts = |shell: &Shell, list: &[Arc<OpaqueExtrinsic>]| -> Vec<_> {
        list.iter().map(|extrinsic| Ok(verdict(&shell.state, extrinsic))).collect()
    };
    let mut more = Vec::new();
    for extrinsic in [&rival, &signed(2, 4, 1), &signed(2, 5, 1)] {
        let (_, input) = shell.submission(extrinsic);
        more.extend(shell.step(input));
    }
    for (job, list) in more.into_iter().chain(jobs) {
        let results = verdicts(&shell, &list);
        for (job, list) in shell.step(Input::Validated { job, at: best, results }) {
            let results = verdicts(&shell, &list);
            shell.step(Input::Validated { job, at: best, results });
        }
    }
    assert_eq!(shell.told(&first).last(), Some(&Status::Usurped(rival.hash())));
    assert_eq!(shell.told(&second).last(), Some(&Status::Dropped));
}

#[test]
fn r5_a_reorganisation_ends_bans() {
    let mut shell = Shell::new(Config::default());
    let (own, other) = (signed(1, 0, 1), signed(1, 0, 2));
    let lost = shell.enact(1, &[&other]);
    assert_eq!(shell.submit(&own), Err(PoolError::Invalid(InvalidTransaction::Stale)));
    assert_eq!(shell.submit(&own), Err(PoolError::Banned));
    shell.state = Nonces::new();
    let best = BlockRef { number: 2, hash: H256([9; 32]) };
    shell.step(Input::NewBest { best, retracted: vec![lost], enacted: Vec::new() });
    shell.submit(&own).expect("its nonce is free on this branch");
}

#[test]
fn tags_are_checked() {
    let tagged = |requires: Vec<Vec<u8>>, provides: Vec<Vec<u8>>| {
        let mut shell = Shell::new(Config::default());
        let (ticket, input) = shell.submission(&signed(1, 0, 1));
        let jobs = shell.step(input);
        let valid = ValidTransaction { priority: 1, requires, provides, longevity: 9, propagate: true };
        let at = shell.pool.best();
        shell.step(Input::Validated { job: jobs[0].0, at, results: vec![Ok(Ok(valid))] });
        shell.answers[&ticket].clone().map_err(|error| error.code())
    };
    assert_eq!(tagged(vec![], vec![]), Err(1019));
    assert_eq!(tagged(vec![vec![1]], vec![vec![1]]), Err(1015));
    assert_eq!(tagged(vec![], vec![vec![1]]), Ok(()));
}

#[test]
fn ready_keeps_count_and_bytes() {
    let mut shell = Shell::new(Config::default());
    for who in 1..=5 {
        shell.submit(&signed(who, 0, 1)).expect("valid");
    }
    let size = signed(1, 0, 1).0.len();
    assert_eq!(shell.pool.ready(3, usize::MAX).len(), 3);
    assert_eq!(shell.pool.ready(9, 2 * size).len(), 2);
    assert_eq!(shell.pool.pending().count(), 5);
}

#[test]
fn a_block_of_ten_thousand_drains() {
    let mut shell = Shell::new(Config::default());
    let extrinsics: Vec<_> = (0..10_000u32).map(|n| signed((n % 100) as u8, n / 100, 1)).collect();
    let submissions = extrinsics.iter().zip(0u64..).map(|(extrinsic, ticket)| Submission {
        ticket,
        extrinsic: extrinsic.clone(),
        source: TransactionSource::External,
        watch: false,
    });
    shell.run(Input::Submit(submissions.collect()));
    let ready = shell.pool.ready(usize::MAX, usize::MAX);
    assert_eq!(ready.len(), 10_000);
    let all: Vec<_> = ready.iter().map(|ready| &ready.extrinsic).collect();
    shell.enact(1, &all);
    assert_eq!(shell.pool.sizes(), Sizes::default());
}

/// Validates a job as the runtime after an upgrade does: everything was signed for the one before.
fn bad_proofs(count: usize) -> Vec<Result<TransactionValidity, String>> {
    vec![Ok(Err(InvalidTransaction::BadProof.into())); count]
}

#[test]
fn r10_a_new_runtime_has_everything_validated_at_once() {
    let mut shell = Shell::new(Config { job_count_max: 2, revalidate_count_max: 1, ..Config::default() });
    let transactions: Vec<_> = (0..5).map(|nonce| signed(1, nonce, 1)).collect();
    for transaction in &transactions {
        shell.submit(transaction).expect("valid");
    }
    let mut jobs = shell.step(Input::NewBest { best: block(1), retracted: vec![], enacted: vec![] });
    jobs.extend(shell.step(Input::NewRuntime));
    let mut seen = 0;
    while let Some((job, transactions)) = jobs.pop() {
        seen += transactions.len();
        let results = bad_proofs(transactions.len());
        jobs.extend(shell.step(Input::Validated { job, at: block(1), results }));
    }
    assert_eq!((seen, shell.ready().len()), (5, 0));
    for transaction in &transactions {
        assert_eq!(shell.statuses[&transaction.hash()].last(), Some(&Status::Invalid), "reported, not lost");
        assert_eq!(shell.submit(transaction), Err(PoolError::Banned));
    }
}

#[test]
fn r10_an_answer_of_the_old_runtime_is_asked_for_again() {
    let mut shell = Shell::new(Config { revalidate_after_blocks: 100, ..Config::default() });
    let transaction = signed(1, 0, 1);
    let (_, input) = shell.submission(&transaction);
    let under_way = shell.step(input);
    shell.step(Input::NewBest { best: block(1), retracted: vec![], enacted: vec![] });
    shell.step(Input::NewRuntime);
    for (job, _) in under_way {
        let results = vec![Ok(verdict(&shell.state, &transaction))];
        shell.step(Input::Validated { job, at: block(0), results });
    }
    assert_eq!(shell.ready(), [transaction.hash()], "as the old runtime saw it");
    let jobs = shell.step(Input::NewBest { best: block(2), retracted: vec![], enacted: vec![] });
    assert_eq!(jobs.len(), 1, "asked for again");
    for (job, transactions) in jobs {
        let results = bad_proofs(transactions.len());
        shell.step(Input::Validated { job, at: block(2), results });
    }
    assert_eq!(shell.ready(), []);
    assert_eq!(shell.statuses[&transaction.hash()].last(), Some(&Status::Invalid));
}
