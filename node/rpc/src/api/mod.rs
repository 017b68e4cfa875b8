//! Registration of all methods, and the three ways in which a method is served.
mod author;
mod chain;
mod engine;
mod grandpa;
mod payment;
mod quire;
mod state;
mod system;

use crate::backend::{Backend, BackendError};
use crate::config::RpcConfig;
use crate::error;
use crate::params::Args;
use crate::subscription::{Ended, Outcome, Subscriber, close};
use crate::transport::Outbox;
use jsonrpsee::core::RegisterMethodError;
use jsonrpsee::types::{ErrorObjectOwned, Params};
use jsonrpsee::{Extensions, Methods, PendingSubscriptionSink, RpcModule};
use quire_core::H256;
use serde::Serialize;
use serde_json::value::RawValue;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What every method can reach.
pub(crate) struct Context {
    pub(crate) backend: Arc<dyn Backend>,
    pub(crate) config: RpcConfig,
    reads: Arc<Semaphore>,
    /// Subscriptions that may still be made.
    subscriptions: Arc<Semaphore>,
    /// KiB of keys that may still be watched.
    watched: Arc<Semaphore>,
    unsafe_allowed: bool,
}

/// A method's answer, already JSON.
pub(crate) type Reply = Result<Box<RawValue>, ErrorObjectOwned>;

/// Turns a value into an answer.
pub(crate) fn reply<T: Serialize + ?Sized>(value: &T) -> Reply {
    serde_json::value::to_raw_value(value).map_err(error::internal)
}

impl Context {
    pub(crate) fn new(config: RpcConfig, backend: Arc<dyn Backend>, unsafe_allowed: bool) -> Self {
        let reads = Arc::new(Semaphore::new(config.concurrent_reads.max(1)));
        let subscriptions = Arc::new(Semaphore::new(config.max_subscriptions));
        let watched = Arc::new(Semaphore::new(config.max_watched_bytes / 1024));
        Self { backend, config, reads, subscriptions, watched, unsafe_allowed }
    }

    /// R6: runs `read` on a blocking thread, waiting for its turn first.
    pub(crate) async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        read: impl FnOnce(&dyn Backend) -> Result<T, ErrorObjectOwned> + Send + 'static,
    ) -> Result<T, ErrorObjectOwned> {
        self.read_for(None, read).await
    }

    /// Like [`read`](Self::read), but not before the caller has read enough of its earlier answers, and only a few for
    /// one connection at once: the turns of all are taken in order, and one with many calls must not fill the queue.
    pub(crate) async fn read_for<T: Send + 'static>(
        self: &Arc<Self>,
        caller: Option<Arc<Outbox>>,
        read: impl FnOnce(&dyn Backend) -> Result<T, ErrorObjectOwned> + Send + 'static,
    ) -> Result<T, ErrorObjectOwned> {
        let _turn = match &caller {
            Some(outbox) => outbox.reads.acquire().await.ok(),
            None => None,
        };
        let permit = loop {
            if let Some(outbox) = &caller {
                outbox.room().await;
            }
            let permit = self.reads.clone().acquire_owned().await.map_err(error::internal)?;
            // Others of its calls may have filled the outbox while this one waited for its turn.
            if caller.as_ref().is_none_or(|outbox| outbox.has_room()) {
                break permit;
            }
        };
        let backend = self.backend.clone();
        let work = move || {
            let answer = read(&*backend);
            drop(permit);
            answer
        };
        tokio::task::spawn_blocking(work).await.map_err(error::internal)?
    }

    /// Answers a subscribe call, within the limit of all subscriptions together.
    pub(crate) async fn accept(
        &self,
        pending: PendingSubscriptionSink,
        extensions: &Extensions,
    ) -> Result<Subscriber, Ended> {
        let Ok(place) = self.subscriptions.clone().try_acquire_owned() else {
            pending.reject(error::too_many_subscriptions(self.config.max_subscriptions)).await;
            return Err(Ended::Gone);
        };
        let patience = Duration::from_millis(self.config.slow_reader_ms);
        Subscriber::accept(pending, patience, extensions.get().cloned(), place).await
    }

    /// Memory for keys to be watched, to be kept while they are.
    pub(crate) fn watch(&self, keys: &[Vec<u8>]) -> Result<OwnedSemaphorePermit, ErrorObjectOwned> {
        /// A key's own memory and the hash of its value.
        const EACH_BYTES: usize = 64;
        let bytes: usize = keys.iter().map(|key| key.len().saturating_add(EACH_BYTES)).sum();
        let kib = u32::try_from(bytes / 1024).unwrap_or(u32::MAX).saturating_add(1);
        self.watched
            .clone()
            .try_acquire_many_owned(kib)
            .map_err(|_| error::too_many_subscriptions(self.config.max_subscriptions))
    }

    /// The block a read is about: the one given, else the best.
    pub(crate) fn at(backend: &dyn Backend, hash: Option<H256>) -> H256 {
        hash.unwrap_or_else(|| backend.best().hash)
    }

    fn check_safe(&self, is_unsafe: bool) -> Result<(), ErrorObjectOwned> {
        if is_unsafe && !self.unsafe_allowed { Err(error::unsafe_call()) } else { Ok(()) }
    }
}

impl From<BackendError> for Ended {
    fn from(error: BackendError) -> Self {
        Self::Broken(format!("subscription closed: {error}"))
    }
}

/// Collects methods; the first name of a list is the method, the others are its aliases.
pub(crate) struct Registry {
    module: RpcModule<Context>,
}

type Registered = Result<(), RegisterMethodError>;

impl Registry {
    /// A method that answers from memory.
    fn quick(&mut self, names: &[&'static str], method: fn(&Context, &mut Args) -> Reply) -> Registered {
        self.module.register_method(names[0], move |params, context, _| {
            Args::new(&params).and_then(|mut args| method(context, &mut args))
        })?;
        self.aliases(names)
    }

    /// A method that may touch the disk or run Wasm.
    fn read(&mut self, names: &[&'static str], method: fn(&Context, &mut Args) -> Reply) -> Registered {
        self.guarded(names, false, method)
    }

    /// Like [`read`](Self::read), refused where unsafe methods are (R5).
    fn read_unsafe(
        &mut self,
        names: &[&'static str],
        method: fn(&Context, &mut Args) -> Reply,
    ) -> Registered {
        self.guarded(names, true, method)
    }

    fn guarded(
        &mut self,
        names: &[&'static str],
        is_unsafe: bool,
        method: fn(&Context, &mut Args) -> Reply,
    ) -> Registered {
        self.module.register_async_method(names[0], move |params, context, extensions| async move {
            context.check_safe(is_unsafe)?;
            let (inner, caller) = (context.clone(), extensions.get().cloned());
            let answer =
                move |_: &dyn Backend| Args::new(&params).and_then(|mut args| method(&inner, &mut args));
            context.read_for(caller, answer).await
        })?;
        self.aliases(names)
    }

    /// A method that waits for something without holding a thread.
    fn waiting<F, Fut>(&mut self, names: &[&'static str], method: F) -> Registered
    where
        F: Fn(Params<'static>, Arc<Context>) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = Reply> + Send + 'static,
    {
        self.module.register_async_method(names[0], move |params, context, _| method(params, context))?;
        self.aliases(names)
    }

    /// A subscription: its names, the name of its notifications, and the names that end it. `prepare` reads the
    /// parameters and may refuse; `run` sends the items.
    fn subscription<P, R, Fut, T>(
        &mut self,
        names: &[&'static str],
        notification: &'static str,
        end_names: &[&'static str],
        prepare: P,
        run: R,
    ) -> Registered
    where
        P: Fn(&Context, &mut Args) -> Result<T, ErrorObjectOwned> + Clone + Send + Sync + 'static,
        R: Fn(Subscriber, Arc<Context>, T) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = Outcome> + Send + 'static,
        T: Send + 'static,
    {
        self.module.register_subscription(
            names[0],
            notification,
            end_names[0],
            move |params, pending, context, extensions| {
                let (prepare, run) = (prepare.clone(), run.clone());
                async move {
                    let prepared = Args::new(&params).and_then(|mut args| prepare(&context, &mut args));
                    let input = match prepared {
                        Ok(input) => input,
                        Err(refusal) => {
                            pending.reject(refusal).await;
                            return Ok(());
                        }
                    };
                    let outcome = match context.accept(pending, &extensions).await {
                        Ok(subscriber) => run(subscriber, context, input).await,
                        Err(ended) => Err(ended),
                    };
                    close(outcome)
                }
            },
        )?;
        self.aliases(names)?;
        self.aliases(end_names)
    }

    fn aliases(&mut self, names: &[&'static str]) -> Registered {
        names[1..].iter().try_for_each(|alias| self.module.register_alias(alias, names[0]))
    }
}

/// Every method and alias.
pub(crate) fn all(
    config: RpcConfig,
    backend: Arc<dyn Backend>,
    unsafe_allowed: bool,
) -> Result<Methods, RegisterMethodError> {
    let sealing = backend.manual_sealing();
    let context = Context::new(config, backend, unsafe_allowed);
    let mut registry = Registry { module: RpcModule::new(context) };
    system::register(&mut registry)?;
    chain::register(&mut registry)?;
    state::register(&mut registry)?;
    author::register(&mut registry)?;
    payment::register(&mut registry)?;
    quire::register(&mut registry)?;
    grandpa::register(&mut registry)?;
    crate::v2::register(&mut registry.module)?;
    if let Some(sealing) = sealing {
        engine::register(&mut registry, sealing)?;
    }
    list_methods(registry)
}

/// R1: registered last, from the registry itself.
fn list_methods(mut registry: Registry) -> Result<Methods, RegisterMethodError> {
    const NAME: &str = "rpc_methods";
    let mut names: Vec<&'static str> = registry.module.method_names().chain([NAME]).collect();
    names.sort_unstable();
    registry.module.register_method(NAME, move |_, _, _| {
        reply(&serde_json::json!({ "version": 1, "methods": names }))
    })?;
    Ok(registry.module.into())
}
