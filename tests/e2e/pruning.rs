//! What stays of old blocks: `--state-pruning` and `--blocks-pruning` with small numbers, and changing one's mind.

use crate::operator::{info, quick_spec, refusal, text};
use crate::process::{DevNode, run, wait_for};
use crate::rpc::{self, call, try_call};
use serde_json::{Value, json};
use std::{path::Path, time::Duration};

const PATIENCE: Duration = Duration::from_secs(180);

/// Key of `System.Number`.
const NUMBER: &str = "0x26aa394eea5630e07c48ae0c9558cef702a5c1b19ab7a04f536c519aca4983ac";

fn node(spec: &Path, base: &Path, flags: &[&str]) -> DevNode {
    DevNode::with(base, &[&["--chain", text(spec), "--alice"], flags].concat())
}

fn until_final(node: &DevNode, height: u32) -> u32 {
    wait_for("final blocks", PATIENCE, || Some(rpc::finalised(node.rpc).0).filter(|number| *number >= height))
}

fn hash(node: &DevNode, number: u32) -> Value {
    call(node.rpc, "chain_getBlockHash", json!([number]))
}

#[test]
fn old_states_and_bodies_go_and_the_rest_stays() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let spec = quick_spec(dir.path(), 200);
    let running = node(&spec, dir.path(), &["--state-pruning", "4", "--blocks-pruning", "8"]);
    let genesis = hash(&running, 0);
    let reached = until_final(&running, 20);
    let old = hash(&running, 3);
    for method in ["state_getStorage", "state_getStorageHash"] {
        let error = try_call(running.rpc, method, json!([NUMBER, old])).unwrap_err();
        let expected =
            format!("Client error: UnknownBlock: State already discarded for {}", old.as_str().expect("hex"));
        assert!(error.contains("4003") && error.contains(&expected), "{error}");
    }
    let called = try_call(running.rpc, "state_call", json!(["Core_version", "0x", old])).unwrap_err();
    assert!(called.contains("State already discarded"), "{called}");
    assert_eq!(call(running.rpc, "chain_getBlock", json!([old])), Value::Null, "its body is gone");
    let header = call(running.rpc, "chain_getHeader", json!([old]));
    assert_eq!(rpc::number(&header), 3);
    let first = call(running.rpc, "chain_getBlock", json!([genesis]));
    assert_eq!(first["block"]["extrinsics"], json!([]), "block 0 stays whole");
    let recent = hash(&running, reached - 2);
    assert!(call(running.rpc, "state_getStorage", json!([NUMBER, recent])).is_string());
    assert!(call(running.rpc, "chain_getBlock", json!([hash(&running, reached - 6)])).is_object());
    running.kill();

    let kept = info(&spec, dir.path());
    assert_eq!((&kept["statePruning"], &kept["blocksPruning"]), (&json!("4"), &json!("8")));
    let oldest_body = kept["oldestBody"].as_u64().expect("a number");
    assert!(oldest_body > 3 && kept["oldestState"].as_u64() > Some(oldest_body), "{kept}");
    let place = ["--chain", text(&spec), "-d", text(dir.path())];
    let pruned = refusal(&run(&[&["export-blocks"][..], &place].concat()));
    assert!(pruned.contains(&format!("export from {oldest_body} on")), "{pruned}");
    let checked = refusal(&run(&[&["check-block", "3"][..], &place].concat()));
    assert!(checked.contains("pruned"), "{checked}");

    // Without the flags it goes on as it was.
    let running = node(&spec, dir.path(), &[]);
    let reached = until_final(&running, reached + 8);
    assert!(try_call(running.rpc, "state_getStorage", json!([NUMBER, hash(&running, reached - 7)])).is_err());
    assert_eq!(hash(&running, 0), genesis);
    running.kill();
}

#[test]
fn an_archive_keeps_everything_and_stays_an_archive() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let spec = quick_spec(dir.path(), 200);
    let running = node(&spec, dir.path(), &["--state-pruning", "3"]);
    until_final(&running, 8);
    running.kill();
    let from = info(&spec, dir.path())["oldestState"].as_u64().expect("a number");
    let running = node(&spec, dir.path(), &["--pruning", "archive-canonical"]);
    let reached = until_final(&running, 18);
    for number in [from as u32, reached - 5, reached] {
        let value = call(running.rpc, "state_getStorage", json!([NUMBER, hash(&running, number)]));
        assert_eq!(value, json!(rpc::hex0x(&number.to_le_bytes())));
    }
    let gone = try_call(running.rpc, "state_getStorage", json!([NUMBER, hash(&running, 1)])).unwrap_err();
    assert!(gone.contains("State already discarded"), "what was gone stays gone: {gone}");
    running.kill();
    let kept = info(&spec, dir.path());
    assert_eq!((&kept["statePruning"], &kept["oldestState"]), (&json!("archive"), &json!(from)));
    let flags = ["--chain", text(&spec), "-d", text(dir.path()), "--rpc-port", "0", "--port", "0"];
    for (flag, expected) in
        [("--state-pruning", "archive of all states"), ("--blocks-pruning", "archive of all bodies")]
    {
        let said = refusal(&run(&[&flags[..], &[flag, "10"]].concat()));
        assert!(said.contains(expected) && said.contains("purge-chain"), "{said}");
    }
    assert_eq!(info(&spec, dir.path())["oldestState"], json!(from), "a refusal changes nothing");
}
