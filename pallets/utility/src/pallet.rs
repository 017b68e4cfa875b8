//! The pallet's face: what can be asked of it, what it reports, and how it refuses.

use alloc::boxed::Box;
use alloc::vec::Vec;

use pallet_support::nested::{self, Calls};
use parity_scale_codec::{Decode, Encode};
use quire_core::{DispatchError, Weight};
use scale_info::TypeInfo;

use crate::INDEX;

/// Calls of Utility; `C` is the runtime's call.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[scale_info(skip_type_params(C), capture_docs = "always")]
#[allow(non_camel_case_types, reason = "clients know calls by their snake-case names")]
pub enum Call<C> {
    /// Runs calls in order and stops at the first that fails; what came before stays.
    #[codec(index = 0)]
    batch {
        /// The calls; at most `batched_calls_limit`.
        calls: Vec<C>,
    },
    /// Runs a call as a derivative account of the sender.
    #[codec(index = 1)]
    as_derivative {
        /// Which derivative.
        index: u16,
        /// The call.
        call: Box<C>,
    },
    /// Runs calls in order; when one fails, everything is undone and the extrinsic fails.
    #[codec(index = 2)]
    batch_all {
        /// The calls; at most `batched_calls_limit`.
        calls: Vec<C>,
    },
    /// Runs calls in order and goes on after those that fail.
    #[codec(index = 4)]
    force_batch {
        /// The calls; at most `batched_calls_limit`.
        calls: Vec<C>,
    },
    /// Runs a call under a weight of one's choice. Root only.
    #[codec(index = 5)]
    with_weight {
        /// The call.
        call: Box<C>,
        /// What it shall weigh.
        weight: Weight,
    },
    /// Runs a call, and another one when the first fails.
    #[codec(index = 6)]
    if_else {
        /// The first call.
        main: Box<C>,
        /// The call in its place.
        fallback: Box<C>,
    },
}

impl<C> Call<C> {
    /// The calls directly inside.
    pub fn nested(&self) -> Calls<'_, C> {
        match self {
            Self::batch { calls } | Self::batch_all { calls } | Self::force_batch { calls } => {
                nested::many(calls)
            }
            Self::as_derivative { call, .. } | Self::with_weight { call, .. } => nested::one(call),
            Self::if_else { main, fallback } => nested::two(main, fallback),
        }
    }
}

/// Events of Utility.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[scale_info(capture_docs = "always")]
pub enum Event {
    /// A batch stopped at an item that failed.
    #[codec(index = 0)]
    BatchInterrupted {
        /// Which item, from 0.
        index: u32,
        /// Why it failed.
        error: DispatchError,
    },
    /// All items of a batch ran without an error.
    #[codec(index = 1)]
    BatchCompleted,
    /// All items of a batch ran, and some failed.
    #[codec(index = 2)]
    BatchCompletedWithErrors,
    /// An item of a batch ran without an error.
    #[codec(index = 3)]
    ItemCompleted,
    /// An item of a batch failed, and the batch went on.
    #[codec(index = 4)]
    ItemFailed {
        /// Why.
        error: DispatchError,
    },
    /// The main call of an `if_else` succeeded.
    #[codec(index = 6)]
    IfElseMainSuccess,
    /// The main call of an `if_else` failed and its fallback succeeded.
    #[codec(index = 7)]
    IfElseFallbackCalled {
        /// Why the main call failed.
        main_error: DispatchError,
    },
}

/// Errors of Utility.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[scale_info(capture_docs = "always")]
pub enum Error {
    /// The batch has more calls than `batched_calls_limit`.
    TooManyCalls,
}

pallet_support::impl_module_error!(Error, INDEX);
