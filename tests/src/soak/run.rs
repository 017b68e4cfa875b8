//! Runs the phases in order and gathers what was seen.
use super::load::{self, Answers, Attack, Seen, Stop};
use super::node::Node;
use super::report::Report;
use super::{Plan, Result, socket};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout};

/// How long all subscribers may take to connect and subscribe.
const CONNECT: Duration = Duration::from_secs(60);
/// When slow subscribers read again: the node waits 10 s for them, and needs a moment to fill their buffers.
const CLOSED_BY: Duration = Duration::from_secs(22);
/// Subscribers that connect at once, so that connecting is no flood.
const CONNECT_AT_ONCE: usize = 50;
/// Files that this program and its children need beside the connections.
const FILES_RESERVE: u64 = 256;

/// Memory of the node in one phase.
#[derive(Debug, Default, Clone)]
pub struct Memory {
    /// Resident memory at the end of each second, KiB.
    pub samples_kib: Vec<u64>,
}

impl Memory {
    /// The largest sample.
    pub fn max_kib(&self) -> u64 {
        self.samples_kib.iter().copied().max().unwrap_or(0)
    }
}

/// Runs everything.
pub async fn run(plan: &Plan) -> Result<Report> {
    allow_files(plan)?;
    let mut node = Node::start(plan).await?;
    let (idle_kib, _) = node.memory_kib()?;
    let (stop_all, stopped) = watch::channel(false);
    let (stop_slow, slow_stopped) = watch::channel(false);
    let plan_seconds = plan.seconds;

    let begun = Instant::now();
    let subscribers = connect(plan, &stopped).await?;
    let connected_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    // Genesis has no slot.
    let first_block = best(plan.port).await?.max(1);
    let slow: Vec<_> = (0..plan.slow)
        .map(|_| tokio::spawn(load::slow_subscriber(plan.port, slow_stopped.clone())))
        .collect();
    let calm = phase(plan, &mut node).await?;
    // Long enough for the node to notice, not so long that the kernel gives up what waits for them.
    tokio::spawn(async move {
        sleep_until(begun + CLOSED_BY.max(Duration::from_secs(plan_seconds))).await;
        let _ = stop_slow.send(true);
    });

    let attack = Arc::new(Attack::default());
    let hostile = attackers(plan, &attack, &stopped);
    let caller = caller(plan.port, stopped.clone())?;
    let attacked = phase(plan, &mut node).await?;
    let open_files = node.open_files();
    let last_block = best(plan.port).await?;
    let _ = stop_all.send(true);
    let seen: Vec<Seen> = join(subscribers).await?;
    join(hostile).await?;
    let slow = join(slow).await?;
    let answers = join(vec![caller]).await?.pop().unwrap_or_default();
    let slots = slots(plan.port, first_block, last_block).await?;
    let (_, peak_kib) = node.memory_kib()?;
    Ok(Report {
        plan: plan.clone(),
        connected_ms,
        idle_kib,
        calm,
        attacked,
        peak_kib,
        open_files,
        seen,
        slow,
        attack,
        answers,
        slots,
    })
}

/// This program needs a file for each connection of its clients.
fn allow_files(plan: &Plan) -> Result<()> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let needed = (plan.subscribers + plan.slow + plan.half_open + plan.floods) as u64 + FILES_RESERVE;
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|now| now >= needed) {
        return Ok(());
    }
    setrlimit(Resource::Nofile, Rlimit { current: Some(needed), maximum: limit.maximum }).map_err(|why| {
        format!("{needed} open files are needed: raise the limit (ulimit -Hn), or take fewer clients: {why}")
    })
}

/// Somebody who wants answers, on a thread of its own: its times are not those of this program's many clients.
fn caller(port: u16, stop: Stop) -> Result<JoinHandle<Answers>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|why| format!("no runtime for the caller: {why}"))?;
    Ok(tokio::task::spawn_blocking(move || runtime.block_on(load::caller(port, stop))))
}

/// All subscribers, connected and subscribed.
async fn connect(plan: &Plan, stop: &Stop) -> Result<Vec<JoinHandle<Seen>>> {
    let mut tasks = Vec::with_capacity(plan.subscribers);
    while tasks.len() < plan.subscribers {
        let (ready, mut all_ready) = mpsc::channel(1);
        for _ in 0..CONNECT_AT_ONCE.min(plan.subscribers - tasks.len()) {
            tasks.push(tokio::spawn(load::subscriber(plan.port, ready.clone(), stop.clone())));
        }
        drop(ready);
        timeout(CONNECT, all_ready.recv())
            .await
            .map_err(|_| format!("{} subscribers did not connect in time", tasks.len()))?;
    }
    Ok(tasks)
}

fn attackers(plan: &Plan, counts: &Arc<Attack>, stop: &Stop) -> Vec<JoinHandle<()>> {
    let half_open = (0..plan.half_open)
        .map(|at| tokio::spawn(load::half_open(plan.port, at, counts.clone(), stop.clone())));
    let floods = (0..plan.floods).map(|_| tokio::spawn(load::flood(plan.port, counts.clone(), stop.clone())));
    half_open.chain(floods).collect()
}

async fn join<T>(tasks: Vec<JoinHandle<T>>) -> Result<Vec<T>> {
    let mut ended = Vec::with_capacity(tasks.len());
    for task in tasks {
        ended.push(task.await.map_err(|why| format!("a client failed: {why}"))?);
    }
    Ok(ended)
}

/// Lets the load run, and looks at the node's memory every second.
async fn phase(plan: &Plan, node: &mut Node) -> Result<Memory> {
    let mut memory = Memory::default();
    let mut seconds = interval(Duration::from_secs(1));
    seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    seconds.tick().await;
    for _ in 0..plan.seconds {
        seconds.tick().await;
        if !node.is_running() {
            return Err(format!("the node ended:\n{}", node.log_tail()));
        }
        memory.samples_kib.push(node.memory_kib()?.0);
    }
    Ok(memory)
}

async fn best(port: u16) -> Result<u64> {
    let header = socket::call(port, "chain_getHeader", json!([])).await?;
    load::number(&header["number"]).ok_or_else(|| format!("no number in {header}"))
}

/// The slots of the blocks of both phases, in order.
async fn slots(port: u16, first: u64, last: u64) -> Result<Vec<u64>> {
    let mut slots = Vec::new();
    for number in first..=last {
        let hash = socket::call(port, "chain_getBlockHash", json!([number])).await?;
        let header = socket::call(port, "chain_getHeader", json!([hash])).await?;
        let logs = header["digest"]["logs"].as_array().cloned().unwrap_or_default();
        let slot = logs.iter().find_map(|log| aura_slot(log.as_str()?));
        slots.push(slot.ok_or_else(|| format!("block {number} names no slot: {header}"))?);
    }
    Ok(slots)
}

/// The slot in a pre-runtime digest of Aura: `06 "aura" 20`, then eight bytes, lowest first.
fn aura_slot(log: &str) -> Option<u64> {
    let bytes = hex::decode(log.strip_prefix("0x066175726120")?).ok()?;
    Some(u64::from_le_bytes(bytes.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slot_is_read_from_the_digest() {
        assert_eq!(aura_slot("0x0661757261200700000000000000"), Some(7));
        assert_eq!(aura_slot("0x0561757261200700000000000000"), None);
        assert_eq!(aura_slot("0x06617572612007"), None);
    }
}
