//! Watches the node's own certificate: says in the log, long before it ends, that it is to be renewed, and keeps the figure
//! for the metrics.
//!
//! Rules:
//! * R1 A line 30, 7 and 1 days before the end, one a day from the last week on, and one an hour once it is over.
//! * R2 The file is read again every minute: a renewed certificate counts without a restart.
use crate::certificate::{date, own_path, read_armoured};
use crate::clock::now_ms;
use crate::service::Inner;
use quire_certificate::{Certificate, DAY_MS};
use std::time::Duration;

/// How often the file is read, seconds.
const PERIOD_S: u64 = 60;
const HOUR_MS: u64 = 60 * 60 * 1_000;
/// Days before the end on which the first lines come.
const FIRST_DAYS: [u64; 2] = [30, 7];

/// Runs until the node stops.
pub(crate) fn run(node: &Inner) {
    let path = own_path(node.chain_dir());
    let mut said = None;
    let mut has_complained = false;
    loop {
        if path.exists() {
            match read_armoured::<Certificate>(&path) {
                Ok(own) => {
                    has_complained = false;
                    let (now, until) = (now_ms(), own.terms.valid_until);
                    node.metrics.certificate_until_s.set(until / 1_000);
                    let stage = stage(now, until);
                    if stage != said {
                        say(now, until, &path.display().to_string());
                        said = stage;
                    }
                }
                Err(why) if !has_complained => {
                    has_complained = true;
                    tracing::warn!(target: "certificate", "the node's own certificate cannot be used: {why}");
                }
                Err(_) => {}
            }
        }
        if node.stop.wait(Duration::from_secs(PERIOD_S)) {
            return;
        }
    }
}

/// Which line of R1 is due; the same value again is the same line.
fn stage(now: u64, until: u64) -> Option<(bool, u64)> {
    match until.checked_sub(now).filter(|left| *left > 0) {
        None => Some((true, now.saturating_sub(until) / HOUR_MS)),
        Some(left) => {
            let days = left.div_ceil(DAY_MS);
            let first = FIRST_DAYS.iter().copied().filter(|first| days <= *first).min()?;
            let is_last_week = FIRST_DAYS.iter().all(|first| days <= *first);
            Some((false, if is_last_week { days } else { first }))
        }
    }
}

fn say(now: u64, until: u64, path: &str) {
    let end = date(until);
    if now >= until {
        tracing::error!(
            target: "certificate",
            "the node's certificate ended on {end}: peers let it read only, from the next set change on; renew it (quire cert renew {path})"
        );
    } else if stage(now, until).is_some() {
        let days = until.saturating_sub(now) / DAY_MS;
        tracing::warn!(
            target: "certificate",
            "the node's certificate ends in {days} days, on {end}: renew it (quire cert renew {path})"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r1_lines_come_early_and_more_often_towards_the_end() {
        let until = 100 * DAY_MS;
        let at = |days: u64| stage(until - days * DAY_MS, until);
        assert_eq!([at(90), at(31)], [None, None]);
        assert_eq!([at(30), at(20), at(8)], [Some((false, 30)); 3]);
        assert_eq!([at(7), at(3), at(1)], [7, 3, 1].map(|days| Some((false, days))));
        let over = |hours: u64| stage(until + hours * HOUR_MS, until);
        assert_eq!([over(0), over(1), over(2)], [0, 1, 2].map(|hours| Some((true, hours))));
    }
}
