//! What a validator computes for one block: parts → merged messages → outputs → result.
//!
//! Rules
//! * R1: a counted part that does not decode counts as empty, for everybody; one whose bytes are missing is no reason for a
//!   result without it: the validator waits for them.
//! * R2: the result depends on the counted parts, the program and the era only: not on threads, order of arrival, batch
//!   cuts or time.
//! * R3: parts are opened one after the other, so the memory holds one plain part beside the merge.
//!
//! Out of scope: committing and revealing (see [`crate::duty`]), execution of programs ([`RunProgram`] is given).

use crate::chunk_store::FetchChunk;
use crate::crypt::PartPlace;
use crate::part_store::{OpenError, Undecodable, open_part};
use crate::ratchet::BlockKey;
use crate::signing::ChannelKeys;
use quire_channel::PartAnchor;
use quire_channel::merge::{Exclusions, MergePlace, Merged, Merger, Parallel};
use quire_channel::program::abi::Context;
use quire_channel::result::{self, Outputs, ResultHeader};
use quire_core::H256;
use rayon::prelude::*;

/// All cores of the rayon pool in which it is called.
#[derive(Debug, Clone, Copy, Default)]
pub struct AllCores;

impl Parallel for AllCores {
    fn each<T: Send>(&self, items: &mut [T], work: impl Fn(usize, &mut T) + Sync) {
        items.par_iter_mut().enumerate().for_each(|(index, item)| work(index, item));
    }
}

/// What a program run gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgramRun {
    /// One leaf per unit of work, in order.
    pub records: Vec<H256>,
    /// The outputs in canonical order.
    pub outputs: Outputs,
}

/// The program host.
pub trait RunProgram: Sync {
    /// Runs the registered program with this hash over the merged messages of a block.
    ///
    /// # Errors
    /// A sentence that says why the host cannot run the program at all; what goes wrong inside a program is a notice.
    fn run(&self, program: &H256, context: &Context, merged: &Merged) -> Result<ProgramRun, String>;
}

/// Everything that determines the result of a block.
#[derive(Debug, Clone)]
pub struct Job {
    /// Which block.
    pub place: MergePlace,
    /// Message keys of the participants in this block.
    pub keys: ChannelKeys,
    /// Counted parts by participant.
    pub parts: Vec<(u8, PartAnchor)>,
    /// Key of the block.
    pub key: BlockKey,
    /// Hash of the program.
    pub program: H256,
    /// What the program knows before it sees a message.
    pub context: Context,
}

/// Where the work stands, for whoever measures it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Fetching, decrypting and merging parts begins.
    Merge,
    /// Ordering begins.
    Order,
    /// The program begins.
    Program,
    /// The result is known.
    Done,
}

/// What came out.
#[derive(Debug, Clone)]
pub struct Computed {
    /// The result.
    pub header: ResultHeader,
    /// Its outputs, to be settled in slices.
    pub outputs: Outputs,
    /// What did not count.
    pub exclusions: Exclusions,
    /// Participants whose parts counted as empty, with the reason.
    pub empty: Vec<(u8, Undecodable)>,
}

/// Why there is no result yet.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ProcessError {
    /// A part cannot be read now (R1).
    #[error("the part of participant {participant} cannot be read: {source}")]
    Part {
        /// Whose part.
        participant: u8,
        /// Why.
        source: OpenError,
    },
    /// The host cannot run the program.
    #[error("program {program} does not run here: {why}")]
    Program {
        /// Hash of the program.
        program: H256,
        /// The host's reason.
        why: String,
    },
}

/// Computes the result of a block (R1 to R3).
///
/// # Errors
/// Missing bytes, a failing disk, a program host that cannot start. Trying again later is right.
pub fn process(
    job: &Job,
    source: &impl FetchChunk,
    runner: &impl RunProgram,
    on_stage: &mut dyn FnMut(Stage),
) -> Result<Computed, ProcessError> {
    on_stage(Stage::Merge);
    let mut merger = Merger::new(job.place);
    let mut empty = Vec::new();
    for (participant, anchor) in &job.parts {
        if let Err(why) = add_part(job, *participant, anchor, source, &mut merger)? {
            empty.push((*participant, why));
        }
    }
    on_stage(Stage::Order);
    let merged = merger.finish(&AllCores);
    on_stage(Stage::Program);
    let run = runner.run(&job.program, &job.context, &merged);
    let run = run.map_err(|why| ProcessError::Program { program: job.program, why })?;
    let header = result::assemble(&merged.facts(), job.program, &run.records, &run.outputs);
    on_stage(Stage::Done);
    Ok(Computed { header, outputs: run.outputs, exclusions: merged.exclusions().clone(), empty })
}

/// Adds one part; the inner error says why it counts as empty.
fn add_part(
    job: &Job,
    participant: u8,
    anchor: &PartAnchor,
    source: &impl FetchChunk,
    merger: &mut Merger,
) -> Result<Result<(), Undecodable>, ProcessError> {
    let MergePlace { genesis, channel, block, .. } = job.place;
    let place = PartPlace { genesis, channel, block, participant };
    match open_part(anchor, &job.key, place, source) {
        Ok(plain) => {
            Ok(merger.add_part(participant, &plain, &job.keys, &AllCores).map_err(Undecodable::Part))
        }
        Err(OpenError::Undecodable(why)) => {
            merger.add_empty(participant);
            Ok(Err(why))
        }
        Err(source) => Err(ProcessError::Part { participant, source }),
    }
}

#[cfg(test)]
mod tests;
