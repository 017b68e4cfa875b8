//! The wall clock, read in one place.
#![expect(clippy::disallowed_methods, reason = "the one place where the node reads the clock")]
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Milliseconds since the Unix epoch; 0 when the machine's clock stands before it.
pub(crate) fn now_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// Time since its creation; never goes back.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts at zero.
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    /// Milliseconds since the start.
    pub(crate) fn ms(self) -> u64 {
        u64::try_from(self.0.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Microseconds since the start.
    pub(crate) fn us(self) -> u64 {
        u64::try_from(self.0.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

/// The UTC date (year, month, day) of a Unix time in milliseconds, and the milliseconds since its midnight.
/// Days are counted from 1 March of year 0, so that leap days end a year (Howard Hinnant's algorithm).
pub(crate) fn civil(unix_ms: u64) -> ((u64, u64, u64), u64) {
    const DAY_MS: u64 = 86_400_000;
    let days = unix_ms / DAY_MS + 719_468;
    let era = days / 146_097;
    let day_of_era = days % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    ((year, month, day), unix_ms % DAY_MS)
}

#[cfg(test)]
mod tests {
    use super::civil;

    #[test]
    fn dates_are_those_of_the_calendar() {
        assert_eq!(civil(0), ((1970, 1, 1), 0));
        assert_eq!(civil(951_782_400_000), ((2000, 2, 29), 0));
        assert_eq!(civil(1_704_067_199_999), ((2023, 12, 31), 86_399_999));
        assert_eq!(civil(4_107_542_400_000), ((2100, 3, 1), 0));
    }
}
