//! What calls weigh (R9). The figures are estimates with head room until `quire bench` has measured them (DESIGN §14).

use pallet_support::{Dispatchable, nested};
use quire_core::{DispatchClass, DispatchInfo, Pays, Weight};

use crate::Call;

/// Beginning and ending a batch.
const BATCH: Weight = Weight::from_micros(5);
/// An item's storage transaction and event.
const ITEM: Weight = Weight::from_micros(4);
/// Hashing the address, and the derivative's account besides what the call weighs.
pub(crate) const AS_DERIVATIVE: Weight = Weight::from_micros(10);
/// Two storage transactions and an event.
pub(crate) const IF_ELSE: Weight = Weight::from_micros(10);

/// A batch of which so many items ran, besides the items.
pub(crate) fn batch_weight(items: u32) -> Weight {
    BATCH + ITEM * u64::from(items)
}

impl<C: Dispatchable> Call<C> {
    /// Weight, class and fee, everything inside included; all calls are paid for.
    pub fn dispatch_info(&self) -> DispatchInfo {
        let mut inside = Weight::ZERO;
        let (mut items, mut is_operational) = (0u32, true);
        for call in self.nested() {
            let info = call.dispatch_info();
            inside += info.weight;
            items = items.saturating_add(1);
            is_operational &= nested::class(info.class) == DispatchClass::Operational;
        }
        let is_operational = is_operational && items > 0;
        let weight = match self {
            Self::batch { .. } | Self::batch_all { .. } | Self::force_batch { .. } => {
                batch_weight(items) + inside
            }
            Self::as_derivative { .. } => AS_DERIVATIVE + inside,
            Self::with_weight { weight, .. } => *weight,
            Self::if_else { .. } => IF_ELSE + inside,
        };
        let class = if is_operational { DispatchClass::Operational } else { DispatchClass::Normal };
        DispatchInfo { weight, class, pays_fee: Pays::Yes }
    }
}
