//! The face of the pallet: calls, events, errors. In a module of this name so that clients see the type paths they
//! are used to (`pallet_channels::pallet::Call`).
#![allow(non_camel_case_types, reason = "clients show call names as they stand here")]

use alloc::vec::Vec;

use parity_scale_codec::{Decode, Encode};
use quire_channel::{EraTerms, Participant};
use quire_core::{AccountId, Balance, H256};
use scale_info::TypeInfo;

/// What accounts can ask of this pallet.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[scale_info(capture_docs = "always")]
pub enum Call {
    /// Validate and store a channel program; takes a deposit per byte.
    #[codec(index = 0)]
    register_program {
        /// The WebAssembly module.
        code: Vec<u8>,
    },
    /// Propose a channel. Who opens it approves it.
    #[codec(index = 1)]
    open {
        /// Everybody who takes part; the order fixes the participant indices.
        participants: Vec<Participant>,
        /// Terms of the first era.
        era: EraTerms,
        /// Hash of the initial channel secret.
        secret: H256,
    },
    /// Agree to a proposed channel.
    #[codec(index = 2)]
    approve {
        /// Which channel.
        channel: u64,
        /// Hash of the initial channel secret, as it was handed to the caller.
        secret: H256,
    },
    /// Put money into the channel.
    #[codec(index = 3)]
    deposit {
        /// Which channel.
        channel: u64,
        /// Plancks.
        amount: Balance,
    },
    /// Take money out of the channel, as far as nothing open may need it.
    #[codec(index = 4)]
    withdraw {
        /// Which channel.
        channel: u64,
        /// Plancks.
        amount: Balance,
    },
    /// Say which terms shall hold from `first_block` on; they do when all participants say the same.
    #[codec(index = 5)]
    update {
        /// Which channel.
        channel: u64,
        /// The terms.
        era: EraTerms,
        /// First block under them.
        first_block: u32,
    },
    /// Let the channel end with `last_block`.
    #[codec(index = 6)]
    close {
        /// Which channel.
        channel: u64,
        /// The last block.
        last_block: u32,
    },
    /// Replace one's own channel keys, from the next block on that is not open yet.
    #[codec(index = 7)]
    set_keys {
        /// Which channel.
        channel: u64,
        /// sr25519 key that signs batches.
        message_key: [u8; 32],
        /// X25519 key that channel secrets are sealed to.
        sealing_key: [u8; 32],
    },
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[scale_info(capture_docs = "always")]
pub enum Event {
    /// A program was registered.
    #[codec(index = 0)]
    ProgramRegistered {
        /// blake2-256 of the code.
        program: H256,
        /// Who paid the deposit.
        owner: AccountId,
        /// Plancks of the deposit.
        deposit: Balance,
    },
    /// A channel was proposed.
    #[codec(index = 1)]
    Proposed {
        /// Its id.
        channel: u64,
        /// Who proposed it.
        by: AccountId,
    },
    /// A participant approved.
    #[codec(index = 2)]
    Approved {
        /// Which channel.
        channel: u64,
        /// Who.
        by: AccountId,
    },
    /// The last participant approved: block 0 begins.
    #[codec(index = 3)]
    Opened {
        /// Which channel.
        channel: u64,
        /// Tick at which block 0 begins.
        start: u32,
    },
    /// Money came in.
    #[codec(index = 4)]
    Deposited {
        /// Which channel.
        channel: u64,
        /// Whose.
        who: AccountId,
        /// Plancks.
        amount: Balance,
    },
    /// Money went out.
    #[codec(index = 5)]
    Withdrawn {
        /// Which channel.
        channel: u64,
        /// Whose.
        who: AccountId,
        /// Plancks.
        amount: Balance,
    },
    /// A participant said which terms it wants.
    #[codec(index = 6)]
    UpdateProposed {
        /// Which channel.
        channel: u64,
        /// Who.
        by: AccountId,
        /// Hash of terms and first block.
        hash: H256,
        /// First block under them.
        first_block: u32,
    },
    /// All want the same terms: a new era.
    #[codec(index = 7)]
    Updated {
        /// Which channel.
        channel: u64,
        /// First block of the era.
        first_block: u32,
        /// Tick at which it begins.
        start: u32,
    },
    /// The channel ends with a block.
    #[codec(index = 8)]
    Closing {
        /// Which channel.
        channel: u64,
        /// The last block.
        last_block: u32,
    },
    /// The channel is over and paid out.
    #[codec(index = 9)]
    Closed {
        /// Which channel.
        channel: u64,
    },
    /// A participant's new keys.
    #[codec(index = 10)]
    KeysSet {
        /// Which channel.
        channel: u64,
        /// Whose.
        who: AccountId,
        /// First block under the new keys.
        from_block: u32,
    },
}

/// Why a call failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[scale_info(capture_docs = "always")]
pub enum Error {
    /// No channel has this id.
    UnknownChannel,
    /// The caller is no participant of the channel.
    NotParticipant,
    /// The channel is proposed, open, closing or closed, and the call needs another status.
    WrongStatus,
    /// A channel has 2 to 16 participants.
    ParticipantCount,
    /// An account is named twice.
    DuplicateParticipant,
    /// A key of zeros, or one that another participant uses.
    BadKey,
    /// The opener is not among the participants.
    OpenerNotIncluded,
    /// The period is zero or above the limit.
    BadPeriod,
    /// A window is zero or above the limit.
    BadWindow,
    /// The era names a program that is not registered: register it first.
    UnknownProgram,
    /// The parameters are too long.
    ParametersTooLong,
    /// Too many exclusions, or one named twice.
    BadExclusions,
    /// The secret commitment differs from the one of `open`: do not use the secret you were handed.
    SecretMismatch,
    /// The caller has approved already.
    AlreadyApproved,
    /// The amount is zero: name one above zero.
    ZeroAmount,
    /// The amount does not fit: no such sum of money exists.
    Overflow,
    /// Above what is free: open blocks, reserves and debts hold the rest.
    AboveExposure,
    /// The block has begun, is open, or is before the last era: choose a later one.
    BlockTooEarly,
    /// The channel keeps too many eras, or too long ones: let blocks finish first.
    TooManyEras,
    /// The last block may only be lowered.
    CloseRaised,
    /// The program's code is too large.
    ProgramTooLarge,
    /// The program is registered already: use it.
    ProgramExists,
    /// The code is no valid program: floats, imports, no memory maximum, missing exports, or malformed.
    InvalidProgram,
    /// Too many keys of the caller are in use: let blocks finish first.
    TooManyKeys,
    /// Too many blocks of the channel are open: let some finish first.
    TooManyOpenBlocks,
    /// There are no channel ids left.
    NoChannelIds,
}

pallet_support::impl_module_error!(Error, crate::INDEX);
