//! Samples put together by call.
use super::replay::Sample;
use serde_json::json;
use std::collections::BTreeMap;

/// All samples of one call.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Row {
    call: String,
    count: usize,
    /// The least that was declared, nanoseconds; none for inherents.
    declared_ns: Option<u64>,
    /// The least that was charged, nanoseconds; none for inherents.
    charged_ns: Option<u64>,
    median_ns: u64,
    /// 95 of 100 took no longer.
    p95_ns: u64,
    max_ns: u64,
    reads: usize,
    writes: usize,
    /// The worst case of what was charged for what was needed, percent.
    cover_percent: Option<u64>,
}

/// One row per call, the least covered first.
pub(super) fn rows(samples: &[Sample]) -> Vec<Row> {
    let mut by_call: BTreeMap<&str, Vec<&Sample>> = BTreeMap::new();
    for sample in samples {
        by_call.entry(&sample.call).or_default().push(sample);
    }
    let mut rows: Vec<Row> = by_call.into_iter().map(|(call, samples)| row(call, &samples)).collect();
    rows.sort_by_key(|row| (row.cover_percent.is_none(), row.cover_percent));
    rows
}

fn row(call: &str, samples: &[&Sample]) -> Row {
    let mut times: Vec<u64> = samples.iter().map(|sample| sample.measured_ns).collect();
    times.sort_unstable();
    let at = |percent: usize| times[(times.len() - 1) * percent / 100];
    let cover = |sample: &&Sample| Some(sample.charged_ns? * 100 / sample.needed_ns.max(1));
    Row {
        call: call.to_owned(),
        count: samples.len(),
        declared_ns: samples.iter().filter_map(|sample| sample.declared_ns).min(),
        charged_ns: samples.iter().filter_map(|sample| sample.charged_ns).min(),
        median_ns: at(50),
        p95_ns: at(95),
        max_ns: at(100),
        reads: samples.iter().map(|sample| sample.reads).max().unwrap_or(0),
        writes: samples.iter().map(|sample| sample.writes).max().unwrap_or(0),
        cover_percent: samples.iter().filter_map(cover).min(),
    }
}

/// For people: microseconds.
pub(super) fn text(rows: &[Row]) -> String {
    let micros = |ns: u64| format!("{:.1}", ns as f64 / 1_000.0);
    let mut lines = vec![format!(
        "{:<44} {:>7} {:>10} {:>9} {:>9} {:>9} {:>9} {:>6} {:>6} {:>7}",
        "call", "count", "declared", "charged", "median", "p95", "max", "reads", "writes", "cover"
    )];
    lines.extend(rows.iter().map(|row| {
        format!(
            "{:<44} {:>7} {:>10} {:>9} {:>9} {:>9} {:>9} {:>6} {:>6} {:>7}",
            row.call,
            row.count,
            row.declared_ns.map_or_else(|| "-".into(), micros),
            row.charged_ns.map_or_else(|| "-".into(), micros),
            micros(row.median_ns),
            micros(row.p95_ns),
            micros(row.max_ns),
            row.reads,
            row.writes,
            row.cover_percent.map_or_else(|| "-".into(), |percent| format!("{percent} %")),
        )
    }));
    lines.push("microseconds of execution; cover: the least of charged over needed, that is execution, signature and database; reads and writes: the most".into());
    lines.join("\n")
}

/// For machines: nanoseconds.
pub(super) fn json(rows: &[Row]) -> String {
    let row = |row: &Row| {
        json!({
            "call": row.call,
            "count": row.count,
            "declaredNs": row.declared_ns,
            "chargedNs": row.charged_ns,
            "medianNs": row.median_ns,
            "p95Ns": row.p95_ns,
            "maxNs": row.max_ns,
            "reads": row.reads,
            "writes": row.writes,
            "coverPercent": row.cover_percent,
        })
    };
    json!({ "calls": rows.iter().map(row).collect::<Vec<_>>() }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(call: &str, charged_ns: Option<u64>, measured_ns: u64) -> Sample {
        let declared_ns = charged_ns.map(|charged| charged + 1);
        let needed_ns = measured_ns;
        let writes = measured_ns as usize % 7;
        Sample { call: call.into(), declared_ns, charged_ns, measured_ns, needed_ns, reads: 1, writes }
    }

    #[test]
    fn the_worst_cover_stands_first_and_inherents_last() {
        let mut samples: Vec<Sample> = (1..=100).map(|n| sample("A.fine", Some(1_000), n)).collect();
        samples.push(sample("B.short", Some(50), 100));
        samples.push(sample("Timestamp.set", None, 10));
        let rows = rows(&samples);
        let names: Vec<&str> = rows.iter().map(|row| row.call.as_str()).collect();
        assert_eq!(names, ["B.short", "A.fine", "Timestamp.set"]);
        assert_eq!((rows[0].cover_percent, rows[1].cover_percent), (Some(50), Some(1_000)));
        assert_eq!((rows[1].median_ns, rows[1].p95_ns, rows[1].max_ns, rows[1].count), (50, 95, 100, 100));
        assert_eq!(rows[1].writes, 6);
        assert!(text(&rows).lines().nth(1).unwrap().starts_with("B.short"));
        assert!(json(&rows).contains("\"coverPercent\":50"));
    }
}
