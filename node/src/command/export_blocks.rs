//! `quire export-blocks`: blocks of the best chain to a file, with the proofs of finality that they carry.
use super::operator::{OperatorError, file_error};
use super::place::{self, OfflineChain};
use crate::Error;
use crate::block_file::{BlockWriter, Form, SignedBlock};
use crate::cli::ExportBlocksArgs;
use quire_core::{Block, BlockNumber};
use std::io::{BufWriter, Write};

pub(super) fn run(args: &ExportBlocksArgs) -> Result<(), Error> {
    Ok(export(args)?)
}

fn export(args: &ExportBlocksArgs) -> Result<(), OperatorError> {
    let opened = place::open(&args.chain)?;
    let to = args.to.unwrap_or(opened.chain.best().number);
    // A chain of its genesis alone has nothing to export, which is no mistake.
    if args.from > to && args.to.is_some() {
        return Err(OperatorError::Range { from: args.from, to });
    }
    let form = if args.binary { Form::Binary } else { Form::Json };
    let oldest = opened.store.keeping().1;
    let fail = || file_error::<std::io::Error>(args.output.as_deref(), "standard output");
    let out: Box<dyn Write> = match &args.output {
        Some(path) => Box::new(std::fs::File::create(path).map_err(fail())?),
        None => Box::new(std::io::stdout().lock()),
    };
    let count = u64::from(to).saturating_add(1).saturating_sub(u64::from(args.from));
    let mut writer = BlockWriter::new(BufWriter::new(out), form, count).map_err(fail())?;
    for number in args.from..=to {
        writer.write(&block(&opened.chain, number, oldest)?).map_err(fail())?;
    }
    writer.finish().map_err(fail())?;
    eprintln!("exported {count} blocks, {} to {to}", args.from);
    Ok(())
}

fn block(
    chain: &OfflineChain,
    number: BlockNumber,
    oldest: BlockNumber,
) -> Result<SignedBlock, OperatorError> {
    let best = chain.best().number;
    let missing = || OperatorError::NoBlock { name: number.to_string(), best };
    let hash = chain.hash_by_number(number)?.ok_or_else(missing)?;
    let header = chain.header(hash)?.ok_or_else(missing)?;
    let extrinsics = chain.body(hash)?.ok_or(OperatorError::BodyPruned { number, oldest })?;
    let justification = chain.justification(hash)?;
    Ok(SignedBlock { block: Block { header: (*header).clone(), extrinsics }, justification })
}
