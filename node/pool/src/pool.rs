//! The pool as a machine: told what happens, it says what to do.
//!
//! ```text
//!            Submit                Validated: valid                  NewBest: in a block      Finalised
//!  (client) --------> validating -------------------> future/ready -------------------> in block ------> forgotten
//!                         |                              |   ^                             |
//!                         | invalid: banned              |   +-------- retracted ----------+
//!                         v                              v
//!                     answered with an error     usurped, dropped, invalid
//! ```
//!
//! Rules
//! - R1 Every submission gets exactly one [`Effect::Answer`], after validation.
//! - R2 Validation is asked for in batches: whatever came while the others were under way goes together.
//! - R3 A transaction that provides a tag of another replaces it only with a higher priority than all that it replaces
//!   together (usurped); else 1014.
//! - R4 Above a limit the worst goes: of ready ones the lowest priority, then the latest, with what depends on it; of
//!   future ones the one that waits longest, alone.
//! - R5 What was invalid is banned for a while and answered 1012 without a validation. A reorganisation ends all bans:
//!   they were spoken on a chain that was left.
//! - R6 Blocks that leave the best chain give their transactions back, through validation; blocks that enter it take
//!   theirs out, and others that use the same nonces.
//! - R7 Some transactions are validated again with each block, the longest unseen first; after a reorganisation all
//!   are, over the next blocks.
//! - R8 Who watches a transaction gets each change of its state once, and nothing after a final one.
//! - R9 One sender has at most [`Config::sender_count_max`] transactions here, so that it cannot fill the pool alone.
//! - R10 When the runtime changes, everything is validated again at once: what was signed for the old one is invalid and
//!   reported so. An answer that was on its way from the old one is asked for again with the next block.
//!
//! Out of scope: running the validation, gossip, checking signatures.

mod block;
mod status;
mod verdict;

pub use status::Status;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use quire_core::{
    AccountId, BlockNumber, H256, Nonce, OpaqueExtrinsic, TransactionSource, TransactionValidity,
    TransactionValidityError,
};

use crate::ban::Bans;
use crate::error::PoolError;
use crate::key::Key;
use crate::order::{Moves, Order};
use crate::transaction::Transaction;

/// Limits and times of the pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// Most ready transactions: some blocks full of the smallest transfers.
    pub ready_count_max: usize,
    /// Most bytes of ready transactions.
    pub ready_bytes_max: usize,
    /// Most future transactions.
    pub future_count_max: usize,
    /// Most bytes of future transactions.
    pub future_bytes_max: usize,
    /// Most transactions of one sender, ready and future.
    pub sender_count_max: usize,
    /// Most transactions that wait for their first validation.
    pub validating_count_max: usize,
    /// Most bytes of transactions that wait for their first validation.
    pub validating_bytes_max: usize,
    /// Most transactions in one [`Effect::Validate`].
    pub job_count_max: usize,
    /// Most [`Effect::Validate`] under way at once: one per core that may validate.
    pub jobs_max: usize,
    /// How long an invalid transaction is banned, in milliseconds.
    pub ban_ms: u64,
    /// Most banned hashes remembered.
    pub banned_max: usize,
    /// Age in blocks at which a validation is repeated.
    pub revalidate_after_blocks: BlockNumber,
    /// Most repeated validations per block.
    pub revalidate_count_max: usize,
    /// Blocks after which a watched transaction in an unfinalised block is given up.
    pub finality_timeout_blocks: BlockNumber,
}

impl Default for Config {
    fn default() -> Self {
        const MIB: usize = 1024 * 1024;
        Self {
            ready_count_max: 131_072,
            ready_bytes_max: 64 * MIB,
            future_count_max: 16_384,
            future_bytes_max: 8 * MIB,
            sender_count_max: 32_768,
            validating_count_max: 32_768,
            validating_bytes_max: 32 * MIB,
            job_count_max: 1_024,
            jobs_max: 2,
            ban_ms: 30 * 60 * 1_000,
            banned_max: 65_536,
            revalidate_after_blocks: 8,
            revalidate_count_max: 256,
            finality_timeout_blocks: 512,
        }
    }
}

/// A block, as the pool names it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct BlockRef {
    /// Height.
    pub number: BlockNumber,
    /// Hash.
    pub hash: H256,
}

/// A block that entered or left the best chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockBody {
    /// Number and hash.
    pub block: BlockRef,
    /// Its extrinsics in order.
    pub extrinsics: Arc<Vec<OpaqueExtrinsic>>,
}

/// A transaction handed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submission {
    /// The shell's name for this submission; comes back in [`Effect::Answer`].
    pub ticket: u64,
    /// The bytes.
    pub extrinsic: Arc<OpaqueExtrinsic>,
    /// Where it comes from.
    pub source: TransactionSource,
    /// Whether to report its [`Status`].
    pub watch: bool,
}

/// Everything that the pool can be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Transactions were handed in.
    Submit(Vec<Submission>),
    /// An [`Effect::Validate`] was carried out. One result per transaction, in order; `Err` when the runtime failed.
    Validated {
        /// The effect's job.
        job: u64,
        /// Block on whose state the runtime validated.
        at: BlockRef,
        /// The runtime's answers.
        results: Vec<Result<TransactionValidity, String>>,
    },
    /// The best head moved.
    NewBest {
        /// The new head.
        best: BlockRef,
        /// Blocks that left the best chain, from the old head downwards.
        retracted: Vec<BlockBody>,
        /// Blocks that entered it, upwards to the new head.
        enacted: Vec<BlockBody>,
    },
    /// Blocks on the best head run another runtime than it did itself.
    NewRuntime,
    /// Blocks became final, ascending.
    Finalised(Vec<BlockRef>),
    /// The author found ready transactions that the runtime refuses.
    Refused {
        /// Parent of the block under construction.
        parent: H256,
        /// What was refused, and why.
        refused: Vec<(H256, TransactionValidityError)>,
    },
    /// Nobody watches this transaction any more.
    Unwatch(H256),
    /// The operator throws a transaction out; it is banned, so that it does not come back from a peer at once.
    Remove(H256),
}

/// Everything that the pool can ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Validate on the best block's state and come back with [`Input::Validated`].
    Validate {
        /// Name of the job.
        job: u64,
        /// Source to tell the runtime.
        source: TransactionSource,
        /// What to validate.
        transactions: Vec<Arc<OpaqueExtrinsic>>,
    },
    /// Answer a submission.
    Answer {
        /// The submission.
        ticket: u64,
        /// Hash of the extrinsic.
        hash: H256,
        /// Whether it is in the pool.
        result: Result<(), PoolError>,
    },
    /// A watched transaction changed.
    Status {
        /// The transaction.
        hash: H256,
        /// What became of it.
        status: Status,
    },
    /// A transaction became ready that peers should get.
    Propagate {
        /// Its hash.
        hash: H256,
        /// The bytes.
        extrinsic: Arc<OpaqueExtrinsic>,
    },
}

/// Sizes, for metrics and RPC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    /// Ready transactions.
    pub ready: usize,
    /// Their bytes.
    pub ready_bytes: usize,
    /// Future transactions.
    pub future: usize,
    /// Their bytes.
    pub future_bytes: usize,
    /// Transactions in or before their first validation.
    pub validating: usize,
    /// Watched transactions.
    pub watched: usize,
}

/// A ready transaction for a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadyTransaction {
    /// Its hash.
    pub hash: H256,
    /// The bytes.
    pub extrinsic: Arc<OpaqueExtrinsic>,
}

/// A transaction before its first validation.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Pending {
    extrinsic: Arc<OpaqueExtrinsic>,
    source: TransactionSource,
    /// Who waits for an answer; nobody for a transaction that comes back from a retracted block.
    ticket: Option<u64>,
    watch: bool,
    /// How often it was validated on a block that was outdated when the answer came.
    attempts: u32,
}

/// Validations under way.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Job {
    hashes: Vec<H256>,
    /// The pool's when it began.
    branch: u64,
}

/// The pool; see the module doc.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pool {
    config: Config,
    best: BlockRef,
    order: Order,
    validating: BTreeMap<Key, Pending>,
    validating_bytes: usize,
    /// What waits for a job, by source; first validations and repeated ones.
    queues: BTreeMap<u8, VecDeque<H256>>,
    /// Transactions in `order` that are queued or under way for another validation.
    revalidating: BTreeSet<H256>,
    /// Transactions that a block on the best one refused, until the next best block is there to ask about them.
    refused: BTreeSet<H256>,
    jobs: BTreeMap<u64, Job>,
    next_job: u64,
    bans: Bans,
    watches: status::Watches,
    /// How often the best chain was reorganised or changed its runtime; what was validated before the last time is validated again (R7).
    branch: u64,
}

/// Senders whose transactions do not fit into the bytes of a block any more, before the block counts as full.
const MISFITS_MAX: usize = 8;

impl Pool {
    /// An empty pool on `best`.
    #[must_use]
    pub fn new(config: Config, best: BlockRef) -> Self {
        Self {
            config,
            best,
            order: Order::default(),
            validating: BTreeMap::new(),
            validating_bytes: 0,
            queues: BTreeMap::new(),
            revalidating: BTreeSet::new(),
            refused: BTreeSet::new(),
            jobs: BTreeMap::new(),
            next_job: 0,
            bans: Bans::default(),
            watches: status::Watches::default(),
            branch: 0,
        }
    }

    /// Takes one input at `now_ms` (any clock that does not go back) and appends what is to be done to `out`.
    pub fn step(&mut self, now_ms: u64, input: Input, out: &mut Vec<Effect>) {
        match input {
            Input::Submit(submissions) => {
                self.bans.expire(now_ms);
                for submission in submissions {
                    self.submit(now_ms, submission, out);
                }
            }
            Input::Validated { job, at, results } => self.validated(now_ms, job, at, results, out),
            Input::NewBest { best, retracted, enacted } => self.new_best(best, &retracted, &enacted, out),
            Input::NewRuntime => self.new_runtime(),
            Input::Finalised(blocks) => self.watches.finalised(&blocks, out),
            Input::Refused { parent, refused } => self.refused(now_ms, parent, &refused, out),
            Input::Unwatch(hash) => self.watches.unwatch(&hash),
            Input::Remove(hash) => {
                self.ban(now_ms, hash);
                self.remove(&hash, Status::Dropped, out);
            }
        }
        // Transactions that changed sides may have filled the other one.
        let mut changes = Vec::new();
        self.enforce_limits(&mut changes);
        self.tell_moves(H256::ZERO, changes, out);
        self.start_jobs(out);
    }

    /// Ready transactions for a block: each after what it requires, by priority, then in turns; at most `count_max` with
    /// at most `bytes_max` bytes together. What does not fit is left out with everything behind it of its sender; after
    /// [`MISFITS_MAX`] of those the block counts as full.
    #[must_use]
    pub fn ready(&self, count_max: usize, bytes_max: usize) -> Vec<ReadyTransaction> {
        let mut taken = Vec::new();
        let mut bytes = 0usize;
        let mut left_out: Vec<AccountId> = Vec::new();
        let mut ready = self.order.ready();
        while taken.len() < count_max
            && let Some(transaction) = ready.next_transaction()
        {
            let sender = transaction.sender.map(|(account, _)| account);
            if sender.is_some_and(|account| left_out.contains(&account)) {
                continue;
            }
            let with_it = bytes.saturating_add(transaction.size_bytes());
            if with_it > bytes_max {
                match sender {
                    Some(account) if left_out.len() < MISFITS_MAX => left_out.push(account),
                    _ => break,
                }
                continue;
            }
            bytes = with_it;
            taken.push(ReadyTransaction { hash: transaction.hash, extrinsic: transaction.extrinsic.clone() });
        }
        taken
    }

    /// Bytes of all ready transactions in order, for `author_pendingExtrinsics`.
    pub fn pending(&self) -> impl Iterator<Item = &Arc<OpaqueExtrinsic>> {
        self.order.ready()
    }

    /// A transaction in the pool, ready or future.
    #[must_use]
    pub fn get(&self, hash: &H256) -> Option<&Transaction> {
        self.order.get(hash)
    }

    /// True if the transaction is ready.
    #[must_use]
    pub fn is_ready(&self, hash: &H256) -> bool {
        self.order.is_ready(hash)
    }

    /// All transactions in the pool, ready and future, in order of arrival.
    pub fn transactions(&self) -> impl Iterator<Item = &Transaction> {
        self.order.iter()
    }

    /// The nonce that follows the ready transactions of `account`; `None` if it has none. The next nonce to use is the
    /// greater one of this and the state's.
    #[must_use]
    pub fn nonce_of(&self, account: &AccountId) -> Option<Nonce> {
        self.order.nonce_after(account)
    }

    /// The block that the pool believes to be best.
    #[must_use]
    pub fn best(&self) -> BlockRef {
        self.best
    }

    /// How often a transaction became ready: when this has not changed, nothing new can go into a block.
    #[must_use]
    pub fn promotions(&self) -> u64 {
        self.order.promotions()
    }

    /// Sizes.
    #[must_use]
    pub fn sizes(&self) -> Sizes {
        Sizes {
            ready: self.order.ready_len(),
            ready_bytes: self.order.ready_bytes(),
            future: self.order.future_len(),
            future_bytes: self.order.future_bytes(),
            validating: self.validating.len(),
            watched: self.watches.len(),
        }
    }

    fn submit(&mut self, now_ms: u64, submission: Submission, out: &mut Vec<Effect>) {
        let Submission { ticket, extrinsic, source, watch } = submission;
        let hash = extrinsic.hash();
        if let Err(error) = self.check_submission(now_ms, &hash, &extrinsic) {
            out.push(Effect::Answer { ticket, hash, result: Err(error) });
            return;
        }
        self.queue(hash, Pending { extrinsic, source, ticket: Some(ticket), watch, attempts: 0 });
    }

    fn check_submission(
        &self,
        now_ms: u64,
        hash: &H256,
        extrinsic: &OpaqueExtrinsic,
    ) -> Result<(), PoolError> {
        if self.order.contains(hash) || self.validating.contains_key(&hash.into()) {
            return Err(PoolError::AlreadyImported(*hash));
        }
        if self.bans.is_banned(hash, now_ms) {
            return Err(PoolError::Banned);
        }
        if self.has_no_room_for(extrinsic) { Err(PoolError::ImmediatelyDropped) } else { Ok(()) }
    }

    /// Whether too much waits for its first validation.
    fn has_no_room_for(&self, extrinsic: &OpaqueExtrinsic) -> bool {
        let bytes = self.validating_bytes.saturating_add(extrinsic.0.len());
        self.validating.len() >= self.config.validating_count_max || bytes > self.config.validating_bytes_max
    }

    /// Puts a transaction before its first validation.
    fn queue(&mut self, hash: H256, pending: Pending) {
        self.validating_bytes = self.validating_bytes.saturating_add(pending.extrinsic.0.len());
        self.queues.entry(source_index(pending.source)).or_default().push_back(hash);
        self.validating.insert(Key::from(&hash), pending);
    }

    fn take_pending(&mut self, hash: &H256) -> Option<Pending> {
        let pending = self.validating.remove(&hash.into())?;
        self.validating_bytes = self.validating_bytes.saturating_sub(pending.extrinsic.0.len());
        Some(pending)
    }

    /// R2.
    fn start_jobs(&mut self, out: &mut Vec<Effect>) {
        while self.jobs.len() < self.config.jobs_max {
            let Some((index, queue)) = self.queues.iter_mut().max_by_key(|(_, queue)| queue.len()) else {
                return;
            };
            let source = source_of(*index);
            let count = queue.len().min(self.config.job_count_max);
            let (mut hashes, mut transactions) = (Vec::with_capacity(count), Vec::with_capacity(count));
            for hash in queue.drain(..count) {
                let pending = self.validating.get(&Key::from(&hash)).map(|pending| &pending.extrinsic);
                // What left the pool meanwhile needs no validation.
                let known =
                    pending.or_else(|| self.order.get(&hash).map(|transaction| &transaction.extrinsic));
                match known {
                    Some(extrinsic) => {
                        hashes.push(hash);
                        transactions.push(extrinsic.clone());
                    }
                    None => {
                        self.revalidating.remove(&hash);
                    }
                }
            }
            if hashes.is_empty() {
                if queue.is_empty() && count == 0 {
                    return;
                }
                continue;
            }
            let job = self.next_job;
            self.next_job = self.next_job.wrapping_add(1);
            self.jobs.insert(job, Job { hashes, branch: self.branch });
            out.push(Effect::Validate { job, source, transactions });
        }
    }

    /// R4.
    fn enforce_limits(&mut self, changes: &mut Vec<Change>) {
        let config = self.config;
        while self.order.ready_len() > config.ready_count_max
            || self.order.ready_bytes() > config.ready_bytes_max
        {
            let Some(worst) = self.order.worst_ready() else { break };
            let mut moves = Moves::default();
            for gone in self.order.remove_with_dependents(&worst, &mut moves) {
                changes.push(Change::Gone(gone.hash, Status::Dropped));
            }
            changes.push(Change::Moved(moves));
        }
        while self.order.future_len() > config.future_count_max
            || self.order.future_bytes() > config.future_bytes_max
        {
            let Some(oldest) = self.order.oldest_future() else { break };
            let mut moves = Moves::default();
            self.order.remove(&oldest, &mut moves);
            changes.push(Change::Gone(oldest, Status::Dropped));
            changes.push(Change::Moved(moves));
        }
    }

    fn revalidate(&mut self, hash: H256) {
        let Some(transaction) = self.order.get(&hash) else { return };
        let source = source_index(transaction.source);
        if self.revalidating.insert(hash) {
            self.queues.entry(source).or_default().push_back(hash);
        }
    }

    fn remove(&mut self, hash: &H256, status: Status, out: &mut Vec<Effect>) {
        let mut moves = Moves::default();
        if self.order.remove(hash, &mut moves).is_some() {
            self.tell_moves(H256::ZERO, vec![Change::Gone(*hash, status), Change::Moved(moves)], out);
        }
    }

    fn ban(&mut self, now_ms: u64, hash: H256) {
        self.bans.ban(hash, now_ms.saturating_add(self.config.ban_ms), self.config.banned_max);
    }
}

/// What an operation did to transactions, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Change {
    /// It left the pool for ever.
    Gone(H256, Status),
    /// They changed sides.
    Moved(Moves),
    /// It is new in the pool.
    Arrived(H256),
}

fn source_index(source: TransactionSource) -> u8 {
    match source {
        TransactionSource::InBlock => 0,
        TransactionSource::Local => 1,
        TransactionSource::External => 2,
    }
}

fn source_of(index: u8) -> TransactionSource {
    match index {
        0 => TransactionSource::InBlock,
        1 => TransactionSource::Local,
        _ => TransactionSource::External,
    }
}

#[cfg(test)]
mod tests;
