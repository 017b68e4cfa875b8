//! Timestamp: the time of a block, and the channel clock.
//!
//! Terms: a *slot* is a span of `slot duration` milliseconds, numbered since the Unix epoch; the slot duration is a
//! genesis value. The *channel clock* counts ticks, one per base block, and is what deadlines of channels, bonds and
//! motions are measured in: it pauses while finality lags, so a stalled or partitioned chain expires nothing.
//!
//! Rules:
//! * R1. Every block sets the time once, by an inherent of its author.
//! * R2. Time moves on by at least half a slot per block.
//! * R3. The time lies in the slot that the block's digest claims.
//! * R4. An author's time is refused when it is more than `limits::MAX_SLOT_AHEAD_MS` ahead of the checking node's.
//! * R5. The channel clock ticks once at the start of a block, unless the last block known to be final is more than
//!   [`FINALITY_LAG_BLOCKS_MAX`] behind. With an unknown lag it ticks.
//!
//! | index | call | origin |
//! |---|---|---|
//! | 0 | `set` | inherent |
//!
//! Out of scope: who may author in a slot (Aura), what is final (Grandpa tells the lag).

#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod channel_clock;
pub mod genesis;
mod inherent;
mod invariants;
mod pallet;
mod set;
pub mod storage;
mod weights;

#[cfg(test)]
mod tests;

use alloc::vec;

use pallet_support::metadata::PalletMetadataParts;
use pallet_support::{Constant, DispatchResultWithInfo, Origin, ensure_none, with_info};
use quire_core::BlockNumber;
use scale_info::meta_type;

pub use channel_clock::{ChannelClock, FINALITY_LAG_BLOCKS_MAX, channel_clock};
pub use inherent::{InherentError, check_inherent, create_inherent};
pub use invariants::check_invariants;
pub use pallet::Call;
pub use set::{minimum_period_ms, now, on_finalize, slot_duration_ms};

/// Index of the pallet in the runtime's enums.
pub const INDEX: u8 = 1;
/// Name of the pallet, prefix of its storage.
pub const NAME: &str = "Timestamp";

/// Slot duration of a chain whose genesis does not say otherwise.
pub const DEFAULT_SLOT_DURATION_MS: u64 = 1_000;

/// Starts a block: the channel clock ticks (R5), unless finality lags.
pub fn on_initialize(finality_lag_blocks: Option<BlockNumber>) {
    ChannelClock::tick(finality_lag_blocks);
}

/// Carries out a call.
///
/// # Errors
/// `BadOrigin`, or a sentence that says which rule the time breaks; either makes the block invalid.
pub fn dispatch(call: Call, origin: Origin) -> DispatchResultWithInfo {
    match call {
        Call::set { now } => with_info(ensure_none(&origin).and_then(|()| set::set(now))),
    }
}

/// What metadata says about the pallet.
pub fn metadata() -> PalletMetadataParts {
    PalletMetadataParts {
        storage: vec![
            storage::NOW.entry_metadata(),
            storage::DID_UPDATE.entry_metadata(),
            storage::SLOT_DURATION_MS.entry_metadata(),
            storage::CHANNEL_CLOCK.entry_metadata(),
        ],
        calls: Some(meta_type::<Call>()),
        constants: vec![Constant::new(
            "MinimumPeriod",
            &minimum_period_ms(),
            &["Least milliseconds between two blocks: half a slot."],
        )],
        docs: vec!["The time of a block, and the clock of channels."],
        ..PalletMetadataParts::new(NAME, INDEX)
    }
}
