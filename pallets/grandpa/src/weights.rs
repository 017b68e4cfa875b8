//! What calls weigh. The figures are estimates with head room until `quire bench` has measured them (DESIGN §14).

use quire_core::{DispatchClass, DispatchInfo, Pays, Weight};

use crate::Call;

impl Call {
    /// What the call weighs at most.
    pub fn weight(&self) -> Weight {
        match self {
            Self::note_stalled { .. } => Weight::from_micros(10),
            Self::note_finalised { .. } => Weight::from_micros(15),
        }
    }

    /// Weight, class and fee: the finality note is mandatory and free.
    pub fn dispatch_info(&self) -> DispatchInfo {
        let (class, pays_fee) = match self {
            Self::note_stalled { .. } => (DispatchClass::Operational, Pays::Yes),
            Self::note_finalised { .. } => (DispatchClass::Mandatory, Pays::No),
        };
        DispatchInfo { weight: self.weight(), class, pays_fee }
    }
}
