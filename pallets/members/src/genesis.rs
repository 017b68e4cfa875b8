//! The members that the chain starts with.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use quire_core::{AccountId, limits};

use crate::storage::{MEMBERS, SHARE};
use crate::types::Share;

/// What Members is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// Accounts of the members, in any order.
    pub members: Vec<AccountId>,
    /// The share of the members that approvals of a motion must exceed.
    pub share: Share,
}

impl Config {
    /// Writes the state.
    ///
    /// # Errors
    /// When there is no member, too many, or one twice, or the share is not below one.
    pub fn build(&self) -> Result<(), String> {
        let mut sorted = self.members.clone();
        sorted.sort_unstable();
        check(&sorted, self.share)?;
        MEMBERS.put(&sorted);
        SHARE.put(&self.share);
        Ok(())
    }
}

/// Whether members and share are as stored ones must be (R1).
pub(crate) fn check(sorted: &[AccountId], share: Share) -> Result<(), String> {
    let max = limits::MAX_MEMBERS;
    if sorted.is_empty() || sorted.len() > max as usize {
        return Err(format!("members: {} members; name 1 to {max} (R1)", sorted.len()));
    }
    if let Some(pair) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(format!("members: {} is named twice; name it once (R1)", pair[0]));
    }
    if !sorted.is_sorted() {
        return Err("members: the list is not sorted (R1)".into());
    }
    if !share.is_valid() {
        return Err(format!(
            "members: a share of {}/{} cannot be exceeded; choose one below 1 (R1)",
            share.numerator, share.denominator
        ));
    }
    Ok(())
}
