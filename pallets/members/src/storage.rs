//! Everything Members keeps, and who writes it.

use alloc::vec::Vec;

use pallet_support::{StorageMap, StorageValue, Twox64Concat};
use quire_core::{AccountId, BlockNumber};

use crate::{Motion, NAME};

/// Members in ascending order; by genesis.
pub const MEMBERS: StorageValue<Vec<AccountId>> =
    StorageValue::new(NAME, "Members", &["Accounts that vote, in ascending order."]).defaulted();

/// Open and passed motions; by `propose`, `vote` and `execute`.
pub const fn motions<C>() -> StorageMap<u32, Motion<C>, Twox64Concat> {
    StorageMap::new(NAME, "Motions", &["Motions that are open or passed, by number."])
}

/// Numbers of the motions, each with the last block at which it lives, oldest first; kept equal to the keys of
/// `Motions`.
pub const OPEN: StorageValue<Vec<(u32, BlockNumber)>> =
    StorageValue::new(NAME, "Open", &["Numbers of the motions with their last block, oldest first."])
        .defaulted();

/// Number of the next motion; by `propose`.
pub const NEXT_MOTION: StorageValue<u32> =
    StorageValue::new(NAME, "NextMotion", &["Number of the next motion."]).defaulted();
