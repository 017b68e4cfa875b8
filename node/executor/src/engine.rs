//! wasmtime as the runtime needs it: MVP only, compiled once, instances from a pool, a clock that ends what runs too long.
//!
//! Rules:
//! * R1: a runtime uses Wasm 1.0 without exported mutable globals and nothing newer, as smoldot demands; what newer
//!   compilers add by default (sign extension, bulk memory, multiple values, reference types) is refused by name.
//! * R2: NaNs are canonical, so floats cannot tell machines apart.
//! * R3: compiled code is cached on disk under the hash of the code and of everything that the engine's output depends on.
//!   A file is used only if its folder is private to this user and its checksum holds; else the code is compiled afresh.
//! * R4: a file appears whole or not at all, and a cache that cannot be written costs time, never the node.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    hash::{DefaultHasher, Hash, Hasher},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::mpsc::{self, RecvTimeoutError, Sender},
    thread::{self, JoinHandle},
    time::Duration,
};

use quire_core::{H256, hash::blake2_256, limits::MAX_CODE_BYTES};
use wasmparser::{Validator, WasmFeatures};
use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, Module, PoolingAllocationConfig};

/// Length of one tick of the clock that bounds calls.
const TICK_MS: u64 = 250;
/// Stack of a call, in bytes.
const STACK_BYTES: usize = 1024 * 1024;
/// Largest memory of an instance: the module's own and 2,048 pages of heap.
pub(crate) const MAX_MEMORY_BYTES: usize = 256 * 1024 * 1024;
/// Memory of a used slot that is reset in place rather than given back to the system.
const RESIDENT_BYTES: usize = 4 * 1024 * 1024;
/// Most entries of a module's table of functions.
const MAX_TABLE_ELEMENTS: usize = 20_000;
/// What zstd-compressed runtimes begin with.
const ZSTD_PREFIX: [u8; 8] = [0x52, 0xbc, 0x53, 0x76, 0x46, 0xdb, 0x8e, 0x05];
const CHECKSUM_BYTES: usize = 32;

/// An engine with its clock and its cache of compiled modules.
#[derive(Debug)]
pub(crate) struct Compiler {
    engine: Engine,
    cache: Option<PathBuf>,
    _clock: Clock,
}

impl Compiler {
    /// An engine for at most `instances` calls at a time; `cache` is the folder of compiled modules.
    pub(crate) fn new(instances: u32, cache: Option<PathBuf>) -> wasmtime::Result<Self> {
        // A system that cannot reserve the pool's address space still runs, slower.
        let engine = Engine::new(&config(Some(instances))).or_else(|_| Engine::new(&config(None)))?;
        let cache = cache.filter(|folder| is_private(folder).unwrap_or(false));
        Ok(Compiler { _clock: Clock::start(engine.clone()), engine, cache })
    }

    /// The engine.
    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Compiles code, or takes it from the cache. The error says what is wrong with the code.
    pub(crate) fn module(&self, hash: H256, code: &[u8]) -> Result<Module, String> {
        if let Some(module) = self.cached(hash) {
            return Ok(module);
        }
        check(code)?;
        let module = Module::new(&self.engine, code).map_err(|error| format!("{error:#}"))?;
        if let (Some(folder), Ok(bytes)) = (&self.cache, module.serialize()) {
            // R4: without the file the next start compiles again.
            let _ = store(folder, &self.file_name(hash), &bytes);
        }
        Ok(module)
    }

    fn file_name(&self, hash: H256) -> String {
        let mut engine = DefaultHasher::new();
        self.engine.precompile_compatibility_hash().hash(&mut engine);
        let code: String = hash.0.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{code}-{:016x}.cwasm", engine.finish())
    }

    #[allow(unsafe_code)]
    fn cached(&self, hash: H256) -> Option<Module> {
        let bytes = fs::read(self.cache.as_ref()?.join(self.file_name(hash))).ok()?;
        let (checksum, compiled) = bytes.split_first_chunk::<CHECKSUM_BYTES>()?;
        if *checksum != blake2_256(compiled) {
            return None;
        }
        // SAFETY: deserialising runs whatever machine code the bytes hold, so they must come from `Module::serialize` of a
        // compatible engine. The folder is owned by this user and closed to all others (`is_private`), only `store`
        // writes into it, the checksum excludes torn files, and the name and wasmtime's own header bind the engine.
        unsafe { Module::deserialize(&self.engine, compiled) }.ok()
    }
}

fn config(pool: Option<u32>) -> Config {
    let mut config = Config::new();
    config.max_wasm_stack(STACK_BYTES);
    config.epoch_interruption(true);
    config.cranelift_nan_canonicalization(true);
    config.wasm_backtrace_max_frames(None);
    config.memory_init_cow(true);
    config.wasm_simd(false);
    config.wasm_relaxed_simd(false);
    config.wasm_multi_value(false);
    config.wasm_multi_memory(false);
    config.wasm_memory64(false);
    config.wasm_tail_call(false);
    config.wasm_bulk_memory(false);
    config.wasm_extended_const(false);
    if let Some(instances) = pool {
        let mut pooling = PoolingAllocationConfig::new();
        pooling
            .total_core_instances(instances)
            .total_memories(instances)
            .total_tables(instances)
            .max_memories_per_module(1)
            .max_tables_per_module(1)
            .max_memory_size(MAX_MEMORY_BYTES)
            .table_elements(MAX_TABLE_ELEMENTS)
            .linear_memory_keep_resident(RESIDENT_BYTES)
            .table_keep_resident(MAX_TABLE_ELEMENTS * size_of::<usize>())
            .pagemap_scan(Enabled::Auto);
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pooling));
    }
    config
}

/// Refuses what is no MVP module (R1), what is too large and what is compressed.
pub(crate) fn check(code: &[u8]) -> Result<(), String> {
    if code.starts_with(&ZSTD_PREFIX) {
        return Err("it is compressed with zstd: store the plain Wasm module under :code".into());
    }
    if code.len() > MAX_CODE_BYTES as usize {
        return Err(format!("it has {} bytes, the limit is {MAX_CODE_BYTES}", code.len()));
    }
    let features = WasmFeatures::WASM1.difference(WasmFeatures::MUTABLE_GLOBAL);
    let validated = Validator::new_with_features(features).validate_all(code);
    validated.map(|_| ()).map_err(|error| format!("it is no Wasm module of the MVP: {error}"))
}

/// Creates the folder if need be; whether it belongs to this user and is closed to others.
fn is_private(folder: &Path) -> io::Result<bool> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let entry = fs::symlink_metadata(folder)?;
    let probe = folder.join(format!("probe-{}", std::process::id()));
    let own = private_file(&probe)?.metadata()?.uid();
    fs::remove_file(&probe)?;
    Ok(entry.is_dir() && entry.mode().trailing_zeros() >= 6 && entry.uid() == own)
}

fn private_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(path)
}

/// Writes a file under another name and renames it (R4).
fn store(folder: &Path, name: &str, compiled: &[u8]) -> io::Result<()> {
    let draft = folder.join(format!("{name}.{}.draft", std::process::id()));
    let mut file = private_file(&draft)?;
    file.write_all(&blake2_256(compiled))?;
    file.write_all(compiled)?;
    file.sync_data()?;
    fs::rename(draft, folder.join(name))
}

/// Moves the engine's epoch on, so that calls that run too long can be ended.
#[derive(Debug)]
struct Clock {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Clock {
    fn start(engine: Engine) -> Self {
        let (stop, stopped) = mpsc::channel();
        let run = move || {
            while stopped.recv_timeout(Duration::from_millis(TICK_MS)) == Err(RecvTimeoutError::Timeout) {
                engine.increment_epoch();
            }
        };
        // Without the thread calls are not bounded in time, but correct all the same.
        let thread = thread::Builder::new().name("wasm-clock".into()).spawn(run).ok();
        Clock { stop: Some(stop), thread }
    }
}

impl Drop for Clock {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Ticks after which a call of at most `limit` ends; at least that long.
pub(crate) fn ticks(limit: Duration) -> u64 {
    u64::try_from(limit.as_millis()).unwrap_or(u64::MAX).div_ceil(TICK_MS).saturating_add(1)
}

/// Entry points without which a chain does not start.
const ENTRY_POINTS: [&str; 6] = [
    "Core_version",
    "Core_execute_block",
    "Core_initialize_block",
    "BlockBuilder_finalize_block",
    "AuraApi_authorities",
    "GrandpaApi_grandpa_authorities",
];

/// Fails, with what is wrong, unless the code has the form of a runtime: Wasm of the MVP with a memory, `__heap_base` and
/// the entry points of a chain. Nothing is compiled or run.
pub fn check_code(code: &[u8]) -> Result<(), String> {
    check(code)?;
    let mut exports = std::collections::BTreeSet::new();
    for payload in wasmparser::Parser::new(0).parse_all(code) {
        let payload = payload.map_err(|error| format!("it is no Wasm module: {error}"))?;
        if let wasmparser::Payload::ExportSection(section) = payload {
            for export in section {
                exports.insert(export.map_err(|error| format!("its exports do not decode: {error}"))?.name);
            }
        }
    }
    let needed = ["memory", "__heap_base"].iter().chain(&ENTRY_POINTS);
    match needed.into_iter().find(|name| !exports.contains(**name)) {
        Some(missing) => Err(format!("it does not export {missing}")),
        None => crate::version::declared(code).map(drop),
    }
}
