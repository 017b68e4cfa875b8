//! Combined Log Format, one line at a time: the pure parser behind `quire demo --access-log`.
//!
//! Terms: a *line* is what stands between two line feeds, as bytes (nothing is assumed to be UTF-8); *white space* is
//! ASCII white space (space, tab, carriage return, vertical tab, form feed).
//!
//! Rules
//! * R1: a line parses when it is exactly `host ident user [time] "request" status bytes "referer" "agent"` with one
//!   space between fields.
//! * R2: host, ident and user are one or more bytes without white space.
//! * R3: time is one or more bytes without `]`.
//! * R4: quoted fields may be empty, may hold backslash escapes (a backslash takes the next byte with it) and are
//!   returned raw, without their quotes.
//! * R5: status is three digits; bytes is one or more digits, or `-`.
//! * R6: trailing white space is tolerated; it stays part of the line, not of a field.
//! * R7: anything else is refused, with the first field that does not fit as the reason.
//! * R8: a valid log date is `dd/Mon/yyyy:HH:MM:SS +hhmm`, a real day of the Gregorian calendar, not before 1970;
//!   the month is an English abbreviation written as servers write it.
//!
//! Out of scope: reading files (see [`super::input`]) and what an event is worth (see [`super::events`]).

use std::fmt;

/// The fields of a line that the job looks at. All are raw bytes of the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry<'a> {
    /// Between the brackets.
    pub(crate) time: &'a [u8],
    /// Three digits as a number.
    pub(crate) status: u16,
    /// Between the quotes, escapes untouched.
    pub(crate) referer: &'a [u8],
    /// Between the quotes, escapes untouched.
    pub(crate) agent: &'a [u8],
}

/// Why a line was skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reject {
    /// No bytes at all.
    Empty,
    /// More bytes than a line may have; the reader gives this reason, not the parser.
    TooLong,
    /// Host, ident or user is missing or not followed by one space.
    Client,
    /// No `[time]` after the user.
    Time,
    /// The request is not a quoted field.
    Request,
    /// The status is not three digits.
    Status,
    /// The byte count is neither digits nor `-`.
    Bytes,
    /// The referer is not a quoted field.
    Referer,
    /// The agent is not a quoted field.
    Agent,
    /// Something other than white space follows the agent.
    Trailing,
}

impl fmt::Display for Reject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Reject::Empty => "empty line",
            Reject::TooLong => "line over the length limit",
            Reject::Client => "host, ident or user missing",
            Reject::Time => "no [time] after the user",
            Reject::Request => "request not quoted",
            Reject::Status => "status not three digits",
            Reject::Bytes => "byte count neither digits nor -",
            Reject::Referer => "referer not quoted",
            Reject::Agent => "agent not quoted",
            Reject::Trailing => "text after the agent",
        })
    }
}

/// Parses one line without its line feed (R1 to R7).
pub(crate) fn parse(line: &[u8]) -> Result<Entry<'_>, Reject> {
    if line.is_empty() {
        return Err(Reject::Empty);
    }
    let mut rest = line;
    for _ in 0..3 {
        rest = word(rest).ok_or(Reject::Client)?;
    }
    let (time, rest) = bracketed(rest).ok_or(Reject::Time)?;
    let (_, rest) = quoted(rest).ok_or(Reject::Request)?;
    let (status, rest) = status(space(rest).ok_or(Reject::Request)?).ok_or(Reject::Status)?;
    let rest = byte_count(rest).ok_or(Reject::Bytes)?;
    let (referer, rest) = quoted(rest).ok_or(Reject::Referer)?;
    let (agent, rest) = quoted(space(rest).ok_or(Reject::Referer)?).ok_or(Reject::Agent)?;
    if rest.iter().all(|byte| is_white(*byte)) {
        Ok(Entry { time, status, referer, agent })
    } else {
        Err(Reject::Trailing)
    }
}

fn is_white(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | 0x0b | 0x0c | b'\n')
}

fn space(rest: &[u8]) -> Option<&[u8]> {
    rest.strip_prefix(b" ")
}

/// R2, with the space that follows.
fn word(rest: &[u8]) -> Option<&[u8]> {
    let end = rest.iter().position(|byte| is_white(*byte))?;
    if end == 0 { None } else { space(rest.get(end..)?) }
}

/// R3, with the space that follows.
fn bracketed(rest: &[u8]) -> Option<(&[u8], &[u8])> {
    let rest = rest.strip_prefix(b"[")?;
    let end = rest.iter().position(|byte| *byte == b']')?;
    let (time, rest) = rest.split_at(end);
    let rest = rest.strip_prefix(b"] ")?;
    if time.is_empty() { None } else { Some((time, rest)) }
}

/// R4.
fn quoted(rest: &[u8]) -> Option<(&[u8], &[u8])> {
    let rest = rest.strip_prefix(b"\"")?;
    let mut at = 0;
    loop {
        match *rest.get(at)? {
            b'"' => return Some((rest.get(..at)?, rest.get(at + 1..)?)),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// R5, with the space that follows.
fn status(rest: &[u8]) -> Option<(u16, &[u8])> {
    let (digits, rest) = rest.split_at_checked(3)?;
    let mut value = 0u16;
    for digit in digits {
        if !digit.is_ascii_digit() {
            return None;
        }
        value = value * 10 + u16::from(digit - b'0');
    }
    Some((value, space(rest)?))
}

/// R5, with the space that follows.
fn byte_count(rest: &[u8]) -> Option<&[u8]> {
    if let Some(rest) = rest.strip_prefix(b"-") {
        return space(rest);
    }
    let end = rest.iter().position(|byte| !byte.is_ascii_digit())?;
    if end == 0 { None } else { space(rest.get(end..)?) }
}

const MONTHS: [&[u8; 3]; 12] =
    [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];

/// The instant a log date names, in milliseconds since 1970, or `None` when it is no valid log date (R8).
pub(crate) fn time_ms(time: &[u8]) -> Option<u64> {
    let time: &[u8; 26] = time.try_into().ok()?;
    let separators = [(2, b'/'), (6, b'/'), (11, b':'), (14, b':'), (17, b':'), (20, b' ')];
    if separators.iter().any(|(at, byte)| time[*at] != *byte) {
        return None;
    }
    let day = digits(&time[0..2])?;
    let month = MONTHS.iter().position(|name| time[3..6] == name[..])?;
    let year = digits(&time[7..11])?;
    let (hour, minute, second) = (digits(&time[12..14])?, digits(&time[15..17])?, digits(&time[18..20])?);
    let (zone_hours, zone_minutes) = (digits(&time[22..24])?, digits(&time[24..26])?);
    if day < 1 || day > days_in_month(year, month) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    if zone_hours > 23 || zone_minutes > 59 {
        return None;
    }
    let zone_seconds = (zone_hours * 60 + zone_minutes) * 60;
    let local = days_since_1970(year, month, day) * 86_400 + (hour * 60 + minute) * 60 + second;
    let utc = match time[21] {
        b'+' => local - zone_seconds,
        b'-' => local + zone_seconds,
        _ => return None,
    };
    u64::try_from(utc).ok().map(|seconds| seconds * 1_000)
}

fn digits(bytes: &[u8]) -> Option<i64> {
    bytes.iter().try_fold(0, |value, byte| byte.is_ascii_digit().then(|| value * 10 + i64::from(byte - b'0')))
}

fn is_leap(year: i64) -> bool {
    (year % 4 == 0 && year % 100 != 0) || year % 400 == 0
}

fn days_in_month(year: i64, month: usize) -> i64 {
    match month {
        1 if is_leap(year) => 29,
        1 => 28,
        3 | 5 | 8 | 10 => 30,
        _ => 31,
    }
}

fn days_since_1970(year: i64, month: usize, day: i64) -> i64 {
    let leap_days = |years: i64| years / 4 - years / 100 + years / 400;
    // Leap days of complete years before this one; year 0 is a leap year itself, hence the shift by 400.
    let years = (year - 1970) * 365 + leap_days(year + 399) - leap_days(1970 + 399);
    let months: i64 = (0..month).map(|earlier| days_in_month(year, earlier)).sum();
    years + months + day - 1
}

#[cfg(test)]
mod tests;
