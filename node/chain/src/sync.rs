//! Which blocks to ask whom for, and in which order to import them: the decider behind `block-announces/1` and `sync/2`.
//!
//! ```text
//!  announced, parent imported ──────────────────────────► body ─┐
//!  announced, gap below ──► headers downwards by hash ──► bodies upwards in chunks ──► Import ──► Imported
//!  a peer is FAR_BLOCKS ahead ──► ranges upwards by number, several peers at once ──────┘
//! ```
//!
//! Terms: *head* = number and hash of a block; *branch* = blocks between the imported ones and an announced head;
//! *range* = some consecutive numbers asked of one peer; *proof* = a GRANDPA justification.
//!
//! Rules
//! - R1 One request at a time to a peer. Who does not answer in [`Config::request_timeout_ms`] is reported, and somebody
//!   else is asked.
//! - R2 An answer is checked against its request before anything else: first block, order, links, hashes, count. What
//!   the header says of the body is checked by the import.
//! - R3 A branch first learns its headers, down to an imported block, and never more than [`Config::branch_headers_max`];
//!   then its bodies come in chunks, each handed to the import queue when the one before is.
//! - R4 Ranges begin above our best block; if what comes does not link, above the last final one. A range that does not
//!   link there is the peer's fault.
//! - R5 At most [`Config::queue_blocks_max`] blocks are in the import queue; nothing is asked for that has no room.
//! - R6 A block that the import calls bad is remembered with its descendants in the branch, and not asked for again; who
//!   sent it is reported.
//! - R7 A peer is believed about its head only until it fails to show it.
//! - R8 A block that changes the voters and is not final at two looks, [`Config::retry_ms`] apart, is one whose proof was
//!   missed: it is asked for from peer to peer until the block is final.
//!
//! Out of scope: encoding, sockets, checking blocks and proofs, warp sync, serving blocks to others.

mod branch;
mod range;
mod report;
mod request;
pub mod serve;

use std::collections::{BTreeMap, BTreeSet};

use quire_consensus::PeerId;
use quire_core::{BlockNumber, H256, Header, OpaqueExtrinsic};

use crate::environment::Head;
use crate::import::ImportError;

pub use report::Rule;
pub use request::{BlockRequest, Direction, Fields, From, RequestId};

use self::branch::Branch;
use self::range::Ranges;

/// Times and limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// How long an answer is waited for, milliseconds.
    pub request_timeout_ms: u64,
    /// Pause before something that could not be had is asked for again, milliseconds.
    pub retry_ms: u64,
    /// Most blocks in one request with bodies.
    pub chunk_blocks: u32,
    /// Most headers in one request without bodies; Substrate answers at most 128.
    pub chunk_headers: u32,
    /// Most headers in a branch.
    pub branch_headers_max: usize,
    /// Most blocks given to the import queue and not answered.
    pub queue_blocks_max: usize,
    /// Ranges asked for ahead of the import.
    pub ranges_max: usize,
    /// Announcements of one peer in a second.
    pub announcements_per_s: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            request_timeout_ms: 10_000,
            retry_ms: 2_000,
            chunk_blocks: 32,
            chunk_headers: 128,
            branch_headers_max: 8_192,
            queue_blocks_max: 128,
            ranges_max: 8,
            announcements_per_s: 32,
        }
    }
}

/// A peer whose best block is this far above ours is synced from by ranges.
pub const FAR_BLOCKS: BlockNumber = 256;
/// Branches under way.
const BRANCHES_MAX: usize = 32;
/// Bad blocks remembered.
const BAD_MAX: usize = 1_024;

/// What the chain says to sync.
pub trait Known {
    /// The block is imported.
    fn is_known(&self, hash: H256) -> bool;
    /// The best block.
    fn best(&self) -> Head;
    /// The last final block.
    fn finalised(&self) -> Head;
    /// The first block of the best chain after which another set votes, if it is not final: nothing above it is final
    /// before, and who missed the last commit of the old set hears no other.
    fn open_change(&self) -> Option<Head>;
}

/// A block in an answer; what was not asked for is `None`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockData {
    /// Its hash.
    pub hash: H256,
    /// Its header.
    pub header: Option<Header>,
    /// Its extrinsics.
    pub body: Option<Vec<OpaqueExtrinsic>>,
    /// The encoded justification, if the sender has one.
    pub proof: Option<Vec<u8>>,
}

/// What the import did with a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is in the chain, now or before.
    Imported,
    /// It may be taken later: parent missing, slot ahead, finality lags.
    Later,
    /// It is of no use any more: something else is final at its height.
    Obsolete,
    /// It is wrong for ever.
    Bad,
}

impl Outcome {
    /// What sync is told about a block that was not imported.
    #[must_use]
    pub fn of(error: &ImportError) -> Self {
        match error {
            ImportError::Known { .. } => Self::Imported,
            ImportError::NotAboveFinalised { .. } => Self::Obsolete,
            error if error.punish_peer() => Self::Bad,
            _ => Self::Later,
        }
    }
}

/// Everything that sync can be told.
#[derive(Clone, Debug)]
pub enum Input {
    /// [`Sync::wake_at`] has come.
    Tick,
    /// A peer is there.
    Connected {
        /// The peer.
        peer: PeerId,
        /// What its handshake names as its best block.
        best: Head,
    },
    /// A peer is gone.
    Gone {
        /// The peer.
        peer: PeerId,
    },
    /// A peer announced a block.
    Announced {
        /// The peer.
        peer: PeerId,
        /// The block's header.
        header: Box<Header>,
        /// It is the peer's best block.
        is_best: bool,
    },
    /// Finality votes for a block that is not here.
    Wanted {
        /// The block.
        block: Head,
        /// Who may have it.
        peer: Option<PeerId>,
    },
    /// An answer.
    Response {
        /// Who answered.
        peer: PeerId,
        /// The request.
        request: RequestId,
        /// The blocks.
        blocks: Vec<BlockData>,
    },
    /// A request failed: refused, undecodable, substream closed.
    Failed {
        /// Who was asked.
        peer: PeerId,
        /// The request.
        request: RequestId,
    },
    /// The import queue is done with a block.
    Imported {
        /// The block.
        hash: H256,
        /// What became of it.
        outcome: Outcome,
    },
}

/// Everything that sync can ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Ask a peer.
    Request {
        /// The peer.
        peer: PeerId,
        /// Name of the request; comes back with the answer.
        request: RequestId,
        /// What is asked.
        what: BlockRequest,
    },
    /// Import blocks in this order, each answered with [`Input::Imported`]; a proof is for after its block.
    Import {
        /// The blocks, with header and body.
        blocks: Vec<BlockData>,
    },
    /// A proof for an imported block.
    Proof {
        /// The block.
        block: Head,
        /// The encoded justification.
        proof: Vec<u8>,
    },
    /// A peer broke a rule.
    Report {
        /// The peer.
        peer: PeerId,
        /// The rule.
        rule: Rule,
    },
}

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Job {
    Headers { branch: H256 },
    Bodies { branch: H256 },
    Range { start: BlockNumber },
    Proof { block: Head },
}

#[derive(Clone, Debug)]
struct Pending {
    id: RequestId,
    job: Job,
    what: BlockRequest,
    at_ms: u64,
}

#[derive(Clone, Debug)]
struct Peer {
    best: Head,
    pending: Option<Pending>,
    /// Announcements in the current second.
    announced: u64,
    announced_since_ms: u64,
    /// Not asked before this time: it failed.
    rests_until_ms: u64,
    /// Answers that it owed since its last good one; who owes least is asked first.
    failures: u32,
}

/// The proof that may be missing.
#[derive(Clone, Copy, Debug, Default)]
struct WantedProof {
    /// The block, as of the last look.
    block: Option<Head>,
    looked_at_ms: u64,
    /// The peer asked last; the next one is the next by name.
    asked: Option<PeerId>,
}

/// The sync decider; see the module doc.
#[derive(Clone, Debug)]
pub struct Sync {
    config: Config,
    peers: BTreeMap<PeerId, Peer>,
    /// By the hash of their first announced head.
    branches: BTreeMap<H256, Branch>,
    ranges: Option<Ranges>,
    /// Given to the import and not answered, with who sent it.
    queue: BTreeMap<H256, PeerId>,
    bad: BTreeSet<H256>,
    proof: WantedProof,
    next_request: u64,
    now_ms: u64,
}

impl Sync {
    /// A decider without peers.
    #[must_use]
    pub fn new(config: Config, now_ms: u64) -> Self {
        Self {
            config,
            peers: BTreeMap::new(),
            branches: BTreeMap::new(),
            ranges: None,
            queue: BTreeMap::new(),
            bad: BTreeSet::new(),
            proof: WantedProof { looked_at_ms: now_ms, ..WantedProof::default() },
            next_request: 0,
            now_ms,
        }
    }

    /// Takes one input at `now_ms` (a clock that does not go back) and appends what is to be done to `out`.
    pub fn step(&mut self, now_ms: u64, chain: &dyn Known, input: Input, out: &mut Vec<Effect>) {
        self.now_ms = self.now_ms.max(now_ms);
        match input {
            Input::Tick => {}
            Input::Connected { peer, best } => self.connected(chain, peer, best),
            Input::Gone { peer } => self.gone(peer),
            Input::Announced { peer, header, is_best } => self.announced(chain, peer, &header, is_best, out),
            Input::Wanted { block, peer } => self.wanted(chain, block, peer),
            Input::Response { peer, request, blocks } => self.response(chain, peer, request, blocks, out),
            Input::Failed { peer, request } => self.failed(peer, request),
            Input::Imported { hash, outcome } => self.imported(hash, outcome, out),
        }
        self.expire(chain, out);
        self.schedule(chain, out);
    }

    /// When [`Input::Tick`] is wanted, if nothing happens before.
    #[must_use]
    pub fn wake_at(&self) -> Option<u64> {
        let due = |pending: &Pending| pending.at_ms.saturating_add(self.config.request_timeout_ms);
        let requests = self.peers.values().filter_map(|peer| peer.pending.as_ref().map(due));
        let rests = self.peers.values().map(|peer| peer.rests_until_ms);
        let branches = self.branches.values().map(|branch| branch.waits_until_ms);
        let look = (!self.peers.is_empty()).then(|| self.look_at());
        requests.chain(rests).chain(branches).chain(look).filter(|at| *at > self.now_ms).min()
    }

    /// The highest block that a peer claims: what is being synced to.
    #[must_use]
    pub fn target(&self) -> Option<Head> {
        self.peers.values().map(|peer| peer.best).max()
    }

    /// What each peer is believed to have as its best block.
    pub fn heads(&self) -> impl Iterator<Item = (PeerId, Head)> {
        self.peers.iter().map(|(id, peer)| (*id, peer.best))
    }

    /// Blocks given to the import and not answered.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.queue.len()
    }

    fn connected(&mut self, chain: &dyn Known, peer: PeerId, best: Head) {
        let new = Peer {
            best,
            pending: None,
            announced: 0,
            announced_since_ms: self.now_ms,
            rests_until_ms: 0,
            failures: 0,
        };
        self.peers.entry(peer).or_insert(new).best = best;
        self.want(chain, best, Some(peer));
    }

    fn gone(&mut self, peer: PeerId) {
        let Some(gone) = self.peers.remove(&peer) else { return };
        if let Some(pending) = gone.pending {
            self.give_up(pending.job);
        }
        for branch in self.branches.values_mut() {
            branch.sources.remove(&peer);
        }
    }

    fn announced(
        &mut self,
        chain: &dyn Known,
        peer: PeerId,
        header: &Header,
        is_best: bool,
        out: &mut Vec<Effect>,
    ) {
        let Some(entry) = self.peers.get_mut(&peer) else { return };
        if self.now_ms >= entry.announced_since_ms.saturating_add(1_000) {
            (entry.announced, entry.announced_since_ms) = (0, self.now_ms);
        }
        entry.announced = entry.announced.saturating_add(1);
        if entry.announced > self.config.announcements_per_s {
            return out.push(Effect::Report { peer, rule: Rule::AnnouncementFlood });
        }
        let block = Head { number: header.number, hash: header.hash() };
        if is_best {
            entry.best = block;
        }
        if self.bad.contains(&block.hash) || self.bad.contains(&header.parent_hash) {
            return out.push(Effect::Report { peer, rule: Rule::BadBlock });
        }
        self.want_header(chain, block, header.parent_hash, peer);
    }

    fn wanted(&mut self, chain: &dyn Known, block: Head, peer: Option<PeerId>) {
        self.want(chain, block, peer);
    }

    fn response(
        &mut self,
        chain: &dyn Known,
        peer: PeerId,
        request: RequestId,
        blocks: Vec<BlockData>,
        out: &mut Vec<Effect>,
    ) {
        let Some(entry) = self.peers.get_mut(&peer) else { return };
        // An answer that comes after its time is out is an answer to nothing.
        let Some(pending) = entry.pending.take_if(|pending| pending.id == request) else { return };
        if let Err(rule) = pending.what.check(&blocks) {
            entry.rests_until_ms = self.now_ms.saturating_add(self.config.retry_ms);
            self.distrust(chain, peer, rule, out);
            return self.fail(peer, pending.job);
        }
        if blocks.is_empty() {
            return self.has_nothing(chain, peer, &pending, out);
        }
        entry.failures = 0;
        match pending.job {
            Job::Headers { branch } => self.headers(chain, peer, branch, &blocks, out),
            Job::Bodies { branch } => self.bodies(peer, branch, blocks, out),
            Job::Range { start } => self.range(chain, peer, start, blocks, out),
            Job::Proof { block } => {
                if let Some(proof) = blocks.into_iter().next().and_then(|block| block.proof) {
                    out.push(Effect::Proof { block, proof });
                }
            }
        }
    }

    /// R7: a peer without a block asks nothing wrong of us, unless it is the head that it claims.
    fn has_nothing(&mut self, chain: &dyn Known, peer: PeerId, pending: &Pending, out: &mut Vec<Effect>) {
        let until = self.now_ms.saturating_add(self.config.retry_ms);
        let Some(entry) = self.peers.get_mut(&peer) else { return };
        entry.rests_until_ms = until;
        let is_claimed = match pending.what.from {
            From::Hash(hash) => hash == entry.best.hash,
            From::Number(number) => number <= entry.best.number,
        };
        if is_claimed && !matches!(pending.job, Job::Proof { .. }) {
            entry.best = chain.finalised();
            out.push(Effect::Report { peer, rule: Rule::MissingClaimed });
        }
        self.fail(peer, pending.job);
    }

    /// The peer's chain is not ours: nothing of it is asked for until it announces something.
    fn distrust(&mut self, chain: &dyn Known, peer: PeerId, rule: Rule, out: &mut Vec<Effect>) {
        out.push(Effect::Report { peer, rule });
        if let Some(entry) = self.peers.get_mut(&peer) {
            entry.best = chain.finalised();
        }
    }

    fn failed(&mut self, peer: PeerId, request: RequestId) {
        let Some(entry) = self.peers.get_mut(&peer) else { return };
        let Some(pending) = entry.pending.take_if(|pending| pending.id == request) else { return };
        entry.rests_until_ms = self.now_ms.saturating_add(self.config.retry_ms);
        self.fail(peer, pending.job);
    }

    /// The job is free again, for somebody else; a branch does not ask this peer again.
    fn fail(&mut self, peer: PeerId, job: Job) {
        if let Some(entry) = self.peers.get_mut(&peer) {
            entry.failures = entry.failures.saturating_add(1);
        }
        if let Job::Headers { branch } | Job::Bodies { branch } = job
            && let Some(branch) = self.branches.get_mut(&branch)
        {
            branch.sources.remove(&peer);
        }
        self.give_up(job);
    }

    fn give_up(&mut self, job: Job) {
        match job {
            Job::Headers { branch } | Job::Bodies { branch } => {
                if let Some(branch) = self.branches.get_mut(&branch) {
                    branch.is_busy = false;
                }
            }
            Job::Range { start } => {
                if let Some(ranges) = &mut self.ranges {
                    ranges.release(start);
                }
            }
            Job::Proof { .. } => {}
        }
    }

    /// R6.
    fn imported(&mut self, hash: H256, outcome: Outcome, out: &mut Vec<Effect>) {
        let Some(peer) = self.queue.remove(&hash) else { return };
        match outcome {
            Outcome::Imported => {}
            Outcome::Obsolete => self.ranges = None,
            Outcome::Later => {
                self.postpone(hash);
                self.ranges = None;
                let until = self.now_ms.saturating_add(self.config.retry_ms);
                if let Some(entry) = self.peers.get_mut(&peer) {
                    entry.rests_until_ms = until;
                }
            }
            Outcome::Bad => {
                out.push(Effect::Report { peer, rule: Rule::BadBlock });
                self.condemn(hash);
                self.ranges = None;
            }
        }
    }

    fn remember_bad(&mut self, hash: H256) {
        if self.bad.len() >= BAD_MAX {
            self.bad.pop_first();
        }
        self.bad.insert(hash);
    }

    /// R1, and whatever is settled by now.
    fn expire(&mut self, chain: &dyn Known, out: &mut Vec<Effect>) {
        let mut late = Vec::new();
        for (id, peer) in &mut self.peers {
            let timeout_ms = self.config.request_timeout_ms;
            let is_late = |pending: &mut Pending| self.now_ms >= pending.at_ms.saturating_add(timeout_ms);
            if let Some(pending) = peer.pending.take_if(is_late) {
                peer.rests_until_ms = self.now_ms.saturating_add(self.config.retry_ms);
                out.push(Effect::Report { peer: *id, rule: Rule::Timeout });
                late.push((*id, pending.job));
            }
        }
        for (peer, job) in late {
            self.fail(peer, job);
        }
        self.prune_branches(chain);
    }

    /// Hands out requests to idle peers.
    fn schedule(&mut self, chain: &dyn Known, out: &mut Vec<Effect>) {
        self.schedule_proof(chain, out);
        for peer in self.idle(|_| true) {
            if let Some(best) = self.peers.get(&peer).map(|entry| entry.best) {
                self.want(chain, best, Some(peer));
            }
        }
        self.schedule_branches(out);
        self.schedule_ranges(chain, out);
    }

    fn look_at(&self) -> u64 {
        self.proof.looked_at_ms.saturating_add(self.config.retry_ms)
    }

    /// R8.
    fn schedule_proof(&mut self, chain: &dyn Known, out: &mut Vec<Effect>) {
        if self.now_ms < self.look_at() {
            return;
        }
        self.proof.looked_at_ms = self.now_ms;
        let open = chain.open_change();
        let missed = open.filter(|_| open == self.proof.block);
        self.proof.block = open;
        let Some(block) = missed else { return };
        let idle = self.idle(|peer| peer.best.number >= block.number);
        let after = idle.iter().filter(|id| self.proof.asked.is_none_or(|asked| **id > asked)).min();
        let Some(peer) = after.or(idle.iter().min()).copied() else { return };
        let what = BlockRequest {
            from: From::Hash(block.hash),
            direction: Direction::Ascending,
            max: 1,
            fields: Fields { header: false, body: false, proof: true },
        };
        self.proof.asked = Some(peer);
        self.ask(peer, Job::Proof { block }, what, out);
    }

    fn idle(&self, fits: impl Fn(&Peer) -> bool) -> Vec<PeerId> {
        let is_idle = |peer: &Peer| peer.pending.is_none() && self.now_ms >= peer.rests_until_ms;
        let idle = self.peers.iter().filter(|(_, peer)| is_idle(peer) && fits(peer));
        let mut ranked: Vec<(u32, PeerId)> = idle.map(|(id, peer)| (peer.failures, *id)).collect();
        ranked.sort_unstable();
        ranked.into_iter().map(|(_, id)| id).collect()
    }

    fn ask(&mut self, peer: PeerId, job: Job, what: BlockRequest, out: &mut Vec<Effect>) {
        let Some(entry) = self.peers.get_mut(&peer) else { return };
        let id = RequestId(self.next_request);
        self.next_request = self.next_request.wrapping_add(1);
        entry.pending = Some(Pending { id, job, what, at_ms: self.now_ms });
        out.push(Effect::Request { peer, request: id, what });
    }

    /// Gives blocks to the import queue.
    fn enqueue(&mut self, peer: PeerId, blocks: Vec<BlockData>, out: &mut Vec<Effect>) {
        let fresh: Vec<BlockData> =
            blocks.into_iter().filter(|block| self.queue.insert(block.hash, peer).is_none()).collect();
        if !fresh.is_empty() {
            out.push(Effect::Import { blocks: fresh });
        }
    }

    fn room(&self) -> usize {
        self.config.queue_blocks_max.saturating_sub(self.queue.len())
    }
}

#[cfg(test)]
mod tests;
