//! The bytes of a segment file, and the few file operations the log needs.
//!
//! Format, all integers little-endian:
//! * header: `quirelog` (8 bytes), index of the first record (u64);
//! * record: mark `QREC` (4 bytes), CRC-32 of the rest of the record (u32), payload length (u32), index (u64), number of
//!   durable records when it was written (u64), payload.

use super::LogError;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

pub(super) const HEADER_BYTES: usize = 16;
pub(super) const RECORD_HEADER_BYTES: usize = 28;
pub(super) const MAGIC: &[u8; 8] = b"quirelog";
pub(super) const MARK: &[u8; 4] = b"QREC";
const ENDING: &str = "log";

/// Creates and extends segment files; tests put a failing disk in its place.
pub(super) trait SegmentFiles: Send {
    fn append(&self, path: &Path) -> io::Result<Box<dyn SegmentFile>>;
}

/// One open segment.
pub(super) trait SegmentFile: Send {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()>;
    fn sync(&mut self) -> io::Result<()>;
}

/// The real disk.
pub(super) struct OnDisk;

impl SegmentFiles for OnDisk {
    fn append(&self, path: &Path) -> io::Result<Box<dyn SegmentFile>> {
        Ok(Box::new(File::options().create(true).append(true).open(path)?))
    }
}

impl SegmentFile for File {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }
}

/// Name of a segment file.
pub(super) fn path(dir: &Path, segment: u64) -> PathBuf {
    dir.join(format!("{segment:020}.{ENDING}"))
}

/// First indices of all segments, ascending.
pub(super) fn list(dir: &Path) -> Result<Vec<u64>, LogError> {
    let failed = |error: io::Error| LogError::io("list", dir, &error);
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let is_segment = path.extension().is_some_and(|ending| ending == ENDING);
        let index = path.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.parse().ok());
        if let (true, Some(index)) = (is_segment, index) {
            found.push(index);
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// Makes new and removed names durable.
pub(super) fn sync_dir(dir: &Path) -> Result<(), LogError> {
    File::open(dir).and_then(|file| file.sync_all()).map_err(|error| LogError::io("sync", dir, &error))
}

pub(super) fn write_header(out: &mut Vec<u8>, segment: u64) {
    out.extend_from_slice(MAGIC);
    out.extend_from_slice(&segment.to_le_bytes());
}

pub(super) fn write_record(out: &mut Vec<u8>, index: u64, durable: u64, length: u32, pieces: &[&[u8]]) {
    out.extend_from_slice(MARK);
    let crc_at = out.len();
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&index.to_le_bytes());
    out.extend_from_slice(&durable.to_le_bytes());
    for piece in pieces {
        out.extend_from_slice(piece);
    }
    let crc = crc32fast::hash(&out[crc_at + 4..]);
    out[crc_at..crc_at + 4].copy_from_slice(&crc.to_le_bytes());
}

/// The fixed part of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RecordHeader {
    pub(super) crc: u32,
    pub(super) length: u32,
    pub(super) index: u64,
    pub(super) durable: u64,
}

impl RecordHeader {
    /// Reads a header; `None` when the mark is missing.
    pub(super) fn read(bytes: &[u8; RECORD_HEADER_BYTES]) -> Option<RecordHeader> {
        let (mark, rest) = bytes.split_first_chunk::<4>()?;
        let (crc, rest) = rest.split_first_chunk::<4>()?;
        let (length, rest) = rest.split_first_chunk::<4>()?;
        let (index, rest) = rest.split_first_chunk::<8>()?;
        let (durable, _) = rest.split_first_chunk::<8>()?;
        (mark == MARK).then(|| RecordHeader {
            crc: u32::from_le_bytes(*crc),
            length: u32::from_le_bytes(*length),
            index: u64::from_le_bytes(*index),
            durable: u64::from_le_bytes(*durable),
        })
    }

    /// Whether the checksum fits to the payload.
    pub(super) fn fits(&self, payload: &[u8]) -> bool {
        let mut crc = crc32fast::Hasher::new();
        crc.update(&self.length.to_le_bytes());
        crc.update(&self.index.to_le_bytes());
        crc.update(&self.durable.to_le_bytes());
        crc.update(payload);
        crc.finalize() == self.crc
    }
}
