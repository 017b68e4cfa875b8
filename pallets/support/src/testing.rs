//! The native stand-in for the host: state in memory, one per thread.
//!
//! Used by unit tests and, natively, to build the genesis state; compiled for every target but Wasm.
//!
//! Rules: those of [`crate::host`]. Host functions called outside of [`TestExternalities::execute`] act on a state that
//! lives as long as the thread.

extern crate std;

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::cell::RefCell;
use core::ops::Bound;

use parity_scale_codec::{Compact, Decode, Encode};
use quire_core::hash::H256;

use crate::host::{ClearPrefix, LogLevel};

std::thread_local! {
    static STATE: RefCell<TestExternalities> = const { RefCell::new(TestExternalities::new()) };
}

/// A state with nested transactions and a log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TestExternalities {
    values: BTreeMap<Vec<u8>, Vec<u8>>,
    /// Per open transaction, what its keys held when it began.
    undo: Vec<BTreeMap<Vec<u8>, Option<Vec<u8>>>>,
    lines: Vec<(LogLevel, String)>,
    runtime_versions: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl TestExternalities {
    /// An empty state.
    pub const fn new() -> Self {
        Self {
            values: BTreeMap::new(),
            undo: Vec::new(),
            lines: Vec::new(),
            runtime_versions: BTreeMap::new(),
        }
    }

    /// A state with these values.
    pub fn from_pairs(pairs: impl IntoIterator<Item = (Vec<u8>, Vec<u8>)>) -> Self {
        Self { values: pairs.into_iter().collect(), ..Self::new() }
    }

    /// Runs `work` with this state behind the host functions of this thread, and keeps what it changed.
    pub fn execute<R>(&mut self, work: impl FnOnce() -> R) -> R {
        // Gives the state back even when `work` panics, so that a failed test says what it found.
        struct Swapped<'a>(&'a mut TestExternalities);
        impl Drop for Swapped<'_> {
            fn drop(&mut self) {
                STATE.with_borrow_mut(|state| core::mem::swap(state, self.0));
            }
        }
        STATE.with_borrow_mut(|state| core::mem::swap(state, self));
        let _swapped = Swapped(self);
        work()
    }

    /// All values.
    pub fn into_pairs(self) -> BTreeMap<Vec<u8>, Vec<u8>> {
        self.values
    }

    /// All values, by reference.
    pub fn pairs(&self) -> &BTreeMap<Vec<u8>, Vec<u8>> {
        &self.values
    }

    /// The value under `key`.
    pub fn get(&self, key: &[u8]) -> Option<&[u8]> {
        self.values.get(key).map(Vec::as_slice)
    }

    /// Writes or removes a value, remembering the old one for a rollback.
    pub fn set(&mut self, key: &[u8], value: Option<Vec<u8>>) {
        let old = match value {
            Some(value) => self.values.insert(key.to_vec(), value),
            None => self.values.remove(key),
        };
        if let Some(undo) = self.undo.last_mut() {
            undo.entry(key.to_vec()).or_insert(old);
        }
    }

    /// Appends an encoded item to the SCALE vector under `key`; what is no vector is replaced by one of one item.
    pub fn append(&mut self, key: &[u8], item: &[u8]) {
        let old = self.get(key).unwrap_or(&[]);
        let mut rest = old;
        let length = Compact::<u32>::decode(&mut rest).ok().and_then(|length| length.0.checked_add(1));
        let mut vector = Compact(length.unwrap_or(1)).encode();
        if length.is_some() {
            vector.extend_from_slice(rest);
        }
        vector.extend_from_slice(item);
        self.set(key, Some(vector));
    }

    /// The least key strictly greater than `key`.
    pub fn next_key(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.values
            .range::<[u8], _>((Bound::Excluded(key), Bound::Unbounded))
            .next()
            .map(|(key, _)| key.clone())
    }

    /// Removes up to `limit` keys that start with `prefix`.
    pub fn clear_prefix(&mut self, prefix: &[u8], limit: Option<u32>) -> ClearPrefix {
        let matching = self
            .values
            .range::<[u8], _>((Bound::Included(prefix), Bound::Unbounded))
            .map(|(key, _)| key)
            .take_while(|key| key.starts_with(prefix));
        let keys: Vec<_> = matching.cloned().collect();
        let limit = limit.map_or(keys.len(), |limit| limit as usize).min(keys.len());
        for key in &keys[..limit] {
            self.set(key, None);
        }
        let removed = u32::try_from(limit).unwrap_or(u32::MAX);
        if limit == keys.len() {
            ClearPrefix::AllRemoved(removed)
        } else {
            ClearPrefix::SomeRemaining(removed)
        }
    }

    /// State root of all values, trie version 1.
    pub fn root(&self) -> H256 {
        quire_trie::root(quire_trie::StateVersion::V1, &self.values)
    }

    /// Opens a nested transaction.
    pub fn start_transaction(&mut self) {
        self.undo.push(BTreeMap::new());
    }

    /// Undoes and closes the innermost transaction; without one, nothing happens.
    pub fn rollback_transaction(&mut self) {
        for (key, old) in self.undo.pop().unwrap_or_default() {
            match old {
                Some(value) => self.values.insert(key, value),
                None => self.values.remove(&key),
            };
        }
    }

    /// Keeps what the innermost transaction did; without one, nothing happens.
    pub fn commit_transaction(&mut self) {
        let closed = self.undo.pop().unwrap_or_default();
        if let Some(outer) = self.undo.last_mut() {
            for (key, old) in closed {
                outer.entry(key).or_insert(old);
            }
        }
    }

    /// Number of open transactions.
    pub fn open_transactions(&self) -> usize {
        self.undo.len()
    }

    /// Keeps a log line.
    pub fn log(&mut self, level: LogLevel, target: &str, message: &str) {
        self.lines.push((level, alloc::format!("{target}: {message}")));
    }

    /// The log lines so far.
    pub fn lines(&self) -> &[(LogLevel, String)] {
        &self.lines
    }

    /// Makes `code` pass for a runtime of this encoded version.
    pub fn set_runtime_version(&mut self, code: &[u8], version: &[u8]) {
        self.runtime_versions.insert(code.to_owned(), version.to_owned());
    }

    /// The encoded version of the runtime `code`.
    pub fn runtime_version(&self, code: &[u8]) -> Option<Vec<u8>> {
        self.runtime_versions.get(code).cloned()
    }
}

/// Reads this thread's current state.
pub fn with_state<R>(read: impl FnOnce(&TestExternalities) -> R) -> R {
    STATE.with_borrow(|state| read(state))
}

/// Changes this thread's current state.
pub fn with_state_mut<R>(write: impl FnOnce(&mut TestExternalities) -> R) -> R {
    STATE.with_borrow_mut(|state| write(state))
}

/// Runs a test on an empty state.
pub fn new_test<R>(work: impl FnOnce() -> R) -> R {
    TestExternalities::new().execute(work)
}

/// Whether pallet `index` has deposited `event` in the current block.
pub fn has_event(index: u8, event: &impl Encode) -> bool {
    let wanted = event_bytes(index, event);
    let events = crate::host::storage_get(&crate::events::EVENTS_KEY).unwrap_or_default();
    events.windows(wanted.len()).any(|window| window == wanted)
}

/// Whether the last event of the current block is pallet `index`'s `event`.
pub fn last_event_is(index: u8, event: &impl Encode) -> bool {
    let events = crate::host::storage_get(&crate::events::EVENTS_KEY).unwrap_or_default();
    events.ends_with(&event_bytes(index, event))
}

/// The event as it stands in `System.Events`, without its phase.
fn event_bytes(index: u8, event: &impl Encode) -> Vec<u8> {
    let mut bytes = alloc::vec![index];
    event.encode_to(&mut bytes);
    bytes.push(0);
    bytes
}
