//! From code to something that can be instantiated: validation, metering, machine code, cache.
//!
//! The stack limiter goes in first, the gas meter second: so limiter code is paid for like any other, and calls of the
//! gas function, which is a leaf, are not wrapped once more.

use super::HostError;
use super::instance::Growth;
use quire_channel::limits::{MAX_MEMORY_PAGES, MAX_PROGRAM_BYTES, MAX_TABLE_ELEMENTS};
use quire_channel::program::{gas, validate};
use quire_core::H256;
use quire_core::hash::blake2_256;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use wasm_instrument::gas_metering::{self, MemoryGrowCost, Rules, mutable_global};
use wasm_instrument::parity_wasm::elements::{self, Instruction};
use wasmtime::{
    Config, Engine, Inlining, InstanceAllocationStrategy, InstancePre, Linker, Module, OptLevel,
    PoolingAllocationConfig,
};

/// Export of the remaining gas; programs cannot have a name with this prefix.
pub(super) const GAS_EXPORT: &str = "__quire_gas";
/// See the module documentation of [`super`].
pub(super) const NATIVE_STACK_BYTES: usize = 64 * 1024 * 1024;
/// Metered code may be this many times as long as the program's limit.
const METERED_FACTOR: usize = 8;
/// Compiled programs held in memory.
const HELD_PROGRAMS: usize = 16;
/// Memory of an instance that is zeroed by hand when it ends, instead of being given back to the system page by page.
const KEEP_RESIDENT_BYTES: usize = 1024 * 1024;
const PAGE_BYTES: usize = 65_536;

/// A program ready to run.
pub(super) struct Program {
    pub(super) engine: Engine,
    pub(super) pre: InstancePre<Growth>,
}

/// The engine and its settings.
pub(super) struct Compiler {
    engine: Engine,
    compatibility: u64,
}

/// R1 of [`gas`].
struct Prices;

impl Rules for Prices {
    fn instruction_cost(&self, _: &Instruction) -> Option<u32> {
        Some(1)
    }

    fn memory_grow_cost(&self) -> MemoryGrowCost {
        NonZeroU32::new(gas::GROW_PAGE_GAS).map_or(MemoryGrowCost::Free, MemoryGrowCost::Linear)
    }

    fn call_per_local_cost(&self) -> u32 {
        1
    }
}

impl Compiler {
    pub(super) fn new(threads: usize) -> Result<Self, HostError> {
        // One instance per thread lives at a time; a second may start before the first is given back.
        let instances = u32::try_from(threads.saturating_mul(2)).unwrap_or(u32::MAX);
        // A system that cannot reserve the pool's address space still runs, slower.
        let engine = Engine::new(&config(Some(instances)))
            .or_else(|_| Engine::new(&config(None)))
            .map_err(|error| engine_error("starting", &error))?;
        let mut hasher = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        Ok(Self { engine, compatibility: hasher.finish() })
    }

    fn link(&self, module: &Module) -> Result<Program, HostError> {
        let pre = Linker::new(&self.engine)
            .instantiate_pre(module)
            .map_err(|error| engine_error("linking a program", &error))?;
        Ok(Program { engine: self.engine.clone(), pre })
    }
}

/// Nothing here changes results; `instances` makes them come from a pool.
fn config(instances: Option<u32>) -> Config {
    let mut config = Config::new();
    config
        .cranelift_opt_level(OptLevel::Speed)
        // The gas function is called in every block of instructions.
        .compiler_inlining(Inlining::Yes)
        // Nothing is asynchronous here, but the engine wants this to be no less than the next one.
        .async_stack_size(NATIVE_STACK_BYTES)
        .max_wasm_stack(NATIVE_STACK_BYTES)
        .wasm_backtrace_max_frames(None)
        .generate_address_map(false)
        .wasm_multi_value(false)
        .wasm_bulk_memory(false)
        .wasm_multi_memory(false)
        .wasm_relaxed_simd(false)
        .wasm_simd(false)
        .wasm_tail_call(false)
        .wasm_memory64(false)
        .wasm_extended_const(false);
    if let Some(instances) = instances {
        let mut pool = PoolingAllocationConfig::new();
        pool.total_core_instances(instances)
            .total_memories(instances)
            .total_tables(instances)
            .max_memories_per_module(1)
            .max_tables_per_module(1)
            .table_elements(MAX_TABLE_ELEMENTS as usize)
            .max_memory_size(MAX_MEMORY_PAGES as usize * PAGE_BYTES)
            .linear_memory_keep_resident(KEEP_RESIDENT_BYTES)
            .max_unused_warm_slots(instances);
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    }
    config
}

pub(super) fn engine_error(doing: &'static str, error: &wasmtime::Error) -> HostError {
    HostError::Engine { doing, reason: format!("{error:#}") }
}

fn metering(reason: impl ToString) -> HostError {
    HostError::Metering { reason: reason.to_string() }
}

/// Puts stack limiter and gas meter into a validated program. Deterministic: every validator runs these bytes.
pub(super) fn instrument(code: &[u8]) -> Result<Vec<u8>, HostError> {
    let module: elements::Module = elements::deserialize_buffer(code).map_err(metering)?;
    let module = wasm_instrument::inject_stack_limiter(module, gas::STACK_VALUES).map_err(metering)?;
    let backend = mutable_global::Injector { global_name: GAS_EXPORT };
    let module = gas_metering::inject(module, backend, &Prices)
        .map_err(|_| metering("an instruction has no price"))?;
    let metered = elements::serialize(module).map_err(metering)?;
    if metered.len() > MAX_PROGRAM_BYTES as usize * METERED_FACTOR {
        return Err(metering(format!("metered code has {} bytes", metered.len())));
    }
    Ok(metered)
}

/// Compiled programs in memory and on disk.
pub(super) struct Cache {
    folder: Option<PathBuf>,
    /// Most recently used last.
    held: Mutex<Vec<(H256, Arc<Program>)>>,
}

impl Cache {
    pub(super) fn new(folder: Option<PathBuf>) -> Self {
        Self { folder, held: Mutex::new(Vec::new()) }
    }

    /// The program of `code`, compiled when nobody did before.
    pub(super) fn get(&self, compiler: &Compiler, code: &[u8]) -> Result<Arc<Program>, HostError> {
        let key = H256(blake2_256(code));
        // Compiling under the lock: of two callers with one program the second waits instead of compiling again.
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(index) = held.iter().position(|(held, _)| *held == key) {
            let entry = held.remove(index);
            let program = entry.1.clone();
            held.push(entry);
            return Ok(program);
        }
        validate(code)?;
        let metered = instrument(code)?;
        let program = Arc::new(compiler.link(&self.module(compiler, &metered)?)?);
        if held.len() >= HELD_PROGRAMS {
            held.remove(0);
        }
        held.push((key, program.clone()));
        Ok(program)
    }

    fn module(&self, compiler: &Compiler, metered: &[u8]) -> Result<Module, HostError> {
        let path = self.folder.as_ref().map(|folder| {
            let name = hex_name(&blake2_256(metered), compiler.compatibility);
            folder.join(name)
        });
        if let Some(module) = path.as_ref().and_then(|path| read_compiled(&compiler.engine, path)) {
            return Ok(module);
        }
        let module = Module::new(&compiler.engine, metered)
            .map_err(|error| engine_error("compiling a program", &error))?;
        if let Some(path) = path {
            // A cache that cannot be written costs time only: the next start compiles again.
            let _ = write_compiled(&module, &path);
        }
        Ok(module)
    }
}

fn hex_name(hash: &[u8; 32], compatibility: u64) -> String {
    format!("{}-{compatibility:016x}.cwasm", H256(*hash).to_string().trim_start_matches("0x"))
}

/// File: blake2-256 of the rest, then what the engine wrote. `None` for anything that is missing, torn or of another engine.
fn read_compiled(engine: &Engine, path: &std::path::Path) -> Option<Module> {
    let bytes = std::fs::read(path).ok()?;
    let (checksum, compiled) = bytes.split_first_chunk::<32>()?;
    if blake2_256(compiled) != *checksum {
        return None;
    }
    // SAFETY: the engine demands bytes that `Module::serialize` wrote. The folder belongs to this node alone and nothing
    // but `write_compiled` writes there; the checksum excludes torn files, the engine itself checks version and settings.
    #[allow(unsafe_code)]
    unsafe { Module::deserialize(engine, compiled) }.ok()
}

fn write_compiled(module: &Module, path: &std::path::Path) -> std::io::Result<()> {
    let compiled = module.serialize().map_err(std::io::Error::other)?;
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut bytes = blake2_256(&compiled).to_vec();
    bytes.extend_from_slice(&compiled);
    // Two processes never share a temporary name, a reader never sees half a file.
    let temporary = path.with_extension(format!("{}.tmp", std::process::id()));
    std::fs::write(&temporary, &bytes)?;
    std::fs::rename(&temporary, path)
}
