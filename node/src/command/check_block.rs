//! `quire check-block`: executes a block again on the state of its parent.
use super::operator::{BlockName, OperatorError, file_error};
use super::place::{self, OfflineChain};
use crate::Error;
use crate::block_file::BlockReader;
use crate::cli::CheckBlockArgs;
use crate::clock::{Stopwatch, now_ms};
use quire_core::Block;
use serde_json::json;
use std::io::BufReader;
use std::path::Path;

pub(super) fn run(args: &CheckBlockArgs) -> Result<(), Error> {
    Ok(check(args)?)
}

fn check(args: &CheckBlockArgs) -> Result<(), OperatorError> {
    let name = BlockName::parse(&args.block)?;
    let opened = place::open(&args.chain)?;
    let block = match &args.input {
        Some(path) => from_file(name, path)?,
        None => from_chain(name, &opened.chain, opened.store.keeping().1)?,
    };
    let watch = Stopwatch::start();
    let checked = opened
        .chain
        .recheck(now_ms(), block)
        .map_err(|wrong| OperatorError::Check { name: name.to_string(), source: Box::new(wrong) })?;
    let (number, hash) = (checked.block.number, checked.block.hash.to_string());
    let text = if args.json {
        json!({
            "number": number,
            "hash": hash,
            "extrinsics": checked.extrinsics,
            "changes": checked.changes,
            "milliseconds": watch.ms(),
        })
        .to_string()
    } else {
        format!(
            "block {number} ({hash}) is right: {} extrinsics change {} values as its header says ({} ms)",
            checked.extrinsics,
            checked.changes,
            watch.ms()
        )
    };
    super::output::line(&text).map_err(file_error(None, "standard output"))
}

fn from_chain(name: BlockName, chain: &OfflineChain, oldest: u32) -> Result<Block, OperatorError> {
    let hash = name.find(chain)?;
    let missing = || OperatorError::NoBlock { name: name.to_string(), best: chain.best().number };
    let header = chain.header(hash)?.ok_or_else(missing)?;
    let pruned = OperatorError::BodyPruned { number: header.number, oldest };
    let extrinsics = chain.body(hash)?.ok_or(pruned)?;
    Ok(Block { header: (*header).clone(), extrinsics })
}

fn from_file(name: BlockName, path: &Path) -> Result<Block, OperatorError> {
    let file = std::fs::File::open(path).map_err(file_error(Some(path), ""))?;
    let mut reader = BlockReader::new(BufReader::new(file)).map_err(file_error(Some(path), ""))?;
    while let Some(signed) = reader.next_block().map_err(file_error(Some(path), ""))? {
        let is_it = match name {
            BlockName::Number(number) => signed.block.header.number == number,
            BlockName::Hash(hash) => signed.block.hash() == hash,
        };
        if is_it {
            return Ok(signed.block);
        }
    }
    Err(OperatorError::NotInFile { path: path.to_owned(), name: name.to_string() })
}
