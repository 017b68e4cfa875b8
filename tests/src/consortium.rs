//! The soak of a consortium: four authorities as four processes, clients, and what goes wrong in real life.
//!
//! ```text
//!  clients ── 200 transfers/s ──► four nodes ◄── kill -9 of one at a time ── or ── links cut 2+2, then 3+1
//!                                    └── finalised heads of each ──► latencies, agreement
//! ```
//!
//! What must hold, each checked at the end:
//! * C1 No two nodes ever finalise different blocks at one height, and no node takes one back.
//! * C2 At the end all nodes have the same final block, within [`AGREE_S`] seconds of the last fault.
//! * C3 While two of four are cut from the other two, nothing becomes final on either side that was not voted before; while
//!   one is cut off, the three go on.
//! * C4 Every transfer that a node accepted is in the final chain or was replaced by one of the same nonce: the nonces of
//!   all clients are the same everywhere and no pool holds anything.
//! * C5 Without faults, finality takes at most [`FINALITY_P95_MS`] at the 95th percentile, from the begin of a block's slot
//!   until a client of a node hears that the block is final.
//!
//! Nodes and clients share the machine, so the figures are those of a fourth of it.
//!
//! Links are cut by forwarders between the nodes ([`proxy`]): each node knows the others only by the forwarders' addresses
//! (`--reserved-only`), so this works without privileges.
pub mod load;
pub mod nodes;
pub mod proxy;
pub mod report;
pub mod run;
pub mod wallet;
pub mod watch;

/// What goes wrong, in a sentence.
pub type Result<T> = std::result::Result<T, String>;

/// Authorities of the preset.
pub const NODES: usize = 4;
/// How long nodes may take to agree after the last fault, seconds.
pub const AGREE_S: u64 = 60;
/// Finality without faults, milliseconds.
pub const FINALITY_P95_MS: u64 = 2_500;

/// What to do to the nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Faults {
    /// Nothing.
    None,
    /// `kill -9` of one at a time, with this pause between a start and the next kill, seconds.
    Kill(u64),
    /// Links cut 2+2 and then 3+1, for this long each, seconds.
    Partition(u64),
}

/// How much of everything.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The `quire` binary.
    pub quire: std::path::PathBuf,
    /// The first of the ports that are used; 32 follow.
    pub port: u16,
    /// How long the load lasts, seconds; partitions come on top.
    pub seconds: u64,
    /// Transfers in a second, of all clients together.
    pub transfers_per_s: u32,
    /// What goes wrong.
    pub faults: Faults,
    /// Chooses whom to kill.
    pub seed: u64,
    /// Print one JSON object instead of a table.
    pub json: bool,
}

impl Plan {
    /// Reads the command line, without the program's name.
    pub fn from_args(mut args: impl Iterator<Item = String>) -> Result<Self> {
        let beside = std::env::current_exe().ok().and_then(|path| Some(path.parent()?.join("quire")));
        let mut plan = Self {
            quire: beside.unwrap_or_else(|| "quire".into()),
            port: 21_100,
            seconds: 600,
            transfers_per_s: 200,
            faults: Faults::None,
            seed: 1,
            json: false,
        };
        let (mut kill_every, mut partition) = (None, None);
        while let Some(flag) = args.next() {
            let mut value = || args.next().ok_or_else(|| format!("{flag}: a value is missing\n{USAGE}"));
            match flag.as_str() {
                "--json" => plan.json = true,
                "--quire" => plan.quire = value()?.into(),
                "--port" => plan.port = number(&flag, &value()?)?,
                "--seconds" => plan.seconds = number(&flag, &value()?)?,
                "--transfers" => plan.transfers_per_s = number(&flag, &value()?)?,
                "--seed" => plan.seed = number(&flag, &value()?)?,
                "--kill-every" => kill_every = Some(number(&flag, &value()?)?),
                "--partition" => partition = Some(number(&flag, &value()?)?),
                _ => return Err(format!("{flag} is unknown\n{USAGE}")),
            }
        }
        plan.faults = match (kill_every, partition) {
            (None, None) => Faults::None,
            (Some(pause), None) => Faults::Kill(pause),
            (None, Some(length)) => Faults::Partition(length),
            (Some(_), Some(_)) => return Err("either --kill-every or --partition".into()),
        };
        Ok(plan)
    }
}

fn number<T: std::str::FromStr>(flag: &str, value: &str) -> Result<T> {
    value.parse().map_err(|_| format!("{flag} {value}: expected a number"))
}

const USAGE: &str = "usage: consortium-soak [--quire PATH] [--port N] [--seconds 600] [--transfers 200] \
                     [--kill-every SECONDS | --partition SECONDS] [--seed N] [--json]";

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(line: &str) -> Result<Plan> {
        Plan::from_args(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn flags_are_read_and_mistakes_named() {
        let read = plan("--seconds 5 --json --partition 60 --quire /x").unwrap();
        assert_eq!((read.seconds, read.json, read.faults), (5, true, Faults::Partition(60)));
        assert_eq!(plan("--kill-every 9").unwrap().faults, Faults::Kill(9));
        assert_eq!(plan("").unwrap().faults, Faults::None);
        for (line, said) in [
            ("--seconds", "value"),
            ("--seconds x", "--seconds x"),
            ("--nothing 1", "--nothing"),
            ("--kill-every 1 --partition 1", "either"),
        ] {
            let why = plan(line).unwrap_err();
            assert!(why.contains(said), "{why}");
        }
    }
}
