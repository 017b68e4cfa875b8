//! What Upgrade keeps, and who writes it.

use alloc::vec::Vec;

use pallet_support::{StorageMap, StorageValue, Twox64Concat};
use quire_core::{AuraId, Upgrade, Verdict};

use crate::NAME;
use crate::types::Parameters;

/// Delay and time; by genesis and `set_parameters`.
pub const PARAMETERS: StorageValue<Parameters> =
    StorageValue::new(NAME, "Parameters", &["Delay of the enactment and time to attest."]).defaulted();

/// The open upgrade, or what became of the last one; by all verbs.
pub const UPGRADE: StorageValue<Upgrade> =
    StorageValue::new(NAME, "Current", &["The open upgrade, or what became of the last one."]);

/// The code of the open upgrade; by `offer`, gone when the upgrade is closed.
pub const PENDING_CODE: StorageValue<Vec<u8>> =
    StorageValue::new(NAME, "PendingCode", &["The code of the open upgrade."]);

/// Verdicts on the open or the last upgrade; by `attest`, gone with the next `offer`.
pub const VERDICTS: StorageMap<AuraId, Verdict, Twox64Concat> =
    StorageMap::new(NAME, "Verdicts", &["What the authorities' dry runs of the code said."]);

/// Whether this block has told a verdict; by `attest`, removed by `on_finalize`.
pub const DID_ATTEST: StorageValue<bool> =
    StorageValue::new(NAME, "DidAttest", &["Whether the current block has told a verdict."]).defaulted();
