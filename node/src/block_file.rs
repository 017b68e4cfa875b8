//! Files of blocks, as Substrate's `export-blocks` writes and `import-blocks` reads them.
//!
//! Rules:
//! * R1 Binary: the number of blocks as u64, little-endian; then of each block, in SCALE, header, extrinsics, and the
//!   optional list of justifications (engine, bytes).
//! * R2 JSON: one object for each block, as `chain_getBlock` answers it; one a line when written, in any layout when read.
//! * R3 The form of a file is found out from its first bytes: the count of R1 has zero bytes, JSON has none.
//! * R4 A file may come from anybody: no block takes more than a bounded amount of memory, and a mistake is named with
//!   the place of its block.
//!
//! Out of scope: whether the blocks are right (`quire_chain::import`).
mod json;
mod scale;

use quire_core::Block;
use quire_core::digest::GRANDPA_ENGINE_ID;
use quire_core::limits::MAX_BLOCK_BYTES;
use std::io::{BufRead, Read, Write};

/// Most bytes of one block in a binary file: the block and a justification of the largest voter set.
const MAX_SCALE_BYTES: u64 = MAX_BLOCK_BYTES as u64 + MAX_JUSTIFICATIONS_BYTES as u64;
/// Most bytes of one block in a JSON file: hex doubles the block, numbers in a list quadruple the justification.
const MAX_JSON_BYTES: u64 = 2 * MAX_BLOCK_BYTES as u64 + 6 * MAX_JUSTIFICATIONS_BYTES as u64;
/// Most bytes of the justifications of a block.
const MAX_JUSTIFICATIONS_BYTES: u32 = 4 * 1024 * 1024;
/// Most justifications of a block: one for each finality engine.
const MAX_JUSTIFICATIONS: u32 = 8;

/// Why a file cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum BlockFileError {
    /// The file itself.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// What is in it.
    #[error("block {place} of the file: {reason}")]
    Format {
        /// Which block, counted from 1.
        place: u64,
        /// What is wrong with it.
        reason: String,
    },
}

/// A block with the proof of its finality, if it carries one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedBlock {
    /// The block.
    pub block: Block,
    /// An encoded GRANDPA justification.
    pub justification: Option<Vec<u8>>,
}

/// The form of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// R1.
    Binary,
    /// R2.
    Json,
}

/// Writes blocks.
pub struct BlockWriter<W> {
    out: W,
    form: Form,
}

impl<W: Write> BlockWriter<W> {
    /// A file of `count` blocks.
    pub fn new(mut out: W, form: Form, count: u64) -> std::io::Result<Self> {
        if form == Form::Binary {
            out.write_all(&count.to_le_bytes())?;
        }
        Ok(Self { out, form })
    }

    /// Adds a block.
    pub fn write(&mut self, block: &SignedBlock) -> std::io::Result<()> {
        match self.form {
            Form::Binary => self.out.write_all(&scale::encode(block)),
            Form::Json => {
                serde_json::to_writer(&mut self.out, &json::JsonSigned::from(block))?;
                self.out.write_all(b"\n")
            }
        }
    }

    /// Writes out what waits.
    pub fn finish(mut self) -> std::io::Result<()> {
        self.out.flush()
    }
}

/// Reads blocks.
pub struct BlockReader<R: Read> {
    source: Source<R>,
    place: u64,
}

enum Source<R: Read> {
    Binary { input: scale::Metered<R>, left: u64 },
    Json(json::JsonReader<R>),
}

impl<R: BufRead> BlockReader<std::io::Chain<std::io::Cursor<Vec<u8>>, R>> {
    /// Begins a file (R3).
    pub fn new(mut input: R) -> Result<Self, BlockFileError> {
        let mut first = [0; 8];
        let mut length = 0;
        while length < first.len() {
            match input.read(&mut first[length..])? {
                0 => break,
                more => length += more,
            }
        }
        let is_binary = length == first.len() && first.contains(&0);
        let source = if is_binary {
            let input = std::io::Cursor::new(Vec::new()).chain(input);
            Source::Binary { input: scale::Metered::new(input), left: u64::from_le_bytes(first) }
        } else {
            Source::Json(json::JsonReader::new(std::io::Cursor::new(first[..length].to_vec()).chain(input)))
        };
        Ok(Self { source, place: 0 })
    }
}

impl<R: Read> BlockReader<R> {
    /// Blocks that the file says are still to come; JSON says nothing.
    pub fn left(&self) -> Option<u64> {
        match &self.source {
            Source::Binary { left, .. } => Some(*left),
            Source::Json(_) => None,
        }
    }

    /// The next block; none at the end.
    pub fn next_block(&mut self) -> Result<Option<SignedBlock>, BlockFileError> {
        self.place += 1;
        let wrong = |reason: String| BlockFileError::Format { place: self.place, reason };
        match &mut self.source {
            Source::Binary { left: 0, .. } => Ok(None),
            Source::Binary { input, left } => {
                let block = scale::decode(input).map_err(wrong)?;
                *left -= 1;
                Ok(Some(block))
            }
            Source::Json(input) => input.next_block().map_err(wrong),
        }
    }
}

/// The GRANDPA justification among those of all engines.
fn grandpa_only(all: Option<Vec<([u8; 4], Vec<u8>)>>) -> Option<Vec<u8>> {
    all.into_iter().flatten().find(|(engine, _)| *engine == GRANDPA_ENGINE_ID).map(|(_, bytes)| bytes)
}

/// All justifications of a block.
fn justifications(block: &SignedBlock) -> Option<Vec<([u8; 4], Vec<u8>)>> {
    block.justification.as_ref().map(|bytes| vec![(GRANDPA_ENGINE_ID, bytes.clone())])
}

#[cfg(test)]
mod tests;
