//! Seeded simulations of a consortium; see `quire_tests::sim`. Thousands of seeds: the program `sim`.

use std::sync::atomic::{AtomicU64, Ordering};

use quire_tests::sim::plan::Fault;
use quire_tests::sim::{self, Plan};

/// Seeds that every test run goes through.
const SEEDS: u64 = 200;

#[test]
fn every_seed_keeps_the_rules() {
    let next = AtomicU64::new(0);
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let failed: Vec<String> = std::thread::scope(|scope| {
        let work = || {
            let mut failed = Vec::new();
            loop {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if seed >= SEEDS {
                    return failed;
                }
                let report = sim::run(seed);
                if !report.violations.is_empty() {
                    failed.push(format!("seed {seed}: {:#?}\n{}", report.violations, sim::replay(seed)));
                }
            }
        };
        let handles: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        handles.into_iter().flat_map(|handle| handle.join().expect("does not panic")).collect()
    });
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn a_seed_is_one_run() {
    for seed in [3, 17] {
        let (first, second) = (sim::run(seed), sim::run(seed));
        assert_eq!(first.trace, second.trace, "seed {seed}");
        assert_eq!(first.events, second.events);
        assert_ne!(first.trace, sim::run(seed + 1).trace);
    }
}

#[test]
fn who_signs_twice_is_caught() {
    for kind in [0, 1] {
        let mut plan = Plan::new(5);
        plan.nodes = 4;
        plan.byzantine = vec![None, Some(kind), None, None];
        plan.clock_ahead_ms = vec![0; 4];
        plan.faults.clear();
        let report = sim::run_plan(plan);
        assert_eq!(report.violations, Vec::<String>::new());
        assert!(report.caught.contains(&1), "behaviour {kind}: {report:?}");
    }
}

#[test]
fn two_halves_that_filled_their_trees_agree_again() {
    // 2 + 2 for longer than a tree has room for.
    let mut plan = Plan::new(5);
    plan.nodes = 4;
    plan.byzantine = vec![None; 4];
    plan.clock_ahead_ms = vec![0; 4];
    plan.unfinalised_max = 24;
    plan.faults = vec![(4_000, Fault::Partition(0b0011)), (22_000, Fault::Heal)];
    let report = sim::run_plan(plan);
    assert_eq!(report.violations, Vec::<String>::new());
    assert!(report.finalised > 15, "{report:?}");
}
