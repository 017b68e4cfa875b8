//! What recent blocks overwrote, so that older states and their proofs stay readable.
//!
//! Terms: the *diff* of a block lists every state and trie row that it changed, with the cell from before; a *page* is a
//! run of a diff that fits into one row; the *filter* of a block tells which keys its diff may hold.
//!
//! A row at height `h` is the cell in the lowest diff above `h` that lists it, or else the latest row.
//!
//! Rules:
//! * R1: a diff is written in the batch that overwrites the rows, and is never changed.
//! * R2: a filter never denies a key of its diff (it may allow others: about one in a hundred).
//! * R3: a page is found by its last key, so one ordered look-up reaches it.
//! * R4: deleted storage keys have marks of their own, in key order, because an ordered walk at an older height must meet
//!   keys that are no longer in the state.
//! * R5: pruning a block removes its pages, filter, marks and the blobs that its cells own.
//!
//! Why not one row per key and block: a block of ten thousand transfers changes some fifty thousand rows; sled would write, and
//! later delete, as many again. Pages make that four hundred. The price is paid by readers far below the head, who ask one
//! filter per block between (a tenth of a microsecond each when cached).

use crate::{
    backend::{Backend, BackendError, MAX_ROW_BYTES},
    cache::RowCache,
    cell::{Cell, Writer},
    column::{Column, by_number, gone},
};
use quire_core::{BlockNumber, hash::twox_64};
use std::sync::Arc;

/// Filter bits for each key: with four probes one foreign key in a hundred passes.
const FILTER_BITS_PER_KEY: u64 = 10;
const FILTER_PROBES: u64 = 4;
/// Column byte is part of the key; this is flag, key length and cell length.
const ENTRY_HEAD_BYTES: usize = 1 + 2 + 2;

/// One row that a block changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Key of the row, with its column byte.
    pub(crate) key: Vec<u8>,
    /// The cell before the block.
    pub(crate) old: Vec<u8>,
    /// Whether the block deleted a storage key.
    pub(crate) is_gone: bool,
}

/// Writes the diff of a block. `entries` ascend by key.
pub(crate) fn write(writer: &mut Writer, block: BlockNumber, entries: &[Entry]) {
    let mut page: Vec<u8> = Vec::new();
    let mut last: Option<&Entry> = None;
    for entry in entries {
        let size = ENTRY_HEAD_BYTES + entry.key.len() + entry.old.len();
        if let Some(last) = last.filter(|_| page.len() + size > MAX_ROW_BYTES) {
            writer.batch.put(page_key(block, &last.key), std::mem::take(&mut page));
        }
        page.push(u8::from(entry.is_gone));
        // Keys and cells are far below 64 KiB: the backend's limit on keys and MAX_INLINE_BYTES see to it.
        page.extend_from_slice(&u16::try_from(entry.key.len()).unwrap_or(u16::MAX).to_le_bytes());
        page.extend_from_slice(&u16::try_from(entry.old.len()).unwrap_or(u16::MAX).to_le_bytes());
        page.extend_from_slice(&entry.key);
        page.extend_from_slice(&entry.old);
        if entry.is_gone {
            writer.batch.put(gone(&entry.key[1..], block), Vec::new());
        }
        last = Some(entry);
    }
    if let Some(last) = last {
        writer.batch.put(page_key(block, &last.key), page);
        let filter = filter(entries.iter().map(|entry| &entry.key[..]), entries.len() as u64);
        writer.put(by_number(Column::Filter, block), &filter);
    }
}

/// Removes the diff of a block (R5).
pub(crate) fn prune(
    writer: &mut Writer,
    backend: &impl Backend,
    block: BlockNumber,
) -> Result<(), BackendError> {
    let filter = by_number(Column::Filter, block);
    if let Some(cell) = backend.get(&filter)? {
        writer.free(&cell);
        writer.batch.delete(filter);
    }
    let (start, end) = (by_number(Column::History, block), page_end(block));
    for (key, page) in backend.range(&start, &end, usize::MAX)? {
        for (key, old, is_gone) in entries(&page) {
            writer.free(old);
            if is_gone {
                writer.batch.delete(gone(&key[1..], block));
            }
        }
        writer.batch.delete(key);
    }
    Ok(())
}

/// The old cell of a row in the lowest diff in `above + 1 ..= upto` that lists it.
pub(crate) fn find(
    backend: &impl Backend,
    cache: &RowCache,
    key: &[u8],
    above: BlockNumber,
    upto: BlockNumber,
) -> Result<Option<Vec<u8>>, BackendError> {
    let hash = hash(key);
    for block in above.saturating_add(1)..=upto {
        if !read_filter(backend, cache, block)?.is_some_and(|filter| allows(&filter, hash)) {
            continue;
        }
        let pages = backend.range(&page_key(block, key), &page_end(block), 1)?;
        let found = pages.iter().flat_map(|(_, page)| entries(page)).find(|(found, _, _)| *found == key);
        if let Some((_, old, _)) = found {
            return Ok(Some(old.to_vec()));
        }
    }
    Ok(None)
}

fn read_filter(
    backend: &impl Backend,
    cache: &RowCache,
    block: BlockNumber,
) -> Result<Option<Arc<[u8]>>, BackendError> {
    let key = by_number(Column::Filter, block);
    if let Some(kept) = cache.get(&key) {
        return Ok(kept);
    }
    let Some(row) = backend.get(&key)? else { return Ok(None) };
    let filter: Option<Arc<[u8]>> = match Cell::parse(&row) {
        Some(Cell::Inline(filter)) => Some(Arc::from(filter)),
        Some(Cell::Blob(id, length)) => id.read(length, backend)?.map(Arc::from),
        _ => None,
    };
    if let Some(filter) = &filter {
        cache.keep_constant(key, filter.clone());
    }
    Ok(filter)
}

fn page_key(block: BlockNumber, last: &[u8]) -> Vec<u8> {
    Column::History.key(&[&block.to_be_bytes(), last])
}

fn page_end(block: BlockNumber) -> Vec<u8> {
    block.checked_add(1).map_or_else(|| Column::History.end(), |next| by_number(Column::History, next))
}

/// The entries of a page: key, old cell, gone. Stops at the first that is cut short.
fn entries(page: &[u8]) -> impl Iterator<Item = (&[u8], &[u8], bool)> {
    let mut rest = page;
    std::iter::from_fn(move || {
        let (head, tail) = rest.split_first_chunk::<ENTRY_HEAD_BYTES>()?;
        let key_bytes = usize::from(u16::from_le_bytes([head[1], head[2]]));
        let old_bytes = usize::from(u16::from_le_bytes([head[3], head[4]]));
        let (key, tail) = tail.split_at_checked(key_bytes)?;
        let (old, tail) = tail.split_at_checked(old_bytes)?;
        rest = tail;
        Some((key, old, head[0] != 0))
    })
}

fn hash(key: &[u8]) -> u64 {
    u64::from_le_bytes(twox_64(key))
}

/// The bits that a hash sets in a filter of `bits` bits.
fn probes(hash: u64, bits: u64) -> impl Iterator<Item = (usize, u8)> {
    let (start, step) = (hash >> 32, (hash & 0xffff_ffff) | 1);
    (0..FILTER_PROBES).map(move |probe| {
        let bit = (start + probe * step) % bits;
        ((bit / 8) as usize, 1 << (bit % 8))
    })
}

fn filter<'a>(keys: impl Iterator<Item = &'a [u8]>, count: u64) -> Vec<u8> {
    let bits = (count * FILTER_BITS_PER_KEY).next_multiple_of(8).max(64);
    let mut filter = vec![0; (bits / 8) as usize];
    for key in keys {
        for (byte, bit) in probes(hash(key), bits) {
            filter[byte] |= bit;
        }
    }
    filter
}

fn allows(filter: &[u8], hash: u64) -> bool {
    !filter.is_empty() && probes(hash, filter.len() as u64 * 8).all(|(byte, bit)| filter[byte] & bit != 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{backend::memory::MemoryBackend, cell};

    fn entry(n: u32, old_bytes: usize) -> Entry {
        let mut writer = Writer::new(0);
        let old = if old_bytes == 0 { cell::none() } else { writer.cell(&vec![n as u8; old_bytes]) };
        Entry { key: Column::State.key(&[&n.to_be_bytes()]), old, is_gone: n.is_multiple_of(7) }
    }

    #[test]
    fn r2_a_filter_never_denies_its_keys_and_seldom_allows_others() {
        let keys: Vec<[u8; 4]> = (0..20_000u32).map(u32::to_be_bytes).collect();
        let filter = filter(keys.iter().map(|key| &key[..]), keys.len() as u64);
        assert!(keys.iter().all(|key| allows(&filter, hash(key))));
        let foreign = (1_000_000..1_100_000u32).filter(|n| allows(&filter, hash(&n.to_be_bytes()))).count();
        assert!(foreign < 3_000, "{foreign} of 100,000 foreign keys pass");
        assert!(!allows(&[], 5));
    }

    #[test]
    fn r3_every_entry_is_found_on_its_page_and_no_other() {
        let backend = MemoryBackend::default();
        let cache = RowCache::new(1 << 20);
        let entries: Vec<Entry> = (0..5_000).map(|n| entry(n * 2, n as usize % 600)).collect();
        let mut writer = Writer::new(1);
        write(&mut writer, 9, &entries);
        backend.write(writer.batch).unwrap();
        for entry in &entries {
            assert_eq!(find(&backend, &cache, &entry.key, 8, 9).unwrap().as_ref(), Some(&entry.old));
        }
        for n in 0..2_000u32 {
            let key = Column::State.key(&[&(n * 2 + 1).to_be_bytes()]);
            assert_eq!(find(&backend, &cache, &key, 0, 20).unwrap(), None);
        }
        assert_eq!(find(&backend, &cache, &entries[3].key, 9, 20).unwrap(), None);
        assert_eq!(find(&backend, &cache, &entries[3].key, 3, 8).unwrap(), None);
    }

    #[test]
    fn r5_pruning_leaves_nothing_of_the_block_and_all_of_the_next() {
        let backend = MemoryBackend::default();
        let mut writer = Writer::new(1);
        let large = writer.cell(&vec![1; 100_000]);
        let mut entries: Vec<Entry> = (0..3_000).map(|n| entry(n, 50)).collect();
        entries[5].old = large;
        write(&mut writer, 4, &entries);
        backend.write(writer.batch).unwrap();
        let mut writer = Writer::new(2);
        write(&mut writer, 5, &entries[..10]);
        let kept = backend.range(&[], &[0xff], usize::MAX).unwrap().len();
        backend.write(writer.batch).unwrap();
        let with_next = backend.range(&[], &[0xff], usize::MAX).unwrap().len();
        assert!(kept > 10);
        let mut writer = Writer::new(3);
        prune(&mut writer, &backend, 4).unwrap();
        backend.write(writer.batch).unwrap();
        assert_eq!(backend.range(&[], &[0xff], usize::MAX).unwrap().len(), with_next - kept);
    }
}
