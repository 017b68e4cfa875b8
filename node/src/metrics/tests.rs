//! What a running node's page says.
use super::*;
use crate::base_path::BasePath;
use crate::{Node, config::Config};
use std::collections::BTreeSet;

/// Names in the page, of families and of series.
fn names(page: &str) -> (BTreeSet<&str>, BTreeSet<&str>) {
    let families = page.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
    let series = page.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split('{').next());
    (families.collect(), series.collect())
}

fn value<'a>(page: &'a str, series: &str) -> &'a str {
    let line = page.lines().find(|line| line.starts_with(series));
    line.and_then(|line| line.rsplit(' ').next()).unwrap_or_else(|| panic!("{series} is not in:\n{page}"))
}

#[test]
fn r1_r2_the_page_of_a_node() {
    let folder = tempfile::tempdir().unwrap();
    let node = Node::start(Config::in_process(BasePath::at(folder.path()))).unwrap();
    let mut best = node.finalised();
    futures::executor::block_on(best.wait_for(|head| head.number >= 2)).unwrap();
    let rpc = quire_rpc::metrics::RpcMetrics::new(["system_health"]);
    let page = node.metrics_page(Some(&rpc));
    let (families, series) = names(&page);
    for line in page.lines().filter(|line| !line.starts_with('#')) {
        let (_, rest) = line.split_once('{').unwrap();
        assert!(rest.starts_with("chain=\"quire_dev\""), "R2: {line}");
        let number = line.rsplit(' ').next().unwrap();
        assert!(number.parse::<f64>().is_ok(), "{line}");
    }
    for name in &series {
        let stem = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
        let has_family = families.contains(name) || stem.is_some_and(|stem| families.contains(stem));
        assert!(has_family && (name.starts_with("substrate_") || name.starts_with("quire_")), "R1: {name}");
    }
    let (height, last): (u32, u32) = (
        value(&page, "substrate_block_height{chain=\"quire_dev\",status=\"best\"}").parse().unwrap(),
        best.borrow().number,
    );
    assert!(height >= last && last >= 2);
    assert_eq!(value(&page, "substrate_node_roles"), "4");
    assert_eq!(value(&page, "substrate_number_leaves"), "1");
    let built: u64 = value(&page, "substrate_proposer_block_constructed_count").parse().unwrap();
    assert!(built >= 2, "{built}");
    assert_ne!(value(&page, "substrate_finality_grandpa_precommits_total"), "0");
    assert_ne!(value(&page, "substrate_process_start_time_seconds"), "0");
    assert_eq!(value(&page, "substrate_tasks_spawned_total{chain=\"quire_dev\",task_name=\"author\""), "1");
}

#[test]
fn the_dashboard_shows_what_there_is() {
    let dashboard: serde_json::Value =
        serde_json::from_str(include_str!("../../grafana/quire.json")).expect("the dashboard is JSON");
    let folder = tempfile::tempdir().unwrap();
    let node = Node::start(Config::in_process(BasePath::at(folder.path()))).unwrap();
    let rpc = quire_rpc::metrics::RpcMetrics::new(["system_health"]);
    let page = node.metrics_page(Some(&rpc));
    let (families, _) = names(&page);
    let mut used = BTreeSet::new();
    let mut panels = 0;
    for panel in dashboard["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().into_iter().flatten() {
            let expression = target["expr"].as_str().unwrap();
            assert!(expression.contains("chain=\"$chain\""), "{expression}");
            let words = expression.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
            for word in words.filter(|word| word.starts_with("substrate_") || word.starts_with("quire_")) {
                let stem = ["_bucket", "_sum", "_count"].iter().find_map(|end| word.strip_suffix(end));
                let is_there = families.contains(word) || stem.is_some_and(|stem| families.contains(stem));
                assert!(is_there, "{word} of {expression} is not measured");
                used.insert(word.to_owned());
            }
            panels += 1;
        }
    }
    assert!(panels >= 20 && used.len() >= 20, "{panels} {used:?}");
}

#[test]
fn times_fall_into_their_buckets() {
    let times = Times::default();
    for us in [0, 5_000, 5_001, 10_000_000, 10_000_001] {
        times.observe_us(us);
    }
    let buckets: Vec<u64> = times.buckets.iter().map(Counter::get).collect();
    assert_eq!(buckets, [2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1]);
    assert_eq!(times.sum_us.get(), 20_010_002);
}
