//! `quire demo` as users run it: real processes, real files, kill -9.
//!
//! The figures are those of `tests/reference/rtb_reference.py`, which shares no code with Quire.

use parity_scale_codec::Decode as _;
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;
use tempfile::TempDir;

fn quire(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_quire"));
    command.arg("demo").args(args).stdin(Stdio::null());
    command
}

fn run(args: &[&str]) -> Output {
    quire(args).output().expect("the binary starts")
}

/// The object on the last line.
fn outcome(output: &Output) -> Value {
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "exit {:?}\n{text}\n{errors}", output.status.code());
    serde_json::from_str(text.lines().last().expect("a last line")).expect("one JSON object")
}

/// Runs that must fail with a sentence; gives the sentence.
fn refusal(args: &[&str]) -> String {
    let output = run(args);
    assert!(!output.status.success(), "{args:?} succeeded");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!text.contains("panicked"), "{text}");
    text
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// What the reference says about a log, if Python is here.
fn reference(log: &Path, blocks: u32) -> Option<Value> {
    let script = root().join("tests/reference/rtb_reference.py");
    let output =
        Command::new("python3").arg(script).arg(log).args(["--blocks", &blocks.to_string()]).output().ok()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(serde_json::from_slice(&output.stdout).expect("the reference prints JSON"))
}

/// Everything of an outcome that depends on the input only.
fn facts(outcome: &Value) -> Value {
    let blocks: Vec<Value> = outcome["blocks"]
        .as_array()
        .expect("blocks")
        .iter()
        .map(|block| json!({ "number": block["number"], "messages": block["messages"] }))
        .collect();
    json!({ "input": outcome["input"], "report": outcome["report"], "paid": outcome["paid"], "blocks": blocks })
}

fn assert_settled(outcome: &Value) {
    for block in outcome["blocks"].as_array().expect("blocks") {
        assert_eq!(block["state"], "Settled", "{outcome}");
    }
}

fn hashes(outcome: &Value) -> Vec<Value> {
    outcome["blocks"].as_array().expect("blocks").iter().map(|block| block["result_hash"].clone()).collect()
}

/// A log with everything that lines can be: robots, clicks, bad and empty lines, escapes, bytes that are no text.
fn mixed_log(dir: &TempDir) -> PathBuf {
    let mut text = Vec::new();
    for n in 0..3_000u32 {
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
    let path = dir.path().join("mixed.log");
    std::fs::write(&path, text).expect("written");
    path
}

#[test]
fn the_outcome_is_that_of_the_independent_reference() {
    let dir = TempDir::new().expect("a folder");
    let log = mixed_log(&dir);
    let Some(expected) = reference(&log, 3) else { return };
    let outcome = outcome(&run(&["--access-log", &log.display().to_string(), "--blocks", "3", "--json"]));
    assert_settled(&outcome);
    assert_eq!(facts(&outcome), expected);
    assert_eq!(outcome["accounts"]["validators"].as_array().map(Vec::len), Some(3));
}

/// The real log of the task, where it is at hand.
#[test]
fn the_real_log_gives_the_known_figures() {
    let log = root().join("../shared/data/apache-access-10k.log.gz");
    if !log.exists() {
        return;
    }
    let outcome = outcome(&run(&["--access-log", &log.display().to_string(), "--json"]));
    assert_settled(&outcome);
    let expected = json!({
        "input": { "lines": 10_000, "skipped": 1 },
        "report": {
            "totalImpressions": 9_885, "viewedImpressions": 9_507, "rejectedImpressions": 2_179,
            "clickImpressions": 115, "processedImpressions": 9_885, "unmatched": 114,
            "totalSum": "4949556000000", "viewedSum": "4762635000000", "rejectedSum": "1083200000000",
            "clickSum": "55380000000"
        },
        "paid": {
            "dsp": "3679444885000", "ssp": "3642640650000", "auditor": "9885000", "validators": "36794350000"
        },
        "blocks": [{ "number": 0, "messages": 14_948 }, { "number": 1, "messages": 14_935 }]
    });
    assert_eq!(facts(&outcome), expected);
}

#[test]
fn threads_do_not_change_the_result() {
    let run = |threads: &str| outcome(&run(&["--impressions", "4000", "--json", "--threads", threads]));
    let (one, four) = (run("1"), run("4"));
    assert_eq!(hashes(&one), hashes(&four));
    assert_eq!(facts(&one), facts(&four));
}

/// Pseudo-random numbers from a seed, so that a failure can be repeated.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below
    }
}

/// Waits until the process ends or the time is over.
fn ends_within(child: &mut Child, time: Duration) -> bool {
    let (send, ended) = std::sync::mpsc::channel();
    let mut out = child.stdout.take().expect("piped");
    let reader = std::thread::spawn(move || {
        let mut text = Vec::new();
        // The pipe ends with the process.
        let _ = out.read_to_end(&mut text);
        let _ = send.send(());
    });
    let is_over = ended.recv_timeout(time).is_ok();
    if !is_over {
        child.kill().expect("kill -9");
    }
    child.wait().expect("waited");
    reader.join().expect("the reader ends");
    is_over
}

#[test]
fn killed_at_any_moment_it_goes_on_and_settles_the_same() {
    let whole = outcome(&run(&["--impressions", "60000", "--seed", "5", "--json"]));
    let dir = TempDir::new().expect("a folder");
    let path = dir.path().display().to_string();
    let args = ["--impressions", "60000", "--seed", "5", "--json", "--base-path", &path];
    let seed = 2_026;
    println!("seed {seed}");
    let mut dice = Dice(seed);
    for kill in 0..20 {
        let mut child =
            quire(&args).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("the binary starts");
        // Early kills hit the setup, later ones ingest, collation, results and settlement.
        if ends_within(&mut child, Duration::from_millis(100 + dice.roll(1_500 + 150 * kill))) {
            break;
        }
    }
    let resumed = outcome(&run(&args));
    assert_settled(&resumed);
    assert_eq!(facts(&resumed), facts(&whole));
    assert_eq!(hashes(&resumed), hashes(&whole));
    let again = outcome(&run(&args));
    assert_eq!(again["seconds"], resumed["seconds"], "a finished run is only told again");
    assert_eq!(facts(&again), facts(&whole));
    let other = refusal(&["--impressions", "60000", "--seed", "6", "--json", "--base-path", &path]);
    assert!(other.contains("holds the run of 60000 generated impressions (seed 5)"), "{other}");
}

#[test]
fn bad_input_gets_a_sentence_and_leaves_nothing() {
    let dir = TempDir::new().expect("a folder");
    let file = |name: &str, bytes: &[u8]| {
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).expect("written");
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

/// Calls a method of a node's JSON-RPC over plain HTTP.
fn rpc(port: u16, method: &str, params: &Value) -> Value {
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string();
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).expect("the node serves");
    let head = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nConnection: close";
    write!(stream, "{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("answered");
    let (_, body) = answer.split_once("\r\n\r\n").expect("a body");
    serde_json::from_str::<Value>(body).expect("JSON")["result"].clone()
}

#[test]
fn balances_read_by_rpc_are_those_of_the_outcome() {
    let port = std::net::TcpListener::bind(("127.0.0.1", 0))
        .and_then(|socket| socket.local_addr())
        .expect("a port")
        .port();
    let args = ["--impressions", "500", "--json", "--serve", "--rpc-port", &port.to_string()];
    let mut node =
        quire(&args).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("the binary starts");
    let mut line = String::new();
    BufReader::new(node.stdout.take().expect("piped")).read_line(&mut line).expect("a line");
    let outcome: Value = serde_json::from_str(&line).expect("one JSON object");
    let channel = outcome["channel"].as_u64().expect("an id");
    let key = format!("0x{}", hex::encode(pallet_channels::storage::MONEY.key_for(&channel)));
    let value = rpc(port, "state_getStorage", &json!([key]));
    let bytes = hex::decode(value.as_str().expect("a value").trim_start_matches("0x")).expect("hex");
    let money = Vec::<pallet_channels::Money>::decode(&mut &bytes[..]).expect("money");
    node.kill().expect("stopped");
    node.wait().expect("waited");
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
    let mut command = quire(&["--impressions", "300000"]);
    command.env("TMPDIR", dir.path()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut node = command.spawn().expect("the binary starts");
    let is_empty = || std::fs::read_dir(dir.path()).expect("readable").next().is_none();
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
    let Ok(entries) = std::fs::read_dir(dir) else { return false };
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
        quire(&args).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("the binary starts");
    while !dir.path().join("chains/quire_demo/offchain").exists() {
        assert!(first.try_wait().expect("waited").is_none(), "the first run ended early");
        std::thread::yield_now();
    }
    let text = refusal(&args);
    first.kill().expect("kill -9");
    first.wait().expect("waited");
    assert!(text.contains("another quire process uses"), "{text}");
}
