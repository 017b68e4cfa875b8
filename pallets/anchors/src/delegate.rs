//! Collecting: `delegate`, `accept`, `seal` (R1 to R3).

use pallet_support::{deposit_event, ensure};
use quire_channel::BlockState;
use quire_core::{AccountId, DispatchResult};

use crate::live::Live;
use crate::storage::DutyRecord;
use crate::{Error, Event, INDEX};

/// R1, R2.
pub(crate) fn delegate(who: &AccountId, channel: u64, block: u32, validator: AccountId) -> DispatchResult {
    let mut live = Live::load_or_open(channel, block)?;
    let participant = live.participant(who)?;
    ensure!(live.record.state() == BlockState::Collecting, Error::CollectionOver);
    ensure!(live.record.sealed & bit(participant) == 0, Error::AlreadySealed);
    ensure!(pallet_bonds::is_validator(&validator), Error::NotValidator);
    let era = live.terms.era_of(block).ok_or(Error::ChannelNotRunning)?;
    ensure!(!era.terms.exclusions.contains(&validator), Error::ValidatorExcluded);

    let place = live.record.delegations.get_mut(usize::from(participant)).ok_or(Error::NotParticipant)?;
    let former = place.replace(validator);
    if let Some(former) = former.filter(|former| live.record.delegated_by(former) == 0) {
        drop_duty(&mut live, &former);
    }
    deposit_event(INDEX, &Event::Delegated { channel, block, participant, validator });
    live.store()
}

/// Frees a validator that nobody names any more.
fn drop_duty(live: &mut Live, validator: &AccountId) {
    if let Some((place, duty)) = live.record.duty(validator) {
        pallet_bonds::unlock(validator, duty.locked);
        live.record.duties.remove(place);
    }
}

/// R2.
pub(crate) fn accept(who: &AccountId, channel: u64, block: u32) -> DispatchResult {
    let mut live = Live::load(channel, block)?;
    ensure!(live.record.state() == BlockState::Collecting, Error::CollectionOver);
    ensure!(live.record.delegated_by(who) > 0, Error::NotDelegated);
    ensure!(live.record.duty(who).is_none(), Error::AlreadyAccepted);
    let keys = pallet_bonds::keys(who).ok_or(Error::NotValidator)?;
    let locked = pallet_bonds::lock(who)?;
    live.record.duties.push(DutyRecord {
        validator: *who,
        signing: keys.signing,
        sealing: keys.sealing,
        locked,
        commitment: None,
        reveal: None,
    });
    deposit_event(INDEX, &Event::Accepted { channel, block, validator: *who, locked });
    live.store()
}

/// R3.
pub(crate) fn seal(who: &AccountId, channel: u64, block: u32) -> DispatchResult {
    let mut live = Live::load(channel, block)?;
    let participant = live.participant(who)?;
    ensure!(live.record.state() == BlockState::Collecting, Error::CollectionOver);
    ensure!(live.record.sealed & bit(participant) == 0, Error::AlreadySealed);
    ensure!(live.record.has_accepted_delegate(participant), Error::NoAcceptedDelegate);
    live.record.sealed |= bit(participant);
    deposit_event(INDEX, &Event::Sealed { channel, block, participant });
    live.store()
}

/// A participant's bit; there are at most 16 of them.
pub(crate) fn bit(participant: u8) -> u32 {
    1u32.checked_shl(u32::from(participant)).unwrap_or(0)
}
