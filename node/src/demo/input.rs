//! Where the lines of a run come from: an access log (plain or gzip) or the generator.
//!
//! Rules
//! * R1: lines end at LF; one CR before it belongs to no line; a final LF adds no line; lines are numbered from 0, bad
//!   and empty ones included.
//! * R2: a name that ends in `.gz` is read as gzip, with as many members as it has; gzip data that ends early or is
//!   damaged is an error, whatever was readable before it.
//! * R3: a line over [`LINE_BYTES_MAX`] is skipped and counted; no more of it is held in memory.
//! * R4: a file without any valid line is not an access log; a run needs at least as many valid lines as blocks.
//! * R5: a run reads its input twice, once to count it and once to send it; the fingerprint shows that both readings,
//!   and the reading of a resumed run, saw the same bytes.

use super::clf::{self, Reject};
use super::events::Event;
use super::generate::Generator;
use flate2::bufread::MultiGzDecoder;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

/// Longest line that is looked at. Servers limit requests to some 8 KiB per field; this leaves three orders above.
pub(crate) const LINE_BYTES_MAX: usize = 8 * 1024 * 1024;
const READ_BYTES: usize = 256 * 1024;
const NUMBER_BYTES: usize = 8;

/// What the operator asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// A Combined Log Format file.
    AccessLog(PathBuf),
    /// So many generated lines.
    Generated {
        /// Number of lines.
        impressions: u64,
        /// Seed of the generator.
        seed: u64,
    },
}

/// Why the input cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InputError {
    /// Missing, not permitted, a directory.
    #[error("cannot open access log {path}: {source}; name a readable file, or leave --access-log out to generate lines", path = path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A directory, a pipe or a device: it cannot be read twice.
    #[error("access log {path} is not a regular file; it is read twice, so save it to a file first", path = .0.display())]
    NotAFile(PathBuf),
    /// Damaged or cut gzip data, a failing disk.
    #[error("access log {path} cannot be read after line {lines}: {why}; nothing of it was used", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Complete lines before the fault.
        lines: u64,
        /// What is wrong and what to do.
        why: String,
    },
    /// No line parses.
    #[error("{path} is not an access log in Combined Log Format: none of its {lines} lines parses{reason}; check the file, or rename it to end in .gz if it is compressed", path = path.display())]
    NotALog {
        /// The file.
        path: PathBuf,
        /// Lines read.
        lines: u64,
        /// The most frequent reason, as a clause, or nothing for an empty file.
        reason: String,
    },
    /// Fewer valid lines than blocks.
    #[error(
        "the input has {valid} valid lines, which cannot be split into {blocks} blocks; ask for at most {valid} --blocks"
    )]
    TooManyBlocks {
        /// Valid lines.
        valid: u64,
        /// Blocks asked for.
        blocks: u32,
    },
    /// Zero impressions.
    #[error("--impressions 0 leaves nothing to do; ask for at least one")]
    NoImpressions,
}

/// The result of the first reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Census {
    /// All lines.
    pub(crate) lines: u64,
    /// Lines that parse.
    pub(crate) valid: u64,
    /// Lines that do not, by reason.
    pub(crate) skipped: BTreeMap<Reject, u64>,
    /// CRC-32 over number and bytes of all valid lines.
    pub(crate) fingerprint: u32,
}

impl Source {
    /// Reads everything once and counts it (R4, R5).
    pub(crate) fn census(&self, blocks: u32) -> Result<Census, InputError> {
        let census = match self {
            Source::Generated { impressions: 0, .. } => return Err(InputError::NoImpressions),
            Source::Generated { impressions, seed } => {
                let fingerprint = crc32fast::hash(&[impressions.to_le_bytes(), seed.to_le_bytes()].concat());
                Census { lines: *impressions, valid: *impressions, skipped: BTreeMap::new(), fingerprint }
            }
            Source::AccessLog(path) => count(path)?,
        };
        if census.valid < u64::from(blocks) {
            return Err(InputError::TooManyBlocks { valid: census.valid, blocks });
        }
        Ok(census)
    }

    /// Opens the input for the second reading.
    pub(crate) fn events(&self) -> Result<Events, InputError> {
        let lines = match self {
            Source::Generated { impressions, seed } => {
                Lines::Generated { generator: Generator::new(*seed), count: *impressions }
            }
            Source::AccessLog(path) => Lines::File(LineReader::open(path)?),
        };
        Ok(Events { lines, line: Vec::new(), next: 0 })
    }
}

fn count(path: &Path) -> Result<Census, InputError> {
    let mut reader = LineReader::open(path)?;
    let mut census = Census { lines: 0, valid: 0, skipped: BTreeMap::new(), fingerprint: 0 };
    let mut fingerprint = crc32fast::Hasher::new();
    let mut line = Vec::new();
    while let Some(is_whole) = reader.next_line(census.lines, &mut line)? {
        let verdict = if is_whole { clf::parse(&line).map(|_| ()) } else { Err(Reject::TooLong) };
        match verdict {
            Ok(()) => {
                census.valid += 1;
                fingerprint.update(&census.lines.to_le_bytes());
                fingerprint.update(&line);
            }
            Err(reason) => *census.skipped.entry(reason).or_default() += 1,
        }
        census.lines += 1;
    }
    census.fingerprint = fingerprint.finalize();
    if census.valid == 0 {
        let main = census.skipped.iter().max_by_key(|(_, count)| **count);
        let reason = main.map(|(reason, count)| format!(" ({count} times: {reason})")).unwrap_or_default();
        return Err(InputError::NotALog { path: path.to_owned(), lines: census.lines, reason });
    }
    Ok(census)
}

/// The valid lines of an input as events, in order.
pub(crate) struct Events {
    lines: Lines,
    line: Vec<u8>,
    next: u64,
}

enum Lines {
    Generated { generator: Generator, count: u64 },
    File(LineReader),
}

impl Events {
    /// The event of the next valid line.
    pub(crate) fn next_event(&mut self) -> Result<Option<Event>, InputError> {
        loop {
            self.line.clear();
            self.line.extend_from_slice(&self.next.to_le_bytes());
            let is_whole = match &mut self.lines {
                Lines::Generated { count, .. } if self.next >= *count => return Ok(None),
                Lines::Generated { generator, .. } => {
                    generator.line(self.next, &mut self.line);
                    true
                }
                Lines::File(reader) => match reader.append_line(self.next, &mut self.line)? {
                    Some(is_whole) => is_whole,
                    None => return Ok(None),
                },
            };
            self.next += 1;
            if !is_whole {
                continue;
            }
            if let Ok(entry) = clf::parse(&self.line[NUMBER_BYTES..]) {
                return Ok(Some(Event::new(&self.line, &entry)));
            }
        }
    }
}

/// Cuts a file into lines (R1 to R3).
struct LineReader {
    path: PathBuf,
    is_gzip: bool,
    reader: Box<dyn BufRead + Send>,
}

impl LineReader {
    fn open(path: &Path) -> Result<LineReader, InputError> {
        let failed = |source| InputError::Open { path: path.to_owned(), source };
        let file = File::open(path).map_err(failed)?;
        if !file.metadata().map_err(failed)?.is_file() {
            return Err(InputError::NotAFile(path.to_owned()));
        }
        let is_gzip = path.as_os_str().as_encoded_bytes().ends_with(b".gz");
        let file = BufReader::with_capacity(READ_BYTES, file);
        let reader: Box<dyn BufRead + Send> = if is_gzip {
            Box::new(BufReader::with_capacity(READ_BYTES, MultiGzDecoder::new(file)))
        } else {
            Box::new(file)
        };
        Ok(LineReader { path: path.to_owned(), is_gzip, reader })
    }

    fn next_line(&mut self, number: u64, line: &mut Vec<u8>) -> Result<Option<bool>, InputError> {
        line.clear();
        self.append_line(number, line)
    }

    /// Appends the next line; `None` at the end, `Some(false)` when the line was too long and is gone.
    fn append_line(&mut self, number: u64, line: &mut Vec<u8>) -> Result<Option<bool>, InputError> {
        self.try_append(line).map_err(|error| {
            let why = match error.kind() {
                io::ErrorKind::UnexpectedEof if self.is_gzip => {
                    "the gzip data ends before its own end mark, so the file was cut off; copy it again"
                        .to_owned()
                }
                io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData if self.is_gzip => {
                    format!(
                        "the gzip data is damaged ({error}); copy it again, or drop .gz if it is plain text"
                    )
                }
                _ => format!("{error}; check the disk"),
            };
            InputError::Read { path: self.path.clone(), lines: number, why }
        })
    }

    fn try_append(&mut self, line: &mut Vec<u8>) -> io::Result<Option<bool>> {
        let start = line.len();
        // One byte for the LF, one for a CR before it.
        let limit = LINE_BYTES_MAX as u64 + 2;
        let taken = self.reader.by_ref().take(limit).read_until(b'\n', line)?;
        if taken == 0 {
            return Ok(None);
        }
        let is_ended = line.last() == Some(&b'\n');
        if is_ended {
            line.pop();
            if line.len() > start && line.last() == Some(&b'\r') {
                line.pop();
            }
        } else if taken as u64 == limit {
            self.reader.skip_until(b'\n')?;
        }
        Ok(Some(line.len() - start <= LINE_BYTES_MAX))
    }
}

#[cfg(test)]
mod tests;
