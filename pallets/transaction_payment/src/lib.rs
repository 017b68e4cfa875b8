//! TransactionPayment: what an extrinsic costs, who gets it.
//!
//! Terms: the *fee* of a signed extrinsic is `base + length × per_byte + weight fee`, the weight fee is
//! `weight in microseconds × per_microsecond × multiplier`; a *tip* is added by the sender. The prices are a genesis
//! value ([`FeeSchedule`]); a consortium that charges nothing sets them to zero.
//!
//! Rules:
//! * R1. The fee for the announced weight, and the tip, are taken before the call runs, without removing the account.
//!   An account that does not exist cannot send, even where fees are zero: it has no nonce that stays.
//! * R2. What the call did not use is given back after it ran. Calls that turn out free get everything but the tip back.
//! * R3. What stays is collected during the block and given to its author at the end; it is destroyed when the author
//!   is unknown or its account cannot exist with it. Nothing stays collected between blocks.
//! * R4. Each payment is reported by `TransactionFeePaid`.
//! * R5. All arithmetic saturates upwards in prices, and is checked in balances.
//!
//! No calls. Out of scope: moving the multiplier with congestion (it stays at one).

#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod fee;
pub mod genesis;
mod invariants;
mod pallet;
mod pay;
pub mod storage;
mod types;

#[cfg(test)]
mod tests;

use alloc::vec;

use pallet_support::Constant;
use pallet_support::metadata::PalletMetadataParts;
use scale_info::meta_type;

pub use fee::{
    compute_actual_fee, compute_fee, length_to_fee, priority, query_fee_details, query_info, weight_to_fee,
};
pub use invariants::check_invariants;
pub use pallet::Event;
pub use pay::{Paid, can_withdraw_fee, correct_and_deposit, on_finalize, withdraw_fee};
pub use types::{FeeDetails, FeeSchedule, FixedU128, InclusionFee, RuntimeDispatchInfo};

/// Index of the pallet in the runtime's enums.
pub const INDEX: u8 = 3;
/// Name of the pallet, prefix of its storage.
pub const NAME: &str = "TransactionPayment";

/// How much more an operational extrinsic's fee counts for its priority.
pub const OPERATIONAL_FEE_MULTIPLIER: u8 = 5;

/// What metadata says about the pallet.
pub fn metadata() -> PalletMetadataParts {
    PalletMetadataParts {
        storage: vec![
            storage::NEXT_FEE_MULTIPLIER.entry_metadata(),
            storage::FEES.entry_metadata(),
            storage::COLLECTED.entry_metadata(),
        ],
        events: Some(meta_type::<Event>()),
        constants: vec![Constant::new(
            "OperationalFeeMultiplier",
            &OPERATIONAL_FEE_MULTIPLIER,
            &["How much more an operational extrinsic's fee counts for its priority."],
        )],
        docs: vec!["Fees of transactions."],
        ..PalletMetadataParts::new(NAME, INDEX)
    }
}
