//! The forkless upgrade: a running chain moves to a runtime with one more call, and never to a broken one.

use crate::{
    crash::balances_conserve,
    process::{DevNode, wait_for},
    rpc::{self, hex0x},
    sign::{self, Domain},
    ws::Watch,
};
use parity_scale_codec::{Compact, Decode, Encode};
use quire_core::{UpgradeState, UpgradeStatus};
use quire_tests::mutate::{self, body};
use serde_json::{Value, json};
use std::{path::Path, time::Duration};

/// For what takes some blocks, on a loaded machine.
const SOON: Duration = Duration::from_secs(120);
/// `Members.propose(System.set_code(..))`.
const PROPOSE_SET_CODE: [u8; 4] = [8, 0, 0, 2];
/// `Fixture.note`, which only the new runtime has.
const NOTE: [u8; 2] = [250, 0];

fn blob(name: &str) -> Vec<u8> {
    std::fs::read(quire_tests::root().join("runtime/wasm").join(name)).expect("it is checked in")
}

fn fixture() -> Vec<u8> {
    blob("upgrade_fixture.wasm")
}

fn spec_version(port: u16, at: Option<&str>) -> u64 {
    rpc::call(port, "state_getRuntimeVersion", json!([at]))["specVersion"].as_u64().expect("a version")
}

fn best(port: u16) -> u32 {
    rpc::number(&rpc::call(port, "chain_getHeader", json!([])))
}

fn hash_at(port: u16, number: u32) -> String {
    rpc::call(port, "chain_getBlockHash", json!([number])).as_str().expect("a block").to_owned()
}

/// What the chain says about the open or the last upgrade.
fn status(port: u16) -> Option<UpgradeStatus> {
    let answer = rpc::call(port, "state_call", json!(["QuireUpgrade_status", "0x"]));
    let bytes = rpc::bytes(&answer).expect("bytes");
    Option::decode(&mut &bytes[..]).expect("the status decodes")
}

fn state(port: u16) -> Option<UpgradeState> {
    status(port).map(|status| status.upgrade.state)
}

/// Has //Alice, the only member, offer code; it is in the best chain when this returns.
fn offer(port: u16, code: &[u8]) {
    let nonce = best_nonce(port);
    let mut call = PROPOSE_SET_CODE.to_vec();
    code.encode_to(&mut call);
    let motion = Domain::of(port).signed(nonce, &call);
    rpc::call(port, "author_submitExtrinsic", json!([hex0x(&motion)]));
    wait_for("the motion gets into a block", SOON, || (best_nonce(port) > nonce).then_some(()));
}

/// //Alice's next nonce in the best state.
fn best_nonce(port: u16) -> u32 {
    let account = rpc::call(port, "state_getStorage", json!([hex0x(&sign::alice_account_key())]));
    let account = rpc::bytes(&account).expect("//Alice has an account");
    u32::from_le_bytes(account[..4].try_into().expect("an account starts with its nonce"))
}

/// Offers code and waits until it is enacted: the block that did it.
fn upgrade(port: u16, code: &[u8]) -> u32 {
    offer(port, code);
    wait_for("the new code is enacted", SOON, || match state(port) {
        Some(UpgradeState::Enacted { at }) => Some(at),
        Some(state) if state.is_open() => None,
        other => panic!("{other:?}: {}", rpc::call(port, "quire_explainUpgrade", json!([]))),
    })
}

fn note(port: u16, text: &[u8]) {
    let mut call = NOTE.to_vec();
    text.encode_to(&mut call);
    let nonce = sign::finalised_nonce(port);
    let extrinsic = Domain::of(port).signed(nonce, &call);
    rpc::call(port, "author_submitExtrinsic", json!([hex0x(&extrinsic)]));
    wait_for("the new call is used", SOON, || (sign::finalised_nonce(port) > nonce).then_some(()));
}

fn storage_u32(port: u16, item: &str) -> Option<u32> {
    let key = [quire_core::hash::twox_128(b"Fixture"), quire_core::hash::twox_128(item.as_bytes())].concat();
    rpc::storage(port, &key).map(|value| u32::from_le_bytes(value[..4].try_into().expect("a u32")))
}

/// Everything that must be true of a chain that was upgraded at the end of block `at`.
fn check_history(port: u16, at: u32, versions: (u64, u64)) {
    let (old, new) = versions;
    let (before, enacting) = (hash_at(port, at - 1), hash_at(port, at));
    assert_eq!((spec_version(port, Some(&before)), spec_version(port, Some(&enacting))), (old, new));
    let header = rpc::call(port, "chain_getHeader", json!([enacting]));
    let logs = header["digest"]["logs"].as_array().expect("a digest").clone();
    assert!(logs.contains(&json!("0x08")), "RuntimeEnvironmentUpdated is in {logs:?}");
    for number in [0, 1, at - 1] {
        let block = hash_at(port, number);
        assert_eq!(spec_version(port, Some(&block)), old, "block {number}");
        assert!(!metadata(port, &block).contains("Fixture"), "block {number} has the old metadata");
        let code = rpc::bytes(&rpc::call(port, "state_getStorage", json!(["0x3a636f6465", block])));
        assert!(code.is_some_and(|code| code == blob("quire_runtime.wasm")), "block {number}");
    }
    assert!(metadata(port, &enacting).contains("Fixture"));
}

fn metadata(port: u16, at: &str) -> String {
    let bytes = rpc::bytes(&rpc::call(port, "state_getMetadata", json!([at]))).expect("metadata");
    String::from_utf8_lossy(&bytes).into_owned()
}

#[test]
fn a_running_chain_moves_to_a_runtime_with_one_more_call() {
    let base = tempfile::tempdir().expect("a temporary folder");
    let node = DevNode::start(base.path());
    let old = spec_version(node.rpc, None);
    let missing = Domain::of(node.rpc).signed(0, &[&NOTE[..], &Compact(0u32).encode()].concat());
    assert!(rpc::try_call(node.rpc, "author_submitExtrinsic", json!([hex0x(&missing)])).is_err());
    assert_eq!(rpc::call(node.rpc, "quire_explainUpgrade", json!([])), Value::Null);
    offer(node.rpc, &fixture());
    assert_eq!(spec_version(node.rpc, None), old, "the motion alone changes nothing");
    // Waits for a nonce that never comes: it is in the pool when the runtime changes.
    let domain = Domain::of(node.rpc);
    let waiting = domain.transfer(900, &[9; 32], 2_000_000_000);
    let mut watch = Watch::submit(node.rpc, &waiting).expect("it is valid, later");
    let at = wait_for("the new code is enacted", SOON, || match state(node.rpc) {
        Some(UpgradeState::Enacted { at }) => Some(at),
        _ => None,
    });
    let explained = rpc::call(node.rpc, "quire_explainUpgrade", json!([]));
    assert_eq!((&explained["state"], &explained["at"]), (&json!("enacted"), &json!(at)));
    assert_eq!(explained["verdicts"][0]["verdict"], json!("accept"), "{explained}");
    wait_for("blocks go on", SOON, || (best(node.rpc) > at + 2).then_some(()));
    check_history(node.rpc, at, (old, old + 1));
    watch.expect(&["future".to_owned(), "invalid".to_owned()]);
    let stale = domain.transfer(sign::finalised_nonce(node.rpc), &[9; 32], 2_000_000_000);
    let refused = rpc::try_call(node.rpc, "author_submitExtrinsic", json!([hex0x(&stale)]));
    assert!(refused.as_ref().is_err_and(|error| error.contains("bad signature")), "{refused:?}");
    note(node.rpc, b"hello");
    assert_eq!(
        (storage_u32(node.rpc, "Notes"), storage_u32(node.rpc, "MigratedAt")),
        (Some(1), Some(at + 1))
    );
    balances_conserve(node.rpc);
    node.kill();

    let node = DevNode::start(base.path());
    check_history(node.rpc, at, (old, old + 1));
    note(node.rpc, b"again");
    assert_eq!(
        (storage_u32(node.rpc, "Notes"), storage_u32(node.rpc, "MigratedAt")),
        (Some(2), Some(at + 1))
    );
    no_slot_was_missed(base.path(), at);
}

/// The author says nothing about empty slots around the change: the new code was ready.
fn no_slot_was_missed(base: &Path, at: u32) {
    let log = std::fs::read_to_string(base.join("node.log")).expect("a log");
    assert!(log.contains("works on the state of block"), "{log}");
    assert!(!log.contains("stays empty"), "{log}");
    let prepared = |number: u32| log.contains(&format!("Prepared block for proposing at {number} "));
    assert!(prepared(at) && prepared(at + 1), "{log}");
}

#[test]
fn kills_around_the_enactment_lose_nothing() {
    let base = tempfile::tempdir().expect("a temporary folder");
    let node = DevNode::start(base.path());
    let old = spec_version(node.rpc, None);
    offer(node.rpc, &fixture());
    let at = wait_for("the upgrade is scheduled", SOON, || match state(node.rpc) {
        Some(UpgradeState::Scheduled { at }) => Some(at),
        _ => None,
    });
    node.kill();
    // Once before the height, once as soon as it is reached, once right after.
    for wanted in [at - 2, at, at + 1] {
        let node = DevNode::start(base.path());
        wait_for("the height is reached", SOON, || (best(node.rpc) >= wanted).then_some(()));
        node.kill();
    }
    let node = DevNode::start(base.path());
    wait_for("blocks go on", SOON, || (rpc::finalised(node.rpc).0 > at + 2).then_some(()));
    let enacted = match state(node.rpc) {
        Some(UpgradeState::Enacted { at }) => at,
        other => panic!("{other:?}"),
    };
    assert!(enacted >= at, "not before its height");
    check_history(node.rpc, enacted, (old, old + 1));
    note(node.rpc, b"still here");
    assert_eq!(storage_u32(node.rpc, "MigratedAt"), Some(enacted + 1));
    balances_conserve(node.rpc);
    node.kill();
}

#[test]
fn broken_code_is_never_enacted_and_its_reason_is_readable() {
    let base = tempfile::tempdir().expect("a temporary folder");
    let node = DevNode::start(base.path());
    let old = spec_version(node.rpc, None);
    let good = fixture();
    for (code, expected) in [
        (
            mutate::with_body(&good, "Core_initialize_block", body::UNREACHABLE),
            "trapped in Core_initialize_block",
        ),
        (mutate::without_export(&good, "Core_execute_block"), "entry point Core_execute_block"),
    ] {
        offer(node.rpc, &code);
        wait_for("the code is refused", SOON, || {
            matches!(state(node.rpc), Some(UpgradeState::Refused { .. })).then_some(())
        });
        let explained = rpc::call(node.rpc, "quire_explainUpgrade", json!([]));
        let reason = explained["verdicts"][0]["reason"].as_str().unwrap_or_default();
        assert!(reason.contains(expected), "{explained}");
    }
    // What the chain itself sees is wrong is never offered: the motion fails.
    let refused_before = status(node.rpc);
    let at = 2 * (1 + "quire".len()) + 4;
    let lower = mutate::with_section(&good, "runtime_version", |content| {
        content[at..at + 4].copy_from_slice(&1u32.to_le_bytes());
    });
    let renamed = mutate::with_section(&good, "runtime_version", |content| content[1] = b'x');
    for code in [mutate::truncated(&good), lower, renamed] {
        offer(node.rpc, &code);
    }
    assert_eq!(status(node.rpc), refused_before, "nothing new is open");
    let from = best(node.rpc);
    wait_for("blocks go on", SOON, || (rpc::finalised(node.rpc).0 > from + 3).then_some(()));
    assert_eq!(spec_version(node.rpc, None), old);
    // And the chain can still be upgraded.
    let enacted = upgrade(node.rpc, &good);
    check_history(node.rpc, enacted, (old, old + 1));
    node.kill();
}
