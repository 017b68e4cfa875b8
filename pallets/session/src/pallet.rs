//! The pallet's face: what can be asked of it, what it reports, and how it refuses. Names and indices are Substrate's.

use alloc::vec::Vec;

use parity_scale_codec::{Decode, Encode};
use quire_core::AccountId;
use scale_info::TypeInfo;

use crate::INDEX;
use crate::types::{SessionIndex, SessionKeys};

/// Calls of Session.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[scale_info(capture_docs = "always")]
#[allow(non_camel_case_types, reason = "clients know calls by their snake-case names")]
pub enum Call {
    /// Sets the keys of a member's authority node; they count from the second boundary on.
    #[codec(index = 0)]
    set_keys {
        /// Aura key, then GRANDPA key, as `author_rotateKeys` gives them.
        keys: SessionKeys,
        /// Not read; there for wallets that send it.
        proof: Vec<u8>,
    },
    /// Takes one's keys back; the node leaves the authorities at the second boundary.
    #[codec(index = 1)]
    purge_keys {},
}

/// Events of Session.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[scale_info(capture_docs = "always")]
pub enum Event {
    /// A session has begun.
    #[codec(index = 0)]
    NewSession {
        /// Its number.
        session_index: SessionIndex,
    },
    /// An account cannot be an authority for a while.
    #[codec(index = 16)]
    Barred {
        /// Who.
        who: AccountId,
        /// The first session in which it can be one again.
        until: SessionIndex,
    },
    /// A member set its keys.
    #[codec(index = 17)]
    KeysSet {
        /// Who.
        who: AccountId,
        /// Its keys.
        keys: SessionKeys,
    },
    /// An account has no keys any more.
    #[codec(index = 18)]
    KeysPurged {
        /// Who.
        who: AccountId,
    },
}

/// Errors of Session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[scale_info(capture_docs = "always")]
pub enum Error {
    /// Only members run authority nodes.
    NoAssociatedValidatorId = 1,
    /// Another account has set one of the keys.
    DuplicatedKey = 2,
    /// The account has set no keys.
    NoKeys = 3,
}

pallet_support::impl_module_error!(Error, INDEX);
