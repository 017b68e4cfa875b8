//! One file per subcommand; without one the node runs.
mod build_spec;
mod completions;
mod demo;
mod key;
mod output;
mod place;
mod run;

pub(crate) use key::KeyError;

use crate::Error;
use crate::cli::{Cli, Command};

/// Does what the command line asks for.
pub fn run(cli: Cli) -> Result<(), Error> {
    match cli.command {
        None => run::run(&cli.run),
        Some(Command::Demo(args)) => demo::run(&args),
        Some(Command::Key(args)) => key::run(&args),
        Some(Command::BuildSpec(args)) => build_spec::run(&args),
        Some(Command::Completions(args)) => completions::run(&args),
    }
}
