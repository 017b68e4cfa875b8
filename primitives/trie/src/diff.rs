//! The keys whose values differ between two tries, without reading what they share.
//!
//! R1. Keys come in ascending order, each once, and only if its value is there in one trie alone or differs.
//! R2. Where both tries have a node at one position with one Merkle value, nothing below is read. So the work grows with
//!     the changes and their depth, not with the state.
//! R3. A value that stands in its node in one trie and as its hash in the other is the same value.

use crate::node::{NodeRef, ValueRef};
use crate::path::push_nibbles;
use crate::{NodePath, NodeReader, TrieError};
use alloc::sync::Arc;
use alloc::vec::Vec;
use quire_core::hash::blake2_256;

/// A subtree: the node through which every key of it is reached, read once.
#[derive(Clone)]
struct Subtree {
    /// Nibbles of the node's position.
    position: usize,
    /// What stands for it in its parent; empty for the root.
    merkle: Vec<u8>,
    row: Arc<[u8]>,
    /// Nibbles of the node's full path, of which the first `position` are the way to it.
    full: Vec<u8>,
}

/// A place at which both tries are compared: the nibbles that lead there, and what each has below.
struct Place {
    path: Vec<u8>,
    before: Option<Subtree>,
    after: Option<Subtree>,
}

/// The keys that differ; an iterator that reads as it goes.
pub struct Diff<B, A> {
    before: B,
    after: A,
    /// Places to look at, the next one last.
    places: Vec<Place>,
    is_broken: bool,
}

impl<E, B: NodeReader<Error = E>, A: NodeReader<Error = E>> Diff<B, A> {
    /// Compares what both tries have under `prefix`.
    ///
    /// # Errors
    /// When rows cannot be read, are missing or corrupt.
    pub fn new(before: B, after: A, prefix: &[u8]) -> Result<Self, TrieError<E>> {
        let mut path = Vec::new();
        push_nibbles(prefix, &mut path);
        let (old, new) = (locate(&before, &path)?, locate(&after, &path)?);
        let places = if old.is_none() && new.is_none() {
            Vec::new()
        } else {
            alloc::vec![Place { path, before: old, after: new }]
        };
        Ok(Self { before, after, places, is_broken: false })
    }

    /// Looks at one place; gives the key there if it differs.
    fn look(&mut self, place: Place) -> Result<Option<Vec<u8>>, TrieError<E>> {
        let Place { path, before, after } = place;
        let shared = match (&before, &after) {
            (Some(one), Some(two)) => one.full.iter().zip(&two.full).take_while(|(a, b)| a == b).count(),
            (Some(one), None) | (None, Some(one)) => one.full.len(),
            (None, None) => path.len(),
        };
        // Below the place both go the same way up to `shared` nibbles.
        let way = before.as_ref().or(after.as_ref()).map_or(path, |one| one.full[..shared].to_vec());
        let old = before.as_ref().map(|one| one.node(shared)).transpose()?.flatten();
        let new = after.as_ref().map(|one| one.node(shared)).transpose()?.flatten();
        for nibble in (0..16u8).rev() {
            let merkle = |node: &Option<NodeRef>| {
                node.as_ref().and_then(|node| node.children[usize::from(nibble)].map(<[u8]>::to_vec))
            };
            let (one, two) = (merkle(&old), merkle(&new));
            if one.is_some() && one == two {
                continue;
            }
            let mut below = way.clone();
            below.push(nibble);
            let before = below_of(&self.before, &before, one, &below)?;
            let after = below_of(&self.after, &after, two, &below)?;
            let is_same = matches!((&before, &after), (Some(one), Some(two)) if one.is_same(two));
            if (before.is_some() || after.is_some()) && !is_same {
                self.places.push(Place { path: below, before, after });
            }
        }
        let value = |node: &Option<NodeRef>| node.as_ref().and_then(|node| hash_of(node.value));
        // Keys are whole bytes; a value at half a byte there is none.
        Ok((value(&old) != value(&new))
            .then(|| way.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect()))
    }
}

impl<E, B: NodeReader<Error = E>, A: NodeReader<Error = E>> Iterator for Diff<B, A> {
    type Item = Result<Vec<u8>, TrieError<E>>;

    fn next(&mut self) -> Option<Self::Item> {
        while let Some(place) = self.places.pop().filter(|_| !self.is_broken) {
            match self.look(place) {
                Ok(None) => {}
                Ok(Some(key)) => return Some(Ok(key)),
                Err(error) => {
                    self.is_broken = true;
                    return Some(Err(error));
                }
            }
        }
        None
    }
}

impl Subtree {
    /// The node, if it stands at the end of a path of `length` nibbles.
    fn node<E>(&self, length: usize) -> Result<Option<NodeRef<'_>>, TrieError<E>> {
        if self.full.len() != length {
            return Ok(None);
        }
        let corrupt = |error| TrieError::Corrupt { path: self.place(), error };
        NodeRef::decode(&self.row).map(Some).map_err(corrupt)
    }

    fn place(&self) -> NodePath {
        NodePath::from_nibbles(&self.full[..self.position])
    }

    /// R2.
    fn is_same(&self, other: &Self) -> bool {
        self.position == other.position && !self.merkle.is_empty() && self.merkle == other.merkle
    }
}

/// The subtree below `parent` at `path`: a child, or the parent itself when its path goes on there.
fn below_of<R: NodeReader>(
    reader: &R,
    parent: &Option<Subtree>,
    child: Option<Vec<u8>>,
    path: &[u8],
) -> Result<Option<Subtree>, TrieError<R::Error>> {
    if let Some(merkle) = child {
        return read(reader, path, merkle).map(Some);
    }
    Ok(parent.clone().filter(|parent| parent.full.len() >= path.len() && parent.full.starts_with(path)))
}

/// The node at a position.
fn read<R: NodeReader>(reader: &R, position: &[u8], merkle: Vec<u8>) -> Result<Subtree, TrieError<R::Error>> {
    let path = NodePath::from_nibbles(position);
    let row = reader.node(&path).map_err(TrieError::Read)?;
    let row: Arc<[u8]> = row.ok_or_else(|| TrieError::Missing { path: path.clone() })?.into();
    let mut full = position.to_vec();
    let node = NodeRef::decode(&row).map_err(|error| TrieError::Corrupt { path, error })?;
    full.extend(node.partial_key());
    Ok(Subtree { position: position.len(), merkle, row, full })
}

/// The subtree that holds every key that starts with `path`.
fn locate<R: NodeReader>(reader: &R, path: &[u8]) -> Result<Option<Subtree>, TrieError<R::Error>> {
    let root = reader.node(&NodePath::root()).map_err(TrieError::Read)?;
    // A row of the empty trie is as good as none.
    if root.is_none_or(|row| row == [0]) {
        return Ok(None);
    }
    let mut at = read(reader, &[], Vec::new())?;
    loop {
        if at.full.starts_with(path) {
            return Ok(Some(at));
        }
        if !path.starts_with(&at.full) {
            return Ok(None);
        }
        let nibble = path[at.full.len()];
        let child =
            at.node(at.full.len())?.and_then(|node| node.children[usize::from(nibble)].map(<[u8]>::to_vec));
        let Some(merkle) = child else { return Ok(None) };
        // The position grows with every step, so the loop ends with the path.
        at = read(reader, &path[..=at.full.len()], merkle)?;
    }
}

/// R3.
fn hash_of(value: ValueRef) -> Option<[u8; 32]> {
    match value {
        ValueRef::None => None,
        ValueRef::Inline(value) => Some(blake2_256(value)),
        ValueRef::Hashed(hash) => Some(*hash),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{NoNodes, StateVersion, update};
    use alloc::collections::{BTreeMap, BTreeSet};
    use alloc::vec;
    use core::cell::Cell;
    use core::convert::Infallible;
    use proptest::prelude::*;

    type Rows = BTreeMap<NodePath, Vec<u8>>;
    type Pairs = BTreeMap<Vec<u8>, Vec<u8>>;

    fn build(version: StateVersion, pairs: &Pairs) -> Rows {
        let puts = pairs.iter().map(|(key, value)| (key.clone(), Some(value.clone()))).collect();
        let (_, written) = update(&NoNodes, version, &puts).expect("rows are complete");
        written.into_iter().filter_map(|(path, row)| Some((path, row?))).collect()
    }

    fn diff(before: &Rows, after: &Rows, prefix: &[u8]) -> Vec<Vec<u8>> {
        let keys = Diff::new(before, after, prefix).expect("rows are complete");
        keys.collect::<Result<_, _>>().expect("rows are complete")
    }

    fn compared(before: &Pairs, after: &Pairs, prefix: &[u8]) -> Vec<Vec<u8>> {
        let keys: BTreeSet<&Vec<u8>> = before.keys().chain(after.keys()).collect();
        let differs = |key: &&&Vec<u8>| key.starts_with(prefix) && before.get(**key) != after.get(**key);
        keys.iter().filter(differs).map(|key| (*key).clone()).collect()
    }

    /// Counts reads.
    struct Counting<'a>(&'a Rows, &'a Cell<usize>);

    impl NodeReader for Counting<'_> {
        type Error = Infallible;

        fn node(&self, path: &NodePath) -> Result<Option<Vec<u8>>, Infallible> {
            self.1.set(self.1.get() + 1);
            self.0.node(path)
        }
    }

    #[test]
    fn r2_what_is_shared_is_not_read() {
        let mut pairs: Pairs =
            (0..2_000u32).map(|n| (blake2_256(&n.to_le_bytes()).to_vec(), vec![1; 40])).collect();
        let before = build(StateVersion::V1, &pairs);
        let changed = blake2_256(&7u32.to_le_bytes()).to_vec();
        pairs.insert(changed.clone(), vec![2; 40]);
        let after = build(StateVersion::V1, &pairs);
        let reads = Cell::new(0);
        let keys: Vec<_> = Diff::new(Counting(&before, &reads), Counting(&after, &reads), &[])
            .expect("rows are complete")
            .map(|key| key.expect("rows are complete"))
            .collect();
        assert_eq!(keys, [changed]);
        assert!(reads.get() < 20, "{} reads", reads.get());
    }

    #[test]
    fn r3_a_value_that_moved_into_its_hash_is_the_same() {
        let pairs = Pairs::from([(vec![1], vec![5; 40]), (vec![2], vec![6; 3])]);
        let (old, new) = (build(StateVersion::V0, &pairs), build(StateVersion::V1, &pairs));
        assert_ne!(old, new);
        assert_eq!(diff(&old, &new, &[]), Vec::<Vec<u8>>::new());
    }

    #[test]
    fn a_lost_row_is_an_error_and_the_end() {
        let pairs: Pairs = (0..9u8).map(|n| (vec![n, n], vec![n; 40])).collect();
        let mut rows = build(StateVersion::V1, &pairs);
        rows.retain(|path, _| path.len() < 2);
        let mut keys = Diff::new(&rows, &NoNodes, &[]).expect("the root is there");
        assert!(matches!(keys.next(), Some(Err(TrieError::Missing { .. }))));
        assert!(keys.next().is_none());
    }

    fn pairs() -> impl Strategy<Value = Pairs> {
        let key = prop::collection::vec(prop_oneof![0u8..3, Just(0x10), Just(0x11)], 0..4);
        let value = prop_oneof![Just(vec![1]), Just(vec![1; 32]), Just(vec![1; 33]), Just(vec![2; 33])];
        prop::collection::btree_map(key, value, 0..24)
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

        #[test]
        fn r1_exactly_the_keys_that_differ_in_order(
            shared in pairs(),
            mut before in pairs(),
            mut after in pairs(),
            prefix in prop::collection::vec(prop_oneof![0u8..3, Just(0x10)], 0..3),
        ) {
            before.extend(shared.clone());
            after.extend(shared);
            let rows = (build(StateVersion::V1, &before), build(StateVersion::V1, &after));
            prop_assert_eq!(diff(&rows.0, &rows.1, &[]), compared(&before, &after, &[]));
            prop_assert_eq!(diff(&rows.0, &rows.1, &prefix), compared(&before, &after, &prefix));
            prop_assert!(diff(&rows.0, &rows.0, &prefix).is_empty());
        }
    }
}
