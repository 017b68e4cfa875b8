//! `--sync warp`: a new node starts from the state of a recent final block, follows from there, and comes back after
//! `kill -9` at any moment of it.

use crate::{
    process::{DevNode, Process, free_port, run, wait_for},
    rpc::{self, call},
};
use serde_json::{Value, json};
use std::{
    path::Path,
    thread::sleep,
    time::{Duration, Instant},
};

/// Short slots, so that the chain is long enough soon.
const SLOT_MS: u64 = 250;
/// Blocks that warp sync is worth, and some.
const LONG: u32 = 90;
const PATIENCE: Duration = Duration::from_secs(120);
/// Of the node that is synced from: its address is in every other one's flags.
const NODE_KEY: &str = "0101010101010101010101010101010101010101010101010101010101010101";

/// A development spec with short slots.
fn write_spec(folder: &Path) -> String {
    let plain = run(&["build-spec", "--chain", "dev"]);
    let mut plain: Value = serde_json::from_slice(&plain.stdout).expect("a spec is JSON");
    plain["genesis"]["runtimeGenesis"]["config"]["slotDurationMs"] = json!(SLOT_MS);
    let path = folder.join("spec.json");
    std::fs::write(&path, plain.to_string()).expect("the folder can be written");
    path.to_str().expect("temporary paths are UTF-8").to_owned()
}

/// The node that makes the blocks, and how to reach it.
fn author(base: &Path, spec: &str) -> (DevNode, String) {
    let port = free_port();
    let address = format!("/ip4/127.0.0.1/tcp/{port}");
    let flags =
        ["--chain", spec, "--alice", "--force-authoring", "--node-key", NODE_KEY, "--listen-addr", &address];
    let node = DevNode::with(base, &flags);
    let id = call(node.rpc, "system_localPeerId", json!([]));
    let id = id.as_str().expect("a peer id is text").to_owned();
    (node, format!("{address}/p2p/{id}"))
}

fn final_number(port: u16) -> u32 {
    rpc::finalised(port).0
}

fn is_null(port: u16, method: &str, params: Value) -> bool {
    call(port, method, params).is_null()
}

#[test]
fn a_new_node_starts_from_a_final_state_and_follows() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let spec = write_spec(folder.path());
    let (first, second) = (folder.path().join("first"), folder.path().join("second"));
    for base in [&first, &second] {
        std::fs::create_dir(base).expect("a new folder");
    }
    let (author, address) = author(&first, &spec);
    wait_for("a long chain", PATIENCE, || (final_number(author.rpc) > LONG).then_some(()));

    let flags = ["--chain", &spec, "--sync", "warp", "--bootnodes", &address];
    // Killed at moments across start, download and installation: the next start goes on.
    for kill_ms in [300, 700, 1_100, 1_600, 2_200] {
        let ports = [free_port(), free_port()].map(|port| port.to_string());
        let place =
            ["--base-path", second.to_str().expect("UTF-8"), "--rpc-port", &ports[0], "--port", &ports[1]];
        let log = second.join("node.log");
        let mut process = Process::start(&[&flags[..], &place, &["--no-prometheus"]].concat(), &log);
        sleep(Duration::from_millis(kill_ms));
        assert!(process.ended().is_none(), "the node ended by itself:\n{}", process.output());
        process.kill();
    }
    let node = DevNode::with(&second, &flags);
    let start = final_number(node.rpc);
    assert!(start >= LONG, "it started at {start}:\n{}", node.output());
    wait_for("blocks above the target", PATIENCE, || (final_number(node.rpc) > start + 5).then_some(()));

    let (number, hash) = rpc::finalised(node.rpc);
    assert_eq!(call(author.rpc, "chain_getBlockHash", json!([number])), json!(hash), "one chain");
    let key = json!(["0x26aa394eea5630e07c48ae0c9558cef702a5c1b19ab7a04f536c519aca4983ac", hash]);
    assert_eq!(call(node.rpc, "state_getStorage", key.clone()), call(author.rpc, "state_getStorage", key));
    // What was not downloaded is absent, the first block is not.
    assert!(is_null(node.rpc, "chain_getBlockHash", json!([LONG / 2])));
    let old = call(author.rpc, "chain_getBlockHash", json!([LONG / 2]));
    assert!(
        is_null(node.rpc, "chain_getBlock", json!([old]))
            && is_null(node.rpc, "chain_getHeader", json!([old]))
    );
    assert_eq!(
        call(node.rpc, "chain_getBlockHash", json!([0])),
        call(author.rpc, "chain_getBlockHash", json!([0]))
    );

    // A restart needs no peer and keeps what was downloaded.
    node.kill();
    drop(author);
    let begun = Instant::now();
    let node = DevNode::with(&second, &flags);
    assert!(final_number(node.rpc) >= number, "after {:?}:\n{}", begun.elapsed(), node.output());
}
