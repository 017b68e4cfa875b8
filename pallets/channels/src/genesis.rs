//! The first state: programs that are there from the start.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use quire_core::AccountId;

use crate::program;
use crate::storage::POT_TAG;

/// What genesis fixes. Deposits come out of the owners' genesis balances, so balances are built before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// Owners and code of programs.
    pub programs: Vec<(AccountId, Vec<u8>)>,
}

impl Config {
    /// Writes the first state.
    ///
    /// # Errors
    /// When a program is no good, or its owner cannot pay the deposit.
    pub fn build(&self) -> Result<(), String> {
        pallet_balances::create_pot(POT_TAG);
        for (owner, code) in &self.programs {
            program::register(owner, code)
                .map_err(|why| format!("channels: {owner} cannot register a program in genesis: {why:?}"))?;
        }
        Ok(())
    }
}
