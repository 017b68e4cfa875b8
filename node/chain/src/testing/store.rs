//! A store in memory with history, a journal that goes through the encoding, and commits that can be made to fail.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};

use parity_scale_codec::{Decode, Encode};
use quire_core::{BlockNumber, H256, Header, OpaqueExtrinsic};
use quire_trie::NodePath;

use crate::{Commit, Head, Install, Journalled, Layer, StateError, Store, StoreError};

/// Versions of one row by the height that wrote them.
type History = BTreeMap<BlockNumber, Option<Vec<u8>>>;

#[derive(Clone, Debug, Default)]
struct Content {
    finalised: Option<Head>,
    values: BTreeMap<Vec<u8>, History>,
    nodes: BTreeMap<NodePath, History>,
    headers: BTreeMap<H256, Vec<u8>>,
    bodies: BTreeMap<H256, Vec<u8>>,
    journal: BTreeMap<H256, Vec<u8>>,
    justifications: BTreeMap<H256, Vec<u8>>,
    numbers: BTreeMap<BlockNumber, H256>,
    meta: BTreeMap<Vec<u8>, Vec<u8>>,
    oldest_state: BlockNumber,
    commits: usize,
}

#[derive(Debug, Default)]
pub(crate) struct MemoryStore {
    content: Mutex<Content>,
    fails: Mutex<bool>,
}

impl MemoryStore {
    fn content(&self) -> MutexGuard<'_, Content> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on commits fail, or work again.
    pub(crate) fn set_failing(&self, fails: bool) {
        *self.fails.lock().unwrap_or_else(PoisonError::into_inner) = fails;
    }

    /// Forgets the states below `oldest`.
    pub(crate) fn prune(&self, oldest: BlockNumber) {
        self.content().oldest_state = oldest;
    }

    /// Forgets a small value.
    pub(crate) fn forget_meta(&self, key: &[u8]) {
        self.content().meta.remove(key);
    }

    pub(crate) fn commits(&self) -> usize {
        self.content().commits
    }

    fn check_kept(&self, at: BlockNumber) -> Result<(), StateError> {
        let oldest = self.content().oldest_state;
        if at < oldest { Err(StateError::Pruned { at, oldest }) } else { Ok(()) }
    }
}

fn at_height(history: &History, at: BlockNumber) -> Option<Vec<u8>> {
    history.range(..=at).next_back().and_then(|(_, value)| value.clone())
}

impl Content {
    fn install(&mut self, install: Install) {
        let Install { block, layer, below } = install;
        let number = block.header.number;
        assert!(self.journal.is_empty() && self.finalised.is_some_and(|head| head.number < number));
        self.values =
            layer.values.iter().map(|(key, value)| (key.clone(), [(number, value.clone())].into())).collect();
        self.nodes =
            layer.nodes.iter().map(|(path, node)| (path.clone(), [(number, node.clone())].into())).collect();
        self.oldest_state = number;
        self.finalised = Some(Head { number, hash: block.hash });
        for block in below.into_iter().chain([block]) {
            self.headers.insert(block.hash, block.header.encode());
            self.justifications.insert(block.hash, block.justification);
            self.numbers.insert(block.header.number, block.hash);
        }
    }
}

impl Store for MemoryStore {
    fn finalised(&self) -> Result<Option<Head>, StoreError> {
        Ok(self.content().finalised)
    }

    fn oldest_state(&self) -> Result<BlockNumber, StoreError> {
        Ok(self.content().oldest_state)
    }

    fn state_get(&self, at: BlockNumber, key: &[u8]) -> Result<Option<Vec<u8>>, StateError> {
        self.check_kept(at)?;
        Ok(self.content().values.get(key).and_then(|history| at_height(history, at)))
    }

    fn state_next_key(&self, at: BlockNumber, key: &[u8]) -> Result<Option<Vec<u8>>, StateError> {
        self.check_kept(at)?;
        let content = self.content();
        let mut after = content.values.range::<[u8], _>((Bound::Excluded(key), Bound::Unbounded));
        Ok(after.find(|(_, history)| at_height(history, at).is_some()).map(|(key, _)| key.clone()))
    }

    fn node_get(&self, at: BlockNumber, path: &NodePath) -> Result<Option<Vec<u8>>, StateError> {
        self.check_kept(at)?;
        Ok(self.content().nodes.get(path).and_then(|history| at_height(history, at)))
    }

    fn header(&self, hash: H256) -> Result<Option<Header>, StoreError> {
        Ok(self
            .content()
            .headers
            .get(&hash)
            .map(|bytes| Header::decode(&mut &bytes[..]).expect("written by us")))
    }

    fn body(&self, hash: H256) -> Result<Option<Vec<OpaqueExtrinsic>>, StoreError> {
        Ok(self.content().bodies.get(&hash).map(|bytes| Vec::decode(&mut &bytes[..]).expect("written by us")))
    }

    fn justification(&self, hash: H256) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.content().justifications.get(&hash).cloned())
    }

    fn hash_by_number(&self, number: BlockNumber) -> Result<Option<H256>, StoreError> {
        Ok(self.content().numbers.get(&number).copied())
    }

    fn journal(&self) -> Result<Vec<Journalled>, StoreError> {
        let content = self.content();
        let entry = |(hash, layer): (&H256, &Vec<u8>)| Journalled {
            hash: *hash,
            header: Header::decode(&mut &content.headers[hash][..]).expect("written by us"),
            layer: Layer::decode(&mut &layer[..]).expect("written by us"),
        };
        Ok(content.journal.iter().map(entry).collect())
    }

    fn meta(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.content().meta.get(key).cloned())
    }

    fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        if *self.fails.lock().unwrap_or_else(PoisonError::into_inner) {
            return Err(StoreError::Full { what: "a commit".into() });
        }
        let mut content = self.content();
        content.commits += 1;
        for block in commit.blocks {
            content.headers.insert(block.hash, block.header.encode());
            content.bodies.insert(block.hash, block.body.encode());
            content.journal.insert(block.hash, block.layer.encode());
        }
        for finalise in commit.finalise {
            let expected = content.finalised.map_or(0, |head| head.number + 1);
            assert_eq!(finalise.number, expected, "heights ascend without gaps");
            let journalled = content.journal.remove(&finalise.hash).expect("is journalled");
            assert_eq!(journalled, finalise.layer.encode(), "the layer is the journalled one");
            for (key, value) in &finalise.layer.values {
                content.values.entry(key.clone()).or_default().insert(finalise.number, value.clone());
            }
            for (path, node) in &finalise.layer.nodes {
                content.nodes.entry(path.clone()).or_default().insert(finalise.number, node.clone());
            }
            content.numbers.insert(finalise.number, finalise.hash);
            content.finalised = Some(Head { number: finalise.number, hash: finalise.hash });
            if let Some(justification) = finalise.justification {
                content.justifications.insert(finalise.hash, justification);
            }
        }
        if let Some(install) = commit.install {
            content.install(install);
        }
        for hash in commit.dropped {
            assert!(content.journal.remove(&hash).is_some(), "only unfinalised blocks are dropped");
            content.headers.remove(&hash);
            content.bodies.remove(&hash);
        }
        for (key, value) in commit.meta {
            match value {
                Some(value) => content.meta.insert(key, value),
                None => content.meta.remove(&key),
            };
        }
        Ok(())
    }
}
