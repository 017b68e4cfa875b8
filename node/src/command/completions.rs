//! `quire completions`: a script for the shell, from the same definitions as the help pages.
use crate::Error;
use crate::cli::{Cli, CompletionsArgs};
use clap::CommandFactory;

pub(super) fn run(args: &CompletionsArgs) -> Result<(), Error> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "quire", &mut script);
    super::output::text("the completions", String::from_utf8_lossy(&script).trim_end(), None)
}
