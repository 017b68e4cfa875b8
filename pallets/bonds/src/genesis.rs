//! The first state.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use quire_core::{AccountId, Balance};

use crate::storage::{PARAMETERS, POT_TAG, Parameters, ValidatorKeys};
use crate::{ledger, validator};

/// What genesis fixes. Bonds come out of the accounts' genesis balances, so balances are built before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// Minimum bond, bond per duty, unbonding delay.
    pub parameters: Parameters,
    /// Accounts that are validators from the start, with their bonds and keys.
    pub validators: Vec<(AccountId, Balance, ValidatorKeys)>,
}

impl Config {
    /// Writes the first state.
    ///
    /// # Errors
    /// When a validator cannot bond what it should, or its keys are no good.
    pub fn build(&self) -> Result<(), String> {
        pallet_balances::create_pot(POT_TAG);
        PARAMETERS.put(&self.parameters);
        for (who, amount, keys) in &self.validators {
            ledger::bond(who, *amount)
                .map_err(|why| format!("bonds: {who} cannot bond {amount} plancks in genesis: {why:?}"))?;
            validator::validate(who, *keys)
                .map_err(|why| format!("bonds: {who} cannot be a validator in genesis: {why:?}"))?;
        }
        Ok(())
    }
}
