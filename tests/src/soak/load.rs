//! The clients, one kind each.
use super::Result;
use super::socket::{self, Incoming, Socket};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

/// `Timestamp.Now`: changes in every block.
const NOW: &str = "0xf0c365c3cf59d671eb72da0e7a4113c49f1f0515f462cdcf84e0f1d6045dfcbb";
/// `:code`: too long for the buffers between the node and a client that does not read.
const CODE: &str = "0x3a636f6465";
/// Receive buffer of clients that do not read, bytes.
const SMALL: u32 = 32 * 1024;
/// Pause before a connection that was closed is opened again.
const AGAIN: Duration = Duration::from_secs(5);
/// How long an answer may take before it counts as none: a connection that the kernel had no room for is tried again
/// after 1, 3, 7 and 15 s.
const ANSWER: Duration = Duration::from_secs(20);

/// True once the load must end.
pub type Stop = watch::Receiver<bool>;

fn subscribe(id: u32, method: &str, params: Value) -> String {
    json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }).to_string()
}

/// What one subscriber saw.
#[derive(Debug, Default, Clone)]
pub struct Seen {
    /// Numbers of the first and the last head.
    pub heads: Option<(u64, u64)>,
    /// Heads that did not follow the one before.
    pub gaps: u64,
    /// Finalised heads.
    pub finalised: u64,
    /// Storage changes.
    pub storage: u64,
    /// Why it ended early.
    pub lost: Option<String>,
}

/// Follows heads, finalised heads and a storage item, and reads all of it.
pub async fn subscriber(port: u16, ready: tokio::sync::mpsc::Sender<()>, mut stop: Stop) -> Seen {
    let mut seen = Seen::default();
    let opened = async {
        let mut socket = Socket::open(port, None).await?;
        socket.send(&subscribe(1, "chain_subscribeNewHeads", json!([]))).await?;
        socket.send(&subscribe(2, "chain_subscribeFinalizedHeads", json!([]))).await?;
        socket.send(&subscribe(3, "state_subscribeStorage", json!([[NOW]]))).await?;
        Ok::<_, String>(socket)
    };
    let mut socket = match opened.await {
        Ok(socket) => socket,
        Err(why) => return Seen { lost: Some(why), ..seen },
    };
    drop(ready);
    loop {
        let incoming = tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return seen,
            incoming = socket.next() => incoming,
        };
        match incoming {
            Incoming::Text(text) => take(&mut seen, &text),
            Incoming::Closed { code, reason } => seen.lost = Some(format!("closed with {code}: {reason}")),
            Incoming::Lost => seen.lost = Some("the connection broke".into()),
        }
        if seen.lost.is_some() {
            return seen;
        }
    }
}

fn take(seen: &mut Seen, text: &[u8]) {
    let Ok(json) = serde_json::from_slice::<Value>(text) else {
        seen.lost = Some("the node sent something that is no JSON".into());
        return;
    };
    if let Some(error) = json.pointer("/params/error").or_else(|| json.get("error")) {
        seen.lost = Some(format!("a subscription ended: {error}"));
        return;
    }
    match json["method"].as_str() {
        Some("chain_newHead") => {
            let number = number(&json["params"]["result"]["number"]).unwrap_or(u64::MAX);
            seen.heads = Some(match seen.heads {
                None => (number, number),
                Some((first, last)) => {
                    // A head may come again on another fork; a lone author makes none.
                    seen.gaps += u64::from(number != last + 1);
                    (first, number)
                }
            });
        }
        Some("chain_finalizedHead") => seen.finalised += 1,
        Some("state_storage") => seen.storage += 1,
        _ => {}
    }
}

/// A number as headers write it.
pub fn number(value: &Value) -> Option<u64> {
    u64::from_str_radix(value.as_str()?.strip_prefix("0x")?, 16).ok()
}

/// Follows heads and the runtime's code, reads nothing until the load ends, then tells how it was closed.
pub async fn slow_subscriber(port: u16, mut stop: Stop) -> Result<(u16, String)> {
    let mut socket = Socket::open(port, Some(SMALL)).await?;
    socket.send(&subscribe(1, "state_subscribeStorage", json!([[CODE]]))).await?;
    socket.send(&subscribe(2, "chain_subscribeNewHeads", json!([]))).await?;
    let _ = stop.wait_for(|stop| *stop).await;
    let end = async {
        loop {
            match socket.next().await {
                Incoming::Text(_) => {}
                Incoming::Closed { code, reason } => return Ok((code, reason)),
                Incoming::Lost => return Err("the connection broke without a close frame".to_owned()),
            }
        }
    };
    timeout(ANSWER, end).await.unwrap_or_else(|_| Err("not closed".into()))
}

/// Counts of the hostile load.
#[derive(Debug, Default)]
pub struct Attack {
    /// TCP connections made that never finish a request.
    pub half_open: AtomicU64,
    /// Sessions opened to flood.
    pub floods: AtomicU64,
    /// Calls sent by them.
    pub flood_calls: AtomicU64,
    /// Times that the node closed one of them.
    pub closed: AtomicU64,
}

/// Holds a connection that never finishes its request, and makes another one when it is closed.
pub async fn half_open(port: u16, at: usize, counts: Arc<Attack>, mut stop: Stop) {
    let hold = async {
        loop {
            if let Ok(mut stream) = TcpStream::connect(socket::address(port)).await {
                counts.half_open.fetch_add(1, Relaxed);
                if at % 2 == 1 {
                    let _ = stream.write_all(b"POST / HTTP/1.1\r\nHost: localhost\r\n").await;
                }
                let mut bytes = [0; 512];
                while matches!(stream.read(&mut bytes).await, Ok(count) if count > 0) {}
                counts.closed.fetch_add(1, Relaxed);
            }
            sleep(AGAIN).await;
        }
    };
    tokio::select! {
        _ = stop.wait_for(|stop| *stop) => {}
        () = hold => {}
    }
}

/// Calls without end and reads nothing; comes again when it is closed.
pub async fn flood(port: u16, counts: Arc<Attack>, mut stop: Stop) {
    let call = subscribe(1, "state_getMetadata", json!([]));
    let frame = Socket::frame(1, call.as_bytes());
    let many = frame.repeat(16);
    let rush = async {
        loop {
            if let Ok(stream) = raw_session(port).await {
                counts.floods.fetch_add(1, Relaxed);
                let (_unread, mut writer) = stream.into_split();
                while writer.write_all(&many).await.is_ok() {
                    counts.flood_calls.fetch_add(16, Relaxed);
                }
                counts.closed.fetch_add(1, Relaxed);
            }
            sleep(AGAIN).await;
        }
    };
    tokio::select! {
        _ = stop.wait_for(|stop| *stop) => {}
        () = rush => {}
    }
}

/// A session that nobody reads from.
async fn raw_session(port: u16) -> Result<TcpStream> {
    Socket::open(port, Some(SMALL)).await.map(Socket::into_stream)
}

/// How somebody fared who only wanted answers.
#[derive(Debug, Default, Clone)]
pub struct Answers {
    /// Calls made.
    pub calls: u64,
    /// Calls that were not answered, with the last reason.
    pub failed: u64,
    /// Why the last of them was not.
    pub last_failure: Option<String>,
    /// Time to the answers, microseconds.
    pub times_us: Vec<u64>,
}

/// Calls every 100 ms on a new connection until the load ends.
pub async fn caller(port: u16, stop: Stop) -> Answers {
    let mut answers = Answers::default();
    while !*stop.borrow() {
        let begun = Instant::now();
        let answer = timeout(ANSWER, socket::call(port, "chain_getHeader", json!([]))).await;
        answers.calls += 1;
        match answer {
            Ok(Ok(_)) => {
                answers.times_us.push(u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX));
            }
            Ok(Err(why)) => {
                answers.failed += 1;
                answers.last_failure = Some(why);
            }
            Err(_) => {
                answers.failed += 1;
                answers.last_failure = Some(format!("no answer within {} s", ANSWER.as_secs()));
            }
        }
        sleep(Duration::from_millis(100)).await;
    }
    answers.times_us.sort_unstable();
    answers
}

impl Answers {
    /// Time below which this share of answers came, milliseconds.
    pub fn percentile_ms(&self, percent: usize) -> f64 {
        let at = self.times_us.len().saturating_sub(1) * percent / 100;
        self.times_us.get(at).map_or(f64::NAN, |us| *us as f64 / 1_000.0)
    }
}
