//! When to make a block: `--sealing`.
//!
//! Terms: a *promotion* is a transaction that became ready; the pool counts them. *On demand* means every mode but
//! `slots`.
//!
//! | mode | a block is made |
//! |---|---|
//! | `slots` | in each slot of a key of this node, as on any real chain |
//! | `instant` | as soon as a transaction is ready |
//! | `interval=MS` | every MS milliseconds, empty or not |
//! | `manual` | when `engine_createBlock` asks for it; final only by `engine_finalizeBlock` |
//!
//! Rules:
//! - R1 Blocks made on demand are ordinary Aura blocks: the slot is the clock's or, when that one is used up, the next
//!   free one of a key of ours. Slots and timestamps therefore rise, and run ahead of the clock when blocks are made
//!   faster than slots pass.
//! - R2 `instant` tries again after a block that took no transaction only when another one was promoted: what does
//!   not fit makes no chain of empty blocks.
//! - R3 A block that could not be made is tried again after [`RETRY_MS`]. `interval` keeps its distance from the last block, whoever asked for it; it does not make up for time lost.
//! - R4 On demand is for development: a chain whose type is neither Development nor Local refuses it.
//!
//! Out of scope: making the block (`task::author`), taking orders (`task::orders`).
use quire_consensus::AuraSet;
use quire_consensus::slots::claim::{self, Claim};
use quire_core::{AuraId, Slot};

/// Time until a failed block is tried again, milliseconds.
const RETRY_MS: u64 = 1_000;
/// Longest interval, milliseconds: a day.
const INTERVAL_MAX_MS: u64 = 86_400_000;

/// How blocks come about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Sealing {
    /// In the slots of the chain.
    #[default]
    Slots,
    /// When a transaction is ready.
    Instant,
    /// When told by RPC.
    Manual,
    /// Regularly.
    Interval {
        /// Milliseconds from one block to the next.
        ms: u64,
    },
}

impl std::str::FromStr for Sealing {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "slots" => Ok(Self::Slots),
            "instant" => Ok(Self::Instant),
            "manual" => Ok(Self::Manual),
            _ => text
                .strip_prefix("interval=")
                .and_then(|ms| ms.parse().ok())
                .filter(|ms| (1..=INTERVAL_MAX_MS).contains(ms))
                .map(|ms| Self::Interval { ms })
                .ok_or_else(|| {
                    format!("expected slots, instant, manual or interval=MS with 1 to {INTERVAL_MAX_MS} ms")
                }),
        }
    }
}

impl std::fmt::Display for Sealing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Slots => f.write_str("slots"),
            Self::Instant => f.write_str("instant"),
            Self::Manual => f.write_str("manual"),
            Self::Interval { ms } => write!(f, "interval={ms}"),
        }
    }
}

/// What the author sees when it asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seen {
    /// A clock that does not go back, milliseconds.
    pub(crate) now_ms: u64,
    /// Ready transactions.
    pub(crate) ready: usize,
    /// Promotions so far.
    pub(crate) promotions: u64,
}

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// Make a block.
    Seal,
    /// Wait this long at most, milliseconds; without a number until something happens.
    Wait(Option<u64>),
}

/// Decides when to make blocks on demand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sealer {
    sealing: Sealing,
    /// When the last block was made, or the node started.
    last_ms: u64,
    /// Promotions at the last block that took nothing.
    fruitless_at: Option<u64>,
    /// After a failure: when to try again.
    retry_ms: u64,
}

impl Sealer {
    /// A sealer that starts at `now_ms`.
    pub(crate) fn new(sealing: Sealing, now_ms: u64) -> Self {
        Self { sealing, last_ms: now_ms, fruitless_at: None, retry_ms: 0 }
    }

    /// What to do now.
    pub(crate) fn next(&self, seen: Seen) -> Next {
        match self.sealing {
            // Slots are the author's own loop.
            Sealing::Slots | Sealing::Manual => Next::Wait(None),
            Sealing::Instant if seen.ready == 0 || self.fruitless_at == Some(seen.promotions) => {
                Next::Wait(None)
            }
            Sealing::Instant => due(self.retry_ms, seen.now_ms),
            Sealing::Interval { ms } => due(self.last_ms.saturating_add(ms), seen.now_ms),
        }
    }

    /// A block with `taken` transactions was made, or failed, with what was seen before it.
    pub(crate) fn sealed(&mut self, seen: Seen, taken: Option<usize>) {
        self.last_ms = seen.now_ms;
        self.fruitless_at = (taken == Some(0)).then_some(seen.promotions);
        self.retry_ms = if taken.is_none() { seen.now_ms.saturating_add(RETRY_MS) } else { 0 };
    }
}

fn due(at_ms: u64, now_ms: u64) -> Next {
    match at_ms.saturating_sub(now_ms) {
        0 => Next::Seal,
        left => Next::Wait(Some(left)),
    }
}

/// R1: the slot of a block made at `now_ms` on a parent in `parent_slot`, when `last_sealed` gives the last slot that
/// a key has sealed. None when no key of ours authors on this chain.
pub(crate) fn on_demand(
    now_ms: u64,
    parent_slot: Option<Slot>,
    set: &AuraSet,
    ours: &[AuraId],
    last_sealed: impl Fn(&AuraId) -> Option<Slot>,
) -> Option<Claim> {
    let after = |slot: Slot| slot.0.checked_add(1).map(Slot);
    let now = claim::slot_at(now_ms, set.slot_duration_ms)?;
    let above_parent = parent_slot.map_or(Some(now), after)?;
    let each = ours.iter().filter_map(|key| {
        let free = last_sealed(key).map_or(Some(now), after)?;
        claim::next_claim(now.max(above_parent).max(free), set, &[*key])
    });
    each.min_by_key(|claim| claim.slot)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(now_ms: u64, ready: usize, promotions: u64) -> Seen {
        Seen { now_ms, ready, promotions }
    }

    fn set(count: u8) -> AuraSet {
        AuraSet { authorities: (1..=count).map(|id| AuraId([id; 32])).collect(), slot_duration_ms: 1_000 }
    }

    #[test]
    fn modes_are_written_as_the_flag_reads_them() {
        for text in ["slots", "instant", "manual", "interval=1", "interval=86400000"] {
            assert_eq!(text.parse::<Sealing>().unwrap().to_string(), text);
        }
        for text in
            ["", "slot", "Manual", "interval", "interval=", "interval=0", "interval=-1", "interval=86400001"]
        {
            let error = text.parse::<Sealing>().unwrap_err();
            assert!(error.contains("interval=MS"), "{text}: {error}");
        }
    }

    #[test]
    fn r2_instant_makes_no_chain_of_empty_blocks() {
        let mut sealer = Sealer::new(Sealing::Instant, 0);
        assert_eq!(sealer.next(seen(5, 0, 0)), Next::Wait(None));
        assert_eq!(sealer.next(seen(5, 1, 1)), Next::Seal);
        sealer.sealed(seen(5, 1, 1), Some(0));
        assert_eq!(sealer.next(seen(6, 1, 1)), Next::Wait(None), "it did not fit and nothing else came");
        assert_eq!(sealer.next(seen(6, 2, 2)), Next::Seal, "another one came");
        sealer.sealed(seen(6, 2, 2), Some(1));
        assert_eq!(
            sealer.next(seen(7, 1, 2)),
            Next::Seal,
            "the last block took something: the rest has room now"
        );
        sealer.sealed(seen(7, 1, 2), None);
        assert_eq!(sealer.next(seen(7, 1, 2)), Next::Wait(Some(RETRY_MS)), "it failed");
        assert_eq!(sealer.next(seen(7 + RETRY_MS, 1, 2)), Next::Seal);
    }

    #[test]
    fn r3_interval_counts_from_the_last_block() {
        let mut sealer = Sealer::new(Sealing::Interval { ms: 300 }, 1_000);
        assert_eq!(sealer.next(seen(1_000, 9, 9)), Next::Wait(Some(300)));
        assert_eq!(sealer.next(seen(1_299, 0, 0)), Next::Wait(Some(1)));
        assert_eq!(sealer.next(seen(1_300, 0, 0)), Next::Seal);
        sealer.sealed(seen(2_000, 0, 0), Some(0));
        assert_eq!(sealer.next(seen(2_100, 0, 0)), Next::Wait(Some(200)));
        assert_eq!(sealer.next(seen(9_999, 0, 0)), Next::Seal, "once, however late");
    }

    #[test]
    fn manual_waits_for_orders() {
        let sealer = Sealer::new(Sealing::Manual, 0);
        assert_eq!(sealer.next(seen(u64::MAX, 10, 10)), Next::Wait(None));
    }

    #[test]
    fn r1_slots_rise_over_parent_and_seals() {
        let (one, ours) = (set(1), [AuraId([1; 32])]);
        let slot = |now_ms, parent: Option<u64>, sealed: Option<u64>| {
            on_demand(now_ms, parent.map(Slot), &one, &ours, |_| sealed.map(Slot)).map(|claim| claim.slot.0)
        };
        assert_eq!(slot(7_500, None, None), Some(7), "the clock's slot");
        assert_eq!(slot(7_500, Some(3), Some(4)), Some(7));
        assert_eq!(slot(7_500, Some(7), Some(7)), Some(8), "two blocks in one second");
        assert_eq!(slot(7_500, Some(3), Some(9)), Some(10), "a fork on an older parent");
        assert_eq!(slot(7_500, Some(u64::MAX), None), None, "no slot is left");
    }

    #[test]
    fn r1_only_slots_of_our_keys() {
        let four = set(4);
        let second = AuraId([2; 32]);
        let claim = on_demand(8_000, Some(Slot(8)), &four, &[second, AuraId([9; 32])], |_| None).unwrap();
        assert_eq!((claim.slot, claim.author), (Slot(9), second), "slot 9 is the second one's");
        let both = [second, AuraId([4; 32])];
        let sealed = |key: &AuraId| (*key == second).then_some(Slot(9));
        let claim = on_demand(8_000, Some(Slot(8)), &four, &both, sealed).unwrap();
        assert_eq!((claim.slot, claim.author), (Slot(11), AuraId([4; 32])), "the second one's next is 13");
        assert_eq!(on_demand(8_000, None, &four, &[AuraId([9; 32])], |_| None), None);
    }
}
