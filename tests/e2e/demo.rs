//! `quire demo` as users run it: events in, settled balances out, compared with an independent recomputation.

use crate::{
    process::{Process, free_port, quire, wait_for},
    reference::{self, Expected},
    rpc,
};
use parity_scale_codec::Decode as _;
use serde_json::{Value, json};
use std::{
    fs,
    io::Read as _,
    path::Path,
    process::{Command, Output, Stdio},
    time::Duration,
};
use tempfile::TempDir;

fn demo(args: &[&str]) -> Command {
    let mut command = quire();
    command.arg("demo").args(args).stdin(Stdio::null());
    command
}

fn run(args: &[&str]) -> Output {
    demo(args).output().expect("the binary starts")
}

/// The object on the last line of a finished run.
fn outcome(output: &Output) -> Value {
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "exit {:?}\n{text}\n{errors}", output.status.code());
    last_json(&text)
}

/// Runs that must fail with a sentence; gives the sentence.
fn refusal(args: &[&str]) -> String {
    let output = run(args);
    assert!(!output.status.success(), "{args:?} succeeded");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!text.contains("panicked"), "{text}");
    text
}

/// The object on the last line of a demo's output.
pub(crate) fn last_json(output: &str) -> Value {
    let last = output.trim_end().lines().last().unwrap_or_default();
    serde_json::from_str(last).unwrap_or_else(|e| panic!("the last line is no JSON ({e}):\n{output}"))
}

/// Checks a finished run against the recomputation.
pub(crate) fn check(result: &Value, expected: &Expected) {
    assert_eq!(result["input"], json!({ "lines": expected.input.0, "skipped": expected.input.1 }));
    assert_eq!(result["report"], expected.report());
    assert_eq!(result["paid"], expected.paid());
    let blocks = result["blocks"].as_array().expect("a list of blocks");
    assert_eq!(blocks.len(), expected.messages.len());
    for (block, messages) in blocks.iter().zip(&expected.messages) {
        assert_eq!(block["state"], "Settled");
        assert_eq!(block["messages"], json!(messages));
    }
}

/// Everything of an outcome that depends on the input only.
fn facts(outcome: &Value) -> Value {
    let hashes: Vec<Value> = outcome["blocks"]
        .as_array()
        .expect("blocks")
        .iter()
        .map(|block| block["result_hash"].clone())
        .collect();
    json!({ "input": outcome["input"], "report": outcome["report"], "paid": outcome["paid"], "hashes": hashes })
}

/// A log with everything that lines can be: robots, clicks, bad and empty lines, escapes, bytes that are no text.
pub(crate) fn mixed_log(lines: u32) -> Vec<u8> {
    let mut text = Vec::new();
    for n in 0..lines {
        let status = [200, 304, 404, 206][n as usize % 4];
        let referer = ["-", "http://r/", "", "a\\\"b"][n as usize / 4 % 4];
        let agent = ["Mozilla", "GoogleBOT/2", "see HTTP://x", "xSpider"][n as usize / 16 % 4];
        let line =
            format!(r#"h{n} - - [17/May/2015:10:05:03 +0000] "GET /{n}" {status} {n} "{referer}" "{agent}""#);
        text.extend_from_slice(line.as_bytes());
        let end: &[u8] = match n % 50 {
            0 => b"\r\n",
            1 => b" \t\n",
            2 => b"\n\n",
            3 => b" garbage\n",
            4 => b"\r\r\n\xff\xfe \xfd\n",
            _ => b"\n",
        };
        text.extend_from_slice(end);
    }
    text
}

#[test]
fn a_log_of_every_kind_of_line_settles_as_the_rules_say() {
    let dir = TempDir::new().expect("a folder");
    let log = dir.path().join("mixed.log");
    fs::write(&log, mixed_log(3_000)).expect("the log is written");
    let outcome = outcome(&run(&["--access-log", &log.display().to_string(), "--blocks", "3", "--json"]));
    check(&outcome, &reference::recompute(&mixed_log(3_000), 3));
    assert_eq!(outcome["accounts"]["validators"].as_array().map(Vec::len), Some(3));
}

#[test]
fn a_real_log_settles_as_the_rules_say() {
    let log = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/apache-access-10k.log.gz");
    let Ok(file) = fs::File::open(&log) else {
        println!("no real log beside the checkout: the mixed log is all that was checked");
        return;
    };
    let mut plain = Vec::new();
    flate2::read::MultiGzDecoder::new(file).read_to_end(&mut plain).expect("the log is gzip");
    let outcome = outcome(&run(&["--access-log", &log.display().to_string(), "--json"]));
    check(&outcome, &reference::recompute(&plain, 2));
}

#[test]
fn threads_do_not_change_the_result() {
    let run = |threads: &str| outcome(&run(&["--impressions", "4000", "--json", "--threads", threads]));
    assert_eq!(facts(&run("1")), facts(&run("4")));
}

#[test]
fn a_finished_run_is_told_again_and_another_is_refused() {
    let dir = TempDir::new().expect("a folder");
    let path = dir.path().display().to_string();
    let args = ["--impressions", "600", "--seed", "5", "--json", "--base-path", &path];
    let (first, again) = (outcome(&run(&args)), outcome(&run(&args)));
    assert_eq!(first["seconds"], again["seconds"]);
    assert_eq!(facts(&first), facts(&again));
    let other = refusal(&["--impressions", "600", "--seed", "6", "--json", "--base-path", &path]);
    assert!(other.contains("holds the run of 600 generated impressions (seed 5)"), "{other}");
}

#[test]
fn bad_input_gets_a_sentence_and_leaves_nothing() {
    let dir = TempDir::new().expect("a folder");
    let file = |name: &str, bytes: &[u8]| {
        let path = dir.path().join(name);
        fs::write(&path, bytes).expect("written");
        path.display().to_string()
    };
    let base = dir.path().join("base").display().to_string();
    let whole = file("small.log", br#"h i u [t] "r" 200 1 "-" "a""#);
    for (args, expected) in [
        (vec!["--access-log", "/nonexistent/log"], "cannot open access log /nonexistent/log"),
        (vec!["--access-log", &dir.path().display().to_string()], "is not a regular file"),
        (vec!["--access-log", &file("not.log", b"{}\n{}\n")], "is not an access log"),
        (vec!["--access-log", &file("empty.log", b"")], "none of its 0 lines parses"),
        (
            vec!["--access-log", &file("cut.log.gz", b"\x1f\x8b\x08\0\0\0\0\0\0\x03\x01")],
            "the file was cut off",
        ),
        (
            vec!["--access-log", &whole, "--blocks", "2"],
            "has 1 valid lines, which cannot be split into 2 blocks",
        ),
        (vec!["--impressions", "0"], "--impressions 0"),
    ] {
        let args: Vec<&str> = args.into_iter().chain(["--base-path", &base]).collect();
        let text = refusal(&args);
        assert!(text.contains(expected), "{args:?}: {text}");
        assert!(!Path::new(&base).exists(), "{args:?} touched the base path");
    }
}

#[test]
fn a_deposit_that_nobody_can_pay_is_told() {
    let text = refusal(&["--impressions", "2000000000"]);
    assert!(text.contains("the deposit of 2000002000000000000 plancks"), "{text}");
}

#[test]
fn balances_read_by_rpc_are_those_of_the_outcome() {
    let dir = TempDir::new().expect("a folder");
    let port = free_port();
    let args = ["demo", "--impressions", "500", "--json", "--serve", "--rpc-port", &port.to_string()];
    let mut node = Process::start(&args, &dir.path().join("out"));
    let outcome = wait_for("the demo's result", Duration::from_secs(180), || {
        assert!(node.ended().is_none(), "the demo ended:\n{}", node.output());
        let output = node.output();
        output
            .lines()
            .rev()
            .find_map(|line| serde_json::from_str::<Value>(line).ok())
            .filter(|v| v["paid"].is_object())
    });
    let channel = outcome["channel"].as_u64().expect("an id");
    let key = pallet_channels::storage::MONEY.key_for(&channel);
    let bytes = rpc::storage(port, &key).expect("the channel's money");
    let money = Vec::<pallet_channels::Money>::decode(&mut &bytes[..]).expect("money");
    crate::crash::balances_conserve(port);
    let paid =
        |who: &str| outcome["paid"][who].as_str().and_then(|text| text.parse::<u128>().ok()).expect("a sum");
    let deposit = 500 * (1_000_000_000 + 1_000);
    assert_eq!(
        money.iter().map(pallet_channels::Money::total).collect::<Vec<_>>(),
        [deposit - paid("dsp"), paid("ssp"), paid("auditor"),]
    );
    assert_eq!(paid("dsp"), paid("ssp") + paid("auditor") + paid("validators"));
}

#[test]
fn an_interrupted_run_leaves_no_temporary_folder() {
    let dir = TempDir::new().expect("a folder");
    let mut command = demo(&["--impressions", "300000"]);
    command.env("TMPDIR", dir.path()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut node = command.spawn().expect("the binary starts");
    let is_empty = || fs::read_dir(dir.path()).expect("readable").next().is_none();
    let has_begun = || walk(dir.path(), "offchain");
    while !has_begun() {
        assert!(node.try_wait().expect("waited").is_none(), "it ended early");
        std::thread::yield_now();
    }
    let pid = rustix::process::Pid::from_child(&node);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("sent");
    assert!(!node.wait().expect("waited").success());
    assert!(is_empty(), "the folder is still there");
}

/// Whether some folder of this name is below.
fn walk(dir: &Path, name: &str) -> bool {
    let Ok(entries) = fs::read_dir(dir) else { return false };
    entries
        .flatten()
        .any(|entry| entry.file_name() == name || (entry.path().is_dir() && walk(&entry.path(), name)))
}

#[test]
fn a_port_in_use_is_told_before_anything_is_sent() {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let port = listener.local_addr().expect("bound").port().to_string();
    let text = refusal(&["--impressions", "10", "--serve", "--rpc-port", &port]);
    assert!(text.contains(&port), "{text}");
}

#[test]
fn two_runs_cannot_share_a_base_path() {
    let dir = TempDir::new().expect("a folder");
    let path = dir.path().display().to_string();
    let args = ["--impressions", "200000", "--base-path", &path];
    let mut first =
        demo(&args).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("the binary starts");
    while !dir.path().join("chains/quire_demo/offchain").exists() {
        assert!(first.try_wait().expect("waited").is_none(), "the first run ended early");
        std::thread::yield_now();
    }
    let text = refusal(&args);
    first.kill().expect("kill -9");
    first.wait().expect("waited");
    assert!(text.contains("another quire process uses"), "{text}");
}

/// Runs the demo with files limited to `blocks` of 512 bytes, which is how a disk without room looks to it.
fn on_a_full_disk(blocks: u32, args: &[&str]) -> Output {
    let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" demo \"$@\"");
    let binary = env!("CARGO_BIN_EXE_quire");
    Command::new("sh")
        .args(["-c", &script, binary])
        .args(args)
        .stdin(Stdio::null())
        .output()
        .expect("a shell")
}

#[test]
fn a_full_disk_stops_a_run_with_a_sentence_and_loses_nothing() {
    let dir = TempDir::new().expect("a folder");
    let path = dir.path().display().to_string();
    let args = ["--impressions", "20000", "--seed", "3", "--json", "--base-path", &path];
    for blocks in [50, 2_000, 5_000] {
        let output = on_a_full_disk(blocks, &args);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success(), "{blocks} blocks were enough");
        assert!(text.contains(&path) && !text.contains("panicked"), "{blocks} blocks: {text}");
    }
    let whole = outcome(&run(&["--impressions", "20000", "--seed", "3", "--json"]));
    assert_eq!(facts(&outcome(&run(&args))), facts(&whole));
}
