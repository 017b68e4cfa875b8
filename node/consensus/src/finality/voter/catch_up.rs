//! Catching up with a set whose round is ahead.
//!
//! ```text
//!  neighbour packet with round r, ours below ──► request(r - 1) ──► votes of a completed round ≥ r - 1 ──► its successor
//! ```
//!
//! Who is one round behind normally gets the votes of its round unasked. It asks as well when that does not help:
//! then it lacks votes of the round before, which nobody ahead keeps, so its last estimate stays too high for ever.
//!
//! Rules
//! - R1 One request at a time; the next one after its answer or after [`super::Config::catch_up_timeout_ms`].
//! - R2 An answer is the previous round with all its votes, if that is the round asked for or a later one; one answer
//!   to one peer per half of the timeout.
//! - R3 A catch-up that nobody waits for is not looked at; from a peer that was never asked it is wrong. One with a foreign or bad vote, or with votes of fewer than a
//!   threshold in a phase, is bad.
//! - R4 Votes for blocks that are not imported do not count. If the round is not completable without them, the catch-up
//!   waits for imports; a later one replaces it.

use super::record::votes_of;
use super::{Active, Config, Effect, Rule, Voter};
use crate::finality::blocks::{Blocks, is_known};
use crate::finality::message::{Ballot, CatchUp, CatchUpRequest, Message, Neighbour, Target};
use crate::finality::round::Round;
use crate::finality::votes::{Phase, VoteEquivocation};
use crate::peer::PeerId;

/// How far behind one must be to ask at once.
const ROUNDS_BEHIND: u64 = 2;
/// How many pauses of sending again a round must have lasted before who is one round behind asks.
const PATIENCE_PAUSES: u64 = 2;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Pending {
    peer: PeerId,
    round: u64,
    at_ms: u64,
}

/// The request under way and the answer that waits.
#[derive(Clone, Debug, Default)]
pub(super) struct CatchUps {
    pending: Option<Pending>,
    waiting: Option<CatchUp>,
}

impl CatchUps {
    pub(super) fn gone(&mut self, peer: PeerId) {
        self.pending = self.pending.filter(|pending| pending.peer != peer);
    }

    /// Blocks that the answer waits for.
    pub(super) fn unknown(&self, blocks: &dyn Blocks) -> Vec<Target> {
        self.waiting.as_ref().map_or_else(Vec::new, |waiting| unknown(waiting, blocks))
    }

    pub(super) fn due_at(&self, config: &Config) -> Option<u64> {
        self.pending.map(|pending| pending.at_ms.saturating_add(config.catch_up_timeout_ms))
    }
}

impl Voter {
    /// R1.
    pub(super) fn ask_to_catch_up(&mut self, peer: PeerId, view: Neighbour, out: &mut Vec<Effect>) {
        let patience_ms = self.config.resend_ms.saturating_mul(PATIENCE_PAUSES);
        let is_stuck = self.now_ms >= self.current.since_ms.saturating_add(patience_ms);
        let ahead = view.round.saturating_sub(self.round());
        let is_far = ahead >= ROUNDS_BEHIND || (ahead > 0 && is_stuck);
        let is_behind = view.set_id == self.voters.set_id && is_far;
        let is_busy = self.catch_ups.due_at(&self.config).is_some_and(|due| self.now_ms < due);
        let round = view.round.saturating_sub(1);
        let is_waiting = self.catch_ups.waiting.as_ref().is_some_and(|waiting| waiting.round >= round);
        if !is_behind || is_busy || is_waiting {
            return;
        }
        self.catch_ups.pending = Some(Pending { peer, round, at_ms: self.now_ms });
        self.peers.note_asked(peer);
        let request = CatchUpRequest { round, set_id: self.voters.set_id };
        out.push(Effect::Send { to: vec![peer], message: Message::CatchUpRequest(request) });
    }

    /// R2.
    pub(super) fn catch_up_request(&mut self, peer: PeerId, request: CatchUpRequest, out: &mut Vec<Effect>) {
        if request.set_id != self.voters.set_id {
            return;
        }
        let Some(round) = self.previous.round.as_ref().filter(|round| round.number() >= request.round) else {
            return;
        };
        let ballots = |phase| round.votes().ballots(phase).copied().collect();
        let message = Message::CatchUp(CatchUp {
            set_id: self.voters.set_id,
            round: round.number(),
            prevotes: ballots(Phase::Prevote),
            precommits: ballots(Phase::Precommit),
            base: round.base(),
        });
        let pause_ms = self.config.catch_up_timeout_ms / 2;
        if self.peers.may_answer_catch_up(peer, self.now_ms, pause_ms) {
            out.push(Effect::Send { to: vec![peer], message });
        } else {
            self.report(Some(peer), Rule::CatchUpFlood, out);
        }
    }

    /// R3.
    pub(super) fn catch_up(
        &mut self,
        blocks: &dyn Blocks,
        peer: PeerId,
        catch_up: CatchUp,
        out: &mut Vec<Effect>,
    ) {
        let Some(pending) = self.catch_ups.pending.filter(|pending| pending.peer == peer) else {
            if !self.peers.was_asked(peer) {
                self.report(Some(peer), Rule::UnsolicitedCatchUp, out);
            }
            return;
        };
        self.catch_ups.pending = None;
        if catch_up.set_id != self.voters.set_id || catch_up.round < self.round() {
            return;
        }
        if catch_up.round < pending.round || !self.is_sound(&catch_up) {
            return self.report(Some(peer), Rule::BadCatchUp, out);
        }
        for target in unknown(&catch_up, blocks) {
            self.fetch(target, Some(peer), out);
        }
        self.catch_ups.waiting = Some(catch_up);
        self.retry_catch_up(blocks, out);
    }

    fn is_sound(&self, catch_up: &CatchUp) -> bool {
        [(Phase::Prevote, &catch_up.prevotes), (Phase::Precommit, &catch_up.precommits)].into_iter().all(
            |(phase, ballots)| {
                let signed = |b: &Ballot| b.is_signed(phase.kind(), catch_up.round, catch_up.set_id);
                self.count_voters(ballots) >= self.voters.threshold() && ballots.iter().all(signed)
            },
        )
    }

    /// R4: moves to the round after a catch-up if enough of its blocks are imported.
    pub(super) fn retry_catch_up(&mut self, blocks: &dyn Blocks, out: &mut Vec<Effect>) {
        let Some(catch_up) = self.catch_ups.waiting.take() else { return };
        if catch_up.round < self.round() {
            return;
        }
        if !is_known(blocks, catch_up.base) {
            self.catch_ups.waiting = Some(catch_up);
            return;
        }
        let votes = votes_of(&self.voters, &catch_up.prevotes, &catch_up.precommits);
        let round = Round::with_votes(catch_up.round, self.voters.clone(), catch_up.base, &votes, blocks);
        if !round.state().completable {
            self.catch_ups.waiting = Some(catch_up);
            return;
        }
        self.tell_equivocations(&round, out);
        let proven = self.proven(&round, blocks);
        let next = Round::new(catch_up.round.saturating_add(1), self.voters.clone(), self.in_rounds);
        self.current = Active::new(self.now_ms, next);
        self.next_proposal = None;
        self.enter(round, proven);
    }

    fn tell_equivocations(&self, round: &Round, out: &mut Vec<Effect>) {
        for phase in [Phase::Prevote, Phase::Precommit] {
            for cast in round.votes().casts(phase).values() {
                let Some(second) = cast.second else { continue };
                out.push(Effect::Equivocation(VoteEquivocation {
                    set_id: self.voters.set_id,
                    round: round.number(),
                    phase,
                    first: cast.first,
                    second,
                }));
            }
        }
    }
}

fn unknown(catch_up: &CatchUp, blocks: &dyn Blocks) -> Vec<Target> {
    let ballots = catch_up.prevotes.iter().chain(&catch_up.precommits).map(|ballot| ballot.target);
    ballots.chain([catch_up.base]).filter(|target| !is_known(blocks, *target)).collect()
}
