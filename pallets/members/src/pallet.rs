//! The pallet's face: what can be asked of it, what it reports, and how it refuses.

use alloc::boxed::Box;

use pallet_support::nested::{self, Calls};
use parity_scale_codec::{Decode, Encode};
use quire_core::{AccountId, DispatchResult, H256};
use scale_info::TypeInfo;

use crate::INDEX;

/// Calls of Members; `C` is the runtime's call.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[scale_info(skip_type_params(C), capture_docs = "always")]
#[allow(non_camel_case_types, reason = "clients know calls by their snake-case names")]
pub enum Call<C> {
    /// Proposes a motion and approves it; executes it when that is enough.
    #[codec(index = 0)]
    propose {
        /// What to do as Root.
        call: Box<C>,
    },
    /// Votes in a motion, or turns one's vote.
    #[codec(index = 1)]
    vote {
        /// Which motion.
        motion: u32,
        /// For or against.
        approve: bool,
    },
    /// Executes a motion that has passed.
    #[codec(index = 2)]
    execute {
        /// Which motion.
        motion: u32,
    },
    /// Takes back one's own motion that has not passed.
    #[codec(index = 3)]
    withdraw {
        /// Which motion.
        motion: u32,
    },
}

impl<C> Call<C> {
    /// The calls directly inside.
    pub fn nested(&self) -> Calls<'_, C> {
        match self {
            Self::propose { call } => nested::one(call),
            Self::vote { .. } | Self::execute { .. } | Self::withdraw { .. } => nested::none(),
        }
    }
}

/// Events of Members.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[scale_info(capture_docs = "always")]
pub enum Event {
    /// A motion was proposed.
    #[codec(index = 0)]
    Proposed {
        /// Which.
        motion: u32,
        /// By whom.
        proposer: AccountId,
        /// blake2-256 of the encoded call.
        call_hash: H256,
        /// Approvals that it needs.
        needed: u32,
        /// Tick at which it expires.
        expires_at: u32,
    },
    /// A member voted.
    #[codec(index = 1)]
    Voted {
        /// In which motion.
        motion: u32,
        /// Who.
        member: AccountId,
        /// For or against.
        approve: bool,
        /// Votes for the motion now.
        ayes: u32,
        /// Votes against it now.
        nays: u32,
    },
    /// A motion has enough approvals.
    #[codec(index = 2)]
    Passed {
        /// Which.
        motion: u32,
    },
    /// A motion was executed and is gone.
    #[codec(index = 3)]
    Executed {
        /// Which.
        motion: u32,
        /// How the call ended.
        result: DispatchResult,
    },
    /// A motion cannot pass any more and is gone.
    #[codec(index = 4)]
    Rejected {
        /// Which.
        motion: u32,
    },
    /// A motion's time is over and it is gone.
    #[codec(index = 5)]
    Expired {
        /// Which.
        motion: u32,
    },
    /// A motion was taken back by who proposed it and is gone.
    #[codec(index = 6)]
    Withdrawn {
        /// Which.
        motion: u32,
    },
}

/// Errors of Members.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[scale_info(capture_docs = "always")]
pub enum Error {
    /// Only members may do this.
    NotMember,
    /// There is no such motion; it was executed, rejected, has expired or never was.
    UnknownMotion,
    /// The member has voted like this already.
    AlreadyVoted,
    /// The motion does not have enough approvals.
    NotPassed,
    /// Too many motions are open; execute or reject one first.
    TooManyMotions,
    /// The call is longer than the limit.
    CallTooLong,
    /// The call of the motion does not decode with this runtime; propose it again.
    UndecodableCall,
    /// The member has too many motions open; execute or withdraw one first.
    TooManyOwnMotions,
    /// The calls of the open motions are too long together; execute, reject or withdraw one first.
    TooManyCallBytes,
    /// Somebody else proposed the motion.
    NotProposer,
    /// The motion has passed; it is not the proposer's alone any more.
    HasPassed,
}

pallet_support::impl_module_error!(Error, INDEX);
