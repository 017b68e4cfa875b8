//! The face of the pallet: calls, events, errors. In a module of this name so that clients see the type paths they
//! are used to (`pallet_bonds::pallet::Call`).
#![allow(non_camel_case_types, reason = "clients show call names as they stand here")]

use parity_scale_codec::{Decode, Encode};
use quire_core::{AccountId, Balance};
use scale_info::TypeInfo;

use crate::storage::ValidatorKeys;

/// What accounts can ask of this pallet.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[scale_info(capture_docs = "always")]
pub enum Call {
    /// Move free money to the active bond. Afterwards the active bond must reach the minimum.
    #[codec(index = 0)]
    bond {
        /// Plancks to move.
        amount: Balance,
    },
    /// Move active money that backs no open duty to the unbonding queue.
    #[codec(index = 1)]
    unbond {
        /// Plancks to move.
        amount: Balance,
    },
    /// Take back the unbonding money that is due.
    #[codec(index = 2)]
    withdraw {},
    /// Enter the list of validators, or replace one's keys on it.
    #[codec(index = 3)]
    validate {
        /// The keys of the validator node.
        keys: ValidatorKeys,
    },
    /// Leave the list of validators. Open duties stay.
    #[codec(index = 4)]
    chill {},
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[scale_info(capture_docs = "always")]
pub enum Event {
    /// Money was bonded.
    #[codec(index = 0)]
    Bonded {
        /// Whose.
        who: AccountId,
        /// Plancks.
        amount: Balance,
    },
    /// Money began to unbond.
    #[codec(index = 1)]
    Unbonded {
        /// Whose.
        who: AccountId,
        /// Plancks.
        amount: Balance,
        /// Channel-clock tick at which it can be withdrawn.
        free_at: u32,
    },
    /// Unbonded money went back to its owner.
    #[codec(index = 2)]
    Withdrawn {
        /// Whose.
        who: AccountId,
        /// Plancks.
        amount: Balance,
    },
    /// An account is a validator now, or has new keys.
    #[codec(index = 3)]
    ValidatorSet {
        /// Who.
        who: AccountId,
        /// Its keys.
        keys: ValidatorKeys,
    },
    /// An account is no validator any more, by its own call or because a slash left too small a bond.
    #[codec(index = 4)]
    Chilled {
        /// Who.
        who: AccountId,
    },
    /// A bond lost money.
    #[codec(index = 5)]
    Slashed {
        /// Whose.
        who: AccountId,
        /// Plancks taken.
        amount: Balance,
        /// Plancks of them that were burned; the rest went to the beneficiary.
        burned: Balance,
    },
    /// A reward went to a bond because the account could not receive it.
    #[codec(index = 6)]
    Rewarded {
        /// Whose.
        who: AccountId,
        /// Plancks.
        amount: Balance,
    },
}

/// Why a call failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[scale_info(capture_docs = "always")]
pub enum Error {
    /// The amount is zero: name one above zero.
    ZeroAmount,
    /// The active bond would be above zero but below the minimum: bond more, or unbond all of it.
    BelowMinimumBond,
    /// The account has no bond: bond first.
    NotBonded,
    /// Less active money than asked for, or it backs open duties: wait until their blocks are done.
    InsufficientActive,
    /// The account is no validator.
    NotValidator,
    /// A validator keeps the minimum bond: chill first.
    ChillFirst,
    /// Too many unbonding entries: withdraw what is due, or wait.
    TooManyUnbonding,
    /// No unbonding money is due yet.
    NothingDue,
    /// A key of zeros.
    ZeroKey,
    /// Another validator uses this signing key.
    KeyInUse,
    /// The list of validators is full.
    TooManyValidators,
    /// An amount does not fit: no such sum of money exists.
    Overflow,
}

pallet_support::impl_module_error!(Error, crate::INDEX);
