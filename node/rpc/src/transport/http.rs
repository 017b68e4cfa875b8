//! HTTP/1.1 on one connection: calls by POST, the upgrade to WebSocket, and two addresses for health checks.
//!
//! * H1 The head of a request, and the pause before it, take at most [`RpcConfig::head_ms`]; its body at most
//!   [`RpcConfig::request_ms`].
//! * H2 A body is read no further than the limit of requests; more is answered with 413.
//! * H3 A web page that may not use the node gets 403, for calls and for upgrades.
//!
//! Out of scope: HTTP/2 and TLS, which a reverse proxy adds.
use super::connections::{Connection, Connections, Place};
use super::dispatch::Caller;
use super::io::Io;
use super::{End, GOODBYE_MS, Input, Server, session};
use crate::config::RpcConfig;
use crate::cors;
use crate::metrics::{Drop as Dropped, Protocol};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Largest head of a request.
const HEAD_MAX_BYTES: usize = 16 * 1024;
/// By how much the memory of a long body grows.
const GROWTH_BYTES: usize = 256 * 1024;
const JSON: &str = "application/json; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";

/// An answer with its body.
pub(crate) type HttpResponse = Response<Full<Bytes>>;

/// A connection on which HTTP is spoken.
struct Exchange {
    server: Arc<Server>,
    place: Arc<Place>,
    /// Whether a request is being answered.
    is_working: AtomicBool,
    /// The answer that may not have been read yet.
    unread: Mutex<Option<Charge>>,
}

/// Output counted until it is dropped.
struct Charge {
    all: Arc<Connections>,
    connection: Arc<Connection>,
    bytes: usize,
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.all.discharge(&self.connection, self.bytes);
    }
}

/// Serves one connection until it ends or becomes a WebSocket, which then lives on by itself.
pub(super) async fn serve(server: Arc<Server>, place: Place, socket: TcpStream) {
    let config = &server.config;
    let place = Arc::new(place);
    let exchange = Arc::new(Exchange {
        server: server.clone(),
        place: place.clone(),
        is_working: AtomicBool::new(false),
        unread: Mutex::default(),
    });
    let io = TokioIo::new(Io::new(socket, Duration::from_millis(config.slow_reader_ms)));
    let inner = exchange.clone();
    let service = hyper::service::service_fn(move |request| respond(inner.clone(), request));
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(Duration::from_millis(config.head_ms))
        .max_buf_size(HEAD_MAX_BYTES);
    let connection = http.serve_connection(io, service).with_upgrades();
    tokio::pin!(connection);
    let ended = tokio::select! {
        biased;
        _ = place.connection.ended() => return,
        () = server.stop.stopped() => {
            connection.as_mut().graceful_shutdown();
            if !exchange.is_working.load(Relaxed) {
                // Half a request, or the end of an answer.
                let _ = timeout(Duration::from_millis(GOODBYE_MS), connection).await;
                return;
            }
            connection.await
        }
        ended = connection.as_mut() => ended,
    };
    if let Err(why) = ended {
        tracing::debug!(target: "rpc", "connection {}: {why}", place.connection.id);
        if why.is_timeout() {
            server.metrics.dropped(Dropped::Late);
        } else if super::io::is_stuck(&why) {
            server.metrics.dropped(Dropped::SlowReader);
        }
    }
}

async fn respond(exchange: Arc<Exchange>, request: Request<Incoming>) -> Result<HttpResponse, Infallible> {
    exchange.place.busy();
    exchange.is_working.store(true, Relaxed);
    exchange.owe(0);
    let origin = request.headers().get("origin").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let mut response = match cors::judge(&exchange.server.config.cors, origin.as_deref(), request.method()) {
        cors::Verdict::Answer(response) => response,
        cors::Verdict::Serve => route(&exchange, request).await,
    };
    if let Some(origin) = &origin {
        cors::mark(&exchange.server.config.cors, origin, &mut response);
    }
    let length = hyper::body::Body::size_hint(response.body()).lower();
    exchange.owe(usize::try_from(length).unwrap_or(usize::MAX));
    exchange.place.idle();
    exchange.is_working.store(false, Relaxed);
    Ok(response)
}

impl Exchange {
    fn caller(&self) -> Caller<'static> {
        Caller::Request { id: self.place.connection.id }
    }

    /// Counts an answer in the place of the one before, which is on its way.
    fn owe(&self, bytes: usize) {
        let place = &self.place;
        place.all.charge(&place.connection, bytes);
        let charge = Charge { all: place.all.clone(), connection: place.connection.clone(), bytes };
        *self.unread.lock().unwrap_or_else(PoisonError::into_inner) = Some(charge);
    }
}

async fn route(exchange: &Arc<Exchange>, request: Request<Incoming>) -> HttpResponse {
    if soketto::handshake::http::is_upgrade_request(&request) {
        return upgrade(exchange, request);
    }
    match (request.method(), request.uri().path()) {
        (&Method::GET, "/health") => health(exchange, |_| true).await,
        (&Method::GET, "/health/readiness") => {
            health(exchange, |health| {
                let is = |name: &str| health.get(name).and_then(serde_json::Value::as_bool).unwrap_or(false);
                let has_peers = health.get("peers").and_then(serde_json::Value::as_u64).unwrap_or(0) > 0;
                !is("isSyncing") && (has_peers || !is("shouldHavePeers"))
            })
            .await
        }
        (&Method::POST, _) if is_json(&request) => call(exchange, request).await,
        (&Method::POST, _) => text(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "Supplied content type is not allowed. Content-Type: application/json is required\n",
        ),
        _ => text(
            StatusCode::METHOD_NOT_ALLOWED,
            "Used HTTP Method is not allowed. POST or OPTIONS is required\n",
        ),
    }
}

fn is_json(request: &Request<Incoming>) -> bool {
    let value = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let kind = value.split(';').next().unwrap_or("").trim();
    ["application/json", "application/json-rpc", "application/jsonrequest"]
        .iter()
        .any(|json| kind.eq_ignore_ascii_case(json))
}

/// A plain answer.
pub(crate) fn text(status: StatusCode, body: impl Into<Bytes>) -> HttpResponse {
    with_type(status, TEXT, body)
}

fn with_type(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> HttpResponse {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// Calls by POST.
async fn call(exchange: &Exchange, request: Request<Incoming>) -> HttpResponse {
    let (server, config) = (&exchange.server, &exchange.server.config);
    let input = Input::new(&exchange.place.all);
    let patience = Duration::from_millis(config.request_ms);
    let mut memory = None;
    let body = match timeout(patience, read_body(request, config, &input, &mut memory)).await {
        Ok(Ok(body)) => body,
        Ok(Err(refusal)) => return refusal,
        Err(_) => {
            server.metrics.dropped(Dropped::Late);
            let why = format!("The body did not come within {} ms\n", config.request_ms);
            let mut response = text(StatusCode::REQUEST_TIMEOUT, why);
            response.headers_mut().insert("connection", HeaderValue::from_static("close"));
            return response;
        }
    };
    let mut text = String::new();
    if let Some(answer) = server.dispatcher.answer(Protocol::Http, &exchange.caller(), &body).await {
        answer.hand_over(|json| text = String::from(Box::<str>::from(json)));
    }
    with_type(StatusCode::OK, JSON, text)
}

async fn read_body(
    request: Request<Incoming>,
    config: &RpcConfig,
    input: &Input,
    memory: &mut Option<tokio::sync::OwnedSemaphorePermit>,
) -> Result<Vec<u8>, HttpResponse> {
    let most = config.max_request_bytes as usize;
    let too_large = || {
        let json = super::dispatch::too_large_request(config.max_request_bytes);
        let mut response =
            with_type(StatusCode::PAYLOAD_TOO_LARGE, JSON, String::from(Box::<str>::from(json)));
        response.headers_mut().insert("connection", HeaderValue::from_static("close"));
        response
    };
    let mut incoming = request.into_body();
    if hyper::body::Body::size_hint(&incoming).lower() > u64::from(config.max_request_bytes) {
        return Err(too_large());
    }
    let mut body = Vec::new();
    while let Some(frame) = incoming.frame().await {
        let Ok(frame) = frame else {
            return Err(text(StatusCode::BAD_REQUEST, "The body ended too soon\n"));
        };
        let Some(data) = frame.data_ref() else { continue };
        if body.len().saturating_add(data.len()) > most {
            return Err(too_large());
        }
        if data.len() > body.capacity() - body.len() {
            let step = data.len().max(GROWTH_BYTES.min(body.len()));
            input.grow(memory, body.len().saturating_add(step)).await;
            body.reserve_exact(step);
        }
        body.extend_from_slice(data);
    }
    Ok(body)
}

/// Answers with `system_health`; 500 when the node is not what is asked for.
async fn health(exchange: &Exchange, is_good: fn(&serde_json::Value) -> bool) -> HttpResponse {
    const CALL: &[u8] = br#"{"jsonrpc":"2.0","id":0,"method":"system_health"}"#;
    let mut json = None;
    if let Some(answer) = exchange.server.dispatcher.answer(Protocol::Http, &exchange.caller(), CALL).await {
        answer.hand_over(|text| json = Some(text));
    }
    let health = json
        .and_then(|json| serde_json::from_str::<serde_json::Value>(json.get()).ok())
        .and_then(|mut answer| answer.get_mut("result").map(serde_json::Value::take))
        .unwrap_or_default();
    let status = if is_good(&health) { StatusCode::OK } else { StatusCode::INTERNAL_SERVER_ERROR };
    with_type(status, JSON, health.to_string())
}

/// Begins a WebSocket session, in a task of its own.
fn upgrade(exchange: &Arc<Exchange>, mut request: Request<Incoming>) -> HttpResponse {
    let response = match soketto::handshake::http::Server::new().receive_request(&request) {
        Ok(response) => response.map(|()| Full::default()),
        Err(why) => return text(StatusCode::BAD_REQUEST, format!("Could not upgrade connection: {why}\n")),
    };
    let (server, place) = (exchange.server.clone(), exchange.place.clone());
    tokio::spawn(async move {
        let Ok(upgraded) = hyper::upgrade::on(&mut request).await else { return };
        drop(request);
        // Only this module makes the connections that can be upgraded.
        let Ok(parts) = upgraded.downcast::<TokioIo<Io>>() else { return };
        let early = parts.read_buf;
        session::run(server, place, parts.io.into_inner().into_socket(), &early).await;
    });
    response
}

/// What a client gets when all connections are in use.
pub(super) fn full(max: usize) -> String {
    let why = format!("All {max} connections of this node are in use. Try again later.\n");
    format!(
        "HTTP/1.1 429 Too Many Requests\r\nContent-Type: {TEXT}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{why}",
        why.len()
    )
}

impl End {
    /// What the session's close frame says.
    pub(super) fn close_frame(self, config: &RpcConfig) -> (u16, String) {
        match self {
            Self::Gone | Self::Closed => (1000, String::new()),
            Self::Stopping => (1001, "the node is stopping".into()),
            Self::Protocol(why) => (1002, why.to_string()),
            Self::Late => {
                (1008, format!("the message was not complete after {} ms of waiting", config.request_ms))
            }
            Self::SlowReader => (
                1008,
                format!(
                    "the client read nothing for {} ms; connect again and read faster",
                    config.slow_reader_ms
                ),
            ),
            Self::Silent => (1008, format!("no sign of life for {} ms", config.ping_ms.saturating_mul(2))),
            Self::Overflow => (1013, "too many answers wait for this client to read them".into()),
            Self::Evicted => (1013, "all connections are in use and this one was idle".into()),
        }
    }
}
