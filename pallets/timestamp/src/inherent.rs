//! The inherent of an author, and what other nodes think of it (R2, R4).

use parity_scale_codec::{Decode, Encode};
use quire_core::InherentData;
use quire_core::inherent::TIMESTAMP_ID;
use quire_core::limits::MAX_SLOT_AHEAD_MS;

use crate::{Call, minimum_period_ms, now};

/// Why a node refuses an author's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum InherentError {
    /// Less than half a slot after the parent; the time from which on it would be right.
    TooEarly(u64),
    /// Too far ahead of the node's own clock.
    TooFarInFuture,
}

/// The author's inherent: its clock, moved on to the least time allowed. `None` without a clock in `data`.
pub fn create_inherent(data: &InherentData) -> Option<Call> {
    let clock = data.get::<u64>(&TIMESTAMP_ID).ok().flatten()?;
    let earliest = match now() {
        0 => clock,
        parent => parent.saturating_add(minimum_period_ms()),
    };
    Some(Call::set { now: clock.max(earliest) })
}

/// Checks another author's inherent against this node's clock; without a clock in `data`, only against the parent.
///
/// # Errors
/// See [`InherentError`].
pub fn check_inherent(call: &Call, data: &InherentData) -> Result<(), InherentError> {
    let Call::set { now: time } = call;
    let earliest = now().saturating_add(minimum_period_ms());
    if now() != 0 && *time < earliest {
        return Err(InherentError::TooEarly(earliest));
    }
    match data.get::<u64>(&TIMESTAMP_ID).ok().flatten() {
        Some(clock) if *time > clock.saturating_add(MAX_SLOT_AHEAD_MS) => Err(InherentError::TooFarInFuture),
        _ => Ok(()),
    }
}
