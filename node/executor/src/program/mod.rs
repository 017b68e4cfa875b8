//! The program host: runs channel programs over the merged messages of a block.
//!
//! Terms: a *unit* is a message or pair in a map call, a key group in a reduce call; a *bucket run* is everything that
//! one vBucket does in one stage.
//!
//! ```text
//! code ─ validate ─ stack limiter ─ gas meter ─ compile (or read from the cache)
//!
//! stage k, for each vBucket in parallel, one fresh instance:
//!   units in order ─▶ map calls ─▶ pairs ─ group by key ─▶ reduce calls ─▶ outputs
//!                                                                     └──▶ pairs ─▶ stage k + 1, by vBucket of key
//! ```
//!
//! R1 Results depend on code, context and messages only: not on threads, timing, cache or engine. Calls, batch limits and gas
//!    are those of `quire_channel::program`; bucket runs share nothing; what they give is put together in order.
//! R2 A call that traps, runs out of gas or returns bytes that break the ABI is repeated unit by unit, each in a fresh
//!    instance of its own (a call of one unit is not repeated). A unit that fails alone has no output but a notice; the
//!    others go on, and the call after it starts in a fresh instance.
//! R3 A key group above `MAX_GROUP_BYTES` is not run and yields a notice.
//! R4 The first `MAX_HOST_NOTICES` failures in order get a notice each, the others are counted in one.
//! R5 A program whose `quire_init` or `quire_stages` fails processes nothing: one notice.
//!
//! Why a native stack of 64 MiB: the stack limiter counts values, the engine's frames need more bytes than that. The
//! margin is so wide that the counted limit is always met first, on any engine.
//!
//! Out of scope: where messages come from, who is paid for running (`pallets/anchors`).

mod bucket;
mod compile;
mod instance;
mod run;

use compile::{Cache, Compiler};
use quire_channel::merge::{Merged, Parallel};
use quire_channel::message::MessageRef;
use quire_channel::program::ProgramError;
use quire_channel::program::abi::Context;
use quire_channel::result::Outputs;
use quire_core::H256;
use rayon::prelude::*;
use std::path::PathBuf;

/// Stack of a worker thread: the engine's 64 MiB and room for the host's own frames.
const THREAD_STACK_BYTES: usize = compile::NATIVE_STACK_BYTES + 4 * 1024 * 1024;

/// How a host is set up. Nothing here changes results (R1).
#[derive(Clone, Debug)]
pub struct HostConfig {
    /// Worker threads, at least 1.
    pub threads: usize,
    /// Where compiled programs are kept; nowhere when `None`. The folder must belong to the node alone: its files are run
    /// as machine code.
    pub cache: Option<PathBuf>,
}

/// Why a program cannot be run at all. All of these are of the host or the code, none of the messages.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// Registration would have refused it.
    #[error("the program is refused: {0}")]
    Refused(#[from] ProgramError),
    /// Instrumentation failed or made it too large.
    #[error("the program cannot be metered: {reason}; make its functions smaller")]
    Metering {
        /// Why.
        reason: String,
    },
    /// The engine refuses it, or ran out of a resource of the machine. Not a property of the program: try again, and report it.
    #[error("the WebAssembly engine failed while {doing}: {reason}")]
    Engine {
        /// What was attempted.
        doing: &'static str,
        /// The engine's words.
        reason: String,
    },
    /// The worker threads cannot be started.
    #[error("cannot start {threads} worker threads: {reason}; lower the number or the system's load")]
    Threads {
        /// How many.
        threads: usize,
        /// The system's words.
        reason: String,
    },
}

/// Where the messages of a block come from.
pub trait MessageSource: Sync {
    /// Messages of one vBucket with their ids, by (key, time_ms, id).
    fn bucket<'a>(&'a self, vbucket: u16) -> Box<dyn Iterator<Item = (MessageRef<'a>, &'a H256)> + 'a>;
}

impl MessageSource for Merged {
    fn bucket<'a>(&'a self, vbucket: u16) -> Box<dyn Iterator<Item = (MessageRef<'a>, &'a H256)> + 'a> {
        Box::new(Merged::bucket(self, vbucket))
    }
}

/// What a run gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgramResult {
    /// Outputs in canonical order.
    pub outputs: Outputs,
    /// Leaves under `groups_root`, in order ([`quire_channel::program::record`]).
    pub records: Vec<H256>,
    /// Units that failed.
    pub failures: u64,
    /// Gas used in all.
    pub gas: u64,
}

/// Compiles and runs channel programs.
pub struct ProgramHost {
    compiler: Compiler,
    cache: Cache,
    threads: rayon::ThreadPool,
}

impl std::fmt::Debug for ProgramHost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProgramHost")
            .field("threads", &self.threads.current_num_threads())
            .finish_non_exhaustive()
    }
}

impl ProgramHost {
    /// Starts the worker threads and reserves address space for as many instances.
    pub fn new(config: HostConfig) -> Result<Self, HostError> {
        let count = config.threads.max(1);
        let threads = rayon::ThreadPoolBuilder::new()
            .num_threads(count)
            .stack_size(THREAD_STACK_BYTES)
            .thread_name(|index| format!("program-{index}"))
            .build()
            .map_err(|error| HostError::Threads { threads: count, reason: error.to_string() })?;
        let compiler = Compiler::new(count)?;
        let cache = Cache::new(config.cache);
        Ok(Self { compiler, cache, threads })
    }

    /// Compiles `code` unless it is known, so that a later run starts at once.
    pub fn prepare(&self, code: &[u8]) -> Result<(), HostError> {
        self.cache.get(&self.compiler, code).map(|_| ())
    }

    /// Runs `code` over all messages.
    pub fn run(
        &self,
        code: &[u8],
        context: &Context,
        messages: &dyn MessageSource,
    ) -> Result<ProgramResult, HostError> {
        let program = self.cache.get(&self.compiler, code)?;
        self.threads.install(|| run::run(&program, context, messages))
    }

    /// The host's threads, for merging.
    pub fn parallel(&self) -> Workers<'_> {
        Workers(&self.threads)
    }
}

/// [`Parallel`] on the threads of a [`ProgramHost`].
#[derive(Clone, Copy, Debug)]
pub struct Workers<'a>(&'a rayon::ThreadPool);

impl Parallel for Workers<'_> {
    fn each<T: Send>(&self, items: &mut [T], work: impl Fn(usize, &mut T) + Sync) {
        self.0.install(|| items.par_iter_mut().enumerate().for_each(|(index, item)| work(index, item)));
    }
}

#[cfg(test)]
mod tests;
