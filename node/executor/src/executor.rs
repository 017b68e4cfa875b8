//! Calls into the runtime.
//!
//! Rules:
//! * R1: every call has a fresh instance with the memory of the blob; nothing survives from call to call.
//! * R2: arguments go in, and the result comes out, through the allocator's buffers, within bounds.
//! * R3: a call ends in bounded time: one that runs over the limit is a trap that says so. The limit is far above what any
//!   honest block takes, because machines differ.
//! * R4: at most a fixed number of calls run at a time; others wait.
//! * R5: an error carries the entry point, why it ended and the last error message of the runtime.
//! * R6: whether a call fails or not, the storage transactions that were open before it are open after it, no others.
//! * R7: code is compiled once, by the first who needs it, and without holding up calls of other code: a new runtime can
//!   be made ready while blocks are authored.

use crate::{
    engine::{self, Compiler},
    heap::Heap,
    host::{self, Host, KeyMaker, PAGE_BYTES, State},
    recorder::Recorder,
    signatures::SignatureCache,
    version,
};
use parity_scale_codec::Decode;
use quire_chain::{Execute, ExecuteError, Overlay, RuntimeCode, StateError, StateView};
use quire_core::{H256, RuntimeVersion};
use quire_trie::NodePath;
use std::{
    path::PathBuf,
    sync::{Arc, Condvar, Mutex, OnceLock, PoisonError},
    time::Duration,
};
use wasmtime::{InstancePre, Linker, Module, ModuleExport, Store, Trap};

/// Storage key that sets the pages of heap a runtime may use (u64, little-endian).
const HEAP_PAGES_KEY: &[u8] = b":heappages";
/// Pages of heap, when the state says nothing.
const DEFAULT_HEAP_PAGES: u64 = 2_048;
/// Compiled runtimes kept in memory: the current one, the next one, and those of older blocks that are asked about.
const MAX_RUNTIMES: usize = 4;
/// Versions kept in memory: clients ask for one with every block, and finding it in a blob takes a millisecond.
const MAX_VERSIONS: usize = 16;

/// How to run runtimes.
#[derive(Debug, Clone)]
pub struct Options {
    /// Folder for compiled code, made private to this user; `None` compiles at every start.
    pub cache: Option<PathBuf>,
    /// Most calls at a time.
    pub instances: u32,
    /// Longest time of one call.
    pub call_limit: Duration,
    /// Most verified signatures remembered.
    pub signatures: usize,
    /// Most detailed level of the runtime's log: 0 none, 1 error, 2 warn, 3 info, 4 debug, 5 trace.
    pub log_level: u32,
    /// Most bytes that one call may write into the state, counting every write. Nodes would disagree about a block if
    /// theirs differed, so this is for trials only.
    pub written_bytes_max: u64,
    /// Every signature passes. For trials only: transactions of others, signed for another runtime, run as they did.
    pub passes_signatures: bool,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            cache: None,
            instances: 16,
            call_limit: Duration::from_secs(60),
            signatures: 128 * 1024,
            log_level: 2,
            written_bytes_max: u64::MAX,
            passes_signatures: false,
        }
    }
}

/// A runtime that is compiled by whoever asks first; the others wait for it and nobody else does.
type Compiled = Arc<OnceLock<Result<Arc<Runtime>, String>>>;

/// The entry of `hash`, made if need be, moved to the end; the first one goes when there are more than `max`.
fn recent<T: Clone>(entries: &mut Vec<(H256, T)>, hash: H256, max: usize, make: impl FnOnce() -> T) -> T {
    let known = entries.iter().position(|(known, _)| *known == hash);
    let value = known.map_or_else(make, |position| entries.remove(position).1);
    entries.push((hash, value.clone()));
    if entries.len() > max {
        entries.remove(0);
    }
    value
}

/// A compiled runtime, ready for instances.
struct Runtime {
    instances: InstancePre<Host>,
    memory: ModuleExport,
    heap_base: ModuleExport,
}

/// Runs the entry points of runtimes with wasmtime.
pub struct WasmExecutor {
    compiler: Compiler,
    linker: Linker<Host>,
    /// Compiled runtimes, last used last.
    runtimes: Mutex<Vec<(H256, Compiled)>>,
    /// What runtimes declare about themselves, last used last.
    versions: Mutex<Vec<(H256, RuntimeVersion)>>,
    slots: Slots,
    signatures: Arc<SignatureCache>,
    call_ticks: u64,
    call_limit: Duration,
    log_level: u32,
    written_bytes_max: u64,
    passes_signatures: bool,
}

impl std::fmt::Debug for WasmExecutor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WasmExecutor").field("compiler", &self.compiler).finish_non_exhaustive()
    }
}

impl WasmExecutor {
    /// An executor. Fails when the machine cannot run compiled Wasm.
    pub fn new(options: Options) -> Result<Self, ExecuteError> {
        let fail = |error| engine_error("the start of the executor", error);
        let instances = options.instances.max(1);
        let compiler = Compiler::new(instances, options.cache).map_err(fail)?;
        let linker = host::linker(compiler.engine()).map_err(fail)?;
        Ok(WasmExecutor {
            compiler,
            linker,
            runtimes: Mutex::default(),
            versions: Mutex::default(),
            slots: Slots { free: Mutex::new(instances), freed: Condvar::new() },
            signatures: Arc::new(SignatureCache::new(options.signatures)),
            call_ticks: engine::ticks(options.call_limit),
            call_limit: options.call_limit,
            log_level: options.log_level,
            written_bytes_max: options.written_bytes_max,
            passes_signatures: options.passes_signatures,
        })
    }

    /// The memory of verified signatures, to be shared with the pool.
    pub fn signatures(&self) -> &Arc<SignatureCache> {
        &self.signatures
    }

    /// Runs a call over a state and proves every value it read: the answer, and the trie nodes and values for a light client.
    /// What the call writes is thrown away. It may take `limit`, and no more than any other call.
    pub fn prove_call(
        &self,
        code: &RuntimeCode,
        state: &dyn StateView,
        method: &str,
        args: &[u8],
        limit: Duration,
    ) -> Result<(Vec<u8>, Vec<Vec<u8>>), ExecuteError> {
        let recorder = Recorder::new(state);
        let ticks = engine::ticks(limit).min(self.call_ticks);
        let answer = self.call_with(code, &recorder, &mut Overlay::new(), (method, args), None, ticks)?;
        Ok((answer, recorder.prove()?))
    }

    /// An off-chain call of the node's own that may make keys. What it writes is thrown away.
    pub fn call_with_keys(
        &self,
        code: &RuntimeCode,
        state: &dyn StateView,
        method: &str,
        args: &[u8],
        keys: Arc<dyn KeyMaker>,
    ) -> Result<Vec<u8>, ExecuteError> {
        self.call_with(code, state, &mut Overlay::new(), (method, args), Some(keys), self.call_ticks)
    }

    #[allow(unsafe_code)]
    fn call_with(
        &self,
        code: &RuntimeCode,
        state: &dyn StateView,
        overlay: &mut Overlay,
        (method, args): (&str, &[u8]),
        keys: Option<Arc<dyn KeyMaker>>,
        ticks: u64,
    ) -> Result<Vec<u8>, ExecuteError> {
        let runtime = self.runtime(code)?;
        let pages = self.heap_pages(state, overlay)?;
        let depth = overlay.depth();
        let _slot = self.slots.take();
        let host = Host {
            // SAFETY: the store that holds it is dropped before this function returns, and nothing else keeps it.
            state: unsafe { State::new(state) },
            overlay: std::mem::take(overlay),
            depth,
            heap: Heap::new(0, 0),
            memory: None,
            signatures: self.signatures.clone(),
            keys,
            failure: None,
            message: None,
            log_level: self.log_level,
            written_left: self.written_bytes_max,
            passes_signatures: self.passes_signatures,
        };
        let mut store = Store::new(self.compiler.engine(), host);
        store.set_epoch_deadline(ticks);
        let outcome = self.run(&runtime, &mut store, pages, method, args);
        let mut host = store.into_data();
        let left_open = host.overlay.depth() > depth;
        host.overlay.rollback_to(depth);
        *overlay = std::mem::take(&mut host.overlay);
        let method = method.to_owned();
        if let Some(error) = host.failure {
            return Err(error.into());
        }
        match outcome {
            Ok(_) if left_open => {
                Err(ExecuteError::Trapped { method, reason: "it left a storage transaction open".into() })
            }
            Ok(answer) => Ok(answer),
            Err(Failure::Missing) => Err(ExecuteError::MethodMissing { method }),
            Err(Failure::Code(reason)) => Err(ExecuteError::BadCode { hash: code.hash, reason }),
            Err(Failure::Trap(error)) => {
                Err(ExecuteError::Trapped { reason: self.reason(&error, host.message), method })
            }
            Err(Failure::Instance(error)) if error.is::<Trap>() => {
                Err(ExecuteError::Trapped { reason: self.reason(&error, host.message), method })
            }
            Err(Failure::Instance(error)) => Err(engine_error(&method, error)),
        }
    }

    /// The compiled runtime, from memory, from disk or from the compiler (R7).
    fn runtime(&self, code: &RuntimeCode) -> Result<Arc<Runtime>, ExecuteError> {
        let cell = {
            let mut runtimes = self.runtimes.lock().unwrap_or_else(PoisonError::into_inner);
            recent(&mut runtimes, code.hash, MAX_RUNTIMES, Compiled::default)
        };
        let compiled = cell.get_or_init(|| self.compile(code).map(Arc::new));
        if compiled.is_err() {
            // A machine short of memory must not remember good code as bad.
            let mut runtimes = self.runtimes.lock().unwrap_or_else(PoisonError::into_inner);
            runtimes.retain(|(hash, _)| *hash != code.hash);
        }
        compiled.clone().map_err(|reason| ExecuteError::BadCode { hash: code.hash, reason })
    }

    fn compile(&self, code: &RuntimeCode) -> Result<Runtime, String> {
        let module = self.module(code)?;
        let export =
            |name: &str| module.get_export_index(name).ok_or_else(|| format!("it does not export {name}"));
        let (memory, heap_base) = (export("memory")?, export("__heap_base")?);
        let mut linker = self.linker.clone();
        linker.define_unknown_imports_as_traps(&module).map_err(|error| format!("{error:#}"))?;
        let instances = linker.instantiate_pre(&module).map_err(|error| format!("{error:#}"))?;
        Ok(Runtime { instances, memory, heap_base })
    }

    /// The compiled module, with what the engine says against it.
    pub(crate) fn module(&self, code: &RuntimeCode) -> Result<Module, String> {
        self.compiler.module(code.hash, &code.bytes)
    }

    /// The host functions.
    pub(crate) fn linker(&self) -> &Linker<Host> {
        &self.linker
    }

    /// Heap pages that the state allows.
    fn heap_pages(&self, state: &dyn StateView, overlay: &mut Overlay) -> Result<u64, StateError> {
        overlay.read(state, HEAP_PAGES_KEY, |value| {
            value.and_then(|value| value.try_into().ok()).map_or(DEFAULT_HEAP_PAGES, u64::from_le_bytes)
        })
    }

    /// One call in a fresh instance; the overlay is inside the store.
    fn run(
        &self,
        runtime: &Runtime,
        store: &mut Store<Host>,
        pages: u64,
        method: &str,
        args: &[u8],
    ) -> Outcome {
        let instance = runtime.instances.instantiate(&mut *store).map_err(Failure::Instance)?;
        let memory =
            instance.get_module_export(&mut *store, &runtime.memory).and_then(|export| export.into_memory());
        let memory = memory.ok_or_else(|| Failure::Code("its export `memory` is no memory".into()))?;
        let base = instance
            .get_module_export(&mut *store, &runtime.heap_base)
            .and_then(|export| export.into_global());
        let base = base.and_then(|base| base.get(&mut *store).i32());
        let base = base.ok_or_else(|| Failure::Code("its export `__heap_base` is no i32".into()))?;
        let limit = (memory.data_size(&*store) as u64).saturating_add(pages.saturating_mul(PAGE_BYTES));
        let host = store.data_mut();
        host.memory = Some(memory);
        host.heap = Heap::new(base.cast_unsigned(), limit.min(engine::MAX_MEMORY_BYTES as u64));
        let Some(function) = instance.get_func(&mut *store, method) else { return Err(Failure::Missing) };
        let entry = function.typed::<(u32, u32), u64>(&*store);
        let entry = entry.map_err(|_| Failure::Code(format!("its export {method} is no entry point")))?;
        let span = host::give(&mut *store, args).map_err(Failure::Trap)?;
        let answer = entry.call(&mut *store, (span as u32, (span >> 32) as u32)).map_err(Failure::Trap)?;
        Ok(host::bytes(memory.data(&*store), answer).map_err(Failure::Trap)?.to_vec())
    }

    /// Why a trap happened, for people (R5).
    fn reason(&self, error: &wasmtime::Error, message: Option<String>) -> String {
        let cause = match error.downcast_ref::<Trap>() {
            Some(Trap::Interrupt) => {
                return format!(
                    "it ran longer than {} s, the limit of one call",
                    self.call_limit.as_secs_f32()
                );
            }
            // The panic handler of a runtime logs the message and then hits `unreachable`.
            Some(Trap::UnreachableCodeReached) if message.is_some() => None,
            Some(trap) => Some(trap.to_string()),
            None => Some(error.root_cause().to_string()),
        };
        match (cause, message) {
            (Some(cause), Some(message)) if message != cause => {
                format!("{cause}; its last error message: {message}")
            }
            (Some(text), _) | (None, Some(text)) => text,
            (None, None) => error.to_string(),
        }
    }
}

type Outcome = Result<Vec<u8>, Failure>;

/// How a call ended that did not end well.
enum Failure {
    /// The engine gave no instance.
    Instance(wasmtime::Error),
    /// The code is no runtime.
    Code(String),
    /// There is no such entry point.
    Missing,
    /// The runtime, or the host on its behalf, gave up.
    Trap(wasmtime::Error),
}

impl Execute for WasmExecutor {
    fn call(
        &self,
        code: &RuntimeCode,
        state: &dyn StateView,
        overlay: &mut Overlay,
        method: &str,
        args: &[u8],
    ) -> Result<Vec<u8>, ExecuteError> {
        self.call_with(code, state, overlay, (method, args), None, self.call_ticks)
    }

    fn version(&self, code: &RuntimeCode) -> Result<RuntimeVersion, ExecuteError> {
        let known = |versions: &Vec<(H256, RuntimeVersion)>| {
            versions.iter().find(|(hash, _)| *hash == code.hash).map(|(_, version)| version.clone())
        };
        if let Some(version) = known(&self.versions.lock().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(version);
        }
        let version = self.read_version(code)?;
        let mut versions = self.versions.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(recent(&mut versions, code.hash, MAX_VERSIONS, || version))
    }

    fn prepare(&self, code: &RuntimeCode) -> Result<(), ExecuteError> {
        self.runtime(code).map(drop)
    }
}

impl WasmExecutor {
    fn read_version(&self, code: &RuntimeCode) -> Result<RuntimeVersion, ExecuteError> {
        let bad = |reason| ExecuteError::BadCode { hash: code.hash, reason };
        if let Some(version) = version::declared(&code.bytes).map_err(bad)? {
            return Ok(version);
        }
        const METHOD: &str = "Core_version";
        let answer = self.call(code, &NoState, &mut Overlay::new(), METHOD, &[])?;
        RuntimeVersion::decode(&mut &answer[..])
            .map_err(|error| ExecuteError::BadResult { method: METHOD.into(), reason: error.to_string() })
    }
}

fn engine_error(method: &str, error: wasmtime::Error) -> ExecuteError {
    ExecuteError::Engine { method: method.into(), reason: format!("{error:#}") }
}

/// A state without values, for calls that read none.
struct NoState;

impl StateView for NoState {
    fn get(&self, _: &[u8]) -> Result<Option<Vec<u8>>, StateError> {
        Ok(None)
    }

    fn next_key(&self, _: &[u8]) -> Result<Option<Vec<u8>>, StateError> {
        Ok(None)
    }

    fn node(&self, _: &NodePath) -> Result<Option<Vec<u8>>, StateError> {
        Ok(None)
    }
}

/// How many calls may still begin (R4).
struct Slots {
    free: Mutex<u32>,
    freed: Condvar,
}

/// The right to run one call; given back when dropped.
struct Slot<'a>(&'a Slots);

impl Slots {
    fn take(&self) -> Slot<'_> {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let free = self.freed.wait_while(free, |free| *free == 0);
        *free.unwrap_or_else(PoisonError::into_inner) -= 1;
        Slot(self)
    }
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        *self.0.free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.0.freed.notify_one();
    }
}
