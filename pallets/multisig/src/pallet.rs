//! The pallet's face: what can be asked of it, what it reports, and how it refuses.

use alloc::boxed::Box;
use alloc::vec::Vec;

use pallet_support::nested::{self, Calls};
use parity_scale_codec::{Decode, Encode};
use quire_core::{AccountId, Balance, DispatchResult, Weight};
use scale_info::TypeInfo;

use crate::{INDEX, Timepoint};

/// Calls of Multisig; `C` is the runtime's call.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[scale_info(skip_type_params(C), capture_docs = "always")]
#[allow(non_camel_case_types, reason = "clients know calls by their snake-case names")]
pub enum Call<C> {
    /// Runs a call as the account of a set of which each signatory may act alone.
    #[codec(index = 0)]
    as_multi_threshold_1 {
        /// All signatories but the sender, sorted.
        other_signatories: Vec<AccountId>,
        /// The call.
        call: Box<C>,
    },
    /// Approves an operation, begins it if it is new, and runs it if that is the last approval it needs.
    #[codec(index = 1)]
    as_multi {
        /// Approvals needed.
        threshold: u16,
        /// All signatories but the sender, sorted.
        other_signatories: Vec<AccountId>,
        /// The extrinsic that began the operation; none to begin it.
        maybe_timepoint: Option<Timepoint>,
        /// The call.
        call: Box<C>,
        /// Most that the call may weigh.
        max_weight: Weight,
    },
    /// Approves an operation by the hash of its call, and begins it if it is new.
    #[codec(index = 2)]
    approve_as_multi {
        /// Approvals needed.
        threshold: u16,
        /// All signatories but the sender, sorted.
        other_signatories: Vec<AccountId>,
        /// The extrinsic that began the operation; none to begin it.
        maybe_timepoint: Option<Timepoint>,
        /// blake2-256 of the encoded call.
        call_hash: [u8; 32],
        /// Not used: nothing runs. Wallets fill it in as for `as_multi`.
        max_weight: Weight,
    },
    /// Cancels an operation that the sender began, and frees its deposit.
    #[codec(index = 3)]
    cancel_as_multi {
        /// Approvals needed.
        threshold: u16,
        /// All signatories but the sender, sorted.
        other_signatories: Vec<AccountId>,
        /// The extrinsic that began the operation.
        timepoint: Timepoint,
        /// blake2-256 of the encoded call.
        call_hash: [u8; 32],
    },
    /// Brings the deposit of an operation that the sender began in line with the current prices.
    #[codec(index = 4)]
    poke_deposit {
        /// Approvals needed.
        threshold: u16,
        /// All signatories but the sender, sorted.
        other_signatories: Vec<AccountId>,
        /// blake2-256 of the encoded call.
        call_hash: [u8; 32],
    },
}

impl<C> Call<C> {
    /// The calls directly inside.
    pub fn nested(&self) -> Calls<'_, C> {
        match self {
            Self::as_multi_threshold_1 { call, .. } | Self::as_multi { call, .. } => nested::one(call),
            Self::approve_as_multi { .. } | Self::cancel_as_multi { .. } | Self::poke_deposit { .. } => {
                nested::none()
            }
        }
    }

    /// Whether it approves a call that it shows by its hash only.
    pub fn hides_its_call(&self) -> bool {
        matches!(self, Self::approve_as_multi { .. })
    }
}

/// Events of Multisig.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[scale_info(capture_docs = "always")]
pub enum Event {
    /// An operation began.
    #[codec(index = 0)]
    NewMultisig {
        /// Who began and approved it.
        approving: AccountId,
        /// The multisig account.
        multisig: AccountId,
        /// blake2-256 of the encoded call.
        call_hash: [u8; 32],
    },
    /// An operation was approved.
    #[codec(index = 1)]
    MultisigApproval {
        /// Who approved it.
        approving: AccountId,
        /// The extrinsic that began it.
        timepoint: Timepoint,
        /// The multisig account.
        multisig: AccountId,
        /// blake2-256 of the encoded call.
        call_hash: [u8; 32],
    },
    /// An operation was executed and is gone.
    #[codec(index = 2)]
    MultisigExecuted {
        /// Who approved it last.
        approving: AccountId,
        /// The extrinsic that began it.
        timepoint: Timepoint,
        /// The multisig account.
        multisig: AccountId,
        /// blake2-256 of the encoded call.
        call_hash: [u8; 32],
        /// How the call ended.
        result: DispatchResult,
    },
    /// An operation was cancelled and is gone.
    #[codec(index = 3)]
    MultisigCancelled {
        /// Who cancelled it.
        cancelling: AccountId,
        /// The extrinsic that began it.
        timepoint: Timepoint,
        /// The multisig account.
        multisig: AccountId,
        /// blake2-256 of the encoded call.
        call_hash: [u8; 32],
    },
    /// The deposit of an operation changed with the prices.
    #[codec(index = 4)]
    DepositPoked {
        /// Whose deposit.
        who: AccountId,
        /// blake2-256 of the encoded call.
        call_hash: [u8; 32],
        /// Plancks before.
        old_deposit: Balance,
        /// Plancks now.
        new_deposit: Balance,
    },
}

/// Errors of Multisig.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[scale_info(capture_docs = "always")]
pub enum Error {
    /// The threshold must be 2 or more.
    MinimumThreshold,
    /// The sender has approved this operation already.
    AlreadyApproved,
    /// The operation needs no more approvals.
    NoApprovalsNeeded,
    /// There must be signatories besides the sender.
    TooFewSignatories,
    /// There are more signatories than `MaxSignatories`.
    TooManySignatories,
    /// The signatories are not sorted, or one stands there twice.
    SignatoriesOutOfOrder,
    /// The sender must not be among the other signatories.
    SenderInSignatories,
    /// There is no such operation; it was executed, cancelled or never began.
    NotFound,
    /// Only who began the operation may do this.
    NotOwner,
    /// The operation has begun already; name its timepoint.
    NoTimepoint,
    /// The operation began at another timepoint.
    WrongTimepoint,
    /// The operation has not begun yet; leave the timepoint out.
    UnexpectedTimepoint,
    /// The call weighs more than the sender allows.
    MaxWeightTooLow,
    /// The call is stored already.
    AlreadyStored,
}

pallet_support::impl_module_error!(Error, INDEX);
