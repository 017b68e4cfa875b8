//! The gate for channel programs.
//!
//! Promises: any bytes are judged; what passes has the limits that it declares, and the program host compiles it.

use crate::{Target, world, world::broken};
use quire_channel::program;
use quire_executor::program::{HostConfig, HostError, ProgramHost};
use std::sync::OnceLock;

pub(crate) const TARGET: Target = Target { name: "program", run, seeds };

fn host() -> &'static ProgramHost {
    static HOST: OnceLock<ProgramHost> = OnceLock::new();
    HOST.get_or_init(|| ProgramHost::new(HostConfig { threads: 1, cache: None }).expect("the host starts"))
}

fn run(data: &[u8]) {
    let judged = program::validate(data);
    match (judged, host().prepare(data)) {
        (Ok(_), Err(HostError::Refused(why))) => {
            broken(&format!("registered, and refused by the host: {why}"))
        }
        (Ok(_), Err(HostError::Engine { doing, reason })) => {
            broken(&format!("registered, and the engine fails while {doing}: {reason}"));
        }
        (Err(why), Ok(())) => broken(&format!("the host runs what registration refuses: {why}")),
        _ => {}
    }
}

fn seeds() -> Vec<Vec<u8>> {
    vec![world::PROGRAM.to_vec()]
}
