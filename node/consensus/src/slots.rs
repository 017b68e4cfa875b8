//! Aura: time is cut into slots, and each slot belongs to one authority.
//!
//! Terms: *slot* number = Unix time in milliseconds / slot duration; *pre-digest* = the slot in the header, before
//! the runtime runs; *seal* = the author's sr25519 signature in the last digest entry.
//!
//! Rules (Substrate's, so that light clients agree)
//! - R1 The author of slot `s` is `authorities[s mod n]` of the set in the parent's state.
//! - R2 A header carries exactly one `aura` pre-digest, eight bytes little-endian.
//! - R3 The slot is strictly greater than the parent's. The genesis block has none.
//! - R4 A block whose slot starts more than [`MAX_SLOT_AHEAD_MS`] after the local clock waits; it is not invalid.
//! - R5 The seal is the last digest entry and signs blake2-256 of the header without it, in the context
//!   `substrate`.
//! - R6 An author that sees finality lag skips slots of its own, ever more of them, up to one block in
//!   [`claim::BACKOFF_SLOTS_MAX`]; it never stops, so that nothing is bricked when finality comes back.
//!
//! Out of scope: who the authorities are (runtime), waiting for the slot (shell).

pub mod claim;
pub mod verify;

use quire_core::AuraId;

pub use quire_core::limits::MAX_SLOT_AHEAD_MS;

/// The authorities of Aura at some block, and the length of a slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuraSet {
    /// sr25519 keys in the order of their turns.
    pub authorities: Vec<AuraId>,
    /// Length of a slot in milliseconds, never 0.
    pub slot_duration_ms: u64,
}

#[cfg(test)]
mod tests;
