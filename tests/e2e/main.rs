//! End-to-end tests: the real `quire` binary, real processes, real sockets, a real disk, `kill -9`.
//!
//! A test owns its processes and folders; both are gone when it ends, also when it fails. Ports come from the system.
#![allow(clippy::disallowed_methods, reason = "tests of processes wait for them, against a deadline")]
#![allow(clippy::panic, reason = "helpers of tests fail the test")]

mod bad_input;
mod certificates;
mod consortium;
mod crash;
mod demo;
mod dev_chain;
mod forks;
mod keys;
mod metrics;
mod operator;
mod process;
mod pruning;
mod reference;
mod rpc;
mod sessions;
mod sign;
mod specs;
mod upgrade;
mod warp;
mod ws;
