//! What new blocks do to the pool (R6, R7, R10).

use std::collections::BTreeSet;
use std::sync::Arc;

use quire_core::{H256, OpaqueExtrinsic, TransactionSource};

use super::{BlockBody, BlockRef, Change, Effect, Pending, Pool, Status};
use crate::error::PoolError;
use crate::key::Key;
use crate::order::Moves;
use crate::transaction::{Place, nonce_tag, sender_of};

impl Pool {
    pub(super) fn new_best(
        &mut self,
        best: BlockRef,
        retracted: &[BlockBody],
        enacted: &[BlockBody],
        out: &mut Vec<Effect>,
    ) {
        self.best = best;
        if !retracted.is_empty() {
            self.branch = self.branch.saturating_add(1);
            self.bans.clear();
        }
        for body in retracted {
            self.watches.retracted(&body.block, out);
        }
        let mut included = BTreeSet::new();
        for body in enacted {
            self.enact(body, !retracted.is_empty(), &mut included, out);
        }
        for body in retracted {
            self.take_back(body, &included, out);
        }
        self.drop_expired(out);
        self.watches.time_out(best.number.saturating_sub(self.config.finality_timeout_blocks), out);
        self.revalidate_refused();
        self.revalidate_some();
    }

    /// What the block before could not take may never be taken: its watcher shall not wait to hear it. What is under
    /// way already is asked about on an older block, so it waits for the next one.
    fn revalidate_refused(&mut self) {
        for hash in std::mem::take(&mut self.refused) {
            if self.revalidating.contains(&hash) {
                self.refused.insert(hash);
            } else {
                self.revalidate(hash);
            }
        }
    }

    /// R10.
    pub(super) fn new_runtime(&mut self) {
        // What the old runtime said counts as said on another branch, also when it is still on its way.
        self.branch = self.branch.saturating_add(1);
        self.bans.clear();
        let all: Vec<H256> = self.order.iter().map(|transaction| transaction.hash).collect();
        for hash in all {
            self.revalidate(hash);
        }
    }

    /// Takes out what a block of the best chain contains.
    fn enact(
        &mut self,
        body: &BlockBody,
        remember: bool,
        included: &mut BTreeSet<H256>,
        out: &mut Vec<Effect>,
    ) {
        let mut moves = Moves::default();
        let mut changes = Vec::new();
        for (index, extrinsic) in (0u32..).zip(body.extrinsics.iter()) {
            let hash = extrinsic.hash();
            if remember {
                included.insert(hash);
            }
            if self.order.remove_included(&hash, &mut moves).is_none() {
                if let Some(pending) = self.take_pending(&hash) {
                    self.accept_included(hash, &pending, out);
                }
                self.take_nonce(extrinsic, hash, &mut moves, &mut changes);
            }
            self.watches.included(&hash, body.block, index, out);
        }
        changes.push(Change::Moved(moves));
        self.tell_moves(H256::ZERO, changes, out);
    }

    /// A transaction got into a block before its validation here came back: it is valid. One that is watched already was
    /// here before, and keeps its watcher.
    fn accept_included(&mut self, hash: H256, pending: &Pending, out: &mut Vec<Effect>) {
        if let Some(ticket) = pending.ticket {
            let is_watched = self.watches.contains(&hash);
            let result = if is_watched { Err(PoolError::AlreadyImported(hash)) } else { Ok(()) };
            out.push(Effect::Answer { ticket, hash, result });
            if pending.watch && !is_watched {
                self.watches.watch(hash);
            }
        }
    }

    /// The sender's nonce is used: who waits for it is free, who wants it as well is late.
    fn take_nonce(
        &mut self,
        extrinsic: &OpaqueExtrinsic,
        included: H256,
        moves: &mut Moves,
        changes: &mut Vec<Change>,
    ) {
        let Some((account, nonce)) = sender_of(extrinsic) else { return };
        let tag = nonce_tag(&account, nonce);
        self.order.provide_on_chain(&tag, moves);
        for rival in self.order.providers_of(std::slice::from_ref(&tag)) {
            self.order.remove(&rival, moves);
            changes.push(Change::Gone(rival, Status::Usurped(included)));
        }
    }

    /// Gives a retracted block's transactions another validation, unless the new chain has them. What finds no room is
    /// dropped.
    fn take_back(&mut self, body: &BlockBody, included: &BTreeSet<H256>, out: &mut Vec<Effect>) {
        for extrinsic in body.extrinsics.iter().filter(|extrinsic| sender_of(extrinsic).is_some()) {
            let hash = extrinsic.hash();
            if included.contains(&hash) || self.order.contains(&hash) {
                continue;
            }
            if let Some(pending) = self.validating.get_mut(&Key::from(&hash)) {
                // Handed in once more while it was in the block: whoever watches it already goes on watching.
                if self.watches.contains(&hash)
                    && let Some(ticket) = pending.ticket.take()
                {
                    out.push(Effect::Answer { ticket, hash, result: Err(PoolError::AlreadyImported(hash)) });
                }
                continue;
            }
            if self.has_no_room_for(extrinsic) {
                self.watches.tell(&hash, Status::Dropped, out);
                continue;
            }
            let source = TransactionSource::External;
            let extrinsic = Arc::new(extrinsic.clone());
            self.queue(hash, Pending { extrinsic, source, ticket: None, watch: false, attempts: 0 });
        }
    }

    fn drop_expired(&mut self, out: &mut Vec<Effect>) {
        for hash in self.order.expired(self.best.number) {
            self.remove(&hash, Status::Invalid, out);
        }
    }

    /// R7.
    fn revalidate_some(&mut self) {
        let aged = self.best.number.saturating_sub(self.config.revalidate_after_blocks);
        let before = Place { branch: self.branch, number: aged };
        let room = self.config.revalidate_count_max.saturating_sub(self.revalidating.len());
        for hash in self.order.stale(before, room) {
            self.revalidate(hash);
        }
    }
}
