//! Starts everything, lets things go wrong, waits for agreement, gathers what was seen.
use super::load::{self, CLIENTS, Sent};
use super::nodes::Nodes;
use super::report::{Partition, Report};
use super::wallet::Wallet;
use super::watch::{self, Heard};
use super::{AGREE_S, Faults, NODES, Plan, Result};
use crate::soak::socket;
use serde_json::{Value, json};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch as channel;
use tokio::time::{Instant, sleep, timeout};

/// How long the nodes may take to finalise the first block.
const BEGIN: Duration = Duration::from_secs(60);
/// Pause between a kill and the start that follows.
const DOWN: Duration = Duration::from_secs(3);
/// Quiet time before a partition that is no shorter itself, seconds.
const CALM_S: u64 = 15;
/// How long after a cut votes under way may still make a block final.
const SETTLE: Duration = Duration::from_secs(3);
/// How long a call may take.
const CALL: Duration = Duration::from_secs(10);

/// Runs everything.
pub async fn run(plan: &Plan) -> Result<Report> {
    let mut nodes = Nodes::start(plan).await?;
    let ports = nodes.rpc_ports();
    wait_final(&ports, 2, BEGIN).await.ok_or_else(|| format!("nothing is final:\n{}", nodes.log_tail(0)))?;
    let heard = Arc::<Mutex<Heard>>::default();
    let (stop_all, stop) = channel::channel(false);
    let (stop_load, load_stop) = channel::channel(false);
    let listeners: Vec<_> = ports
        .iter()
        .enumerate()
        .map(|(place, port)| tokio::spawn(watch::listen(place, *port, heard.clone(), stop.clone())))
        .collect();
    let sent = Arc::<Sent>::default();
    let per_client = plan.transfers_per_s.div_ceil(4);
    let begun = nonces(ports[0]).await?;
    let clients: Vec<_> = (0..NODES)
        .map(|place| tokio::spawn(load::client(place, ports, per_client, sent.clone(), load_stop.clone())))
        .collect();
    let (mut kills, mut partitions) = (0, Vec::new());
    match plan.faults {
        Faults::None => sleep(Duration::from_secs(plan.seconds)).await,
        Faults::Kill(pause) => kills = kill_some(&mut nodes, plan, pause).await?,
        Faults::Partition(seconds) => {
            partitions.push(partition(&nodes, "2+2", [0, 0, 1, 1], seconds).await?);
            partitions.push(partition(&nodes, "3+1", [0, 0, 0, 1], seconds).await?);
            sleep(Duration::from_secs(plan.seconds)).await;
        }
    }
    nodes.check_alive()?;
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let _ = stop_load.send(true);
    for client in clients {
        client.await.map_err(|why| why.to_string())??;
    }
    let agreed_ms = agree(&ports).await;
    let left = leftovers(&ports).await?;
    let included = nonces(ports[0]).await?.iter().zip(begun).map(|(now, then)| u64::from(now - then)).sum();
    let _ = stop_all.send(true);
    for listener in listeners {
        listener.await.map_err(|why| why.to_string())?;
    }
    let mut heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
    let slots = heard.slots();
    let mut latencies_ms = std::mem::take(&mut heard.latencies_ms);
    latencies_ms.sort_unstable();
    Ok(Report {
        plan: plan.clone(),
        blocks: slots.len(),
        slots: slots.last().zip(slots.first()).map_or(0, |(last, first)| last - first + 1),
        latencies_ms,
        transfers: (sent.accepted.load(Relaxed), sent.refused.load(Relaxed), sent.unanswered.load(Relaxed)),
        included,
        kills,
        partitions,
        agreed_ms,
        left,
        conflicts: std::mem::take(&mut heard.conflicts),
        load: load.split(' ').take(3).collect::<Vec<_>>().join(" "),
    })
}

/// Kills one node after another for as long as the plan says; how often.
async fn kill_some(nodes: &mut Nodes, plan: &Plan, pause_s: u64) -> Result<u64> {
    let end = Instant::now() + Duration::from_secs(plan.seconds);
    let (mut kills, mut seed) = (0, plan.seed.max(1));
    loop {
        sleep(Duration::from_secs(pause_s)).await;
        if Instant::now() >= end {
            return Ok(kills);
        }
        nodes.check_alive()?;
        // xorshift: any order will do, the same each time.
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        let place = usize::try_from(seed % NODES as u64).unwrap_or(0);
        nodes.kill(place);
        kills += 1;
        sleep(DOWN).await;
        nodes.restart(place).await?;
    }
}

/// Cuts links for a time, heals them, and waits until all agree on what was best then.
async fn partition(nodes: &Nodes, name: &'static str, side: [u8; NODES], seconds: u64) -> Result<Partition> {
    let ports = nodes.rpc_ports();
    let (first, last) = (ports[0], ports[NODES - 1]);
    sleep(Duration::from_secs(seconds.min(CALM_S))).await;
    nodes.split(side);
    sleep(SETTLE).await;
    let before = (finalised(first).await?, finalised(last).await?, best(first).await?);
    sleep(Duration::from_secs(seconds)).await;
    let after = (finalised(first).await?, finalised(last).await?, best(first).await?);
    let target = after.2.max(best(last).await?);
    nodes.split([0; NODES]);
    let healed = Instant::now();
    let is_done = wait_final(&ports, target, Duration::from_secs(AGREE_S)).await;
    Ok(Partition {
        name,
        finalised_first: after.0.saturating_sub(before.0),
        finalised_last: after.1.saturating_sub(before.1),
        grown: after.2.saturating_sub(before.2),
        healed_ms: is_done.map(|()| millis(healed)),
    })
}

/// C2 and C4: waits until pools are empty and all have the same final block, that of the end of the load or later.
async fn agree(ports: &[u16; NODES]) -> Option<u64> {
    let begun = Instant::now();
    let end = begun + Duration::from_secs(AGREE_S);
    let mut target = 0;
    for port in ports {
        target = best(*port).await.ok()?.max(target);
    }
    wait_final(ports, target, Duration::from_secs(AGREE_S)).await?;
    while Instant::now() < end {
        let is_empty = leftovers(ports).await.is_ok_and(|left| left == (0, 0));
        if is_empty && same_final_block(ports).await.unwrap_or(false) {
            return Some(millis(begun));
        }
        sleep(Duration::from_millis(250)).await;
    }
    None
}

async fn same_final_block(ports: &[u16; NODES]) -> Result<bool> {
    let mut height = u32::MAX;
    for port in ports {
        height = height.min(finalised(*port).await?);
    }
    let mut hashes = Vec::new();
    for port in ports {
        hashes.push(call(*port, "chain_getBlockHash", json!([height])).await?);
    }
    Ok(hashes[0].is_string() && hashes.windows(2).all(|pair| pair[0] == pair[1]))
}

/// Transactions in pools, and clients whose nonces differ.
async fn leftovers(ports: &[u16; NODES]) -> Result<(u64, usize)> {
    let (mut waiting, mut all) = (0, Vec::new());
    for port in ports {
        let pending = call(*port, "author_pendingExtrinsics", json!([])).await?;
        waiting += pending.as_array().map_or(0, Vec::len) as u64;
        all.push(nonces(*port).await?);
    }
    let differs = |client: usize| all.iter().any(|nonces| nonces[client] != all[0][client]);
    Ok((waiting, (0..CLIENTS.len()).filter(|client| differs(*client)).count()))
}

async fn nonces(port: u16) -> Result<[u32; NODES]> {
    let mut nonces = [0; NODES];
    for (nonce, name) in nonces.iter_mut().zip(CLIENTS) {
        *nonce = load::next_nonce(port, &Wallet::named(name)?.account()).await?;
    }
    Ok(nonces)
}

/// Waits until every node has finalised a height.
async fn wait_final(ports: &[u16; NODES], height: u32, limit: Duration) -> Option<()> {
    let end = Instant::now() + limit;
    for port in ports {
        while finalised(*port).await.unwrap_or(0) < height {
            if Instant::now() > end {
                return None;
            }
            sleep(Duration::from_millis(100)).await;
        }
    }
    Some(())
}

async fn finalised(port: u16) -> Result<u32> {
    let hash = call(port, "chain_getFinalizedHead", json!([])).await?;
    number(&call(port, "chain_getHeader", json!([hash])).await?)
}

async fn best(port: u16) -> Result<u32> {
    number(&call(port, "chain_getHeader", json!([])).await?)
}

fn number(header: &Value) -> Result<u32> {
    let digits = header["number"].as_str().unwrap_or_default().trim_start_matches("0x");
    u32::from_str_radix(digits, 16).map_err(|_| format!("{header} has no number"))
}

async fn call(port: u16, method: &str, params: Value) -> Result<Value> {
    let answer = timeout(CALL, socket::call(port, method, params)).await;
    answer.map_err(|_| format!("{method} on port {port}: no answer within {CALL:?}"))?
}

fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}
