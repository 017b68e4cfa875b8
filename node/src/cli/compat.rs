//! Flags that scripts written for Substrate nodes use and that have no meaning for this node, or not yet: accepted, and
//! answered by a warning that says so. The table of all flags is in the doc of [`super`].
use clap::{Args, ValueEnum};

/// Ways to catch up with the network.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum SyncMode {
    /// Every block is executed.
    #[default]
    Full,
    /// Known to Substrate nodes.
    Fast,
    /// Known to Substrate nodes.
    FastUnsafe,
    /// A new node downloads the state of a recent final block, with proofs, and executes what follows.
    Warp,
}

/// Databases.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum DatabaseKind {
    /// The node's own choice: sled.
    #[default]
    Auto,
    /// The embedded database of this node.
    Sled,
    /// Known to Substrate nodes.
    #[value(name = "rocksdb")]
    RocksDb,
    /// Known to Substrate nodes.
    #[value(name = "paritydb", alias = "paritydb-experimental")]
    ParityDb,
}

/// Flags without a meaning here.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Accepted for scripts written for Substrate nodes")]
pub struct CompatArgs {
    /// The database; there is one, sled.
    #[arg(long, alias = "db", value_enum, value_name = "DATABASE", default_value_t)]
    pub database: DatabaseKind,
    /// How a new node catches up: it executes every block (full), or starts from a proved state (warp).
    #[arg(long, value_enum, value_name = "MODE", default_value_t)]
    pub sync: SyncMode,
    /// Telemetry servers; this node reports to none.
    #[arg(long, value_name = "URL VERBOSITY")]
    pub telemetry_url: Vec<String>,
    /// No telemetry, as always.
    #[arg(long)]
    pub no_telemetry: bool,
    /// No discovery in the local network, as always.
    #[arg(long)]
    pub no_mdns: bool,
}

impl CompatArgs {
    /// One sentence for each flag that was given and does nothing.
    pub fn warnings(&self) -> Vec<String> {
        let given = [
            (
                matches!(self.database, DatabaseKind::RocksDb | DatabaseKind::ParityDb),
                "--database",
                "is not used: the database of this node is sled",
            ),
            (
                matches!(self.sync, SyncMode::Fast | SyncMode::FastUnsafe),
                "--sync",
                "fast is not known here: this node executes every block; --sync warp starts from a proved state",
            ),
            (
                !self.telemetry_url.is_empty(),
                "--telemetry-url",
                "is not used: this node reports to no server",
            ),
        ];
        given
            .iter()
            .filter(|(is_given, ..)| *is_given)
            .map(|(_, flag, why)| format!("{flag} {why}"))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::Cli;
    use clap::Parser;

    fn warnings(line: &str) -> Vec<String> {
        Cli::try_parse_from(line.split(' ')).unwrap().run.compat.warnings()
    }

    #[test]
    fn flags_without_meaning_are_named_and_harmless_ones_are_not() {
        assert!(warnings("quire --dev --no-mdns --no-telemetry --database auto --sync full").is_empty());
        let all = "quire --dev --database rocksdb --sync fast --telemetry-url x --public-addr a --bootnodes a b \
                   --reserved-nodes c --reserved-only --in-peers 3 --out-peers 4";
        let said = warnings(all);
        assert_eq!(said.len(), 3, "those about peers have a meaning: {said:?}");
        assert!(said[0].contains("--database") && said[0].contains("sled"));
    }
}
