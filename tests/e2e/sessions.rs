//! Sessions on a running chain: keys change and finality crosses the change, authors are shuffled and blocks go on.

use crate::process::{DevNode, run, wait_for};
use crate::rpc::{self, call, hex0x};
use crate::sign::Domain;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(120);
/// `Session.set_keys`.
const SET_KEYS: [u8; 2] = [6, 0];
/// The development accounts' Aura keys, which are their account keys.
const BOB: &str = "0x8eaf04151687736326c9fea17e25fc5287613693c912909cb226aa4794f26a48";
const CHARLIE: &str = "0x90b5ab205c6974c9ea841be688864633dc9ca8a357843eeacf2314649965fe22";
const DAVE: &str = "0x306721211d5404bd9da88e0204360a1a9ab8b87c66c1bc2fcdd37f3c2222cc20";

/// A preset with short slots and sessions.
fn spec(folder: &Path, preset: &str, slot_ms: u32, session_slots: u32) -> PathBuf {
    let built = run(&["build-spec", "--chain", preset]);
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let mut spec: Value = serde_json::from_slice(&built.stdout).expect("a chain spec is JSON");
    spec["id"] = json!("sessions");
    let config = &mut spec["genesis"]["runtimeGenesis"]["config"];
    config["slotDurationMs"] = json!(slot_ms);
    config["session"]["lengthSlots"] = json!(session_slots);
    let path = folder.join("spec.json");
    fs::write(&path, spec.to_string()).expect("the folder can be written");
    path
}

fn text(path: &Path) -> &str {
    path.to_str().expect("temporary paths are UTF-8")
}

fn at(node: &DevNode, method: &str, block: &str) -> Vec<u8> {
    rpc::bytes(&call(node.rpc, "state_call", json!([method, "0x", block]))).expect("hex")
}

fn best(node: &DevNode) -> (u32, String) {
    let header = call(node.rpc, "chain_getHeader", json!([]));
    let number = rpc::number(&header);
    (number, call(node.rpc, "chain_getBlockHash", json!([number])).as_str().expect("it is known").to_owned())
}

#[test]
fn new_keys_take_over_and_finality_goes_on_under_them() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (spec, base) = (spec(folder.path(), "dev", 500, 6), folder.path().join("base"));
    fs::create_dir(&base).expect("made");
    let node = DevNode::with(&base, &["--chain", text(&spec), "--alice"]);
    let keys = rpc::bytes(&call(node.rpc, "author_rotateKeys", json!([]))).expect("hex");
    let set_keys = [&SET_KEYS[..], &keys, &[0]].concat();
    let extrinsic = hex0x(&Domain::of(node.rpc).signed(0, &set_keys));
    call(node.rpc, "author_submitExtrinsic", json!([extrinsic]));
    let change = wait_for("the new set", PATIENCE, || {
        let (number, hash) = rpc::finalised(node.rpc);
        (at(&node, "GrandpaApi_current_set_id", &hash) == 1u64.to_le_bytes()).then_some(number)
    });
    let (_, hash) = wait_for("finality under the new keys", PATIENCE, || {
        let finalised = rpc::finalised(node.rpc);
        (finalised.0 >= change + 4).then_some(finalised)
    });
    let expected_authors = [&[4][..], &keys[..32]].concat();
    assert_eq!(at(&node, "AuraApi_authorities", &hash), expected_authors);
    let expected_voters = [&[4][..], &keys[32..], &1u64.to_le_bytes()].concat();
    assert_eq!(at(&node, "GrandpaApi_grandpa_authorities", &hash), expected_voters);
    node.kill();
    let node = DevNode::with(&base, &["--chain", text(&spec), "--alice"]);
    wait_for("finality after a restart", PATIENCE, || {
        (rpc::finalised(node.rpc).0 > change + 6).then_some(())
    });
    node.kill();
}

#[test]
fn authors_are_shuffled_and_blocks_go_on() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (spec, base) = (spec(folder.path(), "local", 500, 4), folder.path().join("base"));
    fs::create_dir(&base).expect("made");
    // One node with the keys of all four authors; finality would need three voters.
    let flags = ["--chain", text(&spec), "--alice", "--force-authoring", "--no-grandpa"];
    let node = DevNode::with(&base, &flags);
    for (suri, key) in [("//Bob", BOB), ("//Charlie", CHARLIE), ("//Dave", DAVE)] {
        call(node.rpc, "author_insertKey", json!(["aura", suri, key]));
    }
    let session = pallet_session::storage::CURRENT_INDEX.key();
    let reached = wait_for("eight sessions", PATIENCE, || {
        let (number, hash) = best(&node);
        let key = hex0x(&session);
        let index = rpc::bytes(&call(node.rpc, "state_getStorage", json!([key, hash])))?;
        (index >= 8u32.to_le_bytes().to_vec()).then_some(number)
    });
    let mut lists = BTreeSet::new();
    for number in 0..=reached {
        let hash = call(node.rpc, "chain_getBlockHash", json!([number]));
        lists.insert(at(&node, "AuraApi_authorities", hash.as_str().expect("it is known")));
    }
    assert!(lists.len() > 2, "eight draws of 24 permutations gave {}", lists.len());
    assert!(lists.iter().all(|list| list.len() == 1 + 4 * 32));
    let set_id = at(&node, "GrandpaApi_current_set_id", &best(&node).1);
    assert_eq!(set_id, 0u64.to_le_bytes(), "nobody joined or left");
    node.kill();
}
