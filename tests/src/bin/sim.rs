//! Runs simulations: `cargo run -p quire-tests --bin sim -- --seeds N --from K`. Ends with code 1 at the
//! first seed that fails, or after all of them with `--keep-going`.

use std::process::ExitCode;

use quire_tests::sim;

const USAGE: &str = "usage: sim [--seeds N] [--from K] [--verbose] [--keep-going]\n  runs seeds K to K+N-1 (default: 1000 from 0)";

fn main() -> ExitCode {
    let (mut seeds, mut from, mut is_verbose, mut keeps_going) = (1_000u64, 0u64, false, false);
    let mut args = std::env::args().skip(1);
    while let Some(flag) = args.next() {
        let mut number = || args.next().and_then(|text| text.parse().ok());
        let is_right = match flag.as_str() {
            "--seeds" => number().map(|n| seeds = n).is_some(),
            "--from" => number().map(|n| from = n).is_some(),
            "--verbose" => {
                is_verbose = true;
                true
            }
            "--keep-going" => {
                keeps_going = true;
                true
            }
            _ => false,
        };
        if !is_right {
            eprintln!("sim: {flag} is not understood, or its number is missing\n{USAGE}");
            return ExitCode::from(2);
        }
    }
    run(seeds, from, is_verbose, keeps_going)
}

fn run(seeds: u64, from: u64, is_verbose: bool, keeps_going: bool) -> ExitCode {
    let mut total = (0u64, 0u64, 0usize);
    let mut failed = 0u64;
    for seed in from..from.saturating_add(seeds) {
        let report = sim::run(seed);
        if is_verbose {
            println!("{:?}\n{report:?}", sim::Plan::new(seed));
        }
        if !report.violations.is_empty() {
            println!("seed {seed} fails:");
            for violation in &report.violations {
                println!("  {violation}");
            }
            for (node, explanation) in report.explanations.iter().enumerate() {
                println!("  node {node}: {explanation}");
            }
            println!("replay: {}", sim::replay(seed));
            failed += 1;
            if !keeps_going {
                return ExitCode::FAILURE;
            }
        }
        total.0 += u64::from(report.finalised);
        total.1 += report.events;
        total.2 += report.transactions;
        let done = seed - from + 1;
        if done.is_multiple_of(500) {
            println!("{done} seeds");
        }
    }
    println!(
        "{seeds} seeds from {from}: {} final blocks, {} transactions, {} events",
        total.0, total.2, total.1
    );
    if failed > 0 {
        println!("{failed} seeds failed");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
