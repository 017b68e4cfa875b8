//! What calls may cost at most, on the reference machine: a storage read or write of this pallet's small records costs
//! about as much as one of a transfer, so weights count them.

use quire_core::Weight;

use crate::Call;

/// One read or write of a small record, with its share of the state root.
const ACCESS: Weight = Weight::from_parts(12_000_000, 512);

impl Call {
    /// What the call may cost at most.
    pub fn weight(&self) -> Weight {
        let accesses = match self {
            // Ledger, total, parameters, two accounts, events; `unbond` moves no money but reads the validator list.
            Call::bond { .. } | Call::withdraw {} => 9,
            Call::unbond { .. } => 7,
            Call::validate { .. } => 10,
            Call::chill {} => 6,
        };
        ACCESS.saturating_mul(accesses)
    }
}
