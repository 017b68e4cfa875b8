//! The face of the pallet: calls, events, errors. In a module of this name so that clients see the type paths they
//! are used to (`pallet_anchors::pallet::Call`).
#![allow(non_camel_case_types, reason = "clients show call names as they stand here")]

use alloc::vec::Vec;

use parity_scale_codec::{Decode, Encode};
use quire_channel::{BlockState, Output, PartAnchor, ResultHeader};
use quire_core::{AccountId, Balance, H256};
use scale_info::TypeInfo;

/// What accounts can ask of this pallet.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[scale_info(capture_docs = "always")]
pub enum Call {
    /// Name the validator that shall process one's view of a block; opens the block when it is the first.
    #[codec(index = 0)]
    delegate {
        /// Which channel.
        channel: u64,
        /// Which block.
        block: u32,
        /// A registered validator.
        validator: AccountId,
    },
    /// Take the duty that one was named for; locks the duty bond.
    #[codec(index = 1)]
    accept {
        /// Which channel.
        channel: u64,
        /// Which block.
        block: u32,
    },
    /// Declare that one collects no more messages for the block.
    #[codec(index = 2)]
    seal {
        /// Which channel.
        channel: u64,
        /// Which block.
        block: u32,
    },
    /// Anchor one's part, with custody receipts from more than half of the block's validators.
    #[codec(index = 3)]
    submit_part {
        /// Which channel.
        channel: u64,
        /// Which block.
        block: u32,
        /// Where the part is and what it is.
        part: PartAnchor,
        /// Validators and their signatures over `quire_channel::receipt_payload`.
        receipts: Vec<(AccountId, [u8; 64])>,
    },
    /// Commit to a result.
    #[codec(index = 4)]
    commit {
        /// Which channel.
        channel: u64,
        /// Which block.
        block: u32,
        /// `quire_channel::commitment` of the result's hash and a salt.
        commitment: H256,
    },
    /// Show the result that one committed to.
    #[codec(index = 5)]
    reveal {
        /// Which channel.
        channel: u64,
        /// Which block.
        block: u32,
        /// The result.
        result: ResultHeader,
        /// The salt of the commitment.
        salt: [u8; 32],
    },
    /// Apply a slice of the agreed result's outputs.
    #[codec(index = 6)]
    settle {
        /// Which channel.
        channel: u64,
        /// Which block.
        block: u32,
        /// Index of the first output.
        first: u32,
        /// The outputs.
        outputs: Vec<Output>,
        /// Range proof against the result's `outputs_root`.
        proof: Vec<H256>,
    },
    /// Apply what the clock has made due, and pay debts that can be paid.
    #[codec(index = 7)]
    advance {
        /// Which channel.
        channel: u64,
        /// Which block.
        block: u32,
    },
}

/// What happened. Every event names channel and block.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[scale_info(capture_docs = "always")]
pub enum Event {
    /// A participant named a validator.
    #[codec(index = 0)]
    Delegated {
        /// Which channel.
        channel: u64,
        /// Which block.
        block: u32,
        /// Participant index.
        participant: u8,
        /// The validator.
        validator: AccountId,
    },
    /// A validator took the duty.
    #[codec(index = 1)]
    Accepted {
        /// Which channel.
        channel: u64,
        /// Which block.
        block: u32,
        /// The validator.
        validator: AccountId,
        /// Plancks of its bond that are locked now.
        locked: Balance,
    },
    /// A participant collects no more.
    #[codec(index = 2)]
    Sealed {
        /// Which channel.
        channel: u64,
        /// Which block.
        block: u32,
        /// Participant index.
        participant: u8,
    },
    /// A part counts.
    #[codec(index = 3)]
    PartCounted {
        /// Which channel.
        channel: u64,
        /// Which block.
        block: u32,
        /// Participant index.
        participant: u8,
        /// Merkle root of the part.
        root: H256,
    },
    /// A validator committed.
    #[codec(index = 4)]
    Committed {
        /// Which channel.
        channel: u64,
        /// Which block.
        block: u32,
        /// The validator.
        validator: AccountId,
    },
    /// A validator revealed.
    #[codec(index = 5)]
    Revealed {
        /// Which channel.
        channel: u64,
        /// Which block.
        block: u32,
        /// The validator.
        validator: AccountId,
        /// Hash of its result.
        result: H256,
    },
    /// The block entered a state.
    #[codec(index = 6)]
    StateChanged {
        /// Which channel.
        channel: u64,
        /// Which block.
        block: u32,
        /// The state.
        state: BlockState,
        /// Tick at which it began.
        entered: u32,
    },
    /// One result stands, and its total is reserved.
    #[codec(index = 7)]
    Agreed {
        /// Which channel.
        channel: u64,
        /// Which block.
        block: u32,
        /// Hash of the result.
        result: H256,
        /// What it costs.
        total: Balance,
    },
    /// Validators revealed different results; the money stands still.
    #[codec(index = 8)]
    Disputed {
        /// Which channel.
        channel: u64,
        /// Which block.
        block: u32,
        /// Hashes of the results, ascending.
        results: Vec<H256>,
    },
    /// A slice of outputs was applied.
    #[codec(index = 9)]
    SliceApplied {
        /// Which channel.
        channel: u64,
        /// Which block.
        block: u32,
        /// Index of the first output.
        first: u32,
        /// Number of outputs.
        count: u32,
    },
    /// A figure of the result.
    #[codec(index = 10)]
    Reported {
        /// Which channel.
        channel: u64,
        /// Which block.
        block: u32,
        /// Its key.
        key: Vec<u8>,
        /// The figure, with what was reported under the key before.
        value: u128,
    },
    /// Something noteworthy that the result says.
    #[codec(index = 11)]
    Noticed {
        /// Which channel.
        channel: u64,
        /// Which block.
        block: u32,
        /// Participant index, or 255 for nobody in particular.
        node: u8,
        /// Meaning; 0xff00 and above are the host's.
        kind: u16,
        /// Details.
        data: Vec<u8>,
    },
    /// An output names a participant that does not exist, or oneself as payee, and has no effect.
    #[codec(index = 12)]
    OutputIgnored {
        /// Which channel.
        channel: u64,
        /// Which block.
        block: u32,
        /// Index of the output.
        index: u32,
    },
    /// Money moved between in-channel balances.
    #[codec(index = 13)]
    Paid {
        /// Which channel.
        channel: u64,
        /// Which block.
        block: u32,
        /// Participant index of the payer.
        from: u8,
        /// Participant index of the payee.
        to: u8,
        /// Plancks.
        amount: Balance,
    },
    /// A validator got its share of a fee.
    #[codec(index = 14)]
    FeePaid {
        /// Which channel.
        channel: u64,
        /// Which block.
        block: u32,
        /// Participant index of the payer.
        from: u8,
        /// The validator.
        validator: AccountId,
        /// Plancks.
        amount: Balance,
    },
    /// A payer fell short, and the rest is debt.
    #[codec(index = 15)]
    Owed {
        /// Which channel.
        channel: u64,
        /// Which block.
        block: u32,
        /// Participant index of the payer.
        from: u8,
        /// To whom.
        to: Payee,
        /// Plancks still owed.
        amount: Balance,
    },
    /// A validator broke its duty and lost money.
    #[codec(index = 16)]
    DutyBroken {
        /// Which channel.
        channel: u64,
        /// Which block.
        block: u32,
        /// The validator.
        validator: AccountId,
        /// How.
        breach: Breach,
        /// Plancks it lost.
        amount: Balance,
    },
}

/// Who is to be paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode, TypeInfo)]
pub enum Payee {
    /// The validators that revealed the agreed result, in equal shares.
    #[codec(index = 0)]
    Validators,
    /// A participant, by index.
    #[codec(index = 1)]
    Participant(u8),
}

/// How a validator broke its duty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub enum Breach {
    /// It committed and did not reveal in time.
    #[codec(index = 0)]
    NotRevealed,
    /// It held every counted part, did not commit, and the block expired.
    #[codec(index = 1)]
    Silent,
}

/// Why a call failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[scale_info(capture_docs = "always")]
pub enum Error {
    /// No channel has this id.
    UnknownChannel,
    /// The block is not open: `delegate` opens it.
    UnknownBlock,
    /// The caller is no participant of the channel.
    NotParticipant,
    /// The channel is not open, or it closes before this block.
    ChannelNotRunning,
    /// The block's period is over.
    CollectionOver,
    /// The block is too far ahead of the clock.
    TooFarAhead,
    /// The block is in another state; the state is in chain state, `advance` applies what is due.
    WrongState,
    /// The account is no registered validator.
    NotValidator,
    /// The era keeps this validator away from the channel.
    ValidatorExcluded,
    /// No participant names the caller for this block.
    NotDelegated,
    /// The caller accepted already.
    AlreadyAccepted,
    /// The caller sealed already.
    AlreadySealed,
    /// None of the caller's delegates accepted yet.
    NoAcceptedDelegate,
    /// The part has no address, or exceeds a limit.
    BadPart,
    /// The caller's part counts already.
    PartExists,
    /// The block key's commitment differs from that of the first part.
    KeyCommitmentMismatch,
    /// A receipt is from a validator without this duty.
    ReceiptNotDelegated,
    /// Two receipts are from one validator.
    ReceiptRepeated,
    /// A receipt's signature does not fit part and validator.
    ReceiptSignature,
    /// Receipts from more than half of the block's validators are needed.
    TooFewReceipts,
    /// The caller committed already.
    AlreadyCommitted,
    /// The caller did not commit, so it has nothing to reveal.
    NotCommitted,
    /// The caller revealed already.
    AlreadyRevealed,
    /// Result and salt do not give the commitment.
    CommitmentMismatch,
    /// The result is for another channel or block.
    ResultPlace,
    /// The result was made by another program.
    ResultProgram,
    /// The result covers other parts than those counted.
    ResultParts,
    /// The result has too many outputs.
    ResultTooLarge,
    /// The slice holds no outputs.
    SliceEmpty,
    /// The slice holds more outputs than one call may apply.
    SliceTooLarge,
    /// The slice reaches beyond the result.
    SliceOutOfRange,
    /// An output of the slice was applied before.
    SliceRepeated,
    /// The proof does not show that these outputs stand at this index.
    WrongProof,
    /// Nothing is due, and no debt can be paid.
    NothingDue,
}

pallet_support::impl_module_error!(Error, crate::INDEX);
