//! The authorities that the chain starts with.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use quire_core::AuraId;

use crate::slots::check;
use crate::storage::AUTHORITIES;

/// What Aura is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// The authorities, in the order of their slots.
    pub authorities: Vec<AuraId>,
}

impl Config {
    /// Writes the state.
    ///
    /// # Errors
    /// When there is no authority, too many, or one twice.
    pub fn build(&self) -> Result<(), String> {
        check(&self.authorities).map_err(|why| {
            format!(
                "aura: {} authorities in genesis: {why:?}; list each authority once",
                self.authorities.len()
            )
        })?;
        AUTHORITIES.put(&self.authorities);
        Ok(())
    }
}
