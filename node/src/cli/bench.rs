//! `quire bench`, as data.
use super::{ChainArgs, EXAMPLES_FIRST};
use clap::{Args, Subcommand};
use quire_core::BlockNumber;

const WEIGHTS_EXAMPLES: &str = "\
Examples:
  quire bench weights --dev -d ./dev                        every block of a stopped development chain
  quire bench weights --chain c.json -d ./node --from 1000 --json
";

/// Flags of `bench`.
#[derive(Debug, Args)]
pub struct BenchArgs {
    /// What to measure.
    #[command(subcommand)]
    pub command: BenchCommand,
}

/// Measurements.
#[derive(Debug, Subcommand)]
pub enum BenchCommand {
    /// Execute blocks again and compare the weight that each call declares with the time that it takes.
    Weights(BenchWeightsArgs),
}

/// Flags of `bench weights`.
#[derive(Debug, Args)]
#[command(before_help = WEIGHTS_EXAMPLES, help_template = EXAMPLES_FIRST)]
pub struct BenchWeightsArgs {
    /// Which chain, where.
    #[command(flatten)]
    pub chain: ChainArgs,
    /// The first block.
    #[arg(long, value_name = "BLOCK", default_value_t = 1)]
    pub from: BlockNumber,
    /// The last block; the best one without it.
    #[arg(long, value_name = "BLOCK")]
    pub to: Option<BlockNumber>,
    /// How often each extrinsic runs; the least time counts.
    #[arg(long, value_name = "COUNT", default_value_t = 5)]
    pub rounds: u32,
    /// Print one JSON object.
    #[arg(long)]
    pub json: bool,
}
