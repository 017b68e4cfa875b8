//! `quire demo`: events in, settled balances out, compared with an independent recomputation.

use crate::{
    process::{self, Process, free_port, wait_for},
    reference::{self, Expected},
    rpc,
};
use serde_json::{Value, json};
use std::{fmt::Write as _, fs, io::Read, path::Path, time::Duration};

/// A log with every kind of line: bots, clicks, failures, broken lines, CRs.
pub(crate) fn sample_log(lines: u32) -> Vec<u8> {
    let mut out = String::new();
    for n in 0..lines {
        let agent = if n % 11 == 3 {
            "Mozilla/5.0 (compatible; Googlebot/2.1)"
        } else {
            "Mozilla/5.0 (X11; Linux) \\\"q\\\""
        };
        let referer = if n % 3 == 0 { "-" } else { "http://example.org/page" };
        let status = [200, 304, 404, 206, 500][(n % 5) as usize];
        let end = if n % 17 == 0 { "\r\n" } else { "\n" };
        let (hour, minute, second) = (n / 3600 % 24, n / 60 % 60, n % 60);
        let line = format!(
            "10.0.{}.{} - - [17/May/2015:{hour:02}:{minute:02}:{second:02} +0000] \"GET /{n} HTTP/1.1\" {status} {} \"{referer}\" \"{agent}\"{end}",
            n / 256 % 256,
            n % 256,
            n * 7,
        );
        match n % 101 {
            50 => out.push_str("not a log line\n"),
            51 => out.push('\n'),
            _ => out.write_str(&line).expect("a string grows"),
        }
    }
    out.into_bytes()
}

/// The object on the last line of a demo's output.
pub(crate) fn last_json(output: &str) -> Value {
    let last = output.trim_end().lines().last().unwrap_or_default();
    serde_json::from_str(last).unwrap_or_else(|e| panic!("the last line is no JSON ({e}):\n{output}"))
}

/// Checks a finished run against the recomputation.
pub(crate) fn check(result: &Value, expected: &Expected) {
    assert_eq!(result["input"], json!({ "lines": expected.input.0, "skipped": expected.input.1 }));
    let as_text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    for (name, figure) in expected.report().as_object().expect("an object") {
        assert_eq!(as_text(&result["report"][name]), as_text(figure), "{name}");
    }
    assert_eq!(result["paid"], expected.paid());
    let blocks = result["blocks"].as_array().expect("a list of blocks");
    assert_eq!(blocks.len(), expected.messages.len());
    for (block, messages) in blocks.iter().zip(&expected.messages) {
        assert_eq!(block["state"], json!("Settled"));
        assert_eq!(as_text(&block["messages"]), messages.to_string());
    }
}

fn demo(log: &Path, more: &[&str]) -> Value {
    let path = log.to_str().expect("temporary paths are UTF-8");
    let out = process::run(&[&["demo", "--access-log", path, "--json"], more].concat());
    let (stdout, stderr) = (String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    assert!(out.status.success(), "{stdout}\n{stderr}");
    last_json(&stdout)
}

#[test]
fn a_log_of_every_kind_of_line_settles_as_the_rules_say() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let log = dir.path().join("access.log");
    fs::write(&log, sample_log(1_500)).expect("the log is written");
    let result = demo(&log, &["--blocks", "3", "--threads", "1"]);
    check(&result, &reference::recompute(&sample_log(1_500), 3));
}

#[test]
fn a_real_log_settles_as_the_rules_say() {
    let log = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/apache-access-10k.log.gz");
    let Ok(file) = fs::File::open(&log) else {
        println!("no real log beside the checkout: the sample log is all that was checked");
        return;
    };
    let mut plain = Vec::new();
    flate2::read::MultiGzDecoder::new(file).read_to_end(&mut plain).expect("the log is gzip");
    check(&demo(&log, &[]), &reference::recompute(&plain, 2));
}

#[test]
fn balances_by_rpc_agree_with_what_was_paid() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let log = dir.path().join("access.log");
    fs::write(&log, sample_log(400)).expect("the log is written");
    let rpc = free_port().to_string();
    let path = log.to_str().expect("temporary paths are UTF-8");
    let out = dir.path().join("out");
    let args = ["demo", "--access-log", path, "--json", "--serve", "--rpc-port", &rpc];
    let mut process = Process::start(&args, &out);
    let result = wait_for("the demo's result", Duration::from_secs(180), || {
        assert!(process.ended().is_none(), "the demo ended:\n{}", process.output());
        let output = process.output();
        output
            .lines()
            .rev()
            .find_map(|line| serde_json::from_str::<Value>(line).ok())
            .filter(|v| v["paid"].is_object())
    });
    check(&result, &reference::recompute(&sample_log(400), 2));
    let port = rpc.parse().expect("a port");
    let channel = result["channel"].as_u64().expect("a channel number");
    let record = pallet_channels::storage::CHANNELS.key_for(&channel);
    assert!(rpc::storage(port, &record).is_some(), "the channel is on chain");
    crate::crash::balances_conserve(port);
}
