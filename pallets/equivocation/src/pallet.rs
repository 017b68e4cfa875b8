//! The pallet's face: what can be asked of it, what it reports, and how it refuses.

use alloc::boxed::Box;

use parity_scale_codec::{Decode, Encode};
use quire_core::{AccountId, Balance};
use scale_info::TypeInfo;

use crate::INDEX;
use crate::types::{AuthorProof, MembershipProof, Offence, VoterProof};

/// Calls of Equivocation.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[scale_info(capture_docs = "always")]
#[allow(non_camel_case_types, reason = "clients know calls by their snake-case names")]
pub enum Call {
    /// Reports two blocks of one author in one slot. Sent without a signature.
    #[codec(index = 0)]
    report_author {
        /// The two headers.
        equivocation_proof: Box<AuthorProof>,
        /// In which session the key was whose.
        key_owner_proof: MembershipProof,
    },
    /// Reports two votes of one voter in one round. Sent without a signature.
    #[codec(index = 1)]
    report_voter {
        /// The two votes.
        equivocation_proof: Box<VoterProof>,
        /// In which session the key was whose.
        key_owner_proof: MembershipProof,
    },
}

/// Events of Equivocation.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[scale_info(capture_docs = "always")]
pub enum Event {
    /// An authority was punished.
    #[codec(index = 0)]
    Punished {
        /// Who.
        who: AccountId,
        /// For what.
        offence: Offence,
        /// Plancks of its bond that were burned.
        slashed: Balance,
    },
}

/// Errors of Equivocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[scale_info(capture_docs = "always")]
pub enum Error {
    /// The proof proves nothing: a signature is wrong, or nothing contradicts.
    InvalidEquivocationProof,
    /// The key was nobody's in that session, or the session is another one or too long ago.
    InvalidKeyOwnershipProof,
    /// The account is punished for that already.
    DuplicateOffenceReport,
}

pallet_support::impl_module_error!(Error, INDEX);
