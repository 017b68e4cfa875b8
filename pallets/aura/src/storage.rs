//! What Aura keeps, and who writes it.

use alloc::vec::Vec;

use pallet_support::StorageValue;
use quire_core::{AuraId, Slot};

use crate::NAME;

/// Authorities in the order of their slots; by genesis and `change_authorities`.
pub const AUTHORITIES: StorageValue<Vec<AuraId>> =
    StorageValue::new(NAME, "Authorities", &["The authorities, in the order of their slots."]).defaulted();

/// Slot of the block; by `on_initialize`.
pub const CURRENT_SLOT: StorageValue<Slot> =
    StorageValue::new(NAME, "CurrentSlot", &["The slot of the current block."]).defaulted();
