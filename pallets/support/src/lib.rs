//! What every pallet of Quire stands on: storage items, origin, dispatch, events, errors, metadata, and the host.
//!
//! A pallet is a plain module: `enum Call`, `enum Event`, `enum Error` with derived codecs and `TypeInfo`, storage
//! items as consts, one `match` in `dispatch`. There is no macro framework; metadata is collected from the same enums
//! and consts.
//!
//! Conventions (the runtime relies on them): each pallet has `INDEX`, `NAME`, `Call`, `Event`, `Error` (in a module
//! `pallet`, so that their type paths read `pallet_x::pallet::Call`), `dispatch(call, origin)`, `Call::weight()`,
//! `metadata()`, `check_invariants()` and `genesis::Config` with `build()`. Pallets call each other directly, in the
//! order system, timestamp, balances, transaction_payment, aura, grandpa, members, bonds, session, equivocation, channels,
//! anchors, randomness, utility, multisig, proxy.
//!
//! The crate builds for `wasm32v1-none`, where [`host`] is the import module `env`, and natively, where it is
//! [`testing::TestExternalities`]. It is the only crate besides the runtime's entry points with unsafe code.
//!
//! Out of scope: weights of calls (each pallet has its own), signature and extension checks (the runtime's).

#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod dispatch;
pub mod error;
pub mod events;
pub mod host;
pub mod metadata;
pub mod meter;
pub mod nested;
pub mod origin;
pub mod storage;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;

#[cfg(test)]
mod tests;

pub use dispatch::{DispatchErrorWithInfo, DispatchResultWithInfo, PostInfo, with_info, with_transaction};
pub use error::module_error;
pub use events::{EventRecord, Phase, deposit_event};
pub use metadata::{Constant, PalletMetadataParts, StorageEntry};
pub use meter::metered;
pub use nested::Dispatchable;
pub use origin::{Origin, ensure_none, ensure_root, ensure_signed};
pub use quire_core::dispatch::{DispatchError, DispatchResult};
pub use storage::{
    Blake2_128Concat, CountedMap, Identity, StorageDoubleMap, StorageMap, StorageValue, Twox64Concat,
};
