//! sled behind the door, made durable.
//!
//! Layout of the folder: `lock` (held while open), `sled/` (the database), `sled.new/` (a database being created).
//!
//! Rules:
//! * R1: sled's `flush` ends with `sync_file_range`, which leaves data in the cache of the drive and file sizes in
//!   the journal of the file system. So `write` is: one sled batch, `flush`, then `fdatasync` on the log file.
//! * R2: one batch at a time, and `fdatasync` before the next. sled reuses a segment of its log only when what replaced
//!   it lies before a finished batch, and thus before an `fdatasync` of ours: an unsynced write can never have
//!   overwritten the last synced copy of a page.
//! * R3: no value reaches the size at which sled writes a side file (a quarter of a segment), since it does not sync those.
//! * R4: a new database is created beside its final name, synced with its folder, and renamed: a crash during creation
//!   leaves nothing that a later start would have to repair.
//! * R5: the log is synced before sled recovers from it, and after: what a killed process wrote may still sit in the page
//!   cache only, and sled would write a durable snapshot of it.
//! * R6: a snapshot that a crash cut short (`snap.*.generating`) is removed before sled opens, which would otherwise take it
//!   for the latest one and refuse the database as corrupted. Found by `tests/power_loss.rs`.
//! * R7: should sled write side files all the same (index nodes over keys of many KiB), they are synced with the batch.
//!
//! Out of scope: a second writer thread (`write` takes a lock) and sled's background flusher (switched off: it would add
//! writes between our barriers and promise nothing).

use super::{Backend, BackendError, Batch, MAX_KEY_BYTES, MAX_ROW_BYTES, Row};
use std::{
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
    sync::{Mutex, OnceLock, PoisonError},
};

/// Bytes of one segment of sled's log; see R3.
const SEGMENT_BYTES: usize = 2 * 1024 * 1024;
/// Most rows in one leaf of sled, one more than the number at which it splits.
const LEAF_ROWS: usize = 17;
const _: () = assert!(LEAF_ROWS * (MAX_KEY_BYTES + MAX_ROW_BYTES + 64) < SEGMENT_BYTES / 4);

/// An open sled database with real barriers.
#[derive(Debug)]
pub struct SledBackend {
    path: PathBuf,
    db: sled::Db,
    /// Our own handle on sled's log, for `fdatasync`.
    log: File,
    /// One batch at a time (R2).
    writer: Mutex<()>,
    /// The error that ended this database.
    failed: OnceLock<BackendError>,
    /// Held for as long as the database is open. Dropped last.
    _lock: File,
}

impl SledBackend {
    /// Opens the database in a folder, creates it if there is none. `cache_bytes` bounds sled's own page cache.
    pub fn open(path: &Path, cache_bytes: u64) -> Result<Self, BackendError> {
        fs::create_dir_all(path).map_err(|error| io_error(path, &error))?;
        let lock = lock(path)?;
        let (home, nursery) = (path.join("sled"), path.join("sled.new"));
        if !home.exists() {
            create(&home, &nursery, cache_bytes).map_err(|error| sled_error(path, &error))?;
        }
        prepare(&home).map_err(|error| io_error(path, &error))?;
        let db = config(&home, cache_bytes).open().map_err(|error| sled_error(path, &error))?;
        let log = File::open(home.join("db")).map_err(|error| io_error(path, &error))?;
        let backend = SledBackend {
            path: path.to_path_buf(),
            db,
            log,
            writer: Mutex::new(()),
            failed: OnceLock::new(),
            _lock: lock,
        };
        backend.flush()?;
        Ok(backend)
    }

    /// The error that ended this database, if one did (R5 of the trait).
    fn check(&self) -> Result<(), BackendError> {
        self.failed.get().map_or(Ok(()), |error| Err(error.clone()))
    }

    fn fail(&self, error: BackendError) -> BackendError {
        self.failed.get_or_init(|| error).clone()
    }

    /// Makes everything that sled was given durable.
    fn barrier(&self) -> Result<(), BackendError> {
        self.db.flush().map_err(|error| self.fail(sled_error(&self.path, &error)))?;
        self.sync_side_files()
            .and_then(|()| self.log.sync_data())
            .map_err(|error| self.fail(io_error(&self.path, &error)))
    }

    fn sync_side_files(&self) -> io::Result<()> {
        let folder = self.path.join("sled/blobs");
        let mut is_empty = true;
        for entry in fs::read_dir(&folder)? {
            is_empty = false;
            match File::open(entry?.path()) {
                Ok(file) => file.sync_data()?,
                // sled removed it meanwhile: nothing refers to it any more.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        if is_empty { Ok(()) } else { File::open(&folder)?.sync_all() }
    }
}

impl Backend for SledBackend {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, BackendError> {
        self.check()?;
        let value = self.db.get(key).map_err(|error| self.fail(sled_error(&self.path, &error)))?;
        Ok(value.map(|value| value.to_vec()))
    }

    fn range(&self, start: &[u8], end: &[u8], limit: usize) -> Result<Vec<Row>, BackendError> {
        self.check()?;
        if start >= end {
            return Ok(Vec::new());
        }
        let mut rows = Vec::new();
        for row in self.db.range(start..end).take(limit) {
            let (key, value) = row.map_err(|error| self.fail(sled_error(&self.path, &error)))?;
            rows.push((key.to_vec(), value.to_vec()));
        }
        Ok(rows)
    }

    fn write(&self, batch: Batch) -> Result<(), BackendError> {
        batch.check()?;
        let _writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        self.check()?;
        let mut ops = sled::Batch::default();
        for (key, value) in batch.rows {
            match value {
                Some(value) => ops.insert(key, value),
                None => ops.remove(key),
            }
        }
        self.db.apply_batch(ops).map_err(|error| self.fail(sled_error(&self.path, &error)))?;
        self.barrier()
    }

    fn flush(&self) -> Result<(), BackendError> {
        let _writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        self.check()?;
        self.barrier()
    }
}

fn config(path: &Path, cache_bytes: u64) -> sled::Config {
    sled::Config::new()
        .path(path)
        .cache_capacity(cache_bytes)
        .segment_size(SEGMENT_BYTES)
        .flush_every_ms(None)
        .mode(sled::Mode::HighThroughput)
}

fn lock(path: &Path) -> Result<File, BackendError> {
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path.join("lock"))
        .map_err(|error| io_error(path, &error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(BackendError::InUse { path: path.to_path_buf() }),
        Err(TryLockError::Error(error)) => Err(io_error(path, &error)),
    }
}

/// What sled needs before it recovers (R5, R6). Waits until the threads of a sled that this process just closed have let go
/// of the log; nobody else can hold it, because we hold `lock`.
fn prepare(home: &Path) -> io::Result<()> {
    let log = File::open(home.join("db"))?;
    log.lock()?;
    log.sync_all()?;
    for entry in fs::read_dir(home)? {
        let file = entry?.path();
        if file.extension().is_some_and(|extension| extension == "generating") {
            fs::remove_file(file)?;
        }
    }
    Ok(())
}

/// Creates an empty database under another name and moves it to its place when it is on disk (R4).
fn create(home: &Path, nursery: &Path, cache_bytes: u64) -> Result<(), sled::Error> {
    if nursery.exists() {
        fs::remove_dir_all(nursery)?;
    }
    fs::create_dir_all(nursery)?;
    let db = config(nursery, cache_bytes).open()?;
    db.flush()?;
    drop(db);
    for entry in fs::read_dir(nursery)? {
        File::open(entry?.path())?.sync_all()?;
    }
    File::open(nursery)?.sync_all()?;
    fs::rename(nursery, home)?;
    let parent = home.parent().unwrap_or(Path::new("."));
    File::open(parent)?.sync_all()?;
    if let Some(above) = parent.parent().filter(|above| above.exists()) {
        File::open(above)?.sync_all()?;
    }
    Ok(())
}

fn io_error(path: &Path, error: &io::Error) -> BackendError {
    let path = path.to_path_buf();
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => BackendError::DiskFull { path },
        _ => BackendError::Io { path, reason: error.to_string() },
    }
}

fn sled_error(path: &Path, error: &sled::Error) -> BackendError {
    match error {
        sled::Error::Io(error) => io_error(path, error),
        other => BackendError::Corrupt { path: path.to_path_buf(), reason: other.to_string() },
    }
}
