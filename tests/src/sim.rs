//! A consortium in one thread: the real cores (chain, consensus, pool, sync) on a virtual clock, a network that loses,
//! doubles, delays, reorders and splits, disks that lose what was not synced, nodes that do wrong, and judges.
//!
//! One seed is one run: the same seed gives the same trace. A violation is shown with the command that repeats it.
//!
//! | module | is |
//! |---|---|
//! | [`plan`] | what a seed stands for |
//! | [`world`] | the event loop |
//! | [`node`] | an honest node |
//! | [`byzantine`] | nodes that do wrong, one behaviour a file |
//! | [`judges`] | what must hold |
//! | [`disk`], [`runtime`], [`keys`], [`packet`], [`rng`] | the parts |
//!
//! Out of scope: frames and sockets (end-to-end tests), the Wasm runtime (its own tests).

pub mod byzantine;
pub mod disk;
pub mod judges;
pub mod keys;
pub mod node;
pub mod packet;
pub mod plan;
pub mod rng;
pub mod runtime;
pub mod world;

pub use plan::Plan;
pub use world::{Report, World};

/// Runs a seed.
#[must_use]
pub fn run(seed: u64) -> Report {
    run_plan(Plan::new(seed))
}

/// Runs a plan.
#[must_use]
pub fn run_plan(plan: Plan) -> Report {
    let seed = plan.seed;
    match World::new(plan) {
        Ok(world) => world.run(),
        Err(why) => Report {
            seed,
            trace: [0; 32],
            events: 0,
            finalised: 0,
            transactions: 0,
            caught: Default::default(),
            violations: vec![format!("the world does not begin: {why}")],
            explanations: Vec::new(),
        },
    }
}

/// How to run a seed again.
#[must_use]
pub fn replay(seed: u64) -> String {
    format!("cargo run -p quire-tests --bin sim -- --seeds 1 --from {seed}")
}
