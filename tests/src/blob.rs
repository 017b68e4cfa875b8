//! Provenance of the checked-in Wasm blobs.
//!
//! A chain spec embeds the blob that is checked in, so that every member computes one genesis hash. A blob must
//! therefore say which sources it was built from, and a test must fail when the sources have moved on.
//!
//! * **R1** A blob carries one custom section `quire_sources`: 32 bytes, the digest of R2.
//! * **R2** The digest is SHA-256 over the blob's source files in path order, each as
//!   `path length (u32 LE) ‖ path ‖ content length (u64 LE) ‖ content`, paths relative to the repository with `/`.
//! * **R3** Source files are `Cargo.toml`, `build.rs` and `src/**/*.rs` of the folders a blob is made from, without
//!   tests (`tests.rs`, `tests/`) because they never reach the blob.
//! * **R4** Sealing removes the `name`, `producers` and `target_features` sections first: they differ between
//!   machines and mean nothing to a chain.
//!
//! Out of scope: proving that the blob *is* the compilation of those sources. Rebuilding with the same compiler
//! does that, and CI does it.

use sha2::{Digest, Sha256};
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// Name of the custom section of R1.
pub const SECTION: &str = "quire_sources";
/// Sections that R4 removes.
const NOISE: [&str; 3] = ["name", "producers", "target_features"];
const WASM_HEADER: [u8; 8] = *b"\0asm\x01\0\0\0";

/// A checked-in blob and the folders that it is built from.
pub struct Blob {
    /// Path of the blob, relative to the repository.
    pub path: &'static str,
    /// Folders with a `Cargo.toml`, relative to the repository.
    pub sources: &'static [&'static str],
}

/// What a runtime is built from.
const RUNTIME: &[&str] = &[
    "primitives/core",
    "primitives/trie",
    "primitives/channel",
    "pallets/support",
    "pallets/system",
    "pallets/timestamp",
    "pallets/balances",
    "pallets/transaction_payment",
    "pallets/aura",
    "pallets/grandpa",
    "pallets/upgrade",
    "pallets/members",
    "pallets/bonds",
    "pallets/channels",
    "pallets/anchors",
    "pallets/utility",
    "pallets/multisig",
    "pallets/proxy",
    "runtime",
];

/// The runtime, the runtime that tests upgrade to, and every channel program shipped with Quire.
pub const BLOBS: [Blob; 3] = [
    Blob { path: "runtime/wasm/quire_runtime.wasm", sources: RUNTIME },
    Blob { path: "runtime/wasm/upgrade_fixture.wasm", sources: RUNTIME },
    Blob { path: "runtime/programs/rtb/rtb.wasm", sources: &["runtime/programs/rtb"] },
];

/// What is wrong with a blob's bytes.
#[derive(Debug, PartialEq, Eq)]
pub enum BlobError {
    /// The file does not begin with the header of a core Wasm module, version 1.
    NotWasm,
    /// A section says that it is longer than the rest of the file.
    Truncated {
        /// Byte offset of the section.
        at: usize,
    },
}

impl std::fmt::Display for BlobError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            BlobError::NotWasm => write!(f, "not a Wasm module (magic number or version differ)"),
            BlobError::Truncated { at } => {
                write!(f, "the section at byte {at} runs past the end of the file")
            }
        }
    }
}

impl std::error::Error for BlobError {}

/// R2: the digest of the sources below `folders`.
///
/// # Errors
/// When a folder or file cannot be read.
pub fn sources_digest(root: &Path, folders: &[&str]) -> io::Result<[u8; 32]> {
    let mut files = Vec::new();
    for folder in folders {
        for name in ["Cargo.toml", "build.rs"] {
            let file = root.join(folder).join(name);
            if file.is_file() {
                files.push(file);
            }
        }
        rust_files(&root.join(folder).join("src"), &mut files)?;
    }
    let mut named: Vec<(String, PathBuf)> = files
        .into_iter()
        .map(|f| (f.strip_prefix(root).unwrap_or(&f).to_string_lossy().replace('\\', "/"), f))
        .collect();
    named.sort();
    let mut hash = Sha256::new();
    for (name, file) in named {
        let content = fs::read(file)?;
        hash.update((name.len() as u32).to_le_bytes());
        hash.update(name.as_bytes());
        hash.update((content.len() as u64).to_le_bytes());
        hash.update(&content);
    }
    Ok(hash.finalize().into())
}

/// R3: every `.rs` file below `folder` that reaches the blob.
fn rust_files(folder: &Path, out: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() {
            if name != "tests" {
                rust_files(&path, out)?;
            }
        } else if name.ends_with(".rs") && name != "tests.rs" {
            out.push(path);
        }
    }
    Ok(())
}

/// A section of a module: id, name when it is a custom section, content, and the bytes of the whole section.
pub(crate) struct Section<'a> {
    pub(crate) id: u8,
    pub(crate) custom: Option<&'a [u8]>,
    pub(crate) payload: &'a [u8],
    pub(crate) whole: &'a [u8],
}

pub(crate) fn sections(wasm: &[u8]) -> Result<Vec<Section<'_>>, BlobError> {
    if !wasm.starts_with(&WASM_HEADER) {
        return Err(BlobError::NotWasm);
    }
    let (mut at, mut out) = (WASM_HEADER.len(), Vec::new());
    while at < wasm.len() {
        let (id, start) = (wasm[at], at);
        let (len, body) = leb128(wasm, at + 1).ok_or(BlobError::Truncated { at })?;
        let end =
            body.checked_add(len).filter(|end| *end <= wasm.len()).ok_or(BlobError::Truncated { at })?;
        let (custom, payload) = match id {
            0 => {
                let (n, name) = leb128(wasm, body).ok_or(BlobError::Truncated { at })?;
                let stop = name.checked_add(n).filter(|s| *s <= end).ok_or(BlobError::Truncated { at })?;
                (Some(&wasm[name..stop]), &wasm[stop..end])
            }
            _ => (None, &wasm[body..end]),
        };
        out.push(Section { id, custom, payload, whole: &wasm[start..end] });
        at = end;
    }
    Ok(out)
}

/// Reads an unsigned LEB128 of at most 32 bits: the value and the offset behind it.
pub(crate) fn leb128(bytes: &[u8], mut at: usize) -> Option<(usize, usize)> {
    let mut value = 0u64;
    for shift in (0..35).step_by(7) {
        let byte = *bytes.get(at)?;
        at += 1;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return usize::try_from(value).ok().map(|v| (v, at));
        }
    }
    None
}

pub(crate) fn push_leb128(mut value: usize, out: &mut Vec<u8>) {
    loop {
        let byte = (value & 0x7f) as u8;
        value >>= 7;
        if value == 0 {
            out.push(byte);
            return;
        }
        out.push(byte | 0x80);
    }
}

/// R1: the digest that a blob carries.
///
/// # Errors
/// When the bytes are not a well-formed module.
pub fn sealed_digest(wasm: &[u8]) -> Result<Option<[u8; 32]>, BlobError> {
    let found = sections(wasm)?.into_iter().find(|s| s.custom == Some(SECTION.as_bytes()));
    Ok(found.and_then(|s| s.payload.try_into().ok()))
}

/// R1 and R4: the module without noise and with `digest` as its last section.
///
/// # Errors
/// When the bytes are not a well-formed module.
pub fn seal(wasm: &[u8], digest: &[u8; 32]) -> Result<Vec<u8>, BlobError> {
    let mut out = WASM_HEADER.to_vec();
    for section in sections(wasm)? {
        let drop = section
            .custom
            .is_some_and(|name| name == SECTION.as_bytes() || NOISE.iter().any(|n| n.as_bytes() == name));
        if !drop {
            out.extend_from_slice(section.whole);
        }
    }
    let mut body = Vec::new();
    push_leb128(SECTION.len(), &mut body);
    body.extend_from_slice(SECTION.as_bytes());
    body.extend_from_slice(digest);
    out.push(0);
    push_leb128(body.len(), &mut out);
    out.extend_from_slice(&body);
    Ok(out)
}

#[cfg(test)]
mod tests;
