//! What calls weigh. The figures are estimates with head room until `quire bench` has measured them (DESIGN §14).

use parity_scale_codec::Encode;
use quire_core::Weight;

use crate::{Call, MOTION_WEIGHT_MAX};

const PROPOSE: Weight = Weight::from_micros(60);
const PROPOSE_KIB: Weight = Weight::from_micros(4);
const VOTE: Weight = Weight::from_micros(40);
const EXECUTE: Weight = Weight::from_micros(50);

impl<C: Encode> Call<C> {
    /// What the call weighs at most; executing gives back what the motion's call did not need.
    pub fn weight(&self) -> Weight {
        match self {
            Self::propose { call } => PROPOSE + PROPOSE_KIB * (call.encoded_size() as u64 / 1_024),
            Self::vote { .. } => VOTE,
            Self::execute { .. } => EXECUTE + MOTION_WEIGHT_MAX,
        }
    }
}

/// What executing a motion weighed whose call weighed `call`.
pub(crate) fn executed(call: Weight) -> Weight {
    EXECUTE + call
}
