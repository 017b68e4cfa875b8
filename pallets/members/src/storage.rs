//! What Members keeps, and who writes it.

use alloc::vec::Vec;

use pallet_support::{CountedMap, StorageMap, StorageValue, Twox64Concat};
use quire_core::AccountId;

use crate::NAME;
use crate::types::{Motion, Share, Usage};

/// The members, sorted; by genesis.
pub const MEMBERS: StorageValue<Vec<AccountId>> =
    StorageValue::new(NAME, "Members", &["The members of the consortium, sorted."]).defaulted();

/// What approvals must exceed; by genesis.
pub const SHARE: StorageValue<Share> =
    StorageValue::new(NAME, "Share", &["The share of the members that approvals of a motion must exceed."])
        .defaulted();

/// Number of the next motion; by `propose`.
pub const MOTION_COUNT: StorageValue<u32> =
    StorageValue::new(NAME, "MotionCount", &["Number of motions proposed so far."]).defaulted();

/// Open motions; by all verbs.
pub const MOTIONS: CountedMap<u32, Motion, Twox64Concat> =
    CountedMap::new(NAME, "Motions", &["Open motions and the votes on them."]);

/// Their encoded calls, apart because they can be large; by `propose`, removed with the motion.
pub const MOTION_CALLS: StorageMap<u32, Vec<u8>, Twox64Concat> =
    StorageMap::new(NAME, "MotionCalls", &["Encoded calls of open motions."]);

/// The earliest expiry among open motions; by `propose` and `on_initialize`.
pub const NEXT_EXPIRY: StorageValue<u32> =
    StorageValue::new(NAME, "NextExpiry", &["Tick at which the next open motion expires, at the earliest."]);

/// What each member's open motions take up; by `usage`.
pub const USAGE: StorageMap<AccountId, Usage, Twox64Concat> =
    StorageMap::new(NAME, "Usage", &["What a member's open motions take up."]).defaulted();

/// Bytes of the calls of all open motions; by `usage`.
pub const TOTAL_CALL_BYTES: StorageValue<u32> =
    StorageValue::new(NAME, "TotalCallBytes", &["Bytes of the calls of all open motions."]).defaulted();
