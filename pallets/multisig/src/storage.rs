//! What Multisig keeps, and who writes it.

use pallet_support::{Blake2_128Concat, StorageDoubleMap, Twox64Concat};
use quire_core::AccountId;

use crate::{Multisig, NAME};

/// Open operations by multisig account and blake2-256 of the call; by all verbs but `as_multi_threshold_1`.
pub const MULTISIGS: StorageDoubleMap<AccountId, [u8; 32], Multisig, Twox64Concat, Blake2_128Concat> =
    StorageDoubleMap::new(NAME, "Multisigs", &["Open operations by multisig account and hash of the call."]);
