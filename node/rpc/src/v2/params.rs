//! Parameters that only the new groups take.
use crate::params::{Bytes, FromParam};
use crate::v2::storage::{Kind, Query};
use serde::Deserialize;
use std::borrow::Cow;

impl FromParam for bool {
    fn from_param(json: &str) -> Result<Self, String> {
        serde_json::from_str(json).map_err(|_| "expected true or false".into())
    }
}

#[derive(Deserialize)]
struct Item<'a> {
    #[serde(borrow)]
    key: Cow<'a, str>,
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow, default, rename = "paginationStartKey")]
    after: Option<Cow<'a, str>>,
}

/// The items of a storage request.
pub(crate) struct Queries(pub(crate) Vec<Query>);

impl FromParam for Queries {
    fn from_param(json: &str) -> Result<Self, String> {
        let items: Vec<Item> =
            serde_json::from_str(json).map_err(|why| format!("expected [{{key, type}}, ..]: {why}"))?;
        items.iter().map(query).collect::<Result<_, _>>().map(Self)
    }
}

fn query(item: &Item) -> Result<Query, String> {
    let bytes = |text: &str| crate::params::unhex(text).map_err(|why| format!("key {text:?}: {why}"));
    let kind = Kind::from_name(&item.kind).ok_or_else(|| {
        format!(
            "type {:?}: expected value, hash, closestDescendantMerkleValue, descendantsValues or descendantsHashes",
            item.kind
        )
    })?;
    Ok(Query { key: bytes(&item.key)?, kind, after: item.after.as_deref().map(bytes).transpose()? })
}

#[derive(Deserialize)]
struct DiffItem<'a> {
    #[serde(borrow, default)]
    key: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "returnType")]
    shown: Cow<'a, str>,
    #[serde(borrow, default, rename = "childTrieKey")]
    child: Option<Cow<'a, str>>,
}

/// One item of `archive_v1_storageDiff`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DiffQuery {
    /// What the keys start with.
    pub(crate) prefix: Vec<u8>,
    /// [`Kind::Value`] or [`Kind::Hash`].
    pub(crate) kind: Kind,
}

/// The items of `archive_v1_storageDiff`, without those of child tries: nothing changes there.
pub(crate) struct DiffQueries(pub(crate) Vec<DiffQuery>);

impl FromParam for DiffQueries {
    fn from_param(json: &str) -> Result<Self, String> {
        let items: Vec<DiffItem> =
            serde_json::from_str(json).map_err(|why| format!("expected [{{key, returnType}}, ..]: {why}"))?;
        let query = |item: DiffItem| -> Result<Option<DiffQuery>, String> {
            let kind = match &*item.shown {
                "value" => Kind::Value,
                "hash" => Kind::Hash,
                other => return Err(format!("returnType {other:?}: expected value or hash")),
            };
            let prefix = item.key.as_deref().map_or_else(|| Ok(Vec::new()), crate::params::unhex)?;
            item.child.as_deref().map(crate::params::unhex).transpose()?;
            Ok(item.child.is_none().then_some(DiffQuery { prefix, kind }))
        };
        let queries = items.into_iter().filter_map(|item| query(item).transpose());
        queries.collect::<Result<_, _>>().map(Self)
    }
}

/// A child trie's key, which is only checked: Quire has no child tries.
pub(crate) type ChildTrie = Bytes;

/// The number of an operation; a text that we never gave names none.
pub(crate) fn operation(text: &str) -> Option<u64> {
    text.parse().ok().filter(|number: &u64| number.to_string() == text)
}
