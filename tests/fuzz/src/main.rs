//! Runs a target on mutations of its seeds, or on one file.
//!
//! ```text
//! cargo run -p quire-fuzz -- TARGET [--runs N] [--seed S]
//! cargo run -p quire-fuzz -- TARGET FILE
//! ```

use quire_fuzz::mutate::{Random, mutate};
use quire_fuzz::{TARGETS, Target, target};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

const DEFAULT_RUNS: u64 = 100_000;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("fuzz: {why}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &[String]) -> Result<(), String> {
    let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
    let usage = format!("usage: fuzz TARGET [FILE | --runs N --seed S]; targets: {}", names.join(", "));
    let target = args.first().and_then(|name| target(name)).ok_or_else(|| usage.clone())?;
    if let Some(file) = args.get(1).filter(|arg| !arg.starts_with("--")) {
        let bytes = std::fs::read(file).map_err(|why| format!("cannot read {file}: {why}"))?;
        (target.run)(&bytes);
        println!("{} holds for {file}", target.name);
        return Ok(());
    }
    let runs = option(args, "--runs")?.unwrap_or(DEFAULT_RUNS);
    let seed = option(args, "--seed")?.unwrap_or(1);
    many(target, runs, seed)
}

fn option(args: &[String], name: &str) -> Result<Option<u64>, String> {
    let Some(at) = args.iter().position(|arg| arg == name) else { return Ok(None) };
    let text = args.get(at + 1).ok_or_else(|| format!("{name} needs a number"))?;
    text.parse().map(Some).map_err(|why| format!("{name} {text}: {why}"))
}

fn many(target: &Target, runs: u64, seed: u64) -> Result<(), String> {
    let (mut random, seeds) = (Random::new(seed), (target.seeds)());
    for done in 0..runs {
        let input = mutate(&mut random, &seeds);
        if catch_unwind(AssertUnwindSafe(|| (target.run)(&input))).is_err() {
            let file = std::env::temp_dir().join(format!("quire-fuzz-{}-{seed}-{done}", target.name));
            std::fs::write(&file, &input).map_err(|why| format!("cannot write {}: {why}", file.display()))?;
            return Err(format!(
                "{} breaks a promise; the input is {}: repeat with `fuzz {} {}`, keep it in tests/fuzz/corpus/{}",
                target.name,
                file.display(),
                target.name,
                file.display(),
                target.name
            ));
        }
        if (done + 1) % (runs / 10).max(1) == 0 {
            eprintln!("{}: {} of {runs}", target.name, done + 1);
        }
    }
    println!("{} holds for {runs} mutations of {} seeds (seed {seed})", target.name, seeds.len());
    Ok(())
}
