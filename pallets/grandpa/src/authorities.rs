//! The set of voters (R1, R2).

use alloc::vec::Vec;

use pallet_support::deposit_event;
use parity_scale_codec::Encode;
use quire_core::digest::GRANDPA_ENGINE_ID;
use quire_core::{BlockNumber, DigestItem, GrandpaId, limits};

use crate::storage::{AUTHORITIES, CURRENT_SET_ID};
use crate::{AUTHORITY_WEIGHT, Event, INDEX};

/// Tag of a scheduled change in the digest.
const SCHEDULED_CHANGE: u8 = 1;
/// Blocks until a change takes effect.
const CHANGE_DELAY: BlockNumber = 0;

/// Why a list of authorities is refused (R1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthoritiesError {
    /// The list is empty.
    Empty,
    /// The list is longer than `limits::MAX_AUTHORITIES`.
    TooMany,
    /// An authority is listed twice.
    Duplicate,
    /// An authority has a weight other than 1.
    UnequalWeight,
    /// The list is not sorted by key.
    Unsorted,
}

/// The voters and their weights.
pub fn authorities() -> Vec<(GrandpaId, u64)> {
    AUTHORITIES.get_or_default()
}

/// Number of changes of the voters so far.
pub fn current_set_id() -> u64 {
    CURRENT_SET_ID.get_or_default()
}

/// Whether a list is as stored lists must be.
pub(crate) fn check(list: &[(GrandpaId, u64)]) -> Result<(), AuthoritiesError> {
    if list.is_empty() {
        return Err(AuthoritiesError::Empty);
    }
    if list.len() > limits::MAX_AUTHORITIES as usize {
        return Err(AuthoritiesError::TooMany);
    }
    if list.iter().any(|(_, weight)| *weight != AUTHORITY_WEIGHT) {
        return Err(AuthoritiesError::UnequalWeight);
    }
    if list.windows(2).any(|pair| pair[0].0 == pair[1].0) {
        return Err(AuthoritiesError::Duplicate);
    }
    if list.is_sorted() { Ok(()) } else { Err(AuthoritiesError::Unsorted) }
}

/// The stored form of a list of keys.
///
/// # Errors
/// See [`AuthoritiesError`].
pub(crate) fn sorted(keys: &[GrandpaId]) -> Result<Vec<(GrandpaId, u64)>, AuthoritiesError> {
    let mut list: Vec<_> = keys.iter().map(|key| (*key, AUTHORITY_WEIGHT)).collect();
    list.sort_unstable();
    check(&list)?;
    Ok(list)
}

/// Replaces the voters from the next block on, and says so in the digest (R2).
///
/// # Errors
/// See [`AuthoritiesError`].
pub fn change_authorities(keys: &[GrandpaId]) -> Result<(), AuthoritiesError> {
    let new = sorted(keys)?;
    if new != authorities() {
        AUTHORITIES.put(&new);
        CURRENT_SET_ID.put(&current_set_id().saturating_add(1));
        let change = (SCHEDULED_CHANGE, &new, CHANGE_DELAY).encode();
        pallet_system::deposit_log(DigestItem::Consensus(GRANDPA_ENGINE_ID, change));
        deposit_event(INDEX, &Event::NewAuthorities { authority_set: new });
    }
    Ok(())
}
