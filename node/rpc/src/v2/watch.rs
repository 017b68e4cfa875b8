//! `transactionWatch_v1_*`: submitting an extrinsic and hearing how it fares.
//!
//! Rules:
//! * R1 Bytes that are no hex are an error of the call; everything else is told by events, so the subscription starts
//!   for an extrinsic that nobody takes too.
//! * R2 What the runtime refuses, and what another extrinsic replaced, is `invalid`; what the pool does not or no longer
//!   carry is `dropped`; a failure of the node or the runtime itself is `error`.
//! * R3 An event is not repeated in a row. `finalized`, `invalid`, `dropped` and `error` end the stream, and it does not
//!   end without one of them unless the client leaves.
use crate::api::Context;
use crate::backend::{SubmitError, TxStatus};
use crate::json::Hex;
use crate::params::{Args, Bytes};
use crate::subscription::{Outcome, Subscriber, close};
use crate::v2::Registered;
use jsonrpsee::RpcModule;
use quire_core::{H256, OpaqueExtrinsic, TransactionSource};
use quire_pool::PoolError;
use serde::ser::{Serialize, SerializeMap, Serializer};
use std::sync::Arc;

/// A notification of `transactionWatch_v1_watchEvent`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TxEvent {
    /// The runtime finds it valid.
    Validated,
    /// In this block of the best chain, or in none any more.
    BestChainBlockIncluded(Option<Included>),
    /// In this final block.
    Finalized(Included),
    /// The node or the runtime failed.
    Error(String),
    /// It is not valid, or not any more.
    Invalid(String),
    /// The node does not carry it.
    Dropped(String),
}

/// Where an extrinsic is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Included {
    /// The block.
    pub(crate) block: H256,
    /// Its place in the body.
    pub(crate) index: u32,
}

impl Serialize for Included {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("hash", &Hex::new(&self.block.0))?;
        map.serialize_entry("index", &self.index)?;
        map.end()
    }
}

impl Serialize for TxEvent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let mut failed = |name: &str, why: &str| {
            map.serialize_entry("event", name)?;
            map.serialize_entry("error", why)
        };
        match self {
            Self::Error(why) => failed("error", why)?,
            Self::Invalid(why) => failed("invalid", why)?,
            Self::Dropped(why) => failed("dropped", why)?,
            Self::Validated => map.serialize_entry("event", "validated")?,
            Self::BestChainBlockIncluded(block) => {
                map.serialize_entry("event", "bestChainBlockIncluded")?;
                map.serialize_entry("block", block)?;
            }
            Self::Finalized(block) => {
                map.serialize_entry("event", "finalized")?;
                map.serialize_entry("block", block)?;
            }
        }
        map.end()
    }
}

impl TxEvent {
    /// Whether nothing can follow.
    pub(crate) fn is_last(&self) -> bool {
        !matches!(self, Self::Validated | Self::BestChainBlockIncluded(_))
    }

    /// R2: what a status of the pool tells; nothing about peers.
    pub(crate) fn of_status(status: &TxStatus) -> Option<Self> {
        Some(match status {
            TxStatus::Future | TxStatus::Ready => Self::Validated,
            TxStatus::Broadcast(_) => return None,
            TxStatus::InBlock { block, index } => {
                Self::BestChainBlockIncluded(Some(Included { block: *block, index: *index }))
            }
            TxStatus::Retracted(_) => Self::BestChainBlockIncluded(None),
            TxStatus::Finalized { block, index } => {
                Self::Finalized(Included { block: *block, index: *index })
            }
            TxStatus::FinalityTimeout(block) => {
                Self::Dropped(format!("block {block} is not final after a long time"))
            }
            TxStatus::Usurped(other) => {
                Self::Invalid(format!("extrinsic {other} of the same account and nonce took its place"))
            }
            TxStatus::Dropped => {
                Self::Dropped("the pool had no room for it any more: submit it again later".into())
            }
            TxStatus::Invalid => Self::Invalid("it is not valid any more".into()),
        })
    }

    /// R2: what a refusal tells.
    pub(crate) fn of_refusal(why: &SubmitError) -> Self {
        let SubmitError::Pool(refusal) = why else { return Self::Error(why.to_string()) };
        let text = match refusal.data() {
            Some(data) => format!("{}: {data}", refusal.message()),
            None => refusal.message(),
        };
        match refusal {
            PoolError::Verification { .. } => Self::Error(text),
            PoolError::Banned
            | PoolError::AlreadyImported(_)
            | PoolError::TooLowPriority { .. }
            | PoolError::ImmediatelyDropped => Self::Dropped(text),
            _ => Self::Invalid(text),
        }
    }
}

pub(super) fn register(module: &mut RpcModule<Context>) -> Registered {
    module.register_subscription(
        "transactionWatch_v1_submitAndWatch",
        "transactionWatch_v1_watchEvent",
        "transactionWatch_v1_unwatch",
        |params, pending, context, extensions| async move {
            let bytes = match Args::new(&params).and_then(|mut args| args.required::<Bytes>("transaction")) {
                Ok(Bytes(bytes)) => bytes,
                Err(why) => {
                    pending.reject(why).await;
                    return Ok(());
                }
            };
            let outcome = match context.accept(pending, &extensions).await {
                Ok(subscriber) => follow(subscriber, context, bytes).await,
                Err(ended) => Err(ended),
            };
            close(outcome)
        },
    )?;
    Ok(())
}

/// Reads an extrinsic with its length prefix.
pub(super) fn extrinsic(bytes: &[u8]) -> Result<OpaqueExtrinsic, SubmitError> {
    OpaqueExtrinsic::from_encoded(bytes)
        .map_err(|why| PoolError::BadFormat { reason: why.to_string() }.into())
}

async fn follow(subscriber: Subscriber, context: Arc<Context>, bytes: Vec<u8>) -> Outcome {
    let judged = match extrinsic(&bytes) {
        Ok(extrinsic) => context.backend.submit_and_watch(TransactionSource::External, extrinsic).await,
        Err(why) => Err(why),
    };
    let mut updates = match judged {
        Ok(updates) => updates,
        Err(why) => return subscriber.send(&TxEvent::of_refusal(&why)).await,
    };
    let mut last = None;
    while let Some(status) = subscriber.until_closed(updates.recv()).await? {
        let Some(event) = TxEvent::of_status(&status).filter(|event| last.as_ref() != Some(event)) else {
            continue;
        };
        subscriber.send(&event).await?;
        if event.is_last() {
            return Ok(());
        }
        last = Some(event);
    }
    subscriber.send(&TxEvent::Dropped("the node stopped following it".into())).await
}
