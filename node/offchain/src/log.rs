//! Durable record log: append-only segments with checksums and group commit.
//!
//! Terms: a *record* is a byte string with an index counted from 0; a *segment* is a file of consecutive records named
//! after its first index; a record is *durable* when an fdatasync that began after its write has returned.
//!
//! Rules
//! * R1: records are written in the order of their indices; [`Log::wait`] returns only when the record is durable, so
//!   what was acknowledged after it survives a crash.
//! * R2: all records that wait while one fdatasync runs share the next one (group commit).
//! * R3: a segment is durable before the next one is created, and a segment's name before its first record.
//! * R4: on opening, the torn tail of the last segment is cut off: no record in it can have been acknowledged.
//! * R5: damage anywhere else is never cut off silently. Every record carries the number of durable records at the time
//!   of its writing, so a damaged record that a later one proves to have been durable is an error.
//! * R6: after a failed write or fdatasync nothing more is accepted; what was acknowledged stays readable, and opening
//!   again after the cause is gone goes on from there.
//! * R7: one process at a time: the folder is locked.
//! * R8: memory is bounded: appending blocks while [`LogOptions::pending_bytes_max`] wait for the disk.
//!
//! Out of scope: what the records mean; damage to the very last group of a log, which looks like a torn tail.

mod recovery;
mod segment;

use segment::{HEADER_BYTES, RECORD_HEADER_BYTES, SegmentFiles};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

/// Longest record: the longest batch and what its owner writes beside it.
pub const RECORD_BYTES_MAX: usize = quire_core::limits::MAX_BATCH_BYTES as usize + 4096;

/// Segments that are kept open for reading; the oldest is closed first.
const READERS_MAX: usize = 32;

/// Sizes of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogOptions {
    /// A segment is closed when a record would lift it above this size, in bytes.
    pub segment_bytes: u64,
    /// Appending blocks while more bytes than this wait for the disk.
    pub pending_bytes_max: usize,
}

impl Default for LogOptions {
    fn default() -> Self {
        LogOptions { segment_bytes: 64 * 1024 * 1024, pending_bytes_max: 16 * 1024 * 1024 }
    }
}

/// Where a record stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Index of the record in the log.
    pub index: u64,
    /// Index of the first record of its segment.
    segment: u64,
    /// Offset of the payload in the segment file, in bytes.
    offset: u64,
    /// Length of the payload, in bytes.
    pub length: u32,
}

/// What opening a log found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Recovery {
    /// Intact records.
    pub records: u64,
    /// Bytes of the torn tail that were cut off.
    pub torn_bytes: u64,
}

/// Why a log cannot go on.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LogError {
    /// A file operation failed.
    #[error("cannot {action} {path}: {why}; everything acknowledged is kept: free space or mend the disk, then start again", path = path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        why: String,
    },
    /// R5.
    #[error("record {index} of {path} is damaged at byte {offset}, and it had been acknowledged; restore the file from a copy, or move the folder away and fetch the batches from the other participants again", path = path.display())]
    Damaged {
        /// The segment.
        path: PathBuf,
        /// Index of the first damaged record.
        index: u64,
        /// Where it begins, in bytes.
        offset: u64,
    },
    /// R7.
    #[error("{path} is in use by another process; stop it, or choose another --base-path", path = .0.display())]
    Locked(PathBuf),
    /// The record is longer than [`RECORD_BYTES_MAX`].
    #[error("a record of {length} bytes is over the limit of {RECORD_BYTES_MAX} bytes; send smaller batches")]
    TooLong {
        /// Length of the record, in bytes.
        length: usize,
    },
    /// The record was never written or its segment was removed.
    #[error("record {index} is not in {path}; it was erased after retention or never written", path = path.display())]
    Absent {
        /// The folder.
        path: PathBuf,
        /// Index of the record.
        index: u64,
    },
}

impl LogError {
    pub(crate) fn io(action: &'static str, path: &Path, error: &io::Error) -> LogError {
        LogError::Io { action, path: path.to_owned(), why: error.to_string() }
    }
}

/// A log that is open for appending and reading. Dropping it writes what is pending.
#[derive(Debug)]
pub struct Log {
    shared: Arc<Shared>,
    committer: Option<JoinHandle<()>>,
    _lock: File,
}

#[derive(Debug)]
struct Shared {
    dir: PathBuf,
    options: LogOptions,
    state: Mutex<State>,
    /// Signalled when there is something to write, or to stop.
    work: Condvar,
    /// Signalled when a group became durable, or failed.
    done: Condvar,
    readers: Mutex<BTreeMap<u64, Arc<File>>>,
}

#[derive(Debug)]
struct State {
    next: u64,
    durable: u64,
    segment: u64,
    segment_size: u64,
    pending: Vec<Write>,
    pending_bytes: usize,
    spare: Vec<Vec<u8>>,
    is_stopping: bool,
    failure: Option<LogError>,
}

/// Bytes for one segment.
#[derive(Debug)]
struct Write {
    segment: u64,
    bytes: Vec<u8>,
}

impl Log {
    /// Opens or creates the log in a folder, cuts a torn tail off and shows every intact record to `visit`.
    ///
    /// # Errors
    /// Damaged or locked folders and failing disks; see [`LogError`].
    pub fn open(
        dir: &Path,
        options: LogOptions,
        visit: &mut dyn FnMut(Position, &[u8]),
    ) -> Result<(Log, Recovery), LogError> {
        Log::open_with(dir, options, Box::new(segment::OnDisk), visit)
    }

    fn open_with(
        dir: &Path,
        options: LogOptions,
        files: Box<dyn SegmentFiles>,
        visit: &mut dyn FnMut(Position, &[u8]),
    ) -> Result<(Log, Recovery), LogError> {
        fs::create_dir_all(dir).map_err(|error| LogError::io("create", dir, &error))?;
        let lock = lock(dir)?;
        let recovered = recovery::recover(dir, visit)?;
        let state = State {
            next: recovered.next,
            durable: recovered.next,
            segment: recovered.segment,
            segment_size: recovered.segment_size,
            pending: Vec::new(),
            pending_bytes: 0,
            spare: Vec::new(),
            is_stopping: false,
            failure: None,
        };
        let shared = Arc::new(Shared {
            dir: dir.to_owned(),
            options,
            state: Mutex::new(state),
            work: Condvar::new(),
            done: Condvar::new(),
            readers: Mutex::new(BTreeMap::new()),
        });
        let worker = Arc::clone(&shared);
        let spawned = std::thread::Builder::new()
            .name("quire-log".into())
            .spawn(move || worker.commit_loop(files.as_ref()));
        let committer = spawned.map_err(|error| LogError::io("start the writer of", dir, &error))?;
        Ok((Log { shared, committer: Some(committer), _lock: lock }, recovered.report))
    }

    /// Appends a record that consists of several pieces. It is not durable yet: see [`Log::wait`].
    ///
    /// # Errors
    /// A record over the limit; a log that failed before (R6).
    pub fn append(&self, pieces: &[&[u8]]) -> Result<Position, LogError> {
        let length: usize = pieces.iter().map(|piece| piece.len()).sum();
        let encoded = u32::try_from(length).ok().filter(|_| length <= RECORD_BYTES_MAX);
        let Some(encoded) = encoded else {
            return Err(LogError::TooLong { length });
        };
        let mut state = self.shared.lock();
        while state.failure.is_none() && state.pending_bytes > self.shared.options.pending_bytes_max {
            state = wait(&self.shared.done, state);
        }
        if let Some(failure) = &state.failure {
            return Err(failure.clone());
        }
        let position = state.push(encoded, pieces, self.shared.options.segment_bytes);
        drop(state);
        self.shared.work.notify_one();
        Ok(position)
    }

    /// Blocks until the record with this index, and all before it, are durable (R1).
    ///
    /// # Errors
    /// The failure that keeps it from becoming durable.
    pub fn wait(&self, index: u64) -> Result<(), LogError> {
        let mut state = self.shared.lock();
        loop {
            if state.durable > index {
                return Ok(());
            }
            if let Some(failure) = &state.failure {
                return Err(failure.clone());
            }
            if index >= state.next {
                return Err(LogError::Absent { path: self.shared.dir.clone(), index });
            }
            state = wait(&self.shared.done, state);
        }
    }

    /// Blocks until everything appended so far is durable.
    ///
    /// # Errors
    /// The failure that keeps it from becoming durable.
    pub fn sync(&self) -> Result<(), LogError> {
        let next = self.shared.lock().next;
        if next == 0 { Ok(()) } else { self.wait(next - 1) }
    }

    /// Number of records that are durable; they have the indices below it.
    pub fn durable(&self) -> u64 {
        self.shared.lock().durable
    }

    /// Reads a durable record into a buffer that can be used again. The checksum was verified on opening or is the
    /// reader's to verify by content (batches by signature, chunks by address).
    ///
    /// # Errors
    /// A record that is not there, and failing disks.
    pub fn read(&self, position: Position, into: &mut Vec<u8>) -> Result<(), LogError> {
        self.read_tail(position, 0, into)
    }

    /// Like [`Log::read`], without the first `skip` bytes of the record.
    ///
    /// # Errors
    /// As [`Log::read`].
    pub fn read_tail(&self, position: Position, skip: usize, into: &mut Vec<u8>) -> Result<(), LogError> {
        if self.shared.lock().durable <= position.index {
            self.wait(position.index)?;
        }
        let file = self.reader(position)?;
        into.resize((position.length as usize).saturating_sub(skip), 0);
        file.read_exact_at(into, position.offset.saturating_add(skip as u64))
            .map_err(|error| LogError::io("read", &segment::path(&self.shared.dir, position.segment), &error))
    }

    /// Erases whole segments in which every record has an index below `index`. Returns the bytes that were freed.
    ///
    /// # Errors
    /// Failing disks.
    pub fn erase_before(&self, index: u64) -> Result<u64, LogError> {
        let current = self.shared.lock().segment;
        let segments = segment::list(&self.shared.dir)?;
        let mut freed = 0;
        for pair in segments.windows(2) {
            if pair[1] > index || pair[0] >= current {
                break;
            }
            let path = segment::path(&self.shared.dir, pair[0]);
            freed += fs::metadata(&path).map(|data| data.len()).unwrap_or(0);
            fs::remove_file(&path).map_err(|error| LogError::io("erase", &path, &error))?;
            self.shared.readers().remove(&pair[0]);
        }
        segment::sync_dir(&self.shared.dir)?;
        Ok(freed)
    }

    fn reader(&self, position: Position) -> Result<Arc<File>, LogError> {
        let mut readers = self.shared.readers();
        if let Some(file) = readers.get(&position.segment) {
            return Ok(Arc::clone(file));
        }
        let path = segment::path(&self.shared.dir, position.segment);
        let file = File::open(&path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => {
                LogError::Absent { path: self.shared.dir.clone(), index: position.index }
            }
            _ => LogError::io("open", &path, &error),
        })?;
        let file = Arc::new(file);
        if readers.len() >= READERS_MAX {
            readers.pop_first();
        }
        readers.insert(position.segment, Arc::clone(&file));
        Ok(file)
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.shared.lock().is_stopping = true;
        self.shared.work.notify_one();
        if let Some(committer) = self.committer.take() {
            let _ = committer.join();
        }
    }
}

impl State {
    fn push(&mut self, length: u32, pieces: &[&[u8]], segment_bytes: u64) -> Position {
        let size = (RECORD_HEADER_BYTES as u64).saturating_add(u64::from(length));
        let is_first = self.segment_size == 0;
        let is_full =
            self.segment_size > HEADER_BYTES as u64 && self.segment_size.saturating_add(size) > segment_bytes;
        if is_first || is_full {
            self.segment = self.next;
            self.segment_size = HEADER_BYTES as u64;
            let mut bytes = self.spare.pop().unwrap_or_default();
            segment::write_header(&mut bytes, self.segment);
            self.pending.push(Write { segment: self.segment, bytes });
        } else if self.pending.last().is_none_or(|write| write.segment != self.segment) {
            let bytes = self.spare.pop().unwrap_or_default();
            self.pending.push(Write { segment: self.segment, bytes });
        }
        let position = Position {
            index: self.next,
            segment: self.segment,
            offset: self.segment_size + RECORD_HEADER_BYTES as u64,
            length,
        };
        if let Some(write) = self.pending.last_mut() {
            segment::write_record(&mut write.bytes, self.next, self.durable, length, pieces);
        }
        self.pending_bytes = self.pending_bytes.saturating_add(size as usize);
        self.segment_size += size;
        self.next += 1;
        position
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // A panicking appender leaves the state consistent: every change of it is one call of `push`.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn readers(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<File>>> {
        self.readers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes group after group until told to stop (R1 to R3, R6).
    fn commit_loop(&self, files: &dyn SegmentFiles) {
        let mut current: Option<(u64, Box<dyn segment::SegmentFile>)> = None;
        loop {
            let mut state = self.lock();
            while state.pending.is_empty() && !state.is_stopping {
                state = wait(&self.work, state);
            }
            if state.pending.is_empty() {
                return;
            }
            let writes = std::mem::take(&mut state.pending);
            state.pending_bytes = 0;
            let upto = state.next;
            drop(state);
            let outcome = self.commit(files, &mut current, &writes);
            let mut state = self.lock();
            match outcome {
                Ok(()) => state.durable = upto,
                Err(failure) => state.failure = Some(failure),
            }
            for mut write in writes {
                write.bytes.clear();
                state.spare.push(write.bytes);
            }
            state.spare.truncate(2);
            let has_failed = state.failure.is_some();
            drop(state);
            self.done.notify_all();
            if has_failed {
                return;
            }
        }
    }

    fn commit(
        &self,
        files: &dyn SegmentFiles,
        current: &mut Option<(u64, Box<dyn segment::SegmentFile>)>,
        writes: &[Write],
    ) -> Result<(), LogError> {
        for write in writes {
            let path = segment::path(&self.dir, write.segment);
            if current.as_ref().is_none_or(|(segment, _)| *segment != write.segment) {
                if let Some((_, file)) = current.as_mut() {
                    file.sync().map_err(|error| LogError::io("sync", &path, &error))?;
                }
                let file = files.append(&path).map_err(|error| LogError::io("open", &path, &error))?;
                *current = Some((write.segment, file));
                segment::sync_dir(&self.dir)?;
            }
            if let Some((_, file)) = current.as_mut() {
                file.write(&write.bytes).map_err(|error| LogError::io("write", &path, &error))?;
            }
        }
        match current.as_mut() {
            Some((segment, file)) => {
                file.sync().map_err(|error| LogError::io("sync", &segment::path(&self.dir, *segment), &error))
            }
            None => Ok(()),
        }
    }
}

fn wait<'a>(condition: &Condvar, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
    condition.wait(state).unwrap_or_else(PoisonError::into_inner)
}

fn lock(dir: &Path) -> Result<File, LogError> {
    let path = dir.join("LOCK");
    let options = File::options().create(true).truncate(false).write(true).open(&path);
    let file = options.map_err(|error| LogError::io("create", &path, &error))?;
    rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive)
        .map_err(|_| LogError::Locked(dir.to_owned()))?;
    Ok(file)
}

#[cfg(test)]
mod tests;
