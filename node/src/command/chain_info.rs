//! `quire chain-info`: how far the chain of a stopped node is, and what it takes on the disk.
use super::operator::{OperatorError, file_error};
use super::place::{self, Opened};
use crate::Error;
use crate::cli::ChainInfoArgs;
use quire_chain::{Head, Store};
use serde_json::{Value, json};
use std::path::Path;

pub(super) fn run(args: &ChainInfoArgs) -> Result<(), Error> {
    Ok(show(args)?)
}

fn show(args: &ChainInfoArgs) -> Result<(), OperatorError> {
    let info = info(&place::open(&args.chain)?)?;
    let text = if args.output.is_json() { format!("{info:#}") } else { table(&info) };
    super::output::line(&text).map_err(file_error(None, "standard output"))
}

fn info(opened: &Opened) -> Result<Value, OperatorError> {
    let (chain, path) = (&opened.chain, opened.dir.path());
    let head = |head: Head| json!({ "number": head.number, "hash": head.hash.to_string() });
    let (kept, oldest_body) = opened.store.keeping();
    let best = chain.best();
    let version = chain.runtime_version(best.hash)?;
    Ok(json!({
        "chain": opened.spec.name,
        "id": opened.spec.id,
        "path": path.display().to_string(),
        "genesis": chain.genesis().to_string(),
        "best": head(best),
        "finalized": head(chain.finalised()),
        "unfinalizedBlocks": chain.unfinalised().blocks,
        "leaves": chain.leaves().len(),
        "runtime": { "specName": version.spec_name, "specVersion": version.spec_version },
        "statePruning": kept.states.to_string(),
        "oldestState": opened.store.oldest_state()?,
        "blocksPruning": kept.bodies.to_string(),
        "oldestBody": oldest_body,
        "databaseBytes": folder_bytes(&opened.dir.db())?,
        "totalBytes": folder_bytes(path)?,
    }))
}

/// Rows of label and value.
fn table(info: &Value) -> String {
    let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let block = |value: &Value| format!("#{} ({})", value["number"], plain(&value["hash"]));
    let mib = |value: &Value| format!("{} MiB", value.as_u64().unwrap_or(0).div_ceil(1024 * 1024));
    let rows = [
        ("Chain", format!("{} ({})", plain(&info["chain"]), plain(&info["id"]))),
        ("Folder", plain(&info["path"])),
        ("Genesis", plain(&info["genesis"])),
        ("Best block", block(&info["best"])),
        ("Final block", block(&info["finalized"])),
        ("Not final", format!("{} blocks, {} heads", info["unfinalizedBlocks"], info["leaves"])),
        ("Runtime", format!("{} {}", plain(&info["runtime"]["specName"]), info["runtime"]["specVersion"])),
        ("States kept", format!("{}, from #{} on", plain(&info["statePruning"]), info["oldestState"])),
        ("Bodies kept", format!("{}, from #{} on", plain(&info["blocksPruning"]), info["oldestBody"])),
        ("Database", mib(&info["databaseBytes"])),
        ("Whole folder", mib(&info["totalBytes"])),
    ];
    rows.map(|(label, value)| format!("{label:<13} {value}")).join("\n")
}

/// Bytes of all files below a folder.
fn folder_bytes(folder: &Path) -> Result<u64, OperatorError> {
    let fail = |source| OperatorError::Folder { what: "measure", path: folder.to_owned(), source };
    let mut bytes = 0u64;
    for entry in std::fs::read_dir(folder).map_err(fail)? {
        let entry = entry.map_err(fail)?;
        let kind = entry.file_type().map_err(fail)?;
        let size =
            if kind.is_dir() { folder_bytes(&entry.path())? } else { entry.metadata().map_err(fail)?.len() };
        bytes = bytes.saturating_add(size);
    }
    Ok(bytes)
}
