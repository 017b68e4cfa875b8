//! A block while a call works on it: loaded with everything that is due applied (R12), stored with what the call made
//! due applied.

use alloc::vec;
use alloc::vec::Vec;

use pallet_channels::ChannelRecord;
use pallet_channels::storage::MAX_BLOCKS_AHEAD;
use pallet_support::ensure;
use quire_channel::BlockState;
use quire_channel::rules::{self, Facts, Progress};
use quire_core::{AccountId, DispatchError, DispatchResult, H256};

use crate::storage::{BLOCKS, BlockRecord, SETTLEMENTS};
use crate::{Error, transition};

/// A block that a call works on.
pub(crate) struct Live {
    /// Id of its channel.
    pub(crate) channel: u64,
    /// Its number.
    pub(crate) block: u32,
    /// The channel clock.
    pub(crate) now: u32,
    /// Its channel; this pallet does not write it.
    pub(crate) terms: ChannelRecord,
    /// The block.
    pub(crate) record: BlockRecord,
}

impl Live {
    /// Loads a block and applies what is due.
    ///
    /// # Errors
    /// [`Error::UnknownChannel`], [`Error::UnknownBlock`], those of the transitions.
    pub(crate) fn load(channel: u64, block: u32) -> Result<Self, DispatchError> {
        let terms = pallet_channels::channel(channel).ok_or(Error::UnknownChannel)?;
        let record = BLOCKS.get(&channel, &block).ok_or(Error::UnknownBlock)?;
        let mut live = Self { channel, block, now: pallet_timestamp::channel_clock(), terms, record };
        transition::touch(&mut live)?;
        Ok(live)
    }

    /// Loads a block, or opens it (R1).
    ///
    /// # Errors
    /// Those of [`Live::load`], [`Error::ChannelNotRunning`], [`Error::CollectionOver`], [`Error::TooFarAhead`], and
    /// `TooManyOpenBlocks` of the channels pallet.
    pub(crate) fn load_or_open(channel: u64, block: u32) -> Result<Self, DispatchError> {
        if BLOCKS.contains(&channel, &block) {
            return Self::load(channel, block);
        }
        let terms = pallet_channels::channel(channel).ok_or(Error::UnknownChannel)?;
        let now = pallet_timestamp::channel_clock();
        ensure!(terms.may_run(block), Error::ChannelNotRunning);
        let current = terms.block_at(now).ok_or(Error::ChannelNotRunning)?;
        ensure!(block >= current, Error::CollectionOver);
        ensure!(block.saturating_sub(current) <= MAX_BLOCKS_AHEAD, Error::TooFarAhead);
        let record = new_record(&terms, block).ok_or(Error::ChannelNotRunning)?;
        pallet_channels::open_block(channel, &terms, block, now)?;
        Ok(Self { channel, block, now, terms, record })
    }

    /// Fails unless the block is in `state`.
    ///
    /// # Errors
    /// [`Error::WrongState`].
    pub(crate) fn expect(&self, state: BlockState) -> DispatchResult {
        ensure!(self.record.state() == state, Error::WrongState);
        Ok(())
    }

    /// The caller's index among the participants.
    ///
    /// # Errors
    /// [`Error::NotParticipant`].
    pub(crate) fn participant(&self, who: &AccountId) -> Result<u8, Error> {
        self.terms.index_of(who).ok_or(Error::NotParticipant)
    }

    /// Number of participants.
    pub(crate) fn participants(&self) -> u8 {
        u8::try_from(self.record.delegations.len()).unwrap_or(u8::MAX)
    }

    /// Applies what the call has made due, and stores the block.
    ///
    /// # Errors
    /// Those of the transitions.
    pub(crate) fn store(mut self) -> DispatchResult {
        transition::touch(&mut self)?;
        BLOCKS.insert(&self.channel, &self.block, &self.record);
        Ok(())
    }

    /// Judgement over the reveals.
    pub(crate) fn verdict(&self) -> rules::Verdict {
        let revealed =
            self.record.duties.iter().filter_map(|duty| Some((duty.reveal?.hash(), duty.validator)));
        rules::judge(revealed.map(|(hash, validator)| (hash, self.record.delegated_by(&validator))))
    }

    /// What the rules need to know; `unpaid` says whether some payer fell short.
    pub(crate) fn facts(&self, unpaid: bool) -> Facts {
        let record = &self.record;
        let participants = self.participants();
        let delegated =
            (0..participants).filter(|participant| record.has_accepted_delegate(*participant)).count();
        Facts {
            participants: u32::from(participants),
            delegated: count(delegated),
            sealed: record.sealed.count_ones(),
            parts: count(record.parts.len()),
            validators: count(record.duties.len()),
            commits: count(record.duties.iter().filter(|duty| duty.commitment.is_some()).count()),
            reveals: count(record.duties.iter().filter(|duty| duty.reveal.is_some()).count()),
            verdict: self.verdict(),
            cases: 0,
            outputs: self.outputs(),
            applied: self.applied(),
            unpaid,
        }
    }

    /// Outputs of the agreed result.
    pub(crate) fn outputs(&self) -> u32 {
        self.record.result.map_or(0, |result| result.outputs_count)
    }

    /// Outputs applied.
    pub(crate) fn applied(&self) -> u32 {
        // Only looked at in Settling; other calls need not read the bitmap.
        match self.record.state() {
            BlockState::Settling => SETTLEMENTS
                .get(&self.channel, &self.block)
                .map_or(0, |settlement| settlement.applied.applied()),
            _ => 0,
        }
    }
}

/// A list's length; lists of a block are bounded by the participants.
fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

/// A block as it opens: it pins what its era says.
fn new_record(terms: &ChannelRecord, block: u32) -> Option<BlockRecord> {
    let era = terms.era_of(block)?;
    let (entered, _) = rules::period(era, block)?;
    Some(BlockRecord {
        progress: Progress { state: BlockState::Collecting, entered },
        period: era.terms.period,
        windows: era.terms.windows,
        program: era.terms.program,
        delegations: vec![None; terms.participants.len()],
        sealed: 0,
        duties: Vec::new(),
        parts: Vec::new(),
        result: None,
        reserves: Vec::new(),
    })
}

/// Hash of block 0, which every signature over channel data names.
pub(crate) fn genesis_hash() -> H256 {
    pallet_system::block_hash(0).unwrap_or_default()
}
