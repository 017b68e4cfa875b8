//! Flags of `quire explain`.
use super::OutputArgs;
use clap::{Args, Subcommand};

const EXAMPLES: &str = "\
Examples:
  quire explain finality                        who is missing, in which round, since when
  quire explain peer                            all peers: scores, broken rules, bans
  quire explain block 120                       what block 120 of the chain waits for
  quire explain block 7 3                       what block 3 of channel 7 waits for
  quire explain finality --url http://127.0.0.1:9945
";

/// Why things are as they are.
#[derive(Debug, Args)]
#[command(before_help = EXAMPLES, help_template = super::EXAMPLES_FIRST)]
pub struct ExplainArgs {
    /// What to explain.
    #[command(subcommand)]
    pub what: ExplainCommand,
    /// JSON-RPC of the node that is asked.
    #[arg(long, global = true, value_name = "URL", default_value = "http://127.0.0.1:9944")]
    pub url: String,
    /// Form of the output.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// What can be explained.
#[derive(Debug, Subcommand)]
pub enum ExplainCommand {
    /// Where the finality vote stands.
    Finality,
    /// What the node thinks of a peer, or of all.
    Peer {
        /// Its base58 id.
        id: Option<String>,
    },
    /// What a block waits for.
    Block {
        /// Hash or number of a block of the chain, or the number of a channel.
        name: String,
        /// Number of the channel's block.
        number: Option<u32>,
    },
}
