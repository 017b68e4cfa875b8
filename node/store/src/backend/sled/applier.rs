//! The thread that carries pending rows into sled, and what it shares with readers and the writer.

use super::{io_error, sled_error};
use crate::backend::{BackendError, Row};
use std::{
    collections::BTreeMap,
    fs::{self, File},
    io,
    ops::Bound,
    path::{Path, PathBuf},
    sync::{
        Arc, Condvar, Mutex, OnceLock, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
};

/// What a row costs beside its key and value, in bytes, in sled's log.
const ROW_BYTES: usize = 64;
/// A piece ends when its rows hold this part of a segment. At worst every row makes sled write its leaf anew, seventeen rows
/// of the like, so a piece writes less than the two segments of rule R2 of `sled.rs`; usually four times its rows.
const PIECES_PER_SEGMENT: usize = 9;

/// Rows of a batch by key; `None` deletes.
pub(super) type Rows = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// Batches on their way to sled, oldest first, with their numbers in the redo log.
type Pending = Vec<(u64, Arc<Rows>)>;

#[derive(Debug)]
pub(super) struct Shared {
    path: PathBuf,
    db: sled::Db,
    /// Our own handle on sled's log, for `fdatasync`.
    log: File,
    segment_bytes: usize,
    pending: RwLock<Pending>,
    /// sled durably holds everything up to this number.
    applied: AtomicU64,
    /// Whether the applier shall end; the lock also guards the two conditions below.
    is_closing: Mutex<bool>,
    /// Something waits, or the end has come.
    work: Condvar,
    /// Something was applied, or failed.
    progress: Condvar,
    failed: OnceLock<BackendError>,
}

impl Shared {
    pub(super) fn new(path: PathBuf, db: sled::Db, log: File, segment_bytes: usize) -> Self {
        Shared {
            path,
            db,
            log,
            segment_bytes,
            pending: RwLock::new(Vec::new()),
            applied: AtomicU64::new(0),
            is_closing: Mutex::new(false),
            work: Condvar::new(),
            progress: Condvar::new(),
            failed: OnceLock::new(),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn applied(&self) -> u64 {
        self.applied.load(Ordering::SeqCst)
    }

    /// The error that ended this database, if one did.
    pub(super) fn check(&self) -> Result<(), BackendError> {
        self.failed.get().map_or(Ok(()), |error| Err(error.clone()))
    }

    /// Keeps the first error, and returns it.
    pub(super) fn fail(&self, error: BackendError) -> BackendError {
        self.failed.get_or_init(|| error).clone()
    }

    fn pending(&self) -> Pending {
        self.pending.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Pending batches and their rows.
    pub(super) fn waiting(&self) -> (usize, usize) {
        let pending = self.pending.read().unwrap_or_else(PoisonError::into_inner);
        (pending.len(), pending.iter().map(|(_, rows)| rows.len()).sum())
    }

    /// Shows a batch to readers and hands it to the applier.
    pub(super) fn queue(&self, number: u64, rows: Rows) {
        self.pending.write().unwrap_or_else(PoisonError::into_inner).push((number, Arc::new(rows)));
        drop(self.is_closing.lock().unwrap_or_else(PoisonError::into_inner));
        self.work.notify_one();
    }

    /// Waits until sled durably holds the batch with this number.
    pub(super) fn wait_for(&self, number: u64) -> Result<(), BackendError> {
        let guard = self.is_closing.lock().unwrap_or_else(PoisonError::into_inner);
        let is_waiting = |_: &mut bool| self.applied() < number && self.failed.get().is_none();
        drop(self.progress.wait_while(guard, is_waiting).unwrap_or_else(PoisonError::into_inner));
        self.check()
    }

    /// Waits until nothing is pending.
    pub(super) fn wait_for_all(&self) -> Result<(), BackendError> {
        match self.pending().last() {
            Some((number, _)) => self.wait_for(*number),
            None => self.check(),
        }
    }

    pub(super) fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, BackendError> {
        self.check()?;
        {
            let pending = self.pending.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(row) = pending.iter().rev().find_map(|(_, rows)| rows.get(key)) {
                return Ok(row.clone());
            }
        }
        let value = self.db.get(key).map_err(|error| self.fail(sled_error(&self.path, &error)))?;
        Ok(value.map(|value| value.to_vec()))
    }

    pub(super) fn range(&self, start: &[u8], end: &[u8], limit: usize) -> Result<Vec<Row>, BackendError> {
        self.check()?;
        let mut found = Vec::new();
        if start >= end {
            return Ok(found);
        }
        let pending = self.pending();
        let bounds = (Bound::Included(start), Bound::Excluded(end));
        let mut layers: Vec<_> =
            pending.iter().rev().map(|(_, rows)| rows.range::<[u8], _>(bounds).peekable()).collect();
        let mut below = self.db.range(start..end).peekable();
        while found.len() < limit {
            if let Some(Err(_)) = below.peek() {
                let Some(Err(error)) = below.next() else { break };
                return Err(self.fail(sled_error(&self.path, &error)));
            }
            let sled_key = below.peek().and_then(|row| row.as_ref().ok()).map(|(key, _)| &key[..]);
            let keys = layers.iter_mut().filter_map(|layer| layer.peek().map(|(key, _)| &key[..]));
            let Some(key) = keys.chain(sled_key).min().map(<[u8]>::to_vec) else { break };
            let mut row: Option<Option<Vec<u8>>> = None;
            for layer in &mut layers {
                if let Some((_, value)) = layer.next_if(|(found, _)| **found == key) {
                    row.get_or_insert_with(|| value.clone());
                }
            }
            let is_here =
                below.peek().is_some_and(|row| row.as_ref().is_ok_and(|(found, _)| *found == key[..]));
            if is_here && let Some(Ok((_, value))) = below.next() {
                row.get_or_insert_with(|| Some(value.to_vec()));
            }
            found.extend(row.flatten().map(|value| (key, value)));
        }
        Ok(found)
    }

    /// Brings rows into sled, piece by piece, each durable before the next.
    pub(super) fn apply(&self, rows: &Rows) -> Result<(), BackendError> {
        let most_bytes = self.segment_bytes / PIECES_PER_SEGMENT;
        let mut bytes = 0;
        for (key, value) in rows {
            let done = match value {
                Some(value) => self.db.insert(key, &value[..]),
                None => self.db.remove(key),
            };
            done.map_err(|error| self.fail(sled_error(&self.path, &error)))?;
            bytes += ROW_BYTES + key.len() + value.as_ref().map_or(0, Vec::len);
            if bytes >= most_bytes {
                self.barrier()?;
                bytes = 0;
            }
        }
        self.barrier()
    }

    /// Makes everything that sled was given durable.
    fn barrier(&self) -> Result<(), BackendError> {
        self.db.flush().map_err(|error| self.fail(sled_error(&self.path, &error)))?;
        let synced = self.sync_side_files().and_then(|()| self.log.sync_data());
        synced.map_err(|error| self.fail(io_error(&self.path, &error)))
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

    /// Waits for batches; `None` when the end has come and nothing is left.
    fn next(&self) -> Option<Pending> {
        let guard = self.is_closing.lock().unwrap_or_else(PoisonError::into_inner);
        let is_idle = |is_closing: &mut bool| !*is_closing && self.pending().is_empty();
        drop(self.work.wait_while(guard, is_idle).unwrap_or_else(PoisonError::into_inner));
        Some(self.pending()).filter(|pending| !pending.is_empty())
    }

    /// The life of the applier.
    fn run(&self) {
        while let Some(group) = self.next() {
            let Some((last, _)) = group.last() else { break };
            let outcome = match &group[..] {
                [(_, rows)] => self.apply(rows),
                many => self.apply(&merge(many)),
            };
            if outcome.is_ok() {
                // First out of sight, then done: a reader in between finds the rows in sled.
                self.pending.write().unwrap_or_else(PoisonError::into_inner).drain(..group.len());
                self.applied.store(*last, Ordering::SeqCst);
            }
            drop(self.is_closing.lock().unwrap_or_else(PoisonError::into_inner));
            self.progress.notify_all();
            if outcome.is_err() {
                break;
            }
        }
    }
}

/// Of every row the newest version.
fn merge(batches: &[(u64, Arc<Rows>)]) -> Rows {
    let mut merged = Rows::new();
    for (_, rows) in batches {
        merged.extend(rows.iter().map(|(key, value)| (key.clone(), value.clone())));
    }
    merged
}

/// The running thread; dropping it waits until everything pending is in sled.
#[derive(Debug)]
pub(super) struct Applier {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Applier {
    pub(super) fn start(shared: Arc<Shared>) -> io::Result<Self> {
        let worker = shared.clone();
        let thread = thread::Builder::new().name("store-applier".into()).spawn(move || worker.run())?;
        Ok(Applier { shared, thread: Some(thread) })
    }
}

impl Drop for Applier {
    fn drop(&mut self) {
        *self.shared.is_closing.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.shared.work.notify_all();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
