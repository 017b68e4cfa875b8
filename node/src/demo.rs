//! `quire demo`: the main job on one machine. A chain of its own, a channel of a buyer (DSP), a seller (SSP) and an
//! auditor, three validators with their own keys, real messages, settlement, and a table at the end.
//!
//! | module | what it holds |
//! |---|---|
//! | [`input`], [`clf`], [`generate`] | where the lines come from |
//! | [`events`], [`selection`], [`roles`] | the rules of the job, as far as they are not the program's |
//! | [`setup`] | the chain, the keys, the bonds, the channel |
//! | [`ingest`] | the road of the messages |
//! | [`record`] | what a run with `--base-path` remembers |
//! | [`outcome`], [`report`], [`progress`] | what came out, for people and machines |
//!
//! Rules:
//! * R1 Bad input is found before the chain is touched: the whole input is read once before anything is sent.
//! * R2 With `--base-path` the same command goes on where it was, whenever it was killed; another input or another split
//!   on the same path is refused.
//! * R3 Every figure of the outcome is read from finalised state of the chain.
//! * R4 With `--json` the last line of standard output is one object; everything else goes to standard error.

mod clf;
mod events;
mod generate;
mod ingest;
mod input;
mod outcome;
mod progress;
mod record;
mod report;
mod roles;
mod selection;
mod setup;

use crate::base_path::BasePath;
use crate::clock::now_ms;
use crate::config::{Config, ConfigError, RpcEndpoint};
use crate::offchain::OffchainError;
use crate::offchain::worker::{Told, Worker, lower_priority, spawn};
use crate::service::{Node, StartError};
use crate::stop::StopReason;
use clap::Args;
use input::{InputError, Source};
use progress::Board;
use quire_rpc::{Cors, RpcConfig};
use record::Record;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::{JoinHandle, available_parallelism};
use tokio::signal::unix::{SignalKind, signal};

/// Flags of `demo`.
#[derive(Debug, Clone, Args)]
pub struct DemoArgs {
    /// Access log in Combined Log Format; gzip when the name ends in .gz. Lines are generated without it.
    #[arg(long, value_name = "FILE")]
    access_log: Option<PathBuf>,
    /// Number of generated lines.
    #[arg(long, value_name = "COUNT", default_value_t = 100_000, conflicts_with = "access_log")]
    impressions: u64,
    /// Seed of the generator.
    #[arg(long, value_name = "NUMBER", default_value_t = 1, conflicts_with = "access_log")]
    seed: u64,
    /// Channel blocks that the lines are split into.
    #[arg(long, value_name = "COUNT", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=MAX_BLOCKS))]
    blocks: u32,
    /// Print the outcome as one JSON object on the last line.
    #[arg(long)]
    json: bool,
    /// Keep everything in this folder and go on from it next time. Without it a temporary folder is used and removed.
    #[arg(long, short = 'd', value_name = "PATH")]
    base_path: Option<PathBuf>,
    /// Stay up afterwards and serve JSON-RPC.
    #[arg(long)]
    serve: bool,
    /// Port of JSON-RPC with --serve.
    #[arg(long, value_name = "PORT", default_value_t = 9944)]
    rpc_port: u16,
    /// Threads for bulk work; the number of cores by default.
    #[arg(long, value_name = "COUNT")]
    threads: Option<usize>,
    /// Length of a slot of the demo's chain, milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 250, value_parser = clap::value_parser!(u64).range(100..=6_000))]
    slot_ms: u64,
}

/// Most blocks of a run: each needs some thirty transactions.
const MAX_BLOCKS: i64 = 10_000;

/// Why the demo failed. Each text says what, where and what to do.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The input cannot be used.
    #[error("{0}")]
    Input(String),
    /// The input is not what it was when it was counted.
    #[error("the access log changed while it was read; start again when nobody writes to it")]
    Changed,
    /// The base path holds another run (R2).
    #[error("{path} holds the run of {what}; repeat that command to go on with it, or give another --base-path", path = path.display())]
    OtherRun {
        /// The record of the run.
        path: PathBuf,
        /// What it runs.
        what: String,
    },
    /// The record of the run cannot be used.
    #[error("cannot use {path}: {why}", path = path.display())]
    Record {
        /// The file.
        path: PathBuf,
        /// What is wrong and what to do.
        why: String,
    },
    /// The flags or the base path.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The node did not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// A disk failed.
    #[error("{0}")]
    Disk(String),
    /// A participant refused a batch.
    #[error("a message was refused: {0}")]
    Refused(String),
    /// The buyer cannot cover what the input may cost.
    #[error(
        "the deposit of {need} plancks that {lines} impressions may cost is above the {have} plancks that the DSP holds; use fewer impressions"
    )]
    Deposit {
        /// Plancks.
        need: u128,
        /// Plancks.
        have: u128,
        /// Valid lines.
        lines: u64,
    },
    /// A transaction did not take effect.
    #[error("the chain does not show that {what}, {heads} blocks after it was submitted: {why}")]
    NotShown {
        /// What should have happened.
        what: String,
        /// Blocks waited.
        heads: u32,
        /// What is known about the reason.
        why: String,
    },
    /// The off-chain side stopped.
    #[error("{0}")]
    Offchain(String),
    /// The figures on the chain contradict each other.
    #[error("the figures on the chain contradict each other: {0}; this is a bug, please report it")]
    Contradiction(String),
    /// A block did not reach Settled.
    #[error("{unsettled} of {blocks} blocks did not settle; the table says which and why")]
    Unsettled {
        /// How many.
        unsettled: usize,
        /// Of how many.
        blocks: usize,
    },
    /// A thread of the demo ended without a word; another one has the reason.
    #[error("a thread of the demo ended early")]
    Thread,
}

impl From<InputError> for DemoError {
    fn from(error: InputError) -> Self {
        DemoError::Input(error.to_string())
    }
}

impl From<OffchainError> for DemoError {
    fn from(error: OffchainError) -> Self {
        DemoError::Offchain(error.to_string())
    }
}

/// Runs the demo; with `--serve` it returns the node that stays up.
pub(crate) fn run(args: &DemoArgs) -> Result<Option<Node>, DemoError> {
    let threads = args.threads.unwrap_or_else(|| available_parallelism().map_or(2, usize::from)).max(1);
    let source = match &args.access_log {
        Some(path) => Source::AccessLog(path.clone()),
        None => Source::Generated { impressions: args.impressions, seed: args.seed },
    };
    let census = source.census(args.blocks)?;
    start_pool(threads);
    let node = Node::start(config(args)?)?;
    let signals = stop_on_signals(&node)?;
    let mut record = Record::open(&node, &source, &census, args.blocks)?;
    let board = Arc::new(Board::new(census.valid, args.blocks));
    let progress = progress::Bars::start(&board);
    let stage = setup::Stage::prepare(&node, &record, &source, &census, threads, &board)?;
    record.first_message(now_ms())?;
    work(&stage, threads)?;
    record.last_settlement(now_ms())?;
    progress.finish();
    let outcome = outcome::read(&stage, &record, &census)?;
    report::print(&outcome, &board, args.json)?;
    let unsettled = outcome.blocks.iter().filter(|block| block.state != "Settled").count();
    if unsettled > 0 {
        return Err(DemoError::Unsettled { unsettled, blocks: outcome.blocks.len() });
    }
    if args.serve {
        return Ok(Some(node));
    }
    node.stop();
    // It holds the node's folder, which is removed when it is temporary.
    let _ = signals.join();
    Ok(None)
}

/// A run without `--base-path` leaves no folder behind when it is interrupted.
fn stop_on_signals(node: &Node) -> Result<JoinHandle<()>, DemoError> {
    let fault = |error: std::io::Error| DemoError::Offchain(format!("cannot wait for signals: {error}"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(fault)?;
    let (mut interrupt, mut terminate) = {
        let _entered = runtime.enter();
        (signal(SignalKind::interrupt()).map_err(fault)?, signal(SignalKind::terminate()).map_err(fault)?)
    };
    let node = node.handle();
    let wait = move || {
        runtime.block_on(async {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                _ = node.stopped() => {}
            }
        });
        node.request_stop(StopReason::Requested);
    };
    Ok(spawn("demo-signals", wait)?)
}

/// The messages' road and the machines, side by side, until every block is over.
fn work(stage: &setup::Stage, threads: usize) -> Result<(), DemoError> {
    let (worker, tell) = Worker::new(Arc::clone(&stage.office), threads)?;
    let road = Arc::clone(&stage.road);
    let failure = tell.clone();
    let reader = spawn("demo-reader", move || {
        lower_priority();
        if let Err(error) = road.run(&tell) {
            // The worker ends with it.
            let _ = failure.send(Told::Fatal(OffchainError::Fault(error.to_string())));
        }
    })?;
    let outcome = worker.run();
    match outcome {
        Ok(()) => reader.join().map_err(|_| DemoError::Thread),
        // The reader may wait for a queue that nobody empties; the process ends with it.
        Err(error) => Err(error.into()),
    }
}

fn config(args: &DemoArgs) -> Result<Config, DemoError> {
    let base_path = match &args.base_path {
        Some(path) => BasePath::at(path),
        None => BasePath::temporary().map_err(ConfigError::from)?,
    };
    let mut config = Config::in_process(base_path);
    config.spec = setup::chain_spec(args.slot_ms)?;
    config.name = "quire demo".into();
    if args.serve {
        let rpc = RpcConfig { cors: Cors::All, ..RpcConfig::default() };
        config.rpc = Some(RpcEndpoint { address: (Ipv4Addr::LOCALHOST, args.rpc_port).into(), config: rpc });
    }
    Ok(config)
}

/// Threads for hashing and the like give way to the author of blocks. A pool that exists already is as good.
fn start_pool(threads: usize) {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).start_handler(|_| lower_priority());
    let _ = pool.thread_name(|index| format!("bulk-{index}")).build_global();
}
