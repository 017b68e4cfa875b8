//! Checking side of Aura: slot and seal of a header, without its body.

use quire_core::crypto::SIGNING_CONTEXT;
use quire_core::{AuraId, H256, Header, Slot};

use super::claim::{author_of, slot_start_ms};
use super::{AuraSet, MAX_SLOT_AHEAD_MS};

/// What is wrong with a header's slot or seal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SlotError {
    /// No `aura` pre-digest, several, or one that is not eight bytes.
    #[error("header has no single aura slot in its digest")]
    NoSlot,
    /// The slot does not rise.
    #[error("slot {slot} does not come after the parent's slot {parent}", slot = slot.0, parent = parent.0)]
    NotAfterParent {
        /// The block's slot.
        slot: Slot,
        /// The parent's slot.
        parent: Slot,
    },
    /// The slot lies too far in the future.
    #[error("slot {slot} starts at {start_ms} ms, more than {MAX_SLOT_AHEAD_MS} ms after the clock ({now_ms} ms)", slot = slot.0)]
    TooFarAhead {
        /// The block's slot.
        slot: Slot,
        /// When it starts, Unix milliseconds.
        start_ms: u64,
        /// The local clock, Unix milliseconds.
        now_ms: u64,
    },
    /// The set has no authorities.
    #[error("there are no Aura authorities")]
    NoAuthorities,
    /// The last digest entry is no Aura seal of 64 bytes.
    #[error("header does not end with an aura seal")]
    NoSeal,
    /// The signature is not the expected author's.
    #[error("seal of slot {slot} is not a signature by its author {author}", slot = slot.0)]
    BadSeal {
        /// The block's slot.
        slot: Slot,
        /// Whose turn it was.
        author: AuraId,
    },
}

impl SlotError {
    /// True if the same header may become acceptable when time passes.
    #[must_use]
    pub fn retry(&self) -> bool {
        matches!(self, Self::TooFarAhead { .. })
    }
}

/// Checks the slot against parent and clock (R2, R3, R4); `parent` is `None` above the genesis block.
pub fn check_slot(
    header: &Header,
    parent: Option<Slot>,
    set: &AuraSet,
    now_ms: u64,
) -> Result<Slot, SlotError> {
    let slot = header.digest.aura_slot().ok_or(SlotError::NoSlot)?;
    if let Some(parent) = parent.filter(|parent| slot <= *parent) {
        return Err(SlotError::NotAfterParent { slot, parent });
    }
    let start_ms = slot_start_ms(slot, set.slot_duration_ms);
    if start_ms > now_ms.saturating_add(MAX_SLOT_AHEAD_MS) {
        return Err(SlotError::TooFarAhead { slot, start_ms, now_ms });
    }
    Ok(slot)
}

/// Checks the seal (R1, R5) and returns the author.
pub fn check_seal(header: &Header, slot: Slot, set: &AuraSet) -> Result<AuraId, SlotError> {
    let author = author_of(slot, &set.authorities).ok_or(SlotError::NoAuthorities)?;
    let signature = header.digest.seal().ok_or(SlotError::NoSeal)?;
    if verify_signature(&author, header.pre_hash(), &signature) {
        Ok(author)
    } else {
        Err(SlotError::BadSeal { slot, author })
    }
}

/// True if `signature` is `author`'s over `payload` in the context `substrate`.
#[must_use]
pub fn verify_signature(author: &AuraId, payload: H256, signature: &[u8; 64]) -> bool {
    let Ok(key) = schnorrkel::PublicKey::from_bytes(&author.0) else { return false };
    let Ok(signature) = schnorrkel::Signature::from_bytes(signature) else { return false };
    key.verify_simple(SIGNING_CONTEXT, &payload.0, &signature).is_ok()
}
