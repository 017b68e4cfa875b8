//! From the text of a message to the text of its answer: JSON-RPC 2.0, single calls, notifications and batches.
//!
//! * D1 What is no JSON is answered with -32700 and a null id; JSON that is no request with -32600 and its id, if it
//!   has one.
//! * D2 A request without an id is a notification: nothing is carried out and nothing is answered.
//! * D3 A batch is one answer: its calls run one after the other. It has a limit of calls, is never empty, and takes no
//!   subscriptions, because their notifications could overtake its answer.
//! * D4 Memory for parsing does not depend on what a message promises: lists are read no further than their limit.
use super::outbox::Outbox;
use crate::error;
use crate::metrics::{Protocol, RpcMetrics};
use crate::params::bounded;
use jsonrpsee::core::id_providers::RandomStringIdProvider;
use jsonrpsee::core::server::{
    BatchResponseBuilder, BoundedSubscriptions, ConnectionId, MethodCallback, MethodResponse,
    MethodResponseNotifyTx, MethodSink, SubscriptionState,
};
use jsonrpsee::types::error::{ErrorCode, reject_too_big_batch_request, reject_too_many_subscriptions};
use jsonrpsee::types::{ErrorObject, ErrorObjectOwned, Id, InvalidRequest, Params};
use jsonrpsee::{Extensions, Methods};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::sync::Arc;
use tokio::time::Instant;

/// Length of subscription ids, letters and digits.
const ID_LENGTH: usize = 16;

/// Answers messages.
pub(super) struct Dispatcher {
    methods: Methods,
    metrics: Arc<RpcMetrics>,
    max_response_bytes: usize,
    max_batch_requests: usize,
    ids: RandomStringIdProvider,
}

/// The answer to a message.
pub(super) struct Answer {
    json: Box<RawValue>,
    told: Option<MethodResponseNotifyTx>,
    is_success: bool,
}

impl Answer {
    /// Hands the text over and tells the method: what it sends from now on comes after its answer.
    pub(super) fn hand_over(self, to: impl FnOnce(Box<RawValue>)) {
        to(self.json);
        if let Some(told) = self.told {
            told.notify(self.is_success);
        }
    }
}

/// Who asks, and where subscriptions of the caller go.
pub(super) enum Caller<'a> {
    /// HTTP: no subscriptions.
    Request {
        /// The connection.
        id: u64,
    },
    /// WebSocket.
    Session {
        /// The connection.
        id: u64,
        /// Where items go.
        sink: &'a MethodSink,
        /// How many there may be.
        subscriptions: &'a BoundedSubscriptions,
        /// What waits for the client.
        outbox: &'a Arc<Outbox>,
    },
}

impl Caller<'_> {
    fn connection(&self) -> ConnectionId {
        let (Self::Request { id } | Self::Session { id, .. }) = self;
        ConnectionId(usize::try_from(*id).unwrap_or(usize::MAX))
    }

    fn extensions(&self) -> Extensions {
        let mut extensions = Extensions::new();
        extensions.insert(self.connection());
        if let Self::Session { outbox, .. } = self {
            extensions.insert(Arc::clone(outbox));
        }
        extensions
    }
}

#[derive(Deserialize)]
struct Request<'a> {
    #[serde(borrow)]
    jsonrpc: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "present")]
    id: Option<Id<'a>>,
    #[serde(borrow)]
    method: Cow<'a, str>,
    #[serde(borrow)]
    params: Option<&'a RawValue>,
}

/// Tells `"id": null`, which asks for an answer, from no id at all.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Id<'de>>, D::Error> {
    Id::deserialize(deserializer).map(Some)
}

impl Dispatcher {
    pub(super) fn new(
        methods: Methods,
        metrics: Arc<RpcMetrics>,
        max_response_bytes: u32,
        max_batch_requests: u32,
    ) -> Self {
        Self {
            methods,
            metrics,
            max_response_bytes: max_response_bytes as usize,
            max_batch_requests: max_batch_requests as usize,
            ids: RandomStringIdProvider::new(ID_LENGTH),
        }
    }

    /// The answer to a message; none for notifications, and for subscriptions, which answer by themselves.
    pub(super) async fn answer(
        &self,
        protocol: Protocol,
        caller: &Caller<'_>,
        message: &[u8],
    ) -> Option<Answer> {
        let text = std::str::from_utf8(message).unwrap_or_default().trim_ascii();
        let answer = match text.as_bytes().first() {
            Some(b'{') => self.single(protocol, caller, text).await,
            Some(b'[') => self.batch(protocol, caller, text).await,
            _ => Some(failed(Id::Null, ErrorCode::ParseError)),
        };
        answer.map(|response| {
            let is_success = response.is_success();
            let (json, told, _) = response.into_parts();
            Answer { json, told, is_success }
        })
    }

    async fn single(&self, protocol: Protocol, caller: &Caller<'_>, text: &str) -> Option<MethodResponse> {
        match parse(text) {
            Ok(Some((id, request))) => self.call(protocol, caller, id, request, false).await,
            Ok(None) => None,
            Err(refused) => Some(refused),
        }
    }

    async fn batch(&self, protocol: Protocol, caller: &Caller<'_>, text: &str) -> Option<MethodResponse> {
        let calls = match bounded(text, self.max_batch_requests) {
            Ok(Some(calls)) => calls,
            Ok(None) => {
                return Some(MethodResponse::error(
                    Id::Null,
                    reject_too_big_batch_request(self.max_batch_requests),
                ));
            }
            Err(_) => return Some(failed(Id::Null, ErrorCode::ParseError)),
        };
        if calls.is_empty() {
            return Some(failed(Id::Null, ErrorCode::InvalidRequest));
        }
        let mut answers = BatchResponseBuilder::new_with_limit(self.max_response_bytes);
        for call in calls {
            let answer = match parse(call.get()) {
                Ok(Some((id, request))) => self.call(protocol, caller, id, request, true).await,
                Ok(None) => None,
                Err(refused) => Some(refused),
            };
            if let Some(answer) = answer
                && let Err(too_big) = answers.append(answer)
            {
                return Some(too_big);
            }
        }
        (!answers.is_empty()).then(|| MethodResponse::from_batch(answers.finish()))
    }

    async fn call(
        &self,
        protocol: Protocol,
        caller: &Caller<'_>,
        id: Id<'_>,
        request: Request<'_>,
        is_in_batch: bool,
    ) -> Option<MethodResponse> {
        let counts = self.metrics.of(protocol, &request.method);
        counts.start();
        let begun = Instant::now();
        let answer = self.carry_out(caller, id, &request, is_in_batch).await;
        counts.finish(begun.elapsed(), answer.is_success());
        // A subscription has sent this itself, so that it comes before the first item.
        (!answer.is_subscription()).then_some(answer)
    }

    async fn carry_out(
        &self,
        caller: &Caller<'_>,
        id: Id<'_>,
        request: &Request<'_>,
        is_in_batch: bool,
    ) -> MethodResponse {
        let params = Params::new(request.params.map(RawValue::get));
        let (max, extensions, connection) =
            (self.max_response_bytes, caller.extensions(), caller.connection());
        match self.methods.method(&request.method) {
            None => failed(id, ErrorCode::MethodNotFound),
            Some(MethodCallback::Sync(method)) => method(id, params, max, extensions),
            Some(MethodCallback::Async(method)) => {
                method(id.into_owned(), params.into_owned(), connection, max, extensions).await
            }
            Some(MethodCallback::Unsubscription(method)) => method(id, params, connection, max, extensions),
            Some(MethodCallback::Subscription(_)) if is_in_batch => {
                MethodResponse::error(id, error::no_subscription("in a batch: send the call by itself"))
            }
            Some(MethodCallback::Subscription(method)) => {
                let Caller::Session { sink, subscriptions, .. } = caller else {
                    return MethodResponse::error(id, error::no_subscription("over HTTP: use a WebSocket"));
                };
                let Some(subscription_permit) = subscriptions.acquire() else {
                    return MethodResponse::error(id, reject_too_many_subscriptions(subscriptions.max()));
                };
                let state =
                    SubscriptionState { conn_id: connection, id_provider: &self.ids, subscription_permit };
                method(id, params, (*sink).clone(), state, extensions).await
            }
        }
    }
}

/// D1, D2: a request with its id, nothing for a notification, or the refusal.
fn parse(text: &str) -> Result<Option<(Id<'_>, Request<'_>)>, MethodResponse> {
    match serde_json::from_str::<Request>(text) {
        Ok(request) if request.jsonrpc != "2.0" => {
            Err(failed(request.id.unwrap_or(Id::Null), ErrorCode::InvalidRequest))
        }
        Ok(mut request) => Ok(request.id.take().map(|id| (id, request))),
        Err(why) if why.is_syntax() || why.is_eof() => Err(failed(Id::Null, ErrorCode::ParseError)),
        Err(_) => {
            let id = serde_json::from_str::<InvalidRequest>(text).map_or(Id::Null, |invalid| invalid.id);
            Err(failed(id, ErrorCode::InvalidRequest))
        }
    }
}

fn failed(id: Id<'_>, code: ErrorCode) -> MethodResponse {
    MethodResponse::error(id, ErrorObject::from(code))
}

/// The answer to a message that was too long to be read.
pub(super) fn too_large_request(max_bytes: u32) -> Box<RawValue> {
    let refusal: ErrorObjectOwned = jsonrpsee::types::error::reject_too_big_request(max_bytes).into_owned();
    MethodResponse::error(Id::Null, refusal).into_json()
}
