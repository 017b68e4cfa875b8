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
use quire_core::{BlockNumber, H256, RuntimeVersion};
use serde_json::json;
use std::sync::Arc;
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
        key_list,
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

fn change_set(block: &H256, keys: &[Vec<u8>], values: &[Option<Vec<u8>>]) -> serde_json::Value {
    let changes = keys.iter().zip(values).map(|(key, value)| (Hex::new(key), value.as_deref().map(Hex::new)));
    json!({ "block": hash(block), "changes": changes.collect::<Vec<_>>() })
}

/// Exactly one element, with `null` for keys that are not there.
fn query_storage_at(context: &Context, args: &mut Args) -> Reply {
    let keys = key_list(context, args)?;
    let at = Context::at(&*context.backend, args.optional("hash")?);
    let values = context.backend.storage(&at, &keys).map_err(|why| error::client(&why))?;
    reply(&[change_set(&at, &keys, &values)])
}

/// One element per block of the range in which a key changed; the first block shows all of them.
fn query_storage(context: &Context, args: &mut Args) -> Reply {
    let backend = &*context.backend;
    let keys = key_list(context, args)?;
    let from: H256 = args.required("from")?;
    let to = Context::at(backend, args.optional("to")?);
    let number = |hash: &H256| -> Result<BlockNumber, ErrorObjectOwned> {
        match backend.header(hash).map_err(|why| error::client(&why))? {
            Some(header) => Ok(header.number),
            None => Err(error::client(&BackendError::UnknownBlock(*hash))),
        }
    };
    let (first, last) = (number(&from)?, number(&to)?);
    if last < first || last - first >= MAX_QUERY_BLOCKS {
        return Err(error::bad_range(format_args!(
            "from {first} to {last}: at most {MAX_QUERY_BLOCKS} blocks, in ascending order"
        )));
    }
    let mut seen: Option<Values> = None;
    let mut sets = Vec::new();
    for height in first..=last {
        let Some(block) = backend.hash_at(height).map_err(|why| error::client(&why))? else { continue };
        let values = backend.storage(&block, &keys).map_err(|why| error::client(&why))?;
        if let Some(set) = changes_since(&block, &keys, seen.as_ref(), &values) {
            sets.push(set);
        }
        seen = Some(values);
    }
    reply(&sets)
}

/// All values when nothing was seen yet, else those that differ; nothing when none does.
fn changes_since(
    block: &H256,
    keys: &[Vec<u8>],
    seen: Option<&Values>,
    now: &Values,
) -> Option<serde_json::Value> {
    let Some(seen) = seen else { return Some(change_set(block, keys, now)) };
    let changed: Vec<usize> = (0..keys.len()).filter(|&i| seen[i] != now[i]).collect();
    if changed.is_empty() {
        return None;
    }
    let (keys, values): (Vec<_>, Vec<_>) =
        changed.into_iter().map(|i| (keys[i].clone(), now[i].clone())).unzip();
    Some(change_set(block, &keys, &values))
}

/// The hash of the next best block, skipping those that were overtaken meanwhile.
async fn next_best(
    subscriber: &Subscriber,
    events: &mut tokio::sync::broadcast::Receiver<BlockEvent>,
) -> Result<Option<H256>, crate::subscription::Ended> {
    loop {
        match subscriber.until_closed(events.recv()).await? {
            Ok(BlockEvent::Imported { hash, is_best: true, .. }) => return Ok(Some(hash)),
            Ok(_) => {}
            Err(RecvError::Lagged(missed)) => return Err(lagged(missed)),
            Err(RecvError::Closed) => return Ok(None),
        }
    }
}

/// All keys at once, `null` for absent ones; then the changes of each best block.
async fn follow_storage(subscriber: Subscriber, context: Arc<Context>, keys: Vec<Vec<u8>>) -> Outcome {
    let keys = Arc::new(keys);
    let mut events = context.backend.block_events();
    let mut block = context.backend.best().hash;
    let mut seen: Option<Values> = None;
    loop {
        let wanted = keys.clone();
        let values = context
            .read(move |backend| backend.storage(&block, &wanted).map_err(|why| error::client(&why)))
            .await?;
        if let Some(set) = changes_since(&block, &keys, seen.as_ref(), &values) {
            subscriber.send(&set).await?;
        }
        seen = Some(values);
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
