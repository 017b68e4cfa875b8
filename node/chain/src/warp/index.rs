//! Which final blocks changed the voters, so that nobody has to walk over all headers.
//!
//! Rules
//! - R1 A change is noted in the commit that makes its block final: the block is a target of its own (R2 of
//!   [`crate::finalise`]), so its justification is kept with it, for ever.
//! - R2 Changes are numbered from 0 in the order of heights.
//! - R3 A database from before there was such a list gets it when it is opened.

use parity_scale_codec::{Decode, Encode};
use quire_consensus::finality::change::changes_voters;
use quire_core::{BlockNumber, H256};

use crate::environment::{Commit, Head, Store, StoreError};

/// Meta key: how many changes.
const COUNT: &[u8] = b"chain/voter_changes";

fn key(change: u32) -> Vec<u8> {
    [b"chain/voter_change/".as_slice(), &change.to_be_bytes()].concat()
}

fn read<T: Decode>(store: &(impl Store + ?Sized), key: &[u8]) -> Result<Option<T>, StoreError> {
    let corrupted = |error: parity_scale_codec::Error| StoreError::Corrupted {
        what: format!("meta {}", String::from_utf8_lossy(key)),
        reason: error.to_string(),
    };
    store.meta(key)?.map(|bytes| T::decode(&mut bytes.as_slice()).map_err(corrupted)).transpose()
}

/// How many changes are noted.
pub(super) fn count(store: &(impl Store + ?Sized)) -> Result<u32, StoreError> {
    Ok(read(store, COUNT)?.unwrap_or(0))
}

/// Notes a change, after `count` others.
pub(crate) fn note(commit: &mut Commit, count: u32, change: Head) {
    commit.meta.insert(key(count), Some((change.number, change.hash).encode()));
    commit.meta.insert(COUNT.to_vec(), Some(count.saturating_add(1).encode()));
}

/// R1: notes the target of a commit if it changes the voters.
pub(crate) fn note_target(
    store: &(impl Store + ?Sized),
    commit: &mut Commit,
    target: Head,
) -> Result<(), StoreError> {
    let count = count(store)?;
    note(commit, count, target);
    Ok(())
}

/// A change.
pub(super) fn get(store: &(impl Store + ?Sized), change: u32) -> Result<Option<Head>, StoreError> {
    let found: Option<(BlockNumber, H256)> = read(store, &key(change))?;
    Ok(found.map(|(number, hash)| Head { number, hash }))
}

/// The first change above a height.
pub(super) fn first_above(store: &(impl Store + ?Sized), number: BlockNumber) -> Result<u32, StoreError> {
    let (mut low, mut high) = (0, count(store)?);
    while low < high {
        let middle = low + (high - low) / 2;
        match get(store, middle)? {
            Some(change) if change.number <= number => low = middle + 1,
            _ => high = middle,
        }
    }
    Ok(low)
}

/// R3.
pub(crate) fn restore(store: &(impl Store + ?Sized)) -> Result<(), StoreError> {
    let Some(head) = store.finalised()? else { return Ok(()) };
    if store.meta(COUNT)?.is_some() {
        return Ok(());
    }
    let mut commit = Commit::default();
    commit.meta.insert(COUNT.to_vec(), Some(0_u32.encode()));
    let mut count = 0;
    for number in 1..=head.number {
        let Some(hash) = store.hash_by_number(number)? else { continue };
        if store.header(hash)?.is_some_and(|header| changes_voters(&header)) {
            note(&mut commit, count, Head { number, hash });
            count += 1;
        }
    }
    store.commit(commit)
}
