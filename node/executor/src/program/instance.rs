//! One instance of a program and the calls that the host makes to it.

use super::HostError;
use super::compile::{GAS_EXPORT, Program, engine_error};
use quire_channel::limits::MAX_CALL_OUTPUT_BYTES;
use quire_channel::program::abi::{export, unpack};
use quire_channel::program::gas::INIT_GAS;
use quire_channel::program::record::Phase;
use quire_channel::result::notice;
use wasmtime::{Global, Instance, Memory, ResourceLimiter, Store, TypedFunc, Val};

/// What the gas meter leaves behind when it stops a call.
const EXHAUSTED: i64 = -1;

/// Why a call gave nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// It trapped: unreachable, division by zero, memory out of bounds, stack limit...
    Trap,
    /// Its gas ran out.
    OutOfGas,
    /// It returned bytes outside memory, above the limit, or against the ABI.
    BadOutput,
    /// A key group above its limit was not run.
    TooLarge,
}

impl Failure {
    /// Kind of the host's notice.
    pub(super) fn notice_kind(self) -> u16 {
        match self {
            Self::Trap => notice::TRAP,
            Self::OutOfGas => notice::OUT_OF_GAS,
            Self::BadOutput => notice::BAD_OUTPUT,
            Self::TooLarge => notice::GROUP_TOO_LARGE,
        }
    }
}

/// Tells a memory that may not grow (the program's business) from one that the machine cannot grow (ours): the second must
/// never decide a result.
#[derive(Default)]
pub(super) struct Growth {
    starved: Option<String>,
}

impl ResourceLimiter for Growth {
    fn memory_growing(&mut self, _: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        Ok(maximum.is_some_and(|maximum| desired <= maximum))
    }

    fn memory_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        self.starved = Some(format!("{error:#}"));
        Err(error)
    }

    fn table_growing(&mut self, _: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        Ok(maximum.is_none_or(|maximum| desired <= maximum))
    }
}

type Call = TypedFunc<(i32, i32, i32), i64>;

/// An instance whose `quire_init` ran.
pub(super) struct Running {
    store: Store<Growth>,
    memory: Memory,
    gas: Global,
    alloc: TypedFunc<i32, i32>,
    map: Call,
    reduce: Call,
    /// What `quire_stages` says.
    pub(super) stages: i32,
}

/// A fresh instance, or the failure of its start, and the gas used for it.
pub(super) struct Started {
    pub(super) running: Result<Running, Failure>,
    pub(super) gas: u64,
}

/// Instantiates and initialises with at most `budget` gas.
pub(super) fn start(program: &Program, context: &[u8], budget: u64) -> Result<Started, HostError> {
    let mut store = Store::new(&program.engine, Growth::default());
    store.limiter(|growth| growth);
    let instance = match program.pre.instantiate(&mut store) {
        Ok(instance) => instance,
        // A data or element segment outside memory or table.
        Err(error) if error.is::<wasmtime::Trap>() => {
            return Ok(Started { running: Err(Failure::Trap), gas: 0 });
        }
        Err(error) => return Err(engine_error("starting an instance", &error)),
    };
    let missing =
        || HostError::Engine { doing: "looking up exports", reason: "a checked export is missing".into() };
    let exports = Exports::find(&instance, &mut store).ok_or_else(missing)?;
    let budget = budget.min(INIT_GAS);
    let Exports { memory, gas, alloc, init, stages, map, reduce } = exports;
    let mut running = Running { store, memory, gas, alloc, map, reduce, stages: 0 };
    running.set_gas(budget)?;
    let outcome = running.initialise(context, &init, &stages);
    let used = running.used(budget);
    running.check_starved()?;
    Ok(Started { running: outcome.map(|stages| Running { stages, ..running }), gas: used })
}

struct Exports {
    memory: Memory,
    gas: Global,
    alloc: TypedFunc<i32, i32>,
    init: TypedFunc<(i32, i32), ()>,
    stages: TypedFunc<(), i32>,
    map: Call,
    reduce: Call,
}

impl Exports {
    fn find(instance: &Instance, store: &mut Store<Growth>) -> Option<Self> {
        Some(Self {
            memory: instance.get_memory(&mut *store, export::MEMORY)?,
            gas: instance.get_global(&mut *store, GAS_EXPORT)?,
            alloc: instance.get_typed_func(&mut *store, export::ALLOC).ok()?,
            init: instance.get_typed_func(&mut *store, export::INIT).ok()?,
            stages: instance.get_typed_func(&mut *store, export::STAGES).ok()?,
            map: instance.get_typed_func(&mut *store, export::MAP).ok()?,
            reduce: instance.get_typed_func(&mut *store, export::REDUCE).ok()?,
        })
    }
}

/// A call's result: where the bytes lie in memory, or why there are none; and the gas used.
pub(super) struct Called {
    pub(super) output: Result<(usize, usize), Failure>,
    pub(super) gas: u64,
}

impl Running {
    fn initialise(
        &mut self,
        context: &[u8],
        init: &TypedFunc<(i32, i32), ()>,
        stages: &TypedFunc<(), i32>,
    ) -> Result<i32, Failure> {
        let (ptr, len) = self.place(context)?;
        init.call(&mut self.store, (ptr, len)).map_err(|_| self.failure())?;
        stages.call(&mut self.store, ()).map_err(|_| self.failure())
    }

    /// One map or reduce call with at most `limit` gas. After a failure the instance must not be used again.
    pub(super) fn call(
        &mut self,
        phase: Phase,
        stage: u8,
        input: &[u8],
        limit: u64,
    ) -> Result<Called, HostError> {
        self.set_gas(limit)?;
        let output = self.try_call(phase, stage, input);
        self.check_starved()?;
        Ok(Called { output, gas: self.used(limit) })
    }

    fn try_call(&mut self, phase: Phase, stage: u8, input: &[u8]) -> Result<(usize, usize), Failure> {
        let (ptr, len) = self.place(input)?;
        let function = match phase {
            Phase::Map => &self.map,
            Phase::Reduce => &self.reduce,
        };
        let packed =
            function.call(&mut self.store, (i32::from(stage), ptr, len)).map_err(|_| self.failure())?;
        let (ptr, len) = unpack(packed);
        let (from, len) = (ptr as usize, len as usize);
        let to = from.checked_add(len).ok_or(Failure::BadOutput)?;
        if len > MAX_CALL_OUTPUT_BYTES || to > self.memory.data_size(&self.store) {
            return Err(Failure::BadOutput);
        }
        Ok((from, to))
    }

    /// Bytes that the last call returned.
    pub(super) fn output(&self, range: (usize, usize)) -> &[u8] {
        self.memory.data(&self.store).get(range.0..range.1).unwrap_or_default()
    }

    /// Puts input where the program wants it.
    fn place(&mut self, input: &[u8]) -> Result<(i32, i32), Failure> {
        let len = i32::try_from(input.len()).map_err(|_| Failure::TooLarge)?;
        let ptr = self.alloc.call(&mut self.store, len).map_err(|_| self.failure())?;
        let from = ptr.cast_unsigned() as usize;
        let place = from
            .checked_add(input.len())
            .and_then(|to| self.memory.data_mut(&mut self.store).get_mut(from..to));
        place.ok_or(Failure::BadOutput)?.copy_from_slice(input);
        Ok((ptr, len))
    }

    fn set_gas(&mut self, limit: u64) -> Result<(), HostError> {
        let value = Val::I64(i64::try_from(limit).unwrap_or(i64::MAX));
        self.gas.set(&mut self.store, value).map_err(|error| engine_error("setting gas", &error))
    }

    fn left(&mut self) -> i64 {
        self.gas.get(&mut self.store).i64().unwrap_or(EXHAUSTED)
    }

    fn check_starved(&self) -> Result<(), HostError> {
        match &self.store.data().starved {
            Some(reason) => {
                Err(HostError::Engine { doing: "growing a program's memory", reason: reason.clone() })
            }
            None => Ok(()),
        }
    }

    /// Of `limit`; all of it when the meter stopped the call.
    fn used(&mut self, limit: u64) -> u64 {
        match u64::try_from(self.left()) {
            Ok(left) => limit.saturating_sub(left),
            Err(_) => limit,
        }
    }

    fn failure(&mut self) -> Failure {
        if self.left() == EXHAUSTED { Failure::OutOfGas } else { Failure::Trap }
    }
}
