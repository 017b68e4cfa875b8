//! What a run showed: the verdict on each rule, a table for people, an object for machines.
use super::Plan;
use super::load::{Answers, Attack, Seen};
use super::run::Memory;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

/// Everything that was seen.
pub struct Report {
    /// What was asked for.
    pub plan: Plan,
    /// How long the subscribers took to connect, milliseconds.
    pub connected_ms: u64,
    /// Memory before the first client, KiB.
    pub idle_kib: u64,
    /// Memory in phase 1.
    pub calm: Memory,
    /// Memory in phase 2.
    pub attacked: Memory,
    /// The highest that the kernel saw, KiB.
    pub peak_kib: u64,
    /// Open files of the node at the end of phase 2.
    pub open_files: usize,
    /// The subscribers that read.
    pub seen: Vec<Seen>,
    /// How those were closed that did not.
    pub slow: Vec<super::Result<(u16, String)>>,
    /// The attack.
    pub attack: Arc<Attack>,
    /// The one who wanted answers.
    pub answers: Answers,
    /// Slots of the blocks, in order.
    pub slots: Vec<u64>,
}

impl Report {
    fn missed_slots(&self) -> u64 {
        self.slots.windows(2).map(|pair| pair[1].saturating_sub(pair[0] + 1)).sum()
    }

    /// What does not hold; empty when all is well.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let lost: Vec<&String> = self.seen.iter().filter_map(|seen| seen.lost.as_ref()).collect();
        if let Some(why) = lost.first() {
            faults.push(format!("S1: {} subscribers were lost, the first one because {why}", lost.len()));
        }
        let gaps: u64 = self.seen.iter().map(|seen| seen.gaps).sum();
        if gaps > 0 {
            faults.push(format!("S1: subscribers missed heads {gaps} times"));
        }
        // A block may be on its way when the clients stop.
        let last = self.seen.iter().filter_map(|seen| seen.heads).map(|heads| heads.1).max().unwrap_or(0);
        let behind =
            self.seen.iter().filter(|seen| seen.heads.is_none_or(|heads| heads.1 + 1 < last)).count();
        if behind > 0 {
            faults.push(format!("S1: {behind} subscribers do not have the last heads"));
        }
        let idle = self.seen.iter().filter(|seen| seen.finalised < 2 || seen.storage < 2).count();
        if idle > 0 {
            faults.push(format!("S1: {idle} subscribers got no finalised heads or no storage"));
        }
        let untold = |end: &&super::Result<(u16, String)>| !matches!(end, Ok((1008, reason)) if reason.contains("read nothing"));
        let odd: Vec<_> = self.slow.iter().filter(untold).collect();
        if let Some(end) = odd.first() {
            faults
                .push(format!("S2: {} slow subscribers were not closed with the reason: {end:?}", odd.len()));
        }
        if self.missed_slots() > 0 || self.slots.len() < 2 {
            faults.push(format!("S3: {} slots missed in {} blocks", self.missed_slots(), self.slots.len()));
        }
        if self.peak_kib > self.plan.max_rss_mib * 1_024 {
            faults.push(format!(
                "S4: {} MiB of memory, at most {}",
                self.peak_kib / 1_024,
                self.plan.max_rss_mib
            ));
        }
        if self.answers.failed > 0 || self.answers.calls == 0 {
            let why = self.answers.last_failure.as_deref().unwrap_or("no call was made");
            faults.push(format!("S5: {} of {} calls failed: {why}", self.answers.failed, self.answers.calls));
        }
        faults
    }

    /// One object for machines.
    pub fn json(&self) -> Value {
        let seen = |of: fn(&Seen) -> u64| self.seen.iter().map(of).sum::<u64>();
        json!({
            "subscribers": self.seen.len(),
            "connect_ms": self.connected_ms,
            "seconds_per_phase": self.plan.seconds,
            "heads": seen(|s| s.heads.map_or(0, |(first, last)| last - first + 1)),
            "finalised_heads": seen(|s| s.finalised),
            "storage_changes": seen(|s| s.storage),
            "slow_subscribers": self.slow.len(),
            "slow_closed_with_reason": self.slow.iter().filter(|end| matches!(end, Ok((1008, _)))).count(),
            "half_open": self.plan.half_open,
            "half_open_made": self.attack.half_open.load(Relaxed),
            "flood_sessions": self.attack.floods.load(Relaxed),
            "flood_calls_sent": self.attack.flood_calls.load(Relaxed),
            "attackers_closed": self.attack.closed.load(Relaxed),
            "calls_answered": self.answers.times_us.len(),
            "calls_failed": self.answers.failed,
            "answer_p50_ms": self.answers.percentile_ms(50),
            "answer_p99_ms": self.answers.percentile_ms(99),
            "answer_max_ms": self.answers.percentile_ms(100),
            "blocks": self.slots.len(),
            "missed_slots": self.missed_slots(),
            "rss_idle_mib": self.idle_kib / 1_024,
            "rss_subscribers_mib": self.calm.max_kib() / 1_024,
            "rss_attack_mib": self.attacked.max_kib() / 1_024,
            "rss_peak_mib": self.peak_kib / 1_024,
            "open_files": self.open_files,
            "faults": self.faults(),
        })
    }

    /// A table for people.
    pub fn table(&self) -> String {
        let json = self.json();
        let mut text = String::new();
        for (name, value) in json.as_object().into_iter().flatten().filter(|(name, _)| *name != "faults") {
            let shown = match value.as_f64().filter(|_| value.is_f64()) {
                Some(number) => format!("{number:.1}"),
                None => value.to_string(),
            };
            let _ = writeln!(text, "{:<26}{shown:>10}", name.replace('_', " "));
        }
        text
    }
}
