//! The chain's store over a backend.
//!
//! Rules:
//! * R1: one commit is one batch of the backend: atomic, and durable when `commit` returns.
//! * R2: the state of every finalised height from `oldest_state` to the head is readable, during commits too. A reader takes
//!   the latest row first and looks into the diffs above its height second: whatever a commit replaces between the two
//!   reads is in its diff, which lands in the same batch.
//! * R3: a height is readable or answers `Pruned`: the limit moves up before the batch that prunes is written, and is
//!   looked at again after every read.
//! * R4: finalised heights follow one another without gaps, but for R8.
//! * R5: pruning works off a bounded number of blocks a commit, so a changed setting never stalls the chain.
//! * R6: bodies are pruned by a setting of their own; headers, hashes and justifications never (`pruning.rs`).
//! * R7: what was asked of pruning holds until something else is asked, and an archive stays one (`pruning.rs`).
//! * R8: a whole state may take the place of that of the genesis block, in one commit; the blocks between stay unknown but
//!   for those that come with it, and the lowest readable height is the new head.
//!
//! Out of scope: two writers (commits queue on a lock).

mod commit;
#[cfg(test)]
mod tests;

use crate::{
    backend::{Backend, BackendError, Batch, memory::MemoryBackend, sled::SledBackend, sled::SledOptions},
    cache::{Kept, RowCache},
    cell::Cell,
    column::{Column, by_hash, by_number, gone_after, parse_gone},
    history,
    pruning::{Keeping, Wanted},
    schema::{OpenError, Record},
};
use parity_scale_codec::Decode;
use quire_chain::{Commit, Head, Journalled, Layer, StateError, Store, StoreError};
use quire_core::{BlockNumber, H256, Header, OpaqueExtrinsic};
use quire_trie::NodePath;
use std::{
    path::Path,
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
};

/// How to open a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Which states and bodies stay.
    pub pruning: Wanted,
    /// Our cache of rows, in bytes.
    pub cache_bytes: u64,
    /// sled's cache of pages, in bytes.
    pub pages_bytes: u64,
}

impl Default for Options {
    fn default() -> Self {
        Options { pruning: Wanted::default(), cache_bytes: 64 * 1024 * 1024, pages_bytes: 64 * 1024 * 1024 }
    }
}

/// Sizes of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// Our cache of rows.
    pub cache_bytes: u64,
    /// Commits that are durable and wait for the database.
    pub waiting_commits: usize,
    /// Their rows.
    pub waiting_rows: usize,
}

/// The store of a node on disk.
pub type SledStore = Database<SledBackend>;

/// The chain's store over a backend.
#[derive(Debug)]
pub struct Database<B: Backend> {
    backend: B,
    cache: RowCache,
    /// As of the last durable commit; the lock makes commits queue.
    record: Mutex<Record>,
    head: RwLock<Option<Head>>,
    /// Finalised blocks, those of the running commit included.
    started: AtomicU64,
    oldest: AtomicU32,
}

impl Database<SledBackend> {
    /// Opens or creates the store in a folder. `genesis` is the hash that the chain spec gives, if it is known already.
    pub fn open(path: &Path, genesis: Option<H256>, options: Options) -> Result<Self, OpenError> {
        let backend = SledBackend::open(
            path,
            SledOptions { pages_bytes: options.pages_bytes, ..SledOptions::default() },
        )?;
        Self::over(backend, genesis, options)
    }
}

impl Database<SledBackend> {
    /// Sizes, for metrics.
    pub fn sizes(&self) -> Sizes {
        let (waiting_commits, waiting_rows) = self.backend.waiting();
        Sizes { cache_bytes: self.cache.size_bytes(), waiting_commits, waiting_rows }
    }
}

impl Database<MemoryBackend> {
    /// A store that lives as long as the process.
    pub fn in_memory(options: Options) -> Result<Self, OpenError> {
        Self::over(MemoryBackend::default(), None, options)
    }
}

impl<B: Backend> Database<B> {
    /// A store over an open backend.
    pub fn over(backend: B, genesis: Option<H256>, options: Options) -> Result<Self, OpenError> {
        let mut record = Record::read(&backend)?;
        record.kept = Some(options.pruning.over(record.kept)?);
        let database = Database {
            backend,
            cache: RowCache::new(options.cache_bytes),
            record: Mutex::new(record),
            head: RwLock::new(record.head),
            started: AtomicU64::new(record.head.map_or(0, |head| u64::from(head.number) + 1)),
            oldest: AtomicU32::new(record.oldest_state),
        };
        if let Some(expected) = genesis {
            database.expect_genesis(expected)?;
        }
        Ok(database)
    }

    /// Fails when the store holds another chain. An empty store holds none.
    pub fn expect_genesis(&self, expected: H256) -> Result<(), OpenError> {
        match self.backend.get(&by_number(Column::Number, 0))?.map(<[u8; 32]>::try_from) {
            None => Ok(()),
            Some(Ok(found)) if found == expected.0 => Ok(()),
            Some(Ok(found)) => Err(OpenError::OtherChain { found: H256(found), expected }),
            Some(Err(_)) => Err(OpenError::Record),
        }
    }

    /// What stays of old blocks, and the lowest height above 0 whose body is there.
    pub fn keeping(&self) -> (Keeping, BlockNumber) {
        let record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
        (record.keeping(), record.oldest_body)
    }

    /// Makes everything durable once more; a clean stop calls it.
    pub fn flush(&self) -> Result<(), StoreError> {
        self.backend.flush().map_err(|error| store_error("the last flush", &error))
    }

    fn head(&self) -> Option<Head> {
        *self.head.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The latest row under a key.
    fn latest(&self, key: &[u8]) -> Result<Kept, BackendError> {
        if let Some(kept) = self.cache.get(key) {
            return Ok(kept);
        }
        let epoch = self.cache.epoch();
        let row: Kept = self.backend.get(key)?.map(Arc::from);
        self.cache.keep(epoch, key.to_vec(), row.clone());
        Ok(row)
    }

    /// The value of a cell; `None` inside when a piece of its blob is missing.
    fn value(&self, cell: &[u8]) -> Result<Option<Option<Vec<u8>>>, BackendError> {
        Ok(match Cell::parse(cell) {
            Some(Cell::None) => Some(None),
            Some(Cell::Inline(value)) => Some(Some(value.to_vec())),
            Some(Cell::Blob(id, length)) => {
                let key = id.key();
                if let Some(Some(blob)) = self.cache.get(&key) {
                    return Ok(Some(Some(blob.to_vec())));
                }
                let blob = id.read(length, &self.backend)?;
                if let Some(blob) = &blob {
                    self.cache.keep_constant(key, Arc::from(&blob[..]));
                }
                blob.map(Some)
            }
            None => None,
        })
    }

    /// The value of a row that history does not concern (headers, bodies, …).
    fn lookup(&self, key: &[u8], what: &'static str, cached: bool) -> Result<Option<Vec<u8>>, StoreError> {
        let fail = |error| store_error(what, &error);
        let read = || match cached {
            true => self.latest(key),
            false => Ok(self.backend.get(key)?.map(Arc::from)),
        };
        let mut seen: Option<Arc<[u8]>> = None;
        loop {
            let Some(cell) = read().map_err(fail)? else { return Ok(None) };
            match self.value(&cell).map_err(fail)? {
                Some(value) => return Ok(value),
                None if seen.as_ref() == Some(&cell) => {
                    return Err(corrupted(what, "its bytes are incomplete"));
                }
                None => seen = Some(cell),
            }
        }
    }

    /// Fails unless the state at this height is readable.
    fn check_height(&self, at: BlockNumber) -> Result<(), StateError> {
        let oldest = self.oldest.load(Ordering::SeqCst);
        if at < oldest {
            return Err(StateError::Pruned { at, oldest });
        }
        match self.head() {
            Some(head) if at <= head.number => Ok(()),
            head => Err(StateError::Backend {
                what: format!("the state of block {at}"),
                reason: format!(
                    "it is not finalised; the finalised head is {:?}",
                    head.map(|head| head.number)
                ),
            }),
        }
    }

    /// A state or trie row as it was at a height (R2).
    fn row_at(&self, at: BlockNumber, key: &[u8]) -> Result<Kept, BackendError> {
        let latest = self.latest(key)?;
        let Some(last) = self.started.load(Ordering::SeqCst).checked_sub(1) else { return Ok(latest) };
        let last = BlockNumber::try_from(last).unwrap_or(BlockNumber::MAX);
        if last <= at {
            return Ok(latest);
        }
        Ok(history::find(&self.backend, &self.cache, key, at, last)?.map(Arc::from).or(latest))
    }

    fn value_at(
        &self,
        at: BlockNumber,
        key: &[u8],
        what: &'static str,
    ) -> Result<Option<Vec<u8>>, StateError> {
        let fail = |error| state_error(what, &error);
        self.check_height(at)?;
        let mut seen: Option<Arc<[u8]>> = None;
        loop {
            let row = self.row_at(at, key).map_err(fail)?;
            let value = match &row {
                None => Some(None),
                Some(cell) => self.value(cell).map_err(fail)?,
            };
            self.check_height(at)?;
            match value {
                Some(value) => return Ok(value),
                None if seen == row => {
                    let reason =
                        "the value's bytes are incomplete; restore the base path or sync again".into();
                    return Err(StateError::Backend { what: what.into(), reason });
                }
                None => seen = row,
            }
        }
    }

    /// The first storage key after `key` in the latest state, and the first one deleted above a height.
    fn candidates(&self, at: BlockNumber, key: &[u8]) -> Result<Option<Vec<u8>>, BackendError> {
        let start = Column::State.key(&[key, &[0]]);
        let latest =
            self.backend.range(&start, &Column::State.end(), 1)?.pop().map(|(row, _)| row[1..].to_vec());
        if self.started.load(Ordering::SeqCst) <= u64::from(at) + 1 {
            return Ok(latest);
        }
        let gone = self.first_gone(at, key)?;
        Ok([latest, gone].into_iter().flatten().min())
    }

    fn first_gone(&self, at: BlockNumber, key: &[u8]) -> Result<Option<Vec<u8>>, BackendError> {
        const STEP: usize = 16;
        let mut start = gone_after(key);
        loop {
            let rows = self.backend.range(&start, &Column::Gone.end(), STEP)?;
            let mut marks = rows.iter().filter_map(|(row, _)| parse_gone(row));
            if let Some((key, _)) = marks.find(|(_, block)| *block > at) {
                return Ok(Some(key));
            }
            match rows.last() {
                Some((last, _)) if rows.len() == STEP => start = [&last[..], &[0]].concat(),
                _ => return Ok(None),
            }
        }
    }
}

impl<B: Backend> Store for Database<B> {
    fn finalised(&self) -> Result<Option<Head>, StoreError> {
        Ok(self.head())
    }

    fn oldest_state(&self) -> Result<BlockNumber, StoreError> {
        Ok(self.oldest.load(Ordering::SeqCst))
    }

    fn state_get(&self, at: BlockNumber, key: &[u8]) -> Result<Option<Vec<u8>>, StateError> {
        self.value_at(at, &Column::State.key(&[key]), "a storage value")
    }

    fn state_next_key(&self, at: BlockNumber, key: &[u8]) -> Result<Option<Vec<u8>>, StateError> {
        const WHAT: &str = "the next storage key";
        self.check_height(at)?;
        let mut from = key.to_vec();
        loop {
            let found = self.candidates(at, &from).map_err(|error| state_error(WHAT, &error))?;
            self.check_height(at)?;
            let Some(next) = found else { return Ok(None) };
            let row =
                self.row_at(at, &Column::State.key(&[&next])).map_err(|error| state_error(WHAT, &error))?;
            self.check_height(at)?;
            if row.is_some_and(|cell| !matches!(Cell::parse(&cell), Some(Cell::None))) {
                return Ok(Some(next));
            }
            from = next;
        }
    }

    fn node_get(&self, at: BlockNumber, path: &NodePath) -> Result<Option<Vec<u8>>, StateError> {
        self.value_at(at, &commit::node_key(path), "a trie node")
    }

    fn header(&self, hash: H256) -> Result<Option<Header>, StoreError> {
        const WHAT: &str = "a header";
        let bytes = self.lookup(&by_hash(Column::Header, hash), WHAT, true)?;
        bytes.map(|bytes| decode(WHAT, &bytes)).transpose()
    }

    fn body(&self, hash: H256) -> Result<Option<Vec<OpaqueExtrinsic>>, StoreError> {
        const WHAT: &str = "a block body";
        let bytes = self.lookup(&by_hash(Column::Body, hash), WHAT, false)?;
        bytes.map(|bytes| decode(WHAT, &bytes)).transpose()
    }

    fn justification(&self, hash: H256) -> Result<Option<Vec<u8>>, StoreError> {
        self.lookup(&by_hash(Column::Justification, hash), "a justification", false)
    }

    fn hash_by_number(&self, number: BlockNumber) -> Result<Option<H256>, StoreError> {
        const WHAT: &str = "a block number";
        let row =
            self.latest(&by_number(Column::Number, number)).map_err(|error| store_error(WHAT, &error))?;
        row.map(|row| <[u8; 32]>::try_from(&row[..]).map(H256).map_err(|_| corrupted(WHAT, "no hash")))
            .transpose()
    }

    fn journal(&self) -> Result<Vec<Journalled>, StoreError> {
        const WHAT: &str = "the journal of unfinalised blocks";
        let rows = self.backend.range(&Column::Journal.key(&[]), &Column::Journal.end(), usize::MAX);
        let rows = rows.map_err(|error| store_error(WHAT, &error))?;
        let entry = |row: &[u8]| {
            let hash = row.get(1..).and_then(|hash| hash.try_into().ok()).map(H256);
            let hash = hash.ok_or_else(|| corrupted(WHAT, "a key is no hash"))?;
            let header = self.header(hash)?.ok_or_else(|| corrupted(WHAT, "a header is missing"))?;
            let layer =
                self.lookup(row, WHAT, false)?.ok_or_else(|| corrupted(WHAT, "a layer is missing"))?;
            Ok(Journalled { hash, header, layer: decode::<Layer>(WHAT, &layer)? })
        };
        rows.iter().map(|(row, _)| entry(row)).collect()
    }

    fn meta(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.lookup(&commit::meta_key(key), "a setting of the chain", false)
    }

    fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        let mut record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
        let plan = commit::plan(self, *record, &commit)?;
        self.cache.begin();
        self.started.store(plan.record.head.map_or(0, |head| u64::from(head.number) + 1), Ordering::SeqCst);
        self.oldest.store(plan.record.oldest_state, Ordering::SeqCst);
        let written = self.backend.write(plan.batch).map_err(|error| store_error("a commit", &error));
        self.cache.end(plan.rows.into_iter().map(|(key, row)| (key, row.map(Arc::from))));
        written?;
        *record = plan.record;
        *self.head.write().unwrap_or_else(PoisonError::into_inner) = record.head;
        Ok(())
    }
}

/// What a commit comes to.
struct Plan {
    batch: Batch,
    record: Record,
    /// The rows of the batch that the cache may hold.
    rows: Vec<(Vec<u8>, Option<Vec<u8>>)>,
}

fn decode<T: Decode>(what: &'static str, bytes: &[u8]) -> Result<T, StoreError> {
    let input = &mut &bytes[..];
    match T::decode(input) {
        Ok(value) if input.is_empty() => Ok(value),
        Ok(_) => Err(corrupted(what, "bytes are left over")),
        Err(error) => Err(corrupted(what, &error.to_string())),
    }
}

fn corrupted(what: &str, reason: &str) -> StoreError {
    StoreError::Corrupted { what: what.into(), reason: reason.into() }
}

fn store_error(what: &str, error: &BackendError) -> StoreError {
    match error {
        BackendError::DiskFull { path } => {
            StoreError::Full { what: format!("{what} to the database at {}", path.display()) }
        }
        BackendError::Corrupt { .. } => corrupted(what, &error.to_string()),
        other => StoreError::Backend { what: what.into(), reason: other.to_string() },
    }
}

fn state_error(what: &str, error: &BackendError) -> StateError {
    StateError::Backend { what: what.into(), reason: error.to_string() }
}
