//! What calls weigh (R8). The figures are estimates with head room until `quire bench` has measured them (DESIGN §14).

use pallet_support::{Dispatchable, nested};
use parity_scale_codec::Encode;
use quire_core::{DispatchClass, DispatchInfo, Pays, Weight};

use crate::Call;

/// Reading a full list of proxies, one event.
const RUN: Weight = Weight::from_micros(20);
/// Reading and writing a full list and a deposit, one event.
const LIST: Weight = Weight::from_micros(45);
/// Encoding and hashing one KiB of a call.
const CALL_KIB: Weight = Weight::from_micros(4);

impl<C: Encode> Call<C> {
    /// What the call weighs besides its nested one.
    pub(crate) fn base_weight(&self) -> Weight {
        match self {
            Self::proxy { .. } => RUN,
            Self::proxy_announced { call, .. } => {
                RUN + LIST + CALL_KIB * (call.encoded_size() as u64 / 1_024)
            }
            Self::announce { .. } => RUN + LIST,
            Self::poke_deposit {} => LIST * 2,
            Self::add_proxy { .. }
            | Self::remove_proxy { .. }
            | Self::remove_proxies {}
            | Self::create_pure { .. }
            | Self::kill_pure { .. }
            | Self::remove_announcement { .. }
            | Self::reject_announcement { .. } => LIST,
        }
    }
}

impl<C: Dispatchable + Encode> Call<C> {
    /// Weight, class and fee, the nested call included.
    pub fn dispatch_info(&self) -> DispatchInfo {
        let inner = self.nested().next().map(C::dispatch_info);
        let (nested_weight, class) = inner
            .map_or((Weight::ZERO, DispatchClass::Normal), |info| (info.weight, nested::class(info.class)));
        DispatchInfo { weight: self.base_weight() + nested_weight, class, pays_fee: Pays::Yes }
    }
}
