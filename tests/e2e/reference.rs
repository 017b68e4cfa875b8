//! The main job recomputed from its rules alone: no code of the demo, of the program or of the channel crates.
//!
//! Lines are parsed from the right with a regular grammar of bytes; sums are plain integers; blocks are cut here.

use quire_core::hash::blake2_256;
use serde_json::{Map, Value, json};

/// Fee rate of 1 % in units of 10^-18.
const FEE_RATE: u128 = 10_000_000_000_000_000;
const UNIT: u128 = 1_000_000_000_000_000_000;
const AUDITOR_RATE: u128 = 1_000;

const FIGURES: [&str; 10] = [
    "totalImpressions",
    "totalSum",
    "viewedImpressions",
    "viewedSum",
    "rejectedImpressions",
    "rejectedSum",
    "clickImpressions",
    "clickSum",
    "processedImpressions",
    "unmatched",
];

/// What a run over a log must print.
#[derive(Default)]
pub(crate) struct Expected {
    /// Lines and skipped ones.
    pub(crate) input: (u64, u64),
    /// The report, in the order of [`FIGURES`].
    report: [u128; 10],
    dsp: u128,
    ssp: u128,
    auditor: u128,
    validators: u128,
    /// Distinct messages per block.
    pub(crate) messages: Vec<u64>,
}

struct Line {
    price: u128,
    lost_notice: bool,
    view: bool,
    click: bool,
    fraud: bool,
}

/// One quoted field at the end of `rest`, which must be preceded by one space: what stands before it, and its content.
fn quoted_at_end(rest: &[u8]) -> Option<(&[u8], &[u8])> {
    let inner = rest.strip_suffix(b"\"")?;
    for start in (0..inner.len()).rev().filter(|i| inner[*i] == b'"') {
        let content = &inner[start + 1..];
        let mut escaped = false;
        let whole = content.iter().all(|byte| {
            let ok = escaped || *byte != b'"';
            escaped = *byte == b'\\' && !escaped;
            ok
        });
        if whole
            && !escaped
            && let Some(before) = inner[..start].strip_suffix(b" ")
        {
            return Some((before, content));
        }
    }
    None
}

fn word_at_end(rest: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = rest.iter().rposition(|byte| *byte == b' ')?;
    Some((&rest[..at], &rest[at + 1..]))
}

fn is_word(word: &[u8]) -> bool {
    !word.is_empty() && !word.iter().any(u8::is_ascii_whitespace) && !word.contains(&0x0b)
}

fn parse(number: u64, line: &[u8]) -> Option<Line> {
    let end = line.iter().rposition(|b| !b.is_ascii_whitespace() && *b != 0x0b)? + 1;
    let (rest, agent) = quoted_at_end(&line[..end])?;
    let (rest, referer) = quoted_at_end(rest)?;
    let (rest, bytes) = word_at_end(rest)?;
    let (rest, status) = word_at_end(rest)?;
    let (rest, _request) = quoted_at_end(rest)?;
    let time_from = rest.iter().position(|b| *b == b'[')?;
    let (head, time) = (&rest[..time_from], rest[time_from + 1..].strip_suffix(b"]")?);
    let names: Vec<&[u8]> = head.strip_suffix(b" ")?.split(|b| *b == b' ').collect();
    let digits = |word: &[u8]| !word.is_empty() && word.iter().all(u8::is_ascii_digit);
    let ok = names.len() == 3
        && names.iter().all(|name| is_word(name))
        && !time.is_empty()
        && !time.contains(&b']')
        && status.len() == 3
        && digits(status)
        && (bytes == b"-" || digits(bytes));
    if !ok {
        return None;
    }
    let hash = blake2_256(&[&number.to_le_bytes(), line].concat());
    let crc = crc32fast::hash(&hash[..16]);
    let view = status[0] == b'2' || status == b"304";
    let agent = agent.to_ascii_lowercase();
    let has = |needle: &str| agent.windows(needle.len()).any(|window| window == needle.as_bytes());
    Some(Line {
        price: 1_000_000 * (1 + u128::from(crc % 1_000)),
        lost_notice: crc.is_multiple_of(97),
        view,
        click: view && referer != b"-" && crc % 50 == 1,
        fraud: ["bot", "crawler", "spider", "slurp", "http:"].iter().any(|needle| has(needle)),
    })
}

/// Recomputes a run over the plain bytes of a log.
pub(crate) fn recompute(log: &[u8], blocks: usize) -> Expected {
    let mut lines: Vec<&[u8]> = log.split(|byte| *byte == b'\n').collect();
    if lines.last().is_some_and(|last| last.is_empty()) {
        lines.pop();
    }
    let parsed: Vec<Line> = (0..)
        .zip(&lines)
        .filter_map(|(number, line)| parse(number, line.strip_suffix(b"\r").unwrap_or(line)))
        .collect();
    let total = lines.len() as u64;
    let mut out = Expected { input: (total, total - parsed.len() as u64), ..Expected::default() };
    let (each, more) = (parsed.len() / blocks, parsed.len() % blocks);
    let mut rest = parsed.as_slice();
    for block in 0..blocks {
        let (run, later) = rest.split_at(each + usize::from(block < more));
        rest = later;
        out.block(run);
    }
    out
}

impl Expected {
    fn block(&mut self, run: &[Line]) {
        let mut figures = [0u128; 10];
        let mut add = |figure: usize, by: u128| figures[figure] += by;
        for line in run {
            if line.lost_notice {
                add(9, 1);
                continue;
            }
            add(0, 1);
            add(1, line.price);
            if line.view {
                add(2, 1);
                add(3, line.price);
            }
            if line.view && line.fraud {
                add(4, 1);
                add(5, line.price);
            }
            if line.click && !line.fraud {
                add(6, 1);
                add(7, line.price);
            }
            add(8, 1);
        }
        let partner = figures[3] - figures[5];
        let fee = partner * FEE_RATE / UNIT;
        let auditor = AUDITOR_RATE * figures[8];
        self.dsp += partner + auditor;
        self.ssp += partner - fee;
        self.auditor += auditor;
        self.validators += fee;
        self.messages.push(run.iter().map(|line| 3 - u64::from(line.lost_notice)).sum());
        self.report.iter_mut().zip(figures).for_each(|(sum, figure)| *sum += figure);
    }

    /// The `report` object of `--json`.
    pub(crate) fn report(&self) -> Value {
        let figures = FIGURES.iter().zip(self.report);
        Value::Object(
            figures
                .map(|(name, figure)| ((*name).to_owned(), figure_json(name, figure)))
                .collect::<Map<_, _>>(),
        )
    }

    /// The `paid` object of `--json`.
    pub(crate) fn paid(&self) -> Value {
        json!({
            "dsp": self.dsp.to_string(),
            "ssp": self.ssp.to_string(),
            "auditor": self.auditor.to_string(),
            "validators": self.validators.to_string(),
        })
    }
}

/// Sums are decimal strings, because they exceed what JSON numbers hold everywhere; counts are numbers.
fn figure_json(name: &str, figure: u128) -> Value {
    if name.ends_with("Sum") { Value::String(figure.to_string()) } else { json!(figure as u64) }
}
