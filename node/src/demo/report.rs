//! The outcome for people (a table) and for machines (one JSON object on the last line).

use super::DemoError;
use super::outcome::{FIGURES, Outcome, Paid};
use super::progress::{BlockTimes, Board};
use super::roles::NAMES;
use quire_channel::BlockState;
use quire_core::UNITS;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;

/// Prints the outcome.
pub(super) fn print(outcome: &Outcome, board: &Board, is_json: bool) -> Result<(), DemoError> {
    let table = table(outcome, &board.blocks(), &board.notes());
    // A closed pipe is the reader's decision, not a failure of the run.
    let _ = if is_json {
        let _ = std::io::stderr().write_all(table.as_bytes());
        writeln!(std::io::stdout(), "{}", to_json(outcome))
    } else {
        std::io::stdout().write_all(table.as_bytes())
    };
    Ok(())
}

/// The object of `--json`. Sums of money are decimal strings, counts are numbers.
pub(super) fn to_json(outcome: &Outcome) -> Value {
    let mut report = Map::new();
    for (name, value) in FIGURES.iter().zip(outcome.figures) {
        let figure = if name.ends_with("Sum") { json!(value.to_string()) } else { count(value) };
        report.insert((*name).to_owned(), figure);
    }
    let skipped: u64 = outcome.skipped.iter().map(|(_, count)| count).sum();
    let blocks: Vec<Value> = outcome
        .blocks
        .iter()
        .map(|block| {
            json!({
                "number": block.number,
                "state": block.state,
                "messages": block.messages,
                "result_hash": block.result_hash,
            })
        })
        .collect();
    let address = |index: usize| outcome.participants.get(index).cloned().unwrap_or_default();
    let Paid { dsp, ssp, auditor, validators } = outcome.paid;
    json!({
        "input": { "lines": outcome.lines, "skipped": skipped },
        "report": report,
        "paid": {
            "dsp": dsp.to_string(),
            "ssp": ssp.to_string(),
            "auditor": auditor.to_string(),
            "validators": validators.to_string(),
        },
        "accounts": {
            "dsp": address(0),
            "ssp": address(1),
            "auditor": address(2),
            "validators": outcome.validators,
        },
        "channel": outcome.channel,
        "blocks": blocks,
        "seconds": outcome.seconds,
        "messages_per_second": outcome.rate(),
    })
}

/// A count as a number; the chain's type is wider than JSON readers' integers.
fn count(value: u128) -> Value {
    u64::try_from(value).map_or_else(|_| json!(value.to_string()), |value| json!(value))
}

fn table(outcome: &Outcome, times: &BTreeMap<u32, BlockTimes>, notes: &[String]) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = write_table(&mut out, outcome, times, notes);
    out
}

fn write_table(
    out: &mut String,
    outcome: &Outcome,
    times: &BTreeMap<u32, BlockTimes>,
    notes: &[String],
) -> std::fmt::Result {
    let skipped: u64 = outcome.skipped.iter().map(|(_, count)| count).sum();
    writeln!(out, "\nInput    {} lines, {skipped} skipped", outcome.lines)?;
    for (reason, count) in &outcome.skipped {
        writeln!(out, "         {count} × {reason}")?;
    }
    writeln!(out, "\nChannel {}", outcome.channel)?;
    writeln!(
        out,
        "  {:<8} {:<10} {:>10} {:>6}  {:<20} {:>18}",
        "block", "state", "messages", "parts", "result", "DSP paid (QIR)"
    )?;
    for block in &outcome.blocks {
        let hash = block.result_hash.as_deref().map_or("none", |hash| hash.get(..18).unwrap_or(hash));
        let paid = qir(block.paid.dsp);
        writeln!(
            out,
            "  #{:<7} {:<10} {:>10} {:>6}  {hash:<20} {paid:>18}",
            block.number, block.state, block.messages, block.parts
        )?;
    }
    write_times(out, times)?;
    writeln!(out, "\nReport")?;
    for (name, value) in FIGURES.iter().zip(outcome.figures) {
        let text = if name.ends_with("Sum") { format!("{} QIR", qir(value)) } else { value.to_string() };
        writeln!(out, "  {name:<22} {text:>22}")?;
    }
    writeln!(out, "\nPaid")?;
    let Paid { dsp, ssp, auditor, validators } = outcome.paid;
    let address = |index: usize| outcome.participants.get(index).map_or("", String::as_str);
    writeln!(out, "  {:<11} {:>22} QIR  {}", format!("{} pays", NAMES[0]), qir(dsp), address(0))?;
    writeln!(out, "  {:<11} {:>22} QIR  {}", format!("{} gets", NAMES[1]), qir(ssp), address(1))?;
    writeln!(out, "  {:<11} {:>22} QIR  {}", format!("{} gets", NAMES[2]), qir(auditor), address(2))?;
    writeln!(out, "  {:<11} {:>22} QIR  {}", "validators", qir(validators), outcome.validators.join(" "))?;
    for note in notes {
        writeln!(out, "\nNote: {note}")?;
    }
    let (messages, seconds, rate) = (outcome.messages(), outcome.seconds, outcome.rate());
    writeln!(out, "\n{messages} messages from first to settled in {seconds:.1} s: {rate:.0} messages/s")
}

/// How long each block stood in each state, and what the work in this process took.
fn write_times(out: &mut String, times: &BTreeMap<u32, BlockTimes>) -> std::fmt::Result {
    if times.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nSeconds in each stage (work of all parties of this process in brackets)")?;
    for (block, times) in times {
        let mut stages = String::new();
        for pair in times.states.windows(2) {
            if let [(state, from), (_, to)] = pair {
                let (name, ms) = (stage(*state), to.saturating_sub(*from));
                write!(stages, "  {name} {:.1}", ms as f64 / 1_000.0)?;
            }
        }
        let work: Vec<String> =
            times.work_ms.iter().map(|(name, ms)| format!("{name} {:.1}", *ms as f64 / 1_000.0)).collect();
        writeln!(out, "  #{block:<7}{stages}  ({})", work.join(", "))?;
    }
    Ok(())
}

fn stage(state: BlockState) -> &'static str {
    match state {
        BlockState::Collecting => "collecting",
        BlockState::Parts => "parts",
        BlockState::Committing => "results",
        BlockState::Revealing => "reveals",
        BlockState::Agreed => "challenge",
        BlockState::Settling => "settling",
        BlockState::Settled => "settled",
        BlockState::Disputed => "disputed",
        BlockState::Underfunded => "underfunded",
        BlockState::Expired => "expired",
    }
}

/// Plancks as QIR with all twelve decimals that matter.
fn qir(plancks: u128) -> String {
    let decimals = format!("{:012}", plancks % UNITS);
    let trimmed = decimals.trim_end_matches('0');
    let whole = plancks / UNITS;
    if trimmed.is_empty() { whole.to_string() } else { format!("{whole}.{trimmed}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::outcome::BlockOutcome;

    fn outcome() -> Outcome {
        let paid = Paid { dsp: 111, ssp: 100, auditor: 10, validators: 1 };
        let block = BlockOutcome {
            number: 0,
            state: "Settled".into(),
            messages: 30,
            parts: 3,
            result_hash: Some(format!("0x{}", "ab".repeat(32))),
            paid,
        };
        Outcome {
            lines: 11,
            skipped: vec![("empty line".into(), 1)],
            figures: [10, 1_000, 9, 900, 1, 100, 2, 200, 10, 0],
            paid,
            participants: vec!["5D".into(), "5S".into(), "5A".into()],
            validators: vec!["5V".into(), "5W".into()],
            channel: 1,
            blocks: vec![block],
            seconds: 2.0,
        }
    }

    #[test]
    fn the_object_has_the_members_that_machines_expect() {
        let expected = json!({
            "input": { "lines": 11, "skipped": 1 },
            "report": {
                "totalImpressions": 10, "totalSum": "1000", "viewedImpressions": 9, "viewedSum": "900",
                "rejectedImpressions": 1, "rejectedSum": "100", "clickImpressions": 2, "clickSum": "200",
                "processedImpressions": 10, "unmatched": 0
            },
            "paid": { "dsp": "111", "ssp": "100", "auditor": "10", "validators": "1" },
            "accounts": { "dsp": "5D", "ssp": "5S", "auditor": "5A", "validators": ["5V", "5W"] },
            "channel": 1,
            "blocks": [{
                "number": 0, "state": "Settled", "messages": 30, "result_hash": format!("0x{}", "ab".repeat(32))
            }],
            "seconds": 2.0,
            "messages_per_second": 15.0
        });
        assert_eq!(to_json(&outcome()), expected);
    }

    #[test]
    fn the_table_tells_who_paid_whom() {
        let states =
            vec![(BlockState::Collecting, 0), (BlockState::Parts, 1_500), (BlockState::Settled, 2_000)];
        let times = BTreeMap::from([(0, BlockTimes { states, work_ms: BTreeMap::from([("collate", 700)]) })]);
        let text = table(&outcome(), &times, &["something".into()]);
        for expected in [
            "11 lines, 1 skipped",
            "1 × empty line",
            "Settled",
            "DSP pays",
            "collecting 1.5",
            "collate 0.7",
            "something",
            "15 messages/s",
        ] {
            assert!(text.contains(expected), "{expected} in {text}");
        }
    }

    #[test]
    fn money_keeps_every_planck() {
        assert_eq!(qir(0), "0");
        assert_eq!(qir(1), "0.000000000001");
        assert_eq!(qir(3_679_444_885_000), "3.679444885");
        assert_eq!(qir(5 * UNITS), "5");
    }
}
