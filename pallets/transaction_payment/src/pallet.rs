//! The pallet's face: what it reports.

use parity_scale_codec::{Decode, Encode};
use quire_core::{AccountId, Balance};
use scale_info::TypeInfo;

/// Events of TransactionPayment.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[scale_info(capture_docs = "always")]
pub enum Event {
    /// An extrinsic was paid for.
    #[codec(index = 0)]
    TransactionFeePaid {
        /// By whom.
        who: AccountId,
        /// Fee and tip, in plancks.
        actual_fee: Balance,
        /// The tip in it.
        tip: Balance,
    },
}
