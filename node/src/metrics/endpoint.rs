//! The HTTP side: `GET /metrics` and nothing else.
//!
//! Rules:
//! * R1 At most [`CONNECTIONS_MAX`] connections at once; further ones are closed at once.
//! * R2 A request has at most [`REQUEST_BYTES_MAX`] bytes and a connection at most [`TIME_MAX_S`] seconds, from accept to
//!   the last byte. One answer ends it.
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

/// Connections at once (R1).
const CONNECTIONS_MAX: usize = 16;
/// Bytes of a request (R2).
const REQUEST_BYTES_MAX: usize = 8 * 1024;
/// Length of a connection, seconds (R2).
const TIME_MAX_S: u64 = 5;
/// Pause after an accept that failed, milliseconds: the system is out of sockets, or the client left already.
const PAUSE_MS: u64 = 50;

/// Binds the port; none, with a warning, when it cannot be had (R4 of the parent).
pub(crate) fn bind(address: SocketAddr) -> Option<TcpListener> {
    let bound = TcpListener::bind(address).and_then(|socket| socket.set_nonblocking(true).map(|()| socket));
    match bound {
        Ok(socket) => Some(socket),
        Err(why) => {
            tracing::warn!(
                target: "prometheus",
                "no metrics: cannot listen on {address}: {why}; choose another port with --prometheus-port, or --no-prometheus"
            );
            None
        }
    }
}

/// Serves pages until it is dropped. Must run inside a tokio runtime with network and time.
pub(crate) async fn serve(
    socket: TcpListener,
    page: Arc<dyn Fn() -> String + Send + Sync>,
) -> std::io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(socket)?;
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(PAUSE_MS)).await;
            continue;
        };
        let Ok(place) = places.clone().try_acquire_owned() else { continue };
        let page = page.clone();
        tokio::spawn(async move {
            // A client that is slow or leaves loses its answer.
            let _ = tokio::time::timeout(Duration::from_secs(TIME_MAX_S), answer(stream, &*page)).await;
            drop(place);
        });
    }
}

async fn answer(mut stream: TcpStream, page: &(dyn Fn() -> String + Send + Sync)) -> std::io::Result<()> {
    let mut request = Vec::new();
    let head = loop {
        if let Some(end) = find_end(&request) {
            break Some(String::from_utf8_lossy(&request[..end]).into_owned());
        }
        if request.len() >= REQUEST_BYTES_MAX || stream.read_buf(&mut request).await? == 0 {
            break None;
        }
    };
    let line = head.as_deref().and_then(|head| head.lines().next()).unwrap_or_default();
    let mut words = line.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let path = target.split('?').next().unwrap_or_default();
    let (status, body) = match (method, path) {
        _ if head.is_none() => ("400 Bad Request", "expected GET /metrics in at most 8 KiB\n".to_owned()),
        ("GET" | "HEAD", "/metrics") => ("200 OK", page()),
        ("GET" | "HEAD", _) => ("404 Not Found", "metrics are at /metrics\n".to_owned()),
        _ => ("405 Method Not Allowed", "expected GET\n".to_owned()),
    };
    let mut answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    if method != "HEAD" {
        answer.push_str(&body);
    }
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await
}

/// Where the empty line after the head is.
fn find_end(request: &[u8]) -> Option<usize> {
    request.windows(4).position(|window| window == b"\r\n\r\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::{Ipv4Addr, TcpStream};

    fn start() -> (tokio::runtime::Runtime, SocketAddr) {
        let socket = bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let address = socket.local_addr().unwrap();
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.spawn(serve(socket, Arc::new(|| "page 1\n".to_owned())));
        (runtime, address)
    }

    fn ask(address: SocketAddr, request: &str) -> String {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        // A server that closes with bytes unread resets the connection: what came before counts.
        let _ = stream.read_to_string(&mut answer);
        answer
    }

    #[test]
    fn answers_and_refuses() {
        let (_runtime, address) = start();
        let page = ask(address, "GET /metrics?x=1 HTTP/1.1\r\nHost: a\r\n\r\n");
        assert!(page.starts_with("HTTP/1.1 200 OK\r\n") && page.ends_with("\r\n\r\npage 1\n"), "{page}");
        assert!(page.contains("version=0.0.4") && page.contains("Content-Length: 7\r\n"), "{page}");
        let head = ask(address, "HEAD /metrics HTTP/1.1\r\n\r\n");
        assert!(head.contains("Content-Length: 7\r\n") && head.ends_with("\r\n\r\n"), "{head}");
        assert!(ask(address, "GET / HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 404"));
        assert!(ask(address, "POST /metrics HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 405"));
        assert!(ask(address, &"x".repeat(REQUEST_BYTES_MAX)).starts_with("HTTP/1.1 400"));
        assert!(ask(address, "\r\n\r\n").starts_with("HTTP/1.1 405"), "not even a method");
    }

    #[test]
    fn r1_silent_clients_take_no_more_than_their_places() {
        let (_runtime, address) = start();
        let silent: Vec<_> = (0..CONNECTIONS_MAX).map(|_| TcpStream::connect(address).unwrap()).collect();
        // All places are taken, in the order of the accepts: the next one is closed without a word.
        assert_eq!(ask(address, "GET /metrics HTTP/1.1\r\n\r\n"), "");
        drop(silent);
        let end = std::time::Duration::from_secs(TIME_MAX_S * 2);
        let waited = crate::clock::Stopwatch::start();
        while !ask(address, "GET /metrics HTTP/1.1\r\n\r\n").contains("page 1") {
            assert!(u128::from(waited.ms()) < end.as_millis(), "places come free again");
        }
    }

    #[test]
    fn r4_of_metrics_a_taken_port_is_no_disaster() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        assert!(bind(taken.local_addr().unwrap()).is_none());
    }
}
