//! Storage queries answered in pages, for `chainHead_v1_storage` and `archive_v1_storage`.
//!
//! Rules:
//! * R1 Items come in the order of the queries; descendants in ascending order of their keys, the key itself included.
//! * R2 A key without value gives no item; a key under which there is no trie node gives no Merkle value.
//! * R3 A page ends at [`PageLimits::items`] items, and as soon as it has [`PageLimits::bytes`] bytes; one value alone may
//!   be larger.
//! * R4 Descendants may start after a key; the other kinds ignore it.
use crate::backend::{Backend, BackendError};
use crate::json::Hex;
use quire_core::H256;
use quire_core::hash::blake2_256;
use serde::ser::{Serialize, SerializeMap, Serializer};
use std::collections::VecDeque;

/// What is asked about a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Its value.
    Value,
    /// The blake2-256 of its value.
    Hash,
    /// The Merkle value of the closest trie node at or below it.
    ClosestDescendantMerkleValue,
    /// The values of all keys that start with it.
    DescendantsValues,
    /// The hashes of the values of all keys that start with it.
    DescendantsHashes,
}

impl Kind {
    /// The kind with this name in JSON.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "value" => Self::Value,
            "hash" => Self::Hash,
            "closestDescendantMerkleValue" => Self::ClosestDescendantMerkleValue,
            "descendantsValues" => Self::DescendantsValues,
            "descendantsHashes" => Self::DescendantsHashes,
            _ => return None,
        })
    }
}

/// One query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Query {
    /// The key, or what the keys start with.
    pub(crate) key: Vec<u8>,
    /// What is asked.
    pub(crate) kind: Kind,
    /// Descendants after this key only (R4).
    pub(crate) after: Option<Vec<u8>>,
}

/// What was found under a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Item {
    /// The key.
    pub(crate) key: Vec<u8>,
    /// What was asked for.
    pub(crate) found: Found,
}

/// The answer to one query about one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Found {
    /// The value.
    Value(Vec<u8>),
    /// Its hash.
    Hash([u8; 32]),
    /// A Merkle value.
    MerkleValue(Vec<u8>),
}

impl Found {
    /// A value as a query of this kind shows it.
    pub(crate) fn of(kind: Kind, value: Vec<u8>) -> Self {
        match kind {
            Kind::Hash | Kind::DescendantsHashes => Self::Hash(blake2_256(&value)),
            Kind::ClosestDescendantMerkleValue => Self::MerkleValue(value),
            Kind::Value | Kind::DescendantsValues => Self::Value(value),
        }
    }

    fn bytes(&self) -> &[u8] {
        match self {
            Self::Value(bytes) | Self::MerkleValue(bytes) => bytes,
            Self::Hash(hash) => hash,
        }
    }
}

impl Item {
    /// Bytes of key and answer.
    pub(crate) fn size_bytes(&self) -> usize {
        self.key.len().saturating_add(self.found.bytes().len())
    }

    /// The fields that follow other fields of the same object.
    pub(crate) fn fields<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        let name = match self.found {
            Found::Value(_) => "value",
            Found::Hash(_) => "hash",
            Found::MerkleValue(_) => "closestDescendantMerkleValue",
        };
        map.serialize_entry("key", &Hex::new(&self.key))?;
        map.serialize_entry(name, &Hex::new(self.found.bytes()))
    }
}

impl Serialize for Item {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        self.fields(&mut map)?;
        map.end()
    }
}

/// Where a page ends (R3).
#[derive(Debug, Clone, Copy)]
pub(crate) struct PageLimits {
    /// Items.
    pub(crate) items: u32,
    /// Bytes of keys and answers.
    pub(crate) bytes: usize,
}

/// Queries that are still to be answered.
#[derive(Debug, Clone)]
pub(crate) struct Pages {
    at: H256,
    queries: VecDeque<Query>,
    limits: PageLimits,
}

/// A page that is being filled.
struct Page {
    items: Vec<Item>,
    bytes: usize,
    limits: PageLimits,
}

impl Page {
    fn room(&self) -> u32 {
        let taken = u32::try_from(self.items.len()).unwrap_or(u32::MAX);
        if self.bytes >= self.limits.bytes { 0 } else { self.limits.items.saturating_sub(taken) }
    }

    fn push(&mut self, item: Item) {
        self.bytes = self.bytes.saturating_add(item.size_bytes());
        self.items.push(item);
    }
}

impl Pages {
    /// Queries about the state after block `at`.
    pub(crate) fn new(at: H256, queries: Vec<Query>, limits: PageLimits) -> Self {
        let limits = PageLimits { items: limits.items.max(1), bytes: limits.bytes.max(1) };
        Self { at, queries: queries.into(), limits }
    }

    /// Whether everything was answered.
    pub(crate) fn is_done(&self) -> bool {
        self.queries.is_empty()
    }

    /// The next page; it may be empty when nothing more is found.
    pub(crate) fn next(&mut self, backend: &dyn Backend) -> Result<Vec<Item>, BackendError> {
        let mut page = Page { items: Vec::new(), bytes: 0, limits: self.limits };
        while page.room() > 0
            && let Some(query) = self.queries.pop_front()
        {
            match query.kind {
                Kind::Value | Kind::Hash => self.value(backend, query, &mut page)?,
                Kind::ClosestDescendantMerkleValue => {
                    let found = backend.merkle_value(&self.at, &query.key)?;
                    let item = |value| Item { key: query.key, found: Found::of(query.kind, value) };
                    found.map(item).into_iter().for_each(|item| page.push(item));
                }
                Kind::DescendantsValues | Kind::DescendantsHashes => {
                    self.descendants(backend, query, &mut page)?;
                }
            }
        }
        Ok(page.items)
    }

    fn value(&self, backend: &dyn Backend, query: Query, page: &mut Page) -> Result<(), BackendError> {
        let Query { key, kind, .. } = query;
        let values = backend.storage(&self.at, std::slice::from_ref(&key))?;
        if let Some(value) = values.into_iter().next().flatten() {
            page.push(Item { key, found: Found::of(kind, value) });
        }
        Ok(())
    }

    /// As many descendants as the page takes; the rest of them goes back to the front.
    fn descendants(
        &mut self,
        backend: &dyn Backend,
        mut query: Query,
        page: &mut Page,
    ) -> Result<(), BackendError> {
        let count = page.room();
        let keys = backend.keys(&self.at, &query.key, query.after.as_deref(), count)?;
        let mut has_more = keys.len() == count as usize;
        for key in keys {
            if page.room() == 0 {
                has_more = true;
                break;
            }
            query.after = Some(key.clone());
            self.value(backend, Query { key, kind: query.kind, after: None }, page)?;
        }
        if has_more {
            self.queries.push_front(query);
        }
        Ok(())
    }
}
