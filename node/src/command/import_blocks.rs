//! `quire import-blocks`: blocks from a file into the chain.
//!
//! Rules:
//! * R1 Every block passes the checks of a block from a peer: seal, slot, execution, roots; every justification is
//!   verified before its block is final.
//! * R2 A block that is there is skipped, so the same file can be imported again after any interruption.
//! * R3 Blocks of another chain, and gaps, are refused with the hashes that do not fit.
use super::operator::{OperatorError, file_error};
use super::place;
use crate::Error;
use crate::block_file::{BlockReader, SignedBlock};
use crate::cli::ImportBlocksArgs;
use crate::clock::{Stopwatch, now_ms};
use crate::config::wanted;
use parity_scale_codec::DecodeAll;
use quire_chain::{Chain, Execute, ImportError, Store};
use quire_core::{GrandpaJustification, H256, Header};
use serde_json::json;
use std::io::{BufReader, Read};

/// How often progress is reported, milliseconds.
const REPORT_MS: u64 = 1_000;

pub(super) fn run(args: &ImportBlocksArgs) -> Result<(), Error> {
    let pruning = wanted(&args.pruning)?;
    Ok(import(args, pruning)?)
}

fn import(args: &ImportBlocksArgs, pruning: quire_store::Wanted) -> Result<(), OperatorError> {
    let fail = || file_error(args.input.as_deref(), "standard input");
    let input: Box<dyn Read> = match &args.input {
        Some(path) => Box::new(std::fs::File::open(path).map_err(fail())?),
        None => Box::new(std::io::stdin().lock()),
    };
    let opened = place::open_or_create(&args.chain, pruning)?;
    let mut reader = BlockReader::new(BufReader::new(input))
        .map_err(file_error(args.input.as_deref(), "standard input"))?;
    let (mut done, watch) = (Done::default(), Stopwatch::start());
    let mut reported_ms = 0;
    let imported = loop {
        let next = reader.next_block().map_err(file_error(args.input.as_deref(), "standard input"));
        let signed = match next {
            Ok(Some(signed)) => signed,
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        };
        if let Err(error) = take(&opened.chain, now_ms(), signed, &mut done) {
            break Err(error);
        }
        if watch.ms() >= reported_ms + REPORT_MS {
            reported_ms = watch.ms();
            let left = reader.left().map_or_else(String::new, |left| format!(", {left} to come"));
            eprintln!(
                "imported {} blocks, {} were there, at #{}{left}",
                done.imported, done.known, done.last
            );
        }
    };
    opened.store.flush()?;
    imported?;
    let (best, finalised) = (opened.chain.best(), opened.chain.finalised());
    eprintln!(
        "imported {} blocks in {} s, {} were there; best #{} ({}), final #{}",
        done.imported,
        watch.ms() / 1_000,
        done.known,
        best.number,
        best.hash,
        finalised.number
    );
    if args.json {
        let summary = json!({
            "imported": done.imported,
            "known": done.known,
            "best": { "number": best.number, "hash": best.hash.to_string() },
            "finalized": { "number": finalised.number, "hash": finalised.hash.to_string() },
        });
        super::output::line(&summary.to_string()).map_err(file_error(None, "standard output"))?;
    }
    Ok(())
}

/// What an import did so far.
#[derive(Debug, Default, PartialEq, Eq)]
struct Done {
    imported: u64,
    known: u64,
    /// Number of the last block.
    last: u32,
}

/// One block into the chain, and its finality.
fn take<S: Store + 'static, E: Execute>(
    chain: &Chain<S, E>,
    now_ms: u64,
    signed: SignedBlock,
    done: &mut Done,
) -> Result<(), OperatorError> {
    let SignedBlock { block, justification } = signed;
    let (hash, number) = (block.hash(), block.header.number);
    fits(chain, hash, &block.header)?;
    match chain.import(now_ms, block) {
        Ok(_) => done.imported += 1,
        Err(ImportError::Known { .. }) => done.known += 1,
        Err(ImportError::Store(error)) => return Err(error.into()),
        Err(wrong) => return Err(OperatorError::Import { number, source: Box::new(wrong) }),
    }
    done.last = number;
    let Some(bytes) = justification else { return Ok(()) };
    if chain.is_finalised(hash)? {
        return Ok(());
    }
    let proof = GrandpaJustification::decode_all(&mut &bytes[..]).map_err(|why| OperatorError::Finalise {
        number,
        reason: format!("its justification does not decode: {why}"),
    })?;
    chain.finalise(hash, &proof).map_err(|error| OperatorError::from((number, error)))?;
    Ok(())
}

/// R3.
fn fits<S: Store + 'static, E: Execute>(
    chain: &Chain<S, E>,
    hash: H256,
    header: &Header,
) -> Result<(), OperatorError> {
    let ours = chain.genesis();
    let theirs = match header.number {
        0 => hash,
        1 => header.parent_hash,
        _ => ours,
    };
    if theirs != ours {
        return Err(OperatorError::OtherGenesis { theirs, ours });
    }
    if header.number > 0 && !chain.is_known(header.parent_hash)? {
        return Err(OperatorError::Gap {
            number: header.number,
            parent: header.parent_hash,
            best: chain.best().number,
            next: chain.finalised().number.saturating_add(1),
        });
    }
    Ok(())
}
