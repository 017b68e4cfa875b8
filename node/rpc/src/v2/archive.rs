//! `archive_v1_*`: blocks and states of any height (rule R9 of the parent module).
use crate::api::{Context, Reply, reply};
use crate::backend::{Backend, BackendError};
use crate::error;
use crate::json::{Hex, hash};
use crate::params::{Args, Bytes, Number};
use crate::subscription::{Outcome, Subscriber, close};
use crate::transport::Outbox;
use crate::v2::Registered;
use crate::v2::params::{ChildTrie, Queries};
use crate::v2::storage::{Item, PageLimits, Pages, Query};
use jsonrpsee::RpcModule;
use jsonrpsee::types::ErrorObjectOwned;
use parity_scale_codec::Encode;
use quire_core::H256;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::json;
use std::sync::Arc;

pub(super) fn register(module: &mut RpcModule<Context>) -> Registered {
    module.register_method("archive_v1_finalizedHeight", |_, context, _| -> Reply {
        reply(&context.backend.finalized().number)
    })?;
    module.register_method("archive_v1_genesisHash", |_, context, _| -> Reply {
        reply(&hash(&context.backend.system().genesis_hash))
    })?;
    read(module, "archive_v1_hashByHeight", |backend, args| {
        let Number(height) = args.required("height")?;
        let hashes = backend.hashes_at(height).map_err(|why| error::client(&why))?;
        reply(&hashes.iter().map(hash).collect::<Vec<_>>())
    })?;
    read(module, "archive_v1_header", |backend, args| {
        let header = backend.header(&args.required("hash")?).map_err(|why| error::client(&why))?;
        reply(&header.map(|header| Hex::owned(header.encode())))
    })?;
    read(module, "archive_v1_body", |backend, args| {
        let block = backend.block(&args.required("hash")?).map_err(|why| error::client(&why))?;
        let body = |block: crate::Block| -> Vec<Hex<'static>> {
            block.extrinsics.iter().map(|one| Hex::owned(one.encode())).collect()
        };
        reply(&block.map(body))
    })?;
    read(module, "archive_v1_call", call)?;
    storage(module)
}

fn read(
    module: &mut RpcModule<Context>,
    name: &'static str,
    method: fn(&dyn Backend, &mut Args) -> Reply,
) -> Registered {
    module.register_async_method(name, move |params, context, extensions| async move {
        let answer =
            move |backend: &dyn Backend| Args::new(&params).and_then(|mut args| method(backend, &mut args));
        context.read_for(extensions.get().cloned(), answer).await
    })?;
    Ok(())
}

fn call(backend: &dyn Backend, args: &mut Args) -> Reply {
    let at: H256 = args.required("hash")?;
    let method: String = args.required("function")?;
    let arguments = args.optional::<Bytes>("call parameters")?.map_or_else(Vec::new, |bytes| bytes.0);
    match backend.call(&at, &method, &arguments) {
        Ok(output) => reply(&json!({ "success": true, "value": Hex::owned(output) })),
        Err(BackendError::UnknownBlock(_)) => reply(&()),
        Err(why) => reply(&json!({ "success": false, "error": why.to_string() })),
    }
}

fn storage(module: &mut RpcModule<Context>) -> Registered {
    module.register_subscription(
        "archive_v1_storage",
        "archive_v1_storageEvent",
        "archive_v1_stopStorage",
        |params, pending, context, extensions| async move {
            let asked = Args::new(&params).and_then(|mut args| asked(&context, &mut args));
            let pages = match asked {
                Ok(pages) => pages,
                Err(why) => {
                    pending.reject(why).await;
                    return Ok(());
                }
            };
            let outcome = match context.accept(pending, &extensions).await {
                Ok(subscriber) => stream(subscriber, context, extensions.get().cloned(), pages).await,
                Err(ended) => Err(ended),
            };
            close(outcome)
        },
    )?;
    Ok(())
}

fn asked(context: &Context, args: &mut Args) -> Result<Pages, ErrorObjectOwned> {
    let at: H256 = args.required("hash")?;
    let Queries(queries) = args.required("items")?;
    let in_child = args.optional::<ChildTrie>("child trie")?.is_some();
    let (count, most) = (queries.len(), context.config.max_keys_per_call);
    if count > most {
        return Err(error::invalid_params(format_args!(
            "parameter 2 (items): {count} of them, at most {most}"
        )));
    }
    let queries: Vec<Query> = if in_child { Vec::new() } else { queries };
    let config = &context.config;
    let limits = PageLimits { items: config.max_keys_per_page, bytes: config.storage_page_bytes };
    Ok(Pages::new(at, queries, limits))
}

/// One notification per item; the pages follow the reader, so a slow one holds no more than a page.
async fn stream(
    subscriber: Subscriber,
    context: Arc<Context>,
    outbox: Option<Arc<Outbox>>,
    mut pages: Pages,
) -> Outcome {
    while !pages.is_done() {
        let next = context
            .read_for(outbox.clone(), move |backend| Ok(pages.next(backend).map(|items| (pages, items))));
        let page = subscriber.until_closed(next).await?;
        let items = match page.map_err(|why| why.message().to_owned()) {
            Ok(Ok((rest, items))) => {
                pages = rest;
                items
            }
            Ok(Err(why)) => return fail(&subscriber, &why.to_string()).await,
            Err(why) => return fail(&subscriber, &why).await,
        };
        let bytes = items.iter().fold(0_usize, |sum, item| sum.saturating_add(item.size_bytes()));
        let _counted = outbox.as_ref().map(|outbox| outbox.hold(bytes));
        for item in &items {
            subscriber.send(&Found(item)).await?;
        }
    }
    subscriber.send(&json!({ "event": "storageDone" })).await
}

async fn fail(subscriber: &Subscriber, why: &str) -> Outcome {
    subscriber.send(&json!({ "event": "storageError", "error": why })).await
}

/// An item as its notification shows it.
struct Found<'a>(&'a Item);

impl Serialize for Found<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(3))?;
        map.serialize_entry("event", "storage")?;
        self.0.fields(&mut map)?;
        map.end()
    }
}
