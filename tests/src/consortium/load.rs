//! Clients: each sends transfers to its node, or to another while that is down.
use super::wallet::{Domain, Wallet};
use super::{NODES, Result};
use crate::soak::socket;
use quire_core::{AccountId, ss58};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, timeout};

/// Names of the clients.
pub const CLIENTS: [&str; NODES] = ["Alice", "Bob", "Charlie", "Dave"];
/// Pause between two batches of a client.
const PERIOD: Duration = Duration::from_millis(500);
/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(10);
/// A transfer, plancks.
const AMOUNT: u128 = 1_000_000;

/// What was sent.
#[derive(Debug, Default)]
pub struct Sent {
    /// Transfers that a node took.
    pub accepted: AtomicU64,
    /// Transfers that a node refused.
    pub refused: AtomicU64,
    /// Batches that found no node, or got no answer.
    pub unanswered: AtomicU64,
}

/// The next nonce of a client, as a node says: after what waits in its pool.
pub async fn next_nonce(port: u16, account: &[u8; 32]) -> Result<u32> {
    let address = ss58::encode(&AccountId(*account), ss58::DEVELOPMENT_PREFIX);
    let nonce = socket::call(port, "system_accountNextIndex", json!([address])).await?;
    nonce.as_u64().and_then(|nonce| u32::try_from(nonce).ok()).ok_or_else(|| format!("{nonce} is no nonce"))
}

/// Sends until told to stop.
pub async fn client(
    place: usize,
    ports: [u16; NODES],
    per_s: u32,
    sent: Arc<Sent>,
    mut stop: watch::Receiver<bool>,
) -> Result<()> {
    let wallet = Wallet::named(CLIENTS[place])?;
    let to = Wallet::named(CLIENTS[(place + 1) % NODES])?.account();
    let domain = Domain::of(ports[place]).await?;
    let mut clock = interval(PERIOD);
    clock.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let count = per_s.div_ceil(2);
    loop {
        tokio::select! {
            _ = clock.tick() => {}
            _ = stop.wait_for(|stop| *stop) => return Ok(()),
        }
        let mut is_answered = false;
        for turn in 0..NODES {
            let port = ports[(place + turn) % NODES];
            let Ok(Ok(nonce)) = timeout(ANSWER, next_nonce(port, &wallet.account())).await else { continue };
            let transfers = (0..count).map(|ahead| wallet.transfer(&domain, nonce + ahead, &to, AMOUNT));
            if let Ok(Ok((accepted, refused))) = timeout(ANSWER, submit(port, transfers)).await {
                sent.accepted.fetch_add(accepted, Relaxed);
                sent.refused.fetch_add(refused, Relaxed);
                is_answered = true;
                break;
            }
        }
        if !is_answered {
            sent.unanswered.fetch_add(1, Relaxed);
        }
    }
}

/// One batch over HTTP; how many were taken, and how many refused.
async fn submit(port: u16, transfers: impl Iterator<Item = Vec<u8>>) -> Result<(u64, u64)> {
    let call = |(id, bytes): (usize, Vec<u8>)| {
        let bytes = format!("0x{}", hex::encode(bytes));
        json!({ "jsonrpc": "2.0", "id": id, "method": "author_submitExtrinsic", "params": [bytes] })
    };
    let body = Value::Array(transfers.enumerate().map(call).collect()).to_string();
    let fail = |why: std::io::Error| format!("a batch on port {port}: {why}");
    let mut stream = TcpStream::connect(socket::address(port)).await.map_err(fail)?;
    let request = format!(
        "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nConnection: close\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.map_err(fail)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.map_err(fail)?;
    let text = String::from_utf8_lossy(&answer);
    let json = text.find('[').zip(text.rfind(']')).and_then(|(a, b)| text.get(a..=b)).unwrap_or_default();
    let answers: Vec<Value> =
        serde_json::from_str(json).map_err(|_| format!("a batch on port {port}: {text}"))?;
    let accepted = answers.iter().filter(|answer| answer.get("result").is_some()).count();
    Ok((accepted as u64, (answers.len() - accepted) as u64))
}
