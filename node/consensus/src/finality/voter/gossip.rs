//! Whom to send what: peers' views, passing votes on, sending again, neighbour packets, commits, and budgets.
//!
//! Rules
//! - R1 A peer gets votes of a round only while its own round is at most one away, and never a vote it sent itself.
//! - R2 Our votes go to every such peer at once, others' to [`super::Config::relay_peers`] of them, chosen by round and voter
//!   so that the load spreads.
//! - R3 While a round lasts, all its votes and those of the round before go again to everybody in reach who did not send
//!   them, after growing pauses: votes of the round before may be what somebody needs to lower its estimate. A peer whose
//!   view moves into reach gets at once what it was not sent yet, unless it is past that round.
//! - R4 A neighbour packet goes to everybody when round, set or finalised block change, to a new peer at once, and again
//!   after [`super::Config::neighbour_ms`].
//! - R5 A commit goes at once to peers that do not vote, later to authorities, and never to who says it has as much; to
//!   one peer at most once in [`COMMIT_PAUSE_MS`] for the same block.
//! - R6 Each message costs one and each signature in it one more. A peer has a budget that grows with the set; above it
//!   its messages are dropped unread. What is remembered of a peer is bounded by the votes of three rounds.
//! - R7 Light clients get neighbour packets and commits only.

use std::collections::{BTreeMap, BTreeSet};

use quire_core::{BlockNumber, H256};

use super::{Config, Effect, Rule, Voter};
use crate::finality::blocks::Blocks;
use crate::finality::justification::VoterSet;
use crate::finality::message::{Ballot, Message, Neighbour, SignedVote, VoteMessage};
use crate::finality::round::Round;
use crate::finality::votes::{PHASES, Votes};
use crate::peer::PeerId;
use crate::vote_guard::VoteKind;

/// Pause before the same commit goes to the same peer again.
pub(super) const COMMIT_PAUSE_MS: u64 = 1_000;
/// Budget of a peer beside what the set adds, messages and signatures.
const BUDGET_BASE: u64 = 256;
/// Budget per authority: votes of some rounds, twice for sending again.
const BUDGET_PER_AUTHORITY: u64 = 64;
/// In this time an empty budget is full again.
const BUDGET_REFILL_MS: u64 = 2_000;

/// What a peer said it is in its handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A node that follows and counts votes.
    Full,
    /// A light client.
    Light,
    /// A node with a key.
    Authority,
}

/// A vote as the books about peers name it.
type VoteName = (VoteKind, usize, H256);

#[derive(Clone, Debug)]
struct Peer {
    role: Role,
    view: Option<Neighbour>,
    /// Votes that it sent us, by round.
    has: BTreeMap<u64, BTreeSet<VoteName>>,
    /// Votes that we sent it.
    sent: BTreeMap<u64, BTreeSet<VoteName>>,
    /// The last commit that we sent it, and when.
    commit: Option<(BlockNumber, u64)>,
    /// Spent of the budget at the time of the last look.
    spent: u64,
    spent_at_ms: u64,
    catch_up_answered_ms: Option<u64>,
    /// We asked it to let us catch up at some time.
    was_asked: bool,
}

/// All connected peers.
#[derive(Clone, Debug)]
pub(super) struct Peers {
    peers: BTreeMap<PeerId, Peer>,
    /// The view that everybody was told.
    told: Option<Neighbour>,
    told_at_ms: u64,
    resend_at_ms: u64,
    resend_pause_ms: u64,
    /// When authorities that are behind get the last commit.
    commit_at_ms: Option<u64>,
    /// The commit that was offered to all.
    offered: Option<BlockNumber>,
}

impl Peers {
    pub(super) fn new(config: Config, now_ms: u64) -> Self {
        Self {
            peers: BTreeMap::new(),
            told: None,
            told_at_ms: now_ms,
            resend_at_ms: now_ms.saturating_add(config.resend_ms),
            resend_pause_ms: config.resend_ms,
            commit_at_ms: None,
            offered: None,
        }
    }

    pub(super) fn begin_round(&mut self, now_ms: u64, round: u64) {
        self.resend_pause_ms = 0;
        self.resend_at_ms = now_ms;
        for peer in self.peers.values_mut() {
            let recent = |number: u64| number.saturating_add(1) >= round;
            peer.has.retain(|number, _| recent(*number));
            peer.sent.retain(|number, _| recent(*number));
        }
    }

    pub(super) fn begin_set(&mut self, now_ms: u64) {
        for peer in self.peers.values_mut() {
            peer.has.clear();
            peer.sent.clear();
            peer.commit = None;
        }
        self.offered = None;
        self.commit_at_ms = None;
        self.begin_round(now_ms, 1);
    }

    pub(super) fn highest_finalised(&self, set_id: u64) -> Option<BlockNumber> {
        let views = self.peers.values().filter_map(|peer| peer.view);
        views.filter(|view| view.set_id == set_id).map(|view| view.finalised).max()
    }

    pub(super) fn is_connected(&self, peer: PeerId) -> bool {
        self.peers.contains_key(&peer)
    }

    /// Takes `cost` from the peer's budget (R6); false if there is not enough.
    pub(super) fn spend(&mut self, peer: PeerId, cost: usize, voters: &VoterSet, now_ms: u64) -> bool {
        let Some(peer) = self.peers.get_mut(&peer) else { return false };
        let authorities = u64::try_from(voters.authorities().len()).unwrap_or(u64::MAX);
        let budget = BUDGET_BASE.saturating_add(BUDGET_PER_AUTHORITY.saturating_mul(authorities));
        let elapsed_ms = now_ms.saturating_sub(peer.spent_at_ms);
        let refilled = budget.saturating_mul(elapsed_ms) / BUDGET_REFILL_MS;
        if refilled > 0 {
            peer.spent = peer.spent.saturating_sub(refilled);
            peer.spent_at_ms = now_ms;
        }
        let cost = u64::try_from(cost).unwrap_or(u64::MAX);
        let after = peer.spent.saturating_add(cost);
        if after > budget {
            return false;
        }
        peer.spent = after;
        true
    }

    /// Whether a catch-up may be sent to this peer now; remembers it if so.
    pub(super) fn may_answer_catch_up(&mut self, peer: PeerId, now_ms: u64, pause_ms: u64) -> bool {
        let Some(peer) = self.peers.get_mut(&peer) else { return false };
        let is_early = peer.catch_up_answered_ms.is_some_and(|at| now_ms < at.saturating_add(pause_ms));
        if !is_early {
            peer.catch_up_answered_ms = Some(now_ms);
        }
        !is_early
    }

    pub(super) fn note_asked(&mut self, peer: PeerId) {
        if let Some(peer) = self.peers.get_mut(&peer) {
            peer.was_asked = true;
        }
    }

    pub(super) fn was_asked(&self, peer: PeerId) -> bool {
        self.peers.get(&peer).is_some_and(|peer| peer.was_asked)
    }

    /// Notes that `peer` has a vote. Only votes of rounds in reach come here, so memory stays bounded.
    pub(super) fn note(&mut self, peer: PeerId, round: u64, name: VoteName) {
        if let Some(peer) = self.peers.get_mut(&peer) {
            peer.has.entry(round).or_default().insert(name);
        }
    }

    /// Peers to which a vote of `round` goes for the first time (R1, R2, R7); notes that they get it.
    fn audience(&mut self, set_id: u64, round: u64, name: VoteName, most: Option<usize>) -> Vec<PeerId> {
        let fits: Vec<PeerId> = self
            .peers
            .iter()
            .filter(|(_, peer)| peer.is_in_reach(set_id, round) && !peer.knows(round, &name))
            .map(|(id, _)| *id)
            .collect();
        let take = most.unwrap_or(fits.len()).min(fits.len());
        let turn = usize::try_from(round).unwrap_or(0).wrapping_add(name.1);
        let chosen: Vec<PeerId> =
            (0..take).filter_map(|nth| fits.get(turn.wrapping_add(nth) % fits.len()).copied()).collect();
        for id in &chosen {
            if let Some(peer) = self.peers.get_mut(id) {
                peer.sent.entry(round).or_default().insert(name);
            }
        }
        chosen
    }
}

impl Peer {
    fn is_in_reach(&self, set_id: u64, round: u64) -> bool {
        self.role != Role::Light
            && self.view.is_some_and(|view| view.set_id == set_id && view.round.abs_diff(round) <= 1)
    }

    fn knows(&self, round: u64, name: &VoteName) -> bool {
        let within = |books: &BTreeMap<u64, BTreeSet<VoteName>>| {
            books.get(&round).is_some_and(|names| names.contains(name))
        };
        within(&self.has) || within(&self.sent)
    }
}

impl Voter {
    pub(super) fn connected(&mut self, peer: PeerId, role: Role, out: &mut Vec<Effect>) {
        let new = Peer {
            role,
            view: None,
            has: BTreeMap::new(),
            sent: BTreeMap::new(),
            commit: None,
            spent: 0,
            spent_at_ms: self.now_ms,
            catch_up_answered_ms: None,
            was_asked: false,
        };
        self.peers.peers.insert(peer, new);
        out.push(Effect::Send { to: vec![peer], message: Message::Neighbour(self.own_view()) });
    }

    pub(super) fn gone(&mut self, peer: PeerId) {
        self.peers.peers.remove(&peer);
        self.catch_ups.gone(peer);
    }

    /// Where we stand, as a neighbour packet.
    pub(super) fn own_view(&self) -> Neighbour {
        Neighbour { round: self.round(), set_id: self.voters.set_id, finalised: self.finalised.number }
    }

    pub(super) fn neighbour(&mut self, peer: PeerId, view: Neighbour, out: &mut Vec<Effect>) {
        let Some(entry) = self.peers.peers.get_mut(&peer) else { return };
        // Substreams keep the order, so an older view is only a packet of an older time; it says nothing new.
        let rank = |view: Neighbour| (view.set_id, view.round, view.finalised);
        if entry.view.is_some_and(|known| rank(known) > rank(view)) {
            return;
        }
        entry.view = Some(view);
        self.send_votes(Some(peer), false, out);
        self.send_commit(Some(peer), out);
        self.ask_to_catch_up(peer, view, out);
    }

    /// Passes a new vote on (R2).
    pub(super) fn relay(&mut self, round: u64, vote: SignedVote, is_ours: bool, out: &mut Vec<Effect>) {
        let Some(place) = self.voters.place(&vote.ballot.id) else { return };
        let most = (!is_ours).then_some(self.config.relay_peers);
        let set_id = self.voters.set_id;
        let name = (vote.kind, place, vote.ballot.target.hash);
        let to = self.peers.audience(set_id, round, name, most);
        if !to.is_empty() {
            out.push(Effect::Send { to, message: Message::Vote(VoteMessage { round, set_id, vote }) });
        }
    }

    /// When the next packet, commit or repetition is due.
    pub(super) fn tell_due_at(&self) -> Option<u64> {
        let neighbour = self.peers.told_at_ms.saturating_add(self.config.neighbour_ms);
        [Some(neighbour), Some(self.resend_at()), self.peers.commit_at_ms].into_iter().flatten().min()
    }

    fn resend_at(&self) -> u64 {
        self.peers.resend_at_ms.saturating_add(self.peers.resend_pause_ms.max(self.config.resend_ms))
    }

    /// Sends whatever is due at the end of a step (R3, R4, R5).
    pub(super) fn tell(&mut self, blocks: &dyn Blocks, out: &mut Vec<Effect>) {
        let view = self.own_view();
        let is_time = self.now_ms >= self.peers.told_at_ms.saturating_add(self.config.neighbour_ms);
        if self.peers.told != Some(view) || is_time {
            self.peers.told = Some(view);
            self.peers.told_at_ms = self.now_ms;
            let to: Vec<PeerId> = self.peers.peers.keys().copied().collect();
            if !to.is_empty() {
                out.push(Effect::Send { to, message: Message::Neighbour(view) });
            }
            self.send_votes(None, false, out);
        }
        if self.now_ms >= self.resend_at() {
            let pause = self.peers.resend_pause_ms.max(self.config.resend_ms).saturating_mul(2);
            self.peers.resend_pause_ms = pause.min(self.config.resend_max_ms);
            self.peers.resend_at_ms = self.now_ms;
            for peer in self.peers.peers.values_mut() {
                peer.sent.clear();
            }
            self.send_votes(None, true, out);
            self.fetch_again(blocks, out);
        }
        self.offer_commit(out);
    }

    /// Sends to one peer, or to all, the votes in its reach that it does not know.
    fn send_votes(&mut self, only: Option<PeerId>, is_repeat: bool, out: &mut Vec<Effect>) {
        let (set_id, current) = (self.voters.set_id, self.round());
        for round in [current.saturating_sub(1), current] {
            let in_reach = |(id, peer): (&PeerId, &Peer)| {
                // Whose view is further has completed this round; only if its next one lasts may it need more of it.
                let needs = peer.is_in_reach(set_id, round)
                    && (is_repeat || peer.view.is_some_and(|view| view.round <= round));
                (only.is_none_or(|only| only == *id) && needs).then_some(*id)
            };
            let reached: Vec<PeerId> = self.peers.peers.iter().filter_map(in_reach).collect();
            if reached.is_empty() {
                continue;
            }
            for vote in self.votes_of_round(round) {
                let Some(place) = self.voters.place(&vote.ballot.id) else { continue };
                let name = (vote.kind, place, vote.ballot.target.hash);
                let to: Vec<PeerId> =
                    reached.iter().copied().filter(|id| self.mark_sent(*id, round, name)).collect();
                if !to.is_empty() {
                    out.push(Effect::Send {
                        to,
                        message: Message::Vote(VoteMessage { round, set_id, vote }),
                    });
                }
            }
        }
    }

    /// Notes that a peer gets a vote; false if it knows it.
    fn mark_sent(&mut self, peer: PeerId, round: u64, name: VoteName) -> bool {
        let Some(peer) = self.peers.peers.get_mut(&peer) else { return false };
        !peer.knows(round, &name) && peer.sent.entry(round).or_default().insert(name)
    }

    fn votes_of_round(&self, round: u64) -> Vec<SignedVote> {
        let votes: Option<&Votes> = if round == self.round() {
            Some(self.current.round.votes())
        } else {
            self.previous.round.as_ref().filter(|previous| previous.number() == round).map(Round::votes)
        };
        let Some(votes) = votes else { return Vec::new() };
        let signed = |phase: crate::finality::votes::Phase| {
            let vote = move |ballot: &Ballot| SignedVote { kind: phase.kind(), ballot: *ballot };
            votes.ballots(phase).map(vote)
        };
        let proposal = self.current.proposal_vote.filter(|_| round == self.round());
        proposal.into_iter().chain(PHASES.into_iter().flat_map(signed)).collect()
    }

    /// R5.
    fn offer_commit(&mut self, out: &mut Vec<Effect>) {
        let Some(number) = self.last_commit.as_ref().map(|commit| commit.target.number) else { return };
        if self.peers.offered.is_none_or(|offered| offered < number) {
            self.peers.offered = Some(number);
            let due = self.now_ms.saturating_add(self.config.commit_delay_ms);
            self.peers.commit_at_ms.get_or_insert(due);
            let eager: Vec<PeerId> = self.ids(|peer| peer.role != Role::Authority);
            for peer in eager {
                self.send_commit(Some(peer), out);
            }
        }
        if self.peers.commit_at_ms.is_some_and(|at| self.now_ms >= at) {
            self.peers.commit_at_ms = None;
            self.send_commit(None, out);
        }
    }

    fn ids(&self, fits: impl Fn(&Peer) -> bool) -> Vec<PeerId> {
        self.peers.peers.iter().filter(|(_, peer)| fits(peer)).map(|(id, _)| *id).collect()
    }

    /// Sends the last commit to one peer, or to all, that are behind it.
    fn send_commit(&mut self, only: Option<PeerId>, out: &mut Vec<Effect>) {
        let Some(commit) = &self.last_commit else { return };
        let (number, set_id, now_ms) = (commit.target.number, self.voters.set_id, self.now_ms);
        let mut to = Vec::new();
        for (id, peer) in &mut self.peers.peers {
            let is_behind = peer.view.is_some_and(|view| view.set_id == set_id && view.finalised < number);
            let is_fresh = peer
                .commit
                .is_some_and(|(sent, at)| sent >= number && now_ms < at.saturating_add(COMMIT_PAUSE_MS));
            if only.is_none_or(|only| only == *id) && is_behind && !is_fresh {
                peer.commit = Some((number, now_ms));
                to.push(*id);
            }
        }
        if !to.is_empty() {
            out.push(Effect::Send { to, message: Message::Commit(commit.clone()) });
        }
    }

    pub(super) fn report(&self, peer: Option<PeerId>, rule: Rule, out: &mut Vec<Effect>) {
        if let Some(peer) = peer {
            out.push(Effect::Report { peer, rule });
        }
    }
}
