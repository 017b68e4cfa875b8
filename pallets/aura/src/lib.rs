//! Aura: who may author in which slot.
//!
//! Terms: slot `s` belongs to the authority `authorities[s mod n]`; a block names its slot in its digest.
//!
//! Rules:
//! * R1. Every block after genesis names exactly one slot, later than that of its parent.
//! * R2. The author is the authority to whom the slot belongs. (The node checks its seal before the runtime runs.)
//! * R3. There are 1 to `limits::MAX_AUTHORITIES` authorities, none of them twice.
//! * R4. A change of the authorities puts exactly one `aura` item into the block's digest.
//!
//! No calls, events or errors: what breaks a rule makes the block invalid.
//!
//! Out of scope: shuffling by randomness and sessions (Session), the time of the slot (Timestamp).

#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod genesis;
mod invariants;
mod slots;
pub mod storage;

#[cfg(test)]
mod tests;

use alloc::vec;

use pallet_support::Constant;
use pallet_support::metadata::PalletMetadataParts;

pub use invariants::check_invariants;
pub use slots::{
    AuthoritiesError, author, authorities, authority_of, change_authorities, current_slot, on_initialize,
};

/// Index of the pallet in the runtime's enums.
pub const INDEX: u8 = 4;
/// Name of the pallet, prefix of its storage.
pub const NAME: &str = "Aura";

/// What metadata says about the pallet.
pub fn metadata() -> PalletMetadataParts {
    PalletMetadataParts {
        storage: vec![storage::AUTHORITIES.entry_metadata(), storage::CURRENT_SLOT.entry_metadata()],
        constants: vec![Constant::new(
            "SlotDuration",
            &pallet_timestamp::slot_duration_ms(),
            &["Length of a slot, in milliseconds."],
        )],
        docs: vec!["Authorship by slots."],
        ..PalletMetadataParts::new(NAME, INDEX)
    }
}
