//! The channel clock (R5).

use quire_core::BlockNumber;

use crate::storage::CHANNEL_CLOCK;

/// The clock stands still while the last final block is further behind than this.
pub const FINALITY_LAG_BLOCKS_MAX: BlockNumber = 32;

/// The clock by which channels, bonds and motions measure deadlines.
#[derive(Clone, Copy, Debug)]
pub struct ChannelClock;

impl ChannelClock {
    /// Ticks so far.
    pub fn now() -> u32 {
        CHANNEL_CLOCK.get_or_default()
    }

    /// Moves on by one tick, unless finality is known to lag; returns the time.
    pub fn tick(finality_lag_blocks: Option<BlockNumber>) -> u32 {
        let now = Self::now();
        if finality_lag_blocks.is_some_and(|lag| lag > FINALITY_LAG_BLOCKS_MAX) {
            return now;
        }
        // At one tick a second the clock is full after 136 years; it then stands still rather than starts again.
        let next = now.saturating_add(1);
        CHANNEL_CLOCK.put(&next);
        next
    }
}

/// Ticks of the channel clock so far.
pub fn channel_clock() -> u32 {
    ChannelClock::now()
}
