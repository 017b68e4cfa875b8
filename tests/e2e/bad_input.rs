//! Bad input from the command line: a sentence that says what, where and what to do, a non-zero exit, nothing lost.

use crate::process::{self, DevNode, free_port};
use std::{fs, net::TcpListener, path::Path};

/// Runs `quire` with `args`, which must fail with a text that has all of `words`.
fn fails(args: &[&str], words: &[&str]) {
    let out = process::run(args);
    let said = format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    assert!(!out.status.success(), "{args:?} succeeded:\n{said}");
    for word in words {
        assert!(said.contains(word), "{args:?} does not say '{word}':\n{said}");
    }
    assert!(!said.contains("panicked"), "{args:?} panicked:\n{said}");
}

fn text(path: &Path) -> &str {
    path.to_str().expect("temporary paths are UTF-8")
}

#[test]
fn a_node_says_what_is_wrong_with_its_surroundings() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let taken = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let port = taken.local_addr().expect("bound").port().to_string();
    let base = dir.path().join("port");
    let peers = free_port().to_string();
    let dev = ["--dev", "--no-prometheus", "--base-path"];
    fails(&[&dev[..], &[text(&base), "--rpc-port", &port, "--port", &peers]].concat(), &[&port]);

    let file = dir.path().join("file");
    fs::write(&file, "x").expect("written");
    let rpc = free_port().to_string();
    fails(&[&dev[..], &[text(&file), "--rpc-port", &rpc, "--port", &peers]].concat(), &["file"]);
    fails(&["--chain", text(&dir.path().join("none.json"))], &["none.json"]);
    fs::write(dir.path().join("bad.json"), "{ \"name\": 1").expect("written");
    fails(&["--chain", text(&dir.path().join("bad.json"))], &["bad.json"]);
}

#[test]
fn a_base_path_belongs_to_one_chain_and_one_node() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let node = DevNode::start(dir.path());
    let (rpc, peers) = (free_port().to_string(), free_port().to_string());
    let ports = ["--rpc-port", &rpc, "--port", &peers, "--no-prometheus"];
    fails(&[&["--dev", "--base-path", text(dir.path())][..], &ports].concat(), &[text(dir.path())]);
    node.kill();

    let out = process::run(&["build-spec", "--chain", "dev", "--raw"]);
    assert!(out.status.success());
    let mut spec: serde_json::Value = serde_json::from_slice(&out.stdout).expect("a chain spec is JSON");
    // One account more: another chain under the same id.
    let top = spec["genesis"]["raw"]["top"].as_object_mut().expect("raw state");
    top.insert("0x77".into(), "0x01".into());
    let other = dir.path().join("other.json");
    fs::write(&other, spec.to_string()).expect("written");
    let args = ["--chain", text(&other), "--base-path", text(dir.path())];
    fails(&[&args[..], &ports].concat(), &["genesis"]);
    DevNode::start(dir.path()).kill();
}
