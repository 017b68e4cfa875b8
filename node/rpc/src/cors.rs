//! Which web pages may use the node: CORS answers for HTTP, and the same rule for WebSocket upgrades.
//!
//! Browsers do not apply CORS to WebSockets, so without a check here any page could drive a node on the visitor's
//! machine; a request with an `Origin` that is not allowed gets 403. Programs send no `Origin` and are not concerned.
use crate::config::Cors;
use futures::future::{Either, Ready, ready};
use jsonrpsee::server::{HttpBody, HttpRequest, HttpResponse};
use std::sync::Arc;
use std::task::{Context, Poll};
use tower::{Layer, Service};

/// Adds the check to the HTTP side of the server.
#[derive(Clone)]
pub(crate) struct CorsLayer(pub(crate) Arc<Cors>);

impl<S> Layer<S> for CorsLayer {
    type Service = CorsService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        CorsService { inner, cors: self.0.clone() }
    }
}

/// The server behind the check.
#[derive(Clone)]
pub(crate) struct CorsService<S> {
    inner: S,
    cors: Arc<Cors>,
}

impl<S, B> Service<HttpRequest<B>> for CorsService<S>
where
    S: Service<HttpRequest<B>, Response = HttpResponse>,
{
    type Response = HttpResponse;
    type Error = S::Error;
    type Future = Either<Ready<Result<HttpResponse, S::Error>>, WithOrigin<S::Future>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: HttpRequest<B>) -> Self::Future {
        let origin = request.headers().get("origin").and_then(|value| value.to_str().ok()).map(str::to_owned);
        let Some(origin) = origin else {
            return Either::Right(WithOrigin { inner: Box::pin(self.inner.call(request)), origin: None });
        };
        if !self.cors.allows(&origin) {
            return Either::Left(ready(Ok(refused(&origin))));
        }
        if request.method().as_str() == "OPTIONS" {
            return Either::Left(ready(Ok(preflight(&origin))));
        }
        Either::Right(WithOrigin { inner: Box::pin(self.inner.call(request)), origin: Some(origin) })
    }
}

/// The server's answer, with the origin allowed on it.
pub(crate) struct WithOrigin<F> {
    inner: std::pin::Pin<Box<F>>,
    origin: Option<String>,
}

impl<F, E> Future for WithOrigin<F>
where
    F: Future<Output = Result<HttpResponse, E>>,
{
    type Output = Result<HttpResponse, E>;

    fn poll(mut self: std::pin::Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = std::task::ready!(self.inner.as_mut().poll(cx));
        Poll::Ready(answer.map(|mut response| {
            if let Some(origin) = &self.origin {
                allow(&mut response, origin);
            }
            response
        }))
    }
}

fn allow(response: &mut HttpResponse, origin: &str) {
    let headers = response.headers_mut();
    if let Ok(origin) = origin.parse() {
        headers.insert("access-control-allow-origin", origin);
    }
    if let Ok(vary) = "origin".parse() {
        headers.insert("vary", vary);
    }
}

fn preflight(origin: &str) -> HttpResponse {
    let mut response = HttpResponse::new(HttpBody::from(String::new()));
    allow(&mut response, origin);
    for (name, value) in [
        ("access-control-allow-methods", "POST, GET, OPTIONS"),
        ("access-control-allow-headers", "content-type"),
        ("access-control-max-age", "3600"),
    ] {
        if let Ok(value) = value.parse() {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

fn refused(origin: &str) -> HttpResponse {
    let text = format!("Origin {origin} may not use this node. Allow it with --rpc-cors.\n");
    let mut response = HttpResponse::new(HttpBody::from(text));
    if let Ok(status) = 403.try_into() {
        *response.status_mut() = status;
    }
    response
}
