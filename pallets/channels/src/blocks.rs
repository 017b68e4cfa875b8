//! Which blocks of a channel are open: kept for `anchors`, needed by `withdraw`, `update`, `close` and `set_keys`.

use alloc::vec::Vec;

use pallet_support::ensure;
use quire_core::DispatchResult;

use crate::storage::{BlockStage, CHANNELS, ChannelRecord, MAX_OPEN_BLOCKS, OPEN_BLOCKS, OpenBlock};
use crate::{Error, close};

/// Whether a block is open whose cost nobody knows yet.
pub(crate) fn any_undecided(channel: u64) -> bool {
    OPEN_BLOCKS.get_or_default(&channel).iter().any(|block| block.stage == BlockStage::Undecided)
}

/// First block that is neither over by the clock nor open nor done: what holds for it can still be changed.
pub(crate) fn first_unopened(channel: u64, record: &ChannelRecord, now: u32) -> Option<u32> {
    let last = OPEN_BLOCKS.get_or_default(&channel).last().map(|block| block.number);
    record.block_at(now).max(last)?.checked_add(1)
}

/// Oldest block that somebody may still work on; terms and keys of older ones are needed no more.
pub(crate) fn oldest_needed(channel: u64, record: &ChannelRecord, now: u32) -> u32 {
    let current = record.block_at(now).unwrap_or(0);
    let blocks = OPEN_BLOCKS.get_or_default(&channel);
    let open = blocks.iter().filter(|block| block.stage != BlockStage::Done).map(|block| block.number);
    open.fold(current, u32::min)
}

/// Lists a block as open.
///
/// # Errors
/// [`Error::TooManyOpenBlocks`].
pub fn open_block(channel: u64, record: &ChannelRecord, block: u32, now: u32) -> DispatchResult {
    let mut blocks = OPEN_BLOCKS.get_or_default(&channel);
    forget_passed(&mut blocks, record, now);
    ensure!(blocks.len() < MAX_OPEN_BLOCKS as usize, Error::TooManyOpenBlocks);
    let place = blocks.partition_point(|open| open.number < block);
    blocks.insert(place, OpenBlock { number: block, stage: BlockStage::Undecided });
    OPEN_BLOCKS.insert(&channel, &blocks);
    Ok(())
}

/// Drops done blocks that the clock has passed: `close` needs them no more.
fn forget_passed(blocks: &mut Vec<OpenBlock>, record: &ChannelRecord, now: u32) {
    let current = record.block_at(now).unwrap_or(0);
    blocks.retain(|block| block.stage != BlockStage::Done || block.number >= current);
}

/// Notes how far a block has come; the last block that is done ends a closing channel.
///
/// # Errors
/// [`Error::UnknownChannel`].
pub fn set_stage(channel: u64, block: u32, stage: BlockStage, now: u32) -> DispatchResult {
    let record = CHANNELS.get(&channel).ok_or(Error::UnknownChannel)?;
    let mut blocks = OPEN_BLOCKS.get_or_default(&channel);
    if let Some(open) = blocks.iter_mut().find(|open| open.number == block) {
        open.stage = stage;
    }
    forget_passed(&mut blocks, &record, now);
    OPEN_BLOCKS.insert(&channel, &blocks);
    close::end_if_done(channel, record, now);
    Ok(())
}
