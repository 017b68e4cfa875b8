//! Changes while a channel runs: `update`, `set_keys` (R6, R8).

use alloc::vec;

use pallet_support::{deposit_event, ensure};
use parity_scale_codec::Encode;
use quire_channel::{Era, EraTerms, rules};
use quire_core::hash::blake2_256;
use quire_core::limits::MAX_CHANNEL_ERAS;
use quire_core::{AccountId, DispatchResult, H256};

use crate::storage::{
    CHANNELS, ChannelRecord, ChannelStatus, KeyVersion, MAX_ERAS_BYTES, MAX_KEY_VERSIONS, UPDATES, UpdateVote,
};
use crate::{Error, Event, INDEX, blocks, open};

/// Hash that the participants' last words are compared by.
pub fn update_hash(terms: &EraTerms, first_block: u32) -> H256 {
    H256(blake2_256(&(terms, first_block).encode()))
}

/// R6.
pub(crate) fn update(who: &AccountId, channel: u64, terms: EraTerms, first_block: u32) -> DispatchResult {
    let mut record = CHANNELS.get(&channel).ok_or(Error::UnknownChannel)?;
    let index = record.index_of(who).ok_or(Error::NotParticipant)?;
    ensure!(matches!(record.status, ChannelStatus::Open | ChannelStatus::Closing { .. }), Error::WrongStatus);
    open::check_terms(&terms)?;
    let now = pallet_timestamp::channel_clock();
    let earliest = blocks::first_unopened(channel, &record, now).ok_or(Error::BlockTooEarly)?;
    let last_era = record.eras.last().ok_or(Error::UnknownChannel)?;
    ensure!(first_block >= earliest && first_block > last_era.first_block, Error::BlockTooEarly);
    let (start, _) = rules::period(last_era, first_block).ok_or(Error::BlockTooEarly)?;

    let hash = update_hash(&terms, first_block);
    deposit_event(INDEX, &Event::UpdateProposed { channel, by: *who, hash, first_block });
    let mut votes = UPDATES.get(&channel).unwrap_or_else(|| vec![None; record.participants.len()]);
    if let Some(vote) = votes.get_mut(usize::from(index)) {
        *vote = Some(UpdateVote { first_block, hash });
    }
    if votes.iter().all(|vote| vote.is_some_and(|vote| vote.hash == hash)) {
        forget_eras(channel, &mut record, now);
        ensure!(record.eras.len() < MAX_CHANNEL_ERAS as usize, Error::TooManyEras);
        record.eras.push(Era { first_block, start, terms });
        ensure!(record.eras.encoded_size() <= MAX_ERAS_BYTES as usize, Error::TooManyEras);
        CHANNELS.insert(&channel, &record);
        UPDATES.remove(&channel);
        deposit_event(INDEX, &Event::Updated { channel, first_block, start });
    } else {
        UPDATES.insert(&channel, &votes);
    }
    Ok(())
}

/// Drops eras whose blocks are all over.
fn forget_eras(channel: u64, record: &mut ChannelRecord, now: u32) {
    let oldest = blocks::oldest_needed(channel, record, now);
    while record.eras.get(1).is_some_and(|second| second.first_block <= oldest) {
        record.eras.remove(0);
    }
}

/// R8.
pub(crate) fn set_keys(
    who: &AccountId,
    channel: u64,
    message_key: [u8; 32],
    sealing_key: [u8; 32],
) -> DispatchResult {
    let mut record = CHANNELS.get(&channel).ok_or(Error::UnknownChannel)?;
    ensure!(record.status != ChannelStatus::Closed, Error::WrongStatus);
    ensure!(message_key != [0; 32] && sealing_key != [0; 32], Error::BadKey);
    let others = record.participants.iter().filter(|participant| participant.account != *who);
    let used = others.flat_map(|other| &other.keys).any(|version| version.message_key == message_key);
    ensure!(!used, Error::BadKey);

    let now = pallet_timestamp::channel_clock();
    let from_block = match record.status {
        ChannelStatus::Proposed => 0,
        _ => blocks::first_unopened(channel, &record, now).ok_or(Error::BlockTooEarly)?,
    };
    let oldest = blocks::oldest_needed(channel, &record, now);
    let caller = record.participants.iter_mut().find(|p| p.account == *who).ok_or(Error::NotParticipant)?;
    caller.keys.retain(|version| version.from_block < from_block);
    while caller.keys.get(1).is_some_and(|second| second.from_block <= oldest) {
        caller.keys.remove(0);
    }
    ensure!(caller.keys.len() < MAX_KEY_VERSIONS as usize, Error::TooManyKeys);
    caller.keys.push(KeyVersion { from_block, message_key, sealing_key });
    CHANNELS.insert(&channel, &record);
    deposit_event(INDEX, &Event::KeysSet { channel, who: *who, from_block });
    Ok(())
}
