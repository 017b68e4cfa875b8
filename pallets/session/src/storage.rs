//! What Session keeps, and who writes it. The first five items are what clients look for.

use alloc::vec::Vec;

use pallet_support::{StorageMap, StorageValue, Twox64Concat};
use quire_core::{AccountId, KeyTypeId, Slot};

use crate::NAME;
use crate::types::{Authority, Parameters, Record, SessionIndex, SessionKeys};

/// Accounts of the authors in the order of their slots; by genesis and `rotate`.
pub const VALIDATORS: StorageValue<Vec<AccountId>> =
    StorageValue::new(NAME, "Validators", &["The authorities, in the order of their slots."]).defaulted();

/// Number of the session; by genesis and `rotate`.
pub const CURRENT_INDEX: StorageValue<SessionIndex> =
    StorageValue::new(NAME, "CurrentIndex", &["Number of the session."]).defaulted();

/// Who would be in the next session, by account; by genesis and `rotate`.
pub const QUEUED_KEYS: StorageValue<Vec<Authority>> =
    StorageValue::new(NAME, "QueuedKeys", &["Who is to be an authority of the next session, with keys."])
        .defaulted();

/// Keys that members have set; by genesis, `set_keys`, `purge_keys`, `bar`, and `rotate` for who is no member.
pub const NEXT_KEYS: StorageMap<AccountId, SessionKeys, Twox64Concat> =
    StorageMap::new(NAME, "NextKeys", &["Keys that a member has set."]);

/// Who has set a key; with `NEXT_KEYS`.
pub const KEY_OWNER: StorageMap<(KeyTypeId, Vec<u8>), AccountId, Twox64Concat> =
    StorageMap::new(NAME, "KeyOwner", &["Who has set a key, by its type and bytes."]);

/// The session's slots are those after this one; by `on_finalize`.
pub const STARTED_AFTER: StorageValue<Slot> =
    StorageValue::new(NAME, "StartedAfter", &["The slot after which the session started."]);

/// Records by session; by genesis and `rotate`.
pub const RECORDS: StorageMap<SessionIndex, Record, Twox64Concat> = StorageMap::new(
    NAME,
    "Records",
    &["Authorities of a session, for as long as its offences can be punished."],
);

/// The oldest session of which there is a record; by `rotate`.
pub const OLDEST_RECORD: StorageValue<SessionIndex> =
    StorageValue::new(NAME, "OldestRecord", &["The oldest session of which there is a record."]).defaulted();

/// The last session of a GRANDPA set; with `RECORDS`.
pub const SET_SESSIONS: StorageMap<u64, SessionIndex, Twox64Concat> =
    StorageMap::new(NAME, "SetSessions", &["The last session in which a GRANDPA set voted."]);

/// Who is unfit, and from which session on no more, by account; by `bar` and `rotate`.
pub const BARRED: StorageValue<Vec<(AccountId, SessionIndex)>> = StorageValue::new(
    NAME,
    "Barred",
    &["Accounts that cannot be authorities, and the first session in which they can."],
)
.defaulted();

/// Figures fixed at genesis.
pub const PARAMETERS: StorageValue<Parameters> =
    StorageValue::new(NAME, "Parameters", &["Length of a session, stake of an authority."]).defaulted();
