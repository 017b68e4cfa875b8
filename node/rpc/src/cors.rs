//! Which web pages may use the node: CORS answers for HTTP, and the same rule for WebSocket upgrades.
//!
//! Browsers do not apply CORS to WebSockets, so without a check here any page could drive a node on the visitor's
//! machine; a request with an `Origin` that is not allowed gets 403. Programs send no `Origin` and are not concerned.
use crate::config::Cors;
use crate::transport::{HttpResponse, text};
use hyper::{Method, StatusCode};

/// What to do with a request.
pub(crate) enum Verdict {
    /// Serve it.
    Serve,
    /// It is answered with this.
    Answer(HttpResponse),
}

/// Judges a request by the page that sends it.
pub(crate) fn judge(cors: &Cors, origin: Option<&str>, method: &Method) -> Verdict {
    let Some(origin) = origin else { return Verdict::Serve };
    if !cors.allows(origin) {
        let why = format!("Origin {origin} may not use this node. Allow it with --rpc-cors.\n");
        return Verdict::Answer(text(StatusCode::FORBIDDEN, why));
    }
    match *method {
        Method::OPTIONS => Verdict::Answer(preflight()),
        _ => Verdict::Serve,
    }
}

/// Writes on an answer that the page may read it.
pub(crate) fn mark(cors: &Cors, origin: &str, response: &mut HttpResponse) {
    if !cors.allows(origin) {
        return;
    }
    for (name, value) in [("access-control-allow-origin", origin), ("vary", "origin")] {
        if let Ok(value) = value.parse() {
            response.headers_mut().insert(name, value);
        }
    }
}

fn preflight() -> HttpResponse {
    let mut response = text(StatusCode::OK, "");
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
