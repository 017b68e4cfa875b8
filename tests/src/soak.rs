//! The load test of JSON-RPC: one real node, many clients, good and bad ones at once.
//!
//! ```text
//!  phase 1   subscribers (heads, finalised heads, storage) + some of them that never read
//!  phase 2   the same subscribers + half-open connections + floods of calls + somebody who wants an answer
//! ```
//!
//! What must hold, each checked at the end:
//! * S1 Every subscriber that reads gets every head, in both phases, and none is closed.
//! * S2 Every subscriber that does not read is closed with code 1008 and a reason, which it finds when it reads again.
//! * S3 No slot is missed: the headers of both phases have consecutive slots.
//! * S4 The node's resident memory stays below the bound.
//! * S5 Calls of others are answered while half-open connections and floods go on.
//!
//! The node and all clients share this machine, so the figures are those of a node that has half of it.
pub mod load;
pub mod node;
pub mod report;
pub mod run;
pub mod socket;

/// What goes wrong, in a sentence.
pub type Result<T> = std::result::Result<T, String>;

/// How much of everything.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The `quire` binary.
    pub quire: std::path::PathBuf,
    /// Its RPC port; the next one is for peers.
    pub port: u16,
    /// Subscribers that read.
    pub subscribers: usize,
    /// Subscribers that do not.
    pub slow: usize,
    /// Connections that never finish a request.
    pub half_open: usize,
    /// Sessions that call without end and read nothing.
    pub floods: usize,
    /// Length of each phase, seconds.
    pub seconds: u64,
    /// Resident memory that the node may have, MiB.
    pub max_rss_mib: u64,
    /// Print one JSON object instead of a table.
    pub json: bool,
}

impl Plan {
    /// Reads the command line, without the program's name.
    pub fn from_args(args: impl Iterator<Item = String>) -> Result<Self> {
        let beside = std::env::current_exe().ok().and_then(|path| Some(path.parent()?.join("quire")));
        let mut plan = Self {
            quire: beside.unwrap_or_else(|| "quire".into()),
            port: 21_040,
            subscribers: 1_000,
            slow: 20,
            half_open: 10_000,
            floods: 20,
            seconds: 60,
            max_rss_mib: 1_024,
            json: false,
        };
        let mut args = args;
        while let Some(flag) = args.next() {
            if flag == "--json" {
                plan.json = true;
                continue;
            }
            let value = args.next().ok_or_else(|| format!("{flag}: a value is missing\n{USAGE}"))?;
            plan.set(&flag, &value)?;
        }
        Ok(plan)
    }

    fn set(&mut self, flag: &str, value: &str) -> Result<()> {
        fn number<T: std::str::FromStr>(flag: &str, value: &str) -> Result<T> {
            value.parse().map_err(|_| format!("{flag} {value}: expected a number"))
        }
        match flag {
            "--quire" => self.quire = value.into(),
            "--port" => self.port = number(flag, value)?,
            "--subscribers" => self.subscribers = number(flag, value)?,
            "--slow" => self.slow = number(flag, value)?,
            "--half-open" => self.half_open = number(flag, value)?,
            "--floods" => self.floods = number(flag, value)?,
            "--seconds" => self.seconds = number(flag, value)?,
            "--max-rss-mib" => self.max_rss_mib = number(flag, value)?,
            _ => return Err(format!("{flag} is unknown\n{USAGE}")),
        }
        Ok(())
    }
}

const USAGE: &str = "usage: soak [--quire PATH] [--port N] [--subscribers 1000] [--slow 20] [--half-open 10000] \
                     [--floods 20] [--seconds 60] [--max-rss-mib 1024] [--json]";

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(line: &str) -> Result<Plan> {
        Plan::from_args(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn flags_are_read_and_mistakes_named() {
        let read = plan("--seconds 5 --json --half-open 7 --quire /x").unwrap();
        assert_eq!((read.seconds, read.json, read.half_open, read.subscribers), (5, true, 7, 1_000));
        assert_eq!(read.quire.to_str(), Some("/x"));
        for (line, said) in
            [("--seconds", "value"), ("--seconds x", "--seconds x"), ("--nothing 1", "--nothing")]
        {
            let why = plan(line).unwrap_err();
            assert!(why.contains(said), "{why}");
        }
    }
}
