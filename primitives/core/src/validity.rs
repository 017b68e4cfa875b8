//! Validity of transactions, as the pool asks for it and as block application reports it.

use crate::dispatch::DispatchError;
use alloc::vec::Vec;
use parity_scale_codec::{Decode, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

/// A transaction that can never be valid, or not now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode, MaxEncodedLen, TypeInfo)]
#[scale_info(
    replace_segment("quire_core", "sp_runtime"),
    replace_segment("validity", "transaction_validity")
)]
pub enum InvalidTransaction {
    /// The call is not expected.
    #[codec(index = 0)]
    Call,
    /// The fees cannot be paid.
    #[codec(index = 1)]
    Payment,
    /// The nonce is ahead: valid later.
    #[codec(index = 2)]
    Future,
    /// The nonce is used up.
    #[codec(index = 3)]
    Stale,
    /// The signature is wrong.
    #[codec(index = 4)]
    BadProof,
    /// The era's birth block is too old.
    #[codec(index = 5)]
    AncientBirthBlock,
    /// The block is full.
    #[codec(index = 6)]
    ExhaustsResources,
    /// A reason of the runtime's own.
    #[codec(index = 7)]
    Custom(u8),
    /// A mandatory call failed.
    #[codec(index = 8)]
    BadMandatory,
    /// A mandatory call came as a transaction.
    #[codec(index = 9)]
    MandatoryValidation,
    /// The signer may not sign.
    #[codec(index = 10)]
    BadSigner,
}

/// A transaction whose validity cannot be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode, MaxEncodedLen, TypeInfo)]
#[scale_info(
    replace_segment("quire_core", "sp_runtime"),
    replace_segment("validity", "transaction_validity")
)]
pub enum UnknownTransaction {
    /// Something could not be looked up.
    #[codec(index = 0)]
    CannotLookup,
    /// An unsigned transaction that nothing validates.
    #[codec(index = 1)]
    NoUnsignedValidator,
    /// A reason of the runtime's own.
    #[codec(index = 2)]
    Custom(u8),
}

/// Why a transaction is not valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode, MaxEncodedLen, TypeInfo)]
#[scale_info(
    replace_segment("quire_core", "sp_runtime"),
    replace_segment("validity", "transaction_validity")
)]
pub enum TransactionValidityError {
    /// It is invalid.
    #[codec(index = 0)]
    Invalid(InvalidTransaction),
    /// It cannot be told.
    #[codec(index = 1)]
    Unknown(UnknownTransaction),
}

impl From<InvalidTransaction> for TransactionValidityError {
    fn from(error: InvalidTransaction) -> Self {
        TransactionValidityError::Invalid(error)
    }
}

impl From<UnknownTransaction> for TransactionValidityError {
    fn from(error: UnknownTransaction) -> Self {
        TransactionValidityError::Unknown(error)
    }
}

/// What the pool must know about a valid transaction.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[scale_info(
    replace_segment("quire_core", "sp_runtime"),
    replace_segment("validity", "transaction_validity")
)]
pub struct ValidTransaction {
    /// Higher goes first.
    pub priority: u64,
    /// Tags that must be provided by transactions before this one.
    pub requires: Vec<Vec<u8>>,
    /// Tags that this transaction provides.
    pub provides: Vec<Vec<u8>>,
    /// Blocks for which the validity holds at least.
    pub longevity: u64,
    /// Whether peers should get it.
    pub propagate: bool,
}

/// Validity of a transaction.
pub type TransactionValidity = Result<ValidTransaction, TransactionValidityError>;

/// Outcome of applying an extrinsic: not in the block at all, or in it with the outcome of its call.
pub type ApplyExtrinsicResult = Result<Result<(), DispatchError>, TransactionValidityError>;

/// Where a transaction to be validated comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode, MaxEncodedLen, TypeInfo)]
#[scale_info(
    replace_segment("quire_core", "sp_runtime"),
    replace_segment("validity", "transaction_validity")
)]
pub enum TransactionSource {
    /// It is in a block.
    #[codec(index = 0)]
    InBlock,
    /// It comes from this node.
    #[codec(index = 1)]
    Local,
    /// It comes from outside.
    #[codec(index = 2)]
    External,
}
