//! A disk that loses what was not synced, and the chain's store on it.
//!
//! Rules
//! - R1 A commit or a file is durable some time after it was written. The node acknowledges nothing before (the world
//!   holds back what it sends until then).
//! - R2 Writes follow each other. A crash keeps what is durable and nothing that was not begun; the commit that is under
//!   way survives or not, the file that is under way is old, new, or torn.
//! - R3 Opening the store again replays the surviving commits.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use quire_chain::{Commit, Head, Install, Journalled, NewBlock, StateError, Store, StoreError};
use quire_core::{BlockNumber, H256, Header, OpaqueExtrinsic};
use quire_trie::NodePath;

use super::rng::Rng;

/// How long a write takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// When it begins.
    pub begun_ms: u64,
    /// When it is durable.
    pub durable_ms: u64,
}

/// Writes that a node may do before it waits for one: far more than any step does.
const UNDER_WAY_MAX: usize = 64;

/// Everything of a node that survives a crash, and what may not.
#[derive(Default)]
pub struct Disk {
    commits: Vec<(Span, Commit)>,
    files: [Option<Vec<u8>>; 2],
    /// Files under way in the order of writing: number and content.
    writing: VecDeque<(Span, usize, Vec<u8>)>,
}

impl Disk {
    /// Both files, as they are read at a start.
    #[must_use]
    pub fn files(&self) -> [Option<&[u8]>; 2] {
        self.files.each_ref().map(|file| file.as_deref())
    }

    /// Writes a file.
    pub fn write_file(&mut self, file: usize, content: Vec<u8>, span: Span) {
        self.writing.push_back((span, file, content));
        if self.writing.len() > UNDER_WAY_MAX
            && let Some((_, file, content)) = self.writing.pop_front()
        {
            self.put(file, Some(content));
        }
    }

    fn put(&mut self, file: usize, content: Option<Vec<u8>>) {
        if let Some(place) = self.files.get_mut(file) {
            *place = content;
        }
    }

    /// R2.
    pub fn crash(&mut self, now_ms: u64, rng: &mut Rng) {
        let durable = self.commits.iter().take_while(|(span, _)| span.durable_ms <= now_ms).count();
        let is_begun = self.commits.get(durable).is_some_and(|(span, _)| span.begun_ms < now_ms);
        self.commits.truncate(durable + usize::from(is_begun && rng.chance(500)));
        while let Some((span, file, content)) = self.writing.pop_front() {
            if span.durable_ms <= now_ms {
                self.put(file, Some(content));
                continue;
            }
            if span.begun_ms >= now_ms {
                break;
            }
            match rng.below(3) {
                0 => {}
                1 => {
                    let mut torn = content.clone();
                    torn.truncate(content.len() / 2);
                    torn.resize(content.len(), 0xee);
                    self.put(file, Some(torn));
                }
                _ => self.put(file, Some(content)),
            }
        }
        self.writing.clear();
    }
}

/// Versions of one row by the height that wrote them.
type History = BTreeMap<BlockNumber, Option<Vec<u8>>>;

#[derive(Default)]
struct Content {
    finalised: Option<Head>,
    values: BTreeMap<Vec<u8>, History>,
    nodes: BTreeMap<NodePath, History>,
    blocks: BTreeMap<H256, NewBlock>,
    journal: BTreeMap<H256, ()>,
    justifications: BTreeMap<H256, Vec<u8>>,
    numbers: BTreeMap<BlockNumber, H256>,
    meta: BTreeMap<Vec<u8>, Vec<u8>>,
}

/// The store over a disk.
pub struct SimStore {
    disk: Arc<Mutex<Disk>>,
    content: Mutex<Content>,
    /// How long the next commit takes, set by the node before it works.
    span: Mutex<Span>,
}

/// A lock that no panic leaves half done: there is one thread.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl SimStore {
    /// R3.
    #[must_use]
    pub fn open(disk: Arc<Mutex<Disk>>) -> Self {
        let mut content = Content::default();
        for (_, commit) in &lock(&disk).commits {
            content.apply(commit.clone());
        }
        Self { disk, content: Mutex::new(content), span: Mutex::default() }
    }

    /// How long the next commit takes.
    pub fn set_span(&self, span: Span) {
        *lock(&self.span) = span;
    }

    fn row<R>(&self, read: impl FnOnce(&Content) -> R) -> R {
        read(&lock(&self.content))
    }
}

fn at_height(history: &History, at: BlockNumber) -> Option<Vec<u8>> {
    history.range(..=at).next_back().and_then(|(_, value)| value.clone())
}

impl Content {
    fn apply(&mut self, commit: Commit) {
        for block in commit.blocks {
            self.journal.insert(block.hash, ());
            self.blocks.insert(block.hash, block);
        }
        for finalise in commit.finalise {
            self.journal.remove(&finalise.hash);
            for (key, value) in &finalise.layer.values {
                self.values.entry(key.clone()).or_default().insert(finalise.number, value.clone());
            }
            for (path, node) in &finalise.layer.nodes {
                self.nodes.entry(path.clone()).or_default().insert(finalise.number, node.clone());
            }
            self.numbers.insert(finalise.number, finalise.hash);
            self.finalised = Some(Head { number: finalise.number, hash: finalise.hash });
            if let Some(justification) = finalise.justification {
                self.justifications.insert(finalise.hash, justification);
            }
        }
        if let Some(install) = commit.install {
            self.install(&install);
        }
        for hash in commit.dropped {
            self.journal.remove(&hash);
            self.blocks.remove(&hash);
        }
        for (key, value) in commit.meta {
            match value {
                Some(value) => self.meta.insert(key, value),
                None => self.meta.remove(&key),
            };
        }
    }
}

impl Content {
    /// A whole state: nothing of the states before stays.
    fn install(&mut self, install: &Install) {
        let number = install.block.header.number;
        let row = |value: &Option<Vec<u8>>| History::from([(number, value.clone())]);
        self.values = install.layer.values.iter().map(|(key, value)| (key.clone(), row(value))).collect();
        self.nodes = install.layer.nodes.iter().map(|(path, node)| (path.clone(), row(node))).collect();
        self.finalised = Some(Head { number, hash: install.block.hash });
        for block in install.below.iter().chain([&install.block]) {
            let new = NewBlock {
                hash: block.hash,
                header: block.header.clone(),
                body: Arc::default(),
                layer: Arc::default(),
            };
            self.blocks.insert(block.hash, new);
            self.justifications.insert(block.hash, block.justification.clone());
            self.numbers.insert(block.header.number, block.hash);
        }
    }
}

impl Store for SimStore {
    fn finalised(&self) -> Result<Option<Head>, StoreError> {
        Ok(self.row(|content| content.finalised))
    }

    fn oldest_state(&self) -> Result<BlockNumber, StoreError> {
        Ok(0)
    }

    fn state_get(&self, at: BlockNumber, key: &[u8]) -> Result<Option<Vec<u8>>, StateError> {
        Ok(self.row(|content| content.values.get(key).and_then(|history| at_height(history, at))))
    }

    fn state_next_key(&self, at: BlockNumber, key: &[u8]) -> Result<Option<Vec<u8>>, StateError> {
        Ok(self.row(|content| {
            let mut after = content.values.range::<[u8], _>((Bound::Excluded(key), Bound::Unbounded));
            after.find(|(_, history)| at_height(history, at).is_some()).map(|(key, _)| key.clone())
        }))
    }

    fn node_get(&self, at: BlockNumber, path: &NodePath) -> Result<Option<Vec<u8>>, StateError> {
        Ok(self.row(|content| content.nodes.get(path).and_then(|history| at_height(history, at))))
    }

    fn header(&self, hash: H256) -> Result<Option<Header>, StoreError> {
        Ok(self.row(|content| content.blocks.get(&hash).map(|block| (*block.header).clone())))
    }

    fn body(&self, hash: H256) -> Result<Option<Vec<OpaqueExtrinsic>>, StoreError> {
        Ok(self.row(|content| content.blocks.get(&hash).map(|block| (*block.body).clone())))
    }

    fn justification(&self, hash: H256) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.row(|content| content.justifications.get(&hash).cloned()))
    }

    fn hash_by_number(&self, number: BlockNumber) -> Result<Option<H256>, StoreError> {
        Ok(self.row(|content| content.numbers.get(&number).copied()))
    }

    fn journal(&self) -> Result<Vec<Journalled>, StoreError> {
        Ok(self.row(|content| {
            let entry = |block: &NewBlock| Journalled {
                hash: block.hash,
                header: (*block.header).clone(),
                layer: (*block.layer).clone(),
            };
            content.journal.keys().filter_map(|hash| content.blocks.get(hash)).map(entry).collect()
        }))
    }

    fn meta(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.row(|content| content.meta.get(key).cloned()))
    }

    fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        lock(&self.disk).commits.push((*lock(&self.span), commit.clone()));
        lock(&self.content).apply(commit);
        Ok(())
    }
}
