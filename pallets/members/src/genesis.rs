//! The members that the chain starts with.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use quire_core::{AccountId, limits};

use crate::storage::MEMBERS;

/// What Members is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// The founders' voting accounts, in any order.
    pub members: Vec<AccountId>,
}

impl Config {
    /// Writes the state.
    ///
    /// # Errors
    /// When there is no member, one twice, or too many.
    pub fn build(&self) -> Result<(), String> {
        let mut members = self.members.clone();
        members.sort();
        members.dedup();
        if members.is_empty() {
            return Err("members: a consortium needs at least one member".into());
        }
        if members.len() != self.members.len() {
            return Err("members: an account is listed twice".into());
        }
        if members.len() > limits::MAX_MEMBERS as usize {
            return Err(format!("members: {} listed, at most {}", members.len(), limits::MAX_MEMBERS));
        }
        MEMBERS.put(&members);
        Ok(())
    }
}
