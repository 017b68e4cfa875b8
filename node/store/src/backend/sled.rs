//! sled behind the door, made durable.
//!
//! ```text
//!   write ──> redo log, fdatasync ──> pending rows (readers see them) ──> applier thread ──> sled, flush, fdatasync
//! ```
//!
//! Layout of the folder: `lock` (held while open), `redo.0` and `redo.1` (`redo.rs`), `sled/` (the database), `sled.new/` (a
//! database being created).
//!
//! Rules:
//! * R1: a batch is durable in the redo log before `write` returns, and is replayed from there at the next opening until
//!   sled holds it durably. So a batch is atomic although sled gets it in pieces.
//! * R2: sled's `flush` ends with `sync_file_range`, which leaves data in the cache of the drive and file sizes in the
//!   journal of the file system. So sled is handed rows in pieces, each followed by `flush` and `fdatasync` on its log.
//!   sled uses a segment of its log again when two whole segments were written after what replaced it; a piece writes far
//!   less than that, so an unsynced write can never have overwritten the last synced copy of a page.
//! * R3: rows go to sled one by one, in key order, not as a sled batch: a batch keeps readers out until it ends, and sled's
//!   garbage collector, which runs by the number of operations, cannot keep up with it. Batches that wait are merged first:
//!   of a row only the last version reaches sled.
//! * R4: readers look into the pending rows, newest first, then into sled. A batch is among the pending rows before its first
//!   piece reaches sled and until after its last, so it becomes visible at once and stays visible.
//! * R5: a new database is created beside its final name, synced with its folder, and renamed: a crash during creation
//!   leaves nothing that a later start would have to repair.
//! * R6: sled's log is synced before sled recovers from it: what a killed process wrote may still sit in the page cache
//!   only, and sled would write a durable snapshot of it.
//! * R7: a snapshot that a crash cut short (`snap.*.generating`) is removed before sled opens, which would otherwise take it
//!   for the latest one and refuse the database as corrupted. Found by `tests/power_loss.rs`.
//! * R8: rows stay below the size at which sled writes a side file; should it write one all the same (index nodes over keys
//!   of many KiB), it is synced with the piece, which sled itself does not do.
//! * R9: the first failure ends the database: every later call gets that error.
//!
//! Out of scope: sled's background flusher (switched off: it would add writes between our barriers and promise nothing).

mod applier;

use self::applier::{Applier, Shared};
use super::{
    Backend, BackendError, Batch, MAX_KEY_BYTES, MAX_ROW_BYTES, Row,
    redo::{self, Redo, Room},
};
use std::{
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

/// Smallest segment of sled's log, in bytes: a quarter of it holds any leaf (R8).
pub const MIN_SEGMENT_BYTES: usize = 2 * 1024 * 1024;
/// Most rows in one leaf of sled, one more than the number at which it splits.
const LEAF_ROWS: usize = 17;
const _: () = assert!(LEAF_ROWS * (MAX_KEY_BYTES + MAX_ROW_BYTES + 64) < MIN_SEGMENT_BYTES / 4);

/// How much to spend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SledOptions {
    /// sled's page cache, in bytes.
    pub pages_bytes: u64,
    /// Each of the two files of the redo log, in bytes: bounds what waits for sled, and the replay after a crash.
    pub redo_bytes: u64,
    /// A segment of sled's log, in bytes: a power of two, at least [`MIN_SEGMENT_BYTES`]. Fixed when the database is created.
    pub segment_bytes: usize,
}

impl Default for SledOptions {
    fn default() -> Self {
        SledOptions {
            pages_bytes: 64 * 1024 * 1024,
            redo_bytes: 16 * 1024 * 1024,
            segment_bytes: 8 * 1024 * 1024,
        }
    }
}

/// An open sled database with real barriers.
#[derive(Debug)]
pub struct SledBackend {
    redo: Mutex<Redo>,
    shared: Arc<Shared>,
    /// Dropped before the lock: it finishes what waits.
    _applier: Applier,
    _lock: File,
}

impl SledBackend {
    /// Opens the database in a folder, creates it if there is none, and replays the redo log.
    pub fn open(path: &Path, options: SledOptions) -> Result<Self, BackendError> {
        let fail = |error: &io::Error| io_error(path, error);
        fs::create_dir_all(path).map_err(|error| fail(&error))?;
        let lock = lock(path)?;
        let (home, nursery) = (path.join("sled"), path.join("sled.new"));
        if !home.exists() {
            create(&home, &nursery, options).map_err(|error| sled_error(path, &error))?;
        }
        prepare(&home).map_err(|error| fail(&error))?;
        let db = config(&home, options).open().map_err(|error| sled_error(path, &error))?;
        let log = File::open(home.join("db")).map_err(|error| fail(&error))?;
        let shared =
            Arc::new(Shared::new(path.to_path_buf(), db, log, options.segment_bytes.max(MIN_SEGMENT_BYTES)));
        for batch in Redo::recover(path).map_err(|error| fail(&error))? {
            shared.apply(&batch.rows.into_iter().collect())?;
        }
        let redo = Redo::begin(path, options.redo_bytes).map_err(|error| fail(&error))?;
        let applier = Applier::start(shared.clone()).map_err(|error| fail(&error))?;
        Ok(SledBackend { redo: Mutex::new(redo), shared, _applier: applier, _lock: lock })
    }
}

impl SledBackend {
    /// Batches that are durable in the redo log and wait for sled, and their rows.
    pub(crate) fn waiting(&self) -> (usize, usize) {
        self.shared.waiting()
    }
}

impl Backend for SledBackend {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, BackendError> {
        self.shared.get(key)
    }

    fn range(&self, start: &[u8], end: &[u8], limit: usize) -> Result<Vec<Row>, BackendError> {
        self.shared.range(start, end, limit)
    }

    fn write(&self, batch: Batch) -> Result<(), BackendError> {
        batch.check()?;
        redo::check(&batch)?;
        let mut redo = self.redo.lock().unwrap_or_else(PoisonError::into_inner);
        self.shared.check()?;
        while let Room::After(number) = redo.room(self.shared.applied()) {
            self.shared.wait_for(number)?;
        }
        let number =
            redo.append(&batch).map_err(|error| self.shared.fail(io_error(self.shared.path(), &error)))?;
        self.shared.queue(number, batch.rows.into_iter().collect());
        Ok(())
    }

    fn flush(&self) -> Result<(), BackendError> {
        let _redo = self.redo.lock().unwrap_or_else(PoisonError::into_inner);
        self.shared.wait_for_all()
    }
}

fn config(path: &Path, options: SledOptions) -> sled::Config {
    sled::Config::new()
        .path(path)
        .cache_capacity(options.pages_bytes)
        .segment_size(options.segment_bytes.max(MIN_SEGMENT_BYTES))
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

/// What sled needs before it recovers (R6, R7). Waits until the threads of a sled that this process just closed have let go
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

/// Creates an empty database under another name and moves it to its place when it is on disk (R5).
fn create(home: &Path, nursery: &Path, options: SledOptions) -> Result<(), sled::Error> {
    if nursery.exists() {
        fs::remove_dir_all(nursery)?;
    }
    fs::create_dir_all(nursery)?;
    let db = config(nursery, options).open()?;
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
    let path: PathBuf = path.to_path_buf();
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
