//! Opening a log after a crash: replay, the torn tail, and damage that is none (R4, R5 of the parent).

use super::segment::{self, HEADER_BYTES, MAGIC, MARK, RECORD_HEADER_BYTES, RecordHeader};
use super::{LogError, Position, RECORD_BYTES_MAX, Recovery};
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

const READ_BYTES: usize = 1024 * 1024;

/// The state in which appending goes on.
pub(super) struct Recovered {
    pub(super) next: u64,
    pub(super) segment: u64,
    /// 0 when the next record opens a segment.
    pub(super) segment_size: u64,
    pub(super) report: Recovery,
}

/// Replays all segments.
pub(super) fn recover(dir: &Path, visit: &mut dyn FnMut(Position, &[u8])) -> Result<Recovered, LogError> {
    let segments = segment::list(dir)?;
    let first = segments.first().copied().unwrap_or(0);
    let mut out = Recovered { next: first, segment: first, segment_size: 0, report: Recovery::default() };
    for (place, segment) in segments.iter().enumerate() {
        let is_last = place + 1 == segments.len();
        let path = segment::path(dir, *segment);
        if *segment != out.next {
            return Err(LogError::Damaged { path, index: out.next, offset: 0 });
        }
        let intact = replay(&path, *segment, &mut out.next, visit)?;
        let size = std::fs::metadata(&path).map_err(|error| LogError::io("read", &path, &error))?.len();
        out.segment = *segment;
        out.segment_size = intact;
        if intact < size {
            let damaged = LogError::Damaged { path: path.clone(), index: out.next, offset: intact };
            if !is_last || proves_damage(&path, intact, out.next)? {
                return Err(damaged);
            }
            cut(&path, intact)?;
            out.report.torn_bytes = size - intact;
        }
    }
    if out.segment_size > 0 {
        make_durable(&segment::path(dir, out.segment))?;
    } else if !segments.is_empty() {
        // The name exists without a header: the next record writes both again.
        let path = segment::path(dir, out.segment);
        std::fs::remove_file(&path).map_err(|error| LogError::io("remove", &path, &error))?;
        segment::sync_dir(dir)?;
    }
    out.report.records = out.next - first;
    Ok(out)
}

/// Shows the intact records of one segment and returns the offset behind the last of them.
fn replay(
    path: &Path,
    segment: u64,
    next: &mut u64,
    visit: &mut dyn FnMut(Position, &[u8]),
) -> Result<u64, LogError> {
    let failed = |error: io::Error| LogError::io("read", path, &error);
    let file = File::open(path).map_err(failed)?;
    let size = file.metadata().map_err(failed)?.len();
    let mut reader = BufReader::with_capacity(READ_BYTES, file);
    let mut header = [0u8; HEADER_BYTES];
    let is_whole = fill(&mut reader, &mut header).map_err(failed)?;
    if !is_whole || header[..8] != MAGIC[..] || header[8..] != segment.to_le_bytes() {
        return Ok(0);
    }
    let mut offset = HEADER_BYTES as u64;
    let (mut fixed, mut payload) = ([0u8; RECORD_HEADER_BYTES], Vec::new());
    while fill(&mut reader, &mut fixed).map_err(failed)? {
        let Some(record) = RecordHeader::read(&fixed) else { break };
        let start = offset + RECORD_HEADER_BYTES as u64;
        let is_plausible = record.index == *next && record.length as usize <= RECORD_BYTES_MAX;
        if !is_plausible || start.saturating_add(u64::from(record.length)) > size {
            break;
        }
        payload.resize(record.length as usize, 0);
        if !fill(&mut reader, &mut payload).map_err(failed)? || !record.fits(&payload) {
            break;
        }
        visit(Position { index: record.index, segment, offset: start, length: record.length }, &payload);
        offset = start + u64::from(record.length);
        *next += 1;
    }
    Ok(offset)
}

/// Fills the buffer, or says that the file ends before.
fn fill(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    match reader.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

/// Whether an intact record behind `offset` says that the record `lost` had been durable (R5).
fn proves_damage(path: &Path, offset: u64, lost: u64) -> Result<bool, LogError> {
    let bytes = std::fs::read(path).map_err(|error| LogError::io("read", path, &error))?;
    let mut tail = bytes.get(offset as usize..).unwrap_or_default();
    while let Some(at) = tail.windows(MARK.len()).position(|window| window == MARK) {
        tail = &tail[at..];
        if let Some((fixed, payload)) = tail.split_first_chunk::<RECORD_HEADER_BYTES>()
            && let Some(record) = RecordHeader::read(fixed)
            && record.durable > lost
            && payload.get(..record.length as usize).is_some_and(|payload| record.fits(payload))
        {
            return Ok(true);
        }
        tail = &tail[1..];
    }
    Ok(false)
}

/// What a killed process wrote may still be in memory only; what is shown to the caller counts as acknowledged.
fn make_durable(path: &Path) -> Result<(), LogError> {
    File::open(path).and_then(|file| file.sync_data()).map_err(|error| LogError::io("sync", path, &error))
}

fn cut(path: &Path, size: u64) -> Result<(), LogError> {
    let failed = |error: io::Error| LogError::io("cut the torn tail of", path, &error);
    let file = File::options().write(true).open(path).map_err(failed)?;
    file.set_len(size).map_err(failed)?;
    file.sync_all().map_err(failed)
}
