//! Detects an author that signed two headers in one slot.
//!
//! Rules
//! - R1 Two headers with valid seals, one author, one slot and different hashes are an equivocation; both headers
//!   are its proof.
//! - R2 The first two are enough: further headers in that slot are not reported again.
//! - R3 Memory is bounded: slots more than [`SLOTS_KEPT`] below the highest slot seen are forgotten, and a header in
//!   them is not examined.
//!
//! Out of scope: votes in GRANDPA rounds, reporting and slashing.

use std::collections::BTreeMap;
use std::sync::Arc;

use quire_core::{AuraId, H256, Header, Slot};

/// How many slots below the highest are remembered: an hour of 1 s slots.
pub const SLOTS_KEPT: u64 = 3_600;

/// Two sealed headers by one author in one slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EquivocationProof {
    /// The author.
    pub offender: AuraId,
    /// The slot.
    pub slot: Slot,
    /// The header that came first.
    pub first: Arc<Header>,
    /// The other one.
    pub second: Arc<Header>,
}

/// Remembers who sealed what in recent slots.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EquivocationDetector {
    seen: BTreeMap<(Slot, AuraId), Seen>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    hash: H256,
    header: Arc<Header>,
    reported: bool,
}

impl EquivocationDetector {
    /// Notes a header whose seal by `author` has been checked; `hash` is its hash with the seal.
    pub fn note(
        &mut self,
        slot: Slot,
        author: AuraId,
        hash: H256,
        header: &Arc<Header>,
    ) -> Option<EquivocationProof> {
        let highest = self.seen.last_key_value().map_or(slot, |((highest, _), _)| *highest).max(slot);
        let lowest = Slot(highest.0.saturating_sub(SLOTS_KEPT));
        if slot < lowest {
            return None;
        }
        while self.seen.first_key_value().is_some_and(|((oldest, _), _)| *oldest < lowest) {
            self.seen.pop_first();
        }
        let Some(seen) = self.seen.get_mut(&(slot, author)) else {
            self.seen.insert((slot, author), Seen { hash, header: header.clone(), reported: false });
            return None;
        };
        if seen.hash == hash || seen.reported {
            return None;
        }
        seen.reported = true;
        Some(EquivocationProof { offender: author, slot, first: seen.header.clone(), second: header.clone() })
    }

    /// Number of (slot, author) pairs remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.seen.len()
    }

    /// True when nothing is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.seen.is_empty()
    }
}

#[cfg(test)]
mod tests;
