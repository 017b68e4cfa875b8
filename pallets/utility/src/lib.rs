//! Utility: several calls in one extrinsic, and calls under the sender's derived accounts. It keeps nothing.
//!
//! Names, indices and arguments are those of Substrate's pallet of this name, which wallets know. Terms: an *item* is a
//! call of a batch; a *derivative* is an account whose address is a hash of its owner's and an index, so that only the
//! owner can act for it.
//!
//! Rules:
//! * R1. A batch runs its items in order, each from the origin of the batch and in a storage transaction of its own.
//!   An origin of nobody is refused (`BadOrigin`).
//! * R2. `batch` stops at the first item that fails: what came before stays, and an event names the item and its error.
//! * R3. `batch_all` fails with the first item that fails, so nothing of it stays.
//! * R4. `force_batch` goes on after items that fail.
//! * R5. A batch has at most `limits::MAX_NESTED_CALLS` items (`TooManyCalls`).
//! * R6. `as_derivative` runs its call as the account blake2-256("modlpy/utilisuba" ++ owner ++ index u16); only a
//!   signer has derivatives. It ends as its call does.
//! * R7. `if_else` runs its fallback when its main call fails, of which nothing stays; it fails when both do.
//! * R8. `with_weight` runs a call as Root under the weight that it is told. Root only.
//! * R9. All weigh what ran and a little for each item; the announced weight is the sum of everything inside. A call
//!   around operational calls only is operational; around anything else, or nothing, it is normal.
//!
//! | index | call | origin |
//! |---|---|---|
//! | 0 | `batch` | signed or root |
//! | 1 | `as_derivative` | signed |
//! | 2 | `batch_all` | signed or root |
//! | 4 | `force_batch` | signed or root |
//! | 5 | `with_weight` | root |
//! | 6 | `if_else` | signed or root |
//!
//! Unlike Substrate's, a `batch_all` may stand inside a `batch_all`: the depth of calls is bounded where they are decoded.
//!
//! Out of scope: `dispatch_as` and `dispatch_as_fallible` (3, 7), which turn Root into any account: a motion could then
//! execute another motion, and that one the next, deeper than any decoder has bounded.

#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod batch;
mod derive;
mod pallet;
mod weights;

#[cfg(test)]
mod tests;

use alloc::vec;

use pallet_support::metadata::PalletMetadataParts;
use pallet_support::{Constant, DispatchResultWithInfo, Dispatchable, Origin, ensure_root, nested};
use quire_core::limits;
use scale_info::{StaticTypeInfo, meta_type};

pub use derive::derivative_account;
pub use pallet::{Call, Error, Event};

/// Index of the pallet in the runtime's enums.
pub const INDEX: u8 = 20;
/// Name of the pallet.
pub const NAME: &str = "Utility";

/// Carries out a call.
///
/// # Errors
/// `BadOrigin`, those of [`Error`], or that of a nested call (R3, R6, R7, R8).
pub fn dispatch<C: Dispatchable>(call: Call<C>, origin: Origin) -> DispatchResultWithInfo {
    match call {
        Call::batch { calls } => batch::batch(calls, &origin),
        Call::as_derivative { index, call } => derive::as_derivative(&origin, index, *call),
        Call::batch_all { calls } => batch::batch_all(calls, &origin),
        Call::force_batch { calls } => batch::force_batch(calls, &origin),
        Call::with_weight { call, weight } => {
            ensure_root(&origin)?;
            let ran = nested::run(*call, origin);
            nested::Ran { weight, ..ran }.passed_on(quire_core::Weight::ZERO)
        }
        Call::if_else { main, fallback } => batch::if_else(*main, *fallback, &origin),
    }
}

/// What metadata says about the pallet; `C` is the runtime's call.
pub fn metadata<C: StaticTypeInfo>() -> PalletMetadataParts {
    PalletMetadataParts {
        calls: Some(meta_type::<Call<C>>()),
        events: Some(meta_type::<Event>()),
        errors: Some(meta_type::<Error>()),
        constants: vec![Constant::new(
            "batched_calls_limit",
            &limits::MAX_NESTED_CALLS,
            &["Most calls in a batch, and in all batches of an extrinsic together."],
        )],
        docs: vec!["Several calls in one extrinsic, and calls under derived accounts."],
        ..PalletMetadataParts::new(NAME, INDEX)
    }
}
