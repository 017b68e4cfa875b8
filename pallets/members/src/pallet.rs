//! The pallet's face: what can be asked of it, what it reports, and how it refuses.

use parity_scale_codec::{Decode, Encode};
use quire_core::{AccountId, DispatchResult, H256};
use scale_info::TypeInfo;

use crate::{BoxedCall, INDEX};

/// Calls of Members; `C` is the runtime's call.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[scale_info(capture_docs = "always")]
#[allow(non_camel_case_types, reason = "clients know calls by their snake-case names")]
pub enum Call<C> {
    /// Puts a call to the vote; the proposer votes for it.
    #[codec(index = 0)]
    propose {
        /// What the chain shall do as Root.
        call: BoxedCall<C>,
    },
    /// Votes for or against an open motion.
    #[codec(index = 1)]
    vote {
        /// Number of the motion.
        motion: u32,
        /// For it, or against it.
        approve: bool,
    },
    /// Carries out a motion that passed.
    #[codec(index = 2)]
    execute {
        /// Number of the motion.
        motion: u32,
    },
}

/// Events of Members.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[scale_info(capture_docs = "always")]
pub enum Event {
    /// A motion was proposed.
    #[codec(index = 0)]
    Proposed {
        /// Number of the motion.
        motion: u32,
        /// Who proposed it.
        proposer: AccountId,
        /// blake2-256 of the encoded call.
        call_hash: H256,
    },
    /// A member voted.
    #[codec(index = 1)]
    Voted {
        /// Number of the motion.
        motion: u32,
        /// Who voted.
        member: AccountId,
        /// For or against.
        approve: bool,
        /// Votes for the motion so far.
        ayes: u32,
        /// Votes against it so far.
        noes: u32,
    },
    /// A motion has enough votes and can be executed.
    #[codec(index = 2)]
    Passed {
        /// Number of the motion.
        motion: u32,
    },
    /// A motion can no longer pass and is gone.
    #[codec(index = 3)]
    Rejected {
        /// Number of the motion.
        motion: u32,
    },
    /// A motion ran and is gone.
    #[codec(index = 4)]
    Executed {
        /// Number of the motion.
        motion: u32,
        /// How its call ended.
        result: DispatchResult,
    },
    /// A motion was not executed in time and is gone.
    #[codec(index = 5)]
    Expired {
        /// Number of the motion.
        motion: u32,
    },
}

/// Errors of Members.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[scale_info(capture_docs = "always")]
pub enum Error {
    /// The account is no member.
    NotMember = 0,
    /// There is no such motion: it never was, or it is already executed, rejected or expired.
    UnknownMotion = 1,
    /// As many motions are open as may be.
    TooManyMotions = 2,
    /// The call weighs more than a motion may.
    CallTooHeavy = 3,
    /// The member has already voted so.
    DuplicateVote = 4,
    /// The motion has not enough votes yet.
    NotPassed = 5,
    /// The motion has passed: votes change nothing any more.
    AlreadyPassed = 6,
    /// There can be no more motions on this chain.
    NumbersExhausted = 7,
}

pallet_support::impl_module_error!(Error, INDEX);
