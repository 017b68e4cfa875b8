//! Fuzz targets: bytes from strangers meet every decoder and the runtime.
//!
//! Terms: a *target* takes any bytes and panics when a promise is broken; a *seed* is an input that reaches deep, from
//! which others are made by mutation; the *corpus* holds inputs that once broke a promise.
//!
//! Three ways to run a target:
//!
//! | command | what it does |
//! |---|---|
//! | `cargo test -p quire-fuzz` | corpus, seeds and some thousand mutations of each target, the same ones every time |
//! | `cargo run -p quire-fuzz -- calls --runs 100000 --seed 7` | as many mutations as you like; prints an input that fails |
//! | `QUIRE_FUZZ_TARGET=calls cargo +nightly fuzz run --fuzz-dir tests/fuzz --features libfuzzer coverage` | guided by coverage |
//!
//! Rules
//! - R1 A target is a function of its input alone (the nonces of signatures are random, which no verdict depends on).
//! - R2 A target judges by itself: it restates what must hold and does not ask the code under test whether it does.
//! - R3 An input that broke a promise becomes a file in `corpus/<target>/`, and stays.

mod calls;
mod choices;
pub mod mutate;
mod rpc_backend;
mod targets;
mod world;

use std::path::PathBuf;

/// One thing to be attacked with bytes.
#[derive(Clone, Copy)]
pub struct Target {
    /// Name on the command line and of its folder in the corpus.
    pub name: &'static str,
    /// Panics when a promise is broken.
    pub run: fn(&[u8]),
    /// Inputs to start from.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// All targets.
pub const TARGETS: &[Target] = &[
    targets::extrinsic::TARGET,
    targets::calls::TARGET,
    targets::runtime::TARGET,
    targets::rpc::TARGET,
    targets::formats::TARGET,
    targets::light::TARGET,
    targets::program::TARGET,
    targets::exchange::TARGET,
    targets::wire::TARGET,
];

/// The target of this name.
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}

/// Inputs of the corpus, by file name.
pub fn corpus(target: &Target) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/corpus")).join(target.name);
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut inputs: Vec<_> = entries
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let bytes = std::fs::read(&path).ok()?;
            Some((path, bytes))
        })
        .collect();
    inputs.sort();
    inputs
}
