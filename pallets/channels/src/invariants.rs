//! What must hold after any block.

use alloc::format;
use alloc::string::String;

use parity_scale_codec::Encode;
use quire_core::Balance;
use quire_core::limits::{MAX_CHANNEL_ERAS, MAX_PARTICIPANTS, MIN_PARTICIPANTS};

use crate::storage::{
    CHANNELS, ChannelRecord, ChannelStatus, MAX_ERAS_BYTES, MAX_KEY_VERSIONS, MAX_OPEN_BLOCKS, MONEY,
    OPEN_BLOCKS, PROGRAM_CODE, PROGRAMS, TOTAL_HELD, pot,
};

/// Checks the whole pallet; walks over all channels, so it is for simulation and tests.
///
/// # Errors
/// A sentence that names the rule and the figures.
pub fn check_invariants() -> Result<(), String> {
    let mut sum: Balance = 0;
    for (program, record) in PROGRAMS.iter() {
        sum = sum.checked_add(record.deposit).ok_or("R9: the sum overflows")?;
        if !PROGRAM_CODE.contains(&program) {
            return Err(format!("R1: program {program} has no code"));
        }
    }
    for (channel, record) in CHANNELS.iter() {
        sum = sum.checked_add(check_channel(channel, &record)?).ok_or("R9: the sum overflows")?;
    }
    let (total, held) = (TOTAL_HELD.get_or_default(), pallet_balances::free_balance(&pot()));
    if sum != total || held < total {
        return Err(format!(
            "R9: money and deposits sum to {sum}, TotalHeld is {total}, the pot holds {held}"
        ));
    }
    Ok(())
}

/// Checks one channel and returns the money in it.
fn check_channel(channel: u64, record: &ChannelRecord) -> Result<Balance, String> {
    let count = record.participants.len();
    if !(MIN_PARTICIPANTS as usize..=MAX_PARTICIPANTS as usize).contains(&count) {
        return Err(format!("R2: channel {channel} has {count} participants"));
    }
    let all = MONEY.get(&channel).unwrap_or_default();
    if all.len() != count {
        return Err(format!(
            "R9: channel {channel} has {count} participants and {} entries of money",
            all.len()
        ));
    }
    let mut sum: Balance = 0;
    for money in &all {
        if money.reserved > money.deposit {
            return Err(format!("R5: channel {channel} reserves {} of {}", money.reserved, money.deposit));
        }
        sum = sum.checked_add(money.total()).ok_or("R9: the sum overflows")?;
    }
    let blocks = OPEN_BLOCKS.get_or_default(&channel);
    if blocks.len() > MAX_OPEN_BLOCKS as usize || !blocks.is_sorted_by(|a, b| a.number < b.number) {
        return Err(format!(
            "R10: channel {channel} lists {} open blocks, or lists them out of order",
            blocks.len()
        ));
    }
    if let ChannelStatus::Closing { last_block } = record.status
        && blocks.last().is_some_and(|block| block.number > last_block)
    {
        return Err(format!("R7: channel {channel} has a block open after its last one, {last_block}"));
    }
    let eras = record.eras.len();
    if eras == 0
        || eras > MAX_CHANNEL_ERAS as usize
        || !record.eras.is_sorted_by(|a, b| a.first_block < b.first_block)
    {
        return Err(format!("R6: channel {channel} has {eras} eras, or has them out of order"));
    }
    let bytes = record.eras.encoded_size();
    if bytes > MAX_ERAS_BYTES as usize {
        return Err(format!(
            "R10: the eras of channel {channel} take {bytes} bytes, {MAX_ERAS_BYTES} at most"
        ));
    }
    if record.participants.iter().any(|p| p.keys.is_empty() || p.keys.len() > MAX_KEY_VERSIONS as usize) {
        return Err(format!("R8: a participant of channel {channel} has no keys, or too many"));
    }
    Ok(sum)
}
