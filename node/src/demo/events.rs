//! What one line of the access log means to the three participants.
//!
//! Rules (of the job; `n` is the number of the line in the file, counted from 0 over all lines)
//! * R1: `imp` is the first 16 bytes of blake2b-256(`n` as u64 little-endian, then the line); `c` is crc32(imp).
//! * R2: the price is 1,000,000 × (1 + c mod 1000) plancks.
//! * R3: SSP sends a win for every valid line, DSP the same except where c mod 97 = 0 (a lost notice).
//! * R4: the auditor sends a check for every valid line with flags VIEW 2 if the status is 2xx or 304; CLICK 4 if VIEW
//!   and the referer is not `-` and c mod 50 = 1; FRAUD 1 if the agent contains, in any case, `bot`, `crawler`,
//!   `spider`, `slurp` or `http:`.
//! * R5: the time is the line's if it is a valid log date, else 0.

use super::clf::{self, Entry};
use quire_core::hash;

/// The check found a robot.
pub(crate) const FRAUD: u8 = 1;
/// The impression was delivered.
pub(crate) const VIEW: u8 = 2;
/// The impression was clicked.
pub(crate) const CLICK: u8 = 4;

const PRICE_STEP: u64 = 1_000_000;
const PRICE_STEPS: u32 = 1_000;
const LOST_EVERY: u32 = 97;
const CLICK_EVERY: u32 = 50;
const ROBOTS: [&[u8]; 5] = [b"bot", b"crawler", b"spider", b"slurp", b"http:"];
/// Bytes of an impression id.
pub(crate) const IMP_BYTES: usize = 16;

/// The event behind one valid line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Event {
    /// Impression id: the key of every message about it.
    pub(crate) imp: [u8; IMP_BYTES],
    /// Milliseconds since 1970, 0 when the line has no valid date.
    pub(crate) time_ms: u64,
    /// Plancks.
    pub(crate) price: u64,
    /// The DSP never got the notice.
    pub(crate) is_lost: bool,
    /// The auditor's flags.
    pub(crate) flags: u8,
}

impl Event {
    /// The event of a valid line. `numbered` is the line's number as u64 little-endian followed by the line.
    pub(crate) fn new(numbered: &[u8], entry: &Entry<'_>) -> Event {
        let digest = hash::blake2_256(numbered);
        let mut imp = [0u8; IMP_BYTES];
        imp.copy_from_slice(&digest[..IMP_BYTES]);
        let crc = crc32fast::hash(&imp);
        Event {
            imp,
            time_ms: clf::time_ms(entry.time).unwrap_or(0),
            price: PRICE_STEP * u64::from(1 + crc % PRICE_STEPS),
            is_lost: crc.is_multiple_of(LOST_EVERY),
            flags: flags(entry, crc),
        }
    }
}

fn flags(entry: &Entry<'_>, crc: u32) -> u8 {
    let mut flags = 0;
    if (200..300).contains(&entry.status) || entry.status == 304 {
        flags |= VIEW;
        if entry.referer != b"-" && crc % CLICK_EVERY == 1 {
            flags |= CLICK;
        }
    }
    if is_robot(entry.agent) {
        flags |= FRAUD;
    }
    flags
}

fn is_robot(agent: &[u8]) -> bool {
    (0..agent.len()).any(|at| {
        let rest = &agent[at..];
        matches!(rest[0] | 0x20, b'b' | b'c' | b's' | b'h')
            && ROBOTS
                .iter()
                .any(|name| rest.get(..name.len()).is_some_and(|word| word.eq_ignore_ascii_case(name)))
    })
}

#[cfg(test)]
mod tests;
