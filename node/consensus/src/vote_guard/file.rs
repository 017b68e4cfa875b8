//! The guard's two files: format, alternation, restoration.
//!
//! Format: `"QGRD" ++ version u8 ++ SCALE entries ++ blake2-256 of everything before`. Version 1 had no rounds; it is
//! still read.

use std::collections::BTreeMap;

use parity_scale_codec::{Decode, Encode};
use quire_core::hash::blake2_256;

use super::{Entries, VoteGuard};

const MAGIC: &[u8; 4] = b"QGRD";
const VERSION: u8 = 2;
const VERSION_WITHOUT_ROUNDS: u8 = 1;
const CHECKSUM_BYTES: usize = 32;

/// A file of the guard to write: the shell replaces the content of file number `file` with `bytes`, makes it durable
/// and then calls [`VoteGuard::written`]. If that fails, the node must stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuardWrite {
    /// Entries up to this number become durable.
    pub through: u64,
    /// Which of the two files: 0 or 1.
    pub file: usize,
    /// The whole content.
    pub bytes: Vec<u8>,
}

/// The guard's files cannot be used. Nothing may be signed with these keys until an operator has made sure that
/// nothing newer was signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GuardError {
    /// Both files exist and neither is whole.
    #[error(
        "both vote guard files are damaged ({first}; {second}): restore them from a backup, or use new keys"
    )]
    Damaged {
        /// What is wrong with file 0.
        first: String,
        /// What is wrong with file 1.
        second: String,
    },
    /// Written by a newer version of the node.
    #[error("the vote guard has format {version}, this node reads format {VERSION}: use the newer node")]
    Version {
        /// The version found.
        version: u8,
    },
}

impl VoteGuard {
    /// A guard that remembers nothing: only for keys that never signed anything.
    #[must_use]
    pub fn fresh() -> Self {
        Self { entries: Entries::default(), durable: 0, in_flight: None }
    }

    /// Restores the guard from its two files, `None` for a file that does not exist. A missing file beside a
    /// damaged or missing one means that the first start was interrupted: nothing was signed yet (R6).
    pub fn restore(files: [Option<&[u8]>; 2]) -> Result<Self, GuardError> {
        let [first, second] = files.map(|file| file.map(decode));
        for state in [&first, &second] {
            if let Some(Err(Unreadable::Version(version))) = state {
                return Err(GuardError::Version { version: *version });
            }
        }
        let newest = match (first, second) {
            (Some(Ok(first)), Some(Ok(second))) => {
                if first.writes >= second.writes {
                    first
                } else {
                    second
                }
            }
            (Some(Ok(only)), _) | (_, Some(Ok(only))) => only,
            (Some(Err(first)), Some(Err(second))) => {
                return Err(GuardError::Damaged { first: first.to_string(), second: second.to_string() });
            }
            _ => return Ok(Self::fresh()),
        };
        Ok(Self { durable: newest.recorded, entries: newest, in_flight: None })
    }

    /// What to write into both files before the first signature ever (R6): files 0 and 1.
    #[must_use]
    pub fn initial_files(&self) -> [GuardWrite; 2] {
        [0, 1].map(|file| GuardWrite { through: self.entries.recorded, file, bytes: encode(&self.entries) })
    }

    /// The next write, if something is recorded that is not durable and no write is under way.
    pub fn write(&mut self) -> Option<GuardWrite> {
        if self.in_flight.is_some() || self.entries.recorded <= self.durable {
            return None;
        }
        self.entries.writes = self.entries.writes.saturating_add(1);
        self.in_flight = Some(self.entries.recorded);
        let file = usize::from(self.entries.writes % 2 == 1);
        Some(GuardWrite { through: self.entries.recorded, file, bytes: encode(&self.entries) })
    }

    /// Tells that the write up to entry `through` is durable.
    pub fn written(&mut self, through: u64) {
        if self.in_flight == Some(through) {
            self.in_flight = None;
            self.durable = self.durable.max(through);
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum Unreadable {
    #[error("not a vote guard")]
    Magic,
    #[error("format {0}")]
    Version(u8),
    #[error("checksum differs")]
    Checksum,
    #[error("does not decode: {0}")]
    Content(String),
}

fn encode(entries: &Entries) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.push(VERSION);
    entries.encode_to(&mut bytes);
    let checksum = blake2_256(&bytes);
    bytes.extend_from_slice(&checksum);
    bytes
}

fn decode(bytes: &[u8]) -> Result<Entries, Unreadable> {
    let split = bytes.len().checked_sub(CHECKSUM_BYTES).ok_or(Unreadable::Magic)?;
    let (content, checksum) = bytes.split_at(split);
    let rest = content.strip_prefix(MAGIC).ok_or(Unreadable::Magic)?;
    if blake2_256(content) != checksum {
        return Err(Unreadable::Checksum);
    }
    let (version, mut rest) = rest.split_first().ok_or(Unreadable::Magic)?;
    if ![VERSION, VERSION_WITHOUT_ROUNDS].contains(version) {
        return Err(Unreadable::Version(*version));
    }
    let has_rounds = *version != VERSION_WITHOUT_ROUNDS;
    let entries =
        decode_entries(&mut rest, has_rounds).map_err(|error| Unreadable::Content(error.to_string()))?;
    if rest.is_empty() { Ok(entries) } else { Err(Unreadable::Content("bytes left over".into())) }
}

fn decode_entries(input: &mut &[u8], has_rounds: bool) -> Result<Entries, parity_scale_codec::Error> {
    let (recorded, writes, sealed, votes, sequences, commits, retired_below) = Decode::decode(input)?;
    let rounds = if has_rounds { Decode::decode(input)? } else { BTreeMap::new() };
    Ok(Entries { recorded, writes, sealed, votes, sequences, commits, retired_below, rounds })
}
