//! Drives the transaction pool: gathers what is handed in, runs validations, answers and reports.
//!
//! ```text
//!  submit() -> inbox --(everything that waits)--> Pool::step -> Validate -> one signature batch + one runtime call
//!                 ^                                   |                        |
//!                 +---- worker thread <---------------+<------- Validated -----+
//! ```
//!
//! Rules:
//! * R1 Whatever came while a validation ran goes into the next one together, so that the cost of a runtime call and of
//!   a signature batch is shared.
//! * R2 The inbox is bounded; above it a submission is answered at once that the pool is full. Peers may fill half of it.
//! * R3 No lock is held while signatures are verified or the runtime runs.
use crate::clock::Stopwatch;
use crate::metrics::PoolMetrics;
use crate::net::post::Post;
use crate::service::{Chain, Verifier};
use crate::task::orders::Orders;
use futures::future::{BoxFuture, FutureExt};
use quire_chain::QueryError;
use quire_consensus::PeerId;
use quire_core::{H256, InvalidTransaction, Nonce, OpaqueExtrinsic, TransactionSource, TransactionValidity};
use quire_pool::{BlockRef, Effect, Input, Pool, PoolError, ReadyTransaction, Sizes, Status, Submission};
use quire_rpc::{SubmitError, TxStatus};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use tokio::sync::{mpsc, oneshot};

/// Submissions that wait for the pool (R2).
const INBOX_MAX: usize = 32_768;
/// Bytes of submissions that wait for the pool (R2).
const INBOX_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Submissions taken from the inbox at once: beyond this the cost per transaction falls no more, the wait grows.
const TAKE_MAX: usize = 1_024;
/// Statuses of one transaction that its watcher may be behind.
const STATUSES_BUFFERED: usize = 64;

/// What a submission is answered with.
type Answer = Result<H256, PoolError>;

/// Who wants to know what became of a submission.
enum Sender {
    /// A client.
    Client(oneshot::Sender<Answer>),
    /// A peer: it is told nothing, and reported if no honest node has the transaction.
    Peer(PeerId),
}

/// A transaction on its way to the pool.
struct Incoming {
    extrinsic: Arc<OpaqueExtrinsic>,
    source: TransactionSource,
    reply: Sender,
    watcher: Option<mpsc::Sender<TxStatus>>,
}

/// A validation that the pool asked for.
struct Job {
    job: u64,
    source: TransactionSource,
    transactions: Vec<Arc<OpaqueExtrinsic>>,
}

#[derive(Default)]
struct Inbox {
    submissions: VecDeque<Incoming>,
    bytes: usize,
    jobs: VecDeque<Job>,
    is_closed: bool,
}

/// Who waits for an answer: by the ticket of the submission.
struct Waiting {
    reply: Sender,
    watcher: Option<mpsc::Sender<TxStatus>>,
}

struct State {
    pool: Pool,
    waiting: BTreeMap<u64, Waiting>,
    watchers: BTreeMap<H256, mpsc::Sender<TxStatus>>,
    next_ticket: u64,
    post: Arc<Post>,
}

/// The pool with its worker's inbox.
pub(crate) struct PoolTask {
    orders: Orders,
    metrics: PoolMetrics,
    chain: Arc<Chain>,
    verifier: Arc<Verifier>,
    clock: Stopwatch,
    inbox: Mutex<Inbox>,
    has_work: Condvar,
    state: Mutex<State>,
}

impl PoolTask {
    pub(crate) fn new(
        config: quire_pool::Config,
        chain: Arc<Chain>,
        verifier: Arc<Verifier>,
        orders: Orders,
        post: Arc<Post>,
    ) -> Self {
        let best = super::import::block_ref(&chain.best());
        let state = State {
            pool: Pool::new(config, best),
            waiting: BTreeMap::new(),
            watchers: BTreeMap::new(),
            next_ticket: 0,
            post,
        };
        Self {
            orders,
            metrics: PoolMetrics::default(),
            chain,
            verifier,
            clock: Stopwatch::start(),
            inbox: Mutex::default(),
            has_work: Condvar::new(),
            state: Mutex::new(state),
        }
    }

    /// Hands in a transaction; the future is the pool's verdict.
    pub(crate) fn submit(
        &self,
        source: TransactionSource,
        extrinsic: OpaqueExtrinsic,
    ) -> BoxFuture<'static, Result<H256, SubmitError>> {
        self.hand_in(source, extrinsic, None).boxed()
    }

    /// Hands in a transaction and follows it.
    pub(crate) fn submit_and_watch(
        &self,
        source: TransactionSource,
        extrinsic: OpaqueExtrinsic,
    ) -> BoxFuture<'static, Result<mpsc::Receiver<TxStatus>, SubmitError>> {
        let (sender, receiver) = mpsc::channel(STATUSES_BUFFERED);
        let verdict = self.hand_in(source, extrinsic, Some(sender));
        async move { verdict.await.map(|_| receiver) }.boxed()
    }

    fn hand_in(
        &self,
        source: TransactionSource,
        extrinsic: OpaqueExtrinsic,
        watcher: Option<mpsc::Sender<TxStatus>>,
    ) -> impl Future<Output = Result<H256, SubmitError>> + use<> {
        let (reply, answer) = oneshot::channel();
        let mut inbox = lock(&self.inbox);
        let bytes = inbox.bytes.saturating_add(extrinsic.0.len());
        if inbox.is_closed {
            drop(reply);
        } else if inbox.submissions.len() >= INBOX_MAX || bytes > INBOX_BYTES_MAX {
            let _ = reply.send(Err(PoolError::ImmediatelyDropped));
        } else {
            inbox.bytes = bytes;
            let reply = Sender::Client(reply);
            inbox.submissions.push_back(Incoming { extrinsic: Arc::new(extrinsic), source, reply, watcher });
            self.has_work.notify_one();
        }
        drop(inbox);
        async move {
            match answer.await {
                Ok(verdict) => Ok(verdict?),
                Err(_) => Err(SubmitError::Internal("the node is stopping; submit to another one".into())),
            }
        }
    }

    /// Takes in what a peer sent, as far as there is room (R2).
    pub(crate) fn submit_of_peer(&self, peer: PeerId, transactions: Vec<OpaqueExtrinsic>) {
        let mut inbox = lock(&self.inbox);
        for extrinsic in transactions {
            let bytes = inbox.bytes.saturating_add(extrinsic.0.len());
            if inbox.is_closed || inbox.submissions.len() >= INBOX_MAX / 2 || bytes > INBOX_BYTES_MAX / 2 {
                break;
            }
            inbox.bytes = bytes;
            inbox.submissions.push_back(Incoming {
                extrinsic: Arc::new(extrinsic),
                source: TransactionSource::External,
                reply: Sender::Peer(peer),
                watcher: None,
            });
        }
        self.has_work.notify_one();
    }

    /// Tells those who follow transactions which peers got them.
    pub(crate) fn broadcast(
        &self,
        told: BTreeMap<H256, Vec<PeerId>>,
        names: impl Fn(Vec<PeerId>) -> Vec<String>,
    ) {
        let state = lock(&self.state);
        for (hash, peers) in told {
            let Some(watcher) = state.watchers.get(&hash) else { continue };
            // Who does not keep up is found out with the next status of the pool.
            let _ = watcher.try_send(TxStatus::Broadcast(names(peers)));
        }
    }

    /// Tells the pool something and carries out what it asks for.
    pub(crate) fn step(&self, input: Input) {
        let mut state = lock(&self.state);
        let before = state.pool.promotions();
        let jobs = state.step(self.clock.ms(), input);
        let is_more_ready = state.pool.promotions() != before;
        drop(state);
        self.queue(jobs);
        if is_more_ready {
            self.orders.pool_changed();
        }
    }

    /// What was counted.
    pub(crate) fn metrics(&self) -> &PoolMetrics {
        &self.metrics
    }

    /// How often a transaction became ready.
    pub(crate) fn promotions(&self) -> u64 {
        lock(&self.state).pool.promotions()
    }

    /// Transactions for a block.
    pub(crate) fn ready(&self, count_max: usize, bytes_max: usize) -> Vec<ReadyTransaction> {
        lock(&self.state).pool.ready(count_max, bytes_max)
    }

    /// Everything that waits for a block.
    pub(crate) fn pending(&self) -> Vec<Arc<OpaqueExtrinsic>> {
        lock(&self.state).pool.pending().cloned().collect()
    }

    /// Throws transactions out and bars them for a while; gives those that were there.
    pub(crate) fn remove(&self, hashes: &[H256]) -> Vec<H256> {
        let mut state = lock(&self.state);
        let (mut removed, mut jobs) = (Vec::new(), Vec::new());
        for hash in hashes {
            if state.pool.get(hash).is_some() {
                removed.push(*hash);
                jobs.extend(state.step(self.clock.ms(), Input::Remove(*hash)));
            }
        }
        drop(state);
        self.queue(jobs);
        removed
    }

    /// The nonce after the ready transactions of an account.
    pub(crate) fn nonce_of(&self, account: &quire_core::AccountId) -> Option<Nonce> {
        lock(&self.state).pool.nonce_of(account)
    }

    /// Sizes of the pool.
    pub(crate) fn sizes(&self) -> Sizes {
        lock(&self.state).pool.sizes()
    }

    /// Ends the worker and refuses further submissions.
    pub(crate) fn close(&self) {
        let mut inbox = lock(&self.inbox);
        inbox.is_closed = true;
        inbox.submissions.clear();
        self.has_work.notify_all();
        drop(inbox);
        let mut state = lock(&self.state);
        state.waiting.clear();
        state.watchers.clear();
    }

    /// The worker's loop; ends with [`close`](Self::close).
    pub(crate) fn run(&self) {
        while let Some((incoming, job)) = self.next_work() {
            if !incoming.is_empty() {
                self.take_in(incoming);
            }
            if let Some(job) = job {
                let at = super::import::block_ref(&self.chain.best());
                let results = self.validate(&at, job.source, &job.transactions);
                self.metrics.finished.add(results.len());
                self.metrics
                    .invalid
                    .add(results.iter().filter(|result| matches!(result, Ok(Err(_)))).count());
                self.step(Input::Validated { job: job.job, at, results });
            }
        }
    }

    fn next_work(&self) -> Option<(Vec<Incoming>, Option<Job>)> {
        let inbox = lock(&self.inbox);
        let is_idle =
            |inbox: &mut Inbox| inbox.submissions.is_empty() && inbox.jobs.is_empty() && !inbox.is_closed;
        let mut inbox = self.has_work.wait_while(inbox, is_idle).unwrap_or_else(PoisonError::into_inner);
        if inbox.is_closed {
            return None;
        }
        let count = inbox.submissions.len().min(TAKE_MAX);
        let incoming: Vec<Incoming> = inbox.submissions.drain(..count).collect();
        let bytes: usize = incoming.iter().map(|one| one.extrinsic.0.len()).sum();
        inbox.bytes = inbox.bytes.saturating_sub(bytes);
        Some((incoming, inbox.jobs.pop_front()))
    }

    fn take_in(&self, incoming: Vec<Incoming>) {
        self.metrics.submitted.add(incoming.len());
        let mut state = lock(&self.state);
        let submissions = incoming.into_iter().map(|one| state.admit(one)).collect();
        let jobs = state.step(self.clock.ms(), Input::Submit(submissions));
        drop(state);
        self.queue(jobs);
    }

    fn queue(&self, jobs: Vec<Job>) {
        if !jobs.is_empty() {
            self.metrics.scheduled.add(jobs.iter().map(|job| job.transactions.len()).sum());
            lock(&self.inbox).jobs.extend(jobs);
            self.has_work.notify_one();
        }
    }

    /// R1, R3: one signature batch, whose good ones the runtime need not verify again, then one runtime call.
    fn validate(
        &self,
        at: &BlockRef,
        source: TransactionSource,
        transactions: &[Arc<OpaqueExtrinsic>],
    ) -> Vec<Result<TransactionValidity, String>> {
        self.verifier.verify(&self.chain, at, transactions);
        match self.chain.validate(at.hash, source, transactions) {
            Ok(verdicts) => verdicts.into_iter().map(Ok).collect(),
            // One transaction made the runtime trap: find out which.
            Err(QueryError::Execute(_)) if transactions.len() > 1 => {
                transactions.iter().map(|one| self.validate_one(at, source, one)).collect()
            }
            Err(error) => vec![Err(error.to_string()); transactions.len()],
        }
    }

    fn validate_one(
        &self,
        at: &BlockRef,
        source: TransactionSource,
        transaction: &Arc<OpaqueExtrinsic>,
    ) -> Result<TransactionValidity, String> {
        let verdicts = self
            .chain
            .validate(at.hash, source, std::slice::from_ref(transaction))
            .map_err(|error| error.to_string())?;
        verdicts.into_iter().next().ok_or_else(|| "the runtime gave no answer".into())
    }
}

impl State {
    fn admit(&mut self, incoming: Incoming) -> Submission {
        let Incoming { extrinsic, source, reply, watcher } = incoming;
        let ticket = self.next_ticket;
        self.next_ticket = self.next_ticket.wrapping_add(1);
        let watch = watcher.is_some();
        self.waiting.insert(ticket, Waiting { reply, watcher });
        Submission { ticket, extrinsic, source, watch }
    }

    /// Steps the pool; gives the validations to run.
    fn step(&mut self, now_ms: u64, input: Input) -> Vec<Job> {
        let (mut effects, mut jobs, mut left) = (Vec::new(), Vec::new(), Vec::new());
        self.pool.step(now_ms, input, &mut effects);
        self.carry_out(effects, &mut jobs, &mut left);
        // Unwatching reports nothing, so nobody else can be found to have left.
        for hash in std::mem::take(&mut left) {
            let mut effects = Vec::new();
            self.pool.step(now_ms, Input::Unwatch(hash), &mut effects);
            self.carry_out(effects, &mut jobs, &mut left);
        }
        jobs
    }

    /// One arm per effect. `left` are transactions that nobody watches any more.
    fn carry_out(&mut self, effects: Vec<Effect>, jobs: &mut Vec<Job>, left: &mut Vec<H256>) {
        for effect in effects {
            match effect {
                Effect::Validate { job, source, transactions } => {
                    jobs.push(Job { job, source, transactions })
                }
                Effect::Answer { ticket, hash, result } => self.answer(ticket, hash, result),
                Effect::Status { hash, status } => {
                    if !self.report(&hash, status) {
                        left.push(hash);
                    }
                }
                Effect::Propagate { hash, extrinsic } => self.post.propagate((hash, extrinsic)),
            }
        }
    }

    fn answer(&mut self, ticket: u64, hash: H256, result: Result<(), PoolError>) {
        let Some(Waiting { reply, watcher }) = self.waiting.remove(&ticket) else { return };
        if let (Ok(()), Some(watcher)) = (&result, watcher) {
            self.watchers.insert(hash, watcher);
        }
        match (reply, result) {
            // The client may have left meanwhile.
            (Sender::Client(reply), result) => drop(reply.send(result.map(|()| hash))),
            (Sender::Peer(peer), Err(why)) if is_bad(&why) => self.post.complain(peer),
            (Sender::Peer(_), _) => {}
        }
    }

    /// Tells the watcher; false when there is none any more or it does not keep up.
    fn report(&mut self, hash: &H256, status: Status) -> bool {
        let Some(watcher) = self.watchers.get(hash) else { return false };
        let is_told = watcher.try_send(tx_status(status)).is_ok();
        if status.is_final() || !is_told {
            self.watchers.remove(hash);
        }
        is_told
    }
}

/// Whether no honest node passes the transaction on, at whatever block it is.
fn is_bad(why: &PoolError) -> bool {
    matches!(why, PoolError::BadFormat { .. } | PoolError::Invalid(InvalidTransaction::BadProof))
}

fn tx_status(status: Status) -> TxStatus {
    match status {
        Status::Future => TxStatus::Future,
        Status::Ready => TxStatus::Ready,
        Status::InBlock { block, index } => TxStatus::InBlock { block, index },
        Status::Retracted(block) => TxStatus::Retracted(block),
        Status::FinalityTimeout(block) => TxStatus::FinalityTimeout(block),
        Status::Finalized { block, index } => TxStatus::Finalized { block, index },
        Status::Usurped(by) => TxStatus::Usurped(by),
        Status::Dropped => TxStatus::Dropped,
        Status::Invalid => TxStatus::Invalid,
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // The pool's steps and these collections do not panic halfway.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
