//! Every target on its corpus, its seeds, and mutations of them: the same ones every time.

use quire_fuzz::mutate::{Random, mutate};
use quire_fuzz::{corpus, target};

/// Runs a target; a failure says which input it was.
fn replay(name: &str, mutations: usize) {
    let target = target(name).expect("a target of this name");
    for (path, input) in corpus(target) {
        eprintln!("{}", path.display());
        (target.run)(&input);
    }
    let seeds = (target.seeds)();
    assert!(!seeds.is_empty());
    for (index, seed) in seeds.iter().enumerate() {
        eprintln!("seed {index}");
        (target.run)(seed);
    }
    let mut random = Random::new(0x5152);
    for index in 0..mutations {
        eprintln!("mutation {index}");
        (target.run)(&mutate(&mut random, &seeds));
    }
}

#[test]
fn extrinsics() {
    replay("extrinsic", 20_000);
}

#[test]
fn signed_calls() {
    replay("calls", 1_500);
}

#[test]
fn entry_points() {
    replay("runtime", 2_000);
}

#[test]
fn formats() {
    replay("formats", 20_000);
}

#[test]
fn wire() {
    replay("wire", 50_000);
}

#[test]
fn programs() {
    replay("program", 300);
}

#[test]
fn rpc_requests() {
    replay("rpc", 5_000);
}

#[test]
fn light_clients() {
    replay("light", 20_000);
}
