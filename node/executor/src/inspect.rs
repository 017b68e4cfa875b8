//! What can be said against code before any of it runs.
//!
//! Rules:
//! * R1: a runtime is a module of the MVP, small enough, with functions that are small enough to be compiled in bounded time.
//! * R2: it declares its version in both custom sections, each once: light clients and `System.set_code` read them there.
//! * R3: every function that it imports is one that this host has, with the type that it has here. (Running code whose
//!   unknown imports are never called is fine; taking such code into the chain on purpose is not.)
//! * R4: it exports its memory, `__heap_base`, and every entry point that is asked for, with the type of an entry point.
//!
//! Out of scope: what the entry points do.

use crate::{
    engine,
    executor::WasmExecutor,
    version::{self, APIS_SECTION, VERSION_SECTION},
};
use quire_chain::RuntimeCode;
use quire_core::RuntimeVersion;
use wasmparser::{Parser, Payload};
use wasmtime::{ExternType, Module, ValType};

/// Longest body of a function, in bytes: compilers need memory and time that grow faster than it does.
const MAX_FUNCTION_BYTES: u64 = 512 * 1024;
/// Largest memory at the start, in bytes: half of all.
const MAX_START_MEMORY_BYTES: u64 = engine::MAX_MEMORY_BYTES as u64 / 2;
const PAGE_BYTES: u64 = crate::host::PAGE_BYTES;

impl WasmExecutor {
    /// Compiles code and says what it declares, or why it is no runtime with these entry points (R1 to R4).
    pub fn inspect(&self, code: &RuntimeCode, entry_points: &[&str]) -> Result<RuntimeVersion, String> {
        engine::check(&code.bytes)?;
        let version = check_sections(&code.bytes)?;
        let module = self.module(code)?;
        self.linker().instantiate_pre(&module).map_err(|error| format!("{error:#}"))?;
        check_exports(&module, entry_points)?;
        Ok(version)
    }
}

/// R1, R2.
fn check_sections(code: &[u8]) -> Result<RuntimeVersion, String> {
    let (mut versions, mut apis) = (0, 0);
    for payload in Parser::new(0).parse_all(code) {
        match payload.map_err(|error| format!("it is no Wasm module: {error}"))? {
            Payload::CustomSection(section) if section.name() == VERSION_SECTION => versions += 1,
            Payload::CustomSection(section) if section.name() == APIS_SECTION => apis += 1,
            Payload::CodeSectionEntry(body) if body.range().end - body.range().start > MAX_FUNCTION_BYTES => {
                let bytes = body.range().end - body.range().start;
                return Err(format!(
                    "a function has {bytes} bytes, the limit is {MAX_FUNCTION_BYTES}: it might never be compiled"
                ));
            }
            _ => {}
        }
    }
    if (versions, apis) != (1, 1) {
        return Err(format!(
            "it has {versions} sections {VERSION_SECTION} and {apis} sections {APIS_SECTION}; one of each is needed"
        ));
    }
    version::declared(code)?.ok_or_else(|| "it declares no version".into())
}

/// R4.
fn check_exports(module: &Module, entry_points: &[&str]) -> Result<(), String> {
    let Some(ExternType::Memory(memory)) = module.get_export("memory") else {
        return Err("it does not export its memory".into());
    };
    let start_bytes = memory.minimum().saturating_mul(PAGE_BYTES);
    if start_bytes > MAX_START_MEMORY_BYTES {
        return Err(format!(
            "its memory starts with {start_bytes} bytes, the limit is {MAX_START_MEMORY_BYTES}"
        ));
    }
    match module.get_export("__heap_base") {
        Some(ExternType::Global(global)) if global.content().is_i32() => {}
        _ => return Err("it does not export __heap_base as an i32".into()),
    }
    for name in entry_points {
        match module.get_export(name) {
            Some(ExternType::Func(function)) => {
                let arguments = function.params().len() == 2 && function.params().all(|ty| ty.is_i32());
                let answer =
                    function.results().all(|ty| matches!(ty, ValType::I64)) && function.results().len() == 1;
                if !arguments || !answer {
                    return Err(format!("its export {name} is no entry point: (i32, i32) -> i64 is"));
                }
            }
            _ => return Err(format!("it does not export the entry point {name}, which nodes need")),
        }
    }
    Ok(())
}
