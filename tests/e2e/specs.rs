//! Chain specs: the presets of this commit are the chains that are checked in.

use crate::process::{self, DevNode};
use crate::rpc;
use quire_core::Header;
use quire_trie::{EMPTY_ROOT, StateVersion};
use serde_json::{Value, json};
use std::collections::BTreeMap;

fn raw(preset: &str) -> Value {
    let out = process::run(&["build-spec", "--chain", preset, "--raw"]);
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    serde_json::from_slice(&out.stdout).expect("a chain spec is JSON")
}

/// The genesis hash as a light client computes it from a raw spec.
fn genesis_hash(spec: &Value) -> String {
    let raw = &spec["genesis"]["raw"];
    assert_eq!(raw["childrenDefault"], json!({}));
    let top = raw["top"].as_object().expect("raw state");
    let state: BTreeMap<Vec<u8>, Vec<u8>> = top
        .iter()
        .map(|(key, value)| {
            (rpc::bytes(&json!(key)).expect("a hex key"), rpc::bytes(value).expect("a hex value"))
        })
        .collect();
    let state_root =
        quire_trie::root(StateVersion::V1, state.iter().map(|(k, v)| (k.as_slice(), v.as_slice())));
    let header = Header { state_root, extrinsics_root: EMPTY_ROOT, ..Header::default() };
    rpc::hex0x(&header.hash().0)
}

#[test]
fn presets_are_the_chains_that_are_checked_in() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../chain-specs/genesis.json");
    let known: Value =
        serde_json::from_str(&std::fs::read_to_string(path).expect("genesis.json")).expect("JSON");
    let now = json!({ "dev": genesis_hash(&raw("dev")), "local": genesis_hash(&raw("local")) });
    assert_eq!(
        known, now,
        "a preset has another genesis: put the right-hand side into chain-specs/genesis.json"
    );
}

#[test]
fn a_raw_spec_has_only_keys_that_light_clients_know() {
    let spec = raw("dev");
    let known = [
        "name",
        "id",
        "chainType",
        "codeSubstitutes",
        "bootNodes",
        "telemetryEndpoints",
        "protocolId",
        "properties",
        "genesis",
    ];
    for key in spec.as_object().expect("an object").keys() {
        assert!(known.contains(&key.as_str()), "light clients refuse '{key}'");
    }
}

#[test]
fn a_node_runs_the_chain_of_its_spec() {
    let base = tempfile::tempdir().expect("a temporary folder");
    let node = DevNode::start(base.path());
    let genesis = rpc::call(node.rpc, "chain_getBlockHash", json!([0]));
    assert_eq!(genesis, json!(genesis_hash(&raw("dev"))));
    node.kill();
}
