//! What comes in: votes, commits, neighbour packets. Cheap checks first, signatures last.

use std::sync::Arc;

use super::{Effect, Rule, Voter};
use crate::finality::blocks::Blocks;
use crate::finality::commit::{Unproven, prove};
use crate::finality::justification::verify;
use crate::finality::message::{Ballot, Commit, Message, SignedVote, Target, VoteMessage};
use crate::finality::round::Round;
use crate::finality::votes::{Added, Phase, VoteEquivocation};
use crate::peer::PeerId;
use crate::vote_guard::VoteKind;

impl Voter {
    pub(super) fn message(&mut self, blocks: &dyn Blocks, peer: PeerId, bytes: &[u8], out: &mut Vec<Effect>) {
        if !self.peers.is_connected(peer) {
            return;
        }
        let Ok(message) = Message::decode_bounded(bytes) else {
            return self.report(Some(peer), Rule::Undecodable, out);
        };
        if !self.peers.spend(peer, cost(&message), &self.voters, self.now_ms) {
            return self.report(Some(peer), Rule::Flood, out);
        }
        match message {
            Message::Vote(vote) => self.vote(blocks, peer, vote, out),
            Message::Commit(commit) => self.commit(blocks, peer, commit, out),
            Message::Neighbour(view) => self.neighbour(peer, view, out),
            Message::CatchUpRequest(request) => self.catch_up_request(peer, request, out),
            Message::CatchUp(catch_up) => self.catch_up(blocks, peer, catch_up, out),
        }
    }

    fn vote(&mut self, blocks: &dyn Blocks, peer: PeerId, message: VoteMessage, out: &mut Vec<Effect>) {
        let VoteMessage { round, set_id, vote } = message;
        let is_in_reach = round.abs_diff(self.round()) <= 1;
        if set_id != self.voters.set_id || !is_in_reach {
            return;
        }
        let ballot = vote.ballot;
        let Some(place) = self.voters.place(&ballot.id) else {
            return self.report(Some(peer), Rule::UnknownVoter, out);
        };
        let is_news = match Phase::of(vote.kind) {
            Some(phase) => self.is_news(round, phase, &ballot),
            None => self.is_proposal_news(round, &ballot),
        };
        if is_news && !ballot.is_signed(vote.kind, round, set_id) {
            return self.report(Some(peer), Rule::BadSignature, out);
        }
        if is_news {
            self.peers.note(peer, round, (vote.kind, place, ballot.target.hash));
            self.accept(blocks, round, vote, Some(peer), out);
        } else if self.is_kept(round, &vote) {
            self.peers.note(peer, round, (vote.kind, place, ballot.target.hash));
        }
    }

    fn is_news(&self, round: u64, phase: Phase, ballot: &Ballot) -> bool {
        let votes = if round == self.round() {
            self.current.round.votes()
        } else if round > self.round() {
            &self.next_votes
        } else {
            let Some(previous) = self.previous.round.as_ref().filter(|p| p.number() == round) else {
                return false;
            };
            previous.votes()
        };
        votes.is_news(&self.voters, phase, &ballot.id, ballot.target)
    }

    /// Whether we keep exactly this vote, so that a note about it is bounded by what we keep.
    fn is_kept(&self, round: u64, vote: &SignedVote) -> bool {
        let votes = if round == self.round() {
            Some(self.current.round.votes())
        } else if round > self.round() {
            Some(&self.next_votes)
        } else {
            self.previous.round.as_ref().map(Round::votes)
        };
        let same = |kept: &Ballot| kept.id == vote.ballot.id && kept.target == vote.ballot.target;
        match (votes, Phase::of(vote.kind)) {
            (Some(votes), Some(phase)) => votes.ballots(phase).any(same),
            _ => false,
        }
    }

    fn is_proposal_news(&self, round: u64, ballot: &Ballot) -> bool {
        let known = if round == self.round() { self.current.proposal_vote } else { self.next_proposal };
        round >= self.round() && known.is_none() && self.primary(round) == Some(ballot.id)
    }

    pub(super) fn signed(
        &mut self,
        blocks: &dyn Blocks,
        (set_id, round): (u64, u64),
        vote: SignedVote,
        out: &mut Vec<Effect>,
    ) {
        let is_ours = self.voter_id() == Some(vote.ballot.id);
        if is_ours && set_id == self.voters.set_id && round.abs_diff(self.round()) <= 1 {
            self.accept(blocks, round, vote, None, out);
        }
    }

    /// Takes a vote whose signature is right; `from` is `None` for our own.
    fn accept(
        &mut self,
        blocks: &dyn Blocks,
        round: u64,
        vote: SignedVote,
        from: Option<PeerId>,
        out: &mut Vec<Effect>,
    ) {
        let Some(phase) = Phase::of(vote.kind) else {
            return self.accept_proposal(round, vote, from.is_none(), out);
        };
        let ballot = vote.ballot;
        let added = if round == self.round() {
            self.current.round.add(phase, ballot, blocks)
        } else if round > self.round() {
            self.next_votes.add(&self.voters, phase, ballot)
        } else {
            match self.previous.round.as_mut().filter(|previous| previous.number() == round) {
                Some(previous) => previous.add(phase, ballot, blocks),
                None => return,
            }
        };
        match added {
            Added::Duplicate | Added::Surplus => return,
            Added::New => {}
            Added::Equivocation { first } => {
                let set_id = self.voters.set_id;
                let proof = VoteEquivocation { set_id, round, phase, first, second: ballot };
                out.push(Effect::Equivocation(proof));
            }
        }
        if blocks.parent(ballot.target.hash).is_none() {
            self.fetch(ballot.target, from, out);
        }
        self.relay(round, vote, from.is_none(), out);
    }

    fn accept_proposal(&mut self, round: u64, vote: SignedVote, is_ours: bool, out: &mut Vec<Effect>) {
        let target = vote.ballot.target;
        if round == self.round() {
            self.current.proposal = Some(target);
            self.current.proposal_vote = Some(vote);
        } else if round > self.round() {
            self.next_proposal = Some(vote);
        } else {
            return;
        }
        self.relay(round, vote, is_ours, out);
    }

    fn commit(&mut self, blocks: &dyn Blocks, peer: PeerId, commit: Commit, out: &mut Vec<Effect>) {
        let is_useful = commit.set_id == self.voters.set_id && commit.target.number > self.finalised.number;
        let is_waiting =
            self.waiting_commit.as_ref().is_some_and(|w| w.target.number >= commit.target.number);
        if !is_useful || is_waiting {
            return;
        }
        let enough = self.count_voters(&commit.precommits) >= self.voters.threshold();
        let signed = |ballot: &Ballot| ballot.is_signed(VoteKind::Precommit, commit.round, commit.set_id);
        if !enough || !commit.precommits.iter().all(signed) {
            return self.report(Some(peer), Rule::BadCommit, out);
        }
        self.take_commit(blocks, Some(peer), commit, out);
    }

    /// Number of distinct authorities among the voters, 0 if somebody else is among them.
    pub(super) fn count_voters(&self, ballots: &[Ballot]) -> usize {
        let places: Option<std::collections::BTreeSet<usize>> =
            ballots.iter().map(|ballot| self.voters.place(&ballot.id)).collect();
        places.map_or(0, |places| places.len())
    }

    /// Takes a commit whose signatures are right: finalises, or waits for its blocks.
    pub(super) fn take_commit(
        &mut self,
        blocks: &dyn Blocks,
        peer: Option<PeerId>,
        commit: Commit,
        out: &mut Vec<Effect>,
    ) {
        if commit.target.number <= self.finalised.number {
            return;
        }
        let proof = match prove(commit.round, commit.precommits.iter().copied(), &self.voters, blocks) {
            Ok(proof) => proof,
            Err(Unproven::Unknown(_)) => {
                self.fetch(commit.target, peer, out);
                self.waiting_commit = Some(commit);
                return;
            }
            Err(Unproven::TooFew) => return self.report(peer, Rule::BadCommit, out),
        };
        let target = Target { hash: proof.target_hash, number: proof.target_number };
        let is_right =
            target == commit.target && verify(&proof, (target.hash, target.number), &self.voters).is_ok();
        if !is_right {
            return self.report(peer, Rule::BadCommit, out);
        }
        for ballot in &commit.precommits {
            self.count_committed(blocks, commit.round, *ballot, out);
        }
        self.keep_commit(commit);
        if target.number > self.finalising.number {
            self.finalising = target;
            out.push(Effect::Finalise { target, proof: Arc::new(proof) });
        }
    }

    /// The precommits of a commit are votes like others.
    fn count_committed(&mut self, blocks: &dyn Blocks, round: u64, ballot: Ballot, out: &mut Vec<Effect>) {
        if round.abs_diff(self.round()) <= 1 && self.is_news(round, Phase::Precommit, &ballot) {
            let vote = SignedVote { kind: VoteKind::Precommit, ballot };
            self.accept(blocks, round, vote, None, out);
        }
    }
}

/// What a message costs its sender: one, and one for each signature.
fn cost(message: &Message) -> usize {
    1 + match message {
        Message::Vote(_) => 1,
        Message::Commit(commit) => commit.precommits.len(),
        Message::CatchUp(catch_up) => catch_up.prevotes.len().saturating_add(catch_up.precommits.len()),
        Message::Neighbour(_) | Message::CatchUpRequest(_) => 0,
    }
}
