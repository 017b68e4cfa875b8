//! Content-addressed bytes on disk: encrypted chunks and manifests.
//!
//! Chunks are packed into the segments of a [`Log`], so storing a thousand of them costs a few fdatasyncs, not a
//! thousand. The index lives in memory: 60 bytes for 256 KiB.
//!
//! Rules
//! * R1: bytes are found under the hash of their content only, and are verified against it whenever they are read.
//! * R2: a chunk counts as stored when [`ChunkStore::sync`] has returned after its `put`.
//! * R3: a chunk has at most [`MAX_CHUNK_BYTES`]; storing one twice stores it once.
//!
//! Out of scope: erasing single chunks. A block is erased for good by forgetting its key (see [`crate::ratchet`]).

use crate::cid::{CID_BYTES, ChunkId, Codec};
use crate::log::{Log, LogError, LogOptions, Position, Recovery};
use quire_core::limits::MAX_CHUNK_BYTES;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// Where a validator gets bytes by their address: its own store, another node's.
pub trait FetchChunk: Sync {
    /// The addressed bytes, verified; `None` when nobody has them now.
    ///
    /// # Errors
    /// Failing disks.
    fn fetch(&self, id: &ChunkId) -> Result<Option<Vec<u8>>, ChunkError>;
}

/// Why the store cannot answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ChunkError {
    /// R3.
    #[error("a chunk of {length} bytes is over the limit of {MAX_CHUNK_BYTES} bytes; cut it")]
    TooLong {
        /// Bytes.
        length: usize,
    },
    /// R1: the disk returned other bytes than were stored.
    #[error("chunk {id} is damaged on disk; fetch it from another custodian and check the disk")]
    Damaged {
        /// The address.
        id: ChunkId,
    },
    /// The log below failed.
    #[error(transparent)]
    Log(#[from] LogError),
}

/// A store of chunks in a folder.
#[derive(Debug)]
pub struct ChunkStore {
    log: Log,
    index: Mutex<BTreeMap<ChunkId, Position>>,
}

impl ChunkStore {
    /// Opens or creates the store.
    ///
    /// # Errors
    /// Damaged or locked folders and failing disks.
    pub fn open(dir: &Path, options: LogOptions) -> Result<(ChunkStore, Recovery), ChunkError> {
        let mut index = BTreeMap::new();
        let mut visit = |position: Position, payload: &[u8]| {
            if let Some(Ok(id)) = payload.get(..CID_BYTES).map(ChunkId::from_bytes) {
                index.insert(id, position);
            }
        };
        let (log, recovery) = Log::open(dir, options, &mut visit)?;
        Ok((ChunkStore { log, index: Mutex::new(index) }, recovery))
    }

    /// Stores bytes under their address; durable after [`ChunkStore::sync`].
    ///
    /// # Errors
    /// Bytes over the limit, failing disks.
    pub fn put(&self, codec: Codec, bytes: &[u8]) -> Result<ChunkId, ChunkError> {
        if bytes.len() > MAX_CHUNK_BYTES as usize {
            return Err(ChunkError::TooLong { length: bytes.len() });
        }
        let id = ChunkId::of(codec, bytes);
        if !self.contains(&id) {
            let position = self.log.append(&[&id.to_bytes(), bytes])?;
            self.index.lock().unwrap_or_else(PoisonError::into_inner).insert(id, position);
        }
        Ok(id)
    }

    /// Makes everything that was put durable (R2).
    ///
    /// # Errors
    /// Failing disks.
    pub fn sync(&self) -> Result<(), ChunkError> {
        Ok(self.log.sync()?)
    }

    /// Whether the bytes are here.
    pub fn contains(&self, id: &ChunkId) -> bool {
        self.index.lock().unwrap_or_else(PoisonError::into_inner).contains_key(id)
    }

    /// Number of chunks.
    pub fn len(&self) -> usize {
        self.index.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl FetchChunk for ChunkStore {
    fn fetch(&self, id: &ChunkId) -> Result<Option<Vec<u8>>, ChunkError> {
        let found = self.index.lock().unwrap_or_else(PoisonError::into_inner).get(id).copied();
        let Some(position) = found else { return Ok(None) };
        let mut bytes = Vec::new();
        self.log.read_tail(position, CID_BYTES, &mut bytes)?;
        if id.is_of(&bytes) { Ok(Some(bytes)) } else { Err(ChunkError::Damaged { id: *id }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use tempfile::TempDir;

    fn open(dir: &TempDir) -> ChunkStore {
        ChunkStore::open(dir.path(), LogOptions::default()).expect("opens").0
    }

    #[test]
    fn r1_r2_chunks_survive_reopening() {
        let dir = TempDir::new().expect("a folder");
        let store = open(&dir);
        let id = store.put(Codec::Raw, b"leaf").expect("stored");
        let manifest = store.put(Codec::DagCbor, b"leaf").expect("stored");
        store.sync().expect("durable");
        assert_ne!(id, manifest);
        drop(store);
        let store = open(&dir);
        assert_eq!(store.fetch(&id).expect("read"), Some(b"leaf".to_vec()));
        assert_eq!(store.fetch(&ChunkId::of(Codec::Raw, b"other")).expect("read"), None);
        assert_eq!(store.len(), 2);
    }

    #[test]
    fn r1_damage_is_noticed_when_reading() {
        let dir = TempDir::new().expect("a folder");
        let store = open(&dir);
        let id = store.put(Codec::Raw, b"leaf").expect("stored");
        store.sync().expect("durable");
        let path = dir.path().join("00000000000000000000.log");
        let mut bytes = fs::read(&path).expect("the segment");
        *bytes.last_mut().expect("not empty") ^= 1;
        fs::write(&path, bytes).expect("written");
        assert!(matches!(store.fetch(&id), Err(ChunkError::Damaged { .. })));
    }

    #[test]
    fn r3_limits_and_duplicates() {
        let dir = TempDir::new().expect("a folder");
        let store = open(&dir);
        let long = vec![0; MAX_CHUNK_BYTES as usize + 1];
        assert!(matches!(store.put(Codec::Raw, &long), Err(ChunkError::TooLong { .. })));
        assert!(store.is_empty());
        let first = store.put(Codec::Raw, &long[1..]).expect("at the limit");
        assert_eq!(store.put(Codec::Raw, &long[1..]).expect("again"), first);
        assert_eq!(store.len(), 1);
    }
}
