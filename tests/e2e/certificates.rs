//! `quire cert`: a whole tower by hand, with real files, and what is refused.

use crate::process::{DevNode, run, wait_for};
use crate::rpc::{call, finalised};
use serde_json::{Value, json};
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Output,
    time::Duration,
};

const ALICE: &str = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
const BOB: &str = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty";

fn text(path: &Path) -> &str {
    path.to_str().expect("temporary paths are UTF-8")
}

fn good(args: &[&str]) -> String {
    let output = run(&[&["cert"], args].concat());
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

fn bad(args: &[&str]) -> String {
    let output: Output = run(&[&["cert"], args].concat());
    assert!(!output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stdout));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!said.contains("panicked"), "{said}");
    said
}

fn json(args: &[&str]) -> Value {
    serde_json::from_str(&good(&[args, &["--json"]].concat())).expect("JSON")
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A development node with a base path of this name.
    fn node(&self, name: &str) -> DevNode {
        fs::create_dir(self.at(name)).expect("a new folder");
        DevNode::start(&self.at(name))
    }
}

/// An organisation's certificate by the root key //Root, on the development chain.
fn organisation(folder: &Folder) -> PathBuf {
    let (request, certificate) = (folder.at("org.request"), folder.at("org.certificate"));
    let ask = ["request", "--dev", "--suri", "//Eve", "--account", BOB, "--name", "Printers' Guild"];
    good(&[&ask[..], &["-o", text(&request)]].concat());
    let issue =
        ["issue", text(&request), "--dev", "--suri", "//Root", "--days", "90", "-o", text(&certificate)];
    good(&issue);
    certificate
}

fn node_certificate(folder: &Folder, days: &str) -> PathBuf {
    let (key, request) = (folder.at("node.key"), folder.at("node.request"));
    let certificate = folder.at(&format!("node.{days}.certificate"));
    fs::write(&key, hex::encode([7; 32])).expect("written");
    let ask = ["request", "--dev", "--node-key-file", text(&key), "--member", ALICE, "--name", "node-1"];
    good(&[&ask[..], &["-o", text(&request)]].concat());
    let issue = ["issue", text(&request), "--dev", "--suri", "//Alice", "--days", days];
    good(&[&issue[..], &["-o", text(&certificate)]].concat());
    certificate
}

#[test]
fn a_root_key_is_a_private_new_file() {
    let folder = Folder::new();
    let path = folder.at("root.key");
    let made = json(&["root", "--file", text(&path)]);
    assert!(made["certificateRoot"].as_str().expect("text").starts_with("sr25519:5"));
    assert_eq!(fs::metadata(&path).expect("written").permissions().mode() & 0o777, 0o600);
    let words = fs::read_to_string(&path).expect("readable");
    assert_eq!(words.split_whitespace().count(), 24);
    assert!(bad(&["root", "--file", text(&path)]).contains("exists"));
    // The key that was printed is the one that signs.
    let request = folder.at("r");
    let ask = ["request", "--dev", "--suri", "//Eve", "--account", BOB, "--name", "E", "-o", text(&request)];
    good(&ask);
    let issued = json(&["issue", text(&request), "--dev", "--suri", text(&path)]);
    assert_eq!(issued["issuer"], made["certificateRoot"]);
}

#[test]
fn a_tower_is_built_renewed_and_shown() {
    let folder = Folder::new();
    let level0 = json(&["inspect", text(&organisation(&folder)), "--dev"]);
    assert_eq!((&level0["level"], &level0["state"]), (&0.into(), &"valid".into()));
    assert_eq!((&level0["subject"]["account"], &level0["daysLeft"]), (&BOB.into(), &89.into()));
    assert!(level0["calls"]["proposeAdmission"].as_str().expect("hex").starts_with("0x0800"));
    let path = node_certificate(&folder, "30");
    let level1 = json(&["inspect", text(&path)]);
    assert_eq!(level1["issuer"], format!("sr25519:{ALICE}"));
    let next = json(&["renew", text(&path), "--suri", "//Alice", "--days", "300"]);
    assert!(next["serial"].as_u64() > level1["serial"].as_u64());
    assert!(next["validUntil"].as_u64() > level1["validUntil"].as_u64());
    assert_eq!(next["subject"], level1["subject"]);
    let (peer, request) = (level1["subject"]["node"].as_str().expect("hex"), folder.at("client.request"));
    let ask = ["request", "--dev", "--suri", "//Client", "--peer", peer, "--work-bits", "8"];
    good(&[&ask[..], &["-o", text(&request)]].concat());
    let key = folder.at("node.key");
    let issue =
        ["issue", text(&request), "--dev", "--node-key-file", text(&key), "--days", "7", "--work-bits", "8"];
    let level2 = json(&issue);
    assert_eq!((&level2["level"], &level2["subject"]["peer"]), (&2.into(), &peer.into()));
    assert!(bad(&[&issue[..7], &["--work-bits", "60"]].concat()).contains("60 are needed"));
    let table = good(&["inspect", text(&path)]);
    assert!(table.contains("subject.name") && table.contains("node-1"), "{table}");
}

#[test]
fn what_is_damaged_foreign_or_wrong_is_refused_with_the_reason() {
    let folder = Folder::new();
    let path = node_certificate(&folder, "30");
    let whole = fs::read_to_string(&path).expect("readable");
    let damaged = folder.at("damaged");
    let place = whole.find('\n').expect("lines") + 9;
    let mut bytes = whole.clone().into_bytes();
    bytes[place] = if bytes[place] == b'a' { b'b' } else { b'a' };
    fs::write(&damaged, bytes).expect("written");
    assert!(bad(&["inspect", text(&damaged)]).contains("the text is damaged (wrong checksum)"));
    fs::write(&damaged, &whole[..whole.len() / 2]).expect("written");
    assert!(bad(&["inspect", text(&damaged)]).contains("cut off"));
    fs::write(&damaged, "hello").expect("written");
    assert!(bad(&["inspect", text(&damaged)]).contains("there is no line"));
    assert!(bad(&["inspect", text(&path), "--chain", "local"]).contains("for another chain"));
    let bob = format!("sr25519:{BOB}");
    assert!(bad(&["inspect", text(&path), "--issuer", &bob]).contains("wrong principal"));
    assert!(bad(&["renew", text(&path), "--suri", "//Bob"]).contains("did not sign"));
    let request = folder.at("node.request");
    let issue = |more: &[&str]| bad(&[&["issue", text(&request), "--suri", "//Alice"], more].concat());
    assert!(issue(&[]).contains("name it by --chain"));
    assert!(issue(&["--chain", "local"]).contains("for another chain"));
    assert!(issue(&["--dev", "--days", "500"]).contains("longer than its level may"));
    assert!(issue(&["--dev", "--days", "0"]).contains("ends before it begins"));
    assert!(bad(&["inspect", "/nowhere/certificate"]).contains("/nowhere/certificate"));
    let old = folder.at("old");
    let expired = ["issue", text(&request), "--dev", "--suri", "//Alice", "--from", "1000", "--days", "1"];
    good(&[&expired[..], &["-o", text(&old)]].concat());
    assert_eq!(json(&["inspect", text(&old)])["state"], "expired");
    let nameless = bad(&["request", "--dev", "--suri", "//Eve", "--account", BOB]);
    assert!(nameless.contains("--name"), "{nameless}");
    assert!(bad(&["request", "--dev", "--suri", "//Eve", "--name", "x"]).contains("say for whom"));
}

/// A node that invites, a newcomer that prepares itself from the file, and what is wrong with bad files.
#[test]
fn an_invitation_is_written_and_a_newcomer_prepares_itself_by_it() {
    let folder = Folder::new();
    let node = folder.node("inviter");
    let (file, newcomer) = (folder.at("invitation.json"), folder.at("newcomer"));
    wait_for("a final block", Duration::from_secs(60), || (finalised(node.rpc).0 > 1).then_some(()));
    let port = node.rpc.to_string();
    let boot = "/ip4/127.0.0.1/tcp/44001/p2p/12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp";
    let invite =
        ["invite", "--chain", "dev", "--rpc-port", &port, "--bootnode", boot, "-o", text(&file), "--json"];
    let output = run(&invite);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let invited: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert!(invited["checkpoint"]["number"].as_u64() > Some(0));
    let wrong = run(&["invite", "--chain", "local", "--rpc-port", &port, "-o", text(&folder.at("x"))]);
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("runs the chain"), "another chain's spec");
    let join = ["join", text(&file), "--base-path", text(&newcomer), "--prepare-only", "--json"];
    let nameless = run(&join);
    assert!(String::from_utf8_lossy(&nameless.stderr).contains("--organisation"));
    let prepared = |more: &[&str]| -> Value {
        let output = run(&[&join[..], more].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).expect("JSON")
    };
    let first = prepared(&["--organisation", "Printers' Guild"]);
    assert_eq!(prepared(&[]), first, "a second run makes nothing anew");
    let request = json(&["inspect", first["request"].as_str().expect("a path"), "--dev"]);
    assert_eq!(request["subject"]["account"], first["account"]);
    let own = json(&["inspect", first["nodeCertificate"].as_str().expect("a path"), "--dev"]);
    assert_eq!((&own["issuer"], &own["subject"]["peerId"]), (&first["key"], &first["peerId"]));
    // The root key answers the request.
    let path = first["request"].as_str().expect("a path");
    let issued = json(&["issue", path, "--dev", "--suri", "//Root"]);
    assert_eq!(issued["subject"]["key"], first["key"]);
    for entry in fs::read_dir(newcomer.join("chains/quire_dev/keystore")).expect("a keystore") {
        let mode = entry.expect("an entry").metadata().expect("a file").permissions().mode();
        assert_eq!(mode & 0o077, 0, "secrets are the owner's");
    }
    let whole = fs::read_to_string(&file).expect("readable");
    let damaged = folder.at("damaged.json");
    fs::write(&damaged, whole.replacen("44001", "44002", 1)).expect("written");
    let refused = run(&["join", text(&damaged), "--base-path", text(&folder.at("y")), "--organisation", "x"]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("damaged (wrong checksum)"));
    assert!(!folder.at("y").exists(), "nothing was made");
}

/// An authority's node tells of each stranger what it may do and why no more, from what the stranger presents.
#[test]
fn who_shows_no_good_certificate_reads_only_and_is_told_why() {
    let folder = Folder::new();
    let alice = folder.node("alice");
    let listens = call(alice.rpc, "system_localListenAddresses", json!([]));
    let address = listens[0].as_str().expect("an address").replace("/0.0.0.0/", "/127.0.0.1/");
    wait_for("a block", Duration::from_secs(60), || (finalised(alice.rpc).0 > 1).then_some(()));
    let base = folder.at("stranger");
    let network = base.join("chains/quire_dev/network");
    fs::create_dir_all(&network).expect("a folder");
    let key = folder.at("node.key");
    fs::write(&key, hex::encode([7; 32])).expect("written");
    let sign = |chain: &str, suri: &str, more: &[&str]| {
        let (request, certificate) = (folder.at("node.request"), network.join("certificate"));
        let ask =
            ["request", "--chain", chain, "--node-key-file", text(&key), "--member", ALICE, "--name", "n"];
        good(&[&ask[..], &["-o", text(&request)]].concat());
        let issue = ["issue", text(&request), "--chain", chain, "--suri", suri, "-o", text(&certificate)];
        good(&[&issue[..], more].concat());
    };
    let standing = |expected: &str| {
        let flags = ["--chain", "dev", "--bootnodes", &address, "--node-key-file", text(&key)];
        let stranger = DevNode::with(&base, &flags);
        let id = call(stranger.rpc, "system_localPeerId", json!([]));
        wait_for(expected, Duration::from_secs(90), || {
            let told = call(alice.rpc, "quire_explainPeer", json!([id]))["certificate"].clone();
            told.as_str().is_some_and(|told| told.contains(expected)).then_some(())
        });
        // It reads all the same.
        wait_for("a final block", Duration::from_secs(90), || (finalised(stranger.rpc).0 > 1).then_some(()));
        let alice_id = call(alice.rpc, "system_localPeerId", json!([]));
        wait_for("Alice takes part", Duration::from_secs(90), || {
            let told = call(stranger.rpc, "quire_explainPeer", json!([alice_id]))["certificate"].clone();
            told.as_str().is_some_and(|told| told.contains("takes part as a node of")).then_some(())
        });
    };
    standing("no certificate was presented");
    sign("dev", "//Alice", &["--from", "1000", "--days", "1"]);
    // Alice is the authority: her node takes part whatever its window says.
    standing("which is in the authority set");
    sign("dev", "//Bob", &[]);
    standing("signed by the wrong principal");
    sign("local", "//Alice", &[]);
    standing("is for another chain");
    sign("dev", "//Alice", &[]);
    standing("takes part as a node of");
}
