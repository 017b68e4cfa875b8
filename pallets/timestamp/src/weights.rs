//! What calls weigh. The figures are estimates with head room until `quire bench` has measured them (DESIGN §14).

use quire_core::{DispatchClass, DispatchInfo, Pays, Weight};

use crate::Call;

impl Call {
    /// What the call weighs at most.
    pub fn weight(&self) -> Weight {
        match self {
            Self::set { .. } => Weight::from_micros(20),
        }
    }

    /// Weight, class and fee: mandatory and free.
    pub fn dispatch_info(&self) -> DispatchInfo {
        DispatchInfo { weight: self.weight(), class: DispatchClass::Mandatory, pays_fee: Pays::No }
    }
}
