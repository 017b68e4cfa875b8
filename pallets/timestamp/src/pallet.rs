//! The pallet's face: what can be asked of it.

use parity_scale_codec::{Decode, Encode};
use scale_info::TypeInfo;

/// Calls of Timestamp.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[scale_info(capture_docs = "always")]
#[allow(non_camel_case_types, reason = "clients know calls by their snake-case names")]
pub enum Call {
    /// Sets the time of the block. Inherent: once a block, by its author.
    #[codec(index = 0)]
    set {
        /// Milliseconds since the Unix epoch.
        #[codec(compact)]
        now: u64,
    },
}
