//! Slots and their authorities.

use alloc::vec::Vec;

use parity_scale_codec::Encode;
use quire_core::digest::AURA_ENGINE_ID;
use quire_core::{AuraId, DigestItem, Slot, limits};

use crate::storage::{AUTHORITIES, CURRENT_SLOT};

/// Tag of an authority change in the digest.
const AUTHORITIES_CHANGE: u8 = 1;

/// Why a list of authorities is refused (R3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthoritiesError {
    /// The list is empty.
    Empty,
    /// The list is longer than `limits::MAX_AUTHORITIES`.
    TooMany,
    /// An authority is listed twice.
    Duplicate,
}

/// The authorities, in the order of their slots.
pub fn authorities() -> Vec<AuraId> {
    AUTHORITIES.get_or_default()
}

/// The slot of the current block.
pub fn current_slot() -> Slot {
    CURRENT_SLOT.get_or_default()
}

/// To whom a slot belongs; nobody when there are no authorities.
pub fn authority_of(slot: Slot) -> Option<AuraId> {
    let authorities = authorities();
    let index = slot.0.checked_rem(authorities.len() as u64)?;
    authorities.get(usize::try_from(index).ok()?).copied()
}

/// The author of the current block (R2).
pub fn author() -> Option<AuraId> {
    authority_of(current_slot())
}

/// Starts a block: its slot, from the digest that System was given (R1).
///
/// # Errors
/// When the digest names no slot, more than one, or one that is not later than the parent's; then the block is invalid.
pub fn on_initialize() -> Result<Slot, &'static str> {
    let slot =
        pallet_system::digest().aura_slot().ok_or("aura: the digest does not name exactly one slot (R1)")?;
    if slot <= current_slot() {
        return Err("aura: the slot is not later than the parent's (R1)");
    }
    CURRENT_SLOT.put(&slot);
    Ok(slot)
}

/// Whether a list may become the authorities (R3).
pub(crate) fn check(authorities: &[AuraId]) -> Result<(), AuthoritiesError> {
    if authorities.is_empty() {
        return Err(AuthoritiesError::Empty);
    }
    if authorities.len() > limits::MAX_AUTHORITIES as usize {
        return Err(AuthoritiesError::TooMany);
    }
    let mut sorted = authorities.to_vec();
    sorted.sort_unstable();
    if sorted.windows(2).any(|pair| pair[0] == pair[1]) { Err(AuthoritiesError::Duplicate) } else { Ok(()) }
}

/// Replaces the authorities from the next block on, and says so in the digest (R4). The same list changes nothing.
///
/// # Errors
/// See [`AuthoritiesError`].
pub fn change_authorities(new: &Vec<AuraId>) -> Result<(), AuthoritiesError> {
    check(new)?;
    if *new != authorities() {
        AUTHORITIES.put(new);
        pallet_system::deposit_log(DigestItem::Consensus(AURA_ENGINE_ID, (AUTHORITIES_CHANGE, new).encode()));
    }
    Ok(())
}
