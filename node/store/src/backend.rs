//! The narrow door to the disk: what a database must offer, and nothing else.
//!
//! Terms: a *row* is a key with its value; a *batch* is a list of rows to write or to delete.
//!
//! Rules (the shared suite in `backend/suite.rs` runs them on every implementation):
//! * R1: a batch is applied whole or not at all, whatever happens to the process or to the machine.
//! * R2: when `write` returns `Ok`, the batch survives the loss of power.
//! * R3: no reader sees a part of a batch in one `get`; two reads may lie on two sides of a batch.
//! * R4: a range is in ascending byte order; it is not a snapshot (rows may come from before and after a batch).
//! * R5: after a failed write the database answers every later call with the same error. The process
//!   should end; opening again gives the last durable batch or a later one.
//! * R6: keys and values over the limits below are refused before anything is written.
//!
//! Out of scope: caching, large values and the meaning of keys; see `cache.rs`, `large.rs` and `column.rs`.

pub mod memory;
mod redo;
pub mod sled;
#[cfg(test)]
mod suite;

use quire_core::limits::MAX_STORAGE_KEY_BYTES;
use std::path::PathBuf;

/// Longest key of a row, in bytes: twice the longest storage key, since escaping may double it, and a few bytes of our own.
pub const MAX_KEY_BYTES: usize = 2 * MAX_STORAGE_KEY_BYTES as usize + 64;
/// Longest value of one row, in bytes. Seventeen of them with their keys fit into a quarter of a sled
/// segment, so sled never moves one into a side file, which it would not sync. Longer values are cut by `large.rs`.
pub const MAX_ROW_BYTES: usize = 16 * 1024;

/// One row: key and value.
pub type Row = (Vec<u8>, Vec<u8>);

/// Rows to write and to delete, applied as one.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Batch {
    rows: Vec<(Vec<u8>, Option<Vec<u8>>)>,
}

impl Batch {
    /// Writes a row; a later operation on the same key wins.
    pub fn put(&mut self, key: Vec<u8>, value: Vec<u8>) {
        self.rows.push((key, Some(value)));
    }

    /// Deletes a row, if it is there.
    pub fn delete(&mut self, key: Vec<u8>) {
        self.rows.push((key, None));
    }

    /// Number of operations.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Bytes of all keys and values.
    pub fn size_bytes(&self) -> usize {
        self.rows.iter().map(|(key, value)| key.len() + value.as_ref().map_or(0, Vec::len)).sum()
    }

    /// Fails on the first row over a limit (R6).
    fn check(&self) -> Result<(), BackendError> {
        for (key, value) in &self.rows {
            if key.len() > MAX_KEY_BYTES {
                return Err(BackendError::TooLarge {
                    what: "key",
                    size_bytes: key.len(),
                    max_bytes: MAX_KEY_BYTES,
                });
            }
            let size_bytes = value.as_ref().map_or(0, Vec::len);
            if size_bytes > MAX_ROW_BYTES {
                return Err(BackendError::TooLarge { what: "value", size_bytes, max_bytes: MAX_ROW_BYTES });
            }
        }
        Ok(())
    }
}

/// An ordered map of bytes on durable storage. See the rules of this module.
pub trait Backend: Send + Sync + 'static {
    /// The value of a key.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, BackendError>;

    /// The first `limit` rows with `start <= key < end`, in ascending order.
    fn range(&self, start: &[u8], end: &[u8], limit: usize) -> Result<Vec<Row>, BackendError>;

    /// Applies a batch and returns when it is durable.
    fn write(&self, batch: Batch) -> Result<(), BackendError>;

    /// Returns when everything written before is durable. `write` does so already; a clean stop may repeat it.
    fn flush(&self) -> Result<(), BackendError>;
}

/// Why the database cannot go on. Every variant but `TooLarge` and `InUse` means that the node must stop.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BackendError {
    /// No space left where the database lies.
    #[error(
        "the disk that holds {path} is full: free some space there and start the node again; everything acknowledged so far is safe"
    )]
    DiskFull {
        /// Folder of the database.
        path: PathBuf,
    },
    /// The operating system failed to read or write.
    #[error(
        "the database at {path} cannot be read or written ({reason}): the node stops rather than go on with a half-written store; check the disk and the rights of this folder, then start the node again"
    )]
    Io {
        /// Folder of the database.
        path: PathBuf,
        /// Message of the operating system.
        reason: String,
    },
    /// What is on the disk is not what was written.
    #[error(
        "the database at {path} is damaged ({reason}): restore this folder from a copy, or delete it and let the node fetch the chain again"
    )]
    Corrupt {
        /// Folder of the database.
        path: PathBuf,
        /// What was found.
        reason: String,
    },
    /// Another process has it open.
    #[error(
        "the database at {path} is used by another process: stop the other node or choose another --base-path"
    )]
    InUse {
        /// Folder of the database.
        path: PathBuf,
    },
    /// A row over a limit; nothing was written.
    #[error("a database {what} of {size_bytes} bytes is over the limit of {max_bytes} bytes")]
    TooLarge {
        /// "key", "value" or "batch".
        what: &'static str,
        /// Its size.
        size_bytes: usize,
        /// The limit.
        max_bytes: usize,
    },
}
