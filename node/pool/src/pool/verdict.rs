//! What the runtime's verdicts do to the pool.
//!
//! Rules
//! - R1 A refusal counts only if it was given on the best block: on another one the transaction may be in a block, or
//!   wait for one that was taken back, and is asked about again. Nobody is told of a refusal that does not count.
//! - R2 A transaction that came back from a retracted block and cannot return is told what really happened: usurped by
//!   the rival in its place, dropped for want of room, invalid only if the runtime says so.
//! - R3 What a block under construction refuses is asked about again on the next best block; after [`REFUSALS_MAX`]
//!   refusals it is invalid whatever validation says, so that no transaction costs the authors time for ever.

use quire_core::{H256, InvalidTransaction, TransactionValidity, TransactionValidityError, ValidTransaction};

use super::{BlockRef, Change, Effect, Job, Pending, Pool, Status};
use crate::error::PoolError;
use crate::key::Key;
use crate::order::Moves;
use crate::transaction::{Place, Tag, Transaction};

/// Validations on an outdated block that are repeated before a submission is answered as it is.
const ATTEMPTS_MAX: u32 = 3;
/// Blocks that may refuse a transaction which validation accepts.
const REFUSALS_MAX: u8 = 3;

/// A transaction that the pool does not take, and what its watcher is told if it was in the pool before.
struct Refusal {
    error: PoolError,
    fate: Status,
}

/// Where a verdict was given.
#[derive(Clone, Copy)]
struct At {
    place: Place,
    is_best: bool,
}

impl Pool {
    pub(super) fn validated(
        &mut self,
        now_ms: u64,
        job: u64,
        at: BlockRef,
        results: Vec<Result<TransactionValidity, String>>,
        out: &mut Vec<Effect>,
    ) {
        let Some(Job { hashes, branch }) = self.jobs.remove(&job) else { return };
        let missing = hashes.len().saturating_sub(results.len());
        let none = std::iter::repeat_with(|| Err("the runtime gave no answer".to_owned())).take(missing);
        let results: Vec<_> = results.into_iter().chain(none).collect();
        let at = At { place: Place { branch, number: at.number }, is_best: at.hash == self.best.hash };
        for (hash, result) in hashes.into_iter().zip(results) {
            let repeated = self.revalidating.remove(&hash);
            if self.validating.contains_key(&Key::from(&hash)) {
                self.first_verdict(now_ms, hash, at, result, out);
            } else if repeated {
                self.repeated_verdict(now_ms, hash, at, result, out);
            }
        }
    }

    fn first_verdict(
        &mut self,
        now_ms: u64,
        hash: H256,
        at: At,
        result: Result<TransactionValidity, String>,
        out: &mut Vec<Effect>,
    ) {
        let Some(mut pending) = self.take_pending(&hash) else { return };
        if !at.is_best && self.is_doubtful(&hash, &pending, &result) {
            pending.attempts = pending.attempts.saturating_add(1);
            self.queue(hash, pending);
            return;
        }
        let (ticket, watch) = (pending.ticket, pending.watch);
        let (result, changes) = match result {
            Ok(Ok(valid)) => self.import(hash, pending, valid, at.place),
            Ok(Err(error)) => {
                if at.is_best && matches!(error, TransactionValidityError::Invalid(_)) {
                    self.ban(now_ms, hash);
                }
                (Err(Refusal { error: error.into(), fate: Status::Invalid }), Vec::new())
            }
            Err(reason) => {
                let error = PoolError::Verification { reason };
                (Err(Refusal { error, fate: Status::Dropped }), Vec::new())
            }
        };
        match (&result, ticket) {
            // R2. Without a ticket it came back from a retracted block.
            (Err(refusal), None) => self.watches.tell(&hash, refusal.fate, out),
            (_, Some(ticket)) => {
                let is_taken = result.is_ok();
                let result = result.map_err(|refusal| refusal.error);
                out.push(Effect::Answer { ticket, hash, result });
                if watch && is_taken {
                    self.watches.watch(hash);
                }
            }
            (Ok(()), None) => {}
        }
        self.tell_moves(hash, changes, out);
    }

    /// True if a verdict that was not given on the best block may be wrong there, and shall be repeated (R1).
    fn is_doubtful(
        &self,
        hash: &H256,
        pending: &Pending,
        result: &Result<TransactionValidity, String>,
    ) -> bool {
        let is_tried = pending.attempts >= ATTEMPTS_MAX;
        match result {
            Ok(Ok(valid)) => {
                let requires: Vec<Tag> = valid.requires.iter().map(|tag| Tag::new(tag)).collect();
                let provides: Vec<Tag> = valid.provides.iter().map(|tag| Tag::new(tag)).collect();
                let is_shaky = !self.order.is_satisfied(&requires) || self.order.is_on_chain(&provides);
                // One that is watched and not in the order is in a block, as far as the pool has heard.
                let is_included = pending.ticket.is_some() && self.watches.contains(hash);
                is_included || (is_shaky && !is_tried)
            }
            // A client waits for the answer; a watcher of a retracted one must hear nothing wrong.
            Ok(Err(_)) | Err(_) => !is_tried || pending.ticket.is_none(),
        }
    }

    /// Puts a valid transaction into the order. Also what the change did to others.
    fn import(
        &mut self,
        hash: H256,
        pending: Pending,
        valid: ValidTransaction,
        at: Place,
    ) -> (Result<(), Refusal>, Vec<Change>) {
        let mut changes = Vec::new();
        let transaction = Transaction::new(hash, pending.extrinsic, pending.source, valid, at);
        if let Err(refusal) = self.check_import(&transaction) {
            return (Err(refusal), changes);
        }
        let mut moves = Moves::default();
        for old in self.order.providers_of(&transaction.provides) {
            self.order.remove(&old, &mut moves);
            changes.push(Change::Gone(old, Status::Usurped(hash)));
        }
        self.order.insert(transaction, &mut moves);
        changes.push(Change::Moved(moves));
        self.enforce_limits(&mut changes);
        if !self.order.contains(&hash) {
            changes.retain(|change| !matches!(change, Change::Gone(gone, _) if *gone == hash));
            for change in &mut changes {
                if let Change::Gone(_, fate @ Status::Usurped(_)) = change {
                    // What it replaced is worse still: there is no room for either.
                    *fate = Status::Dropped;
                }
            }
            let refusal = Refusal { error: PoolError::ImmediatelyDropped, fate: Status::Dropped };
            return (Err(refusal), changes);
        }
        // First itself, then what it made ready: peers get them in an order that they can use.
        changes.insert(0, Change::Arrived(hash));
        (Ok(()), changes)
    }

    fn check_import(&self, transaction: &Transaction) -> Result<(), Refusal> {
        let refuse = |error, fate| Err(Refusal { error, fate });
        if transaction.provides.is_empty() {
            return refuse(PoolError::NoTagsProvided, Status::Invalid);
        }
        if transaction.requires.iter().any(|tag| transaction.provides.binary_search(tag).is_ok()) {
            return refuse(PoolError::CycleDetected, Status::Invalid);
        }
        let rivals = self.order.providers_of(&transaction.provides);
        let old = rivals
            .iter()
            .filter_map(|hash| self.order.get(hash))
            .fold(0u64, |sum, rival| sum.saturating_add(rival.priority));
        match rivals.first() {
            Some(rival) if transaction.priority <= old => {
                let error = PoolError::TooLowPriority { old, new: transaction.priority };
                refuse(error, Status::Usurped(*rival))
            }
            Some(_) => Ok(()),
            None if self.is_sender_full(transaction) => {
                refuse(PoolError::ImmediatelyDropped, Status::Dropped)
            }
            None => Ok(()),
        }
    }

    /// R9 of the pool.
    fn is_sender_full(&self, transaction: &Transaction) -> bool {
        let sender = transaction.sender.as_ref();
        sender.is_some_and(|(account, _)| self.order.count_of(account) >= self.config.sender_count_max)
    }

    fn repeated_verdict(
        &mut self,
        now_ms: u64,
        hash: H256,
        at: At,
        result: Result<TransactionValidity, String>,
        out: &mut Vec<Effect>,
    ) {
        let Some(known) = self.order.get(&hash) else { return };
        match result {
            Ok(Ok(valid)) => {
                let new = Transaction::new(hash, known.extrinsic.clone(), known.source, valid, at.place);
                let needs_no_more = new.requires.iter().all(|tag| known.requires.contains(tag));
                let same = new.priority == known.priority && new.provides == known.provides && needs_no_more;
                match (same, at.is_best) {
                    (true, true) => self.fulfil(&hash, &new, out),
                    // What an outdated state provides says nothing about the best one.
                    (_, false) => self.order.renew(&hash, new.valid_till, new.validated_at),
                    (false, true) => self.replace(hash, new, out),
                }
            }
            // R1.
            Ok(Err(_)) if !at.is_best => self.revalidate(hash),
            Ok(Err(_)) => {
                self.ban(now_ms, hash);
                self.remove(&hash, Status::Invalid, out);
            }
            // The runtime could not say: the transaction stays as it was and is asked about later.
            Err(_) => self.order.renew(&hash, known.valid_till, at.place),
        }
    }

    /// The state provides other tags than it was thought to: some wait for nothing any more, some wait again.
    fn fulfil(&mut self, hash: &H256, new: &Transaction, out: &mut Vec<Effect>) {
        let Some(known) = self.order.get(hash) else { return };
        let fulfilled = known.requires.iter().filter(|tag| !new.requires.contains(tag));
        let fulfilled: Vec<_> = fulfilled.filter(|tag| !self.order.has_provider(tag)).copied().collect();
        let mut moves = Moves::default();
        for tag in &fulfilled {
            self.order.provide_on_chain(tag, &mut moves);
        }
        for tag in new.requires.iter() {
            self.order.withdraw_on_chain(tag, &mut moves);
        }
        self.order.renew(hash, new.valid_till, new.validated_at);
        self.tell_moves(H256::ZERO, vec![Change::Moved(moves)], out);
    }

    /// The runtime sees the transaction differently now: it leaves and enters anew.
    fn replace(&mut self, hash: H256, new: Transaction, out: &mut Vec<Effect>) {
        let mut moves = Moves::default();
        self.order.remove(&hash, &mut moves);
        let mut changes = vec![Change::Moved(moves)];
        if let Err(refusal) = self.check_import(&new) {
            changes.push(Change::Gone(hash, refusal.fate));
        } else {
            let mut moves = Moves::default();
            for old in self.order.providers_of(&new.provides) {
                self.order.remove(&old, &mut moves);
                changes.push(Change::Gone(old, Status::Usurped(hash)));
            }
            self.order.insert(new, &mut moves);
            changes.push(Change::Moved(moves));
        }
        self.tell_moves(H256::ZERO, changes, out);
    }

    /// R3. What a block on another parent than the best one refuses says nothing, but is asked about at once.
    pub(super) fn refused(
        &mut self,
        now_ms: u64,
        parent: H256,
        refused: &[(H256, TransactionValidityError)],
        out: &mut Vec<Effect>,
    ) {
        for (hash, error) in refused {
            match error {
                TransactionValidityError::Invalid(InvalidTransaction::ExhaustsResources) => continue,
                TransactionValidityError::Invalid(InvalidTransaction::Future)
                | TransactionValidityError::Unknown(_) => {}
                TransactionValidityError::Invalid(_) if parent != self.best.hash => {}
                TransactionValidityError::Invalid(_) => {
                    match self.order.refuse(hash) {
                        0 => {}
                        REFUSALS_MAX.. => {
                            self.ban(now_ms, *hash);
                            self.remove(hash, Status::Invalid, out);
                        }
                        // The best block has not done what made it invalid; the one under construction may.
                        _ => {
                            self.refused.insert(*hash);
                        }
                    }
                    continue;
                }
            }
            self.revalidate(*hash);
        }
    }
}
