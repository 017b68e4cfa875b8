//! Metrics of the real process: scraped over HTTP while it makes blocks, and a port that is taken.

use crate::{
    process::{DevNode, free_port, wait_for},
    rpc,
};
use serde_json::json;
use std::{
    io::{Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    time::Duration,
};

const SOON: Duration = Duration::from_secs(30);

fn scrape(port: u16) -> String {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("the node serves metrics");
    stream.set_read_timeout(Some(SOON)).expect("a socket has timeouts");
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("the node reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("one answer, then the end");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
    body.to_owned()
}

/// The sum of the series of `name` whose labels contain `labels`.
fn sum(page: &str, name: &str, labels: &str) -> f64 {
    let series = page.lines().filter(|line| line.starts_with(&format!("{name}{{")) && line.contains(labels));
    series.map(|line| line.rsplit(' ').next().expect("a value").parse::<f64>().expect("a number")).sum()
}

#[test]
fn prometheus_sees_a_working_node() {
    let base = tempfile::tempdir().expect("a temporary folder");
    let port = free_port();
    let node =
        DevNode::start_with(base.path(), &["--prometheus-port", &port.to_string(), "--name", "Ada \"A\""]);
    wait_for("some blocks", SOON, || (rpc::finalised(node.rpc).0 >= 3).then_some(()));
    assert!(rpc::try_call(node.rpc, "author_submitExtrinsic", json!(["0x0401"])).is_err());
    let page = scrape(port);
    if let Ok(path) = std::env::var("QUIRE_METRICS_PAGE") {
        std::fs::write(path, &page).expect("the page can be kept for promtool");
    }
    assert!(sum(&page, "substrate_block_height", "status=\"finalized\"") >= 3.0);
    assert!(sum(&page, "substrate_finality_grandpa_round", "") >= 3.0);
    assert!(sum(&page, "substrate_proposer_block_constructed_count", "") >= 3.0);
    assert!(sum(&page, "substrate_block_verification_and_import_time_count", "") >= 3.0);
    assert!(sum(&page, "substrate_proposer_end_proposal_reason", "no_more_transactions") >= 3.0);
    assert!(sum(&page, "substrate_rpc_calls_started", "method=\"chain_getFinalizedHead\"") >= 1.0);
    let refused = "method=\"author_submitExtrinsic\",is_error=\"true\"";
    assert_eq!(sum(&page, "substrate_rpc_calls_finished", refused), 1.0);
    assert!(sum(&page, "substrate_database_cache_bytes", "") > 0.0);
    assert!(sum(&page, "substrate_tokio_threads_alive", "") >= 2.0);
    assert_eq!(sum(&page, "substrate_build_info", "name=\"Ada \\\"A\\\"\""), 1.0);
    let series: Vec<_> = page.lines().filter(|line| !line.starts_with('#')).collect();
    assert!(series.len() > 80 && series.iter().all(|line| line.contains("{chain=\"quire_dev\"")), "{page}");
}

#[test]
fn a_taken_port_is_warned_about() {
    let base = tempfile::tempdir().expect("a temporary folder");
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has free ports");
    let port = taken.local_addr().expect("it is bound").port().to_string();
    let node = DevNode::start_with(base.path(), &["--prometheus-port", &port]);
    wait_for("blocks without metrics", SOON, || (rpc::finalised(node.rpc).0 >= 1).then_some(()));
    assert!(node.output().contains("--prometheus-port"), "{}", node.output());
}
