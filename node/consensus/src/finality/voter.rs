//! The GRANDPA voter of one node as a machine: told what happens, it says what to sign, send, finalise and report.
//!
//! ```text
//!                    best block is news                     all prevotes, or 2T               completable
//!  round begins ───────────────────────► prevote ─────────────────────────────► precommit ─────────────► next round
//!       ▲   (2T first, if the last estimate                (ghost ≥ last estimate)                          │
//!       │    is not final yet)                                                                              │
//!       └───────────────────────────────────────────────────────────────────────────────────────────────────┘
//!  Sign ──► shell: guard on disk, keystore ──► Signed ──► counted like everybody's vote, then sent
//! ```
//!
//! Terms: *T* = [`Config::gossip_ms`], the time a message needs to reach everybody; *previous* and *current* round =
//! the two that are counted; *estimate*, *ghost*, *completable*: see [`super::round`]; *record* = what a voter must
//! remember over a crash, kept in the vote guard.
//!
//! Rules
//! - R1 Only votes that come in change a round, our own included: [`Effect::Sign`] is answered with [`Input::Signed`]
//!   after the guard has vote and record on disk, and then the vote is counted and sent.
//! - R2 A prevote is for the best block that contains the previous round's estimate, or the primary's proposal if that
//!   lies between estimate and ghost of the previous round.
//! - R3 A precommit is for the ghost of the round, once that contains the previous round's estimate, and either all
//!   authorities have prevoted, or 2T have passed since our prevote, or the round is completable.
//! - R4 The next round begins when the current one is completable, the previous estimate is final, and our votes are
//!   cast. It is built on the block final before the completed round, so that no honest vote lies below it.
//! - R5 With nothing new to finalise the prevote waits: an idle chain costs no signatures, and a new block is voted for
//!   at once. A round that others complete is voted in all the same.
//! - R6 A set of one authority asks for both votes at once: one write of the guard per block.
//! - R7 After a restart the machine goes on in the round after its record, repeats the votes that its guard holds for
//!   that round, and never casts others ([`record`] says why that needs more than the votes).
//! - R8 Everything known of the current and previous round is sent again, with growing pauses, while the round lasts.
//!   Blocks that are voted for and missing are asked for again.
//!   Who is one round behind gets the previous round's votes; who is further behind, or stays behind, asks ([`catch_up`]).
//! - R9 A set change begins at round 1 on the block that changed it; votes of other sets are not looked at.
//! - R10 What a peer may make us do and remember is bounded ([`gossip`]); what it does wrong has a name ([`Rule`]).
//!
//! Differences from Substrate's client: R5; the third way of R3 (all have prevoted); commits go at once to those who
//! cannot count votes, and to authorities only if they are still behind after [`Config::commit_delay_ms`].
//!
//! Why safe: a block final in round r has more than two thirds of precommits; every later prevote of an honest voter
//! is for a chain that contains the estimate of a completed round, which is never below it (R2, R4, R7).
//!
//! Out of scope: signing, disk, sockets (shell); which block is best ([`super::blocks::Blocks`]); slashing.

mod catch_up;
mod explain;
mod gossip;
mod incoming;
mod progress;
mod record;
mod report;

use std::collections::BTreeSet;
use std::sync::Arc;

use quire_core::{GrandpaId, GrandpaJustification};

pub use explain::{Awaiting, Explanation};
pub use gossip::Role;
pub use record::RoundRecord;
pub use report::Rule;

use self::catch_up::CatchUps;
use self::gossip::Peers;
use self::record::votes_of;
use super::blocks::Blocks;
use super::commit::to_commit;
use super::justification::VoterSet;
use super::message::{Commit, Message, SignedVote, Target};
use super::round::{Round, RoundState};
use super::solo::LastVote;
use super::votes::{VoteEquivocation, Votes};
use crate::peer::PeerId;
use crate::vote_guard::{Request, VoteKind};

/// Times and limits of the voter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// T: how long a message needs to reach everybody, milliseconds. Substrate has 333.
    pub gossip_ms: u64,
    /// Pause between neighbour packets that say nothing new, milliseconds.
    pub neighbour_ms: u64,
    /// Pause before the votes of a round that does not end are sent again; doubles each time, milliseconds.
    pub resend_ms: u64,
    /// Longest such pause, milliseconds.
    pub resend_max_ms: u64,
    /// How long an authority may stay behind before it is sent a commit, milliseconds.
    pub commit_delay_ms: u64,
    /// How long an answer to a catch-up request is waited for, milliseconds.
    pub catch_up_timeout_ms: u64,
    /// To how many peers somebody else's vote is passed on at once; the others get it if a round lasts.
    pub relay_peers: usize,
}

impl Default for Config {
    /// For a consortium on one continent: T of 100 ms.
    fn default() -> Self {
        Self {
            gossip_ms: 100,
            neighbour_ms: 2_000,
            resend_ms: 1_000,
            resend_max_ms: 8_000,
            commit_delay_ms: 500,
            catch_up_timeout_ms: 4_000,
            relay_peers: 4,
        }
    }
}

/// Everything that the voter can be told.
#[derive(Clone, Debug)]
pub enum Input {
    /// [`Voter::wake_at`] has come.
    Tick,
    /// Blocks were imported: votes that wait for them may count, and there may be a better head.
    Imported,
    /// The chain made a block final, by whatever proof.
    Finalised {
        /// The block.
        target: Target,
        /// The voters of the blocks after it.
        voters: Arc<VoterSet>,
        /// The proof, if it is at hand.
        proof: Option<Arc<GrandpaJustification>>,
    },
    /// A substream of `grandpa/1` is open in both directions.
    Connected {
        /// The peer.
        peer: PeerId,
        /// What it said it is.
        role: Role,
    },
    /// It is closed.
    Gone {
        /// The peer.
        peer: PeerId,
    },
    /// A notification came in.
    Message {
        /// The sender.
        peer: PeerId,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// An [`Effect::Sign`] was carried out.
    Signed {
        /// The set.
        set_id: u64,
        /// The round.
        round: u64,
        /// The vote.
        vote: SignedVote,
    },
    /// The guard or the keystore refused an [`Effect::Sign`].
    Refused {
        /// The set.
        set_id: u64,
        /// The round.
        round: u64,
        /// The kind of vote.
        kind: VoteKind,
    },
}

/// A vote to make durable and to sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignRequest {
    /// The voter.
    pub id: GrandpaId,
    /// The set.
    pub set_id: u64,
    /// The round.
    pub round: u64,
    /// The kind of vote.
    pub kind: VoteKind,
    /// The block.
    pub target: Target,
    /// The encoded [`RoundRecord`] to keep in the guard with the vote ([`crate::VoteGuard::keep_round`]), if it is new.
    pub record: Option<Vec<u8>>,
}

impl SignRequest {
    /// What to ask the guard.
    #[must_use]
    pub fn guard_request(&self) -> Request {
        Request::Vote {
            key: self.id.0,
            kind: self.kind,
            set_id: self.set_id,
            round: self.round,
            target_hash: self.target.hash,
            target_number: self.target.number,
        }
    }

    /// The bytes to sign with ed25519.
    #[must_use]
    pub fn payload(&self) -> Vec<u8> {
        super::message::payload(self.kind, self.target, self.round, self.set_id)
    }
}

/// Everything that the voter can ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Keep the record in the guard, ask it, make both durable, sign, answer with [`Input::Signed`] or
    /// [`Input::Refused`]. Several requests of one step may share one write.
    Sign(SignRequest),
    /// Send a notification to peers.
    Send {
        /// The peers.
        to: Vec<PeerId>,
        /// What.
        message: Message,
    },
    /// Make a block final; answer with [`Input::Finalised`] when it is durable.
    Finalise {
        /// The block.
        target: Target,
        /// Its proof.
        proof: Arc<GrandpaJustification>,
    },
    /// Somebody votes for a block that is not imported: fetch it.
    Fetch {
        /// The block.
        target: Target,
        /// Who told us; `None` to ask anybody.
        peer: Option<PeerId>,
    },
    /// A peer broke a rule.
    Report {
        /// The peer.
        peer: PeerId,
        /// The rule.
        rule: Rule,
    },
    /// An authority voted twice: the proof for `bonds`.
    Equivocation(VoteEquivocation),
}

/// The votes that the guard holds for our key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OwnVotes {
    /// The last prevote.
    pub prevote: Option<LastVote>,
    /// The last precommit.
    pub precommit: Option<LastVote>,
    /// The last proposal.
    pub propose: Option<LastVote>,
}

impl OwnVotes {
    fn in_round(&self, kind: VoteKind, set_id: u64, round: u64) -> Option<Target> {
        let last = match kind {
            VoteKind::Prevote => self.prevote,
            VoteKind::Precommit => self.precommit,
            VoteKind::Propose => self.propose,
        };
        let same = last.filter(|vote| (vote.set_id, vote.round) == (set_id, round));
        same.map(|vote| Target { hash: vote.target_hash, number: vote.target_number })
    }
}

/// What a voter starts from.
#[derive(Clone, Debug)]
pub struct Start {
    /// Our key; `None` for a node that only follows.
    pub id: Option<GrandpaId>,
    /// The voters of the blocks after the last final one.
    pub voters: Arc<VoterSet>,
    /// What the guard holds for our key.
    pub own: OwnVotes,
    /// The record from the guard, `None` if there is none.
    pub record: Option<RoundRecord>,
}

/// Whether we cast a vote of some kind in the current round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Own {
    /// Not yet.
    Due,
    /// Asked for at this time.
    Asked(u64),
    /// The guard refused, or the block to build on is gone: not in this round.
    Barred,
}

/// The round that is voted in.
#[derive(Debug)]
struct Active {
    round: Round,
    since_ms: u64,
    proposal: Option<Target>,
    /// The same with its signature, for those who did not hear it.
    proposal_vote: Option<SignedVote>,
    propose: Own,
    prevote: Own,
    precommit: Own,
    /// The guard has the record that belongs to this round.
    is_recorded: bool,
}

/// The completed round before it.
#[derive(Debug)]
struct Previous {
    number: u64,
    base: Target,
    /// As it was when it was completed, or as it was recorded.
    state: RoundState,
    /// `None` for the round before the first, and if not all its blocks could be found after a restart.
    round: Option<Round>,
}

impl Previous {
    fn genesis(base: Target) -> Self {
        Self { number: 0, base, state: RoundState::genesis(base), round: None }
    }

    fn state(&self) -> RoundState {
        self.round.as_ref().map_or(self.state, Round::state)
    }
}

/// The voter; see the module doc.
#[derive(Debug)]
pub struct Voter {
    config: Config,
    id: Option<GrandpaId>,
    voters: Arc<VoterSet>,
    own: OwnVotes,
    /// The last final block of the chain.
    finalised: Target,
    /// The last block asked to be made final.
    finalising: Target,
    /// The last block that our rounds before the current one proved final.
    in_rounds: Target,
    previous: Previous,
    current: Active,
    /// Votes of the round after the current one.
    next_votes: Votes,
    next_proposal: Option<SignedVote>,
    last_commit: Option<Commit>,
    /// A commit whose blocks are not all imported; the highest one seen.
    waiting_commit: Option<Commit>,
    catch_ups: CatchUps,
    peers: Peers,
    /// Round and numbers of counted precommits when a proof was last looked for.
    proof_tried: (u64, usize, usize),
    /// Blocks asked for in this round.
    fetched: BTreeSet<Target>,
    now_ms: u64,
    finalised_at_ms: u64,
}

/// Most blocks asked for in one round.
const FETCHES_MAX: usize = 256;

impl Voter {
    /// A voter that begins, or goes on after a restart (R7).
    #[must_use]
    pub fn new(config: Config, now_ms: u64, start: Start, blocks: &dyn Blocks) -> Self {
        let finalised = blocks.finalised();
        let voters = start.voters;
        let record = start.record.filter(|record| record.set_id == voters.set_id);
        let previous = match &record {
            Some(record) => record.restore(&voters, blocks),
            None => Previous::genesis(finalised),
        };
        let base = record.as_ref().map_or(finalised, |record| record.next_base);
        let seen = record.map_or_else(Votes::default, |record| votes_of(&voters, &record.next_prevotes, &[]));
        let number = previous.number.saturating_add(1);
        let round = Round::with_votes(number, voters.clone(), base, &seen, blocks);
        Self {
            id: start.id.filter(|id| voters.contains(id)),
            own: start.own,
            finalised,
            finalising: finalised,
            in_rounds: base,
            previous,
            current: Active::new(now_ms, round),
            next_votes: Votes::default(),
            next_proposal: None,
            last_commit: None,
            waiting_commit: None,
            catch_ups: CatchUps::default(),
            peers: Peers::new(config, now_ms),
            proof_tried: (0, 0, 0),
            fetched: BTreeSet::new(),
            now_ms,
            finalised_at_ms: now_ms,
            voters,
            config,
        }
    }

    /// Takes one input at `now_ms` (a clock that does not go back) and appends what is to be done to `out`.
    pub fn step(&mut self, now_ms: u64, blocks: &dyn Blocks, input: Input, out: &mut Vec<Effect>) {
        self.now_ms = self.now_ms.max(now_ms);
        match input {
            Input::Tick => {}
            Input::Imported => self.imported(blocks, out),
            Input::Finalised { target, voters, proof } => self.finalised(blocks, target, voters, proof, out),
            Input::Connected { peer, role } => self.connected(peer, role, out),
            Input::Gone { peer } => self.gone(peer),
            Input::Message { peer, bytes } => self.message(blocks, peer, &bytes, out),
            Input::Signed { set_id, round, vote } => self.signed(blocks, (set_id, round), vote, out),
            Input::Refused { set_id, round, kind } => self.refused((set_id, round), kind),
        }
        self.progress(blocks, out);
        self.tell(blocks, out);
    }

    /// When [`Input::Tick`] is wanted, if nothing happens before.
    #[must_use]
    pub fn wake_at(&self) -> Option<u64> {
        [self.vote_due_at(), self.tell_due_at(), self.catch_ups.due_at(&self.config)]
            .into_iter()
            .flatten()
            .filter(|at| *at > self.now_ms)
            .min()
    }

    /// The set that votes.
    #[must_use]
    pub fn voters(&self) -> &Arc<VoterSet> {
        &self.voters
    }

    /// The round that is voted in.
    #[must_use]
    pub fn round(&self) -> u64 {
        self.current.round.number()
    }

    fn imported(&mut self, blocks: &dyn Blocks, out: &mut Vec<Effect>) {
        self.current.round.count(blocks);
        if let Some(round) = &mut self.previous.round {
            round.count(blocks);
        }
        if let Some(commit) = self.waiting_commit.take() {
            // Its signatures were checked when it came.
            self.take_commit(blocks, None, commit, out);
        }
        self.retry_catch_up(blocks, out);
    }

    fn finalised(
        &mut self,
        blocks: &dyn Blocks,
        target: Target,
        voters: Arc<VoterSet>,
        proof: Option<Arc<GrandpaJustification>>,
        out: &mut Vec<Effect>,
    ) {
        if target.number > self.finalised.number {
            self.finalised = target;
            self.finalised_at_ms = self.now_ms;
        }
        if voters.set_id != self.voters.set_id {
            self.change_set(voters, target);
            return;
        }
        if let Some(proof) = proof {
            self.keep_commit(to_commit(&proof, self.voters.set_id));
        }
        self.imported(blocks, out);
    }

    /// R9.
    fn change_set(&mut self, voters: Arc<VoterSet>, base: Target) {
        self.voters = voters;
        self.finalising = base;
        self.in_rounds = base;
        self.previous = Previous::genesis(base);
        self.current = Active::new(self.now_ms, Round::new(1, self.voters.clone(), base));
        self.next_votes = Votes::default();
        self.next_proposal = None;
        self.waiting_commit = None;
        self.last_commit = None;
        self.catch_ups = CatchUps::default();
        self.fetched.clear();
        self.proof_tried = (0, 0, 0);
        self.peers.begin_set(self.now_ms);
    }

    fn keep_commit(&mut self, commit: Commit) {
        if self.last_commit.as_ref().is_none_or(|last| last.target.number < commit.target.number) {
            self.last_commit = Some(commit);
        }
    }

    fn fetch(&mut self, target: Target, peer: Option<PeerId>, out: &mut Vec<Effect>) {
        let is_above = target.number > self.finalised.number;
        if is_above && self.fetched.len() < FETCHES_MAX && self.fetched.insert(target) {
            out.push(Effect::Fetch { target, peer });
        }
    }

    /// Asks everybody for the blocks that votes still wait for: who told us first may not have them.
    fn fetch_again(&mut self, blocks: &dyn Blocks, out: &mut Vec<Effect>) {
        let rounds = self.previous.round.iter().chain([&self.current.round]);
        let committed = self.waiting_commit.as_ref().map(|commit| commit.target);
        let voted = rounds.flat_map(|round| round.unknown_targets(blocks));
        let wanted: BTreeSet<Target> = voted.chain(committed).chain(self.catch_ups.unknown(blocks)).collect();
        self.fetched.clear();
        for target in wanted {
            self.fetch(target, None, out);
        }
    }

    /// Our key, if it may vote in this set.
    fn voter_id(&self) -> Option<GrandpaId> {
        self.id.filter(|id| self.voters.contains(id))
    }
}

impl Active {
    fn new(now_ms: u64, round: Round) -> Self {
        Self {
            round,
            since_ms: now_ms,
            proposal: None,
            proposal_vote: None,
            propose: Own::Due,
            prevote: Own::Due,
            precommit: Own::Due,
            is_recorded: false,
        }
    }
}

/// The guard's entry for a key, as [`Start::own`].
pub(crate) fn own_votes(last: impl Fn(VoteKind) -> Option<LastVote>) -> OwnVotes {
    OwnVotes {
        prevote: last(VoteKind::Prevote),
        precommit: last(VoteKind::Precommit),
        propose: last(VoteKind::Propose),
    }
}

#[cfg(test)]
mod tests;
