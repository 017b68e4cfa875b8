//! One suite for every backend: the rules of `backend.rs`, run on the memory twin and on sled.

use super::{
    Backend, BackendError, Batch, MAX_KEY_BYTES, MAX_ROW_BYTES,
    memory::MemoryBackend,
    sled::{MIN_SEGMENT_BYTES, SledBackend, SledOptions},
};
use proptest::prelude::*;
use std::{
    collections::BTreeMap,
    sync::{
        Barrier,
        atomic::{AtomicBool, Ordering},
    },
};

const OPTIONS: SledOptions =
    SledOptions { pages_bytes: 8 * 1024 * 1024, redo_bytes: 256 * 1024, segment_bytes: MIN_SEGMENT_BYTES };

fn on_each(check: impl Fn(&dyn Backend)) {
    check(&MemoryBackend::default());
    let folder = tempfile::tempdir().unwrap();
    check(&SledBackend::open(folder.path(), OPTIONS).unwrap());
}

fn batch(rows: &[(&[u8], Option<&[u8]>)]) -> Batch {
    let mut batch = Batch::default();
    for (key, value) in rows {
        match value {
            Some(value) => batch.put(key.to_vec(), value.to_vec()),
            None => batch.delete(key.to_vec()),
        }
    }
    batch
}

#[test]
fn r1_a_later_operation_on_the_same_key_wins() {
    on_each(|backend| {
        backend.write(batch(&[(b"a", Some(b"1")), (b"a", None), (b"b", None), (b"b", Some(b"2"))])).unwrap();
        assert_eq!(backend.get(b"a").unwrap(), None);
        assert_eq!(backend.get(b"b").unwrap(), Some(b"2".to_vec()));
    });
}

#[test]
fn r4_ranges_ascend_exclude_their_end_and_stop_at_the_limit() {
    on_each(|backend| {
        let rows: Vec<Vec<u8>> = (0..300u16).map(|n| n.to_be_bytes().to_vec()).collect();
        let ops: Vec<(&[u8], Option<&[u8]>)> = rows.iter().map(|key| (&key[..], Some(&b"v"[..]))).collect();
        backend.write(batch(&ops)).unwrap();
        let found = backend.range(&[0, 5], &[1, 2], usize::MAX).unwrap();
        assert_eq!(found.len(), 253);
        assert!(found.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert_eq!(backend.range(&[0, 5], &[1, 2], 2).unwrap().len(), 2);
        assert_eq!(backend.range(&[1], &[0], 9).unwrap(), vec![]);
        assert_eq!(backend.range(&[1], &[1], 9).unwrap(), vec![]);
    });
}

#[test]
fn r6_rows_over_a_limit_are_refused_and_nothing_is_written() {
    on_each(|backend| {
        let mut long_key = batch(&[(b"a", Some(b"1"))]);
        long_key.put(vec![7; MAX_KEY_BYTES + 1], vec![]);
        assert!(matches!(backend.write(long_key), Err(BackendError::TooLarge { what: "key", .. })));
        let mut long_value = batch(&[(b"a", Some(b"1"))]);
        long_value.put(b"b".to_vec(), vec![0; MAX_ROW_BYTES + 1]);
        assert!(matches!(backend.write(long_value), Err(BackendError::TooLarge { what: "value", .. })));
        assert_eq!(backend.get(b"a").unwrap(), None);
        let mut largest = Batch::default();
        largest.put(vec![7; MAX_KEY_BYTES], vec![1; MAX_ROW_BYTES]);
        backend.write(largest).unwrap();
    });
}

#[test]
fn r3_readers_never_see_a_row_of_an_unfinished_batch_before_its_first() {
    on_each(|backend| {
        let keys: Vec<Vec<u8>> = (0..200u16).map(|n| n.to_be_bytes().to_vec()).collect();
        let write = |value: u32| {
            let mut batch = Batch::default();
            keys.iter().for_each(|key| batch.put(key.clone(), value.to_be_bytes().to_vec()));
            backend.write(batch).unwrap();
        };
        write(0);
        let stop = AtomicBool::new(false);
        let ready = Barrier::new(2);
        std::thread::scope(|scope| {
            let reader = scope.spawn(|| {
                ready.wait();
                while !stop.load(Ordering::Relaxed) {
                    for (first, second) in keys.iter().zip(keys.iter().rev()) {
                        let before = backend.get(first).unwrap();
                        let after = backend.get(second).unwrap();
                        assert!(before <= after, "a later read saw an older batch");
                    }
                }
            });
            ready.wait();
            (1..40).for_each(write);
            stop.store(true, Ordering::Relaxed);
            reader.join().unwrap();
        });
    });
}

#[test]
fn values_of_every_size_survive_reopening() {
    let folder = tempfile::tempdir().unwrap();
    let value = |n: usize| vec![n as u8; n * 37 % (MAX_ROW_BYTES + 1)];
    {
        let backend = SledBackend::open(folder.path(), OPTIONS).unwrap();
        for round in 0..4 {
            let mut batch = Batch::default();
            (0..400usize).for_each(|n| batch.put((n as u32).to_be_bytes().to_vec(), value(n + round)));
            backend.write(batch).unwrap();
        }
    }
    let backend = SledBackend::open(folder.path(), OPTIONS).unwrap();
    for n in 0..400usize {
        assert_eq!(backend.get(&(n as u32).to_be_bytes()).unwrap(), Some(value(n + 3)));
    }
    let side_files = std::fs::read_dir(folder.path().join("sled/blobs")).unwrap().count();
    assert_eq!(side_files, 0, "sled wrote side files, which it does not sync");
}

#[test]
fn a_second_process_is_told_that_the_database_is_in_use() {
    let folder = tempfile::tempdir().unwrap();
    let first = SledBackend::open(folder.path(), OPTIONS).unwrap();
    let error = SledBackend::open(folder.path(), OPTIONS).unwrap_err();
    assert!(matches!(error, BackendError::InUse { .. }));
    assert!(error.to_string().contains("used by another process"));
    drop(first);
    SledBackend::open(folder.path(), OPTIONS).unwrap();
}

#[test]
fn a_creation_cut_short_is_begun_again() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("sled.new")).unwrap();
    std::fs::write(folder.path().join("sled.new/conf"), [0; 60]).unwrap();
    let backend = SledBackend::open(folder.path(), OPTIONS).unwrap();
    assert_eq!(backend.get(b"anything").unwrap(), None);
    assert!(!folder.path().join("sled.new").exists());
}

#[test]
fn sled_r7_a_snapshot_cut_short_by_a_crash_does_not_keep_the_database_shut() {
    let folder = tempfile::tempdir().unwrap();
    let write = |value: &[u8]| {
        let backend = SledBackend::open(folder.path(), OPTIONS).unwrap();
        backend.write(batch(&[(b"a", Some(value))])).unwrap();
    };
    write(b"1");
    std::fs::write(folder.path().join("sled/snap.00000000FFFFFFFF.generating"), [7; 40]).unwrap();
    write(b"2");
    assert_eq!(SledBackend::open(folder.path(), OPTIONS).unwrap().get(b"a").unwrap(), Some(b"2".to_vec()));
}

#[test]
fn a_file_in_the_place_of_the_folder_is_a_clear_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    std::fs::write(&path, b"not a folder").unwrap();
    let error = SledBackend::open(&path, OPTIONS).unwrap_err();
    assert!(matches!(&error, BackendError::Io { path: at, .. } if *at == path), "{error}");
}

/// Random batches and a reopening in the middle, against a plain map.
fn agrees_with_a_map(batches: Vec<Vec<(u8, u8, Option<u16>)>>) {
    let folder = tempfile::tempdir().unwrap();
    let memory = MemoryBackend::default();
    let mut disk = SledBackend::open(folder.path(), OPTIONS).unwrap();
    let mut model = BTreeMap::new();
    for (index, ops) in batches.iter().enumerate() {
        let mut batch = Batch::default();
        for (a, b, size) in ops {
            let key = vec![*a % 4, *b];
            match size {
                Some(size) => {
                    let value = vec![*b; usize::from(*size) % 4000];
                    model.insert(key.clone(), value.clone());
                    batch.put(key, value);
                }
                None => {
                    model.remove(&key);
                    batch.delete(key);
                }
            }
        }
        memory.write(batch.clone()).unwrap();
        disk.write(batch).unwrap();
        if index % 3 == 2 {
            drop(disk);
            disk = SledBackend::open(folder.path(), OPTIONS).unwrap();
        }
    }
    let all: Vec<_> = model.into_iter().collect();
    assert_eq!(memory.range(&[], &[0xff], usize::MAX).unwrap(), all);
    assert_eq!(disk.range(&[], &[0xff], usize::MAX).unwrap(), all);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn both_backends_agree_with_a_map(
        batches in prop::collection::vec(prop::collection::vec((any::<u8>(), any::<u8>(), any::<Option<u16>>()), 0..60), 1..8)
    ) {
        agrees_with_a_map(batches);
    }
}
