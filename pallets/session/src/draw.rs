//! Who is in a session and in which order: pure functions of what is on the chain (R4, R5).

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use parity_scale_codec::Encode;
use quire_core::{AccountId, hash};

use crate::types::Authority;

/// How many of `count` authorities may leave at one boundary: a third, and one where a third is less than one, or a set
/// of two could never change.
pub const fn leaving_max(count: usize) -> usize {
    let third = count / 3;
    if third == 0 { 1 } else { third }
}

/// The authorities of the next session, by account (R4). `current` and `queued` are by account; `is_fit` says whether
/// somebody may be in it, `is_offender` who of those that are not leaves first.
pub fn next_set(
    current: &[Authority],
    queued: &[Authority],
    is_fit: impl Fn(&AccountId) -> bool,
    is_offender: impl Fn(&AccountId) -> bool,
) -> Vec<Authority> {
    let willing: Vec<&Authority> = queued.iter().filter(|(who, _)| is_fit(who)).collect();
    let has = |list: &[&Authority], who: &AccountId| list.iter().any(|(other, _)| other == who);
    let mut leaving: Vec<&Authority> = current.iter().filter(|(who, _)| !has(&willing, who)).collect();
    leaving.sort_by_key(|(who, _)| (!is_offender(who), *who));
    let mut bound = leaving_max(current.len());
    if willing.is_empty() {
        bound = bound.min(leaving.len().saturating_sub(1));
    }
    let was_in = |who: &AccountId| current.iter().any(|(other, _)| other == who);
    let staying = leaving.into_iter().skip(bound);
    let kept = willing.iter().copied().filter(|(who, _)| was_in(who));
    let joining = willing.iter().copied().filter(|(who, _)| !was_in(who));
    let mut used = BTreeSet::new();
    let mut set = Vec::new();
    for authority in staying.chain(kept).chain(joining) {
        let keys = authority.1.typed();
        if keys.iter().all(|key| !used.contains(key)) {
            used.extend(keys);
            set.push(*authority);
        }
    }
    set.sort_unstable();
    set
}

/// A permutation of `list` that `seed` determines (Fisher and Yates; the remainder's bias is below 2^-100).
pub fn shuffle<T>(list: &mut [T], seed: &[u8; 32]) {
    for place in (1..list.len()).rev() {
        let digest = hash::blake2_256(&(b"quire/shuffle", seed, place as u64).encode());
        let (half, _) = digest.split_at(16);
        let number = u128::from_le_bytes(half.try_into().unwrap_or_default());
        let other = number.checked_rem(place as u128 + 1).unwrap_or(0);
        list.swap(place, other as usize);
    }
}
