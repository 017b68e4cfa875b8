//! The beginning of a channel: `open`, `approve` (R2, R3).

use alloc::vec;
use alloc::vec::Vec;

use pallet_support::{deposit_event, ensure};
use quire_channel::{Era, EraTerms, Participant};
use quire_core::limits::{MAX_EXCLUSIONS, MAX_PARAMETERS_BYTES, MAX_PARTICIPANTS, MIN_PARTICIPANTS};
use quire_core::{AccountId, DispatchResult, H256};

use crate::storage::{
    CHANNELS, ChannelRecord, ChannelStatus, KeyVersion, MAX_PERIOD_TICKS, MAX_WINDOW_TICKS, MONEY, Money,
    NEXT_CHANNEL, PROGRAMS, ParticipantRecord,
};
use crate::{Error, Event, INDEX};

/// Whether the two lists of keys or accounts have no element twice.
fn distinct<T: Ord>(mut items: Vec<T>) -> bool {
    let count = items.len();
    items.sort_unstable();
    items.dedup();
    items.len() == count
}

/// Terms that may hold in an era (R2).
pub(crate) fn check_terms(terms: &EraTerms) -> Result<(), Error> {
    ensure!((1..=MAX_PERIOD_TICKS).contains(&terms.period), Error::BadPeriod);
    let windows = &terms.windows;
    for window in [windows.parts, windows.commit, windows.reveal, windows.challenge] {
        ensure!((1..=MAX_WINDOW_TICKS).contains(&window), Error::BadWindow);
    }
    ensure!(terms.parameters.len() <= MAX_PARAMETERS_BYTES as usize, Error::ParametersTooLong);
    ensure!(terms.exclusions.len() <= MAX_EXCLUSIONS as usize, Error::BadExclusions);
    ensure!(distinct(terms.exclusions.clone()), Error::BadExclusions);
    ensure!(PROGRAMS.contains(&terms.program), Error::UnknownProgram);
    Ok(())
}

/// Participants that may form a channel (R2).
fn check_participants(opener: &AccountId, participants: &[Participant]) -> Result<(), Error> {
    let count = participants.len();
    ensure!(
        (MIN_PARTICIPANTS as usize..=MAX_PARTICIPANTS as usize).contains(&count),
        Error::ParticipantCount
    );
    ensure!(distinct(participants.iter().map(|p| p.account).collect()), Error::DuplicateParticipant);
    ensure!(participants.iter().any(|p| p.account == *opener), Error::OpenerNotIncluded);
    let zero = participants.iter().any(|p| p.message_key == [0; 32] || p.sealing_key == [0; 32]);
    ensure!(!zero && distinct(participants.iter().map(|p| p.message_key).collect()), Error::BadKey);
    Ok(())
}

/// R2.
pub(crate) fn open(
    opener: &AccountId,
    participants: Vec<Participant>,
    terms: EraTerms,
    secret: H256,
) -> DispatchResult {
    check_participants(opener, &participants)?;
    check_terms(&terms)?;
    let channel = NEXT_CHANNEL.get().unwrap_or(1);
    NEXT_CHANNEL.put(&channel.checked_add(1).ok_or(Error::NoChannelIds)?);
    MONEY.insert(&channel, &vec![Money::default(); participants.len()]);
    let participants = participants.into_iter().map(|p| first_record(p, opener)).collect();
    let eras = vec![Era { first_block: 0, start: 0, terms }];
    CHANNELS.insert(&channel, &ChannelRecord { status: ChannelStatus::Proposed, secret, participants, eras });
    deposit_event(INDEX, &Event::Proposed { channel, by: *opener });
    Ok(())
}

/// A participant as `open` names it.
fn first_record(participant: Participant, opener: &AccountId) -> ParticipantRecord {
    let Participant { account, role, message_key, sealing_key } = participant;
    let keys = vec![KeyVersion { from_block: 0, message_key, sealing_key }];
    ParticipantRecord { account, role, approved: account == *opener, keys }
}

/// R3.
pub(crate) fn approve(who: &AccountId, channel: u64, secret: H256) -> DispatchResult {
    let mut record = CHANNELS.get(&channel).ok_or(Error::UnknownChannel)?;
    ensure!(record.status == ChannelStatus::Proposed, Error::WrongStatus);
    ensure!(record.secret == secret, Error::SecretMismatch);
    let caller = record.participants.iter_mut().find(|p| p.account == *who).ok_or(Error::NotParticipant)?;
    ensure!(!caller.approved, Error::AlreadyApproved);
    caller.approved = true;
    deposit_event(INDEX, &Event::Approved { channel, by: *who });
    if record.participants.iter().all(|participant| participant.approved) {
        let start = pallet_timestamp::channel_clock();
        record.status = ChannelStatus::Open;
        for era in &mut record.eras {
            era.start = start;
        }
        deposit_event(INDEX, &Event::Opened { channel, start });
    }
    CHANNELS.insert(&channel, &record);
    Ok(())
}
