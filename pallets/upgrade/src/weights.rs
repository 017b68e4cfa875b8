//! What calls weigh. The figures are estimates with head room until `quire bench` has measured them (DESIGN §14).

use quire_core::{DispatchClass, DispatchInfo, Pays, Weight};

use crate::Call;

impl Call {
    /// What the call weighs at most.
    pub fn weight(&self) -> Weight {
        match self {
            Self::attest { .. } => Weight::from_micros(30),
            Self::cancel { .. } | Self::set_parameters { .. } => Weight::from_micros(20),
        }
    }

    /// Weight, class and fee: a verdict is mandatory and free, what Root does is operational.
    pub fn dispatch_info(&self) -> DispatchInfo {
        let (class, pays_fee) = match self {
            Self::attest { .. } => (DispatchClass::Mandatory, Pays::No),
            Self::cancel { .. } | Self::set_parameters { .. } => (DispatchClass::Operational, Pays::Yes),
        };
        DispatchInfo { weight: self.weight(), class, pays_fee }
    }
}
