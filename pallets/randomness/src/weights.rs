//! What calls weigh: the check of the proof in Wasm is nearly all of it, measured by `quire bench weights`.

use quire_core::{DispatchClass, DispatchInfo, Pays, Weight};

use crate::Call;

impl Call {
    /// What the call weighs at most.
    pub fn weight(&self) -> Weight {
        let Self::contribute { .. } = self;
        Weight::from_micros(1_500)
    }

    /// Weight, class and fee: mandatory and free.
    pub fn dispatch_info(&self) -> DispatchInfo {
        DispatchInfo { weight: self.weight(), class: DispatchClass::Mandatory, pays_fee: Pays::No }
    }
}
