//! `transaction_v1_*`: keeping an extrinsic in the pool, from which it is passed on, until it is final or the client
//! says stop.
//!
//! Rules:
//! * R1 A broadcast hands its extrinsic to the pool. If the pool does not take it for now, or drops it, it is handed in
//!   again after each new best block.
//! * R2 It ends when its extrinsic is final or can never be valid, when the client stops it, and after
//!   `max_broadcast_ms`. The client hears nothing of that; stopping what has ended is an error.
//! * R3 A connection has at most `max_broadcasts_per_connection`, the node at most `max_broadcasts`; above that the
//!   answer is `null`.
//! * R4 Stopping does not take the extrinsic out of the pool.
use crate::api::{Context, Reply, reply};
use crate::backend::{Backend, BlockEvent, SubmitError, TxStatus};
use crate::error;
use crate::params::{Args, Bytes};
use crate::v2::Registered;
use crate::v2::params::operation;
use jsonrpsee::core::server::ConnectionId;
use jsonrpsee::{Extensions, RpcModule};
use quire_core::{InvalidTransaction, OpaqueExtrinsic, TransactionSource};
use quire_pool::PoolError;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::broadcast::error::RecvError;
use tokio::task::AbortHandle;

/// A connection and the number of a broadcast.
type Name = (usize, u64);

/// Broadcasts that run.
#[derive(Default)]
struct Broadcasts {
    running: BTreeMap<Name, AbortHandle>,
    last: u64,
}

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Broadcasts>>);

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Broadcasts> {
        // The map is changed in single steps.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn connection(extensions: &Extensions) -> usize {
    extensions.get::<ConnectionId>().map_or(0, |id| id.0)
}

pub(super) fn register(module: &mut RpcModule<Context>) -> Registered {
    let shared = Shared::default();
    let starting = shared.clone();
    module.register_async_method("transaction_v1_broadcast", move |params, context, extensions| {
        let shared = starting.clone();
        async move {
            let Bytes(bytes) = Args::new(&params).and_then(|mut args| args.required("transaction"))?;
            let id = start(&shared, &context, connection(&extensions), &bytes);
            reply(&id.map(|id| id.to_string()))
        }
    })?;
    module.register_method("transaction_v1_stop", move |params, _, extensions| -> Reply {
        let id: String = Args::new(&params).and_then(|mut args| args.required("operation id"))?;
        let known = operation(&id).and_then(|id| shared.lock().running.remove(&(connection(extensions), id)));
        let task = known.ok_or_else(|| {
            error::invalid_params(format_args!(
                "operation id {id:?}: no broadcast of this connection runs under it"
            ))
        })?;
        task.abort();
        reply(&())
    })?;
    Ok(())
}

/// R3. Bytes that are no extrinsic count too, as the specification asks, until they are stopped or time out.
fn start(shared: &Shared, context: &Arc<Context>, connection: usize, bytes: &[u8]) -> Option<u64> {
    let mut broadcasts = shared.lock();
    let of_connection = broadcasts.running.range((connection, 0)..=(connection, u64::MAX)).count();
    let config = &context.config;
    if of_connection >= config.max_broadcasts_per_connection
        || broadcasts.running.len() >= config.max_broadcasts
    {
        return None;
    }
    broadcasts.last += 1;
    let name = (connection, broadcasts.last);
    let (shared, backend) = (shared.clone(), context.backend.clone());
    let extrinsic = crate::v2::watch::extrinsic(bytes).ok();
    let time = Duration::from_millis(config.max_broadcast_ms);
    let task = tokio::spawn(async move {
        let work = async {
            match extrinsic {
                Some(extrinsic) => keep(&*backend, extrinsic).await,
                None => std::future::pending().await,
            }
        };
        // Whether it ended by itself or by time: nobody asks.
        let _ = tokio::time::timeout(time, work).await;
        shared.lock().running.remove(&name);
    });
    broadcasts.running.insert(name, task.abort_handle());
    Some(name.1)
}

/// R1, R2.
async fn keep(backend: &dyn Backend, extrinsic: OpaqueExtrinsic) {
    let mut events = backend.block_events();
    loop {
        let handed_in = backend.submit_and_watch(TransactionSource::External, extrinsic.clone()).await;
        let is_over = match handed_in {
            Ok(mut updates) => loop {
                match updates.recv().await {
                    Some(TxStatus::Finalized { .. } | TxStatus::Invalid | TxStatus::Usurped(_)) => {
                        break true;
                    }
                    Some(TxStatus::Dropped | TxStatus::FinalityTimeout(_)) | None => break false,
                    Some(_) => {}
                }
            },
            Err(why) => is_hopeless(&why),
        };
        if is_over || !next_best(&mut events).await {
            return;
        }
    }
}

/// Whether no later block can change the verdict.
fn is_hopeless(why: &SubmitError) -> bool {
    match why {
        SubmitError::Internal(_) => true,
        SubmitError::Pool(why) => matches!(
            why,
            PoolError::BadFormat { .. }
                | PoolError::NoTagsProvided
                | PoolError::CycleDetected
                | PoolError::Invalid(
                    InvalidTransaction::Stale
                        | InvalidTransaction::AncientBirthBlock
                        | InvalidTransaction::BadProof
                        | InvalidTransaction::BadMandatory
                        | InvalidTransaction::MandatoryValidation
                        | InvalidTransaction::Call
                )
        ),
    }
}

/// Waits for a new best block; false when the node stops.
async fn next_best(events: &mut tokio::sync::broadcast::Receiver<BlockEvent>) -> bool {
    loop {
        match events.recv().await {
            Ok(BlockEvent::Imported { is_best: true, .. }) | Err(RecvError::Lagged(_)) => return true,
            Ok(_) => {}
            Err(RecvError::Closed) => return false,
        }
    }
}
