//! The `quire` binary: reads the command line, runs what it asks for, prints why it failed.
use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    match quire_node::run(quire_node::cli::Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("quire: {error}");
            ExitCode::FAILURE
        }
    }
}
