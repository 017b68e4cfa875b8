//! `quire revert`: drops the newest blocks that are not final.
use super::operator::{OperatorError, file_error};
use super::place;
use crate::Error;
use crate::cli::RevertArgs;
use serde_json::json;

pub(super) fn run(args: &RevertArgs) -> Result<(), Error> {
    Ok(revert(args)?)
}

fn revert(args: &RevertArgs) -> Result<(), OperatorError> {
    let opened = place::open(&args.chain)?;
    let reverted = opened.chain.revert(args.count)?;
    opened.store.flush()?;
    let (from, to) = (reverted.from, reverted.to);
    let text = if args.json {
        json!({
            "from": { "number": from.number, "hash": from.hash.to_string() },
            "to": { "number": to.number, "hash": to.hash.to_string() },
            "dropped": reverted.dropped.len(),
        })
        .to_string()
    } else if reverted.dropped.is_empty() {
        format!("nothing to revert: the best block #{} is final or stays", to.number)
    } else {
        format!(
            "dropped {} blocks; the best block was #{} and is #{} ({})",
            reverted.dropped.len(),
            from.number,
            to.number,
            to.hash
        )
    };
    super::output::line(&text).map_err(file_error(None, "standard output"))
}
