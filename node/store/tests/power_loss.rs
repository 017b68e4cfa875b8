#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, its helpers too")]
//! The store on a disk that loses unsynced writes, that is full, and under a process that is killed.
//!
//! `kill -9` cannot show a missing sync: the page cache survives it. So a child process runs a workload with
//! `lossy_disk/shim.c` preloaded, which writes down every write, truncation, rename and sync. From that journal the test
//! rebuilds what a drive may hold when power fails at any point: everything synced, and of the rest any writes, whole or torn.
//!
//! Rules checked (of `backend.rs`):
//! * R1 and R2: what is found after the crash is exactly the state after the last acknowledged batch or a later one.
//! * R5: a full disk is a clear error, repeated until the process ends, and nothing acknowledged is lost.

use quire_store::backend::{
    Backend, BackendError, Batch,
    sled::{MIN_SEGMENT_BYTES, SledBackend, SledOptions},
};
use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// A redo log small enough to be begun anew many times.
const OPTIONS: SledOptions =
    SledOptions { pages_bytes: 4 * 1024 * 1024, redo_bytes: 1024 * 1024, segment_bytes: MIN_SEGMENT_BYTES };
const KEYS: u64 = 600;
const BATCHES: u64 = 70;
/// The row that holds the number of batches written.
const COUNT: &[u8] = b"count";

/// A small generator of repeatable numbers (xorshift64*).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % sides
    }
}

/// The batch with this number: some two hundred rows, a tenth of them deletions.
fn batch(number: u64) -> BTreeMap<Vec<u8>, Option<Vec<u8>>> {
    let mut dice = Dice(number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let mut rows = BTreeMap::new();
    for _ in 0..200 {
        let key = dice.roll(KEYS).to_be_bytes().to_vec();
        let value = (dice.roll(10) > 0).then(|| vec![number as u8; dice.roll(5_000) as usize]);
        rows.insert(key, value);
    }
    rows.insert(COUNT.to_vec(), Some((number + 1).to_be_bytes().to_vec()));
    rows
}

/// The state after so many batches.
fn state_after(batches: u64) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let mut state = BTreeMap::new();
    for (key, value) in (0..batches).flat_map(batch) {
        match value {
            Some(value) => state.insert(key, value),
            None => state.remove(&key),
        };
    }
    state
}

fn count(backend: &SledBackend) -> u64 {
    backend.get(COUNT).unwrap().map_or(0, |count| u64::from_be_bytes(count.try_into().unwrap()))
}

/// Opens a folder and fails unless it holds exactly the state after at least `acknowledged` batches. Returns how many.
fn check(folder: &Path, acknowledged: u64, what: &str) -> u64 {
    let backend = SledBackend::open(folder, OPTIONS).unwrap_or_else(|error| panic!("{what}: {error}"));
    let found = count(&backend);
    assert!(found >= acknowledged, "{what}: {acknowledged} batches were acknowledged, {found} are there");
    let rows: BTreeMap<_, _> = backend.range(&[], &[0xff], usize::MAX).unwrap().into_iter().collect();
    assert!(rows == state_after(found), "{what}: the state is not the one after {found} batches");
    found
}

/// One test at a time in this process: between its fork and its exec a child holds a copy of every open file, the lock of
/// a database that another test closes and opens again among them.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    // It guards nothing but the time: a test that failed leaves nothing half done.
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the child process does when the variables of the parent are set; as a test of its own it does nothing.
#[test]
fn workload_of_the_child() {
    let Some(folder) = std::env::var_os("WORKLOAD_FOLDER").map(PathBuf::from) else { return };
    let ack = std::env::var_os("WORKLOAD_ACK").map(PathBuf::from);
    let backend = SledBackend::open(&folder, OPTIONS).unwrap();
    let first = count(&backend);
    for number in first..first + BATCHES {
        let mut ops = Batch::default();
        for (key, value) in batch(number) {
            match value {
                Some(value) => ops.put(key, value),
                None => ops.delete(key),
            }
        }
        match backend.write(ops.clone()) {
            Ok(()) => println!("acknowledged {}", number + 1),
            Err(error) => {
                assert_eq!(backend.write(ops).unwrap_err(), error, "a failed database must stay failed");
                assert_eq!(backend.get(COUNT).unwrap_err(), error);
                println!("failed {error}");
                assert!(matches!(error, BackendError::DiskFull { .. }));
                std::process::exit(3);
            }
        }
        if let Some(ack) = &ack {
            fs::write(ack, (number + 1).to_be_bytes()).unwrap();
        }
    }
}

fn child(folder: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "workload_of_the_child", "--nocapture"]).env("WORKLOAD_FOLDER", folder);
    command
}

fn build_shim(folder: &Path) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lossy_disk/shim.c");
    let shim = folder.join("shim.so");
    let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".into());
    let status =
        Command::new(compiler).args(["-shared", "-fPIC", "-O1", "-o"]).arg(&shim).arg(source).status();
    assert!(status.unwrap().success(), "the C compiler that links Rust programs must build the shim");
    shim
}

#[derive(Debug, Clone)]
enum Op {
    Write { offset: usize, data: Vec<u8> },
    Truncate { length: usize },
}

/// A file on the drive: what is safe, and what may be lost.
#[derive(Debug, Clone, Default)]
struct Disk {
    safe: Vec<u8>,
    pending: Vec<Op>,
}

impl Op {
    /// Applies a write, torn at sectors when the dice say so.
    fn apply(&self, file: &mut Vec<u8>, mut torn: Option<&mut Dice>) {
        const SECTOR_BYTES: usize = 512;
        match self {
            Op::Truncate { length } => file.resize(*length, 0),
            Op::Write { offset, data } => {
                file.resize(file.len().max(offset + data.len()), 0);
                for (index, sector) in data.chunks(SECTOR_BYTES).enumerate() {
                    if torn.as_mut().is_none_or(|dice| dice.roll(2) == 0) {
                        let at = offset + index * SECTOR_BYTES;
                        file[at..at + sector.len()].copy_from_slice(sector);
                    }
                }
            }
        }
    }
}

/// All files of a drive.
#[derive(Debug, Clone, Default)]
struct Drive {
    files: BTreeMap<PathBuf, Disk>,
    acknowledged: u64,
    /// Highest end of a write so far, and writes below it: segments that sled used again.
    highest: usize,
    reused: u32,
}

impl Drive {
    /// Applies one record of the journal.
    fn apply(&mut self, kind: u8, path: PathBuf, offset: u64, data: &[u8], ack: &Path) {
        let offset = offset as usize;
        if path == ack {
            if kind == b'w' {
                self.acknowledged = u64::from_be_bytes(data.try_into().unwrap());
            }
            return;
        }
        match kind {
            b'w' => {
                if path.ends_with("sled/db") {
                    self.reused += u32::from(offset + (4 << 20) < self.highest);
                    self.highest = self.highest.max(offset + data.len());
                }
                self.files.entry(path).or_default().pending.push(Op::Write { offset, data: data.to_vec() });
            }
            b't' => self.files.entry(path).or_default().pending.push(Op::Truncate { length: offset }),
            b's' => {
                let disk = self.files.entry(path).or_default();
                disk.pending.drain(..).for_each(|op| op.apply(&mut disk.safe, None));
            }
            b'u' => drop(self.files.remove(&path)),
            b'r' => {
                let to = PathBuf::from(std::str::from_utf8(data).unwrap());
                let moved: Vec<PathBuf> =
                    self.files.keys().filter(|file| file.starts_with(&path)).cloned().collect();
                for file in moved {
                    let disk = self.files.remove(&file).unwrap();
                    let rest = file.strip_prefix(&path).unwrap();
                    let name = if rest.as_os_str().is_empty() { to.clone() } else { to.join(rest) };
                    self.files.insert(name, disk);
                }
            }
            other => panic!("unknown record {other}"),
        }
    }

    /// Writes into `folder` what a drive may hold after the loss of power.
    fn lose_power(&self, root: &Path, folder: &Path, dice: &mut Dice) {
        let (kept_of_ten, torn_of_ten) = (dice.roll(11), dice.roll(6));
        for (path, disk) in &self.files {
            let mut bytes = disk.safe.clone();
            for op in &disk.pending {
                if dice.roll(10) < kept_of_ten {
                    let is_torn = dice.roll(10) < torn_of_ten;
                    op.apply(&mut bytes, if is_torn { Some(&mut *dice) } else { None });
                }
            }
            let target = folder.join(path.strip_prefix(root).unwrap());
            fs::create_dir_all(target.parent().unwrap()).unwrap();
            fs::write(target, bytes).unwrap();
        }
    }

    /// The drive as a folder holds it, all of it synced.
    fn read(root: &Path) -> Self {
        let mut drive = Drive::default();
        let mut folders = vec![root.to_path_buf()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    drive
                        .files
                        .insert(path.clone(), Disk { safe: fs::read(&path).unwrap(), pending: vec![] });
                }
            }
        }
        drive
    }
}

/// The records of a journal; one cut short at the end was not finished by the child.
fn records(journal: &[u8]) -> Vec<(u8, PathBuf, u64, &[u8])> {
    let mut found = Vec::new();
    let mut rest = journal;
    while let Some((head, tail)) = rest.split_first_chunk::<15>() {
        let path_bytes = usize::from(u16::from_ne_bytes([head[1], head[2]]));
        let data_bytes = u32::from_ne_bytes(head[3..7].try_into().unwrap()) as usize;
        let offset = u64::from_ne_bytes(head[7..15].try_into().unwrap());
        if tail.len() < path_bytes + data_bytes {
            break;
        }
        let path = PathBuf::from(std::str::from_utf8(&tail[..path_bytes]).unwrap());
        found.push((head[0], path, offset, &tail[path_bytes..path_bytes + data_bytes]));
        rest = &tail[path_bytes + data_bytes..];
    }
    found
}

/// Runs the workload once on `root` and lets power fail at `crashes` points. Returns the folder of one such crash.
fn generation(work: &Path, root: &Path, shim: &Path, crashes: u64, dice: &mut Dice) -> PathBuf {
    let mut drive = Drive::read(root);
    let journal = work.join("journal");
    let _ = fs::remove_file(&journal);
    let ack = root.join("ack");
    let run = child(&root.join("store"))
        .env("WORKLOAD_ACK", &ack)
        .env("LD_PRELOAD", shim)
        .env("LOSSY_ROOT", root)
        .env("LOSSY_JOURNAL", &journal)
        .output()
        .unwrap();
    assert!(
        run.status.success(),
        "{}{}",
        String::from_utf8_lossy(&run.stdout),
        String::from_utf8_lossy(&run.stderr)
    );
    let journal = fs::read(&journal).unwrap();
    let records = records(&journal);
    // Half of the crashes anywhere, half close after an acknowledgement, where a missing sync shows best.
    let mut points: Vec<usize> = (0..crashes).map(|_| dice.roll(records.len() as u64) as usize).collect();
    let acks: Vec<usize> = (0..records.len()).filter(|index| records[*index].1 == ack).collect();
    for point in points.iter_mut().step_by(2) {
        *point = acks[dice.roll(acks.len() as u64) as usize];
    }
    points.sort_unstable();
    let (mut next, kept) = (0, work.join("kept"));
    let _ = fs::remove_dir_all(&kept);
    for (index, (kind, path, offset, data)) in records.iter().enumerate() {
        drive.apply(*kind, path.clone(), *offset, data, &ack);
        while points.get(next) == Some(&index) {
            let folder = work.join("crash");
            let _ = fs::remove_dir_all(&folder);
            fs::create_dir_all(folder.join("store")).unwrap();
            drive.lose_power(root, &folder, dice);
            if next == points.len() / 2 {
                copy(&folder, &kept);
            }
            check(&folder.join("store"), drive.acknowledged, &format!("power lost at record {index}"));
            next += 1;
        }
    }
    assert_eq!(next, points.len());
    assert!(
        drive.reused > 20,
        "sled used no segment twice ({}), so the workload proves too little",
        drive.reused
    );
    kept
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, target).unwrap();
        }
    }
}

#[test]
fn r2_nothing_acknowledged_is_lost_with_the_power() {
    let _alone = alone();
    let work = tempfile::tempdir().unwrap();
    let shim = build_shim(work.path());
    let mut dice = Dice(0x5eed_0001);
    let mut root = work.path().join("first");
    fs::create_dir_all(&root).unwrap();
    // The second run starts from a crashed drive, so power also fails during its recovery.
    for name in ["second", "third"] {
        let crashed = generation(work.path(), &root, &shim, 24, &mut dice);
        root = work.path().join(name);
        copy(&crashed, &root);
    }
}

#[test]
fn r5_a_full_disk_is_a_clear_error_and_loses_nothing() {
    let _alone = alone();
    let work = tempfile::tempdir().unwrap();
    let shim = build_shim(work.path());
    for full_after in [6u64 << 20, 21 << 20, 40 << 20] {
        let root = work.path().join(format!("full-{full_after}"));
        fs::create_dir_all(&root).unwrap();
        let run = child(&root.join("store"))
            .env("LD_PRELOAD", &shim)
            .env("LOSSY_ROOT", &root)
            .env("LOSSY_JOURNAL", work.path().join("journal"))
            .env("LOSSY_FULL_AFTER", full_after.to_string())
            .output()
            .unwrap();
        let output = String::from_utf8_lossy(&run.stdout);
        let errors = String::from_utf8_lossy(&run.stderr);
        assert_eq!(run.status.code(), Some(3), "{output}{errors}");
        assert!(output.contains("is full: free some space there and start the node again"), "{output}");
        let acknowledged = output.lines().filter_map(|line| line.strip_prefix("acknowledged ")).next_back();
        check(&root.join("store"), acknowledged.unwrap().parse().unwrap(), "after a full disk");
    }
}

#[test]
fn r1_a_killed_process_leaves_the_last_acknowledged_batch_or_a_later_one() {
    let _alone = alone();
    let work = tempfile::tempdir().unwrap();
    let folder = work.path().join("store");
    let mut dice = Dice(0x5eed_0002);
    let mut before = 0;
    for round in 0..10 {
        let mut run = child(&folder).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let lines = BufReader::new(run.stdout.take().unwrap()).lines();
        let mut acknowledged = before;
        let last = dice.roll(8);
        let numbers =
            lines.map_while(Result::ok).filter_map(|line| line.strip_prefix("acknowledged ")?.parse().ok());
        for number in numbers.take(last as usize) {
            acknowledged = number;
        }
        run.kill().unwrap();
        run.wait().unwrap();
        before = check(&folder, acknowledged, &format!("killed in round {round}"));
    }
}
