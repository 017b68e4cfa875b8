//! The members that the chain starts with.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use quire_certificate::{Key, Principal};
use quire_core::{AccountId, limits};

use crate::calendar;
use crate::storage::{MEMBERS, PRINCIPALS, ROOT, THRESHOLDS};
use crate::types::{Holder, Thresholds};

/// A member that founds the chain: its place needs no certificate, its key and time are agreed on like the rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Founder {
    /// The account that votes.
    pub account: AccountId,
    /// Its name.
    pub name: String,
    /// The key that signs for its peers.
    pub key: Key,
    /// From when it needs a certificate, milliseconds since the Unix epoch.
    pub valid_until: u64,
}

impl Founder {
    /// 2100-01-01, for chains whose founders do not end.
    pub const FAR_MS: u64 = 4_102_444_800_000;

    /// A founder whose account signs for its peers, until [`Self::FAR_MS`].
    pub fn simple(account: AccountId) -> Self {
        let name = format!("founder {}", AccountId(account.0));
        let short = name.get(..20).map(String::from).unwrap_or(name);
        Self { account, name: short, key: Key::Sr25519(account.0), valid_until: Self::FAR_MS }
    }
}

/// What Members is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// The key that signs certificates of principals.
    pub root: Key,
    /// The founders, in any order.
    pub founders: Vec<Founder>,
    /// The shares of the members that approvals of motions must exceed.
    pub thresholds: Thresholds,
}

impl Config {
    /// Founders whose accounts sign for their peers; shares as by default.
    pub fn simple(members: &[AccountId]) -> Self {
        Self { founders: members.iter().copied().map(Founder::simple).collect(), ..Self::default() }
    }

    /// Writes the state.
    ///
    /// # Errors
    /// When there is no member, too many, or one twice, or a share is not below one.
    pub fn build(&self) -> Result<(), String> {
        let mut sorted: Vec<_> = self.founders.iter().map(|founder| founder.account).collect();
        sorted.sort_unstable();
        check(&sorted, &self.thresholds)?;
        ROOT.put(&self.root);
        MEMBERS.put(&sorted);
        THRESHOLDS.put(&self.thresholds);
        for Founder { account, name, key, valid_until } in &self.founders {
            let principal = Principal {
                name: name.clone(),
                key: *key,
                former_key: None,
                serial: 0,
                valid_from: 0,
                valid_until: *valid_until,
                revoked_at: None,
            };
            PRINCIPALS.insert(account, &principal);
            // No block, no event: the first look is on the day of the first warning.
            let first = calendar::first_warning(*valid_until);
            calendar::schedule(Holder::Principal { member: *account }, first);
        }
        Ok(())
    }
}

/// Whether members and shares are as stored ones must be (R1).
pub(crate) fn check(sorted: &[AccountId], thresholds: &Thresholds) -> Result<(), String> {
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
    if !thresholds.is_valid() {
        return Err(format!(
            "members: a share of {thresholds:?} cannot be exceeded; choose shares below 1 (R1)"
        ));
    }
    Ok(())
}
