//! Casting votes, moving to the next round, and finalising: rules R1 to R7 of [`super`].

use std::sync::Arc;

use parity_scale_codec::Encode;
use quire_core::GrandpaId;

use super::{Active, Effect, Own, Previous, RoundRecord, SignRequest, Voter};
use crate::finality::blocks::{Blocks, contains};
use crate::finality::commit::{prove, to_commit};
use crate::finality::message::Target;
use crate::finality::round::{Round, RoundState};
use crate::finality::votes::{Phase, Votes};
use crate::vote_guard::VoteKind;

/// Rounds that one step may pass; a set of one authority passes one, others none or one.
const ROUNDS_PER_STEP_MAX: usize = 4;

impl Voter {
    /// Does whatever can be done now.
    pub(super) fn progress(&mut self, blocks: &dyn Blocks, out: &mut Vec<Effect>) {
        for _ in 0..ROUNDS_PER_STEP_MAX {
            self.find_final(blocks, out);
            if let Some(id) = self.voter_id() {
                self.propose(id, out);
                self.prevote(id, blocks, out);
                self.precommit(id, blocks, out);
            }
            if !self.is_done(blocks) {
                return;
            }
            self.begin_next(blocks);
        }
    }

    /// When a vote may become due by time alone.
    pub(super) fn vote_due_at(&self) -> Option<u64> {
        self.voter_id()?;
        let prevote = (self.current.prevote == Own::Due && !self.is_settled()).then(|| self.prevote_at());
        let precommit = (self.current.precommit == Own::Due).then(|| self.precommit_at()).flatten();
        [prevote, precommit].into_iter().flatten().filter(|at| *at > self.now_ms).min()
    }

    /// True if nothing of earlier rounds can still become final.
    pub(super) fn is_settled(&self) -> bool {
        self.previous.state().estimate.is_some_and(|estimate| estimate.number <= self.finalised.number)
    }

    fn prevote_at(&self) -> u64 {
        self.current.since_ms.saturating_add(self.config.gossip_ms.saturating_mul(2))
    }

    fn precommit_at(&self) -> Option<u64> {
        let Own::Asked(at) = self.current.prevote else { return None };
        Some(at.saturating_add(self.config.gossip_ms.saturating_mul(2)))
    }

    /// The primary of a round tells its estimate if that is not final, so that all build on the same block.
    fn propose(&mut self, id: GrandpaId, out: &mut Vec<Effect>) {
        if self.current.propose != Own::Due || self.primary(self.round()) != Some(id) || self.is_settled() {
            return;
        }
        let Some(estimate) = self.previous.state().estimate else { return };
        self.current.propose = Own::Asked(self.now_ms);
        self.sign(id, VoteKind::Propose, estimate, out);
    }

    /// Whose turn it is to propose.
    pub(super) fn primary(&self, round: u64) -> Option<GrandpaId> {
        let count = u64::try_from(self.voters.authorities().len()).ok()?;
        let place = usize::try_from(round.checked_rem(count)?).ok()?;
        self.voters.authorities().get(place).copied()
    }

    /// R2, R5, R7.
    fn prevote(&mut self, id: GrandpaId, blocks: &dyn Blocks, out: &mut Vec<Effect>) {
        if self.current.prevote != Own::Due {
            return;
        }
        let target = match self.own.in_round(VoteKind::Prevote, self.voters.set_id, self.round()) {
            Some(repeated) => repeated,
            None => {
                let is_completable = self.current.round.state().completable;
                let is_settled = self.is_settled();
                if !is_completable && !is_settled && self.now_ms < self.prevote_at() {
                    return;
                }
                let Some(best) = self.prevote_target(blocks) else {
                    return;
                };
                if !is_completable && is_settled && best.number <= self.finalised.number {
                    return;
                }
                best
            }
        };
        self.current.prevote = Own::Asked(self.now_ms);
        self.sign(id, VoteKind::Prevote, target, out);
        if self.voters.authorities().len() == 1 && self.current.precommit == Own::Due {
            // R6: our prevote alone is the ghost.
            let repeated = self.own.in_round(VoteKind::Precommit, self.voters.set_id, self.round());
            self.current.precommit = Own::Asked(self.now_ms);
            self.sign(id, VoteKind::Precommit, repeated.unwrap_or(target), out);
        }
    }

    fn prevote_target(&self, blocks: &dyn Blocks) -> Option<Target> {
        let RoundState { estimate: Some(estimate), ghost, .. } = self.previous.state() else { return None };
        let fits = |proposal: &Target| {
            ghost.is_some_and(|ghost| contains(blocks, proposal.hash, ghost.hash))
                && contains(blocks, estimate.hash, proposal.hash)
        };
        let base = self.current.proposal.filter(fits).unwrap_or(estimate);
        blocks.best_containing(base.hash)
    }

    /// R3, R7.
    fn precommit(&mut self, id: GrandpaId, blocks: &dyn Blocks, out: &mut Vec<Effect>) {
        if self.current.precommit != Own::Due || self.current.prevote == Own::Due {
            return;
        }
        let target = match self.own.in_round(VoteKind::Precommit, self.voters.set_id, self.round()) {
            Some(repeated) => repeated,
            None => {
                let Some(ghost) = self.precommit_target(blocks) else { return };
                ghost
            }
        };
        self.current.precommit = Own::Asked(self.now_ms);
        self.sign(id, VoteKind::Precommit, target, out);
    }

    fn precommit_target(&self, blocks: &dyn Blocks) -> Option<Target> {
        let state = self.current.round.state();
        let ghost = state.ghost?;
        let estimate = self.previous.state().estimate?;
        let everybody = self.current.round.participation(Phase::Prevote) == self.voters.authorities().len();
        let is_time = self.precommit_at().is_none_or(|at| self.now_ms >= at);
        let is_due = everybody || is_time || state.completable;
        (is_due && contains(blocks, estimate.hash, ghost.hash)).then_some(ghost)
    }

    fn sign(&mut self, id: GrandpaId, kind: VoteKind, target: Target, out: &mut Vec<Effect>) {
        let set_id = self.voters.set_id;
        // With the precommit again: now the prevotes that it relies on are in it.
        let is_due = !self.current.is_recorded || kind == VoteKind::Precommit;
        let record = is_due.then(|| RoundRecord::new(set_id, &self.previous, &self.current.round).encode());
        self.current.is_recorded = true;
        out.push(Effect::Sign(SignRequest { id, set_id, round: self.round(), kind, target, record }));
    }

    pub(super) fn refused(&mut self, (set_id, round): (u64, u64), kind: VoteKind) {
        if (set_id, round) != (self.voters.set_id, self.round()) {
            return;
        }
        match kind {
            VoteKind::Prevote => self.current.prevote = Own::Barred,
            VoteKind::Precommit => self.current.precommit = Own::Barred,
            VoteKind::Propose => self.current.propose = Own::Barred,
        }
    }

    /// R4.
    fn is_done(&self, blocks: &dyn Blocks) -> bool {
        let state = self.current.round.state();
        if !state.completable {
            return false;
        }
        // Without a block to build on there is no vote to wait for: the estimate's fork has lost.
        let is_cast = self.voter_id().is_none()
            || (self.current.prevote != Own::Due && self.current.precommit != Own::Due)
            || self.prevote_target(blocks).is_none();
        let last = self.previous.state();
        let Some(estimate) = last.estimate else { return false };
        let reached = |final_block: Option<Target>| final_block.is_some_and(|f| estimate.number <= f.number);
        let is_final = reached(last.finalised)
            || reached(state.finalised)
            || (reached(Some(self.finalised)) && contains(blocks, estimate.hash, self.finalised.hash));
        is_cast && is_final
    }

    fn begin_next(&mut self, blocks: &dyn Blocks) {
        let number = self.round().saturating_add(1);
        let proven = self.proven(&self.current.round, blocks);
        let votes = std::mem::take(&mut self.next_votes);
        let round = Round::with_votes(number, self.voters.clone(), self.in_rounds, &votes, blocks);
        let old = std::mem::replace(&mut self.current, Active::new(self.now_ms, round)).round;
        self.enter(old, proven);
    }

    /// Makes `completed` the previous round; the current one is its successor already.
    pub(super) fn enter(&mut self, completed: Round, proven: Option<Target>) {
        self.current.proposal_vote = self.next_proposal.take();
        self.current.proposal = self.current.proposal_vote.map(|vote| vote.ballot.target);
        self.previous = Previous {
            number: completed.number(),
            base: completed.base(),
            state: completed.state(),
            round: Some(completed),
        };
        if let Some(proven) = proven.filter(|proven| proven.number > self.in_rounds.number) {
            self.in_rounds = proven;
        }
        self.next_votes = Votes::default();
        self.fetched.clear();
        self.peers.begin_round(self.now_ms, self.current.round.number());
    }

    /// Asks to finalise what the two rounds prove.
    fn find_final(&mut self, blocks: &dyn Blocks, out: &mut Vec<Effect>) {
        let counted = |round: Option<&Round>| round.map_or(0, |round| round.participation(Phase::Precommit));
        let seen = (self.round(), counted(self.previous.round.as_ref()), counted(Some(&self.current.round)));
        if std::mem::replace(&mut self.proof_tried, seen) == seen {
            return;
        }
        let rounds = [self.previous.round.as_ref(), Some(&self.current.round)];
        let proofs = rounds.into_iter().flatten().filter_map(|round| self.justify(round, blocks));
        let highest = proofs.max_by_key(|proof| proof.target_number);
        let Some(proof) = highest else { return };
        let target = Target { hash: proof.target_hash, number: proof.target_number };
        if target.number > self.finalising.number && target.number > self.finalised.number {
            self.finalising = target;
            self.keep_commit(to_commit(&proof, self.voters.set_id));
            out.push(Effect::Finalise { target, proof: Arc::new(proof) });
        }
    }

    fn justify(&self, round: &Round, blocks: &dyn Blocks) -> Option<quire_core::GrandpaJustification> {
        if round.participation(Phase::Precommit) < self.voters.threshold() {
            return None;
        }
        prove(round.number(), round.counted_precommits(), &self.voters, blocks).ok()
    }

    pub(super) fn proven(&self, round: &Round, blocks: &dyn Blocks) -> Option<Target> {
        let proof = self.justify(round, blocks)?;
        Some(Target { hash: proof.target_hash, number: proof.target_number })
    }
}
