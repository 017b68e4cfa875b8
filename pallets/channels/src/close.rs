//! The end of a channel: `close` and the payout (R7).

use pallet_support::{deposit_event, ensure, with_transaction};
use quire_core::{AccountId, DispatchResult};

use crate::storage::{BlockStage, CHANNELS, ChannelRecord, ChannelStatus, MONEY, OPEN_BLOCKS, UPDATES};
use crate::{Error, Event, INDEX, money};

/// R7.
pub(crate) fn close(who: &AccountId, channel: u64, last_block: u32) -> DispatchResult {
    let mut record = CHANNELS.get(&channel).ok_or(Error::UnknownChannel)?;
    ensure!(record.index_of(who).is_some(), Error::NotParticipant);
    let now = pallet_timestamp::channel_clock();
    match record.status {
        ChannelStatus::Closed => return Err(Error::WrongStatus.into()),
        // Nothing ever ran, so there is nothing to wait for.
        ChannelStatus::Proposed => {
            end(channel, record);
            return Ok(());
        }
        ChannelStatus::Closing { last_block: former } => {
            ensure!(last_block <= former, Error::CloseRaised);
        }
        ChannelStatus::Open => {}
    }
    if record.status != (ChannelStatus::Closing { last_block }) {
        let newest = OPEN_BLOCKS.get_or_default(&channel).last().map(|block| block.number);
        ensure!(Some(last_block) >= record.block_at(now).max(newest), Error::BlockTooEarly);
        record.status = ChannelStatus::Closing { last_block };
        CHANNELS.insert(&channel, &record);
        deposit_event(INDEX, &Event::Closing { channel, last_block });
    }
    end_if_done(channel, record, now);
    Ok(())
}

/// Ends a closing channel when every block up to the last one is done.
pub(crate) fn end_if_done(channel: u64, record: ChannelRecord, now: u32) {
    let ChannelStatus::Closing { last_block } = record.status else { return };
    let blocks = OPEN_BLOCKS.get_or_default(&channel);
    if blocks.iter().any(|block| block.stage != BlockStage::Done) {
        return;
    }
    // Blocks before the current one cannot open any more; from it on, each must be listed as done. The list is ascending
    // and holds nothing after the last block, so counting is enough.
    let current = record.block_at(now).unwrap_or(0);
    let missing = last_block.checked_sub(current).map_or(0, |ahead| u64::from(ahead) + 1);
    let done = blocks.iter().filter(|block| block.number >= current).count() as u64;
    if done >= missing {
        end(channel, record);
    }
}

/// Pays everybody out and closes the channel.
fn end(channel: u64, mut record: ChannelRecord) {
    let mut all = money::money(channel);
    for (participant, money) in record.participants.iter().zip(all.iter_mut()) {
        let amount = money.total().saturating_sub(money.debt);
        // What an account cannot receive stays here and can be withdrawn later.
        if amount > 0 && with_transaction(|| money::give_out(&participant.account, amount)).is_ok() {
            let from_credit = money.credit.min(amount);
            money.credit = money.credit.saturating_sub(from_credit);
            money.deposit = money.deposit.saturating_sub(amount.saturating_sub(from_credit));
            let who = participant.account;
            deposit_event(INDEX, &Event::Withdrawn { channel, who, amount });
        }
    }
    MONEY.insert(&channel, &all);
    record.status = ChannelStatus::Closed;
    CHANNELS.insert(&channel, &record);
    OPEN_BLOCKS.remove(&channel);
    UPDATES.remove(&channel);
    deposit_event(INDEX, &Event::Closed { channel });
}
