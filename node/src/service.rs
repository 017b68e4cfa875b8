//! Builds the parts of a node and connects them, nothing else.
//!
//! ```text
//!            author thread ---- proposer, seal, import ----+
//!            upgrade thread -- dry run of new code ---------+
//!  peers <-> hub thread    ---- vote, finalise ------------+--> chain (store, executor)
//!            importer thread -- blocks of peers ------------+
//!  RPC runtime --> pool worker ---- validate --------------+
//!            announcer: best, finalised, events --> RPC streams, demo, off-chain workers
//! ```
//!
//! Rules:
//! * R1 Ports, locks and files that others may hold are taken before anything is written to the chain.
//! * R2 RPC and pool run below the priority of the author, and heavy reads are limited, so that load from outside costs
//!   no slot.
//! * R3 Stopping closes RPC first, then the pool, then joins every thread, then flushes the store.
mod backend;
mod peering;
mod session_keys;
mod verifier;

pub(crate) use backend::runtime_after;
pub(crate) use verifier::Verifier;

use crate::base_path::{BasePathError, ChainDir};
use crate::chain_spec::{ChainSpec, SpecError};
use crate::config::{Config, RpcEndpoint};
use crate::guard::{Guard, OpenError as GuardOpenError};
use crate::keystore::{Keystore, KeystoreError};
use crate::metrics::{self, Metrics};
use crate::net::{self, Nowhere, Queues, Wire, importer, post::Post, server, view::View};
use crate::sealing::Sealing;
use crate::serve::Serve;
use crate::stop::{Stop, StopReason};
use crate::task;
use crate::task::import::Announcer;
use crate::task::orders::Orders;
use crate::task::pool::PoolTask;
use crate::upgrade::Opinion;
use crate::warp_sync::{self, WarpSyncError};
use futures::future::BoxFuture;
use quire_chain::{Execute, ExecuteError, Genesis, Head, Store};
use quire_core::{AccountId, BlockNumber, H256, Nonce, OpaqueExtrinsic, TransactionSource, keys};
use quire_executor::{SignatureCache, WasmExecutor};
use quire_network::{Events, Network, NetworkError};
use quire_rpc::{BlockEvent, Listener, RpcConfig, RpcServer, SubmitError, SystemInfo, TxStatus};
use quire_store::SledStore;
use std::net::SocketAddr;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread::JoinHandle;
use tokio::runtime::Runtime;
use tokio::sync::{broadcast, mpsc, watch};
use zeroize::Zeroizing;

/// The chain over whatever store and executor the node runs with.
pub type Chain = quire_chain::Chain<dyn Store, dyn Execute>;

/// Threads that carry RPC connections.
const RPC_THREADS: usize = 2;
/// Blocking threads of RPC: above the limit on reads, so that a read never waits for a thread.
const RPC_BLOCKING_THREADS: usize = 8;
/// How much lower than the author's the priority of RPC and pool is, as `nice` counts.
const BACKGROUND_NICE: i32 = 5;
/// Blocks that wait for the importer: above what sync hands out at once, so that nothing is refused.
const IMPORTS_MAX: usize = 256;
/// How long open RPC calls may take when the node stops, seconds.
const STOP_GRACE_S: u64 = 5;

/// Why a node did not start. Each text says what, where and what to do.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The base path.
    #[error(transparent)]
    BasePath(#[from] BasePathError),
    /// The chain spec.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// The database.
    #[error("{0}")]
    Store(#[from] quire_store::OpenError),
    /// The chain in it.
    #[error("{0}")]
    Chain(#[from] quire_chain::OpenError),
    /// The Wasm engine.
    #[error("{0}")]
    Executor(#[from] ExecuteError),
    /// The record of what was signed.
    #[error(transparent)]
    Guard(#[from] GuardOpenError),
    /// The keys.
    #[error(transparent)]
    Keystore(#[from] KeystoreError),
    /// Their password.
    #[error(transparent)]
    Password(#[from] crate::secret_input::SecretInputError),
    /// The peer-to-peer side.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// `--sync warp`.
    #[error(transparent)]
    Warp(#[from] WarpSyncError),
    /// The RPC side.
    #[error(transparent)]
    Rpc(#[from] quire_rpc::StartError),
    /// Threads.
    #[error("cannot start the node's threads: {0}; raise the limit on processes (ulimit -u)")]
    Threads(std::io::Error),
}

/// What the tasks share.
pub(crate) struct Inner {
    pub(crate) chain: Arc<Chain>,
    pub(crate) keystore: Arc<Keystore>,
    pub(crate) pool: PoolTask,
    pub(crate) announcer: Announcer,
    /// Mail to the hub.
    pub(crate) post: Arc<Post>,
    /// What the hub lets the others see.
    pub(crate) view: View,
    pub(crate) upgrade: Opinion,
    pub(crate) stop: Stop,
    pub(crate) force_authoring: bool,
    /// Whether a key of this node may vote.
    pub(crate) votes: bool,
    pub(crate) sealing: Sealing,
    pub(crate) orders: Orders,
    pub(crate) metrics: Arc<Metrics>,
    name: String,
    chain_id: String,
    signatures: Arc<SignatureCache>,
    system: SystemInfo,
    pub(crate) network: Option<Network>,
    starting: BlockNumber,
    pub(crate) serve: Serve,
    store: Arc<SledStore>,
    /// For calls that may make keys; all others go through the chain.
    executor: Arc<WasmExecutor>,
    dir: ChainDir,
}

impl Inner {
    /// Where compiled code is kept.
    pub(crate) fn compiled_dir(&self) -> PathBuf {
        compiled_dir(&self.dir)
    }

    /// The chain's folder.
    pub(crate) fn chain_dir(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn peers(&self) -> usize {
        self.view.lock().peers.len()
    }

    /// The peers' side, unless the node runs without.
    pub(crate) fn network(&self) -> Option<&Network> {
        self.network.as_ref()
    }

    /// Facts that do not change.
    pub(crate) fn system(&self) -> &SystemInfo {
        &self.system
    }

    /// The node's name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The height that the node wants to reach: its own as long as peers tell of no greater one.
    pub(crate) fn sync_target(&self) -> BlockNumber {
        let best = self.chain.best().number;
        self.view.lock().target.map_or(best, |target| target.max(best))
    }

    /// The last completed round of the finality vote.
    pub(crate) fn finality_round(&self) -> u64 {
        self.view.lock().finality.as_ref().map_or(0, |finality| finality.round.saturating_sub(1))
    }

    /// Signatures that were remembered, and those that had to be verified.
    pub(crate) fn signature_checks(&self) -> (u64, u64) {
        self.signatures.checks()
    }

    /// Sizes of the store.
    pub(crate) fn store_sizes(&self) -> quire_store::Sizes {
        self.store.sizes()
    }
}

/// A running node. It stops when told to, or when this value is dropped. Everything that a part of this process needs
/// of it is on [`NodeHandle`], to which it dereferences.
pub struct Node {
    handle: NodeHandle,
    threads: Vec<JoinHandle<()>>,
    rpc: Option<(Runtime, RpcServer)>,
    network_runtime: Option<Runtime>,
    prometheus_runtime: Option<Runtime>,
}

/// A node as other parts of this process use it: demo, off-chain workers, RPC. Cheap to clone.
#[derive(Clone)]
pub struct NodeHandle(Arc<Inner>);

impl Deref for Node {
    type Target = NodeHandle;

    fn deref(&self) -> &NodeHandle {
        &self.handle
    }
}

impl NodeHandle {
    /// The chain: heads, blocks, states, runtime calls. Reads block on disk and Wasm.
    pub fn chain(&self) -> &Arc<Chain> {
        &self.0.chain
    }

    /// The secret keys, and the only place that signs.
    pub fn keystore(&self) -> &Arc<Keystore> {
        &self.0.keystore
    }

    /// Hash of block 0.
    pub fn genesis_hash(&self) -> H256 {
        self.0.chain.genesis()
    }

    /// The chain's folder; off-chain data lives in folders of its own beside `db`.
    pub fn chain_dir(&self) -> &Path {
        self.0.dir.path()
    }

    /// The best head: the value now, and every later one.
    pub fn best(&self) -> watch::Receiver<Head> {
        self.0.announcer.best.subscribe()
    }

    /// The finalised head: the value now, and every later one.
    pub fn finalised(&self) -> watch::Receiver<Head> {
        self.0.announcer.finalised.subscribe()
    }

    /// Every block imported and finalised from now on.
    pub fn block_events(&self) -> broadcast::Receiver<BlockEvent> {
        self.0.announcer.events.subscribe()
    }

    /// Offers an extrinsic of this node's own to the pool; the future is the pool's verdict.
    pub fn submit(&self, extrinsic: OpaqueExtrinsic) -> BoxFuture<'static, Result<H256, SubmitError>> {
        self.0.pool.submit(TransactionSource::Local, extrinsic)
    }

    /// Like [`submit`](Self::submit), and follows the extrinsic until a terminal status.
    pub fn submit_and_watch(
        &self,
        extrinsic: OpaqueExtrinsic,
    ) -> BoxFuture<'static, Result<mpsc::Receiver<TxStatus>, SubmitError>> {
        self.0.pool.submit_and_watch(TransactionSource::Local, extrinsic)
    }

    /// The nonce that the next extrinsic of `account` needs, ready ones in the pool included.
    pub fn next_nonce(&self, account: &AccountId) -> Result<Nonce, quire_rpc::BackendError> {
        backend::next_nonce(&self.0, account)
    }

    /// Transactions that wait for a block, ready and future.
    pub fn pool_sizes(&self) -> quire_pool::Sizes {
        self.0.pool.sizes()
    }

    /// The page of metrics, as Prometheus would get it now.
    pub fn metrics_page(&self, rpc: Option<&quire_rpc::metrics::RpcMetrics>) -> String {
        metrics::scrape::page(&self.0, &self.0.chain_id, rpc)
    }

    /// Counts a piece of off-chain work.
    pub(crate) fn worked(&self, what: &'static str, us: u64) {
        self.0.metrics.worked(what, us);
    }

    /// Throws the switch: every task ends. [`Node::stop`] waits for them.
    pub fn request_stop(&self, reason: StopReason) {
        self.0.stop.throw(reason);
    }

    /// Completes when the node stops.
    pub async fn stopped(&self) -> StopReason {
        self.0.stop.thrown().await
    }

    /// Whether the node is stopping.
    pub fn is_stopping(&self) -> bool {
        self.0.stop.is_thrown()
    }
}

impl Node {
    /// Starts a node; returns when it serves. Call it outside of async code.
    pub fn start(config: Config) -> Result<Self, StartError> {
        let Config {
            spec,
            base_path,
            name,
            is_authority,
            force_authoring,
            no_grandpa,
            keystore,
            sealing,
            dev_key,
            rpc,
            network,
            prometheus,
            pruning,
            db_cache_bytes,
            pool,
            is_warping,
        } = config;
        // Before the folder is locked: a prompt may wait for a person.
        let password = keystore.password.read()?;
        let dir = ChainDir::open(base_path, &spec.id)?;
        let genesis = spec.genesis()?;
        tracing::info!(target: "substrate", "Chain specification: {} (genesis {:?})", spec.name, genesis.hash());
        let keystore = open_keystore(keystore.path, &dir, password, dev_key)?;
        let process_metrics = Arc::new(Metrics::new(crate::clock::now_ms()));
        let place = peering::Place { spec: &spec, genesis: genesis.hash(), is_authority };
        let options = store_options(pruning, db_cache_bytes);
        if let Some(peering) = network.as_ref().filter(|_| is_warping) {
            // The database is closed again: the node opens it as it is then.
            let chain = open_chain(&dir, &genesis, options)?.chain;
            warp_sync::run(peering::config_of(peering, &dir, &place)?, &chain, &dir.warp_part())?;
        }
        let peering::Started { runtime: network_runtime, network, events, peer_id } =
            peering::start(network.as_ref(), &dir, &process_metrics, &place)?;
        let rpc = rpc.map(bind_rpc).transpose()?;
        let prometheus = prometheus.and_then(metrics::endpoint::bind);
        let Opened { store, executor, chain } = open_chain(&dir, &genesis, options)?;
        let signatures = executor.signatures().clone();
        let verifier = Arc::new(Verifier::new(signatures.clone()));
        let best = chain.best();
        let (orders, post) = (Orders::default(), Arc::<Post>::default());
        let handle = NodeHandle(Arc::new(Inner {
            pool: PoolTask::new(pool_config(&pool), chain.clone(), verifier, orders.clone(), post.clone()),
            announcer: Announcer::new(best, chain.finalised()),
            post,
            view: View::new(),
            votes: !no_grandpa,
            upgrade: Opinion::default(),
            stop: Stop::new(),
            force_authoring,
            sealing,
            orders,
            metrics: process_metrics,
            signatures,
            chain_id: spec.id.clone(),
            system: system_info(&spec, &name, is_authority, peer_id, genesis.hash()),
            name,
            network,
            starting: best.number,
            serve: Serve::new(chain.clone(), executor.clone()),
            chain,
            keystore,
            store,
            executor,
            dir,
        }));
        let mut node =
            Self { handle, threads: Vec::new(), rpc: None, network_runtime, prometheus_runtime: None };
        node.start_tasks(events)?;
        node.start_servers(rpc, prometheus)?;
        Ok(node)
    }

    /// The parts, for tests of what drives them.
    #[cfg(test)]
    pub(crate) fn inner(&self) -> &Inner {
        &self.handle.0
    }

    /// Another handle.
    pub fn handle(&self) -> NodeHandle {
        self.handle.clone()
    }

    /// Where JSON-RPC is served.
    pub fn rpc_address(&self) -> Option<SocketAddr> {
        self.rpc.as_ref().map(|(_, server)| server.address)
    }

    /// Stops every task and waits until everything is on the disk (R3).
    pub fn stop(mut self) {
        self.shut_down();
    }

    fn start_tasks(&mut self, events: Option<Events>) -> Result<(), StartError> {
        self.start_background()?;
        self.start_hub(events)?;
        let inner = &self.handle.0;
        if !inner.system.is_authority {
            return Ok(());
        }
        if !inner.votes {
            tracing::warn!(target: "grandpa", "--no-grandpa: this node votes on no block");
        }
        self.spawn("author", task::author::run)
    }

    /// What runs in every node, below the author's priority.
    fn start_background(&mut self) -> Result<(), StartError> {
        self.spawn("pool", |node| {
            lower_priority();
            node.pool.run();
        })?;
        self.spawn("upgrade", |node| {
            lower_priority();
            task::upgrade::run(node);
        })?;
        self.spawn("certificate", task::certificate::run)?;
        self.spawn("informant", task::informant::run)
    }

    /// The hub and the threads that it hands work to; these end with it.
    fn start_hub(&mut self, events: Option<Events>) -> Result<(), StartError> {
        let (imports, jobs) = sync_channel(IMPORTS_MAX);
        let (requests, [quick, heavy]) = server::queue();
        self.spawn("importer", move |node| importer::run(node, &jobs))?;
        for (name, waiting) in [("server", quick), ("prover", heavy)] {
            self.spawn(name, move |node| {
                lower_priority();
                server::run(node, &waiting);
            })?;
        }
        let wire: Arc<dyn Wire> = match &self.handle.0.network {
            Some(network) => Arc::new(network.clone()),
            None => Arc::new(Nowhere),
        };
        self.spawn("hub", move |node| net::run(node, wire, events, Queues { imports, requests }))
    }

    fn start_servers(
        &mut self,
        rpc: Option<(Listener, RpcConfig)>,
        prometheus: Option<std::net::TcpListener>,
    ) -> Result<(), StartError> {
        if let Some((listener, config)) = rpc {
            self.start_rpc(listener, config)?;
        }
        if let Some(socket) = prometheus {
            self.start_prometheus(socket)?;
        }
        Ok(())
    }

    fn start_rpc(&mut self, listener: Listener, config: RpcConfig) -> Result<(), StartError> {
        let (begin, end) = thread_hooks(&self.handle.0.metrics, lower_priority);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(RPC_THREADS)
            .max_blocking_threads(RPC_BLOCKING_THREADS)
            .thread_name("rpc")
            .on_thread_start(begin)
            .on_thread_stop(end)
            .enable_all()
            .build()
            .map_err(StartError::Threads)?;
        let backend = Arc::new(backend::NodeBackend(self.handle.clone()));
        let server = {
            let _entered = runtime.enter();
            quire_rpc::start(listener, config, backend)?
        };
        tracing::info!(target: "substrate", "Running JSON-RPC server: addr={}", server.address);
        self.rpc = Some((runtime, server));
        Ok(())
    }

    /// Serves metrics, with a thread of its own that gives way to everything else.
    fn start_prometheus(&mut self, socket: std::net::TcpListener) -> Result<(), StartError> {
        let (begin, end) = thread_hooks(&self.handle.0.metrics, lower_priority);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("prometheus")
            .on_thread_start(begin)
            .on_thread_stop(end)
            .enable_all()
            .build()
            .map_err(StartError::Threads)?;
        if let Ok(address) = socket.local_addr() {
            tracing::info!(target: "prometheus", "Prometheus exporter started at {address}");
        }
        let (node, rpc) = (self.handle.clone(), self.rpc.as_ref().map(|(_, server)| server.metrics.clone()));
        let serving = metrics::endpoint::serve(socket, Arc::new(move || node.metrics_page(rpc.as_deref())));
        runtime.spawn(async {
            if let Err(why) = serving.await {
                tracing::warn!(target: "prometheus", "no metrics: {why}");
            }
        });
        self.prometheus_runtime = Some(runtime);
        Ok(())
    }

    fn spawn(&mut self, name: &str, work: impl FnOnce(&Inner) + Send + 'static) -> Result<(), StartError> {
        let node = self.handle.0.clone();
        node.metrics.spawned(name);
        let thread = std::thread::Builder::new().name(name.into()).spawn({
            let name = name.to_owned();
            move || {
                work(&node);
                node.metrics.ended(&name);
            }
        });
        self.threads.push(thread.map_err(StartError::Threads)?);
        Ok(())
    }

    fn shut_down(&mut self) {
        let inner = &self.handle.0;
        inner.stop.throw(StopReason::Requested);
        if let Some(runtime) = self.prometheus_runtime.take() {
            runtime.shutdown_background();
        }
        if let Some((runtime, server)) = self.rpc.take() {
            let grace = std::time::Duration::from_secs(STOP_GRACE_S);
            let stopped = runtime.block_on(async { tokio::time::timeout(grace, server.stop()).await });
            if stopped.is_err() {
                tracing::warn!("some RPC calls were still running after {STOP_GRACE_S} s");
            }
            runtime.shutdown_background();
        }
        inner.orders.close();
        inner.pool.close();
        inner.upgrade.wake();
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread of the node had panicked");
            }
        }
        if let Some(network) = &inner.network {
            network.stop();
        }
        if let Some(runtime) = self.network_runtime.take() {
            runtime.shutdown_background();
        }
        if let Err(error) = inner.store.flush() {
            tracing::error!("{error}");
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.shut_down();
    }
}

/// What the threads of a tokio runtime do first, `and` included, and last: they are counted.
fn thread_hooks(
    metrics: &Arc<Metrics>,
    and: fn(),
) -> (impl Fn() + Send + Sync + 'static, impl Fn() + Send + Sync + 'static) {
    let (started, stopped) = (metrics.clone(), metrics.clone());
    let begin = move || {
        started.tokio_thread_started();
        and();
    };
    (begin, move || stopped.tokio_thread_stopped())
}

/// R1.
fn bind_rpc(endpoint: RpcEndpoint) -> Result<(Listener, RpcConfig), quire_rpc::StartError> {
    Ok((Listener::bind(endpoint.address)?, endpoint.config))
}

/// The keys at `path`, or in the chain's folder; a development key authors and votes.
fn open_keystore(
    path: Option<PathBuf>,
    dir: &ChainDir,
    password: Option<Zeroizing<String>>,
    dev_key: Option<&str>,
) -> Result<Arc<Keystore>, StartError> {
    let path = path.unwrap_or_else(|| dir.keystore());
    let keystore = Keystore::open_with_password(&path, Guard::open(&dir.guard())?, password)?;
    if let Some(suri) = dev_key {
        keystore.add(keys::AURA, suri)?;
        keystore.add(keys::GRANDPA, suri)?;
        keystore.add(keys::CERTIFICATE, suri)?;
    }
    Ok(Arc::new(keystore))
}

/// R2: the calling thread gives way to the author.
fn lower_priority() {
    // Without it the node works as well, only less evenly.
    if let Err(error) = rustix::process::nice(BACKGROUND_NICE) {
        tracing::debug!("cannot lower a thread's priority: {error}");
    }
}

fn compiled_dir(dir: &ChainDir) -> PathBuf {
    dir.path().join("compiled")
}

/// The chain with the parts under it.
struct Opened {
    store: Arc<SledStore>,
    executor: Arc<WasmExecutor>,
    chain: Arc<Chain>,
}

fn open_chain(
    dir: &ChainDir,
    genesis: &Genesis,
    options: quire_store::Options,
) -> Result<Opened, StartError> {
    let store = Arc::new(SledStore::open(&dir.db(), Some(genesis.hash()), options)?);
    let cache = Some(compiled_dir(dir));
    let executor = Arc::new(WasmExecutor::new(quire_executor::Options { cache, ..Default::default() })?);
    let chain: Arc<Chain> =
        Arc::new(Chain::open(store.clone(), executor.clone(), genesis, Default::default())?);
    tracing::info!(
        target: "substrate",
        "Database {}: best #{}, finalized #{}",
        dir.db().display(), chain.best().number, chain.finalised().number
    );
    Ok(Opened { store, executor, chain })
}

fn system_info(
    spec: &ChainSpec,
    name: &str,
    is_authority: bool,
    peer_id: String,
    genesis_hash: H256,
) -> SystemInfo {
    tracing::info!(target: "substrate", "Node name: {name}, role: {}", if is_authority { "AUTHORITY" } else { "FULL" });
    SystemInfo {
        chain: spec.name.clone(),
        name: "Quire".into(),
        version: env!("CARGO_PKG_VERSION").into(),
        chain_type: spec.chain_type.clone(),
        properties: spec.properties.clone().unwrap_or_else(|| serde_json::json!({})),
        is_authority,
        peer_id,
        genesis_hash,
    }
}

/// Half of the memory is for our rows, half for sled's pages.
pub(crate) fn store_options(pruning: quire_store::Wanted, db_cache_bytes: u64) -> quire_store::Options {
    quire_store::Options { pruning, cache_bytes: db_cache_bytes / 2, pages_bytes: db_cache_bytes / 2 }
}

fn pool_config(limits: &crate::config::PoolLimits) -> quire_pool::Config {
    quire_pool::Config {
        ready_count_max: limits.count,
        ready_bytes_max: limits.bytes,
        // One worker thread; the signatures of a job are checked on all cores.
        jobs_max: 1,
        ..quire_pool::Config::default()
    }
}

#[cfg(test)]
mod tests;
