//! What TransactionPayment keeps, and who writes it.

use pallet_support::StorageValue;
use quire_core::Balance;

use crate::NAME;
use crate::types::{FeeSchedule, FixedU128};

/// Multiplier of weight fees; by genesis.
pub const NEXT_FEE_MULTIPLIER: StorageValue<FixedU128> =
    StorageValue::new(NAME, "NextFeeMultiplier", &["Multiplier of weight fees."]).defaulted();

/// Prices; by genesis.
pub const FEES: StorageValue<FeeSchedule> =
    StorageValue::new(NAME, "Fees", &["Prices of extrinsics, in plancks."]).defaulted();

/// Fees and tips of this block; by `correct_and_deposit`, removed by `on_finalize`.
pub const COLLECTED: StorageValue<Balance> =
    StorageValue::new(NAME, "Collected", &["Fees and tips collected in the current block."]).defaulted();
