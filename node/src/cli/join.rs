//! `quire invite` and `quire join` as data.
use super::{OutputArgs, RunArgs};
use clap::Args;
use std::path::PathBuf;

const INVITE_EXAMPLES: &str = "\
Examples:
  quire invite --chain consortium.json --rpc-port 9944 --bootnode /ip4/192.0.2.1/tcp/30333/p2p/12D3Koo… -o invitation.json
";
const JOIN_EXAMPLES: &str = "\
Examples:
  quire join invitation.json --organisation 'Printers Guild' --base-path ./guild
  quire join invitation.json --base-path ./guild          the same node again
";

/// Flags of `invite`.
#[derive(Debug, Args)]
#[command(before_help = INVITE_EXAMPLES, help_template = super::EXAMPLES_FIRST)]
pub struct InviteArgs {
    /// A preset (dev, local) or the path of the chain's spec.
    #[arg(long, value_name = "ID|PATH")]
    pub chain: String,
    /// JSON-RPC port of a node of this machine, which tells what is final.
    #[arg(long, value_name = "PORT", default_value_t = 9944)]
    pub rpc_port: u16,
    /// A multiaddress under which newcomers reach a node; may be repeated. Without one, where that node listens.
    #[arg(long, value_name = "ADDRESS")]
    pub bootnode: Vec<String>,
    /// The file to write.
    #[arg(long, short = 'o', value_name = "PATH")]
    pub out: PathBuf,
    /// Form of the output.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Flags of `join`.
#[derive(Debug, Args)]
#[command(before_help = JOIN_EXAMPLES, help_template = super::EXAMPLES_FIRST)]
pub struct JoinArgs {
    /// The invitation.
    pub invitation: PathBuf,
    /// Name of your organisation; needed the first time.
    #[arg(long, value_name = "NAME")]
    pub organisation: Option<String>,
    /// Make keys and requests, print what is to be done, and do not run the node.
    #[arg(long)]
    pub prepare_only: bool,
    /// Form of the output.
    #[command(flatten)]
    pub output: OutputArgs,
    /// Flags of the node; the chain is the invitation's.
    #[command(flatten)]
    pub run: RunArgs,
}
