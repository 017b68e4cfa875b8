//! What calls weigh (R9). The figures are estimates with head room until `quire bench` has measured them (DESIGN §14).

use pallet_support::{Dispatchable, nested};
use parity_scale_codec::Encode;
use quire_core::{DispatchClass, DispatchInfo, Pays, Weight};

use crate::Call;

/// Hashing the address, and the account besides what the call weighs.
const SINGLE: Weight = Weight::from_micros(12);
/// Reading and writing an operation and a deposit, one event.
const OPERATION: Weight = Weight::from_micros(45);
/// A signatory: decoded, hashed, and stored as an approval.
const SIGNATORY: Weight = Weight::from_parts(300_000, 0);
/// Encoding and hashing one KiB of a call.
const CALL_KIB: Weight = Weight::from_micros(4);

impl<C: Encode> Call<C> {
    /// What the call weighs besides its nested one.
    pub(crate) fn base_weight(&self) -> Weight {
        let (fixed, others, call_bytes) = match self {
            Self::as_multi_threshold_1 { other_signatories, .. } => (SINGLE, other_signatories, 0),
            Self::as_multi { other_signatories, call, .. } => {
                (OPERATION, other_signatories, call.encoded_size())
            }
            Self::approve_as_multi { other_signatories, .. }
            | Self::cancel_as_multi { other_signatories, .. }
            | Self::poke_deposit { other_signatories, .. } => (OPERATION, other_signatories, 0),
        };
        fixed + SIGNATORY * others.len() as u64 + CALL_KIB * (call_bytes as u64 / 1_024)
    }
}

impl<C: Dispatchable + Encode> Call<C> {
    /// Weight, class and fee, the nested call included.
    pub fn dispatch_info(&self) -> DispatchInfo {
        let (nested_weight, class) = match self {
            Self::as_multi_threshold_1 { call, .. } => {
                let info = call.dispatch_info();
                (info.weight, nested::class(info.class))
            }
            Self::as_multi { max_weight, .. } => (*max_weight, DispatchClass::Normal),
            Self::approve_as_multi { .. } | Self::cancel_as_multi { .. } | Self::poke_deposit { .. } => {
                (Weight::ZERO, DispatchClass::Normal)
            }
        };
        DispatchInfo { weight: self.base_weight() + nested_weight, class, pays_fee: Pays::Yes }
    }
}
