//! The four processes, and the links between them.
use super::proxy::Proxy;
use super::{NODES, Plan, Result};
use crate::soak::socket;
use serde_json::json;
use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long a node may take to come up on a loaded machine, its runtime's compilation included.
const START: Duration = Duration::from_secs(180);
/// Their keys.
const NAMES: [&str; NODES] = ["--alice", "--bob", "--charlie", "--dave"];

/// One authority.
struct Node {
    child: Option<Child>,
    rpc: u16,
    port: u16,
    id: String,
}

/// All of them; killed and cleaned up when dropped.
pub struct Nodes {
    quire: PathBuf,
    folder: PathBuf,
    nodes: Vec<Node>,
    /// The link by which `from` dials `to`.
    links: Vec<(usize, usize, Proxy)>,
}

impl Nodes {
    /// Starts links and nodes, and waits until all answer.
    pub async fn start(plan: &Plan) -> Result<Self> {
        let folder = std::env::temp_dir().join(format!("quire-consortium-{}", std::process::id()));
        std::fs::create_dir_all(&folder).map_err(|why| format!("{}: {why}", folder.display()))?;
        let mut ports = plan.port..;
        let mut port = || ports.next().ok_or_else(|| "no ports are left: give a lower --port".to_owned());
        let mut nodes = Vec::new();
        for place in 0..NODES {
            let id = peer_id(plan, place)?;
            nodes.push(Node { child: None, rpc: port()?, port: port()?, id });
        }
        let mut links = Vec::new();
        for from in 0..NODES {
            for to in (0..NODES).filter(|to| *to != from) {
                links.push((from, to, Proxy::start(port()?, nodes[to].port).await?));
            }
        }
        let mut all = Self { quire: plan.quire.clone(), folder, nodes, links };
        for place in 0..NODES {
            all.spawn(place)?;
        }
        for place in 0..NODES {
            all.wait_until_up(place).await?;
        }
        Ok(all)
    }

    /// Ports of JSON-RPC.
    pub fn rpc_ports(&self) -> [u16; NODES] {
        std::array::from_fn(|place| self.nodes[place].rpc)
    }

    /// Whether the process was started and not killed.
    pub fn is_up(&self, place: usize) -> bool {
        self.nodes[place].child.is_some()
    }

    /// `kill -9`.
    pub fn kill(&mut self, place: usize) {
        if let Some(mut child) = self.nodes[place].child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Starts a killed node again and waits until it answers.
    pub async fn restart(&mut self, place: usize) -> Result<()> {
        self.spawn(place)?;
        self.wait_until_up(place).await
    }

    /// Cuts all links between two sides, or heals all when everybody is on one.
    pub fn split(&self, side: [u8; NODES]) {
        for (from, to, link) in &self.links {
            link.set_open(side[*from] == side[*to]);
        }
    }

    /// Fails if a process ended by itself.
    pub fn check_alive(&mut self) -> Result<()> {
        for place in 0..NODES {
            let child = self.nodes[place].child.as_mut();
            if let Some(Ok(Some(status))) = child.map(Child::try_wait) {
                return Err(format!("node {place} ended by itself ({status}):\n{}", self.log_tail(place)));
            }
        }
        Ok(())
    }

    /// The end of a node's log.
    pub fn log_tail(&self, place: usize) -> String {
        let text = std::fs::read_to_string(self.log(place)).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }

    fn log(&self, place: usize) -> PathBuf {
        self.folder.join(format!("{place}.log"))
    }

    fn spawn(&mut self, place: usize) -> Result<()> {
        let fail = |why: std::io::Error| format!("cannot start {}: {why}", self.quire.display());
        let log = File::options().append(true).create(true).open(self.log(place)).map_err(fail)?;
        let out = log.try_clone().map_err(fail)?;
        let node = &self.nodes[place];
        let others = self.links.iter().filter(|(from, ..)| *from == place);
        let reserved = others
            .map(|(_, to, link)| format!("/ip4/127.0.0.1/tcp/{}/p2p/{}", link.port, self.nodes[*to].id));
        let child = Command::new(&self.quire)
            .args(["--chain", "local", "--validator", NAMES[place], "--no-prometheus", "--base-path"])
            .arg(self.folder.join(place.to_string()))
            .args(["--rpc-port", &node.rpc.to_string()])
            .args(["--listen-addr", &format!("/ip4/127.0.0.1/tcp/{}", node.port)])
            .args(["--node-key", &key(place), "--reserved-only", "--reserved-nodes"])
            .args(reserved)
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(log)
            .spawn()
            .map_err(fail)?;
        self.nodes[place].child = Some(child);
        Ok(())
    }

    async fn wait_until_up(&mut self, place: usize) -> Result<()> {
        let limit = Instant::now() + START;
        while socket::call(self.nodes[place].rpc, "system_health", json!([])).await.is_err() {
            self.check_alive()?;
            if Instant::now() > limit {
                return Err(format!("node {place} does not come up:\n{}", self.log_tail(place)));
            }
            sleep(Duration::from_millis(100)).await;
        }
        Ok(())
    }
}

impl Drop for Nodes {
    fn drop(&mut self) {
        (0..NODES).for_each(|place| self.kill(place));
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// The node key of a place, hex.
fn key(place: usize) -> String {
    format!("{:064x}", place + 1)
}

/// Its name in the network, as the binary says.
fn peer_id(plan: &Plan, place: usize) -> Result<String> {
    let path = std::env::temp_dir().join(format!("quire-node-key-{}-{place}", std::process::id()));
    std::fs::write(&path, key(place)).map_err(|why| format!("{}: {why}", path.display()))?;
    let output = Command::new(&plan.quire).args(["key", "inspect-node-key", "--file"]).arg(&path).output();
    let _ = std::fs::remove_file(&path);
    let output = output.map_err(|why| format!("cannot start {}: {why}", plan.quire.display()))?;
    let id = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if id.is_empty() { Err(String::from_utf8_lossy(&output.stderr).into_owned()) } else { Ok(id) }
}
