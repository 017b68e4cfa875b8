//! One file per subcommand; without one the node runs.
mod bench;
mod build_spec;
mod cert;
mod chain_info;
mod check_block;
mod completions;
mod demo;
mod explain;
mod export_blocks;
mod export_state;
mod import_blocks;
mod invite;
mod join;
mod key;
mod operator;
mod output;
mod place;
mod purge_chain;
mod revert;
mod run;

pub(crate) use cert::CertError;
pub(crate) use explain::ExplainError;
pub(crate) use invite::JoinError;
pub(crate) use key::KeyError;
pub(crate) use operator::OperatorError;

use crate::Error;
use crate::cli::{Cli, Command};

/// Does what the command line asks for.
pub fn run(cli: Cli) -> Result<(), Error> {
    match cli.command {
        None => run::run(&cli.run),
        Some(Command::Demo(args)) => demo::run(&args),
        Some(Command::Key(args)) => key::run(&args),
        Some(Command::Cert(args)) => cert::run(&args),
        Some(Command::Invite(args)) => invite::run(&args),
        Some(Command::Join(args)) => join::run(&args),
        Some(Command::BuildSpec(args)) => build_spec::run(&args),
        Some(Command::ExportBlocks(args)) => export_blocks::run(&args),
        Some(Command::ImportBlocks(args)) => import_blocks::run(&args),
        Some(Command::CheckBlock(args)) => check_block::run(&args),
        Some(Command::Revert(args)) => revert::run(&args),
        Some(Command::PurgeChain(args)) => purge_chain::run(&args),
        Some(Command::ExportState(args)) => export_state::run(&args),
        Some(Command::ChainInfo(args)) => chain_info::run(&args),
        Some(Command::Explain(args)) => explain::run(&args),
        Some(Command::Bench(args)) => bench::run(&args),
        Some(Command::Completions(args)) => completions::run(&args),
    }
}
