//! `author_*`: submitting and watching extrinsics, and the keys of the node.
use super::{Context, Registered, Registry, Reply, reply};
use crate::error;
use crate::json::{Hex, hash};
use crate::params::{Args, Bytes, FromParam, list, unhex};
use crate::subscription::{Ended, Outcome, Subscriber};
use jsonrpsee::types::{ErrorObjectOwned, Params};
use parity_scale_codec::Encode;
use quire_core::{H256, KeyTypeId, OpaqueExtrinsic, TransactionSource};
use quire_pool::PoolError;
use std::sync::Arc;

pub(super) fn register(registry: &mut Registry) -> Registered {
    registry.waiting(&["author_submitExtrinsic"], submit)?;
    registry.read(&["author_pendingExtrinsics"], |context, _| {
        let pending = context.backend.pending();
        reply(&pending.iter().map(|extrinsic| Hex::owned(extrinsic.encode())).collect::<Vec<_>>())
    })?;
    registry.read_unsafe(&["author_removeExtrinsic"], |context, args| {
        let ExtrinsicList(hashes) = args.required("extrinsics")?;
        let removed = context.backend.remove_extrinsics(&hashes);
        reply(&removed.iter().map(hash).collect::<Vec<_>>())
    })?;
    registry.read_unsafe(&["author_insertKey"], |context, args| {
        let key_type = key_type(args)?;
        let suri: String = args.required("secret URI")?;
        let Bytes(public) = args.required("public key")?;
        context.backend.insert_key(key_type, &suri, &public).map_err(|why| error::client(&why))?;
        reply(&())
    })?;
    registry.read_unsafe(&["author_hasKey"], |context, args| {
        let Bytes(public) = args.required("public key")?;
        let key_type = key_type(args)?;
        reply(&context.backend.has_key(key_type, &public).map_err(|why| error::client(&why))?)
    })?;
    registry.read_unsafe(&["author_rotateKeys"], |context, _| {
        let public = context.backend.rotate_keys().map_err(|why| error::client(&why))?;
        reply(&Hex::owned(public))
    })?;
    registry.read_unsafe(&["author_hasSessionKeys"], |context, args| {
        let Bytes(encoded) = args.required("session keys")?;
        let has_all = context.backend.has_session_keys(&encoded).map_err(|why| error::client(&why))?;
        reply(&has_all.ok_or_else(error::session_keys)?)
    })?;
    watch(registry)
}

fn key_type(args: &mut Args) -> Result<KeyTypeId, ErrorObjectOwned> {
    let text: String = args.required("key type")?;
    let bytes: Result<[u8; 4], _> = text.as_bytes().try_into();
    bytes.map(KeyTypeId).map_err(|_| {
        error::invalid_params(format_args!("key type {text:?} must be four letters, for instance aura"))
    })
}

/// The extrinsic with its own length prefix, nothing after it.
pub(super) fn extrinsic(args: &mut Args) -> Result<OpaqueExtrinsic, ErrorObjectOwned> {
    let Bytes(bytes) = args.required("extrinsic")?;
    OpaqueExtrinsic::from_encoded(&bytes)
        .map_err(|why| error::submit(&PoolError::BadFormat { reason: why.to_string() }.into()))
}

/// Hashes of extrinsics named by `{"hash": …}`, `{"extrinsic": …}`, or the bare hex of either.
struct ExtrinsicList(Vec<H256>);

impl FromParam for ExtrinsicList {
    fn from_param(json: &str) -> Result<Self, String> {
        #[derive(serde::Deserialize)]
        #[serde(untagged)]
        enum Named {
            Hash { hash: String },
            Extrinsic { extrinsic: String },
            Bare(String),
        }
        const REMOVED_MAX: usize = 1_024;
        const EXPECTED: &str = r#"expected an array of {"hash": hex} or {"extrinsic": hex}"#;
        let (names, count) = list(json, REMOVED_MAX).map_err(|_| EXPECTED.to_owned())?;
        if count > REMOVED_MAX {
            return Err(format!("at most {REMOVED_MAX} extrinsics at once, got {count}"));
        }
        let of_bytes = |bytes: &[u8]| OpaqueExtrinsic::from_encoded(bytes).map(|extrinsic| extrinsic.hash());
        let hashes = names.into_iter().map(|name| {
            let name = serde_json::from_str(name.get()).map_err(|_| EXPECTED.to_owned())?;
            let (text, may_be_hash) = match &name {
                Named::Hash { hash } => (hash, true),
                Named::Extrinsic { extrinsic } => (extrinsic, false),
                Named::Bare(text) => (text, true),
            };
            let bytes = unhex(text)?;
            match <[u8; 32]>::try_from(bytes.as_slice()) {
                Ok(hash) if may_be_hash => Ok(H256(hash)),
                _ => of_bytes(&bytes).map_err(|why| format!("{text} is neither hash nor extrinsic: {why}")),
            }
        });
        hashes.collect::<Result<_, _>>().map(Self)
    }
}

async fn submit(params: Params<'static>, context: Arc<Context>) -> Reply {
    let extrinsic = Args::new(&params).and_then(|mut args| extrinsic(&mut args))?;
    drop(params);
    let accepted = context.backend.submit(TransactionSource::External, extrinsic).await;
    reply(&hash(&accepted.map_err(|why| error::submit(&why))?))
}

/// Not built with [`Registry::subscription`]: a refused extrinsic must be the error of the call itself, so the reply
/// waits for the pool.
fn watch(registry: &mut Registry) -> Registered {
    registry.module.register_subscription(
        "author_submitAndWatchExtrinsic",
        "author_extrinsicUpdate",
        "author_unwatchExtrinsic",
        |params, pending, context, extensions| async move {
            let judged = match Args::new(&params).and_then(|mut args| extrinsic(&mut args)) {
                Ok(extrinsic) => context
                    .backend
                    .submit_and_watch(TransactionSource::External, extrinsic)
                    .await
                    .map_err(|why| error::submit(&why)),
                Err(refusal) => Err(refusal),
            };
            let updates = match judged {
                Ok(updates) => updates,
                Err(refusal) => {
                    pending.reject(refusal).await;
                    return Ok(());
                }
            };
            let outcome = match context.accept(pending, &extensions).await {
                Ok(subscriber) => follow(subscriber, updates).await,
                Err(ended) => Err(ended),
            };
            crate::subscription::close(outcome)
        },
    )?;
    Ok(())
}

async fn follow(
    subscriber: Subscriber,
    mut updates: tokio::sync::mpsc::Receiver<crate::TxStatus>,
) -> Outcome {
    while let Some(status) = subscriber.until_closed(updates.recv()).await? {
        subscriber.send(&status).await?;
        if status.is_terminal() {
            return Ok(());
        }
    }
    Err(Ended::Broken("subscription closed: the node stopped following this extrinsic".into()))
}
