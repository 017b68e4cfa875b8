//! `state_*`: storage, runtime calls, metadata, proofs and their streams.
use super::{Context, Registered, Registry, Reply, reply};
use crate::backend::{Backend, BackendError, BlockEvent};
use crate::error;
use crate::json::{Hex, VersionJson, hash};
use crate::params::{Args, Bytes, BytesList};
use crate::subscription::{Outcome, Subscriber, lagged};
use jsonrpsee::types::ErrorObjectOwned;
use parity_scale_codec::Decode;
use quire_core::hash::blake2_256;
use quire_core::{H256, RuntimeVersion};
use serde::Serialize;
use serde_json::json;
use serde_json::value::{RawValue, to_raw_value};
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::broadcast::error::RecvError;

/// Blocks that one `state_queryStorage` may scan.
const MAX_QUERY_BLOCKS: u32 = 1_000;

pub(super) fn register(registry: &mut Registry) -> Registered {
    registry.read(&["state_getStorage", "state_getStorageAt"], |context, args| {
        let value = one_value(context, args)?;
        reply(&value.as_deref().map(Hex::new))
    })?;
    registry.read(&["state_getStorageHash", "state_getStorageHashAt"], |context, args| {
        let value = one_value(context, args)?;
        reply(&value.map(|value| Hex::owned(blake2_256(&value).to_vec())))
    })?;
    registry.read(&["state_getStorageSize", "state_getStorageSizeAt"], |context, args| {
        reply(&one_value(context, args)?.map(|value| value.len()))
    })?;
    registry.read(&["state_getKeysPaged", "state_getKeysPagedAt"], keys_paged)?;
    registry.read_unsafe(&["state_getKeys"], |context, args| {
        let (_, keys) = all_keys(context, args)?;
        reply(&keys.iter().map(|key| Hex::new(key)).collect::<Vec<_>>())
    })?;
    registry.read_unsafe(&["state_getPairs"], |context, args| {
        let (at, keys) = all_keys(context, args)?;
        let values = values_of(context, &at, &keys, context.config.max_response_bytes)?;
        let pair = |(key, value): (&Vec<u8>, &Option<Vec<u8>>)| {
            json!([Hex::new(key), Hex::new(value.as_deref().unwrap_or_default())])
        };
        reply(&keys.iter().zip(&values).map(pair).collect::<Vec<_>>())
    })?;
    registry.read(&["state_queryStorageAt"], query_storage_at)?;
    registry.read_unsafe(&["state_queryStorage"], query_storage)?;
    registry.read(&["state_call", "state_callAt"], |context, args| {
        let method: String = args.required("method")?;
        let arguments = args.optional::<Bytes>("arguments")?.map_or_else(Vec::new, |bytes| bytes.0);
        let at = Context::at(&*context.backend, args.optional("hash")?);
        reply(&Hex::owned(call(&*context.backend, &at, &method, &arguments)?))
    })?;
    registry.read(&["state_getMetadata"], |context, args| {
        let at = Context::at(&*context.backend, args.optional("hash")?);
        let opaque = call(&*context.backend, &at, "Metadata_metadata", &[])?;
        let metadata = Vec::<u8>::decode(&mut &opaque[..]).map_err(error::internal)?;
        reply(&Hex::owned(metadata))
    })?;
    registry.read(&["state_getRuntimeVersion", "chain_getRuntimeVersion"], |context, args| {
        let at = Context::at(&*context.backend, args.optional("hash")?);
        reply(&VersionJson(&context.backend.runtime_version(&at).map_err(|why| error::client(&why))?))
    })?;
    registry.read(&["state_getReadProof"], |context, args| {
        let keys = key_list(context, args)?;
        let at = Context::at(&*context.backend, args.optional("hash")?);
        let proof = context.backend.read_proof(&at, &keys).map_err(|why| error::client(&why))?;
        reply(
            &json!({ "at": hash(&at), "proof": proof.iter().map(|node| Hex::new(node)).collect::<Vec<_>>() }),
        )
    })?;
    registry.subscription(
        &["state_subscribeStorage"],
        "state_storage",
        &["state_unsubscribeStorage"],
        |context, args| {
            let keys = key_list(context, args)?;
            let memory = context.watch(&keys)?;
            Ok((keys, memory))
        },
        follow_storage,
    )?;
    registry.subscription(
        &["state_subscribeRuntimeVersion", "chain_subscribeRuntimeVersion"],
        "state_runtimeVersion",
        &["state_unsubscribeRuntimeVersion", "chain_unsubscribeRuntimeVersion"],
        |_, _| Ok(()),
        follow_version,
    )
}

/// A runtime call with its errors as clients know them.
pub(super) fn call(
    backend: &dyn Backend,
    at: &H256,
    method: &str,
    arguments: &[u8],
) -> Result<Vec<u8>, ErrorObjectOwned> {
    backend.call(at, method, arguments).map_err(|why| error::client(&why))
}

fn one_value(context: &Context, args: &mut Args) -> Result<Option<Vec<u8>>, ErrorObjectOwned> {
    let key: Bytes = args.required("key")?;
    let at = Context::at(&*context.backend, args.optional("hash")?);
    let values = context.backend.storage(&at, &[key.0]).map_err(|why| error::client(&why))?;
    Ok(values.into_iter().next().flatten())
}

fn key_list(context: &Context, args: &mut Args) -> Result<Vec<Vec<u8>>, ErrorObjectOwned> {
    let BytesList(keys) = args.required("keys")?;
    let (asked, most) = (keys.len(), context.config.max_keys_per_call);
    if asked > most { Err(error::too_many(asked as u64, most as u64)) } else { Ok(keys) }
}

/// Every key below a prefix, if they are not too many for one call.
fn all_keys(context: &Context, args: &mut Args) -> Result<(H256, Vec<Vec<u8>>), ErrorObjectOwned> {
    let Bytes(prefix) = args.required("prefix")?;
    let at = Context::at(&*context.backend, args.optional("hash")?);
    let most = u32::try_from(context.config.max_keys_per_call).unwrap_or(u32::MAX);
    let keys = context.backend.keys(&at, &prefix, None, most.saturating_add(1));
    let keys = keys.map_err(|why| error::client(&why))?;
    if keys.len() > most as usize {
        return Err(error::too_many(keys.len() as u64, most.into()));
    }
    Ok((at, keys))
}

/// The values of several keys, refused when they would not fit into an answer: the same large value may be asked for
/// under thousands of names.
fn values_of(
    context: &Context,
    at: &H256,
    keys: &[Vec<u8>],
    max_bytes: u32,
) -> Result<Values, ErrorObjectOwned> {
    const AT_ONCE: usize = 16;
    let (mut values, mut bytes) = (Values::with_capacity(keys.len()), 0usize);
    for some in keys.chunks(AT_ONCE) {
        let found = context.backend.storage(at, some).map_err(|why| error::client(&why))?;
        bytes = found.iter().flatten().fold(bytes, |sum, value| sum.saturating_add(value.len()));
        // As hex a byte takes two.
        if bytes > max_bytes as usize / 2 {
            return Err(error::too_big(max_bytes));
        }
        values.extend(found);
    }
    Ok(values)
}

fn keys_paged(context: &Context, args: &mut Args) -> Reply {
    let prefix = args.optional::<Bytes>("prefix")?.map_or_else(Vec::new, |bytes| bytes.0);
    let count: u32 = args.required("count")?;
    let after = args.optional::<Bytes>("start key")?.map(|bytes| bytes.0);
    let at = Context::at(&*context.backend, args.optional("hash")?);
    let most = context.config.max_keys_per_page;
    if count > most {
        return Err(error::too_many(count.into(), most.into()));
    }
    let keys =
        context.backend.keys(&at, &prefix, after.as_deref(), count).map_err(|why| error::client(&why))?;
    reply(&keys.iter().map(|key| Hex::new(key)).collect::<Vec<_>>())
}

type Values = Vec<Option<Vec<u8>>>;

#[derive(Serialize)]
struct ChangeSet<'a> {
    block: Hex<'a>,
    changes: Vec<(Hex<'a>, Option<Hex<'a>>)>,
}

/// Exactly one element, with `null` for keys that are not there.
fn query_storage_at(context: &Context, args: &mut Args) -> Reply {
    let keys = key_list(context, args)?;
    let at = Context::at(&*context.backend, args.optional("hash")?);
    let values = values_of(context, &at, &keys, context.config.max_response_bytes)?;
    reply(&[changes_since(&at, &keys, None, &values)])
}

/// One element per block of the range in which a key changed; the first block shows all of them.
fn query_storage(context: &Context, args: &mut Args) -> Reply {
    let keys = key_list(context, args)?;
    let from: H256 = args.required("from")?;
    let to = Context::at(&*context.backend, args.optional("to")?);
    let max_bytes = context.config.max_response_bytes;
    let mut seen: Option<Digests> = None;
    let (mut sets, mut bytes) = (Vec::new(), 0usize);
    for block in path(&*context.backend, from, to)? {
        let values = values_of(context, &block, &keys, max_bytes)?;
        if let Some(set) = changes_since(&block, &keys, seen.as_ref(), &values) {
            bytes = bytes.saturating_add(set.get().len());
            if bytes > max_bytes as usize {
                return Err(error::too_big(max_bytes));
            }
            sets.push(set);
        }
        seen = Some(digests(&values));
    }
    reply(&sets)
}

/// The blocks from one to its descendant, both included.
fn path(backend: &dyn Backend, from: H256, to: H256) -> Result<Vec<H256>, ErrorObjectOwned> {
    let header = |hash: H256| match backend.header(&hash).map_err(|why| error::client(&why))? {
        Some(header) => Ok(header),
        None => Err(error::bad_range(&from, &to, BackendError::UnknownBlock(hash))),
    };
    let (first, mut at) = (header(from)?.number, header(to)?);
    if at.number < first || at.number - first >= MAX_QUERY_BLOCKS {
        let last = at.number;
        return Err(error::bad_range(
            &from,
            &to,
            format_args!("numbers {first} to {last}: at most {MAX_QUERY_BLOCKS} blocks, in ascending order"),
        ));
    }
    let mut blocks = vec![to];
    while at.number > first {
        blocks.push(at.parent_hash);
        at = header(at.parent_hash)?;
    }
    if blocks.last() != Some(&from) {
        return Err(error::bad_range(&from, &to, "from and to are on different forks"));
    }
    blocks.reverse();
    Ok(blocks)
}

/// What is remembered of values to tell whether they changed: their hashes, so that a subscription to large values
/// costs little memory.
type Digests = Vec<Option<[u8; 32]>>;

fn digests(values: &Values) -> Digests {
    values.iter().map(|value| value.as_deref().map(blake2_256)).collect()
}

/// All values when nothing was seen yet, else those that differ; nothing when none does.
fn changes_since(
    block: &H256,
    keys: &[Vec<u8>],
    seen: Option<&Digests>,
    now: &Values,
) -> Option<Box<RawValue>> {
    let is_new = |at: usize| seen.is_none_or(|seen| seen[at] != now[at].as_deref().map(blake2_256));
    let changed: Vec<usize> = (0..keys.len()).filter(|at| is_new(*at)).collect();
    if changed.is_empty() && seen.is_some() {
        return None;
    }
    let changes: Vec<_> =
        changed.into_iter().map(|at| (Hex::new(&keys[at]), now[at].as_deref().map(Hex::new))).collect();
    to_raw_value(&ChangeSet { block: hash(block), changes }).ok()
}

/// Blocks that a stream may be behind before it goes to the newest one.
const BEHIND_MAX: usize = 16;

/// The hash of the next best block. A stream that is far behind skips to the newest: it shows states, not events.
async fn next_best(
    subscriber: &Subscriber,
    events: &mut tokio::sync::broadcast::Receiver<BlockEvent>,
) -> Result<Option<H256>, crate::subscription::Ended> {
    let mut skipped = None;
    loop {
        if skipped.is_some() && events.is_empty() {
            return Ok(skipped);
        }
        match subscriber.until_closed(events.recv()).await? {
            Ok(BlockEvent::Imported { hash, is_best: true, .. }) if events.len() <= BEHIND_MAX => {
                return Ok(Some(hash));
            }
            Ok(BlockEvent::Imported { hash, is_best: true, .. }) => skipped = Some(hash),
            Ok(_) => {}
            Err(RecvError::Lagged(missed)) => return Err(lagged(missed)),
            Err(RecvError::Closed) => return Ok(None),
        }
    }
}

/// All keys at once, `null` for absent ones; then the changes of each best block.
async fn follow_storage(
    subscriber: Subscriber,
    context: Arc<Context>,
    (keys, _memory): (Vec<Vec<u8>>, OwnedSemaphorePermit),
) -> Outcome {
    let keys = Arc::new(keys);
    let mut events = context.backend.block_events();
    let mut block = context.backend.best().hash;
    let mut seen: Option<Digests> = None;
    loop {
        let (wanted, reader, before) = (keys.clone(), context.clone(), seen.take());
        let max_bytes = context.config.max_response_bytes;
        let (set, digests) = context
            .read(move |_| {
                let values = values_of(&reader, &block, &wanted, max_bytes)?;
                Ok((changes_since(&block, &wanted, before.as_ref(), &values), digests(&values)))
            })
            .await?;
        seen = Some(digests);
        if let Some(set) = set {
            subscriber.send(&set).await?;
        }
        match next_best(&subscriber, &mut events).await? {
            Some(next) => block = next,
            None => return Ok(()),
        }
    }
}

/// The version at once, then each other one.
async fn follow_version(subscriber: Subscriber, context: Arc<Context>, (): ()) -> Outcome {
    let mut events = context.backend.block_events();
    let mut block = context.backend.best().hash;
    let mut seen: Option<RuntimeVersion> = None;
    loop {
        let version = context
            .read(move |backend| backend.runtime_version(&block).map_err(|why| error::client(&why)))
            .await?;
        if seen.as_ref() != Some(&version) {
            subscriber.send(&VersionJson(&version)).await?;
            seen = Some(version);
        }
        match next_best(&subscriber, &mut events).await? {
            Some(next) => block = next,
            None => return Ok(()),
        }
    }
}
