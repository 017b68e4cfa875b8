//! Blocks on order: forks, reorganisations and finality of the real process under `--sealing manual`, and what the
//! watchers of transactions are told. Also the other modes of `--sealing`.

use crate::{
    process::{self, DevNode, wait_for},
    rpc::{self, hex0x},
    sign::Domain,
    ws::Watch,
};
use serde_json::{Value, json};
use std::time::Duration;

const BOB: [u8; 32] = [9; 32];
const UNIT: u128 = 1_000_000_000_000;

/// A node that makes blocks when told to.
struct Chain {
    node: DevNode,
    domain: Domain,
    genesis: String,
    _folder: tempfile::TempDir,
}

impl Chain {
    fn start() -> Chain {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let node = DevNode::start_with(folder.path(), &["--sealing", "manual"]);
        let domain = Domain::of(node.rpc);
        let genesis = rpc::call(node.rpc, "chain_getBlockHash", json!([0]));
        Chain { genesis: genesis.as_str().expect("a hash").to_owned(), domain, node, _folder: folder }
    }

    fn call(&self, method: &str, params: Value) -> Value {
        rpc::call(self.node.rpc, method, params)
    }

    fn error(&self, method: &str, params: Value) -> String {
        rpc::try_call(self.node.rpc, method, params).expect_err("refused")
    }

    /// Makes a block on `parent`; its hash and whether it is the best one.
    fn make(&self, parent: &str) -> (String, bool) {
        let made = self.call("engine_createBlock", json!([true, false, parent]));
        let is_best = made["aux"]["is_new_best"].as_bool().expect("a flag");
        (made["hash"].as_str().expect("a hash").to_owned(), is_best)
    }

    fn on(&self, parent: &str) -> String {
        self.make(parent).0
    }

    fn finalise(&self, hash: &str) {
        assert_eq!(self.call("engine_finalizeBlock", json!([hash])), json!(true));
    }

    fn best(&self) -> String {
        self.call("chain_getBlockHash", json!([])).as_str().expect("a hash").to_owned()
    }

    fn transfer(&self, nonce: u32) -> Vec<u8> {
        self.domain.transfer(nonce, &BOB, UNIT)
    }

    fn watch(&self, extrinsic: &[u8]) -> Watch {
        Watch::submit(self.node.rpc, extrinsic).unwrap_or_else(|e| panic!("{e}"))
    }

    fn contains(&self, block: &str, extrinsic: &[u8]) -> bool {
        let block = self.call("chain_getBlock", json!([block]));
        let body = block["block"]["extrinsics"].as_array().expect("a body");
        body.contains(&json!(hex0x(extrinsic)))
    }
}

fn says(name: &str, hash: &str) -> String {
    format!("{name} {hash}")
}

#[test]
fn a_reorganisation_takes_a_transaction_out_and_in_again() {
    let chain = Chain::start();
    let transfer = chain.transfer(0);
    let mut watch = chain.watch(&transfer);
    let (a1, is_best) = chain.make(&chain.genesis);
    assert!(is_best && chain.contains(&a1, &transfer));
    let (b1, is_best) = chain.make(&chain.genesis);
    assert!(!is_best && !chain.contains(&b1, &transfer), "a sibling without it, in a later slot");
    assert_eq!(chain.best(), a1);
    let (b2, is_best) = chain.make(&b1);
    assert!(is_best, "the longer fork");
    watch.expect(&["ready".into(), says("inBlock", &a1), says("retracted", &a1), "ready".into()]);
    let b3 = chain.on(&b2);
    assert!(chain.contains(&b3, &transfer));
    watch.expect(&[says("inBlock", &b3)]);
    // Back to the first branch, which has it as well.
    let a2 = chain.on(&a1);
    let a3 = chain.on(&a2);
    assert_eq!(chain.best(), b3);
    let a4 = chain.on(&a3);
    assert_eq!(chain.best(), a4);
    watch.expect(&[says("retracted", &b3), says("inBlock", &a1)]);
    chain.finalise(&a4);
    watch.expect(&[says("finalized", &a1)]);
    assert_eq!(chain.call("chain_getFinalizedHead", json!([])), json!(a4));
    assert!(chain.error("engine_createBlock", json!([true, false, b3])).contains("13000"));
}

#[test]
fn finality_of_the_shorter_fork_wins() {
    let chain = Chain::start();
    let transfer = chain.transfer(0);
    let mut watch = chain.watch(&transfer);
    let a1 = chain.on(&chain.genesis);
    let a2 = chain.on(&a1);
    let (b1, is_best) = chain.make(&chain.genesis);
    assert!(!is_best);
    chain.finalise(&b1);
    assert_eq!(chain.best(), b1);
    watch.expect(&["ready".into(), says("inBlock", &a1), says("retracted", &a1), "ready".into()]);
    assert!(chain.error("engine_finalizeBlock", json!([a2])).contains("16000"));
    let made = chain.call("engine_createBlock", json!([false, true, null]));
    let b2 = made["hash"].as_str().expect("a hash");
    watch.expect(&[says("inBlock", b2), says("finalized", b2)]);
    assert_eq!(chain.call("chain_getFinalizedHead", json!([])), json!(b2));
    chain.finalise(&b1);
}

#[test]
fn orders_are_checked() {
    let chain = Chain::start();
    let listed = chain.call("rpc_methods", json!([]));
    for name in ["engine_createBlock", "engine_finalizeBlock"] {
        assert!(listed["methods"].as_array().expect("a list").contains(&json!(name)), "{name}");
    }
    let empty = chain.error("engine_createBlock", json!([false, false]));
    assert!(empty.contains("12000") && empty.contains("create_empty"), "{empty}");
    for (method, params, code) in [
        ("engine_createBlock", json!([]), "-32602"),
        ("engine_createBlock", json!([1, false]), "-32602"),
        ("engine_createBlock", json!([true, false, "0x12"]), "-32602"),
        ("engine_createBlock", json!([true, false, hex0x(&[7; 32])]), "13000"),
        ("engine_finalizeBlock", json!([hex0x(&[7; 32])]), "16000"),
        ("engine_finalizeBlock", json!([hex0x(&[7; 32]), "0x1234"]), "16000"),
    ] {
        let error = chain.error(method, params);
        assert!(error.contains(code), "{method}: {error}");
    }
    let b1 = chain.on(&chain.genesis);
    let garbage = json!([b1, [1, 2, 3]]);
    assert!(chain.error("engine_finalizeBlock", garbage).contains("justification"), "bytes as an array");
    assert_eq!(chain.call("chain_getFinalizedHead", json!([])), json!(chain.genesis), "nothing by itself");
    let flags = ["--chain", "local", "--tmp", "--sealing", "manual"];
    let refused = process::run(&flags);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("--validator"), "{refused:?}");
}

#[test]
fn instant_makes_a_block_for_each_transaction() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let node = DevNode::start_with(folder.path(), &["--sealing", "instant"]);
    let listed = rpc::call(node.rpc, "rpc_methods", json!([])).to_string();
    assert!(!listed.contains("engine_"), "orders belong to manual sealing");
    let domain = Domain::of(node.rpc);
    for nonce in 0..5 {
        let mut watch = Watch::submit(node.rpc, &domain.transfer(nonce, &BOB, UNIT)).expect("valid");
        assert_eq!(watch.next(), "ready");
        assert!(watch.next().starts_with("inBlock"));
        assert!(watch.next().starts_with("finalized"));
    }
    let (number, _) = rpc::finalised(node.rpc);
    assert_eq!(number, 5, "no block without a transaction");
}

#[test]
fn interval_makes_blocks_faster_than_slots() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let node = DevNode::start_with(folder.path(), &["--sealing", "interval=100"]);
    let start = rpc::finalised(node.rpc).0;
    let (blocks, limit) = (40, Duration::from_secs(30));
    wait_for("forty blocks in less than forty slots", limit, || {
        (rpc::finalised(node.rpc).0 >= start + blocks).then_some(())
    });
}
