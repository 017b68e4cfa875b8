//! The writes of a runtime call, held over a state until they are kept or thrown away.
//!
//! ```text
//!   set clear append          get next_key
//!          |                      |
//!          v                      v
//!   [ entries: key -> value, dirty or merely read ]   <- rollback pops the undo log
//!          | misses
//!          v
//!   &dyn StateView (the parent block's state, never written)
//! ```
//!
//! Rules
//! - R1 What a call reads is the newest write of an open or committed transaction, else the state.
//! - R2 A rollback restores exactly what the matching start saw; cost is the number of writes undone, not the
//!   size of the overlay.
//! - R3 `append` costs the length of the item, not of the list, so that 10,000 events a block stay linear.
//! - R4 A value read once is not asked of the state again.
//! - R5 Appending to something that is no SCALE list starts a new list (Substrate's behaviour).
//!
//! Out of scope: child tries; who may write what (the runtime's matter).

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Bound;

use parity_scale_codec::{Compact, CompactLen, Decode, Encode};
use quire_core::H256;
use quire_trie::{NodeChanges, NodePath, NodeReader, StateVersion, TrieError};

use crate::environment::{StateError, StateView};
use crate::layer::Layer;

/// Deepest nesting of storage transactions.
pub const TRANSACTION_DEPTH_MAX: usize = quire_core::limits::MAX_STORAGE_TRANSACTIONS as usize;

/// Writes over a [`StateView`]; see the module doc.
#[derive(Clone, Debug, Default)]
pub struct Overlay {
    entries: BTreeMap<Vec<u8>, Entry>,
    undo: Vec<Undo>,
    /// For each open transaction the length of `undo` when it started.
    open: Vec<usize>,
    /// Root and trie nodes of the current writes, until the next write.
    root: Option<(H256, NodeChanges)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    value: Value,
    /// False for a value that was only read from the state.
    dirty: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Value {
    Absent,
    Plain(Vec<u8>),
    /// A SCALE list that grows: its count and the items without the length prefix. Always dirty.
    List {
        count: u32,
        items: Vec<u8>,
    },
}

#[derive(Clone, Debug)]
enum Undo {
    Entry { key: Vec<u8>, previous: Option<Entry> },
    Append { key: Vec<u8>, count: u32, length: usize },
}

/// Misuse of the transaction calls by a runtime; the executor turns it into a trap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransactionError {
    /// More than [`TRANSACTION_DEPTH_MAX`] open at once.
    #[error("storage transactions nest deeper than {TRANSACTION_DEPTH_MAX}")]
    TooDeep,
    /// Commit or rollback without a start.
    #[error("no storage transaction is open")]
    NoneOpen,
}

/// The state root could not be computed.
#[derive(Debug, thiserror::Error)]
pub enum RootError {
    /// The state could not be read.
    #[error(transparent)]
    State(#[from] StateError),
    /// The stored trie contradicts itself: the database is corrupted.
    #[error("state trie is corrupted: {reason}; restore the base path or sync again")]
    Corrupted {
        /// What the trie found.
        reason: String,
    },
}

impl RootError {
    /// True when the node must stop.
    #[must_use]
    pub fn is_fatal(&self) -> bool {
        match self {
            Self::State(error) => error.is_fatal(),
            Self::Corrupted { .. } => true,
        }
    }
}

impl From<RootError> for StateError {
    fn from(error: RootError) -> Self {
        match error {
            RootError::State(error) => error,
            RootError::Corrupted { reason } => Self::Backend { what: "the state trie".into(), reason },
        }
    }
}

impl Overlay {
    /// An overlay without writes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The value under `key`.
    pub fn get(&mut self, state: &dyn StateView, key: &[u8]) -> Result<Option<Vec<u8>>, StateError> {
        self.read(state, key, |value| value.map(<[u8]>::to_vec))
    }

    /// True if `key` has a value.
    pub fn exists(&mut self, state: &dyn StateView, key: &[u8]) -> Result<bool, StateError> {
        self.read(state, key, |value| value.is_some())
    }

    /// Shows the value under `key` to `with`, without a copy.
    pub fn read<R>(
        &mut self,
        state: &dyn StateView,
        key: &[u8],
        with: impl FnOnce(Option<&[u8]>) -> R,
    ) -> Result<R, StateError> {
        if let Some(entry) = self.entries.get(key) {
            return Ok(with(entry.value.bytes().as_deref()));
        }
        let value = state.get(key)?;
        let result = with(value.as_deref());
        self.entries.insert(key.to_vec(), Entry { value: Value::from(value), dirty: false });
        Ok(result)
    }

    /// Sets the value under `key`.
    pub fn set(&mut self, key: &[u8], value: Vec<u8>) {
        self.write(key, Value::Plain(value));
    }

    /// Removes the value under `key`.
    pub fn clear(&mut self, key: &[u8]) {
        self.write(key, Value::Absent);
    }

    /// Appends one SCALE-encoded `item` to the SCALE list under `key` (R3, R5).
    pub fn append(&mut self, state: &dyn StateView, key: &[u8], item: &[u8]) -> Result<(), StateError> {
        self.root = None;
        let recording = !self.open.is_empty();
        if let Some(Entry { value: Value::List { count, items }, .. }) = self.entries.get_mut(key)
            && let Some(more) = count.checked_add(1)
        {
            if recording {
                self.undo.push(Undo::Append { key: key.to_vec(), count: *count, length: items.len() });
            }
            *count = more;
            items.extend_from_slice(item);
            return Ok(());
        }
        let (count, mut items) =
            self.read(state, key, |value| value.and_then(split_list).unwrap_or((0, Vec::new())))?;
        items.extend_from_slice(item);
        self.write(key, Value::List { count: count + 1, items });
        Ok(())
    }

    /// Removes up to `limit` keys that start with `prefix`, in order. Returns how many went and whether any
    /// remain.
    pub fn clear_prefix(
        &mut self,
        state: &dyn StateView,
        prefix: &[u8],
        limit: Option<u32>,
    ) -> Result<(u32, bool), StateError> {
        let mut removed = 0u32;
        let mut at =
            if self.exists(state, prefix)? { Some(prefix.to_vec()) } else { self.next_key(state, prefix)? };
        while let Some(key) = at {
            if !key.starts_with(prefix) {
                break;
            }
            if limit.is_some_and(|limit| removed >= limit) || removed == u32::MAX {
                return Ok((removed, true));
            }
            self.clear(&key);
            removed += 1;
            at = self.next_key(state, &key)?;
        }
        Ok((removed, false))
    }

    /// The lowest key strictly after `key` that has a value.
    pub fn next_key(&self, state: &dyn StateView, key: &[u8]) -> Result<Option<Vec<u8>>, StateError> {
        let mut below = state.next_key(key)?;
        let mut above = self.entries.range::<[u8], _>((Bound::Excluded(key), Bound::Unbounded)).peekable();
        loop {
            match (above.peek(), &below) {
                (None, _) => return Ok(below),
                (Some((mine, _)), Some(theirs)) if *mine > theirs => return Ok(below),
                (Some((mine, entry)), _) => {
                    if entry.value != Value::Absent {
                        return Ok(Some((*mine).clone()));
                    }
                    if below.as_ref() == Some(mine) {
                        below = state.next_key(mine)?;
                    }
                    above.next();
                }
            }
        }
    }

    /// Opens a transaction inside the current one.
    pub fn start_transaction(&mut self) -> Result<(), TransactionError> {
        if self.open.len() >= TRANSACTION_DEPTH_MAX {
            return Err(TransactionError::TooDeep);
        }
        self.open.push(self.undo.len());
        Ok(())
    }

    /// Keeps the writes of the innermost open transaction; they become its parent's.
    pub fn commit_transaction(&mut self) -> Result<(), TransactionError> {
        self.open.pop().ok_or(TransactionError::NoneOpen)?;
        if self.open.is_empty() {
            self.undo.clear();
        }
        Ok(())
    }

    /// Undoes the writes of the innermost open transaction (R2).
    pub fn rollback_transaction(&mut self) -> Result<(), TransactionError> {
        let start = self.open.pop().ok_or(TransactionError::NoneOpen)?;
        if self.undo.len() > start {
            self.root = None;
        }
        for undo in self.undo.drain(start..).rev() {
            match undo {
                Undo::Entry { key, previous: Some(entry) } => {
                    self.entries.insert(key, entry);
                }
                Undo::Entry { key, previous: None } => {
                    self.entries.remove(&key);
                }
                Undo::Append { key, count, length } => {
                    if let Some(Entry { value: Value::List { count: now, items }, .. }) =
                        self.entries.get_mut(&key)
                    {
                        *now = count;
                        items.truncate(length);
                    }
                }
            }
        }
        Ok(())
    }

    /// Number of open transactions.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.open.len()
    }

    /// Rolls back until only `depth` transactions are open: what follows a trap.
    pub fn rollback_to(&mut self, depth: usize) {
        while self.open.len() > depth && self.rollback_transaction().is_ok() {}
    }

    /// Everything written (not what was only read): `None` deletes.
    #[must_use]
    pub fn changes(&self) -> BTreeMap<Vec<u8>, Option<Vec<u8>>> {
        self.entries
            .iter()
            .filter(|(_, entry)| entry.dirty)
            .map(|(key, entry)| (key.clone(), entry.value.bytes().map(Cow::into_owned)))
            .collect()
    }

    /// The keys that were read or written, in order: what a proof of the call must cover.
    pub fn touched_keys(&self) -> impl Iterator<Item = &[u8]> {
        self.entries.keys().map(Vec::as_slice)
    }

    /// The state root with the current writes applied; computed once until the next write.
    pub fn root(&mut self, state: &dyn StateView, version: StateVersion) -> Result<H256, RootError> {
        if let Some((root, _)) = &self.root {
            return Ok(*root);
        }
        let (root, nodes) = trie_update(state, version, &self.changes())?;
        self.root = Some((root, nodes));
        Ok(root)
    }

    /// The state root and the difference to the parent's state.
    pub fn into_layer(
        mut self,
        state: &dyn StateView,
        version: StateVersion,
    ) -> Result<(H256, Layer), RootError> {
        let cached = self.root.take();
        let values: BTreeMap<_, _> = self
            .entries
            .into_iter()
            .filter(|(_, entry)| entry.dirty)
            .map(|(key, entry)| (key, entry.value.into_bytes()))
            .collect();
        let (root, nodes) = match cached {
            Some(known) => known,
            None => trie_update(state, version, &values)?,
        };
        Ok((root, Layer { values, nodes }))
    }

    fn write(&mut self, key: &[u8], value: Value) {
        self.root = None;
        let entry = Entry { value, dirty: true };
        let previous = match self.entries.get_mut(key) {
            Some(slot) => Some(std::mem::replace(slot, entry)),
            None => self.entries.insert(key.to_vec(), entry),
        };
        if !self.open.is_empty() {
            self.undo.push(Undo::Entry { key: key.to_vec(), previous });
        }
    }
}

impl Value {
    fn bytes(&self) -> Option<Cow<'_, [u8]>> {
        match self {
            Self::Absent => None,
            Self::Plain(bytes) => Some(Cow::Borrowed(bytes)),
            Self::List { count, items } => Some(Cow::Owned(join_list(*count, items))),
        }
    }

    fn into_bytes(self) -> Option<Vec<u8>> {
        match self {
            Self::Absent => None,
            Self::Plain(bytes) => Some(bytes),
            Self::List { count, items } => Some(join_list(count, &items)),
        }
    }
}

impl From<Option<Vec<u8>>> for Value {
    fn from(value: Option<Vec<u8>>) -> Self {
        value.map_or(Self::Absent, Self::Plain)
    }
}

/// Splits a SCALE list into its count and items; `None` if it has no valid length or cannot grow.
fn split_list(bytes: &[u8]) -> Option<(u32, Vec<u8>)> {
    let mut rest = bytes;
    let Compact(count) = Compact::<u32>::decode(&mut rest).ok()?;
    (count < u32::MAX).then(|| (count, rest.to_vec()))
}

fn join_list(count: u32, items: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(Compact::compact_len(&count) + items.len());
    Compact(count).encode_to(&mut bytes);
    bytes.extend_from_slice(items);
    bytes
}

/// Trie nodes of a [`StateView`], as the trie wants them.
pub(crate) struct Nodes<'a>(pub(crate) &'a dyn StateView);

impl NodeReader for Nodes<'_> {
    type Error = StateError;

    fn node(&self, path: &NodePath) -> Result<Option<Vec<u8>>, StateError> {
        self.0.node(path)
    }
}

fn trie_update(
    state: &dyn StateView,
    version: StateVersion,
    changes: &BTreeMap<Vec<u8>, Option<Vec<u8>>>,
) -> Result<(H256, NodeChanges), RootError> {
    quire_trie::update(&Nodes(state), version, changes).map_err(|error| match error {
        TrieError::Read(error) => RootError::State(error),
        other => RootError::Corrupted { reason: other.to_string() },
    })
}

#[cfg(test)]
mod tests;
