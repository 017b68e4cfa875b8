//! `quire` as a process.

use crate::rpc;
use serde_json::json;
use std::{
    fs::File,
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

const STEP: Duration = Duration::from_millis(50);
/// How long a node may take to come up on a loaded two-core machine, first compilation of the runtime included.
const START: Duration = Duration::from_secs(120);

/// The binary under test.
pub(crate) fn quire() -> Command {
    Command::new(env!("CARGO_BIN_EXE_quire"))
}

/// Runs `quire` to its end.
pub(crate) fn run(args: &[&str]) -> Output {
    quire().args(args).stdin(Stdio::null()).output().expect("the binary starts")
}

/// Runs `quire` to its end with something on standard input.
pub(crate) fn run_with_input(args: &[&str], input: &[u8]) -> Output {
    let mut child = quire()
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let mut stdin = child.stdin.take().expect("it is piped");
    let input = input.to_vec();
    let writing = std::thread::spawn(move || {
        // It may end before it has read everything.
        let _ = std::io::Write::write_all(&mut stdin, &input);
    });
    let output = child.wait_with_output().expect("the process is ours");
    writing.join().expect("writing does not panic");
    output
}

/// A port that is free now.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has free ports");
    listener.local_addr().expect("it is bound").port()
}

/// Waits until `done` gives a value.
pub(crate) fn wait_for<T>(what: &str, limit: Duration, mut done: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + limit;
    loop {
        if let Some(value) = done() {
            return value;
        }
        assert!(Instant::now() < end, "{what}: not within {limit:?}");
        sleep(STEP);
    }
}

/// A running process; killed when dropped.
pub(crate) struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `quire` with `args`, its output in `log`.
    pub(crate) fn start(args: &[&str], log: &Path) -> Process {
        let out = File::options().append(true).create(true).open(log).expect("the log can be written");
        let err = out.try_clone().expect("a file can be shared");
        let child = quire()
            .args(args)
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err)
            .spawn()
            .expect("the binary starts");
        Process { child, log: log.to_owned() }
    }

    /// What it wrote so far.
    pub(crate) fn output(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Its end, if it has ended.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("the process is ours")
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Waits for its own end.
    pub(crate) fn wait(&mut self, limit: Duration) -> ExitStatus {
        let output = self.log.clone();
        let tail = || std::fs::read_to_string(&output).unwrap_or_default();
        let end = Instant::now() + limit;
        loop {
            if let Some(status) = self.ended() {
                return status;
            }
            assert!(Instant::now() < end, "no end within {limit:?}:\n{}", tail());
            sleep(STEP);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A node on a base path of its own.
pub(crate) struct DevNode {
    process: Process,
    /// Port of its JSON-RPC.
    pub(crate) rpc: u16,
}

impl DevNode {
    /// Starts `quire --dev` on `base` and waits until it answers.
    pub(crate) fn start(base: &Path) -> DevNode {
        Self::start_with(base, &[])
    }

    /// Like [`start`](Self::start), with further flags.
    pub(crate) fn start_with(base: &Path, flags: &[&str]) -> DevNode {
        Self::with(base, &[&["--dev"], flags].concat())
    }

    /// Starts `quire` with `flags` on `base` and waits until it answers.
    pub(crate) fn with(base: &Path, flags: &[&str]) -> DevNode {
        let (rpc, peers) = (free_port(), free_port());
        let (rpc_port, peers_port) = (rpc.to_string(), peers.to_string());
        let place = [
            "--base-path",
            base.to_str().expect("temporary paths are UTF-8"),
            "--rpc-port",
            &rpc_port,
            "--port",
            &peers_port,
        ];
        let no_metrics = if flags.contains(&"--prometheus-port") { &[][..] } else { &["--no-prometheus"] };
        let mut process = Process::start(&[flags, &place, no_metrics].concat(), &base.join("node.log"));
        let end = Instant::now() + START;
        while rpc::try_call(rpc, "system_health", json!([])).is_err() {
            assert!(process.ended().is_none(), "the node ended:\n{}", process.output());
            assert!(Instant::now() < end, "the node does not answer:\n{}", process.output());
            sleep(STEP);
        }
        DevNode { process, rpc }
    }

    /// `kill -9`.
    pub(crate) fn kill(mut self) {
        assert!(self.process.ended().is_none(), "the node ended by itself:\n{}", self.process.output());
        self.process.kill();
    }

    /// What it wrote so far.
    pub(crate) fn output(&self) -> String {
        self.process.output()
    }
}
