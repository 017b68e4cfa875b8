//! Crash recovery of the log: torn and damaged tails at every byte, failing disks, group commit.

use super::segment::{self, SegmentFile, SegmentFiles};
use super::{Log, LogError, LogOptions, Position, Recovery};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tempfile::TempDir;

const SMALL: LogOptions = LogOptions { segment_bytes: 200, pending_bytes_max: 1 << 20 };

type Replay = (Log, Recovery, Vec<(Position, Vec<u8>)>);

fn open(dir: &Path) -> Result<Replay, LogError> {
    let mut seen = Vec::new();
    let (log, recovery) =
        Log::open(dir, SMALL, &mut |position, bytes| seen.push((position, bytes.to_vec())))?;
    Ok((log, recovery, seen))
}

fn payload(index: u64) -> Vec<u8> {
    vec![index as u8; 10 + index as usize % 30]
}

/// A log with so many records, all durable, written one group each.
fn written(records: u64) -> TempDir {
    let dir = TempDir::new().expect("a folder");
    let (log, ..) = open(dir.path()).expect("opens");
    for index in 0..records {
        let position = log.append(&[&payload(index)]).expect("room");
        assert_eq!(position.index, index);
        log.wait(index).expect("durable");
    }
    dir
}

fn segments(dir: &Path) -> Vec<PathBuf> {
    segment::list(dir).expect("lists").into_iter().map(|segment| segment::path(dir, segment)).collect()
}

fn copy(dir: &Path) -> TempDir {
    let copy = TempDir::new().expect("a folder");
    for path in segments(dir) {
        fs::copy(&path, copy.path().join(path.file_name().expect("a name"))).expect("copied");
    }
    copy
}

#[test]
fn r1_what_was_acknowledged_is_replayed_in_order() {
    let dir = written(40);
    assert!(segments(dir.path()).len() > 5, "the records fill several segments");
    let (log, recovery, seen) = open(dir.path()).expect("opens");
    assert_eq!(recovery, Recovery { records: 40, torn_bytes: 0 });
    let mut buffer = Vec::new();
    for (index, (position, bytes)) in seen.iter().enumerate() {
        assert_eq!(bytes, &payload(index as u64));
        log.read(*position, &mut buffer).expect("reads");
        assert_eq!(&buffer, bytes);
    }
    assert_eq!(seen.len(), 40);
    assert_eq!(log.append(&[b"a", b"", b"bc"]).expect("room").index, 40);
    log.sync().expect("durable");
    drop(log);
    assert_eq!(open(dir.path()).expect("opens").2[40].1, b"abc");
}

#[test]
fn r4_a_tail_cut_at_any_byte_loses_only_the_last_records() {
    let dir = written(9);
    let last = segments(dir.path()).pop().expect("a segment");
    let size = fs::metadata(&last).expect("there").len();
    let before = open(copy(dir.path()).path()).expect("opens").2;
    for cut in 0..size {
        let copy = copy(dir.path());
        let path = copy.path().join(last.file_name().expect("a name"));
        fs::File::options().write(true).open(&path).and_then(|file| file.set_len(cut)).expect("cut");
        let (log, recovery, seen) = open(copy.path()).expect("a torn tail is no damage");
        assert!(seen.len() < before.len(), "cut at {cut}");
        assert_eq!(seen[..], before[..seen.len()], "cut at {cut}");
        assert_eq!(recovery.records, seen.len() as u64);
        let position = log.append(&[b"next"]).expect("room");
        log.sync().expect("durable");
        assert_eq!(position.index, seen.len() as u64);
        drop(log);
        assert_eq!(open(copy.path()).expect("opens").2.last().expect("some").1, b"next", "cut at {cut}");
    }
}

#[test]
fn r4_an_unsynced_group_may_be_torn_anywhere() {
    let dir = TempDir::new().expect("a folder");
    let (log, ..) = open(dir.path()).expect("opens");
    log.append(&[b"acknowledged"]).expect("room");
    log.sync().expect("durable");
    drop(log);
    let path = segments(dir.path()).pop().expect("a segment");
    let mut bytes = fs::read(&path).expect("read");
    let intact = bytes.len();
    // One group of three records; the disk lost a page in the middle of it.
    for index in 1..4 {
        segment::write_record(&mut bytes, index, 1, 5, &[b"group"]);
    }
    for at in intact..bytes.len() {
        let mut torn = bytes.clone();
        torn[at] ^= 0x55;
        fs::write(&path, torn).expect("written");
        let copy = copy(dir.path());
        let (_, _, seen) = open(copy.path()).expect("the group was never acknowledged");
        assert_eq!(seen[0].1, b"acknowledged");
        assert!(seen.len() < 4, "byte {at}");
    }
}

#[test]
fn r5_damage_to_acknowledged_records_is_an_error() {
    let dir = written(3);
    let path = segments(dir.path()).pop().expect("a segment");
    assert_eq!(segments(dir.path()).len(), 1, "all in one segment");
    let bytes = fs::read(&path).expect("read");
    let last_record = bytes.len() - payload(2).len() - segment::RECORD_HEADER_BYTES;
    for at in segment::HEADER_BYTES..bytes.len() {
        let mut wrong = bytes.clone();
        wrong[at] ^= 0x10;
        let copy = copy(dir.path());
        fs::write(copy.path().join(path.file_name().expect("a name")), wrong).expect("written");
        let outcome = open(copy.path());
        if at < last_record {
            assert!(matches!(outcome, Err(LogError::Damaged { .. })), "byte {at}");
        } else {
            assert_eq!(outcome.expect("looks like a torn tail").2.len(), 2, "byte {at}");
        }
    }
}

#[test]
fn r5_damage_or_loss_of_an_earlier_segment_is_an_error() {
    let dir = written(20);
    let files = segments(dir.path());
    for path in &files[..files.len() - 1] {
        let name = path.file_name().expect("a name");
        let bytes = fs::read(path).expect("read");
        for wrong in [bytes[..bytes.len() - 1].to_vec(), bytes[..3].to_vec(), [&bytes[..], &[0]].concat()] {
            let copy = copy(dir.path());
            fs::write(copy.path().join(name), wrong).expect("written");
            assert!(matches!(open(copy.path()), Err(LogError::Damaged { .. })), "{}", path.display());
        }
    }
    let copy = copy(dir.path());
    fs::remove_file(copy.path().join(files[1].file_name().expect("a name"))).expect("removed");
    let error = open(copy.path()).expect_err("a segment is missing");
    assert!(error.to_string().contains("had been acknowledged"), "{error}");
}

#[test]
fn reading_opens_few_files_at_a_time() {
    let dir = written(400);
    let (log, _, seen) = open(dir.path()).expect("opens");
    assert!(segments(dir.path()).len() > 2 * super::READERS_MAX);
    let mut buffer = Vec::new();
    for (position, bytes) in seen.iter().chain(seen.iter().rev()) {
        log.read(*position, &mut buffer).expect("reads");
        assert_eq!(&buffer, bytes);
        assert!(log.shared.readers().len() <= super::READERS_MAX);
    }
}

#[test]
fn r7_a_log_has_one_owner() {
    let dir = written(1);
    let first = open(dir.path()).expect("opens");
    assert!(matches!(open(dir.path()), Err(LogError::Locked(_))));
    drop(first);
    assert!(open(dir.path()).is_ok());
}

#[test]
fn long_records_are_refused_and_short_ones_still_fit() {
    let dir = written(0);
    let (log, ..) = open(dir.path()).expect("opens");
    let long = vec![0; super::RECORD_BYTES_MAX + 1];
    assert!(matches!(log.append(&[&long]), Err(LogError::TooLong { .. })));
    assert_eq!(log.append(&[&long[1..]]).expect("at the limit").index, 0);
    log.sync().expect("durable");
    assert!(matches!(log.wait(1), Err(LogError::Absent { index: 1, .. })));
}

#[test]
fn erasing_removes_whole_segments_only() {
    let dir = written(40);
    let (log, _, seen) = open(dir.path()).expect("opens");
    assert!(log.erase_before(20).expect("erased") > 0);
    let mut buffer = Vec::new();
    assert!(matches!(log.read(seen[0].0, &mut buffer), Err(LogError::Absent { index: 0, .. })));
    log.read(seen[20].0, &mut buffer).expect("kept");
    assert_eq!(buffer, payload(20));
    log.erase_before(u64::MAX).expect("erased");
    assert_eq!(log.append(&[b"x"]).expect("room").index, 40);
    log.sync().expect("durable");
    drop(log);
    let (_, _, seen) = open(dir.path()).expect("opens");
    assert_eq!(seen.last().expect("some").0.index, 40);
}

/// A disk that counts its syncs and is full after so many bytes.
#[derive(Clone, Default)]
struct CountingDisk {
    syncs: Arc<AtomicUsize>,
    bytes_left: Option<Arc<Mutex<usize>>>,
    gate: Option<Arc<Mutex<()>>>,
}

struct CountingFile(fs::File, CountingDisk);

impl SegmentFiles for CountingDisk {
    fn append(&self, path: &Path) -> io::Result<Box<dyn SegmentFile>> {
        let file = fs::File::options().create(true).append(true).open(path)?;
        Ok(Box::new(CountingFile(file, self.clone())))
    }
}

impl SegmentFile for CountingFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let _gate = self.1.gate.as_ref().map(|gate| gate.lock().expect("the test holds it"));
        if let Some(left) = &self.1.bytes_left {
            let mut left = left.lock().expect("one writer");
            let fits = bytes.len().min(*left);
            self.0.write(&bytes[..fits])?;
            *left -= fits;
            if fits < bytes.len() {
                return Err(io::Error::from(io::ErrorKind::StorageFull));
            }
            return Ok(());
        }
        self.0.write(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.1.syncs.fetch_add(1, Ordering::SeqCst);
        self.0.sync()
    }
}

#[test]
fn r2_waiting_records_share_one_sync() {
    let dir = TempDir::new().expect("a folder");
    let gate = Arc::new(Mutex::new(()));
    let disk = CountingDisk { gate: Some(Arc::clone(&gate)), ..CountingDisk::default() };
    let options = LogOptions { segment_bytes: 1 << 20, ..SMALL };
    let (log, _) =
        Log::open_with(dir.path(), options, Box::new(disk.clone()), &mut |_, _| {}).expect("opens");
    let held = gate.lock().expect("free");
    for index in 0..1_000u64 {
        log.append(&[&index.to_le_bytes()]).expect("room");
    }
    drop(held);
    log.sync().expect("durable");
    assert!(disk.syncs.load(Ordering::SeqCst) <= 2, "one for what was taken first, one for the rest");
    assert_eq!(log.durable(), 1_000);
}

#[test]
fn r6_a_full_disk_stops_the_log_and_keeps_what_was_acknowledged() {
    let dir = TempDir::new().expect("a folder");
    let disk = CountingDisk { bytes_left: Some(Arc::new(Mutex::new(100))), ..CountingDisk::default() };
    let (log, _) = Log::open_with(dir.path(), SMALL, Box::new(disk), &mut |_, _| {}).expect("opens");
    let first = log.append(&[b"acknowledged"]).expect("room");
    log.sync().expect("durable");
    let second = log.append(&[&[7; 60]]).expect("not yet noticed");
    let error = log.wait(second.index).expect_err("full");
    assert!(error.to_string().contains("free space"), "{error}");
    assert!(log.append(&[b"more"]).is_err(), "nothing more is accepted");
    let mut buffer = Vec::new();
    log.read(first, &mut buffer).expect("still there");
    assert_eq!(buffer, b"acknowledged");
    drop(log);
    let (log, recovery, seen) = open(dir.path()).expect("the cause is gone");
    assert_eq!((recovery.records, seen.len()), (1, 1));
    assert!(recovery.torn_bytes > 0, "the half-written record was cut off");
    log.append(&[b"more"]).expect("room");
    log.sync().expect("durable");
}

#[test]
fn r8_appending_waits_for_the_disk() {
    let dir = TempDir::new().expect("a folder");
    let gate = Arc::new(Mutex::new(()));
    let disk = CountingDisk { gate: Some(Arc::clone(&gate)), ..CountingDisk::default() };
    let options = LogOptions { segment_bytes: 1 << 20, pending_bytes_max: 10_000 };
    let (log, _) = Log::open_with(dir.path(), options, Box::new(disk), &mut |_, _| {}).expect("opens");
    let held = gate.lock().expect("free");
    let appended = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..100 {
                log.append(&[&[0; 1_000]]).expect("room in the end");
                appended.fetch_add(1, Ordering::SeqCst);
            }
        });
        while appended.load(Ordering::SeqCst) < 10 {
            std::thread::yield_now();
        }
        assert!(appended.load(Ordering::SeqCst) <= 22, "two groups of ten and what was in flight");
        drop(held);
    });
    log.sync().expect("durable");
    assert_eq!(log.durable(), 100);
}
