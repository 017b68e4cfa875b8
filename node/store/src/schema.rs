//! The store's own record: which layout, which chain, how far.
//!
//! Rules:
//! * R1: a store of another layout version is refused with a sentence, never read on a guess. Migrations, once there are
//!   any, run here from version to version before anything else reads.
//! * R2: a store of another chain than the one that the node was started for is refused: the genesis hash tells them apart.
//! * R3: the record is written in the batch of every commit, so it always agrees with the rest.

use crate::{
    backend::Backend,
    backend::BackendError,
    column::Column,
    pruning::{Keeping, Pruning},
};
use parity_scale_codec::{Decode, Encode};
use quire_chain::Head;
use quire_core::{BlockNumber, H256};

/// Version of the layout that this code writes.
pub const VERSION: u32 = 1;

/// The store's own record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Record {
    /// Commits so far; names blobs.
    pub(crate) sequence: u64,
    /// The last finalised block.
    pub(crate) head: Option<Head>,
    /// The lowest height whose state is readable.
    pub(crate) oldest_state: BlockNumber,
    /// What stays of old blocks; records of the first releases do not say.
    pub(crate) kept: Option<Keeping>,
    /// The lowest height above 0 whose body is there.
    pub(crate) oldest_body: BlockNumber,
}

/// Why a store that can be read is not the one to use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The database itself.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// Written by other software.
    #[error(
        "the database has layout version {found}, this node reads version {VERSION}: use the release that wrote it, or delete the database and sync again"
    )]
    Version {
        /// What the database says.
        found: u32,
    },
    /// The record is not one.
    #[error(
        "the database's own record is damaged: restore it from a copy, or delete the database and sync again"
    )]
    Record,
    /// Less than everything is asked of an archive.
    #[error(
        "the database is an archive of all {what} and {flag} {blocks} would throw most of them away: start without {flag}, or run quire purge-chain and sync again; nothing was changed"
    )]
    Archive {
        /// States or bodies.
        what: &'static str,
        /// The flag.
        flag: &'static str,
        /// What it asks for.
        blocks: u32,
    },
    /// Belongs to another chain.
    #[error(
        "the database holds the chain with genesis {found}, but the chain spec has genesis {expected}: choose another --base-path, or the spec file of that chain; nothing was changed"
    )]
    OtherChain {
        /// Genesis hash in the database.
        found: H256,
        /// Genesis hash of the spec.
        expected: H256,
    },
}

fn key() -> Vec<u8> {
    Column::Meta.key(&[b"s"])
}

impl Record {
    /// What stays of old blocks.
    pub(crate) fn keeping(&self) -> Keeping {
        self.kept.unwrap_or(Keeping { states: Pruning::STATES, bodies: Pruning::BODIES })
    }

    /// The row to write.
    pub(crate) fn row(&self) -> (Vec<u8>, Vec<u8>) {
        let head = self.head.map(|head| (head.number, head.hash));
        let mut row = (VERSION, self.sequence, head, self.oldest_state).encode();
        // Behind what the first releases read.
        if let Some(kept) = self.kept {
            (kept, self.oldest_body).encode_to(&mut row);
        }
        (key(), row)
    }

    /// Reads the record; a new one when the database is empty.
    pub(crate) fn read(backend: &impl Backend) -> Result<Self, OpenError> {
        let Some(row) = backend.get(&key())? else {
            return Ok(Record { sequence: 0, head: None, oldest_state: 0, kept: None, oldest_body: 1 });
        };
        let input = &mut &row[..];
        match u32::decode(input) {
            Ok(VERSION) => {}
            Ok(found) => return Err(OpenError::Version { found }),
            Err(_) => return Err(OpenError::Record),
        }
        let (sequence, head, oldest_state) = <(u64, Option<(BlockNumber, H256)>, BlockNumber)>::decode(input)
            .map_err(|_| OpenError::Record)?;
        let head = head.map(|(number, hash)| Head { number, hash });
        let (kept, oldest_body) = match input.is_empty() {
            true => (None, 1),
            false => {
                let (kept, oldest) =
                    <(Keeping, BlockNumber)>::decode(input).map_err(|_| OpenError::Record)?;
                (Some(kept), oldest)
            }
        };
        Ok(Record { sequence, head, oldest_state, kept, oldest_body })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::{Batch, memory::MemoryBackend};

    #[test]
    fn the_record_comes_back() {
        let backend = MemoryBackend::default();
        let kept = Keeping { states: Pruning::Keep(3), bodies: Pruning::Archive };
        let head = Head { number: 7, hash: H256([3; 32]) };
        for (head, kept, oldest_body) in [(None, None, 1), (Some(head), None, 1), (Some(head), Some(kept), 5)]
        {
            let record = Record { sequence: 9, head, oldest_state: 4, kept, oldest_body };
            let (key, value) = record.row();
            let mut batch = Batch::default();
            batch.put(key, value);
            backend.write(batch).unwrap();
            assert_eq!(Record::read(&backend).unwrap(), record);
        }
    }

    #[test]
    fn r1_another_version_and_a_damaged_record_are_refused() {
        let backend = MemoryBackend::default();
        for (row, error) in [
            ((VERSION + 1).encode(), OpenError::Version { found: VERSION + 1 }),
            (VERSION.encode(), OpenError::Record),
            (vec![1], OpenError::Record),
        ] {
            let mut batch = Batch::default();
            batch.put(key(), row);
            backend.write(batch).unwrap();
            assert_eq!(Record::read(&backend).unwrap_err(), error);
        }
    }
}
