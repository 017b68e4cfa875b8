//! The slot duration that the chain starts with.

use alloc::format;
use alloc::string::String;

use crate::DEFAULT_SLOT_DURATION_MS;
use crate::storage::{CHANNEL_CLOCK, SLOT_DURATION_MS};

/// Shortest slot: blocks have to be made and sent within one.
pub const SLOT_DURATION_MS_MIN: u64 = 100;
/// Longest slot.
pub const SLOT_DURATION_MS_MAX: u64 = 60_000;

/// What Timestamp is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Length of a slot, in milliseconds.
    pub slot_duration_ms: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self { slot_duration_ms: DEFAULT_SLOT_DURATION_MS }
    }
}

impl Config {
    /// Writes the state.
    ///
    /// # Errors
    /// When the slot duration is out of bounds.
    pub fn build(&self) -> Result<(), String> {
        let bounds = SLOT_DURATION_MS_MIN..=SLOT_DURATION_MS_MAX;
        if !bounds.contains(&self.slot_duration_ms) {
            return Err(format!(
                "timestamp: slots of {} ms in genesis; choose {SLOT_DURATION_MS_MIN} to {SLOT_DURATION_MS_MAX}",
                self.slot_duration_ms
            ));
        }
        SLOT_DURATION_MS.put(&self.slot_duration_ms);
        CHANNEL_CLOCK.put(&0);
        Ok(())
    }
}
