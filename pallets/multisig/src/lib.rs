//! Multisig: accounts that act when so many of a set of signatories approve.
//!
//! Names, indices and arguments are those of Substrate's pallet of this name, which wallets know. Terms: *signatories*
//! are the accounts of a set; the *threshold* is how many of them must approve; the *multisig account* belongs to both
//! together, and its address is a hash of them; an *operation* is a call that waits for approvals; its *timepoint*, block
//! and index of the extrinsic that began it, tells it from an earlier one with the same call.
//!
//! ```text
//! as_multi | approve_as_multi ──> open ── as_multi | approve_as_multi ──> more approvals
//!                                  ├── as_multi, enough approvals ──> gone (MultisigExecuted, with the call's result)
//!                                  └── cancel_as_multi ─────────────> gone (MultisigCancelled)
//! ```
//!
//! Rules:
//! * R1. The account is blake2-256("modlpy/utilisuba" ++ sorted signatories ++ threshold u16).
//! * R2. The caller names all other signatories, at least one and with itself at most [`MAX_SIGNATORIES`], sorted and
//!   without itself; the threshold is at least 2, except in `as_multi_threshold_1`, which needs nobody's approval.
//! * R3. The first approval begins the operation, without a timepoint; later ones repeat its timepoint.
//! * R4. Who begins an operation deposits [`DEPOSIT_BASE`] and [`DEPOSIT_FACTOR`] per approval needed, and gets back what
//!   was deposited when the operation is gone.
//! * R5. A signatory approves once. `approve_as_multi` approves by the hash of the call and never runs it.
//! * R6. With enough approvals, `as_multi` runs the call as the multisig account, if it weighs no more than the caller
//!   allows. The operation is gone before it runs, so it runs once; when it fails, what it did is undone and the failure
//!   reported, and the operation is gone all the same.
//! * R7. Who began an operation cancels it.
//! * R8. `poke_deposit` brings a deposit in line with the current prices; it is free when that changes something.
//! * R9. `as_multi` weighs what its caller allows the call to weigh, and in the end what ran.
//!
//! | index | call | origin |
//! |---|---|---|
//! | 0 | `as_multi_threshold_1` | signed |
//! | 1 | `as_multi` | signed |
//! | 2 | `approve_as_multi` | signed |
//! | 3 | `cancel_as_multi` | signed |
//! | 4 | `poke_deposit` | signed |
//!
//! Out of scope: keeping the call itself on chain; who approves last brings it along.

#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod approve;
mod cancel;
mod invariants;
mod pallet;
mod signatories;
pub mod storage;
mod weights;

#[cfg(test)]
mod tests;

use alloc::vec;
use alloc::vec::Vec;

use pallet_support::metadata::PalletMetadataParts;
use pallet_support::{Constant, DispatchResultWithInfo, Dispatchable, Origin, ensure_signed, nested};
use parity_scale_codec::{Decode, Encode};
use quire_core::{AccountId, Balance, BlockNumber, UNITS};
use scale_info::{StaticTypeInfo, TypeInfo, meta_type};

pub use invariants::check_invariants;
pub use pallet::{Call, Error, Event};
pub use signatories::multisig_account;

/// Index of the pallet in the runtime's enums.
pub const INDEX: u8 = 21;
/// Name of the pallet, prefix of its storage.
pub const NAME: &str = "Multisig";

/// Deposit for an operation: 0.05 QIR.
pub const DEPOSIT_BASE: Balance = UNITS / 20;
/// Deposit for each approval that an operation needs: 0.005 QIR.
pub const DEPOSIT_FACTOR: Balance = UNITS / 200;
/// Most signatories of a multisig account.
pub const MAX_SIGNATORIES: u32 = 100;

/// The extrinsic that began an operation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct Timepoint {
    /// Number of its block.
    pub height: BlockNumber,
    /// Its index in the block.
    pub index: u32,
}

impl Timepoint {
    /// The extrinsic that is being applied.
    fn now() -> Self {
        Timepoint { height: pallet_system::block_number(), index: pallet_system::extrinsic_index() }
    }
}

/// An open operation.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct Multisig {
    /// The extrinsic that began it.
    pub when: Timepoint,
    /// What its depositor has reserved for it.
    pub deposit: Balance,
    /// Who began it.
    pub depositor: AccountId,
    /// Who has approved it, sorted.
    pub approvals: Vec<AccountId>,
}

/// R4.
pub(crate) fn deposit(threshold: u16) -> Balance {
    DEPOSIT_BASE.saturating_add(DEPOSIT_FACTOR.saturating_mul(Balance::from(threshold)))
}

/// Carries out a call.
///
/// # Errors
/// `BadOrigin`, those of [`Error`] and of Balances, or that of the call in `as_multi_threshold_1`.
pub fn dispatch<C: Dispatchable + Encode>(call: Call<C>, origin: Origin) -> DispatchResultWithInfo {
    let base = call.base_weight();
    let who = ensure_signed(&origin).map_err(|error| nested::failed(error, base))?;
    let done = match call {
        Call::as_multi_threshold_1 { other_signatories, call } => {
            let account = signatories::check_single(&who, other_signatories);
            let account = account.map_err(|error| nested::failed(error, base))?;
            return nested::run(*call, Origin::Signed(account)).passed_on(base);
        }
        Call::as_multi { threshold, other_signatories, maybe_timepoint, call, max_weight } => {
            let operation = approve::operation(who, threshold, other_signatories, maybe_timepoint);
            operation.and_then(|operation| approve::as_multi(operation, *call, max_weight))
        }
        Call::approve_as_multi { threshold, other_signatories, maybe_timepoint, call_hash, .. } => {
            let operation = approve::operation(who, threshold, other_signatories, maybe_timepoint);
            operation.and_then(|operation| approve::by_hash(operation, call_hash))
        }
        Call::cancel_as_multi { threshold, other_signatories, timepoint, call_hash } => {
            cancel::cancel(who, threshold, other_signatories, timepoint, call_hash)
        }
        Call::poke_deposit { threshold, other_signatories, call_hash } => {
            cancel::poke_deposit(who, threshold, other_signatories, call_hash)
        }
    };
    match done {
        Ok(done) => {
            Ok(pallet_support::PostInfo { pays_fee: done.pays_fee, ..nested::weighed(base + done.weight) })
        }
        Err(error) => Err(nested::failed(error, base)),
    }
}

/// How a verb ended: what a nested call weighed, and whether the caller pays.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Done {
    weight: quire_core::Weight,
    pays_fee: quire_core::Pays,
}

impl Default for Done {
    /// Nothing ran, and the caller pays.
    fn default() -> Self {
        Done { weight: quire_core::Weight::ZERO, pays_fee: quire_core::Pays::Yes }
    }
}

/// What metadata says about the pallet; `C` is the runtime's call.
pub fn metadata<C: StaticTypeInfo>() -> PalletMetadataParts {
    PalletMetadataParts {
        storage: vec![storage::MULTISIGS.entry_metadata()],
        calls: Some(meta_type::<Call<C>>()),
        events: Some(meta_type::<Event>()),
        errors: Some(meta_type::<Error>()),
        constants: vec![
            Constant::new("DepositBase", &DEPOSIT_BASE, &["Deposit for an operation."]),
            Constant::new(
                "DepositFactor",
                &DEPOSIT_FACTOR,
                &["Deposit for each approval that an operation needs."],
            ),
            Constant::new("MaxSignatories", &MAX_SIGNATORIES, &["Most signatories of a multisig account."]),
        ],
        docs: vec!["Accounts that act when so many of a set of signatories approve."],
        ..PalletMetadataParts::new(NAME, INDEX)
    }
}
