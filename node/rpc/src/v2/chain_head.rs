//! `chainHead_v1_*`: following the head of the chain and reading the blocks near it.
use crate::api::{Context, Reply, reply};
use crate::error;
use crate::json::Hex;
use crate::params::{Args, Bytes, OneOrMany};
use crate::subscription::{Outcome, close};
use crate::v2::Registered;
use crate::v2::follow::{Follow, Refusal};
use crate::v2::follower::Follower;
use crate::v2::operation::Work;
use crate::v2::params::{ChildTrie, Queries, operation};
use crate::v2::pins::Pins;
use jsonrpsee::core::server::{ConnectionId, ResponsePayload};
use jsonrpsee::types::{ErrorObjectOwned, Params, SubscriptionId};
use jsonrpsee::{Extensions, PendingSubscriptionSink, RpcModule};
use parity_scale_codec::Encode;
use quire_core::H256;
use serde_json::json;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A connection and the id of a follow on it.
type Name = (usize, String);

/// All follows of the node.
#[derive(Default)]
struct Follows {
    by_name: Mutex<BTreeMap<Name, Arc<Follower>>>,
    per_connection: Mutex<BTreeMap<usize, u32>>,
    pins: Pins,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Maps are changed in single steps; a panic leaves none of them half done.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A place among the follows of a connection.
struct Place {
    follows: Arc<Follows>,
    connection: usize,
}

impl Place {
    fn take(follows: &Arc<Follows>, connection: usize, most: u32) -> Option<Self> {
        let mut counts = lock(&follows.per_connection);
        let count = counts.entry(connection).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(Self { follows: follows.clone(), connection })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = lock(&self.follows.per_connection);
        if let Some(count) = counts.get_mut(&self.connection) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.connection);
            }
        }
    }
}

/// A follow that the methods find; they stop finding it when this goes.
struct Listed<'a> {
    follows: &'a Follows,
    name: Name,
}

impl Drop for Listed<'_> {
    fn drop(&mut self) {
        lock(&self.follows.by_name).remove(&self.name);
    }
}

pub(super) fn register(module: &mut RpcModule<Context>) -> Registered {
    let follows = Arc::new(Follows::default());
    follow(module, follows.clone())?;
    operations(module, &follows)?;
    immediate(module, "chainHead_v1_unpin", &follows, |_, follower, args| {
        let hashes: OneOrMany<H256> = args.required("hash or hashes")?;
        let hashes = match hashes {
            OneOrMany::One(hash) => vec![hash],
            OneOrMany::Many(hashes) => hashes.into_iter().collect::<Option<Vec<_>>>().ok_or_else(|| {
                error::invalid_params("parameter 2 (hash or hashes): expected hashes, got null")
            })?,
        };
        follower.map_or(Ok(()), |follower| follower.ask(|core| core.unpin(&hashes)).map_err(refusal))?;
        reply(&())
    })?;
    immediate(module, "chainHead_v1_continue", &follows, |_, follower, args| {
        let id = operation(&args.required::<String>("operation id")?);
        if let (Some(follower), Some(id)) = (follower, id) {
            follower.resume(id).map_err(refusal)?;
        }
        reply(&())
    })?;
    immediate(module, "chainHead_v1_stopOperation", &follows, |_, follower, args| {
        let id = operation(&args.required::<String>("operation id")?);
        if let (Some(follower), Some(id)) = (follower, id) {
            follower.cancel(id);
        }
        reply(&())
    })?;
    header(module, follows)
}

/// The errors of the specification, with Substrate's texts.
fn refusal(why: Refusal) -> ErrorObjectOwned {
    let (code, message) = match why {
        Refusal::LimitReached => (-32800, "Maximum number of chainHead_follow has been reached"),
        Refusal::NotPinned => (-32801, "Invalid block hash"),
        Refusal::WithoutRuntime => {
            (-32802, "The runtime updates flag must be set: follow with withRuntime = true")
        }
        Refusal::NotWaiting => (-32803, "Wait for the storage operation to ask for a continue"),
        Refusal::Duplicate => (-32804, "Received duplicate hashes for the `chainHead_unpin` method"),
    };
    ErrorObjectOwned::owned(code, message, None::<()>)
}

fn connection(extensions: &Extensions) -> usize {
    // Calls without a server have no connection: they share one.
    extensions.get::<ConnectionId>().map_or(0, |id| id.0)
}

fn follow(module: &mut RpcModule<Context>, follows: Arc<Follows>) -> Registered {
    module.register_subscription(
        "chainHead_v1_follow",
        "chainHead_v1_followEvent",
        "chainHead_v1_unfollow",
        move |params, pending, context, extensions| {
            let follows = follows.clone();
            async move {
                let with_runtime =
                    Args::new(&params).and_then(|mut args| args.required::<bool>("withRuntime"));
                let place = Place::take(
                    &follows,
                    pending.connection_id().0,
                    context.config.max_follows_per_connection,
                );
                match (with_runtime, place) {
                    (Ok(with_runtime), Some(place)) => {
                        close(serve(pending, &extensions, context, with_runtime, place).await)
                    }
                    (Err(why), _) => {
                        pending.reject(why).await;
                        Ok(())
                    }
                    (_, None) => {
                        pending.reject(refusal(Refusal::LimitReached)).await;
                        Ok(())
                    }
                }
            }
        },
    )?;
    Ok(())
}

async fn serve(
    pending: PendingSubscriptionSink,
    extensions: &Extensions,
    context: Arc<Context>,
    with_runtime: bool,
    place: Place,
) -> Outcome {
    let subscriber = context.accept(pending, extensions).await?;
    let start = Follower::start(context, with_runtime, place.follows.pins.clone());
    let (follower, source, first) = subscriber.until_closed(start).await??;
    let name = (place.connection, text(subscriber.id()));
    lock(&place.follows.by_name).insert(name.clone(), follower.clone());
    let _listed = Listed { follows: &place.follows, name };
    follower.run(&subscriber, source, first).await
}

fn text(id: SubscriptionId) -> String {
    match id {
        SubscriptionId::Num(number) => number.to_string(),
        SubscriptionId::Str(text) => text.into_owned(),
    }
}

type Found<'a> = Option<&'a Arc<Follower>>;

/// The follow that the first parameter names, if it is alive and of this connection.
fn find(
    follows: &Follows,
    extensions: &Extensions,
    args: &mut Args,
) -> Result<Option<Arc<Follower>>, ErrorObjectOwned> {
    let id: String = args.required("follow subscription")?;
    let found = lock(&follows.by_name).get(&(connection(extensions), id)).cloned();
    Ok(found.filter(|follower| !follower.ask(|core| core.is_stopped())))
}

/// A method that only asks the core.
fn immediate(
    module: &mut RpcModule<Context>,
    name: &'static str,
    follows: &Arc<Follows>,
    method: fn(&Context, Found, &mut Args) -> Reply,
) -> Registered {
    let follows = follows.clone();
    module.register_method(name, move |params, context, extensions| -> Reply {
        let mut args = Args::new(&params)?;
        let follower = find(&follows, extensions, &mut args)?;
        method(context, follower.as_ref(), &mut args)
    })?;
    Ok(())
}

/// `chainHead_v1_header`: the only read that is answered at once.
fn header(module: &mut RpcModule<Context>, follows: Arc<Follows>) -> Registered {
    module.register_async_method("chainHead_v1_header", move |params, context, extensions| {
        let follows = follows.clone();
        async move {
            let (follower, hash) = {
                let mut args = Args::new(&params)?;
                (find(&follows, &extensions, &mut args)?, args.required::<H256>("hash")?)
            };
            let Some(follower) = follower else { return reply(&()) };
            follower.ask(|core| core.check_pinned(&hash)).map_err(refusal)?;
            let read = move |backend: &dyn crate::Backend| backend.header(&hash).map_err(error::internal);
            let header = context.read_for(extensions.get().cloned(), read).await?;
            let header =
                header.ok_or_else(|| error::internal(format_args!("the header of {hash} is gone")))?;
            reply(&Hex::owned(header.encode()))
        }
    })?;
    Ok(())
}

fn operations(module: &mut RpcModule<Context>, follows: &Arc<Follows>) -> Registered {
    starts(module, "chainHead_v1_body", follows, |_, args| {
        let at: H256 = args.required("hash")?;
        Ok(Asked { at, is_call: false, discarded: None, work: Work::Body(at) })
    })?;
    starts(module, "chainHead_v1_call", follows, |_, args| {
        let at: H256 = args.required("hash")?;
        let method: String = args.required("function")?;
        let arguments = args.optional::<Bytes>("call parameters")?.map_or_else(Vec::new, |bytes| bytes.0);
        Ok(Asked { at, is_call: true, discarded: None, work: Work::Call(at, method, arguments) })
    })?;
    starts(module, "chainHead_v1_storage", follows, |context, args| {
        let at: H256 = args.required("hash")?;
        let Queries(mut queries) = args.required("items")?;
        let in_child = args.optional::<ChildTrie>("child trie")?.is_some();
        let taken = queries.len().min(context.config.max_keys_per_call);
        let discarded = queries.len() - taken;
        // Nothing is found in a child trie.
        queries.truncate(if in_child { 0 } else { taken });
        Ok(Asked { at, is_call: false, discarded: Some(discarded), work: Work::Storage(at, queries) })
    })
}

/// An operation that the client asks for.
struct Asked {
    at: H256,
    is_call: bool,
    /// Items of a storage request that are not looked at; `None` for other operations.
    discarded: Option<usize>,
    work: Work,
}

/// A method that starts an operation.
fn starts(
    module: &mut RpcModule<Context>,
    name: &'static str,
    follows: &Arc<Follows>,
    read: fn(&Context, &mut Args) -> Result<Asked, ErrorObjectOwned>,
) -> Registered {
    let follows = follows.clone();
    module.register_async_method(name, move |params, context, extensions| {
        let follows = follows.clone();
        async move { start(&params, &context, &extensions, &follows, read) }
    })?;
    Ok(())
}

fn start(
    params: &Params<'static>,
    context: &Context,
    extensions: &Extensions,
    follows: &Follows,
    read: fn(&Context, &mut Args) -> Result<Asked, ErrorObjectOwned>,
) -> ResponsePayload<'static, Box<RawValue>> {
    let begun = Args::new(params).and_then(|mut args| {
        let follower = find(follows, extensions, &mut args)?;
        let asked = read(context, &mut args)?;
        Ok((follower, asked))
    });
    let (follower, asked) = match begun {
        Ok((Some(follower), asked)) => (follower, asked),
        Ok((None, _)) => return answer(reply(&json!({ "result": "limitReached" }))),
        Err(why) => return ResponsePayload::error(why),
    };
    let begin = |core: &mut Follow| core.begin(&asked.at, asked.is_call);
    let id = match follower.ask(begin) {
        Ok(id) => id,
        Err(Refusal::LimitReached) => return answer(reply(&json!({ "result": "limitReached" }))),
        Err(why) => return ResponsePayload::error(refusal(why)),
    };
    let mut started = json!({ "result": "started", "operationId": id.to_string() });
    if let Some(discarded) = asked.discarded {
        started["discardedItems"] = discarded.into();
    }
    let (response, sent) = answer(reply(&started)).notify_on_completion();
    follower.spawn(id, asked.work, extensions.get().cloned(), async move {
        // A client that left meanwhile takes its follow with it, which ends the operation.
        let _ = sent.await;
    });
    response
}

fn answer(reply: Reply) -> ResponsePayload<'static, Box<RawValue>> {
    match reply {
        Ok(json) => ResponsePayload::success(json),
        Err(why) => ResponsePayload::error(why),
    }
}
