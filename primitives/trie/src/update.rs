//! Incremental change of the trie.
//!
//! Changed keys are walked in order, with a stack of *open* nodes: those on the path of the current key. A node is
//! opened (read) when a key passes through it and closed (encoded, hashed once, told to its parent) when no later key
//! can. Each frame remembers which of its children were closed, so that a branch left with one child can join it.
//!
//! R1. The frames' full paths are prefixes of `Update::path`, each longer than the one below by at least a nibble.
//! R2. A key to be put that parts from a node inside its partial key splits it: a new branch takes its position, the
//!     node moves below. The moved node is kept unhashed in the branch, since a later key may pass through it.
//! R3. On closing, a node without value and children vanishes; one without value and with one child joins that child.

use crate::node::{Kind, Merkle, NodeError, NodeRef, ValueRef, encode, is_hashed};
use crate::path::push_nibbles;
use crate::{EMPTY_ROOT, NodeChanges, NodePath, NodeReader, StateVersion, TrieError};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use quire_core::H256;
use quire_core::hash::blake2_256;

/// Applies changes of the flat state to the trie whose rows `reader` gives: the new root, and the rows to write.
///
/// Visits only nodes on the paths of changed keys. `None` deletes; deleting an absent key changes nothing.
///
/// # Errors
/// When rows cannot be read, are missing or corrupt.
pub fn update<R: NodeReader>(
    reader: &R,
    version: StateVersion,
    changes: &BTreeMap<Vec<u8>, Option<Vec<u8>>>,
) -> Result<(H256, NodeChanges), TrieError<R::Error>> {
    let mut update = Update {
        reader,
        frames: Vec::new(),
        depth: 0,
        is_empty: false,
        path: Vec::new(),
        position: NodePath::root(),
        written: Vec::with_capacity(changes.len()),
    };
    update.open_root()?;
    let mut key = Vec::new();
    for (bytes, value) in changes {
        key.clear();
        push_nibbles(bytes, &mut key);
        let value = value.as_ref().map(|value| NewValue::of(version, value));
        update.apply(&key, value)?;
    }
    update.finish()
}

/// A value to be put into the trie.
enum NewValue<'a> {
    Inline(&'a [u8]),
    Hashed([u8; 32]),
}

impl NewValue<'_> {
    fn of(version: StateVersion, value: &[u8]) -> NewValue<'_> {
        if is_hashed(version, value) { NewValue::Hashed(blake2_256(value)) } else { NewValue::Inline(value) }
    }
}

/// The value of an open node.
#[derive(Default)]
enum Value {
    #[default]
    None,
    Inline(Vec<u8>),
    Hashed([u8; 32]),
}

impl Value {
    fn as_ref(&self) -> ValueRef<'_> {
        match self {
            Value::None => ValueRef::None,
            Value::Inline(value) => ValueRef::Inline(value),
            Value::Hashed(hash) => ValueRef::Hashed(hash),
        }
    }
}

impl From<ValueRef<'_>> for Value {
    fn from(value: ValueRef<'_>) -> Self {
        match value {
            ValueRef::None => Value::None,
            ValueRef::Inline(value) => Value::Inline(value.to_vec()),
            ValueRef::Hashed(hash) => Value::Hashed(*hash),
        }
    }
}

/// An open node. Frames are reused, since one holds half a kilobyte of children.
struct Frame {
    /// Nibbles of the position.
    start: usize,
    /// Nibbles of the full path: `path[start..end]` is the partial key.
    end: usize,
    is_dirty: bool,
    value: Value,
    children: [Merkle; 16],
    /// By nibble: 1 + index into `Update::written` of a child that was closed.
    closed: [u32; 16],
    /// A child moved below this new branch, not hashed yet: its nibble and encoding.
    moved: Option<(u8, Vec<u8>)>,
}

impl Frame {
    fn new() -> Self {
        Frame {
            start: 0,
            end: 0,
            is_dirty: false,
            value: Value::None,
            children: [Merkle::NONE; 16],
            closed: [0; 16],
            moved: None,
        }
    }

    fn set_value(&mut self, value: Option<NewValue<'_>>) {
        match (value, self.value.as_ref()) {
            (None, ValueRef::None) => return,
            (Some(NewValue::Inline(new)), ValueRef::Inline(old)) if new == old => return,
            (Some(NewValue::Hashed(new)), ValueRef::Hashed(old)) if new == *old => return,
            (None, _) => self.value = Value::None,
            (Some(NewValue::Inline(new)), _) => self.value = Value::Inline(new.to_vec()),
            (Some(NewValue::Hashed(new)), _) => self.value = Value::Hashed(new),
        }
        self.is_dirty = true;
    }

    /// The only child, of a node without value.
    fn only_child(&self) -> Option<u8> {
        let mut children = (0..16_u8).filter(|nibble| self.children[usize::from(*nibble)].is_some());
        match (&self.value, children.next(), children.next()) {
            (Value::None, Some(nibble), None) => Some(nibble),
            _ => None,
        }
    }

    fn is_empty(&self) -> bool {
        matches!(self.value, Value::None) && !self.children.iter().any(Merkle::is_some)
    }
}

struct Update<'r, R> {
    reader: &'r R,
    /// The stack and, above `depth`, frames to reuse.
    frames: Vec<Frame>,
    depth: usize,
    /// Whether there is no root; else the root is the lowest frame.
    is_empty: bool,
    /// Nibbles of the key that opened the top frame.
    path: Vec<u8>,
    /// Scratch for lookups.
    position: NodePath,
    /// Rows in the order of writing; of several of one position the last counts.
    written: Vec<(NodePath, Option<Vec<u8>>)>,
}

impl<R: NodeReader> Update<'_, R> {
    fn open_root(&mut self) -> Result<(), TrieError<R::Error>> {
        self.position.set(&[]);
        let Some(bytes) = self.reader.node(&self.position).map_err(TrieError::Read)? else {
            self.is_empty = true;
            return Ok(());
        };
        let node =
            NodeRef::decode(&bytes).map_err(|error| TrieError::Corrupt { path: NodePath::root(), error })?;
        self.path.clear();
        self.path.extend(node.partial.iter());
        let end = self.path.len();
        self.push_read(0, end, &node);
        if self.frames[0].is_empty() {
            // A row of the empty trie: as good as none.
            self.depth = 0;
            self.is_empty = true;
        }
        Ok(())
    }

    /// Changes one key; keys come in ascending order.
    fn apply(&mut self, key: &[u8], value: Option<NewValue<'_>>) -> Result<(), TrieError<R::Error>> {
        if !self.leave_to(key, value.is_some())? {
            return Ok(());
        }
        self.path.clear();
        self.path.extend_from_slice(key);
        if self.is_empty {
            if let Some(value) = value {
                self.is_empty = false;
                self.push_new(0, key.len());
                self.top().set_value(Some(value));
            }
            return Ok(());
        }
        loop {
            let top = self.top();
            if key.len() == top.end {
                top.set_value(value);
                return Ok(());
            }
            let start = top.end + 1;
            let nibble = key[top.end];
            if !top.children[usize::from(nibble)].is_some() {
                if let Some(value) = value {
                    self.push_new(start, key.len());
                    self.top().set_value(Some(value));
                }
                return Ok(());
            }
            if !self.enter_child(key, start, nibble, value.is_some())? {
                return Ok(());
            }
        }
    }

    /// Closes nodes that `key` does not pass through, and splits the one it parts from inside (R2). False when the key
    /// is absent and shall not be put.
    fn leave_to(&mut self, key: &[u8], puts: bool) -> Result<bool, TrieError<R::Error>> {
        let Some(end) = self.depth.checked_sub(1).map(|top| self.frames[top].end) else { return Ok(true) };
        let common = self.path[..end].iter().zip(key).take_while(|(a, b)| a == b).count();
        while self.depth > 0 && self.top().end > common {
            let start = self.top().start;
            if start > common {
                self.close_top()?;
                continue;
            }
            if !puts {
                return Ok(false);
            }
            match self.settle_top()? {
                None => self.drop_top(),
                Some(encoding) => {
                    let node = decode_at(&self.path[..start], &encoding)?;
                    self.depth -= 1;
                    self.split(start, common, &node);
                }
            }
        }
        Ok(true)
    }

    /// Steps from the top node into its child; splits the child when the key parts from it and is to be put. False
    /// when the key is absent and shall not be put.
    fn enter_child(
        &mut self,
        key: &[u8],
        start: usize,
        nibble: u8,
        puts: bool,
    ) -> Result<bool, TrieError<R::Error>> {
        let moved = self.top().moved.take_if(|(moved, _)| *moved == nibble);
        let was_moved = moved.is_some();
        let bytes = match moved {
            Some((_, encoding)) => encoding,
            None => self.read(&key[..start])?,
        };
        let node = decode_at(&key[..start], &bytes)?;
        let common = node.partial.common_prefix(&key[start..]);
        if puts && common < node.partial.len() {
            self.split(start, start + common, &node);
            return Ok(true);
        }
        self.push_read(start, start + node.partial.len(), &node);
        // A moved child has no row and no Merkle value yet: it must be written, whatever the key does to it.
        self.top().is_dirty = was_moved;
        if common < node.partial.len() {
            // The next key may pass through it: it stays open, under its own full path.
            self.path.truncate(start);
            self.path.extend(node.partial.iter());
            return Ok(false);
        }
        Ok(true)
    }

    /// Puts a new branch at `path[start..end]` on the stack, with `node`, whose position it takes, moved below.
    fn split(&mut self, start: usize, end: usize, node: &NodeRef<'_>) {
        let mut rest = node.partial.iter().skip(end - start);
        // The callers have seen the key part from the partial key inside it, so there is a nibble at the parting.
        let nibble = rest.next().unwrap_or(0);
        let partial: Vec<u8> = rest.collect();
        let encoding = node.encode_with_partial(&partial);
        self.push_new(start, end);
        let top = self.top();
        top.is_dirty = true;
        top.children[usize::from(nibble)] = Merkle::PENDING;
        top.moved = Some((nibble, encoding));
    }

    fn read(&mut self, position: &[u8]) -> Result<Vec<u8>, TrieError<R::Error>> {
        self.position.set(position);
        self.reader
            .node(&self.position)
            .map_err(TrieError::Read)?
            .ok_or_else(|| TrieError::Missing { path: self.position.clone() })
    }

    fn top(&mut self) -> &mut Frame {
        &mut self.frames[self.depth - 1]
    }

    /// An empty frame on the stack.
    fn push_new(&mut self, start: usize, end: usize) {
        if self.frames.len() == self.depth {
            self.frames.push(Frame::new());
        } else {
            let frame = &mut self.frames[self.depth];
            frame.is_dirty = false;
            frame.value = Value::None;
            frame.children = [Merkle::NONE; 16];
            frame.closed = [0; 16];
            frame.moved = None;
        }
        let frame = &mut self.frames[self.depth];
        (frame.start, frame.end) = (start, end);
        self.depth += 1;
    }

    fn push_read(&mut self, start: usize, end: usize, node: &NodeRef<'_>) {
        self.push_new(start, end);
        let top = self.top();
        top.value = Value::from(node.value);
        for (slot, child) in top.children.iter_mut().zip(node.children) {
            if let Some(child) = child {
                *slot = Merkle::from_child(child);
            }
        }
    }

    /// Encodes the top node as it stands after its changes; none when it vanishes (R3). Leaves it on the stack.
    fn settle_top(&mut self) -> Result<Option<Vec<u8>>, TrieError<R::Error>> {
        let top = self.depth - 1;
        if self.frames[top].is_empty() {
            return Ok(None);
        }
        if let Some(nibble) = self.frames[top].only_child() {
            return self.join_child(nibble).map(Some);
        }
        let end = self.frames[top].end;
        if let Some((nibble, encoding)) = self.frames[top].moved.take() {
            self.frames[top].children[usize::from(nibble)] = Merkle::of(&encoding);
            self.write_below(end, nibble, Some(encoding));
        }
        let frame = &self.frames[top];
        Ok(Some(encode(&self.path[frame.start..end], frame.value.as_ref(), &frame.children)))
    }

    /// The top node joined with its only child, whose row is removed.
    fn join_child(&mut self, nibble: u8) -> Result<Vec<u8>, TrieError<R::Error>> {
        let frame = &mut self.frames[self.depth - 1];
        let (start, end) = (frame.start, frame.end);
        let closed = (frame.closed[usize::from(nibble)] as usize).checked_sub(1);
        let mut position = self.path[..end].to_vec();
        position.push(nibble);
        let encoding = match (frame.moved.take(), closed.and_then(|index| self.written.get_mut(index))) {
            (Some((_, encoding)), _) => encoding,
            (None, Some((_, row))) => {
                row.take().ok_or_else(|| TrieError::Missing { path: NodePath::from_nibbles(&position) })?
            }
            (None, None) => {
                let encoding = self.read(&position)?;
                self.written.push((NodePath::from_nibbles(&position), None));
                encoding
            }
        };
        let child = decode_at(&position, &encoding)?;
        let mut partial = position.split_off(start);
        partial.extend(child.partial.iter());
        Ok(child.encode_with_partial(&partial))
    }

    /// Closes the top node and tells its parent.
    fn close_top(&mut self) -> Result<(), TrieError<R::Error>> {
        if !self.top().is_dirty {
            self.depth -= 1;
            return Ok(());
        }
        let Some(encoding) = self.settle_top()? else {
            self.drop_top();
            return Ok(());
        };
        let start = self.top().start;
        self.depth -= 1;
        if self.depth > 0 {
            let nibble = self.path[start - 1];
            let merkle = Merkle::of(&encoding);
            self.write_below(start - 1, nibble, Some(encoding));
            let index = u32::try_from(self.written.len()).unwrap_or(u32::MAX);
            let parent = self.top();
            parent.is_dirty = true;
            parent.children[usize::from(nibble)] = merkle;
            parent.closed[usize::from(nibble)] = index;
        }
        Ok(())
    }

    /// Takes the top node, which vanishes, from the stack and from its parent.
    fn drop_top(&mut self) {
        let start = self.top().start;
        self.written.push((NodePath::from_nibbles(&self.path[..start]), None));
        self.depth -= 1;
        if self.depth == 0 {
            self.is_empty = true;
        } else {
            let nibble = self.path[start - 1];
            let parent = self.top();
            parent.is_dirty = true;
            parent.children[usize::from(nibble)] = Merkle::NONE;
        }
    }

    /// Writes the row of a child of the node with full path `path[..end]`.
    fn write_below(&mut self, end: usize, nibble: u8, row: Option<Vec<u8>>) {
        let mut position = Vec::with_capacity(end + 1);
        position.extend_from_slice(&self.path[..end]);
        position.push(nibble);
        self.written.push((NodePath::from_nibbles(&position), row));
    }

    fn finish(mut self) -> Result<(H256, NodeChanges), TrieError<R::Error>> {
        while self.depth > 1 {
            self.close_top()?;
        }
        let mut root = EMPTY_ROOT;
        if self.depth == 1 {
            let is_dirty = self.top().is_dirty;
            match self.settle_top()? {
                None => self.drop_top(),
                Some(encoding) => {
                    root = H256(blake2_256(&encoding));
                    if is_dirty {
                        self.written.push((NodePath::root(), Some(encoding)));
                    }
                }
            }
        }
        // Collecting sorts stably and keeps the last row of a position.
        Ok((root, self.written.into_iter().collect()))
    }
}

/// Decodes the node at a position. Below the root there is no empty node.
fn decode_at<'a, E>(position: &[u8], bytes: &'a [u8]) -> Result<NodeRef<'a>, TrieError<E>> {
    let node = match NodeRef::decode(bytes) {
        Ok(node) if node.kind == Kind::Empty && !position.is_empty() => Err(NodeError::NoChildren),
        decoded => decoded,
    };
    node.map_err(|error| TrieError::Corrupt { path: NodePath::from_nibbles(position), error })
}
