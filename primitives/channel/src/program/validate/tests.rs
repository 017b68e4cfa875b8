//! What registration refuses, one module per reason.

use super::*;
use alloc::format;

const GOOD: &str = r#"
  (memory (export "memory") 1 2)
  (func (export "quire_alloc") (param i32) (result i32) i32.const 0)
  (func (export "quire_init") (param i32 i32))
  (func (export "quire_stages") (result i32) i32.const 1)
  (func (export "quire_map") (param i32 i32 i32) (result i64) i64.const 0)
  (func (export "quire_reduce") (param i32 i32 i32) (result i64) i64.const 0)
"#;

fn check(text: &str) -> Result<ProgramInfo, ProgramError> {
    validate(&wat::parse_str(format!("(module {text})")).unwrap())
}

fn with(extra: &str) -> Result<ProgramInfo, ProgramError> {
    check(&format!("{GOOD} {extra}"))
}

fn without(from: &str, to: &str) -> Result<ProgramInfo, ProgramError> {
    assert!(GOOD.contains(from));
    check(&GOOD.replace(from, to))
}

#[test]
fn a_program_passes_with_its_figures() {
    let info = check(GOOD).unwrap();
    assert_eq!((info.memory_pages, info.max_memory_pages, info.functions), (1, 2, 5));
    assert!(without("1 2)", "1 256)").is_ok());
}

#[test]
fn the_shipped_program_passes() {
    let blob = include_bytes!("../../../../../runtime/programs/rtb/rtb.wasm");
    let info = validate(blob).unwrap();
    assert_eq!(info.code_bytes as usize, blob.len());
    assert!(info.max_memory_pages <= MAX_MEMORY_PAGES);
}

#[test]
fn r1_later_features_and_floats_are_refused() {
    let bodies = [
        "(func (drop (f32.const 1)))",
        "(func (param f64))",
        "(global f32 (f32.const 0))",
        "(func (drop (i32x4.splat (i32.const 1))))",
        "(func (drop (i32.extend8_s (i32.const 1))))",
        "(func (memory.fill (i32.const 0) (i32.const 0) (i32.const 0)))",
        "(func (result i32 i32) i32.const 0 i32.const 0)",
        "(func (param externref))",
        "(func (drop (i32.trunc_sat_f32_s (f32.const 1))))",
        "(func $f (return_call $f))",
        "(global (export \"g\") (mut i32) (i32.const 0))",
        "(memory 1 1)",
        "(func (drop (i32.atomic.load (i32.const 0))))",
        "(func (drop (i64.add128 (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0))) drop)",
    ];
    for body in bodies {
        assert!(matches!(with(body), Err(ProgramError::Invalid { .. })), "{body}: {:?}", with(body));
    }
}

#[test]
fn r1_broken_and_long_code_is_refused() {
    let good = wat::parse_str(format!("(module {GOOD})")).unwrap();
    for len in 0..good.len() {
        assert!(validate(&good[..len]).is_err(), "cut at {len}");
    }
    let mut unbalanced = good.clone();
    *unbalanced.last_mut().unwrap() = 0x01; // the last `end` becomes `nop`
    assert!(matches!(validate(&unbalanced), Err(ProgramError::Invalid { .. })));
    let len = MAX_PROGRAM_BYTES as usize + 1;
    assert_eq!(validate(&alloc::vec![0; len]), Err(ProgramError::TooLong { len }));
    assert!(
        matches!(validate(b"\0asm\x0d\0\x01\0"), Err(ProgramError::Invalid { .. })),
        "a component is no module"
    );
}

#[test]
fn r2_imports_and_start_functions_are_refused() {
    let import = check(&format!("(import \"env\" \"clock\" (func)) {GOOD}"));
    assert_eq!(import, Err(ProgramError::Import { module: "env".into(), name: "clock".into() }));
    assert_eq!(with("(func $s) (start $s)"), Err(ProgramError::Start));
}

#[test]
fn r3_memory_must_be_bounded() {
    assert_eq!(without("1 2)", "1)"), Err(ProgramError::NoMemoryMaximum));
    assert_eq!(without("1 2)", "1 257)"), Err(ProgramError::MemoryTooLarge { pages: 257 }));
    assert_eq!(without("(memory (export \"memory\") 1 2)", ""), Err(ProgramError::NoMemory));
    let renamed = without("(export \"memory\") 1", "(export \"mem\") 1");
    assert_eq!(renamed, Err(ProgramError::MissingExport { name: "memory" }));
}

#[test]
fn r4_exports_must_be_there_with_their_types() {
    for name in ["quire_alloc", "quire_init", "quire_stages", "quire_map", "quire_reduce"] {
        let missing = without(&format!("(export \"{name}\")"), "");
        assert_eq!(missing, Err(ProgramError::MissingExport { name }));
    }
    let wrong = without(
        "(result i64) i64.const 0)\n  (func (export \"quire_reduce\")",
        "(result i32) i32.const 0)\n  (func (export \"quire_reduce\")",
    );
    assert!(matches!(wrong, Err(ProgramError::WrongExport { name: "quire_map", .. })));
    let global = without(
        "(func (export \"quire_init\") (param i32 i32))",
        "(global (export \"quire_init\") i32 (i32.const 0))",
    );
    assert!(matches!(global, Err(ProgramError::WrongExport { name: "quire_init", .. })));
    assert!(matches!(with("(func (export \"__quire_gas\"))"), Err(ProgramError::ReservedExport { .. })));
}

#[test]
fn r5_sizes_are_bounded() {
    let too_many = |result: Result<ProgramInfo, ProgramError>, expected: &str| match result {
        Err(ProgramError::TooMany { what, .. }) => assert_eq!(what, expected),
        other => panic!("{expected}: {other:?}"),
    };
    too_many(with(&"(func)".repeat(MAX_FUNCTIONS as usize)), "functions");
    too_many(with(&"(global i32 (i32.const 0))".repeat(MAX_GLOBALS as usize + 1)), "globals");
    too_many(with(&format!("(table {} funcref)", MAX_TABLE_ELEMENTS + 1)), "table elements");
    too_many(with(&"(data (i32.const 0) \"\")".repeat(MAX_SEGMENTS as usize + 1)), "data segments");
    let parameters = |count: u32| with(&format!("(func (param {}))", "i32 ".repeat(count as usize)));
    too_many(parameters(MAX_FUNCTION_PARAMETERS + 1), "parameters in one function type");
    assert!(parameters(MAX_FUNCTION_PARAMETERS).is_ok());
    too_many(
        with(&format!("(func (local {}))", "i32 ".repeat(MAX_FUNCTION_LOCALS as usize + 1))),
        "locals in one function",
    );
    too_many(
        with(&format!("(func {})", "nop ".repeat(MAX_FUNCTION_BYTES as usize))),
        "bytes in one function",
    );
    assert!(with(&format!("(func (local {}))", "i32 ".repeat(MAX_FUNCTION_LOCALS as usize))).is_ok());
}
