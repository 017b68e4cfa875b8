//! What calls weigh: a storage access of this pallet's small records costs about as much as one of a transfer.

use quire_core::{DispatchClass, DispatchInfo, Pays, Weight};

use crate::Call;

/// One read or write of a small record, with its share of the state root.
const ACCESS: Weight = Weight::from_parts(12_000_000, 512);

impl Call {
    /// What the call weighs at most.
    pub fn weight(&self) -> Weight {
        let accesses = match self {
            // Members, two owners, old keys with two owners, new keys with two owners, events.
            Self::set_keys { .. } => 10,
            Self::purge_keys {} => 5,
        };
        ACCESS.saturating_mul(accesses)
    }

    /// Weight, class and fee.
    pub fn dispatch_info(&self) -> DispatchInfo {
        DispatchInfo { weight: self.weight(), class: DispatchClass::Normal, pays_fee: Pays::Yes }
    }
}
