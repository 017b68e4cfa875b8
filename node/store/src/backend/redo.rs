//! The redo log: two files in which batches are durable before the database has them.
//!
//! Terms: a *record* is one batch with its sequence number and a checksum; a file is *free* when the database holds
//! everything in it, durably.
//!
//! ```text
//!   write(batch) ──append, fdatasync──> redo.0  (full)──> redo.1  (full)──> redo.0 …
//!                                          │ a file is begun anew only when it is free
//! ```
//!
//! Rules:
//! * R1: `append` returns when the record is durable.
//! * R2: numbers rise by one from record to record, over both files. A file ends at the first record whose checksum or number
//!   is wrong: torn at a crash, or left from an earlier use.
//! * R3: replaying all records in order over a database that holds any part of them gives the state after the last one, for
//!   a record holds whole rows.
//! * R4: a file that must not be overwritten yet makes the writer wait (`room`), so the log is bounded.

use super::{BackendError, Batch};
use quire_core::hash::twox_64;
use std::{
    fs::File,
    io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

/// Checksum, number, length of what follows.
const HEAD_BYTES: usize = 8 + 8 + 4;
/// Length that marks a deleted row.
const DELETED: u32 = u32::MAX;

#[derive(Debug)]
struct Part {
    file: File,
    length: u64,
    /// Number of the last record, 0 when there is none.
    last: u64,
}

/// The open log. One writer.
#[derive(Debug)]
pub(super) struct Redo {
    parts: [Part; 2],
    current: usize,
    next: u64,
    part_bytes: u64,
}

/// Whether the writer may go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Room {
    /// It may.
    Yes,
    /// Not before the database durably holds the record with this number.
    After(u64),
}

impl Redo {
    /// The records that the files in a folder hold, in order: what to replay before [`Redo::begin`].
    pub(super) fn recover(folder: &Path) -> io::Result<Vec<Batch>> {
        let mut parts = Vec::new();
        for path in paths(folder) {
            match std::fs::read(path) {
                Ok(bytes) => parts.push(records(&bytes)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        parts.sort_by_key(|records| records.first().map_or(0, |(number, _)| *number));
        Ok(parts.into_iter().flatten().map(|(_, batch)| batch).collect())
    }

    /// Empties the files. To be called when the database durably holds all that `recover` gave.
    pub(super) fn begin(folder: &Path, part_bytes: u64) -> io::Result<Self> {
        let open = |path: PathBuf| {
            let file = File::options().create(true).truncate(false).write(true).open(path)?;
            file.set_len(0)?;
            file.sync_all()?;
            Ok::<_, io::Error>(Part { file, length: 0, last: 0 })
        };
        let [first, second] = paths(folder);
        let redo = Redo { parts: [open(first)?, open(second)?], current: 0, next: 1, part_bytes };
        File::open(folder)?.sync_all()?;
        Ok(redo)
    }

    /// Whether there is room for another record, when the database durably holds all up to `applied` (R4).
    pub(super) fn room(&self, applied: u64) -> Room {
        let other = &self.parts[1 - self.current];
        if self.parts[self.current].length < self.part_bytes || other.last <= applied {
            Room::Yes
        } else {
            Room::After(other.last)
        }
    }

    /// Makes a batch durable; returns its number. Only after `room` said yes.
    pub(super) fn append(&mut self, batch: &Batch) -> io::Result<u64> {
        if self.parts[self.current].length >= self.part_bytes {
            self.current = 1 - self.current;
            let part = &mut self.parts[self.current];
            part.file.set_len(0)?;
            part.length = 0;
        }
        let record = encode(self.next, batch);
        let part = &mut self.parts[self.current];
        part.file.write_all_at(&record, part.length)?;
        part.file.sync_data()?;
        part.length += record.len() as u64;
        part.last = self.next;
        self.next += 1;
        Ok(part.last)
    }
}

fn paths(folder: &Path) -> [PathBuf; 2] {
    [folder.join("redo.0"), folder.join("redo.1")]
}

fn encode(number: u64, batch: &Batch) -> Vec<u8> {
    let mut record = vec![0; HEAD_BYTES];
    for (key, value) in &batch.rows {
        // `Batch::check` keeps both far below the width of their lengths.
        record.extend_from_slice(&u16::try_from(key.len()).unwrap_or(u16::MAX).to_le_bytes());
        let length = value.as_ref().map_or(DELETED, |value| u32::try_from(value.len()).unwrap_or(DELETED));
        record.extend_from_slice(&length.to_le_bytes());
        record.extend_from_slice(key);
        record.extend_from_slice(value.as_deref().unwrap_or_default());
    }
    let length = u32::try_from(record.len() - HEAD_BYTES).unwrap_or(u32::MAX);
    record[8..16].copy_from_slice(&number.to_le_bytes());
    record[16..HEAD_BYTES].copy_from_slice(&length.to_le_bytes());
    let checksum = twox_64(&record[8..]);
    record[..8].copy_from_slice(&checksum);
    record
}

/// The good records at the beginning of a file (R2).
fn records(mut bytes: &[u8]) -> Vec<(u64, Batch)> {
    let mut found: Vec<(u64, Batch)> = Vec::new();
    while let Some((number, batch, rest)) = record(bytes) {
        if found.last().is_some_and(|(last, _)| number != last + 1) {
            break;
        }
        found.push((number, batch));
        bytes = rest;
    }
    found
}

fn record(bytes: &[u8]) -> Option<(u64, Batch, &[u8])> {
    let (head, rest) = bytes.split_first_chunk::<HEAD_BYTES>()?;
    let length = u32::from_le_bytes(head[16..].try_into().ok()?) as usize;
    let (rows, rest) = rest.split_at_checked(length)?;
    if twox_64(&bytes[8..HEAD_BYTES + length]) != head[..8] {
        return None;
    }
    Some((u64::from_le_bytes(head[8..16].try_into().ok()?), decode(rows)?, rest))
}

fn decode(mut rows: &[u8]) -> Option<Batch> {
    let mut batch = Batch::default();
    while !rows.is_empty() {
        let (key_bytes, rest) = rows.split_first_chunk()?;
        let (value_bytes, rest) = rest.split_first_chunk()?;
        let (key, rest) = rest.split_at_checked(usize::from(u16::from_le_bytes(*key_bytes)))?;
        rows = match u32::from_le_bytes(*value_bytes) {
            DELETED => {
                batch.delete(key.to_vec());
                rest
            }
            length => {
                let (value, rest) = rest.split_at_checked(length as usize)?;
                batch.put(key.to_vec(), value.to_vec());
                rest
            }
        };
    }
    Some(batch)
}

/// Largest batch that fits into one record.
pub(super) fn check(batch: &Batch) -> Result<(), BackendError> {
    const MAX_RECORD_BYTES: usize = u32::MAX as usize / 2;
    let size_bytes = batch.size_bytes() + batch.len() * 6;
    if size_bytes > MAX_RECORD_BYTES {
        return Err(BackendError::TooLarge { what: "batch", size_bytes, max_bytes: MAX_RECORD_BYTES });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(n: u8) -> Batch {
        let mut batch = Batch::default();
        batch.put(vec![n], vec![n; usize::from(n) * 10]);
        batch.delete(vec![n, n]);
        batch.put(vec![], vec![]);
        batch
    }

    fn append(redo: &mut Redo, numbers: std::ops::RangeInclusive<u8>) {
        for number in numbers {
            assert_eq!(redo.room(u64::from(number) - 1), Room::Yes);
            assert_eq!(redo.append(&batch(number)).unwrap(), u64::from(number));
        }
    }

    #[test]
    fn r2_records_come_back_in_order_over_both_files() {
        let folder = tempfile::tempdir().unwrap();
        let mut redo = Redo::begin(folder.path(), 300).unwrap();
        append(&mut redo, 1..=12);
        let found = Redo::recover(folder.path()).unwrap();
        assert!(found.len() > 1 && found.len() < 12, "{} records", found.len());
        let first = 13 - found.len() as u8;
        assert_eq!(found, (first..=12).map(batch).collect::<Vec<_>>());
        drop(Redo::begin(folder.path(), 300).unwrap());
        assert_eq!(Redo::recover(folder.path()).unwrap(), vec![]);
    }

    #[test]
    fn r2_a_torn_record_ends_the_log() {
        let folder = tempfile::tempdir().unwrap();
        let mut redo = Redo::begin(folder.path(), 1 << 20).unwrap();
        append(&mut redo, 1..=5);
        let path = folder.path().join("redo.0");
        let whole = std::fs::read(&path).unwrap();
        let starts: Vec<usize> =
            (1..=5).map(|n| (1..n).map(|n| encode(n, &batch(n as u8)).len()).sum()).collect();
        for cut in 0..whole.len() {
            std::fs::write(&path, &whole[..cut]).unwrap();
            let complete = starts[1..].iter().filter(|start| **start <= cut).count();
            assert_eq!(Redo::recover(folder.path()).unwrap().len(), complete, "cut at {cut}");
            let mut damaged = whole.clone();
            damaged[cut] ^= 1;
            std::fs::write(&path, &damaged).unwrap();
            let before = starts.iter().filter(|start| **start <= cut).count() - 1;
            assert_eq!(Redo::recover(folder.path()).unwrap().len(), before, "damaged at {cut}");
        }
    }

    #[test]
    fn r2_what_is_left_from_an_earlier_use_is_not_replayed() {
        let folder = tempfile::tempdir().unwrap();
        let old: Vec<u8> = (1..=3).flat_map(|n| encode(n, &batch(1))).collect();
        let mut bytes = encode(9, &batch(1));
        bytes.extend_from_slice(&old[bytes.len()..]);
        std::fs::write(folder.path().join("redo.1"), bytes).unwrap();
        assert_eq!(Redo::recover(folder.path()).unwrap(), vec![batch(1)]);
    }

    #[test]
    fn r4_the_writer_waits_for_the_database() {
        let folder = tempfile::tempdir().unwrap();
        let mut redo = Redo::begin(folder.path(), 1).unwrap();
        append(&mut redo, 1..=2);
        assert_eq!(redo.room(0), Room::After(1));
        assert_eq!(redo.room(1), Room::Yes);
    }
}
