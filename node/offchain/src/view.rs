//! What the machines see of the chain, and what they ask it to do.
//!
//! A view is taken from finalised state only: what a machine answers to may not be undone.

use quire_channel::rules::AppliedOutputs;
use quire_channel::{BlockState, Output, PartAnchor, ResultHeader};
use quire_core::{AccountId, H256};
use std::collections::BTreeMap;

/// A validator with a duty for a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DutyView {
    /// Who.
    pub validator: AccountId,
    /// Key that signs its receipts, and by which its node is known.
    pub signing: [u8; 32],
    /// X25519 key that the block key is sealed to.
    pub sealing: [u8; 32],
    /// What it committed to.
    pub commitment: Option<H256>,
    /// Whether it revealed.
    pub has_revealed: bool,
}

/// A channel block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockView {
    /// Where it stands.
    pub state: BlockState,
    /// Tick at which the state began.
    pub entered: u32,
    /// First tick at which the state is over even if nothing more comes.
    pub deadline: Option<u32>,
    /// Whom each participant named.
    pub delegations: Vec<Option<AccountId>>,
    /// Bit n: participant n sealed.
    pub sealed: u32,
    /// Validators that accepted.
    pub duties: Vec<DutyView>,
    /// Counted parts by participant.
    pub parts: Vec<(u8, PartAnchor)>,
    /// The agreed result.
    pub result: Option<ResultHeader>,
    /// Outputs applied, once settling has begun.
    pub applied: Option<AppliedOutputs>,
}

impl BlockView {
    /// The duty of a validator.
    pub fn duty(&self, validator: &AccountId) -> Option<&DutyView> {
        self.duties.iter().find(|duty| duty.validator == *validator)
    }

    /// Whether the part of a participant counts.
    pub fn has_part(&self, participant: u8) -> bool {
        self.parts.iter().any(|(index, _)| *index == participant)
    }

    /// Bitmap of counted parts.
    pub fn counted(&self) -> u32 {
        self.parts.iter().fold(0, |bits, (index, _)| bits | 1 << (index & 31))
    }

    /// Whether a participant sealed.
    pub fn has_sealed(&self, participant: u8) -> bool {
        self.sealed >> (participant & 31) & 1 == 1
    }
}

/// A channel at a finalised block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelView {
    /// Hash of the chain's genesis block.
    pub genesis: H256,
    /// Channel id.
    pub channel: u64,
    /// The channel clock.
    pub now: u32,
    /// Last block number that may be opened now.
    pub last_openable: u32,
    /// Blocks that were opened.
    pub blocks: BTreeMap<u32, BlockView>,
}

/// A transaction of the anchors pallet, for the channel of the view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    /// Name a validator.
    Delegate {
        /// Channel block.
        block: u32,
        /// The validator.
        validator: AccountId,
    },
    /// Take the duty.
    Accept {
        /// Channel block.
        block: u32,
    },
    /// Collect no more.
    Seal {
        /// Channel block.
        block: u32,
    },
    /// Anchor a part.
    SubmitPart {
        /// Channel block.
        block: u32,
        /// The part.
        anchor: PartAnchor,
        /// Custody receipts.
        receipts: Vec<(AccountId, [u8; 64])>,
    },
    /// Commit to a result.
    Commit {
        /// Channel block.
        block: u32,
        /// The commitment.
        commitment: H256,
    },
    /// Show the result.
    Reveal {
        /// Channel block.
        block: u32,
        /// The result.
        result: ResultHeader,
        /// Salt of the commitment.
        salt: [u8; 32],
    },
    /// Apply outputs.
    Settle {
        /// Channel block.
        block: u32,
        /// Index of the first output.
        first: u32,
        /// The outputs.
        outputs: Vec<Output>,
        /// Range proof.
        proof: Vec<H256>,
    },
    /// Apply what the clock made due.
    Advance {
        /// Channel block.
        block: u32,
    },
}

impl Call {
    /// The block it is about.
    pub fn block(&self) -> u32 {
        match self {
            Call::Delegate { block, .. }
            | Call::Accept { block }
            | Call::Seal { block }
            | Call::SubmitPart { block, .. }
            | Call::Commit { block, .. }
            | Call::Reveal { block, .. }
            | Call::Settle { block, .. }
            | Call::Advance { block } => *block,
        }
    }
}

/// Ticks after which something is asked for again when the chain does not show it.
pub const RETRY_TICKS: u32 = 12;

/// Remembers what was asked for, so that nothing is asked for in every step.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Asked {
    at: BTreeMap<(u32, Ask, u32), u32>,
}

/// What can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Ask {
    Delegate,
    Accept,
    Seal,
    Collate,
    Offer,
    SubmitPart,
    Process,
    Commit,
    Reveal,
    Settle,
    Advance,
}

impl Asked {
    /// Whether to ask now; notes it if so. `detail` tells apart several of one kind.
    pub(crate) fn is_due(&mut self, block: u32, ask: Ask, detail: u32, now: u32) -> bool {
        let last = self.at.get(&(block, ask, detail)).copied();
        let is_due = last.is_none_or(|last| now.saturating_sub(last) >= RETRY_TICKS);
        if is_due {
            self.at.insert((block, ask, detail), now);
        }
        is_due
    }

    /// Makes one thing due again at once.
    pub(crate) fn forget(&mut self, block: u32, ask: Ask) {
        self.at.retain(|(number, kind, _), _| (*number, *kind) != (block, ask));
    }

    /// Forgets a block that is over.
    pub(crate) fn drop_block(&mut self, block: u32) {
        self.at.retain(|(number, ..), _| *number != block);
    }
}
