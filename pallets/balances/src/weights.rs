//! What calls weigh. The figures are estimates with head room until `quire bench` has measured them (DESIGN §14).

use quire_core::{DispatchClass, DispatchInfo, Pays, Weight};

use crate::Call;

/// Two accounts read and written, one event: 4 µs of execution, the rest is the database's share of the second account.
const TRANSFER: Weight = Weight::from_micros(10);
/// One account and the issuance read and written, two events.
const ONE_ACCOUNT: Weight = Weight::from_micros(20);

impl Call {
    /// What the call weighs at most.
    pub fn weight(&self) -> Weight {
        match self {
            Self::transfer_allow_death { .. }
            | Self::force_transfer { .. }
            | Self::transfer_keep_alive { .. } => TRANSFER,
            Self::transfer_all { .. } => TRANSFER + Weight::from_micros(5),
            Self::force_unreserve { .. } | Self::force_set_balance { .. } | Self::burn { .. } => ONE_ACCOUNT,
        }
    }

    /// Weight, class and fee: all calls are normal and paid for.
    pub fn dispatch_info(&self) -> DispatchInfo {
        DispatchInfo { weight: self.weight(), class: DispatchClass::Normal, pays_fee: Pays::Yes }
    }
}
