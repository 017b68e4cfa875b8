//! Balances: money of accounts, kept inside `System.Account`.
//!
//! Terms: an account's *free* balance is its own to spend; *reserved* is set aside and still its own; the *existential
//! deposit* is the least free balance for which an account exists; *dust* is what is left below it. A *pot* is a
//! pallet's own account: its address is a hash of a tag, nobody holds a key, it exists for ever and with any balance.
//!
//! Rules:
//! * R1. The sum of free and reserved over all accounts is `TotalIssuance`, after every extrinsic. Only `mint`, `burn`
//!   and the loss of dust change it.
//! * R2. A transfer moves exactly its amount, or fails and moves nothing (`InsufficientBalance`).
//! * R3. An account comes into being with at least the existential deposit (`ExistentialDeposit`).
//! * R4. An account whose free balance falls below the existential deposit is removed and its dust is burned. It fails
//!   (`Expendability`) when the account must stay: the caller asked so, or it has consumers.
//! * R5. Reserving moves free to reserved, leaves at least the existential deposit, and makes a consumer, so an account
//!   with reserves cannot be removed.
//! * R6. A pot is exempt from R3 and R4.
//! * R7. Only Root transfers from others, sets balances and frees reserves.
//! * R8. All arithmetic is checked; an overflow is an error and changes nothing.
//!
//! | index | call | origin |
//! |---|---|---|
//! | 0 | `transfer_allow_death` | signed |
//! | 2 | `force_transfer` | root |
//! | 3 | `transfer_keep_alive` | signed |
//! | 4 | `transfer_all` | signed |
//! | 5 | `force_unreserve` | root |
//! | 8 | `force_set_balance` | root |
//! | 10 | `burn` | signed |
//!
//! A removed account loses its nonce, as on Substrate chains: who refills it should not have old immortal transactions
//! lying about.
//!
//! Out of scope: locks, holds and freezes (`frozen` is honoured and always zero), fees (TransactionPayment).

#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod genesis;
mod invariants;
mod ledger;
mod pallet;
mod reserve;
pub mod storage;
mod supply;
mod transfer;
mod weights;

#[cfg(test)]
mod tests;

use alloc::vec;

use pallet_support::metadata::PalletMetadataParts;
use pallet_support::{
    Constant, DispatchError, DispatchResultWithInfo, Origin, ensure_root, ensure_signed, with_info,
};
use quire_core::{AccountId, Balance, MultiAddress};
use scale_info::meta_type;

pub use invariants::check_invariants;
pub use ledger::{create_pot, free_balance, pot, reserved_balance, spendable_balance, total_balance};
pub use pallet::{BalanceStatus, Call, Error, Event};
pub use reserve::{repatriate_reserved, reserve, slash_reserved, unreserve};
pub use supply::{burn, burn_taken, give, mint, take, total_issuance};
pub use transfer::{transfer, transfer_all};

/// Index of the pallet in the runtime's enums.
pub const INDEX: u8 = 2;
/// Name of the pallet, prefix of its storage.
pub const NAME: &str = "Balances";

/// Least free balance for which an account exists: 0.001 QIR.
pub const EXISTENTIAL_DEPOSIT: Balance = 1_000_000_000;

/// The account that an address names.
fn lookup(address: &MultiAddress) -> Result<AccountId, DispatchError> {
    address.account().ok_or(DispatchError::CannotLookup)
}

/// Carries out a call.
///
/// # Errors
/// `BadOrigin`, `CannotLookup`, arithmetic errors, or those of [`Error`].
pub fn dispatch(call: Call, origin: Origin) -> DispatchResultWithInfo {
    with_info(apply(call, &origin))
}

/// The one match over all calls.
fn apply(call: Call, origin: &Origin) -> Result<(), DispatchError> {
    match call {
        Call::transfer_allow_death { dest, value } => {
            transfer(&ensure_signed(origin)?, &lookup(&dest)?, value, false)
        }
        Call::force_transfer { source, dest, value } => {
            ensure_root(origin)?;
            transfer(&lookup(&source)?, &lookup(&dest)?, value, false)
        }
        Call::transfer_keep_alive { dest, value } => {
            transfer(&ensure_signed(origin)?, &lookup(&dest)?, value, true)
        }
        Call::transfer_all { dest, keep_alive } => {
            transfer_all(&ensure_signed(origin)?, &lookup(&dest)?, keep_alive)
        }
        Call::force_unreserve { who, amount } => {
            ensure_root(origin)?;
            unreserve(&lookup(&who)?, amount).map(|_| ())
        }
        Call::force_set_balance { who, new_free } => {
            ensure_root(origin)?;
            supply::set_balance(&lookup(&who)?, new_free)
        }
        Call::burn { value, keep_alive } => supply::burn_own(&ensure_signed(origin)?, value, keep_alive),
    }
}

/// What metadata says about the pallet.
pub fn metadata() -> PalletMetadataParts {
    PalletMetadataParts {
        storage: vec![storage::TOTAL_ISSUANCE.entry_metadata(), storage::INACTIVE_ISSUANCE.entry_metadata()],
        calls: Some(meta_type::<Call>()),
        events: Some(meta_type::<Event>()),
        errors: Some(meta_type::<Error>()),
        constants: vec![Constant::new(
            "ExistentialDeposit",
            &EXISTENTIAL_DEPOSIT,
            &["Least free balance for which an account exists."],
        )],
        docs: vec!["Balances of accounts."],
        ..PalletMetadataParts::new(NAME, INDEX)
    }
}
