//! A bounded cache of rows, which never shows a row that a commit has replaced.
//!
//! Rules:
//! * R1: a reader may keep what it read from the backend only if no commit began or ended between its read and the keeping:
//!   otherwise it could put an old row over a new one.
//! * R2: a commit tells the cache when it begins, and replaces every row that it wrote before it ends.
//! * R3: the cache holds at most its limit in bytes, keys and a share for bookkeeping included.

use quick_cache::{Weighter, sync::Cache};
use std::sync::{Arc, PoisonError, RwLock};

/// Bookkeeping of one entry, in bytes.
const ENTRY_BYTES: u64 = 96;
/// What an average row takes, for the first size of the table.
const USUAL_ROW_BYTES: u64 = 256;

/// A row as cached; `None` is a row known to be absent.
pub(crate) type Kept = Option<Arc<[u8]>>;

#[derive(Debug, Clone)]
struct Bytes;

impl Weighter<Vec<u8>, Kept> for Bytes {
    fn weight(&self, key: &Vec<u8>, row: &Kept) -> u64 {
        ENTRY_BYTES + key.len() as u64 + row.as_ref().map_or(0, |row| row.len() as u64)
    }
}

/// The cache. Keys are the keys of rows (with their column byte) and the ids of blobs.
#[derive(Debug)]
pub(crate) struct RowCache {
    rows: Cache<Vec<u8>, Kept, Bytes>,
    /// Counts beginnings and ends of commits: odd while one runs.
    epoch: RwLock<u64>,
}

impl RowCache {
    /// A cache of at most `limit_bytes`.
    pub(crate) fn new(limit_bytes: u64) -> Self {
        let rows = usize::try_from(limit_bytes / USUAL_ROW_BYTES).unwrap_or(usize::MAX).max(16);
        RowCache { rows: Cache::with_weighter(rows, limit_bytes, Bytes), epoch: RwLock::new(0) }
    }

    /// Bytes of everything that is kept.
    pub(crate) fn size_bytes(&self) -> u64 {
        self.rows.weight()
    }

    /// A row, if it is known.
    pub(crate) fn get(&self, key: &[u8]) -> Option<Kept> {
        self.rows.get(key)
    }

    /// To be called before reading a row from the backend.
    pub(crate) fn epoch(&self) -> u64 {
        *self.epoch.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a row that was read after `epoch`, if R1 allows.
    pub(crate) fn keep(&self, epoch: u64, key: Vec<u8>, row: Kept) {
        let current = self.epoch.read().unwrap_or_else(PoisonError::into_inner);
        if *current == epoch && epoch.is_multiple_of(2) {
            self.rows.insert(key, row);
        }
    }

    /// Keeps something that never changes under its key (blobs, filters).
    pub(crate) fn keep_constant(&self, key: Vec<u8>, row: Arc<[u8]>) {
        self.rows.insert(key, Some(row));
    }

    /// A commit begins: what readers read from now on may be old when they come to keep it.
    pub(crate) fn begin(&self) {
        *self.epoch.write().unwrap_or_else(PoisonError::into_inner) += 1;
    }

    /// The commit is durable; `rows` are all cacheable rows that it changed.
    pub(crate) fn end(&self, rows: impl IntoIterator<Item = (Vec<u8>, Kept)>) {
        for (key, row) in rows {
            self.rows.insert(key, row);
        }
        *self.epoch.write().unwrap_or_else(PoisonError::into_inner) += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(byte: u8) -> Kept {
        Some(Arc::from([byte].as_slice()))
    }

    #[test]
    fn r1_what_was_read_before_a_commit_is_not_kept_after_it() {
        let cache = RowCache::new(1 << 20);
        let before = cache.epoch();
        cache.begin();
        cache.keep(before, b"a".to_vec(), row(1));
        let during = cache.epoch();
        cache.keep(during, b"b".to_vec(), row(1));
        cache.end([(b"c".to_vec(), row(2))]);
        cache.keep(before, b"c".to_vec(), row(1));
        cache.keep(during, b"c".to_vec(), row(1));
        assert_eq!(cache.get(b"a"), None);
        assert_eq!(cache.get(b"b"), None);
        assert_eq!(cache.get(b"c"), Some(row(2)));
        cache.keep(cache.epoch(), b"a".to_vec(), row(3));
        assert_eq!(cache.get(b"a"), Some(row(3)));
    }

    #[test]
    fn r3_the_cache_stays_below_its_limit() {
        let cache = RowCache::new(64 * 1024);
        for n in 0..10_000u32 {
            cache.keep(cache.epoch(), n.to_be_bytes().to_vec(), Some(Arc::from(vec![0; 100].as_slice())));
        }
        assert!(cache.rows.weight() <= 64 * 1024);
    }
}
