//! `quire bench`: what this machine needs for what the chain did.
mod names;
mod replay;
mod table;

use super::operator::{OperatorError, file_error};
use super::place;
use crate::Error;
use crate::cli::{BenchArgs, BenchCommand, BenchWeightsArgs};
use replay::Replay;

pub(super) fn run(args: &BenchArgs) -> Result<(), Error> {
    match &args.command {
        BenchCommand::Weights(args) => Ok(weights(args)?),
    }
}

fn weights(args: &BenchWeightsArgs) -> Result<(), OperatorError> {
    let opened = place::open(&args.chain)?;
    let to = args.to.unwrap_or(opened.chain.best().number);
    if args.from > to {
        return Err(OperatorError::Range { from: args.from, to });
    }
    let replay = Replay::new(&opened.chain, args.rounds.max(1))?;
    let mut samples = Vec::new();
    for number in args.from.max(1)..=to {
        samples.extend(replay.block(number)?);
        if number % 100 == 0 {
            eprintln!("block {number} of {to}, {} extrinsics", samples.len());
        }
    }
    let rows = table::rows(&samples);
    let text = if args.json { table::json(&rows) } else { table::text(&rows) };
    super::output::line(&text).map_err(file_error(None, "standard output"))
}
