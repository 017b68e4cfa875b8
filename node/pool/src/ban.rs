//! Transactions that were invalid a short while ago and are not worth another validation.
//!
//! Rules
//! - R1 A ban lasts `ban_ms` from the last time it was spoken.
//! - R2 At most `banned_max` are remembered; the ban that ends first is forgotten first.

use std::collections::{BTreeMap, BTreeSet};

use quire_core::H256;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bans {
    until: BTreeMap<H256, u64>,
    by_end: BTreeSet<(u64, H256)>,
}

impl Bans {
    pub(crate) fn ban(&mut self, hash: H256, until_ms: u64, banned_max: usize) {
        if let Some(before) = self.until.insert(hash, until_ms) {
            self.by_end.remove(&(before, hash));
        }
        self.by_end.insert((until_ms, hash));
        while self.until.len() > banned_max {
            let Some((_, oldest)) = self.by_end.pop_first() else { return };
            self.until.remove(&oldest);
        }
    }

    pub(crate) fn is_banned(&self, hash: &H256, now_ms: u64) -> bool {
        self.until.get(hash).is_some_and(|until| now_ms < *until)
    }

    /// Forgets all of them.
    pub(crate) fn clear(&mut self) {
        self.until.clear();
        self.by_end.clear();
    }

    /// Forgets bans that have ended.
    pub(crate) fn expire(&mut self, now_ms: u64) {
        while self.by_end.first().is_some_and(|(until, _)| *until <= now_ms) {
            if let Some((_, hash)) = self.by_end.pop_first() {
                self.until.remove(&hash);
            }
        }
    }
}

#[cfg(test)]
mod tests;
