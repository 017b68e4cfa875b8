//! The prices that the chain starts with.

use alloc::string::String;

use crate::storage::{FEES, NEXT_FEE_MULTIPLIER};
use crate::types::{FeeSchedule, FixedU128};

/// What TransactionPayment is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// Prices; [`FeeSchedule::FREE`] for a chain without fees.
    pub fees: FeeSchedule,
}

impl Config {
    /// Writes the state.
    ///
    /// # Errors
    /// None: any price is allowed.
    pub fn build(&self) -> Result<(), String> {
        FEES.put(&self.fees);
        NEXT_FEE_MULTIPLIER.put(&FixedU128::ONE);
        Ok(())
    }
}
