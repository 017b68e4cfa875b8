//! The balances that the chain starts with.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use pallet_system::storage::ACCOUNT;
use pallet_system::{AccountData, AccountInfo};
use quire_core::{AccountId, Balance};

use crate::EXISTENTIAL_DEPOSIT;
use crate::storage::TOTAL_ISSUANCE;

/// What Balances is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// Accounts with their free balances in plancks.
    pub balances: Vec<(AccountId, Balance)>,
}

impl Config {
    /// Writes the state.
    ///
    /// # Errors
    /// When an account is named twice or has less than the existential deposit, or the sum overflows.
    pub fn build(&self) -> Result<(), String> {
        let mut total = TOTAL_ISSUANCE.get_or_default();
        for (who, free) in &self.balances {
            if *free < EXISTENTIAL_DEPOSIT {
                return Err(format!(
                    "balances: {who} has {free} plancks in genesis; give it at least {EXISTENTIAL_DEPOSIT}"
                ));
            }
            if ACCOUNT.contains(who) {
                return Err(format!("balances: {who} is named twice in genesis; name it once"));
            }
            total = total
                .checked_add(*free)
                .ok_or_else(|| "balances: the sum of all balances in genesis exceeds u128".to_string())?;
            let data = AccountData { free: *free, ..AccountData::default() };
            ACCOUNT.insert(who, &AccountInfo { providers: 1, data, ..AccountInfo::default() });
        }
        TOTAL_ISSUANCE.put(&total);
        Ok(())
    }
}
