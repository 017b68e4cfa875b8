//! One file per subcommand; without one the node runs.
mod build_spec;
mod demo;
mod run;

use crate::Error;
use crate::cli::{Cli, Command};

/// Does what the command line asks for.
pub fn run(cli: Cli) -> Result<(), Error> {
    match cli.command {
        None => run::run(&cli.run),
        Some(Command::BuildSpec(args)) => build_spec::run(&args),
        Some(Command::Demo(args)) => demo::run(&args),
    }
}
