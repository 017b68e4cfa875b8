//! The voters that the chain starts with.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use quire_core::GrandpaId;

use crate::authorities::sorted;
use crate::storage::{AUTHORITIES, CURRENT_SET_ID};

/// What Grandpa is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// Keys of the voters, in any order.
    pub authorities: Vec<GrandpaId>,
}

impl Config {
    /// Writes the state.
    ///
    /// # Errors
    /// When there is no voter, too many, or one twice.
    pub fn build(&self) -> Result<(), String> {
        let list = sorted(&self.authorities).map_err(|why| {
            format!("grandpa: {} voters in genesis: {why:?}; list each voter once", self.authorities.len())
        })?;
        AUTHORITIES.put(&list);
        CURRENT_SET_ID.put(&0);
        Ok(())
    }
}
