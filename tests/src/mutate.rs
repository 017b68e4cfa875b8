//! Spoils Wasm modules in one place each, so that tests have runtimes that are wrong in a known way.
//!
//! * **R1** What a function here does not name stays byte for byte.
//! * **R2** What cannot be found is a panic that names it: the test is wrong then.

#![allow(clippy::panic, reason = "helpers of tests fail the test")]

use crate::blob::{leb128, push_leb128, sections};

const CUSTOM: u8 = 0;
const IMPORTS: u8 = 2;
const EXPORTS: u8 = 7;
const CODE: u8 = 10;
/// Kind of a function among imports and exports.
const FUNCTION: u8 = 0;

/// Bodies of functions, without locals and without the closing `end`.
pub mod body {
    /// Gives up.
    pub const UNREACHABLE: &[u8] = &[0x00];
    /// Never ends: `loop br 0 end unreachable`.
    pub const ENDLESS: &[u8] = &[0x03, 0x40, 0x0c, 0x00, 0x0b, 0x00];

    /// Answers the span of `length` bytes at `address`, both below 64.
    pub fn answer(address: u8, length: u8) -> Vec<u8> {
        // (i64.or (i64.shl (i64.const length) (i64.const 32)) (i64.const address))
        vec![0x42, length, 0x42, 32, 0x86, 0x42, address, 0x84]
    }

    /// Calls function `index` with the constant `argument` (i32) for ever and drops what it answers.
    pub fn call_for_ever(index: usize, argument: usize) -> Vec<u8> {
        let mut body = vec![0x03, 0x40, 0x41];
        super::push_signed(argument, &mut body);
        body.push(0x10);
        super::push_leb128(index, &mut body);
        body.extend([0x1a, 0x0c, 0x00, 0x0b, 0x00]);
        body
    }
}

/// Cut in the middle.
pub fn truncated(wasm: &[u8]) -> Vec<u8> {
    wasm[..wasm.len() / 2].to_vec()
}

/// Without an export.
pub fn without_export(wasm: &[u8], name: &str) -> Vec<u8> {
    exports(wasm, name, |entry| entry.clear())
}

/// With the export `name` leading to the function that is exported as `other`.
pub fn with_export_of(wasm: &[u8], name: &str, other: &str) -> Vec<u8> {
    let index = exported_function(wasm, other);
    exports(wasm, name, |entry| {
        entry.clear();
        push_name(name, entry);
        entry.push(FUNCTION);
        push_leb128(index, entry);
    })
}

/// With another body of an exported function; see [`body`].
pub fn with_body(wasm: &[u8], export: &str, body: &[u8]) -> Vec<u8> {
    let imported = imported_functions(wasm).len();
    let wanted = exported_function(wasm, export).checked_sub(imported);
    let wanted = wanted.unwrap_or_else(|| panic!("{export} is an import"));
    let mut entry = vec![0];
    entry.extend_from_slice(body);
    entry.push(0x0b);
    rebuilt(wasm, CODE, |code| {
        let (count, mut at) = number(code, 0);
        let mut out = Vec::with_capacity(code.len());
        push_leb128(count, &mut out);
        for index in 0..count {
            let (length, start) = number(code, at);
            let kept = if index == wanted { &entry[..] } else { &code[start..start + length] };
            push_leb128(kept.len(), &mut out);
            out.extend_from_slice(kept);
            at = start + length;
        }
        out
    })
}

/// With another content of a custom section.
pub fn with_section(wasm: &[u8], name: &str, change: impl Fn(&mut Vec<u8>)) -> Vec<u8> {
    let mut found = false;
    let out = rebuilt_where(
        wasm,
        |section| section.custom == Some(name.as_bytes()),
        |payload| {
            found = true;
            let mut content = payload.to_vec();
            change(&mut content);
            let mut whole = Vec::new();
            push_name(name, &mut whole);
            whole.extend_from_slice(&content);
            whole
        },
    );
    assert!(found, "there is no section {name}");
    out
}

/// Without a custom section.
pub fn without_section(wasm: &[u8], name: &str) -> Vec<u8> {
    let mut out = wasm[..8].to_vec();
    for section in parsed(wasm) {
        if section.custom != Some(name.as_bytes()) {
            out.extend_from_slice(section.whole);
        }
    }
    out
}

/// Index of an imported function.
pub fn import(wasm: &[u8], name: &str) -> usize {
    let functions = imported_functions(wasm);
    functions.iter().position(|known| known == name).unwrap_or_else(|| panic!("{name} is not imported"))
}

fn parsed(wasm: &[u8]) -> Vec<crate::blob::Section<'_>> {
    sections(wasm).unwrap_or_else(|error| panic!("{error}"))
}

fn number(bytes: &[u8], at: usize) -> (usize, usize) {
    leb128(bytes, at).unwrap_or_else(|| panic!("no number at byte {at}"))
}

fn name_at(bytes: &[u8], at: usize) -> (String, usize) {
    let (length, start) = number(bytes, at);
    (String::from_utf8_lossy(&bytes[start..start + length]).into_owned(), start + length)
}

fn push_name(name: &str, out: &mut Vec<u8>) {
    push_leb128(name.len(), out);
    out.extend_from_slice(name.as_bytes());
}

/// A signed LEB128 of a number that is not negative.
fn push_signed(mut value: usize, out: &mut Vec<u8>) {
    while value > 0x3f {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// The module with the content of the section of this id replaced.
fn rebuilt(wasm: &[u8], id: u8, change: impl FnMut(&[u8]) -> Vec<u8>) -> Vec<u8> {
    rebuilt_where(wasm, |section| section.id == id && id != CUSTOM, change)
}

fn rebuilt_where(
    wasm: &[u8],
    wanted: impl Fn(&crate::blob::Section<'_>) -> bool,
    mut change: impl FnMut(&[u8]) -> Vec<u8>,
) -> Vec<u8> {
    let mut out = wasm[..8].to_vec();
    for section in parsed(wasm) {
        if wanted(&section) {
            let content = change(section.payload);
            out.push(section.id);
            push_leb128(content.len(), &mut out);
            out.extend_from_slice(&content);
        } else {
            out.extend_from_slice(section.whole);
        }
    }
    out
}

/// Names of imported functions, in the order of their indices.
fn imported_functions(wasm: &[u8]) -> Vec<String> {
    let mut names = Vec::new();
    let Some(section) = parsed(wasm).into_iter().find(|section| section.id == IMPORTS) else { return names };
    let (count, mut at) = number(section.payload, 0);
    for _ in 0..count {
        let (_, after_module) = name_at(section.payload, at);
        let (name, kind_at) = name_at(section.payload, after_module);
        assert_eq!(section.payload[kind_at], FUNCTION, "runtimes import functions only, {name} is none");
        let (_, next) = number(section.payload, kind_at + 1);
        names.push(name);
        at = next;
    }
    names
}

/// Index of an exported function.
fn exported_function(wasm: &[u8], wanted: &str) -> usize {
    let mut found = None;
    exports(wasm, wanted, |entry| {
        let (_, kind_at) = name_at(entry, 0);
        found = Some(number(entry, kind_at + 1).0);
    });
    found.unwrap_or_else(|| panic!("{wanted} is not exported"))
}

/// The module with one export changed; an entry that is left empty is gone.
fn exports(wasm: &[u8], wanted: &str, mut change: impl FnMut(&mut Vec<u8>)) -> Vec<u8> {
    let mut found = false;
    let out = rebuilt(wasm, EXPORTS, |section| {
        let (count, mut at) = number(section, 0);
        let (mut kept, mut entries) = (0, Vec::new());
        for _ in 0..count {
            let (name, kind_at) = name_at(section, at);
            let (_, next) = number(section, kind_at + 1);
            let mut entry = section[at..next].to_vec();
            if name == wanted {
                found = true;
                change(&mut entry);
            }
            kept += usize::from(!entry.is_empty());
            entries.extend(entry);
            at = next;
        }
        let mut out = Vec::new();
        push_leb128(kept, &mut out);
        out.extend(entries);
        out
    });
    assert!(found, "{wanted} is not exported");
    out
}

#[cfg(test)]
mod tests;
