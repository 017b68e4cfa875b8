//! Which WebAssembly modules may be channel programs.
//!
//! R1 At most [`MAX_PROGRAM_BYTES`]; a valid core module of WebAssembly 1.0 (MVP): no floats, SIMD, threads, bulk memory,
//!    sign extension, multi-value, reference types or anything later.
//! R2 No imports, no start function (it would run before gas is counted).
//! R3 One memory of its own with a maximum of at most [`MAX_MEMORY_PAGES`].
//! R4 The exports of [`super::abi`] with exactly their types; no export begins with `__quire_`, which the metering adds.
//! R5 Bounded numbers of functions, parameters, locals, globals, table elements and segments, and bounded function
//!    bodies, so that validating and compiling cost no more than the code's length suggests.
//!
//! A module that passes is instrumented and compiled by every validator; a refusal is part of the chain's state, so this
//! function must be deterministic and depend on nothing but the bytes.

use super::abi::export;
use crate::limits::{
    MAX_FUNCTION_BYTES, MAX_FUNCTION_LOCALS, MAX_FUNCTION_PARAMETERS, MAX_FUNCTIONS, MAX_GLOBALS,
    MAX_MEMORY_PAGES, MAX_PROGRAM_BYTES, MAX_SEGMENTS, MAX_TABLE_ELEMENTS,
};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use wasmparser::{
    CompositeInnerType, Export, ExternalKind, FuncType, FunctionBody, Parser, Payload, TypeRef, ValType,
    Validator, WasmFeatures,
};

/// What registration keeps of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProgramInfo {
    /// Length of the code.
    pub code_bytes: u32,
    /// Pages of memory at the start.
    pub memory_pages: u32,
    /// Pages of memory at most.
    pub max_memory_pages: u32,
    /// Functions.
    pub functions: u32,
}

/// Why code is refused as a channel program.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProgramError {
    /// R1.
    #[error("program has {len} bytes, the limit is {MAX_PROGRAM_BYTES}; strip and optimise it")]
    TooLong {
        /// Bytes.
        len: usize,
    },
    /// R1.
    #[error(
        "program is no valid WebAssembly 1.0 module without floats, at byte {offset}: {reason}; build for wasm32v1-none"
    )]
    Invalid {
        /// Where.
        offset: u64,
        /// What the validator says.
        reason: String,
    },
    /// R2.
    #[error("program imports {module}.{name}; programs may import nothing")]
    Import {
        /// Module.
        module: String,
        /// Name.
        name: String,
    },
    /// R2.
    #[error("program has a start function; do the work in quire_init")]
    Start,
    /// R3.
    #[error("program has no memory; define one with a maximum")]
    NoMemory,
    /// R3.
    #[error("program's memory has no maximum; link with --max-memory")]
    NoMemoryMaximum,
    /// R3.
    #[error(
        "program's memory may grow to {pages} pages, the limit is {MAX_MEMORY_PAGES}; link with a lower --max-memory"
    )]
    MemoryTooLarge {
        /// Declared maximum, pages of 64 KiB.
        pages: u64,
    },
    /// R4.
    #[error("program does not export {name}; export it")]
    MissingExport {
        /// Name.
        name: &'static str,
    },
    /// R4.
    #[error("program exports {name} with another type; it must be {expected}")]
    WrongExport {
        /// Name.
        name: &'static str,
        /// Its type.
        expected: &'static str,
    },
    /// R4.
    #[error("program exports {name}; names that begin with __quire_ are reserved")]
    ReservedExport {
        /// Name.
        name: String,
    },
    /// R5.
    #[error("program has {found} {what}, the limit is {limit}; make it smaller")]
    TooMany {
        /// What is counted.
        what: &'static str,
        /// How many.
        found: u64,
        /// Limit.
        limit: u32,
    },
}

/// Name prefix of what the metering adds (R4).
pub const RESERVED_PREFIX: &str = "__quire_";

/// Checks code against R1–R5.
pub fn validate(code: &[u8]) -> Result<ProgramInfo, ProgramError> {
    if code.len() > MAX_PROGRAM_BYTES as usize {
        return Err(ProgramError::TooLong { len: code.len() });
    }
    let mut scan = Scan::default();
    let mut validator = Validator::new_with_features(FEATURES);
    let mut bodies = Vec::new();
    for payload in Parser::new(0).parse_all(code) {
        let payload = payload.map_err(invalid)?;
        scan.payload(&payload)?;
        if let wasmparser::ValidPayload::Func(function, body) =
            validator.payload(&payload).map_err(invalid)?
        {
            bodies.push((function, body));
        }
    }
    let mut allocations = wasmparser::FuncValidatorAllocations::default();
    for (function, body) in bodies {
        let mut function = function.into_validator(allocations);
        function.validate(&body).map_err(invalid)?;
        allocations = function.into_allocations();
    }
    scan.finish(code.len())
}

/// The MVP, less floats. `GC_TYPES` only lets the validator describe types at all; it admits no instruction.
const FEATURES: WasmFeatures = WasmFeatures::GC_TYPES;

fn invalid(error: wasmparser::BinaryReaderError) -> ProgramError {
    ProgramError::Invalid { offset: error.offset(), reason: error.message().to_string() }
}

fn limit(what: &'static str, found: u64, limit: u32) -> Result<(), ProgramError> {
    if found > u64::from(limit) { Err(ProgramError::TooMany { what, found, limit }) } else { Ok(()) }
}

/// What the rules need to know, gathered section by section.
#[derive(Default)]
struct Scan {
    types: Vec<Option<FuncType>>,
    functions: Vec<u32>,
    memory: Option<(u64, Option<u64>)>,
    exports: Vec<(&'static str, ExternalKind, u32)>,
}

impl Scan {
    fn payload(&mut self, payload: &Payload<'_>) -> Result<(), ProgramError> {
        match payload {
            Payload::TypeSection(section) => {
                limit("types", section.count().into(), MAX_FUNCTIONS)?;
                for group in section.clone() {
                    for ty in group.map_err(invalid)?.into_types() {
                        let CompositeInnerType::Func(ty) = ty.composite_type.inner else {
                            self.types.push(None);
                            continue;
                        };
                        limit(
                            "parameters in one function type",
                            ty.params().len() as u64,
                            MAX_FUNCTION_PARAMETERS,
                        )?;
                        self.types.push(Some(ty));
                    }
                }
            }
            Payload::ImportSection(section) => {
                if let Some(import) = section.clone().into_imports().next() {
                    let import = import.map_err(invalid)?;
                    return Err(refuse_import(import.module, import.name, &import.ty));
                }
            }
            Payload::FunctionSection(section) => {
                limit("functions", section.count().into(), MAX_FUNCTIONS)?;
                self.functions = section.clone().into_iter().collect::<Result<_, _>>().map_err(invalid)?;
            }
            Payload::TableSection(section) => {
                for table in section.clone() {
                    limit("table elements", table.map_err(invalid)?.ty.initial, MAX_TABLE_ELEMENTS)?;
                }
            }
            Payload::MemorySection(section) => {
                for memory in section.clone() {
                    let memory = memory.map_err(invalid)?;
                    self.memory = Some((memory.initial, memory.maximum));
                }
            }
            Payload::GlobalSection(section) => limit("globals", section.count().into(), MAX_GLOBALS)?,
            Payload::ElementSection(section) => {
                limit("element segments", section.count().into(), MAX_SEGMENTS)?
            }
            Payload::DataSection(section) => limit("data segments", section.count().into(), MAX_SEGMENTS)?,
            Payload::StartSection { .. } => return Err(ProgramError::Start),
            Payload::ExportSection(section) => {
                for export in section.clone() {
                    self.export(export.map_err(invalid)?)?;
                }
            }
            Payload::CodeSectionEntry(body) => check_body(body)?,
            _ => {}
        }
        Ok(())
    }

    fn export(&mut self, export: Export<'_>) -> Result<(), ProgramError> {
        if export.name.starts_with(RESERVED_PREFIX) {
            return Err(ProgramError::ReservedExport { name: export.name.to_string() });
        }
        let known =
            REQUIRED.iter().map(|(name, ..)| *name).chain([export::MEMORY]).find(|name| *name == export.name);
        if let Some(name) = known {
            self.exports.push((name, export.kind, export.index));
        }
        Ok(())
    }

    fn exported(&self, name: &'static str) -> Result<(ExternalKind, u32), ProgramError> {
        let found = self.exports.iter().find(|(exported, ..)| *exported == name);
        found.map(|(_, kind, index)| (*kind, *index)).ok_or(ProgramError::MissingExport { name })
    }

    fn finish(self, code_bytes: usize) -> Result<ProgramInfo, ProgramError> {
        let (initial, maximum) = self.memory.ok_or(ProgramError::NoMemory)?;
        let maximum = maximum.ok_or(ProgramError::NoMemoryMaximum)?;
        if maximum > u64::from(MAX_MEMORY_PAGES) {
            return Err(ProgramError::MemoryTooLarge { pages: maximum });
        }
        if self.exported(export::MEMORY)?.0 != ExternalKind::Memory {
            return Err(ProgramError::WrongExport { name: export::MEMORY, expected: "the memory" });
        }
        for (name, params, results, expected) in REQUIRED {
            let (kind, index) = self.exported(name)?;
            let ty = self.functions.get(index as usize).and_then(|ty| self.types.get(*ty as usize)?.as_ref());
            let fits = kind == ExternalKind::Func
                && ty.is_some_and(|ty| ty.params() == *params && ty.results() == *results);
            if !fits {
                return Err(ProgramError::WrongExport { name, expected });
            }
        }
        Ok(ProgramInfo {
            code_bytes: code_bytes as u32, // at most MAX_PROGRAM_BYTES
            memory_pages: initial as u32,  // at most the maximum, the validator says
            max_memory_pages: maximum as u32,
            functions: self.functions.len() as u32,
        })
    }
}

type Signature = (&'static str, &'static [ValType], &'static [ValType], &'static str);

const I32: ValType = ValType::I32;
const I64: ValType = ValType::I64;

/// R4.
const REQUIRED: &[Signature] = &[
    (export::ALLOC, &[I32], &[I32], "(i32) -> i32"),
    (export::INIT, &[I32, I32], &[], "(i32, i32) -> ()"),
    (export::STAGES, &[], &[I32], "() -> i32"),
    (export::MAP, &[I32, I32, I32], &[I64], "(i32, i32, i32) -> i64"),
    (export::REDUCE, &[I32, I32, I32], &[I64], "(i32, i32, i32) -> i64"),
];

fn refuse_import(module: &str, name: &str, _: &TypeRef) -> ProgramError {
    let short = |text: &str| text.chars().take(64).collect();
    ProgramError::Import { module: short(module), name: short(name) }
}

/// R5.
fn check_body(body: &FunctionBody<'_>) -> Result<(), ProgramError> {
    let range = body.range();
    limit("bytes in one function", range.end.saturating_sub(range.start), MAX_FUNCTION_BYTES)?;
    let mut locals = 0u64;
    for group in body.get_locals_reader().map_err(invalid)? {
        locals = locals.saturating_add(u64::from(group.map_err(invalid)?.0));
        limit("locals in one function", locals, MAX_FUNCTION_LOCALS)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
