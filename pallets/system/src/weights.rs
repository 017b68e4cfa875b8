//! What calls weigh. The figures are estimates with head room until `quire bench` has measured them (DESIGN §14).

use quire_core::{DispatchClass, DispatchInfo, Pays, Weight};

use crate::Call;

/// What an empty block weighs: initialisation, inherents' frame, roots.
pub const BASE_BLOCK: Weight = Weight::from_micros(2_000);
/// What an extrinsic weighs besides its call: decoding, nonce, fee, result event, and above all a signature that nobody
/// has checked before; sr25519 takes 35 to 46 µs natively.
pub const BASE_EXTRINSIC: Weight = Weight::from_micros(50);

/// Writing one raw storage item: 5 µs of execution, and the database.
const RAW_ITEM: Weight = Weight::from_micros(12);
/// Hashing, checking and storing a runtime: dominated by loading it once to read its version.
const SET_CODE: Weight = Weight::from_micros(400_000);
/// Decoding one KiB of a remark and copying it on its way.
const REMARK_KIB: Weight = Weight::from_micros(3);
/// Hashing it besides.
const REMARK_HASH_KIB: Weight = Weight::from_micros(1);

impl Call {
    /// What the call weighs at most.
    pub fn weight(&self) -> Weight {
        match self {
            Self::remark { remark } => Weight::from_micros(1) + REMARK_KIB * (remark.len() as u64 / 1_024),
            Self::remark_with_event { remark } => {
                let kib = remark.len() as u64 / 1_024;
                Weight::from_micros(5) + (REMARK_KIB + REMARK_HASH_KIB) * kib
            }
            Self::set_heap_pages { .. } => RAW_ITEM,
            Self::set_code { .. } => SET_CODE,
            Self::set_storage { items } => RAW_ITEM * (items.len() as u64 + 1),
            Self::kill_storage { keys } => RAW_ITEM * (keys.len() as u64 + 1),
            Self::kill_prefix { subkeys, .. } => RAW_ITEM * (u64::from(*subkeys) + 1),
        }
    }

    /// Weight, class and fee: what Root does is operational.
    pub fn dispatch_info(&self) -> DispatchInfo {
        let class = match self {
            Self::remark { .. } | Self::remark_with_event { .. } => DispatchClass::Normal,
            _ => DispatchClass::Operational,
        };
        DispatchInfo { weight: self.weight(), class, pays_fee: Pays::Yes }
    }
}
