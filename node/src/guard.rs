//! Carries out what [`VoteGuard`] decides: nothing is signed before its entry is on the disk.
//!
//! Two files in `<chain>/guard`, written in turn. Threads that ask at the same time share one write.
use quire_consensus::vote_guard::{Conflict, GuardError, GuardWrite, Request, Verdict, VoteGuard};
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Largest guard file that is read: [`quire_consensus::vote_guard::ENTRIES_MAX`] entries of far less than 4 KiB.
const MAX_FILE_BYTES: u64 = 256 * 1024 * 1024;

/// Why a signature is refused, or why the guard cannot work.
#[derive(Debug, thiserror::Error)]
pub enum PermitError {
    /// It would contradict an earlier signature.
    #[error("refused to sign: {0}")]
    Conflict(Conflict),
    /// The file could not be written. The node must stop: it cannot know what is on the disk.
    #[error("cannot write the vote guard {path}: {source}; free space or mend the disk, then start again")]
    Write {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// An earlier write failed.
    #[error("the vote guard failed before; the node must be started again")]
    Broken,
}

impl PermitError {
    /// True when the node must stop.
    pub fn is_fatal(&self) -> bool {
        !matches!(self, Self::Conflict(_))
    }
}

/// Why the guard could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The files are there but not whole.
    #[error("{0}")]
    Content(#[from] GuardError),
    /// The files cannot be read or created.
    #[error("cannot use the vote guard {path}: {source}; check owner, permissions and free space")]
    File {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
}

/// The guard with its files. Without a directory it remembers for the life of the process only.
pub struct Guard {
    directory: Option<PathBuf>,
    state: Mutex<State>,
    written: Condvar,
}

struct State {
    guard: VoteGuard,
    is_broken: bool,
}

impl Guard {
    /// Opens or creates the guard's two files.
    pub fn open(directory: &Path) -> Result<Self, OpenError> {
        let at = |path: PathBuf| move |source| OpenError::File { path, source };
        std::fs::create_dir_all(directory).map_err(at(directory.to_owned()))?;
        let contents = [0, 1].map(|number| {
            let path = file_path(directory, number);
            read(&path).map_err(at(path))
        });
        let [first, second] = contents;
        let (first, second) = (first?, second?);
        let is_new = first.is_none() || second.is_none();
        let guard = VoteGuard::restore([first.as_deref(), second.as_deref()])?;
        if is_new {
            for write in guard.initial_files() {
                let path = file_path(directory, write.file);
                persist(&path, &write.bytes).map_err(at(path))?;
            }
            File::open(directory).and_then(|dir| dir.sync_all()).map_err(at(directory.to_owned()))?;
        }
        Ok(Self::with(guard, Some(directory.to_owned())))
    }

    /// A guard for a chain that lives as long as the process.
    pub fn in_memory() -> Self {
        Self::with(VoteGuard::fresh(), None)
    }

    fn with(guard: VoteGuard, directory: Option<PathBuf>) -> Self {
        Self { directory, state: Mutex::new(State { guard, is_broken: false }), written: Condvar::new() }
    }

    /// Returns when `request` may be signed: it contradicts nothing and is durable. Blocks on the disk.
    pub fn permit(&self, request: &Request) -> Result<(), PermitError> {
        self.permit_all(std::slice::from_ref(request))
    }

    /// Like [`Guard::permit`] for several requests in order, with one write. After a conflict none of them may be
    /// signed; those before it count as asked for.
    pub fn permit_all(&self, requests: &[Request]) -> Result<(), PermitError> {
        let mut state = self.lock();
        let mut after = 0;
        for request in requests {
            after = match state.guard.ask(request) {
                Verdict::Safe { after } => after,
                Verdict::NotSafe(conflict) => return Err(PermitError::Conflict(conflict)),
            };
        }
        self.wait_durable(state, after)
    }

    fn wait_durable<'a>(&'a self, mut state: MutexGuard<'a, State>, after: u64) -> Result<(), PermitError> {
        loop {
            if state.is_broken {
                return Err(PermitError::Broken);
            }
            if state.guard.is_durable(after) {
                return Ok(());
            }
            state = match state.guard.write() {
                Some(write) => self.carry_out(state, &write)?,
                // Another thread is writing.
                None => self.written.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    /// Like [`Guard::permit`] for votes of one key, with one write: one verdict for each. `record` is what the voter must
    /// remember with them.
    pub fn permit_votes(
        &self,
        key: [u8; 32],
        record: Option<Vec<u8>>,
        requests: &[Request],
    ) -> Result<Vec<Result<(), Conflict>>, PermitError> {
        let mut state = self.lock();
        if let Some(record) = record {
            state.guard.keep_round(key, record);
        }
        let mut after = 0;
        let mut verdicts = Vec::with_capacity(requests.len());
        for request in requests {
            verdicts.push(match state.guard.ask(request) {
                Verdict::Safe { after: through } => {
                    after = after.max(through);
                    Ok(())
                }
                Verdict::NotSafe(conflict) => Err(conflict),
            });
        }
        self.wait_durable(state, after)?;
        Ok(verdicts)
    }

    /// Reads something from the guard.
    pub fn view<T>(&self, read: impl FnOnce(&VoteGuard) -> T) -> T {
        read(&self.lock().guard)
    }

    /// Forgets commitments to blocks that are terminal on chain; becomes durable with the next entry.
    pub fn retire(&self, key: [u8; 32], channel: u64, block: u32) {
        self.lock().guard.retire(key, channel, block);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The guard is changed by single calls that do not panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes without holding the lock, so that others can ask meanwhile and share the next write.
    fn carry_out<'a>(
        &'a self,
        state: MutexGuard<'a, State>,
        write: &GuardWrite,
    ) -> Result<MutexGuard<'a, State>, PermitError> {
        drop(state);
        let path = self.directory.as_ref().map(|directory| file_path(directory, write.file));
        let outcome = path.as_ref().map_or(Ok(()), |path| persist(path, &write.bytes));
        let mut state = self.lock();
        match outcome {
            Ok(()) => state.guard.written(write.through),
            Err(_) => state.is_broken = true,
        }
        self.written.notify_all();
        match (outcome, path) {
            (Err(source), Some(path)) => Err(PermitError::Write { path, source }),
            _ => Ok(state),
        }
    }
}

fn file_path(directory: &Path, number: usize) -> PathBuf {
    directory.join(format!("votes-{number}"))
}

fn read(path: &Path) -> std::io::Result<Option<Vec<u8>>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut bytes = Vec::new();
    file.take(MAX_FILE_BYTES).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

/// Replaces the content in place: the other file stays whole whatever happens to this one.
fn persist(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = OpenOptions::new().create(true).truncate(false).write(true).open(path)?;
    file.write_all(bytes)?;
    file.set_len(u64::try_from(bytes.len()).map_err(std::io::Error::other)?)?;
    file.sync_data()
}

#[cfg(test)]
mod tests {
    use super::*;
    use quire_core::{H256, Slot};

    fn seal(slot: u64, payload: u8) -> Request {
        Request::Seal { key: [1; 32], slot: Slot(slot), payload: H256([payload; 32]) }
    }

    #[test]
    fn a_seal_is_remembered_across_restarts() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("guard");
        Guard::open(&path).unwrap().permit(&seal(5, 1)).unwrap();
        let guard = Guard::open(&path).unwrap();
        guard.permit(&seal(5, 1)).unwrap();
        assert!(matches!(guard.permit(&seal(5, 2)), Err(PermitError::Conflict(Conflict::Slot { .. }))));
        guard.permit(&seal(6, 2)).unwrap();
        drop(guard);
        assert!(Guard::open(&path).unwrap().permit(&seal(5, 1)).is_err());
    }

    #[test]
    fn a_torn_write_loses_nothing_that_was_permitted() {
        let directory = tempfile::tempdir().unwrap();
        let guard = Guard::open(directory.path()).unwrap();
        for slot in 1..=4 {
            guard.permit(&seal(slot, 1)).unwrap();
        }
        // The write after slot 4 would go to the file that holds slot 3.
        let holds_3 = (0..2).find(|&n| {
            let bytes = std::fs::read(file_path(directory.path(), n)).unwrap();
            VoteGuard::restore([Some(&bytes), None]).unwrap().last_slot(&[1; 32]) == Some(Slot(3))
        });
        std::fs::write(file_path(directory.path(), holds_3.unwrap()), b"torn").unwrap();
        let guard = Guard::open(directory.path()).unwrap();
        assert_eq!(guard.view(|guard| guard.last_slot(&[1; 32])), Some(Slot(4)));
    }

    #[test]
    fn votes_share_a_write_with_their_record_and_are_judged_one_by_one() {
        let directory = tempfile::tempdir().unwrap();
        let guard = Guard::open(directory.path()).unwrap();
        let vote = |kind, round, hash: u8| Request::Vote {
            key: [1; 32],
            kind,
            set_id: 0,
            round,
            target_hash: H256([hash; 32]),
            target_number: 7,
        };
        use quire_consensus::vote_guard::VoteKind::{Precommit, Prevote};
        let first = [vote(Prevote, 5, 1), vote(Precommit, 5, 1)];
        let verdicts = guard.permit_votes([1; 32], Some(vec![9, 9]), &first).unwrap();
        assert!(verdicts.iter().all(Result::is_ok), "{verdicts:?}");
        let guard = Guard::open(directory.path()).unwrap();
        assert_eq!(guard.view(|guard| guard.round(&[1; 32]).map(<[u8]>::to_vec)), Some(vec![9, 9]));
        let mixed = [vote(Prevote, 5, 2), vote(Precommit, 5, 1), vote(Prevote, 4, 1), vote(Prevote, 6, 2)];
        let verdicts = guard.permit_votes([1; 32], None, &mixed).unwrap();
        let is_ok: Vec<bool> = verdicts.iter().map(Result::is_ok).collect();
        assert_eq!(is_ok, [false, true, false, true], "{verdicts:?}");
        assert_eq!(
            Guard::open(directory.path())
                .unwrap()
                .view(|guard| guard.own_votes(&[1; 32]).prevote.map(|vote| vote.round)),
            Some(6)
        );
    }

    #[test]
    fn damage_to_both_files_is_an_error() {
        let directory = tempfile::tempdir().unwrap();
        Guard::open(directory.path()).unwrap().permit(&seal(1, 1)).unwrap();
        for number in 0..2 {
            std::fs::write(file_path(directory.path(), number), b"torn").unwrap();
        }
        assert!(matches!(Guard::open(directory.path()), Err(OpenError::Content(GuardError::Damaged { .. }))));
    }

    #[test]
    fn a_disk_that_refuses_stops_all_signing() {
        let directory = tempfile::tempdir().unwrap();
        let guard = Guard::open(directory.path()).unwrap();
        for number in 0..2 {
            std::fs::remove_file(file_path(directory.path(), number)).unwrap();
            std::fs::create_dir(file_path(directory.path(), number)).unwrap();
        }
        assert!(matches!(guard.permit(&seal(1, 1)), Err(PermitError::Write { .. })));
        assert!(matches!(guard.permit(&seal(2, 1)), Err(PermitError::Broken)));
    }

    #[test]
    fn threads_that_ask_together_all_get_an_answer() {
        let directory = tempfile::tempdir().unwrap();
        let guard = Guard::open(directory.path()).unwrap();
        std::thread::scope(|scope| {
            for key in 0..8u8 {
                let guard = &guard;
                scope.spawn(move || {
                    for slot in 1..=10 {
                        let request =
                            Request::Seal { key: [key; 32], slot: Slot(slot), payload: H256([1; 32]) };
                        guard.permit(&request).unwrap();
                    }
                });
            }
        });
        let reopened = Guard::open(directory.path()).unwrap();
        assert!((0..8).all(|key| reopened.view(|guard| guard.last_slot(&[key; 32])) == Some(Slot(10))));
    }
}
