//! The text format of Prometheus, version 0.0.4.
//!
//! Rule: a family is written whole, its series together, so that a reader can parse line by line; label values are
//! escaped.
use std::fmt::Write;

/// Type of a family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Goes up and down.
    Gauge,
    /// Only rises.
    Counter,
    /// Counts by upper bound.
    Histogram,
}

/// Labels of a series.
pub(super) type Labels<'a> = &'a [(&'a str, &'a str)];

/// A page of metrics.
#[derive(Debug)]
pub(super) struct Page {
    /// The label that every series has (R2 of the parent).
    chain: String,
    out: String,
    name: &'static str,
}

impl Page {
    /// An empty page about this chain.
    pub(super) fn new(chain: &str) -> Self {
        Self { chain: escape(chain), out: String::new(), name: "" }
    }

    /// Begins a family.
    pub(super) fn family(&mut self, name: &'static str, kind: Kind, help: &str) -> &mut Self {
        let kind = match kind {
            Kind::Gauge => "gauge",
            Kind::Counter => "counter",
            Kind::Histogram => "histogram",
        };
        self.name = name;
        // Writing to a string cannot fail.
        let _ = writeln!(self.out, "# HELP {name} {help}\n# TYPE {name} {kind}");
        self
    }

    /// A series of the family.
    pub(super) fn series(&mut self, labels: Labels<'_>, value: impl std::fmt::Display) -> &mut Self {
        self.line("", labels, value);
        self
    }

    /// A gauge or counter with one series.
    pub(super) fn one(&mut self, name: &'static str, kind: Kind, help: &str, value: impl std::fmt::Display) {
        self.family(name, kind, help).series(&[], value);
    }

    /// A histogram's series: `buckets` not cumulated, one more than `bounds`.
    pub(super) fn histogram(
        &mut self,
        labels: Labels<'_>,
        bounds: &[String],
        buckets: &[u64],
        sum: impl std::fmt::Display,
    ) -> &mut Self {
        let mut count = 0u64;
        let bounds = bounds.iter().map(String::as_str).chain(["+Inf"]);
        for (bound, bucket) in bounds.zip(buckets) {
            count = count.saturating_add(*bucket);
            let with_bound: Vec<_> = labels.iter().copied().chain([("le", bound)]).collect();
            self.line("_bucket", &with_bound, count);
        }
        self.line("_sum", labels, sum);
        self.line("_count", labels, count);
        self
    }

    fn line(&mut self, suffix: &str, labels: Labels<'_>, value: impl std::fmt::Display) {
        let _ = write!(self.out, "{}{suffix}{{chain=\"{}\"", self.name, self.chain);
        for (name, text) in labels {
            let _ = write!(self.out, ",{name}=\"{}\"", escape(text));
        }
        let _ = writeln!(self.out, "}} {value}");
    }

    /// The page.
    pub(super) fn finish(self) -> String {
        self.out
    }
}

/// Microseconds as seconds.
pub(super) fn seconds(us: u64) -> String {
    let text = format!("{}.{:06}", us / 1_000_000, us % 1_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_reads_as_the_format_says() {
        let mut page = Page::new("a\"b\\c\nd");
        page.one("x", Kind::Gauge, "An x.", 7);
        page.family("h", Kind::Histogram, "An h.").histogram(
            &[("m", "n")],
            &["0.5".into(), "1".into()],
            &[1, 2, 3],
            "4.25",
        );
        let expected = "# HELP x An x.\n# TYPE x gauge\nx{chain=\"a\\\"b\\\\c\\nd\"} 7\n\
            # HELP h An h.\n# TYPE h histogram\n\
            h_bucket{chain=\"a\\\"b\\\\c\\nd\",m=\"n\",le=\"0.5\"} 1\n\
            h_bucket{chain=\"a\\\"b\\\\c\\nd\",m=\"n\",le=\"1\"} 3\n\
            h_bucket{chain=\"a\\\"b\\\\c\\nd\",m=\"n\",le=\"+Inf\"} 6\n\
            h_sum{chain=\"a\\\"b\\\\c\\nd\",m=\"n\"} 4.25\n\
            h_count{chain=\"a\\\"b\\\\c\\nd\",m=\"n\"} 6\n";
        assert_eq!(page.finish(), expected);
    }

    #[test]
    fn seconds_have_no_needless_digits() {
        let texts = [0, 1, 5_000, 1_000_000, 2_500_000, 10_000_000].map(seconds);
        assert_eq!(texts, ["0", "0.000001", "0.005", "1", "2.5", "10"]);
    }
}
