//! The pallet's face: what can be asked of it, and how it refuses.

use parity_scale_codec::{Decode, Encode};
use scale_info::TypeInfo;

use crate::INDEX;

/// Calls of Randomness.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[scale_info(capture_docs = "always")]
#[allow(non_camel_case_types, reason = "clients know calls by their snake-case names")]
pub enum Call {
    /// Adds the VRF output of the block's author. Inherent: at most once a block.
    #[codec(index = 0)]
    contribute {
        /// The output: a compressed Ristretto point.
        output: [u8; 32],
        /// The proof that it is the output of the author's key for this slot.
        proof: [u8; 64],
    },
}

/// Errors of Randomness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[scale_info(capture_docs = "always")]
pub enum Error {
    /// The block has a contribution already.
    AlreadyContributed,
    /// There is no author: the chain has no authorities.
    NoAuthor,
    /// The output is not that of the author's key for this slot and session.
    BadOutput,
}

pallet_support::impl_module_error!(Error, INDEX);
