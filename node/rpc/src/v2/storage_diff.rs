//! `archive_v1_storageDiff`: what changed in the state between a block and one of its ancestors.
//!
//! Rules:
//! * R1 Without `previousHash` the other block is the parent; one that is no ancestor is refused.
//! * R2 A key that is there only after is `added`, only before `deleted`, in both with other values `modified`. It comes
//!   with its value (or the hash of it) after the block, a deleted one with the value that it had.
//! * R3 Without items every key is compared and shown with its value. Items are answered one after the other; what two
//!   of them cover comes twice.
//! * R4 Keys are found by comparing the tries, in bounded steps under the limit on reads.
use crate::api::Context;
use crate::backend::{Backend, BackendError, ChangedKeys};
use crate::error;
use crate::params::Args;
use crate::subscription::{Outcome, Subscriber, close};
use crate::transport::Outbox;
use crate::v2::Registered;
use crate::v2::params::{DiffQueries, DiffQuery};
use crate::v2::storage::{Found, Item, Kind};
use jsonrpsee::RpcModule;
use jsonrpsee::types::ErrorObjectOwned;
use quire_core::H256;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::json;
use std::collections::VecDeque;
use std::sync::Arc;

pub(super) fn register(module: &mut RpcModule<Context>) -> Registered {
    module.register_subscription(
        "archive_v1_storageDiff",
        "archive_v1_storageDiffEvent",
        "archive_v1_stopStorageDiff",
        |params, pending, context, extensions| async move {
            let asked = match Args::new(&params).and_then(|mut args| asked(&context, &mut args)) {
                Ok(asked) => asked,
                Err(why) => {
                    pending.reject(why).await;
                    return Ok(());
                }
            };
            let outcome = match context.accept(pending, &extensions).await {
                Ok(subscriber) => stream(subscriber, context, extensions.get().cloned(), asked).await,
                Err(ended) => Err(ended),
            };
            close(outcome)
        },
    )?;
    // The name in Substrate nodes.
    module.register_alias("archive_v1_storageDiff_stopStorageDiff", "archive_v1_stopStorageDiff")
}

struct Asked {
    block: H256,
    previous: Option<H256>,
    queries: VecDeque<DiffQuery>,
}

fn asked(context: &Context, args: &mut Args) -> Result<Asked, ErrorObjectOwned> {
    let block: H256 = args.required("hash")?;
    let queries = match args.optional::<DiffQueries>("items")? {
        Some(DiffQueries(queries)) => queries,
        None => vec![DiffQuery { prefix: Vec::new(), kind: Kind::Value }],
    };
    let previous = args.optional("previous hash")?;
    let (count, most) = (queries.len(), context.config.max_keys_per_call);
    if count > most {
        return Err(error::invalid_params(format_args!(
            "parameter 2 (items): {count} of them, at most {most}"
        )));
    }
    Ok(Asked { block, previous, queries: queries.into() })
}

/// A comparison that goes on from step to step.
struct Walk {
    from: H256,
    to: H256,
    queries: VecDeque<DiffQuery>,
    /// The keys of the first query that are still to come.
    keys: Option<ChangedKeys>,
}

/// What changed under one key.
struct Change {
    item: Item,
    kind: &'static str,
}

impl Serialize for Change {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(4))?;
        map.serialize_entry("event", "storageDiff")?;
        self.item.fields(&mut map)?;
        map.serialize_entry("type", self.kind)?;
        map.end()
    }
}

impl Walk {
    /// Up to `count` changes and `bytes` bytes; none when there are no more.
    fn step(
        &mut self,
        backend: &dyn Backend,
        count: usize,
        bytes: usize,
    ) -> Result<Vec<Change>, BackendError> {
        let (mut changes, mut taken) = (Vec::new(), 0_usize);
        while changes.len() < count && taken < bytes {
            let Some(query) = self.queries.front() else { break };
            let keys = match &mut self.keys {
                Some(keys) => keys,
                None => self.keys.insert(backend.changed_keys(&self.from, &self.to, &query.prefix)?),
            };
            let Some(key) = keys.next().transpose()? else {
                self.queries.pop_front();
                self.keys = None;
                continue;
            };
            if let Some(change) = self.change(backend, key, self.queries[0].kind)? {
                taken = taken.saturating_add(change.item.size_bytes());
                changes.push(change);
            }
        }
        Ok(changes)
    }

    /// R2.
    fn change(
        &self,
        backend: &dyn Backend,
        key: Vec<u8>,
        shown: Kind,
    ) -> Result<Option<Change>, BackendError> {
        let value = |at: &H256| -> Result<Option<Vec<u8>>, BackendError> {
            Ok(backend.storage(at, std::slice::from_ref(&key))?.into_iter().next().flatten())
        };
        let (value, kind) = match (value(&self.from)?, value(&self.to)?) {
            (None, Some(new)) => (new, "added"),
            (Some(_), Some(new)) => (new, "modified"),
            (Some(old), None) => (old, "deleted"),
            (None, None) => return Ok(None),
        };
        Ok(Some(Change { item: Item { key, found: Found::of(shown, value) }, kind }))
    }
}

/// R1.
fn ancestor(
    backend: &dyn Backend,
    block: H256,
    previous: Option<H256>,
) -> Result<Result<H256, String>, BackendError> {
    let header = |hash: H256| backend.header(&hash)?.ok_or(BackendError::UnknownBlock(hash));
    let mut at = header(block)?;
    let Some(previous) = previous else {
        let has_parent = at.number > 0;
        return Ok(has_parent
            .then_some(at.parent_hash)
            .ok_or_else(|| "the genesis block has no parent".into()));
    };
    let wanted = header(previous)?.number;
    let (mut hash, finalized) = (block, backend.finalized().number);
    // Above the last final block by parents; up to it there is one block for each number.
    while at.number > wanted && at.number > finalized {
        hash = at.parent_hash;
        at = header(hash)?;
    }
    if at.number > wanted && backend.hash_at(at.number)? == Some(hash) {
        hash = backend.hash_at(wanted)?.unwrap_or(hash);
    }
    let refusal = || format!("previousHash {previous} is no ancestor of {block}");
    Ok((hash == previous && previous != block).then_some(previous).ok_or_else(refusal))
}

async fn stream(
    subscriber: Subscriber,
    context: Arc<Context>,
    outbox: Option<Arc<Outbox>>,
    asked: Asked,
) -> Outcome {
    let Asked { block, previous, queries } = asked;
    let found = context.read(move |backend| Ok(ancestor(backend, block, previous))).await;
    let from = match found.map_err(|why| why.message().to_owned()) {
        Ok(Ok(Ok(from))) => from,
        Ok(Ok(Err(why))) | Err(why) => return fail(&subscriber, &why).await,
        Ok(Err(why)) => return fail(&subscriber, &why.to_string()).await,
    };
    let mut walk = Walk { from, to: block, queries, keys: None };
    let (count, bytes) = (context.config.max_keys_per_page as usize, context.config.storage_page_bytes);
    while !walk.queries.is_empty() {
        let next = context.read_for(outbox.clone(), move |backend| {
            Ok(walk.step(backend, count.max(1), bytes.max(1)).map(|c| (walk, c)))
        });
        let changes = match subscriber.until_closed(next).await?.map_err(|why| why.message().to_owned()) {
            Ok(Ok((rest, changes))) => {
                walk = rest;
                changes
            }
            Ok(Err(why)) => return fail(&subscriber, &why.to_string()).await,
            Err(why) => return fail(&subscriber, &why).await,
        };
        let bytes = changes.iter().fold(0_usize, |sum, one| sum.saturating_add(one.item.size_bytes()));
        let _counted = outbox.as_ref().map(|outbox| outbox.hold(bytes));
        for change in &changes {
            subscriber.send(change).await?;
        }
    }
    subscriber.send(&json!({ "event": "storageDiffDone" })).await
}

async fn fail(subscriber: &Subscriber, why: &str) -> Outcome {
    subscriber.send(&json!({ "event": "storageDiffError", "error": why })).await
}
