//! Subcommands on a chain's database and spec, as data.
use super::{ChainArgs, EXAMPLES_FIRST, OutputArgs};
use clap::Args;
use clap_complete::Shell;
use quire_core::BlockNumber;
use std::path::PathBuf;

const BUILD_SPEC_EXAMPLES: &str = "\
Examples:
  quire build-spec --chain local > consortium.json          edit this one
  quire build-spec --chain consortium.json --raw -o raw.json give this one to every member and to light clients
  quire build-spec --chain dev --raw --add-boot-node /ip4/10.0.0.1/tcp/30333/p2p/12D3KooW…
";
const EXPORT_BLOCKS_EXAMPLES: &str = "\
Examples:
  quire export-blocks --chain c.json -d ./node --binary blocks.bin
  quire export-blocks --dev -d ./dev --from 10 --to 20      one JSON object a line, on standard output
";
const IMPORT_BLOCKS_EXAMPLES: &str = "\
Examples:
  quire import-blocks --chain c.json -d ./other blocks.bin
  quire export-blocks --dev -d ./dev --binary | quire import-blocks --dev -d ./copy
";
const CHECK_BLOCK_EXAMPLES: &str = "\
Examples:
  quire check-block --chain c.json -d ./node 1234
  quire check-block --chain c.json -d ./node 0x7d60f9be…    by hash
  quire check-block --dev -d ./dev 5 --input blocks.json    the block as this file has it
";
const REVERT_EXAMPLES: &str = "\
Examples:
  quire revert --chain c.json -d ./node 1                   drop the newest block, if it is not final
  quire revert --chain c.json -d ./node                     drop everything that is not final
";
const PURGE_EXAMPLES: &str = "\
Examples:
  quire purge-chain --chain c.json -d ./node                asks first
  quire purge-chain --dev -d ./dev -y                       does not ask
";
const EXPORT_STATE_EXAMPLES: &str = "\
Examples:
  quire export-state --chain c.json -d ./node > fork.json   the newest final state as a new chain's genesis
  quire export-state --chain c.json -d ./node 1234 -o fork.json
";
const CHAIN_INFO_EXAMPLES: &str = "\
Examples:
  quire chain-info --chain c.json -d ./node
  quire chain-info --dev -d ./dev --json
";
const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  quire completions bash > /etc/bash_completion.d/quire
  quire completions zsh > ~/.zfunc/_quire
  quire completions fish > ~/.config/fish/completions/quire.fish
";

/// Flags of `build-spec`.
#[derive(Debug, Args)]
#[command(before_help = BUILD_SPEC_EXAMPLES, help_template = EXAMPLES_FIRST)]
pub struct BuildSpecArgs {
    /// A preset (dev, local) or the path of a spec.
    #[arg(long, value_name = "ID|PATH", default_value = "dev")]
    pub chain: String,
    /// The form for nodes and light clients: the genesis state as raw keys and values.
    #[arg(long)]
    pub raw: bool,
    /// Add a peer to start with: a multiaddress that ends in /p2p/ and a peer id; may be repeated.
    #[arg(long, value_name = "ADDRESS")]
    pub add_boot_node: Vec<String>,
    /// Accepted for scripts written for Substrate nodes: a spec names only the boot nodes that it is given.
    #[arg(long)]
    pub disable_default_bootnode: bool,
    /// File for the spec; standard output without it.
    #[arg(long, short = 'o', value_name = "PATH")]
    pub output: Option<PathBuf>,
}

/// Flags of `export-blocks`.
#[derive(Debug, Args)]
#[command(before_help = EXPORT_BLOCKS_EXAMPLES, help_template = EXAMPLES_FIRST)]
pub struct ExportBlocksArgs {
    /// Which chain, where.
    #[command(flatten)]
    pub chain: ChainArgs,
    /// File to write; standard output without it.
    pub output: Option<PathBuf>,
    /// The first block.
    #[arg(long, value_name = "BLOCK", default_value_t = 1)]
    pub from: BlockNumber,
    /// The last block; the best one without it.
    #[arg(long, value_name = "BLOCK")]
    pub to: Option<BlockNumber>,
    /// SCALE instead of JSON: shorter and quicker.
    #[arg(long)]
    pub binary: bool,
    /// JSON, one block a line: the default.
    #[arg(long, conflicts_with = "binary")]
    pub json: bool,
}

/// Flags of `import-blocks`.
#[derive(Debug, Args)]
#[command(before_help = IMPORT_BLOCKS_EXAMPLES, help_template = EXAMPLES_FIRST)]
pub struct ImportBlocksArgs {
    /// Which chain, where.
    #[command(flatten)]
    pub chain: ChainArgs,
    /// File to read; standard input without it.
    pub input: Option<PathBuf>,
    /// The file is SCALE; found out by itself, so the flag may be left away.
    #[arg(long)]
    pub binary: bool,
    /// Print what was done as one JSON object.
    #[arg(long)]
    pub json: bool,
    /// Which states and blocks stay.
    #[command(flatten)]
    pub pruning: super::PruningArgs,
}

/// Flags of `check-block`.
#[derive(Debug, Args)]
#[command(before_help = CHECK_BLOCK_EXAMPLES, help_template = EXAMPLES_FIRST)]
pub struct CheckBlockArgs {
    /// Which chain, where.
    #[command(flatten)]
    pub chain: ChainArgs,
    /// Hash (0x…) or number of the block.
    #[arg(value_name = "HASH|NUMBER")]
    pub block: String,
    /// Take the block from this file of export-blocks instead of the database; its parent must be in the database.
    #[arg(long, value_name = "FILE")]
    pub input: Option<PathBuf>,
    /// Print the verdict as one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// Flags of `revert`.
#[derive(Debug, Args)]
#[command(before_help = REVERT_EXAMPLES, help_template = EXAMPLES_FIRST)]
pub struct RevertArgs {
    /// Which chain, where.
    #[command(flatten)]
    pub chain: ChainArgs,
    /// How many blocks; all that are not final without it.
    pub count: Option<BlockNumber>,
    /// Print what was done as one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// Flags of `purge-chain`.
#[derive(Debug, Args)]
#[command(before_help = PURGE_EXAMPLES, help_template = EXAMPLES_FIRST)]
pub struct PurgeChainArgs {
    /// Which chain, where.
    #[command(flatten)]
    pub chain: ChainArgs,
    /// Do not ask.
    #[arg(long, short = 'y')]
    pub yes: bool,
}

/// Flags of `export-state`.
#[derive(Debug, Args)]
#[command(before_help = EXPORT_STATE_EXAMPLES, help_template = EXAMPLES_FIRST)]
pub struct ExportStateArgs {
    /// Which chain, where.
    #[command(flatten)]
    pub chain: ChainArgs,
    /// Hash (0x…) or number of the block; the last final one without it.
    #[arg(value_name = "HASH|NUMBER")]
    pub block: Option<String>,
    /// File for the spec; standard output without it.
    #[arg(long, short = 'o', value_name = "PATH")]
    pub output: Option<PathBuf>,
}

/// Flags of `chain-info`.
#[derive(Debug, Args)]
#[command(before_help = CHAIN_INFO_EXAMPLES, help_template = EXAMPLES_FIRST)]
pub struct ChainInfoArgs {
    /// Which chain, where.
    #[command(flatten)]
    pub chain: ChainArgs,
    /// Text or JSON.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Flags of `completions`.
#[derive(Debug, Args)]
#[command(before_help = COMPLETIONS_EXAMPLES, help_template = EXAMPLES_FIRST)]
pub struct CompletionsArgs {
    /// The shell.
    #[arg(value_enum)]
    pub shell: Shell,
}
