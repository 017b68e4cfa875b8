//! What calls weigh: two signatures, the record of a session, a slash.

use quire_core::{DispatchClass, DispatchInfo, Pays, Weight};

use crate::Call;

impl Call {
    /// What the call weighs at most.
    pub fn weight(&self) -> Weight {
        match self {
            // An sr25519 signature takes about 60 µs in the host, the slash what a transfer takes.
            Self::report_author { .. } | Self::report_voter { .. } => Weight::from_micros(500),
        }
    }

    /// Weight, class and fee: operational, so that a full block has room for it, and free.
    pub fn dispatch_info(&self) -> DispatchInfo {
        DispatchInfo { weight: self.weight(), class: DispatchClass::Operational, pays_fee: Pays::No }
    }
}
