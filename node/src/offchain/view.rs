//! What the machines see of a channel, read from one finalised state.

use super::OffchainError;
use pallet_anchors::storage::{BLOCKS, BlockRecord, SETTLEMENTS};
use pallet_channels::ChannelRecord;
use pallet_channels::storage::{CHANNELS, MAX_BLOCKS_AHEAD};
use parity_scale_codec::Decode;
use quire_chain::StateView;
use quire_channel::BlockState;
use quire_core::H256;
use quire_offchain::view::{BlockView, ChannelView, DutyView};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A finalised state.
pub(crate) struct Snapshot(pub(crate) Arc<dyn StateView>);

impl Snapshot {
    /// The value under a key, decoded.
    pub(crate) fn get<T: Decode>(&self, key: &[u8]) -> Result<Option<T>, OffchainError> {
        let failed = |why: String| OffchainError::State(why);
        let Some(bytes) = self.0.get(key).map_err(|error| failed(error.to_string()))? else {
            return Ok(None);
        };
        T::decode(&mut &bytes[..])
            .map(Some)
            .map_err(|error| failed(format!("a value has another form: {error}")))
    }

    /// The channel clock.
    pub(crate) fn clock(&self) -> Result<u32, OffchainError> {
        Ok(self.get(&pallet_timestamp::storage::CHANNEL_CLOCK.key())?.unwrap_or(0))
    }

    /// A channel.
    pub(crate) fn channel(&self, channel: u64) -> Result<Option<ChannelRecord>, OffchainError> {
        self.get(&CHANNELS.key_for(&channel))
    }

    /// A block of a channel.
    pub(crate) fn block(&self, channel: u64, block: u32) -> Result<Option<BlockRecord>, OffchainError> {
        self.get(&BLOCKS.key_for(&channel, &block))
    }

    /// The view of a channel with these blocks.
    pub(crate) fn view(
        &self,
        genesis: H256,
        channel: u64,
        blocks: impl Iterator<Item = u32>,
    ) -> Result<Option<ChannelView>, OffchainError> {
        let Some(record) = self.channel(channel)? else { return Ok(None) };
        let now = self.clock()?;
        let Some(current) = record.block_at(now) else { return Ok(None) };
        let mut seen = BTreeMap::new();
        for number in blocks {
            if let Some(block) = self.block(channel, number)? {
                seen.insert(number, self.block_view(channel, number, block)?);
            }
        }
        let last_openable = current.saturating_add(MAX_BLOCKS_AHEAD);
        Ok(Some(ChannelView { genesis, channel, now, last_openable, blocks: seen }))
    }

    fn block_view(&self, channel: u64, number: u32, block: BlockRecord) -> Result<BlockView, OffchainError> {
        let applied = match block.state() {
            BlockState::Settling => {
                self.get::<pallet_anchors::Settlement>(&SETTLEMENTS.key_for(&channel, &number))?
            }
            _ => None,
        };
        let duties = block.duties.iter().map(|duty| DutyView {
            validator: duty.validator,
            signing: duty.signing,
            sealing: duty.sealing,
            commitment: duty.commitment,
            has_revealed: duty.reveal.is_some(),
        });
        Ok(BlockView {
            state: block.state(),
            entered: block.progress.entered,
            deadline: block.deadline(),
            duties: duties.collect(),
            parts: block.parts.iter().map(|part| (part.participant, part.anchor.clone())).collect(),
            delegations: block.delegations,
            sealed: block.sealed,
            result: block.result,
            applied: applied.map(|settlement| settlement.applied),
        })
    }
}
