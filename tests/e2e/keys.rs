//! `quire key`, key files, and keys over JSON-RPC. The expected keys and signatures in `vectors/keys.json` were made by
//! @polkadot/keyring; py-substrate-interface gives the same for those that it can derive.

use crate::process::{DevNode, run, run_with_input, wait_for};
use crate::rpc::{self, call, hex0x, try_call};
use crate::sign;
use serde_json::{Value, json};
use std::{fs, path::Path, process::Output, time::Duration};

const PHRASE: &str = "legal winner thank year wave sausage worth useful legal winner thank yellow";
const ALICE: &str = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
const ALICE_HEX: &str = "0xd43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d";

fn text(path: &Path) -> &str {
    path.to_str().expect("temporary paths are UTF-8")
}

fn out(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).expect("UTF-8").trim_end().to_owned()
}

fn err(output: &Output) -> String {
    assert!(!output.status.success(), "it succeeded: {}", String::from_utf8_lossy(&output.stdout));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!said.contains("panicked"), "{said}");
    said
}

fn inspect(args: &[&str]) -> Value {
    let output = run(&[&["key", "inspect", "--output-type", "json"][..], args].concat());
    serde_json::from_str(&out(&output)).expect("JSON")
}

/// Keys and signatures as other tools make them.
fn vectors() -> Value {
    serde_json::from_str(include_str!("vectors/keys.json")).expect("JSON")
}

fn string(value: &Value) -> &str {
    value.as_str().expect("a string")
}

#[test]
fn keys_are_those_of_other_tools() {
    let vectors = vectors();
    for vector in vectors["keys"].as_array().expect("a list") {
        let args: Vec<&str> = vector["args"].as_array().expect("a list").iter().map(string).collect();
        let key = inspect(&args);
        let (public, address) = (&vector["publicKey"], &vector["ss58Address"]);
        assert_eq!((&key["publicKey"], &key["ss58Address"]), (public, address), "{args:?}");
        assert_eq!((&key["accountId"], &key["ss58PublicKey"]), (public, address));
    }
    let password = tempfile::NamedTempFile::new().expect("a temporary file");
    fs::write(password.path(), "pw\n").expect("written");
    let by_file = inspect(&[PHRASE, "--password-filename", text(password.path())]);
    assert_eq!(by_file["publicKey"], inspect(&[&format!("{PHRASE}///pw")])["publicKey"]);
}

#[test]
fn a_new_key_comes_back_from_its_phrase_by_every_way_of_reading_it() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    for (words, scheme) in [("12", "sr25519"), ("15", "ed25519"), ("24", "sr25519")] {
        let made = run(&["key", "generate", "--words", words, "--scheme", scheme, "--json", "-n", "7"]);
        let made: Value = serde_json::from_str(&out(&made)).expect("JSON");
        let phrase = made["secretPhrase"].as_str().expect("a phrase");
        assert_eq!(phrase.split(' ').count().to_string(), words);
        let file = dir.path().join("phrase");
        fs::write(&file, format!("{phrase}\n")).expect("written");
        let network = ["--scheme", scheme, "-n", "7", "--json"];
        let by_file = run(&[&["key", "inspect", text(&file)][..], &network].concat());
        let by_stdin = run_with_input(&[&["key", "inspect", "-"][..], &network].concat(), phrase.as_bytes());
        let by_seed =
            run(&[&["key", "inspect", made["secretSeed"].as_str().expect("a seed")][..], &network].concat());
        assert_eq!(serde_json::from_str::<Value>(&out(&by_file)).expect("JSON"), made);
        assert_eq!(serde_json::from_str::<Value>(&out(&by_stdin)).expect("JSON"), made);
        let by_seed: Value = serde_json::from_str(&out(&by_seed)).expect("JSON");
        assert_eq!(by_seed["ss58Address"], made["ss58Address"]);
    }
    let lines = out(&run(&["key", "inspect", "//Alice"]));
    let labels: Vec<&str> = lines.lines().map(|line| line.split("  ").nth(1).unwrap_or(line)).collect();
    assert!(lines.starts_with("Secret Key URI `//Alice` is account:"), "{lines}");
    for label in [
        "Network ID:",
        "Secret seed:",
        "Public key (hex):",
        "Account ID:",
        "Public key (SS58):",
        "SS58 Address:",
    ] {
        assert!(labels.iter().any(|line| line.starts_with(label)), "{label}: {lines}");
    }
}

#[test]
fn signatures_of_this_and_other_tools_verify() {
    let signed = out(&run(&["key", "sign", "--suri", "//Alice", "--message", "hello"]));
    let verified = run(&["key", "verify", &signed, ALICE, "--message", "hello"]);
    assert_eq!(out(&verified), "Signature verifies correctly.");
    let by_stdin = run_with_input(&["key", "verify", &signed, ALICE_HEX], b"hello");
    assert_eq!(out(&by_stdin), "Signature verifies correctly.");
    for (uri, message) in [(ALICE, "hullo"), ("//Bob", "hello")] {
        assert!(err(&run(&["key", "verify", &signed, uri, "--message", message])).contains("not right"));
    }
    for vector in vectors()["signatures"].as_array().expect("a list") {
        let [scheme, signer, message, signature] =
            ["scheme", "signer", "message", "signature"].map(|name| string(&vector[name]).to_owned());
        let how = ["--scheme", &scheme, "--message", &message];
        let verified = run(&[&["key", "verify", &signature, &signer][..], &how].concat());
        assert_eq!(out(&verified), "Signature verifies correctly.", "{vector}");
        if scheme == "ed25519" {
            // Deterministic, so it can be compared.
            let how = ["--scheme", &scheme, "--hex", "--message", &hex0x(message.as_bytes())];
            assert_eq!(out(&run(&[&["key", "sign", "--suri", &signer][..], &how].concat())), signature);
        }
    }
}

#[test]
fn mistakes_are_explained_without_the_secret() {
    let secret = "legal winner thank year wave sausage worth useful legal winner thank thank";
    let cases: &[(&[&str], &str)] = &[
        (&["inspect", secret], "checksum"),
        (&["inspect", "--scheme", "ecdsa", "//Alice"], "nothing on a Quire chain verifies it"),
        (&["inspect", "--public", "0x12"], "64 hex digits"),
        (&["inspect", "--scheme", "ed25519", "//Alice/soft"], "hard junctions"),
        (&["generate", "--words", "13"], "12, 15, 18, 21 or 24"),
        (&["generate", "--network", "moon"], "moon"),
        (&["sign", "--suri", "-"], "standard input cannot be both"),
        (&["verify", "0x12", "//Alice", "--message", "x"], "128 hex digits"),
        (&["insert", "--keystore-path", "/nowhere", "--key-type", "au", "--suri", "//A"], "four letters"),
        (&["insert", "--key-type", "aura", "--suri", "//A"], "--chain"),
        (&["inspect-node-key", "--file", "/nowhere/key"], "/nowhere/key"),
    ];
    for (args, expected) in cases {
        let said = err(&run(&[&["key"][..], args].concat()));
        assert!(said.contains(expected), "{args:?} does not say '{expected}': {said}");
        assert!(!said.contains("sausage"), "{said}");
    }
}

#[test]
fn node_keys_are_made_once_and_known_by_their_peer_id() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let file = dir.path().join("node.key");
    let made = run(&["key", "generate-node-key", "--file", text(&file)]);
    let id = String::from_utf8_lossy(&made.stderr).trim().to_owned();
    assert!(made.status.success() && id.starts_with("12D3KooW"), "{id}");
    assert_eq!(out(&run(&["key", "inspect-node-key", "--file", text(&file)])), id);
    assert_eq!(fs::read_to_string(&file).expect("hex").len(), 64);
    assert!(err(&run(&["key", "generate-node-key", "--file", text(&file)])).contains("exists"));
    let printed = run(&["key", "generate-node-key"]);
    let (key, id) = (out(&printed), String::from_utf8_lossy(&printed.stderr).trim().to_owned());
    assert_eq!(out(&run_with_input(&["key", "inspect-node-key"], key.as_bytes())), id);
    // The well-known key of libp2p's tests.
    let one = format!("{:064x}", 1);
    let id = out(&run_with_input(&["key", "inspect-node-key"], one.as_bytes()));
    assert_eq!(id, "12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp");
    let base = dir.path().join("base");
    let made = run(&["key", "generate-node-key", "--chain", "dev", "-d", text(&base)]);
    let id = String::from_utf8_lossy(&made.stderr).trim().to_owned();
    let file = base.join("chains/quire_dev/network/secret_ed25519");
    assert_eq!(out(&run(&["key", "inspect-node-key", "--file", text(&file)])), id);
    let node = DevNode::start(&base);
    assert_eq!(call(node.rpc, "system_localPeerId", json!([])), json!(id));
    node.kill();
}

#[test]
fn a_running_validator_uses_inserted_keys_at_once() {
    let base = tempfile::tempdir().expect("a temporary folder");
    let password = base.path().join("password");
    fs::write(&password, "correct horse").expect("written");
    let node = DevNode::with(
        base.path(),
        &["--chain", "dev", "--validator", "--password-filename", text(&password)],
    );
    let height = || rpc::number(&call(node.rpc, "chain_getHeader", json!([])));
    assert_eq!(height(), 0, "nobody can author");
    // The password is part of every key in the store, so an unprotected //Alice is what a 0x seed gives.
    let seed = inspect(&["//Alice"])["secretSeed"].as_str().expect("a seed").to_owned();
    let keystore = base.path().join("chains/quire_dev/keystore");
    let place = ["--keystore-path", text(&keystore), "--password-filename", text(&password)];
    let aura =
        run_with_input(&[&["key", "insert", "--key-type", "aura"][..], &place].concat(), seed.as_bytes());
    assert!(aura.status.success(), "{}", String::from_utf8_lossy(&aura.stderr));
    let name = keystore.join(format!("61757261{}", &ALICE_HEX[2..]));
    assert_eq!(fs::read_to_string(name).expect("a key file"), format!("\"{seed}\""));
    wait_for("a block by the inserted key", Duration::from_secs(60), || (height() > 0).then_some(()));
    assert_eq!(rpc::finalised(node.rpc).0, 0, "nobody can vote");
    let ed = inspect(&["--scheme", "ed25519", "//Alice"]);
    let params = json!(["gran", ed["secretSeed"], ed["publicKey"]]);
    assert_eq!(call(node.rpc, "author_insertKey", params), Value::Null);
    wait_for("finality by the inserted key", Duration::from_secs(60), || {
        (rpc::finalised(node.rpc).0 > 0).then_some(())
    });
    node.kill();
}

#[test]
fn session_keys_are_made_and_found_over_rpc() {
    let base = tempfile::tempdir().expect("a temporary folder");
    let node = DevNode::start(base.path());
    let rotated = call(node.rpc, "author_rotateKeys", json!([]));
    let bytes = rpc::bytes(&rotated).expect("session keys");
    assert_eq!(bytes.len(), 64);
    assert_eq!(call(node.rpc, "author_hasSessionKeys", json!([rotated])), json!(true));
    assert_eq!(call(node.rpc, "author_hasKey", json!([hex0x(&bytes[..32]), "aura"])), json!(true));
    assert_eq!(call(node.rpc, "author_hasKey", json!([hex0x(&bytes[32..]), "gran"])), json!(true));
    assert_eq!(call(node.rpc, "author_hasKey", json!([hex0x(&bytes[..32]), "gran"])), json!(false));
    assert_eq!(call(node.rpc, "author_hasSessionKeys", json!([hex0x(&[1; 64])])), json!(false));
    let wrong = try_call(node.rpc, "author_hasSessionKeys", json!(["0x01"])).unwrap_err();
    assert!(wrong.contains("1040") && wrong.contains("not encoded correctly"), "{wrong}");
    let mismatch = try_call(node.rpc, "author_insertKey", json!(["aura", "//Bob", ALICE_HEX])).unwrap_err();
    assert!(mismatch.contains("not that of the secret URI"), "{mismatch}");
    assert!(try_call(node.rpc, "author_insertKey", json!(["auraa", "//Bob", ALICE_HEX])).is_err());
    let trap =
        try_call(node.rpc, "state_call", json!(["SessionKeys_generate_session_keys", "0x00"])).unwrap_err();
    assert!(trap.contains("author_rotateKeys"), "{trap}");
    let decoded = call(
        node.rpc,
        "state_call",
        json!(["SessionKeys_decode_session_keys", format!("0x0101{}", &rotated.as_str().expect("hex")[2..])]),
    );
    assert!(
        decoded
            .as_str()
            .is_some_and(|text| text.contains(&hex::encode(b"aura")) && text.contains(&hex::encode(b"gran"))),
        "{decoded}"
    );
    let version = call(node.rpc, "state_getRuntimeVersion", json!([]));
    assert!(version["apis"].as_array().expect("apis").contains(&json!(["0xab3c0572291feb8b", 1])));
    node.kill();
    let safe = DevNode::with(base.path(), &["--dev", "--rpc-methods", "safe"]);
    for method in ["author_rotateKeys", "author_hasSessionKeys", "author_insertKey", "author_hasKey"] {
        let refused = try_call(safe.rpc, method, json!([])).unwrap_err();
        assert!(refused.contains("unsafe"), "{method}: {refused}");
    }
    assert_eq!(sign::finalised_nonce(safe.rpc), 0);
    safe.kill();
}
