//! What Members keeps, and who writes it.

use alloc::vec::Vec;

use pallet_support::{
    Blake2_128Concat, CountedMap, StorageDoubleMap, StorageMap, StorageValue, Twox64Concat,
};
use quire_certificate::{Key, Principal, RevokedPeer};
use quire_core::AccountId;

use crate::NAME;
use crate::types::{Holder, Motion, NodeKey, Peer, PeerUsage, Thresholds, Usage};

/// Accounts with a vote, sorted; by genesis, `admit` and `revoke`.
pub const MEMBERS: StorageValue<Vec<AccountId>> =
    StorageValue::new(NAME, "Members", &["The members of the consortium, sorted."]).defaulted();

/// What approvals must exceed; by genesis and `set_thresholds`.
pub const THRESHOLDS: StorageValue<Thresholds> = StorageValue::new(
    NAME,
    "Thresholds",
    &["The share of the members that approvals of a motion must exceed, by class."],
)
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

/// The key that signs certificates of principals; by genesis and `set_root`.
pub const ROOT: StorageValue<Key> =
    StorageValue::new(NAME, "Root", &["The root key, which signs the certificates of principals."])
        .defaulted();

/// Members of old and new; by genesis, `admit`, `renew`, `revoke`.
pub const PRINCIPALS: CountedMap<AccountId, Principal, Blake2_128Concat> = CountedMap::new(
    NAME,
    "Principals",
    &["Certified organisations: the members, and those revoked not long ago."],
);

/// Nodes whose certificates their members made public; by `register_peer`, `revoke_peer` and expiry.
pub const PEERS: StorageDoubleMap<AccountId, NodeKey, Peer, Blake2_128Concat, Blake2_128Concat> =
    StorageDoubleMap::new(NAME, "Peers", &["Registered nodes by member and node key."]);

/// Node keys that certificates of their member do not help any more; by `revoke_peer`, forgotten in time.
pub const REVOKED_PEERS: StorageDoubleMap<
    AccountId,
    NodeKey,
    RevokedPeer,
    Blake2_128Concat,
    Blake2_128Concat,
> = StorageDoubleMap::new(NAME, "RevokedPeers", &["Revoked node keys by member and node key."]);

/// How many entries a member has in the two; by the same.
pub const PEER_USAGE: StorageMap<AccountId, PeerUsage, Twox64Concat> =
    StorageMap::new(NAME, "PeerUsage", &["How many nodes a member has registered, and revoked."]).defaulted();

/// What is looked at on which day; by `calendar`.
pub const DUE: StorageDoubleMap<u32, Holder, (), Twox64Concat, Blake2_128Concat> = StorageDoubleMap::new(
    NAME,
    "Due",
    &["Certificates to be looked at on a day, counted from the Unix epoch."],
);

/// The day under which a holder stands in [`DUE`]; by `calendar`.
pub const DUE_ON: StorageMap<Holder, u32, Blake2_128Concat> =
    StorageMap::new(NAME, "DueOn", &["The day on which a certificate is looked at next."]);

/// No day before this one has anything due; by `calendar`.
pub const NEXT_DAY: StorageValue<u32> =
    StorageValue::new(NAME, "NextDay", &["The first day on which a certificate may be due."]);

/// Chain time of the last set change; by `note_set_change`.
pub const EFFECTIVE_TIME: StorageValue<u64> = StorageValue::new(
    NAME,
    "EffectiveTime",
    &["Chain time of the last set change: what had expired or was revoked by then counts."],
)
.defaulted();
