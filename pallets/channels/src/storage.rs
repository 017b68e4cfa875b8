//! Every key this pallet owns, and the records under them.

use alloc::vec::Vec;

use pallet_support::{Identity, StorageMap, StorageValue, Twox64Concat};
use parity_scale_codec::{Decode, Encode};
use quire_channel::{Era, rules};
use quire_core::{AccountId, Balance, H256};
use scale_info::TypeInfo;

use crate::NAME;

/// Tag of the account that holds the money of all channels (R9).
pub const POT_TAG: &[u8] = b"quire/chnl";
/// Longest period: 30 days of one-second ticks.
pub const MAX_PERIOD_TICKS: u32 = 2_592_000;
/// Longest window: 7 days of one-second ticks.
pub const MAX_WINDOW_TICKS: u32 = 604_800;
/// Blocks of one channel that are open, or done ahead of the clock, at a time.
pub const MAX_OPEN_BLOCKS: u32 = 64;
/// How far ahead of the clock a block may open.
pub const MAX_BLOCKS_AHEAD: u32 = 32;
/// Encoded eras of one channel: five with the longest parameters and exclusions, 64 with a few.
pub const MAX_ERAS_BYTES: u32 = 32 * 1024;
/// Encoded record of a channel, all keys and eras included: what every call that reads one is weighed for.
pub const MAX_RECORD_BYTES: u32 = 64 * 1024;
/// Key versions of one participant.
pub const MAX_KEY_VERSIONS: u32 = 8;
/// Deposit for a program: 100 KB cost 1 QIR.
pub const PROGRAM_DEPOSIT_PER_BYTE: Balance = 10_000_000;

/// The account that holds the money of all channels (R9).
pub fn pot() -> AccountId {
    pallet_balances::pot(POT_TAG)
}

/// Where a channel stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub enum ChannelStatus {
    /// Some participants have not approved yet.
    #[codec(index = 0)]
    Proposed,
    /// Blocks run.
    #[codec(index = 1)]
    Open,
    /// Blocks run up to `last_block`.
    #[codec(index = 2)]
    Closing {
        /// The last block.
        last_block: u32,
    },
    /// Over, and paid out.
    #[codec(index = 3)]
    Closed,
}

/// Keys that hold from a block on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct KeyVersion {
    /// First block under these keys.
    pub from_block: u32,
    /// sr25519 key that signs batches.
    pub message_key: [u8; 32],
    /// X25519 key that channel secrets are sealed to.
    pub sealing_key: [u8; 32],
}

/// One party of a channel. Its place in the list is its index in messages, outputs and bitmaps.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct ParticipantRecord {
    /// Owns the money; never signs messages.
    pub account: AccountId,
    /// What the program takes the participant for.
    pub role: u8,
    /// Whether it approved the channel.
    pub approved: bool,
    /// Keys, ascending by first block, the first one from block 0 or from the oldest block that may be open.
    pub keys: Vec<KeyVersion>,
}

impl ParticipantRecord {
    /// The keys that hold in `block` (R8).
    pub fn keys_at(&self, block: u32) -> Option<&KeyVersion> {
        self.keys.iter().rev().find(|version| version.from_block <= block)
    }
}

/// A channel.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct ChannelRecord {
    /// Where it stands.
    pub status: ChannelStatus,
    /// Hash of the initial channel secret.
    pub secret: H256,
    /// Who takes part.
    pub participants: Vec<ParticipantRecord>,
    /// Eras, ascending by first block. While the channel is proposed, the start of era 0 means nothing.
    pub eras: Vec<Era>,
}

impl ChannelRecord {
    /// The index of an account among the participants.
    pub fn index_of(&self, who: &AccountId) -> Option<u8> {
        let index = self.participants.iter().position(|participant| participant.account == *who)?;
        u8::try_from(index).ok()
    }

    /// The era that covers `block`.
    pub fn era_of(&self, block: u32) -> Option<&Era> {
        rules::era_of(&self.eras, block)
    }

    /// The block whose period contains the tick `now`.
    pub fn block_at(&self, now: u32) -> Option<u32> {
        let era = self.eras.iter().rev().find(|era| era.start <= now)?;
        let periods = now.checked_sub(era.start)?.checked_div(era.terms.period)?;
        era.first_block.checked_add(periods)
    }

    /// Whether blocks run, and `block` is not after the last one.
    pub fn may_run(&self, block: u32) -> bool {
        match self.status {
            ChannelStatus::Open => true,
            ChannelStatus::Closing { last_block } => block <= last_block,
            ChannelStatus::Proposed | ChannelStatus::Closed => false,
        }
    }
}

/// One participant's money inside a channel, in plancks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct Money {
    /// Put in as coverage, not yet spent.
    pub deposit: Balance,
    /// The slice of `deposit` that agreed blocks may take.
    pub reserved: Balance,
    /// Earned, not yet spent.
    pub credit: Balance,
    /// Owed to others for underfunded blocks.
    pub debt: Balance,
}

impl Money {
    /// Everything the participant has in the channel: its in-channel balance.
    pub fn total(&self) -> Balance {
        self.deposit.saturating_add(self.credit)
    }

    /// What a block without a reserve of its own may take.
    pub fn spendable(&self) -> Balance {
        self.total().saturating_sub(self.reserved)
    }
}

/// How far an open block has come, as far as money cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub enum BlockStage {
    /// Nobody knows yet what it will cost.
    #[codec(index = 0)]
    Undecided,
    /// Its result is agreed and its total reserved.
    #[codec(index = 1)]
    Decided,
    /// Nothing more happens; listed while the clock has not passed it, because `close` must know.
    #[codec(index = 2)]
    Done,
}

/// A block that is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct OpenBlock {
    /// Its number.
    pub number: u32,
    /// How far it has come.
    pub stage: BlockStage,
}

/// A participant's last word on the next era.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct UpdateVote {
    /// First block under the terms.
    pub first_block: u32,
    /// Hash of terms and first block.
    pub hash: H256,
}

/// A registered program.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct ProgramRecord {
    /// Who paid the deposit.
    pub owner: AccountId,
    /// Plancks of the deposit.
    pub deposit: Balance,
    /// Length of the code.
    pub code_bytes: u32,
}

/// Id of the next channel; ids begin at 1, so that 0 never names one by accident.
pub const NEXT_CHANNEL: StorageValue<u64> =
    StorageValue::new(NAME, "NextChannel", &["Id of the next channel; absent means 1."]);

/// Channels by id. Written by `open`, `approve`, `update`, `close`, `set_keys`.
pub const CHANNELS: StorageMap<u64, ChannelRecord, Twox64Concat> =
    StorageMap::new(NAME, "Channels", &["Channels by id."]);

/// Money by channel, one entry per participant. Written by `deposit`, `withdraw`, payout and settlement.
pub const MONEY: StorageMap<u64, Vec<Money>, Twox64Concat> =
    StorageMap::new(NAME, "Money", &["In-channel money by channel, one entry per participant."]);

/// Open blocks by channel, ascending by number; at most [`MAX_OPEN_BLOCKS`]. Written by `anchors` through this pallet.
pub const OPEN_BLOCKS: StorageMap<u64, Vec<OpenBlock>, Twox64Concat> =
    StorageMap::new(NAME, "OpenBlocks", &["Open blocks by channel."]).defaulted();

/// Last words on the next era, one entry per participant. Written by `update`.
pub const UPDATES: StorageMap<u64, Vec<Option<UpdateVote>>, Twox64Concat> =
    StorageMap::new(NAME, "Updates", &["Last words on the next era by channel, one entry per participant."]);

/// Registered programs by hash of their code.
pub const PROGRAMS: StorageMap<H256, ProgramRecord, Identity> =
    StorageMap::new(NAME, "Programs", &["Registered programs by blake2-256 of their code."]);

/// Code of registered programs by its hash.
pub const PROGRAM_CODE: StorageMap<H256, Vec<u8>, Identity> =
    StorageMap::new(NAME, "ProgramCode", &["Code of registered programs by its blake2-256."]);

/// Sum of all in-channel money and program deposits (R9).
pub const TOTAL_HELD: StorageValue<Balance> =
    StorageValue::new(NAME, "TotalHeld", &["Sum of in-channel money and program deposits."]).defaulted();
