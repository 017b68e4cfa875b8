//! The pallet's face: what can be asked of it, what it reports, and how it refuses.

use alloc::vec::Vec;

use parity_scale_codec::{Decode, Encode};
use quire_core::{BlockNumber, GrandpaId};
use scale_info::TypeInfo;

use crate::INDEX;

/// Calls of Grandpa.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[scale_info(capture_docs = "always")]
#[allow(non_camel_case_types, reason = "clients know calls by their snake-case names")]
pub enum Call {
    /// Records that finality has stalled. Root only.
    #[codec(index = 2)]
    note_stalled {
        /// Blocks that operators intend to wait.
        delay: BlockNumber,
        /// The last block known to be final.
        best_finalized_block_number: BlockNumber,
    },
    /// Tells the last block that the author knows to be final. Inherent: at most once a block.
    #[codec(index = 3)]
    note_finalised {
        /// Number of the block.
        #[codec(compact)]
        number: BlockNumber,
    },
}

/// Events of Grandpa.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[scale_info(capture_docs = "always")]
pub enum Event {
    /// The authorities changed.
    #[codec(index = 0)]
    NewAuthorities {
        /// Keys and weights.
        authority_set: Vec<(GrandpaId, u64)>,
    },
    /// A stall was recorded.
    #[codec(index = 3)]
    Stalled {
        /// The last block known to be final.
        best_finalized_block_number: BlockNumber,
    },
}

/// Errors of Grandpa.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[scale_info(capture_docs = "always")]
pub enum Error {
    /// The block noted as final is not before the current one.
    NotAnAncestor = 16,
    /// The block has noted what is final already.
    AlreadyNoted = 17,
}

pallet_support::impl_module_error!(Error, INDEX);
