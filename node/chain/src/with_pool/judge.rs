//! Compares what watchers are told with the model (R2 to R7 of the parent).

use std::collections::{BTreeMap, BTreeSet};

use quire_core::H256;
use quire_pool::{Config, Pool, PoolError, Sizes, Status};

use super::model::Model;

/// Blocks that may refuse a transaction before it is invalid.
const REFUSALS: usize = 3;

/// What each watcher was told.
#[derive(Debug, Default)]
pub(super) struct Judge {
    told: BTreeMap<H256, Vec<Status>>,
    answers: BTreeMap<u64, Result<(), PoolError>>,
    finals: Vec<(H256, H256)>,
    refusals: BTreeMap<H256, usize>,
    /// Told something final in this step.
    gone: BTreeSet<H256>,
}

impl Judge {
    pub(super) fn answered(&mut self, ticket: u64, hash: H256, result: &Result<(), PoolError>) {
        assert!(self.answers.insert(ticket, result.clone()).is_none(), "R6: answered once");
        if result.is_ok() {
            let before = self.told.insert(hash, Vec::new());
            let is_over = before.is_none_or(|told| told.last().is_some_and(Status::is_final));
            assert!(is_over, "R6: one watcher at a time");
            self.refusals.remove(&hash);
        }
    }

    pub(super) fn begin_step(&mut self, gone: BTreeSet<H256>) {
        self.gone = gone;
    }

    pub(super) fn refused_by_a_block(&mut self, hash: H256) {
        *self.refusals.entry(hash).or_default() += 1;
    }

    pub(super) fn told(
        &mut self,
        model: &Model,
        pool: &Pool,
        (before, limits): (&Sizes, &Config),
        hash: H256,
        status: Status,
    ) {
        let told = self.told.entry(hash).or_default();
        let last = told.last().copied();
        told.push(status);
        let context = format!("{hash} told {told:?}");
        assert!(!last.is_some_and(|last| last.is_final() || last == status), "R6: {context}");
        let in_block = matches!(last, Some(Status::InBlock { .. }));
        match status {
            Status::Ready | Status::Future => assert!(!in_block, "R6: {context}"),
            Status::InBlock { block, index } => {
                assert!(!in_block && model.is_below(block, model.heard), "R3: {context}");
                assert_eq!(model.index_in(block, &hash), Some(index), "R3: {context}");
            }
            Status::Retracted(block) => {
                let was = matches!(last, Some(Status::InBlock { block: told, .. }) if told == block);
                assert!(was && !model.is_below(block, model.heard), "R3: {context}");
            }
            Status::Finalized { block, index } => {
                assert!(in_block && model.is_final(block), "R2: {context}");
                assert_eq!(model.index_in(block, &hash), Some(index), "R2: {context}");
                self.finals.push((hash, block));
            }
            Status::Usurped(by) => {
                let (ours, other) = (model.tx(&hash), model.tx(&by));
                assert!(by != hash && (ours.who, ours.nonce) == (other.who, other.nonce), "R4: {context}");
                let is_there = pool.get(&by).is_some() || model.place(&by).is_some();
                assert!(is_there || self.gone.contains(&by), "R4: {context}");
            }
            Status::Dropped => {
                let waiting = before.ready + before.future + before.validating;
                let least = limits.future_count_max.min(limits.sender_count_max).min(limits.ready_count_max);
                assert!(waiting >= least, "R5: {before:?} {context}");
            }
            Status::Invalid => {
                let refusals = self.refusals.get(&hash).copied().unwrap_or(0);
                let is_invalid = !model.is_valid(model.heard, model.tx(&hash));
                assert!(is_invalid || refusals >= REFUSALS, "R5: {context}");
                assert_eq!(model.place(&hash), None, "R5: {context}");
            }
            Status::FinalityTimeout(_) => panic!("no chain here is that long: {context}"),
        }
    }

    /// R2.
    pub(super) fn check_final_ones(&self, model: &Model) {
        for (hash, block) in &self.finals {
            assert!(model.is_below(*block, model.best()), "R2: {hash} was final in {block}");
        }
    }

    /// R6, R7.
    pub(super) fn check_quiet(&self, model: &Model, pool: &Pool, submissions: u64) {
        assert_eq!(self.answers.len() as u64, submissions, "R6: everybody is answered");
        for (hash, told) in &self.told {
            let last = told.last().copied().unwrap_or_else(|| panic!("R7: {hash} was told nothing"));
            if last.is_final() {
                continue;
            }
            let tx = model.tx(hash);
            let expected = match model.place(hash) {
                Some((block, index)) => Status::InBlock { block, index },
                None => {
                    assert!(pool.get(hash).is_some(), "R7: {hash} is lost: {told:?}");
                    assert!(model.is_valid(model.heard, tx), "R7: {hash} {told:?}");
                    let has = |nonce| {
                        let mut held = pool.transactions().map(|held| model.tx(&held.hash));
                        held.any(|held| (held.who, held.nonce) == (tx.who, nonce))
                    };
                    let is_ready = (model.next_nonce(tx.who)..tx.nonce).all(has);
                    assert_eq!(pool.is_ready(hash), is_ready, "R7: {hash} {tx:?}");
                    if is_ready { Status::Ready } else { Status::Future }
                }
            };
            assert_eq!(last, expected, "R7: {hash} {tx:?} {told:?}");
        }
    }
}
