//! What calls weigh. The figures are estimates with head room until `quire bench` has measured them (DESIGN §14).

use parity_scale_codec::Encode;
use quire_core::{DispatchClass, DispatchInfo, Pays, Weight};

use crate::Call;
use crate::storage::MOTIONS;

/// Finding, checking and removing a motion, besides its call.
pub(crate) const EXECUTE: Weight = Weight::from_micros(50);
/// Reading and writing a motion with all its votes.
const VOTE: Weight = Weight::from_micros(50);
/// Checking one signature: 34 µs of sr25519.
const SIGNATURE: Weight = Weight::from_micros(50);
/// Records of a member or node, the list of members and the calendar: about ten reads and writes.
const RECORD: Weight = Weight::from_micros(150);
/// Writing one value.
const SETTING: Weight = Weight::from_micros(25);

/// Storing a motion with a call of so many bytes, besides running it.
pub(crate) fn propose_weight(call_bytes: usize) -> Weight {
    Weight::from_micros(50) + Weight::from_micros(2) * (call_bytes as u64 / 1_024)
}

impl<C: Encode> Call<C> {
    /// What the call weighs at most, its inner call included; `weigh` weighs calls of the runtime.
    pub fn weight(&self, weigh: fn(&C) -> Weight) -> Weight {
        match self {
            Self::propose { call } => propose_weight(call.encoded_size()) + weigh(call),
            Self::vote { .. } | Self::withdraw { .. } => VOTE,
            Self::admit { .. } | Self::renew { .. } => SIGNATURE + RECORD,
            Self::register_peer { .. } => SIGNATURE + RECORD + RECORD,
            Self::revoke { .. } | Self::revoke_peer { .. } => RECORD,
            Self::set_thresholds { .. } | Self::set_root { .. } => SETTING,
            Self::execute { motion } => {
                EXECUTE + MOTIONS.get(motion).map_or(Weight::ZERO, |open| open.weight)
            }
        }
    }

    /// Weight, class and fee: motions may use the room that normal extrinsics leave, a new runtime needs it.
    pub fn dispatch_info(&self, weigh: fn(&C) -> Weight) -> DispatchInfo {
        DispatchInfo { weight: self.weight(weigh), class: DispatchClass::Operational, pays_fee: Pays::Yes }
    }
}
