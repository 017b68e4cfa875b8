//! `engine_*`: blocks made and finalised on order, as Substrate's manual seal serves them. Listed only on a node that
//! takes such orders.
use super::{Context, Registered, Registry, Reply, reply};
use crate::json::hash;
use crate::params::{Args, Bytes, FromParam};
use crate::sealing::{ManualSealing, SealError};
use jsonrpsee::types::{ErrorObjectOwned, Params};
use serde_json::json;
use std::sync::Arc;

/// Largest justification taken, bytes.
const JUSTIFICATION_MAX_BYTES: usize = 1024 * 1024;

pub(super) fn register(registry: &mut Registry, sealing: Arc<dyn ManualSealing>) -> Registered {
    let finalising = sealing.clone();
    registry
        .waiting(&["engine_createBlock"], move |params, context| create(params, context, sealing.clone()))?;
    registry.waiting(&["engine_finalizeBlock"], move |params, context| {
        finalize(params, context, finalising.clone())
    })
}

async fn create(params: Params<'static>, context: Arc<Context>, sealing: Arc<dyn ManualSealing>) -> Reply {
    context.check_safe(true)?;
    let making = {
        let mut args = Args::new(&params)?;
        let Switch(is_empty_allowed) = args.required("create empty")?;
        let Switch(finalize) = args.required("finalize")?;
        sealing.create_block(is_empty_allowed, finalize, args.optional("parent hash")?)
    };
    let created = making.await.map_err(|why| error(&why))?;
    reply(&json!({
        "hash": hash(&created.hash),
        "aux": {
            "header_only": false,
            "clear_justification_requests": false,
            "needs_justification": false,
            "bad_justification": false,
            "is_new_best": created.is_new_best,
        },
    }))
}

async fn finalize(params: Params<'static>, context: Arc<Context>, sealing: Arc<dyn ManualSealing>) -> Reply {
    context.check_safe(true)?;
    let finalising = {
        let mut args = Args::new(&params)?;
        let target = args.required("block hash")?;
        let justification: Option<Proof> = args.optional("justification")?;
        sealing.finalize_block(target, justification.map(|Proof(bytes)| bytes))
    };
    finalising.await.map_err(|why| error(&why))?;
    reply(&true)
}

fn error(why: &SealError) -> ErrorObjectOwned {
    ErrorObjectOwned::owned(why.code(), why.to_string(), None::<()>)
}

/// `true` or `false`.
struct Switch(bool);

impl FromParam for Switch {
    fn from_param(json: &str) -> Result<Self, String> {
        serde_json::from_str(json).map(Self).map_err(|_| "expected true or false".into())
    }
}

/// An encoded justification, as hex or as an array of bytes.
struct Proof(Vec<u8>);

impl FromParam for Proof {
    fn from_param(json: &str) -> Result<Self, String> {
        let bytes = match serde_json::from_str(json) {
            Ok(bytes) => bytes,
            Err(_) => Bytes::from_param(json)?.0,
        };
        if bytes.len() > JUSTIFICATION_MAX_BYTES {
            return Err(format!("{} bytes are more than {JUSTIFICATION_MAX_BYTES}", bytes.len()));
        }
        Ok(Self(bytes))
    }
}
