//! Subcommands on the database of a stopped node, with the real binary.

use crate::process::{DevNode, run, run_with_input, wait_for};
use crate::rpc::{self, call};
use crate::sign::{self, Domain};
use serde_json::{Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Output,
    time::Duration,
};

const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().expect("temporary paths are UTF-8")
}

fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub(crate) fn refusal(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "it succeeded: {said}");
    assert!(!said.contains("panicked"), "{said}");
    said
}

/// A development chain with short slots, as a spec of its own.
pub(crate) fn quick_spec(folder: &Path, slot_ms: u32) -> PathBuf {
    let path = folder.join("quick.json");
    let mut spec: Value =
        serde_json::from_str(&stdout(&run(&["build-spec", "--chain", "dev"]))).expect("JSON");
    spec["id"] = json!("quick");
    spec["genesis"]["runtimeGenesis"]["config"]["slotDurationMs"] = json!(slot_ms);
    fs::write(&path, spec.to_string()).expect("written");
    path
}

/// Runs a subcommand on the chain of `spec` below `base`.
fn on(command: &str, spec: &Path, base: &Path, args: &[&str]) -> Output {
    run(&[&[command, "--chain", text(spec), "-d", text(base)], args].concat())
}

pub(crate) fn info(spec: &Path, base: &Path) -> Value {
    serde_json::from_str(&stdout(&on("chain-info", spec, base, &["--json"]))).expect("JSON")
}

/// Runs the chain until block `height` is final, with a transfer in it.
fn grow(spec: &Path, base: &Path, height: u32) {
    let node = DevNode::with(base, &["--chain", text(spec), "--alice"]);
    let transfer =
        Domain::of(node.rpc).transfer(sign::finalised_nonce(node.rpc), &[7; 32], 3_000_000_000_000);
    call(node.rpc, "author_submitExtrinsic", json!([rpc::hex0x(&transfer)]));
    wait_for("final blocks", PATIENCE, || (rpc::finalised(node.rpc).0 >= height).then_some(()));
    assert_eq!(sign::finalised_nonce(node.rpc), 1);
    node.kill();
}

#[test]
fn a_chain_goes_through_a_file_and_comes_back_the_same() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let (spec, base) = (quick_spec(dir.path(), 250), dir.path().join("base"));
    fs::create_dir(&base).expect("made");
    let key = ["--key-type", "acco", "--suri", "//Bob"];
    let insert = [&["key", "insert", "--chain", text(&spec), "-d", text(&base)][..], &key].concat();
    assert!(run(&insert).status.success());
    grow(&spec, &base, 6);
    let before = info(&spec, &base);
    assert!(before["finalized"]["number"].as_u64() >= Some(6), "{before}");

    let binary = dir.path().join("blocks.bin");
    stdout(&on("export-blocks", &spec, &base, &["--binary", text(&binary)]));
    let lines = stdout(&on("export-blocks", &spec, &base, &["--from", "2", "--to", "4"]));
    let numbers: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON")["block"]["header"]["number"].clone())
        .collect();
    assert_eq!(numbers, ["0x2", "0x3", "0x4"].map(|number| json!(number)));
    assert!(refusal(&on("export-blocks", &spec, &base, &["--from", "9", "--to", "8"])).contains("--from 9"));
    assert!(refusal(&on("export-blocks", &spec, &base, &["--to", "999999"])).contains("no block"));

    let chain = base.join("chains/quick");
    let kept = || {
        let names = |folder: &str| -> Vec<_> {
            let entries = fs::read_dir(chain.join(folder)).expect("it is there");
            entries.map(|entry| entry.expect("an entry").file_name()).collect()
        };
        (
            names("keystore"),
            names("guard"),
            fs::read(chain.join("network/secret_ed25519")).expect("a node key"),
        )
    };
    let keys = kept();
    assert_eq!(keys.0.len(), 1, "the inserted key");
    let asked = run_with_input(&["purge-chain", "--chain", text(&spec), "-d", text(&base)], b"n\n");
    assert!(refusal(&asked).contains(text(&chain.join("db"))), "the question names the folder");
    assert_eq!(info(&spec, &base)["best"], before["best"], "no means no");
    assert!(on("purge-chain", &spec, &base, &["-y"]).status.success());
    assert!(!chain.join("db").exists());
    assert_eq!(kept(), keys);
    assert!(on("purge-chain", &spec, &base, &["-y"]).status.success(), "purging nothing is no failure");
    assert!(refusal(&on("chain-info", &spec, &base, &[])).contains("no database"));

    let imported: Value =
        serde_json::from_str(&stdout(&on("import-blocks", &spec, &base, &[text(&binary), "--json"])))
            .expect("JSON");
    assert_eq!((&imported["best"], &imported["finalized"]), (&before["best"], &before["finalized"]));
    assert_eq!(imported["imported"], before["best"]["number"]);
    let again: Value =
        serde_json::from_str(&stdout(&on("import-blocks", &spec, &base, &[text(&binary), "--json"])))
            .expect("JSON");
    assert_eq!((&again["imported"], &again["known"]), (&json!(0), &before["best"]["number"]));
    assert_eq!(info(&spec, &base)["best"], before["best"]);

    // The same blocks as text, through a pipe, into another folder, in two halves.
    let copy = dir.path().join("copy");
    let text_file = stdout(&on("export-blocks", &spec, &base, &["--json"]));
    let half = text_file.match_indices('\n').nth(2).expect("lines").0 + 1;
    let args = ["import-blocks", "--chain", text(&spec), "-d", text(&copy)];
    let gap = run_with_input(&args, &text_file.as_bytes()[half..]);
    assert!(refusal(&gap).contains("block 4 builds on"), "{}", refusal(&gap));
    assert!(run_with_input(&args, &text_file.as_bytes()[..half]).status.success());
    assert!(run_with_input(&args, text_file.as_bytes()).status.success());
    assert_eq!(info(&spec, &copy)["finalized"], before["finalized"]);

    // And the chain goes on where it was.
    let node = DevNode::with(&base, &["--chain", text(&spec), "--alice"]);
    assert_eq!(
        call(node.rpc, "chain_getBlockHash", json!([before["finalized"]["number"]])),
        before["finalized"]["hash"]
    );
    let further = before["best"]["number"].as_u64().expect("a number") as u32 + 2;
    wait_for("the chain to go on", PATIENCE, || (rpc::finalised(node.rpc).0 >= further).then_some(()));
    let busy = refusal(&on("export-blocks", &spec, &base, &[]));
    assert!(busy.contains("running quire process") && busy.contains("stop that node"), "{busy}");
    node.kill();
}

#[test]
fn changed_blocks_are_found_out() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let (spec, base) = (quick_spec(dir.path(), 250), dir.path().join("base"));
    fs::create_dir(&base).expect("made");
    grow(&spec, &base, 4);
    let best = info(&spec, &base)["best"]["number"].as_u64().expect("a number");
    for number in 1..=best {
        let checked = stdout(&on("check-block", &spec, &base, &[&number.to_string()]));
        assert!(checked.contains("is right"), "{checked}");
    }
    let hash = info(&spec, &base)["best"]["hash"].as_str().expect("a hash").to_owned();
    let by_hash: Value =
        serde_json::from_str(&stdout(&on("check-block", &spec, &base, &[&hash, "--json"]))).expect("JSON");
    assert_eq!((&by_hash["number"], &by_hash["hash"]), (&json!(best), &json!(hash)));
    for (name, expected) in [("0", "genesis"), ("99999", "no block 99999"), ("x", "names no block")] {
        let said = refusal(&on("check-block", &spec, &base, &[name]));
        assert!(said.contains(expected), "{said}");
    }

    // A file with more money in the transfer, with another state root, and with a bit less in the justification.
    let lines: Vec<Value> = stdout(&on("export-blocks", &spec, &base, &[]))
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let with_transfer = lines
        .iter()
        .position(|line| line["block"]["extrinsics"].as_array().expect("extrinsics").len() == 3)
        .expect("the transfer is in a block");
    let number = (with_transfer + 1).to_string();
    let change = |change: &dyn Fn(&mut Value)| {
        let mut lines = lines.clone();
        change(&mut lines[with_transfer]);
        lines.iter().map(|line| format!("{line}\n")).collect::<String>()
    };
    let money = change(&|line| {
        let transfer = line["block"]["extrinsics"][1].as_str().expect("hex").to_owned();
        let end = transfer.len() - 2;
        line["block"]["extrinsics"][1] = json!(format!("{}ff", &transfer[..end]));
    });
    let root = change(&|line| line["block"]["header"]["stateRoot"] = json!(format!("0x{}", "11".repeat(32))));
    let file = dir.path().join("changed.json");
    let fresh = |name: &str| dir.path().join(name);
    for (place, content, expected) in [(fresh("a"), &money, "extrinsics root"), (fresh("b"), &root, "seal")] {
        fs::write(&file, content).expect("written");
        let said = refusal(&on("import-blocks", &spec, &place, &[text(&file)]));
        assert!(
            said.contains(&format!("block {number} was not imported")) && said.contains(expected),
            "{said}"
        );
        let reached = info(&spec, &place);
        assert_eq!(reached["best"]["number"], json!(with_transfer), "what was right before it stays");
        let said = refusal(&on("check-block", &spec, &base, &[&number, "--input", text(&file)]));
        assert!(said.contains("does not check") && said.contains(expected), "{said}");
    }
    let proven =
        lines.iter().position(|line| !line["justifications"].is_null()).expect("a proof of finality");
    let mut broken = lines.clone();
    let bytes = broken[proven]["justifications"][0][1].as_array_mut().expect("bytes");
    let last = bytes.len() - 1;
    bytes[last - 40] = json!(bytes[last - 40].as_u64().expect("a byte") ^ 1);
    fs::write(&file, broken.iter().map(|line| format!("{line}\n")).collect::<String>()).expect("written");
    let said = refusal(&on("import-blocks", &spec, &fresh("c"), &[text(&file)]));
    assert!(said.contains("was not made final"), "{said}");
    let foreign = refusal(&run(&["import-blocks", "--chain", "dev", "-d", text(&fresh("d")), text(&file)]));
    assert!(foreign.contains("another chain") && foreign.contains("genesis"), "{foreign}");
}

#[test]
fn what_is_not_final_can_be_reverted_and_what_is_final_cannot() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let (spec, base) = (quick_spec(dir.path(), 250), dir.path().join("base"));
    fs::create_dir(&base).expect("made");
    let node = DevNode::with(&base, &["--chain", text(&spec), "--alice"]);
    wait_for("final blocks", PATIENCE, || (rpc::finalised(node.rpc).0 >= 2).then_some(()));
    node.kill();
    let finalised = info(&spec, &base)["finalized"].clone();
    let node =
        DevNode::with(&base, &["--chain", text(&spec), "--alice", "--no-grandpa", "--force-authoring"]);
    let floor = finalised["number"].as_u64().expect("a number");
    wait_for("blocks that are not final", PATIENCE, || {
        let best = rpc::number(&call(node.rpc, "chain_getHeader", json!([])));
        (u64::from(best) >= floor + 5).then_some(())
    });
    node.kill();
    let before = info(&spec, &base);
    assert_eq!(before["finalized"], finalised, "--no-grandpa votes on nothing");
    let best = before["best"]["number"].as_u64().expect("a number");
    let too_many = (best - floor + 1).to_string();
    let said = refusal(&on("revert", &spec, &base, &[&too_many]));
    assert!(said.contains("final") && said.contains("purge-chain"), "{said}");
    let reverted: Value =
        serde_json::from_str(&stdout(&on("revert", &spec, &base, &["2", "--json"]))).expect("JSON");
    assert_eq!((&reverted["from"], &reverted["dropped"]), (&before["best"], &json!(2)));
    assert_eq!(reverted["to"]["number"], json!(best - 2));
    assert_eq!(info(&spec, &base)["best"], reverted["to"]);
    assert!(stdout(&on("revert", &spec, &base, &[])).contains("dropped"));
    let after = info(&spec, &base);
    assert_eq!((&after["best"], &after["unfinalizedBlocks"]), (&finalised, &json!(0)));
    assert!(stdout(&on("revert", &spec, &base, &[])).contains("nothing to revert"));
    let node = DevNode::with(&base, &["--chain", text(&spec), "--alice"]);
    wait_for("the chain to go on", PATIENCE, || (u64::from(rpc::finalised(node.rpc).0) > best).then_some(()));
    node.kill();
}

#[test]
fn a_state_becomes_the_genesis_of_a_new_chain() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let (spec, base) = (quick_spec(dir.path(), 250), dir.path().join("base"));
    fs::create_dir(&base).expect("made");
    grow(&spec, &base, 3);
    let fork = dir.path().join("fork.json");
    stdout(&on("export-state", &spec, &base, &["-o", text(&fork)]));
    let genesis = stdout(&on("export-state", &spec, &base, &["0"]));
    let raw: Value = serde_json::from_str(&genesis).expect("JSON");
    let expected: Value =
        serde_json::from_str(&stdout(&run(&["build-spec", "--chain", text(&spec), "--raw"]))).expect("JSON");
    assert_eq!(raw["genesis"], expected["genesis"], "the state of block 0 is the genesis");
    let other = dir.path().join("other");
    fs::create_dir(&other).expect("made");
    let node = DevNode::with(&other, &["--chain", text(&fork), "--alice"]);
    assert_eq!(sign::finalised_nonce(node.rpc), 1, "the transfer happened before the new chain began");
    node.kill();
}

#[test]
fn completions_parse_in_their_shells() {
    for (shell, words) in [
        ("bash", ["complete -F", "purge-chain"]),
        ("zsh", ["#compdef quire", "export-chain-spec"]),
        ("fish", ["complete -c quire", "check-block"]),
    ] {
        let script = stdout(&run(&["completions", shell]));
        assert!(words.iter().all(|word| script.contains(word)), "{shell}: {words:?}");
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        fs::write(file.path(), &script).expect("written");
        // Shells that are not installed here are left to those who have them.
        if let Ok(parsed) = std::process::Command::new(shell).arg("-n").arg(file.path()).output() {
            assert!(parsed.status.success(), "{shell}: {}", String::from_utf8_lossy(&parsed.stderr));
        }
    }
    assert!(!run(&["completions", "tcsh"]).status.success());
}

#[test]
fn help_begins_with_what_people_copy() {
    for command in [
        &[][..],
        &["build-spec"],
        &["export-blocks"],
        &["import-blocks"],
        &["check-block"],
        &["revert"],
        &["purge-chain"],
        &["export-state"],
        &["chain-info"],
        &["key"],
        &["key", "insert"],
        &["key", "sign"],
        &["cert"],
        &["invite"],
        &["join"],
    ] {
        let help = stdout(&run(&[command, &["--help"]].concat()));
        let (examples, usage) = (help.find("Examples:"), help.find("Usage:"));
        assert!(examples.is_some() && examples < usage, "{command:?}:\n{help}");
    }
}
