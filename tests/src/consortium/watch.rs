//! What each node tells about finality, and when.
use super::NODES;
use crate::soak::socket::{Incoming, Socket};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::watch;
use tokio::time::sleep;

/// Length of a slot of the preset, milliseconds.
const SLOT_MS: u64 = 1_000;

/// What was heard.
#[derive(Debug, Default)]
pub struct Heard {
    /// Parent and slot of each final block that was announced, by height.
    blocks: BTreeMap<u32, Block>,
    /// The highest block of each node.
    highest: [u32; NODES],
    /// From the begin of the slot until a node told that the block is final, milliseconds; the first node, and each.
    pub latencies_ms: Vec<u64>,
    /// C1: what contradicts.
    pub conflicts: Vec<String>,
}

#[derive(Debug, PartialEq, Eq)]
struct Block {
    parent: String,
    state_root: String,
    slot: u64,
}

impl Heard {
    /// A node told of a final block at this Unix time.
    fn take(&mut self, place: usize, header: &Value, now_ms: u64) {
        let Some((number, block)) = read(header) else {
            return self
                .conflicts
                .push(format!("node {place} tells of a block that cannot be read: {header}"));
        };
        // A new connection begins with the last final block, which may have been told before.
        if number < self.highest[place] {
            self.conflicts.push(format!("node {place} goes back from #{} to #{number}", self.highest[place]));
        }
        if number > self.highest[place] {
            self.latencies_ms.push(now_ms.saturating_sub(block.slot.saturating_mul(SLOT_MS)));
        }
        self.highest[place] = number.max(self.highest[place]);
        match self.blocks.get(&number) {
            Some(known) if *known != block => {
                self.conflicts
                    .push(format!("node {place} finalised #{number} as {block:?}, another as {known:?}"));
            }
            Some(_) => {}
            None => drop(self.blocks.insert(number, block)),
        }
    }

    /// Slots of the final blocks that were heard of, by height.
    pub fn slots(&self) -> Vec<u64> {
        self.blocks.values().map(|block| block.slot).collect()
    }
}

fn read(header: &Value) -> Option<(u32, Block)> {
    let number = u32::from_str_radix(header["number"].as_str()?.trim_start_matches("0x"), 16).ok()?;
    let text = |name: &str| Some(header[name].as_str()?.to_owned());
    let item = header["digest"]["logs"][0].as_str()?;
    let item = hex::decode(item.trim_start_matches("0x")).ok()?;
    let slot = u64::from_le_bytes(item.strip_prefix(b"\x06aura\x20")?.try_into().ok()?);
    Some((number, Block { parent: text("parentHash")?, state_root: text("stateRoot")?, slot }))
}

/// Milliseconds since 1970; the nodes share this clock.
#[allow(clippy::disallowed_methods, reason = "measuring is what this program is for")]
fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// Listens to a node, again after it was killed, until told to stop.
pub async fn listen(place: usize, port: u16, heard: Arc<Mutex<Heard>>, mut stop: watch::Receiver<bool>) {
    let subscribe = r#"{"jsonrpc":"2.0","id":1,"method":"chain_subscribeFinalizedHeads","params":[]}"#;
    while !*stop.borrow() {
        if let Ok(mut socket) = Socket::open(port, None).await
            && socket.send(subscribe).await.is_ok()
        {
            loop {
                let incoming = tokio::select! {
                    incoming = socket.next() => incoming,
                    _ = stop.wait_for(|stop| *stop) => return,
                };
                let Incoming::Text(text) = incoming else { break };
                let message: Value = serde_json::from_slice(&text).unwrap_or(Value::Null);
                let header = &message["params"]["result"];
                if header.is_object() {
                    heard.lock().unwrap_or_else(PoisonError::into_inner).take(place, header, now_ms());
                }
            }
        }
        sleep(Duration::from_millis(200)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn header(number: u32, parent: &str) -> Value {
        let slot = format!("0x066175726120{}", hex::encode(u64::from(number).to_le_bytes()));
        json!({
            "number": format!("{number:#x}"),
            "parentHash": parent,
            "stateRoot": "0x00",
            "digest": { "logs": [slot] },
        })
    }

    #[test]
    fn c1_two_blocks_at_one_height_and_a_step_back_are_found() {
        let mut heard = Heard::default();
        heard.take(0, &header(5, "0xaa"), 5_700);
        heard.take(1, &header(5, "0xaa"), 5_900);
        heard.take(0, &header(5, "0xaa"), 9_000);
        assert_eq!((heard.latencies_ms.as_slice(), heard.conflicts.len()), (&[700, 900][..], 0));
        heard.take(2, &header(5, "0xbb"), 6_000);
        assert!(heard.conflicts[0].contains("another"), "{:?}", heard.conflicts);
        heard.take(0, &header(4, "0xaa"), 6_000);
        assert!(heard.conflicts[1].contains("goes back"), "{:?}", heard.conflicts);
        heard.take(0, &json!({}), 6_000);
        assert_eq!(heard.conflicts.len(), 3);
        assert_eq!(heard.slots(), [4, 5]);
    }
}
