//! Every key this pallet owns, and the records under them.

use alloc::vec::Vec;

use pallet_support::{Blake2_128Concat, StorageDoubleMap, Twox64Concat};
use parity_scale_codec::{Decode, Encode};
use quire_channel::rules::{AppliedOutputs, Progress};
use quire_channel::{BlockState, PartAnchor, ResultHeader, Windows};
use quire_core::{AccountId, Balance, H256};
use scale_info::TypeInfo;

use crate::NAME;
use crate::pallet::Payee;

/// A validator with a duty for a block.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct DutyRecord {
    /// Who.
    pub validator: AccountId,
    /// sr25519 key that signs its custody receipts, as registered when it accepted.
    pub signing: [u8; 32],
    /// X25519 key that the block key is sealed to, as registered when it accepted.
    pub sealing: [u8; 32],
    /// Plancks of its bond that this duty locks; 0 once the duty is over.
    pub locked: Balance,
    /// What it committed to.
    pub commitment: Option<H256>,
    /// What it revealed.
    pub reveal: Option<ResultHeader>,
}

/// A counted part.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct PartRecord {
    /// Participant index.
    pub participant: u8,
    /// Where the part is and what it is.
    pub anchor: PartAnchor,
    /// Who holds it: bit n stands for the n-th of the block's duties.
    pub custodians: u32,
}

/// A channel block.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct BlockRecord {
    /// State and the tick at which it began.
    pub progress: Progress,
    /// Length of its period in ticks, as its era says.
    pub period: u32,
    /// Lengths of the later phases, as its era says.
    pub windows: Windows,
    /// Program, as its era says.
    pub program: H256,
    /// Whom each participant named.
    pub delegations: Vec<Option<AccountId>>,
    /// Bit n: participant n sealed.
    pub sealed: u32,
    /// Validators that accepted, in order of acceptance; frozen at the end of collection.
    pub duties: Vec<DutyRecord>,
    /// Counted parts, ascending by participant.
    pub parts: Vec<PartRecord>,
    /// The agreed result.
    pub result: Option<ResultHeader>,
    /// What the block reserves of each participant's deposit; empty when nothing is reserved.
    pub reserves: Vec<Balance>,
}

impl BlockRecord {
    /// The state.
    pub fn state(&self) -> BlockState {
        self.progress.state
    }

    /// The duty of a validator, with its place in the list.
    pub fn duty(&self, validator: &AccountId) -> Option<(usize, &DutyRecord)> {
        self.duties.iter().enumerate().find(|(_, duty)| duty.validator == *validator)
    }

    /// How many participants named this validator.
    pub fn delegated_by(&self, validator: &AccountId) -> u32 {
        let count = self.delegations.iter().flatten().filter(|named| *named == validator).count();
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    /// Whether a participant's delegate accepted.
    pub fn has_accepted_delegate(&self, participant: u8) -> bool {
        let named = self.delegations.get(usize::from(participant)).copied().flatten();
        named.is_some_and(|validator| self.duty(&validator).is_some())
    }

    /// Bitmap of counted parts.
    pub fn counted_parts(&self) -> u32 {
        self.parts.iter().fold(0, |bits, part| bits | 1 << (part.participant & 31))
    }

    /// The block key's commitment, fixed by the first part.
    pub fn key_commitment(&self) -> Option<H256> {
        self.parts.first().map(|part| part.anchor.key_commitment)
    }

    /// First tick at which the present phase is over even if nothing more comes.
    pub fn deadline(&self) -> Option<u32> {
        quire_channel::rules::deadline(self.progress, self.period, &self.windows)
    }
}

/// What one payer owes to one payee.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct ClaimRecord {
    /// Participant index of the payer.
    pub from: u8,
    /// To whom.
    pub to: Payee,
    /// Plancks in all.
    pub amount: Balance,
    /// Plancks of them that are paid.
    pub paid: Balance,
}

/// How far the settlement of a block has come.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct Settlement {
    /// Which outputs were applied.
    pub applied: AppliedOutputs,
    /// What the outputs applied so far say who owes whom, ascending by payer and payee.
    pub claims: Vec<ClaimRecord>,
}

impl Settlement {
    /// Plancks that are not paid.
    pub fn debt(&self) -> Balance {
        self.claims.iter().fold(0, |sum, claim| sum.saturating_add(claim.amount.saturating_sub(claim.paid)))
    }
}

/// Blocks by channel and number. Written by every call; stays when the block is done.
pub const BLOCKS: StorageDoubleMap<u64, u32, BlockRecord, Twox64Concat, Twox64Concat> =
    StorageDoubleMap::new(NAME, "Blocks", &["Channel blocks by channel and number."]);

/// Settlements by channel and block, from the first slice on. Written by `settle` and `advance`.
pub const SETTLEMENTS: StorageDoubleMap<u64, u32, Settlement, Twox64Concat, Twox64Concat> =
    StorageDoubleMap::new(NAME, "Settlements", &["Applied outputs and claims by channel and block."]);

/// Report figures by (channel, block) and key. Written by `settle`.
pub const REPORTS: StorageDoubleMap<(u64, u32), Vec<u8>, u128, Twox64Concat, Blake2_128Concat> =
    StorageDoubleMap::new(
        NAME,
        "Reports",
        &["Report figures of settled outputs by (channel, block) and key."],
    );
