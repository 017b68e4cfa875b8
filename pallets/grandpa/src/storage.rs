//! What Grandpa keeps, and who writes it.

use alloc::vec::Vec;

use pallet_support::StorageValue;
use quire_core::{BlockNumber, GrandpaId};

use crate::NAME;

/// Authorities with weights, sorted; by genesis and `change_authorities`.
pub const AUTHORITIES: StorageValue<Vec<(GrandpaId, u64)>> =
    StorageValue::new(NAME, "Authorities", &["The voters and their weights."]).defaulted();

/// Number of changes of the authorities; by `change_authorities`.
pub const CURRENT_SET_ID: StorageValue<u64> =
    StorageValue::new(NAME, "CurrentSetId", &["Number of changes of the voters so far."]).defaulted();

/// The last recorded stall; by `note_stalled`.
pub const STALLED: StorageValue<(BlockNumber, BlockNumber)> = StorageValue::new(
    NAME,
    "Stalled",
    &["The last recorded stall: delay, and last block known to be final."],
);

/// The last block noted as final; by `note_finalised`.
pub const LAST_FINALISED: StorageValue<BlockNumber> =
    StorageValue::new(NAME, "LastFinalised", &["The last block that an author noted as final."]);

/// Whether this block has noted what is final; by `note_finalised`, removed by `on_finalize`.
pub const DID_NOTE: StorageValue<bool> =
    StorageValue::new(NAME, "DidNote", &["Whether the current block has noted what is final."]).defaulted();
