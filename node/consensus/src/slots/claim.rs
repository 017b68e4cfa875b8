//! Authoring side of Aura: whose turn it is, what to put into the header, what to sign.

use quire_core::digest::AURA_ENGINE_ID;
use quire_core::{AuraId, BlockNumber, DigestItem, H256, Header, Slot};

use super::AuraSet;

/// Unfinalised blocks that are normal: no slot is skipped for them.
pub const BACKOFF_SLACK_BLOCKS: u32 = 50;
/// However far finality lags, an authority uses at least one of this many of its slots.
pub const BACKOFF_SLOTS_MAX: u64 = 100;

/// A slot that one of our keys may author.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The slot.
    pub slot: Slot,
    /// The key whose turn it is.
    pub author: AuraId,
}

/// The slot that `now_ms` (Unix time) lies in; `None` when the duration is 0.
#[must_use]
pub fn slot_at(now_ms: u64, slot_duration_ms: u64) -> Option<Slot> {
    now_ms.checked_div(slot_duration_ms).map(Slot)
}

/// When `slot` starts, in Unix milliseconds, saturating.
#[must_use]
pub fn slot_start_ms(slot: Slot, slot_duration_ms: u64) -> u64 {
    slot.0.saturating_mul(slot_duration_ms)
}

/// The authority whose turn `slot` is (R1); `None` when there are no authorities.
#[must_use]
pub fn author_of(slot: Slot, authorities: &[AuraId]) -> Option<AuraId> {
    let count = u64::try_from(authorities.len()).ok()?;
    let index = usize::try_from(slot.0.checked_rem(count)?).ok()?;
    authorities.get(index).copied()
}

/// Claims `slot` on top of a parent in `parent_slot` if it is the turn of one of `ours`.
#[must_use]
pub fn claim(slot: Slot, parent_slot: Option<Slot>, set: &AuraSet, ours: &[AuraId]) -> Option<Claim> {
    if parent_slot.is_some_and(|parent| slot <= parent) {
        return None;
    }
    let author = author_of(slot, &set.authorities)?;
    ours.contains(&author).then_some(Claim { slot, author })
}

/// The first slot from `from` on whose turn is that of one of `ours`; `None` when none of them is in the set, or no such
/// slot is left.
#[must_use]
pub fn next_claim(from: Slot, set: &AuraSet, ours: &[AuraId]) -> Option<Claim> {
    let count = u64::try_from(set.authorities.len()).ok()?;
    (0..count).find_map(|ahead| claim(Slot(from.0.checked_add(ahead)?), None, set, ours))
}

/// True if the author of `slot` should leave it empty because finality lags (R6). `best` and `finalised` are
/// heights, `best_slot` the slot of the best block.
#[must_use]
pub fn should_back_off(slot: Slot, best_slot: Slot, best: BlockNumber, finalised: BlockNumber) -> bool {
    let lag = best.saturating_sub(finalised).saturating_sub(BACKOFF_SLACK_BLOCKS);
    let interval = u64::from(lag / 2).min(BACKOFF_SLOTS_MAX);
    slot.0.saturating_sub(best_slot.0) <= interval && interval > 0
}

/// What the author signs (R5).
#[must_use]
pub fn seal_payload(unsealed: &Header) -> H256 {
    unsealed.pre_hash()
}

/// The header with its seal.
#[must_use]
pub fn seal(mut unsealed: Header, signature: [u8; 64]) -> Header {
    unsealed.digest.push(DigestItem::Seal(AURA_ENGINE_ID, signature.to_vec()));
    unsealed
}
