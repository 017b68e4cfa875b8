//! What calls may cost at most, on the reference machine: reads and writes of small records are counted. What a call
//! really did is metered and paid instead (`pallet_support::meter`).

use quire_core::Weight;

use crate::Call;

/// One record read and written, a repeated read, and their share of the state root.
const ACCESS: Weight = Weight::from_parts(10_000_000, 512);
/// What any call takes besides its accesses.
pub(crate) const BESIDES: Weight = Weight::from_micros(3);

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
