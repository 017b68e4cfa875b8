//! What Balances keeps besides `System.Account`.

use pallet_support::StorageValue;
use quire_core::Balance;

use crate::NAME;

/// All plancks there are (R1); by `mint`, `burn` and the loss of dust.
pub const TOTAL_ISSUANCE: StorageValue<Balance> =
    StorageValue::new(NAME, "TotalIssuance", &["All plancks there are."]).defaulted();

/// Always zero: clients subtract it from the total to get what is active.
pub const INACTIVE_ISSUANCE: StorageValue<Balance> =
    StorageValue::new(NAME, "InactiveIssuance", &["Plancks that do not count as active."]).defaulted();
