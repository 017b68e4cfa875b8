//! What Timestamp keeps, and who writes it.

use pallet_support::StorageValue;

use crate::NAME;

/// Time of the block; by `set`.
pub const NOW: StorageValue<u64> =
    StorageValue::new(NAME, "Now", &["Time of the current block, in milliseconds since the Unix epoch."])
        .defaulted();

/// Whether this block has set the time; by `set`, removed by `on_finalize`.
pub const DID_UPDATE: StorageValue<bool> =
    StorageValue::new(NAME, "DidUpdate", &["Whether the current block has set the time."]).defaulted();

/// Length of a slot; by genesis.
pub const SLOT_DURATION_MS: StorageValue<u64> =
    StorageValue::new(NAME, "SlotDuration", &["Length of a slot, in milliseconds."]);

/// Ticks of the channel clock; by `ChannelClock::tick`.
pub const CHANNEL_CLOCK: StorageValue<u32> =
    StorageValue::new(NAME, "ChannelClock", &["Ticks of the clock by which channels measure deadlines."])
        .defaulted();
