//! The node under test: a process on a folder of its own.
use super::{Plan, Result, socket};
use serde_json::json;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long the node may take to come up, its runtime's compilation included.
const START: Duration = Duration::from_secs(60);

/// `quire --dev`, killed and cleaned up when dropped.
pub struct Node {
    child: Child,
    folder: PathBuf,
    port: u16,
}

impl Node {
    /// Starts it and waits until it answers.
    pub async fn start(plan: &Plan) -> Result<Self> {
        let folder = std::env::temp_dir().join(format!("quire-soak-{}", std::process::id()));
        let fail = |why: std::io::Error| format!("{}: {why}", folder.display());
        std::fs::create_dir_all(&folder).map_err(fail)?;
        let log = File::create(folder.join("node.log")).map_err(fail)?;
        let child = Command::new(&plan.quire)
            .args(["--dev", "--no-prometheus", "--base-path"])
            .arg(&folder)
            .args(["--rpc-port", &plan.port.to_string(), "--port", &plan.port.saturating_add(1).to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .map_err(|why| format!("cannot start {}: {why}", plan.quire.display()))?;
        let mut node = Self { child, folder, port: plan.port };
        let limit = Instant::now() + START;
        while socket::call(node.port, "system_health", json!([])).await.is_err() {
            if Instant::now() > limit || !node.is_running() {
                return Err(format!("the node does not come up:\n{}", node.log_tail()));
            }
            sleep(Duration::from_millis(100)).await;
        }
        Ok(node)
    }

    /// Whether the process lives.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Resident memory now and at its highest, KiB.
    pub fn memory_kib(&self) -> Result<(u64, u64)> {
        let path = format!("/proc/{}/status", self.child.id());
        let text = std::fs::read_to_string(&path).map_err(|why| format!("{path}: {why}"))?;
        let field = |name: &str| {
            let line = text.lines().find(|line| line.starts_with(name))?;
            line.split_whitespace().nth(1)?.parse().ok()
        };
        field("VmRSS:").zip(field("VmHWM:")).ok_or_else(|| format!("{path} tells no memory"))
    }

    /// Open files now.
    pub fn open_files(&self) -> usize {
        let folder = format!("/proc/{}/fd", self.child.id());
        std::fs::read_dir(Path::new(&folder)).map_or(0, Iterator::count)
    }

    /// The end of its log.
    pub fn log_tail(&self) -> String {
        let text = std::fs::read_to_string(self.folder.join("node.log")).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(15)..].join("\n")
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
