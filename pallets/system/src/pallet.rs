//! The pallet's face: what can be asked of it, what it reports, and how it refuses.

use alloc::vec::Vec;

use parity_scale_codec::{Decode, Encode};
use quire_core::{AccountId, DispatchError, DispatchInfo, H256};
use scale_info::TypeInfo;

use crate::INDEX;

/// Calls of System.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[scale_info(replace_segment("pallet_system", "frame_system"), capture_docs = "always")]
#[allow(non_camel_case_types, reason = "clients know calls by their snake-case names")]
pub enum Call {
    /// Puts some bytes into the block and changes nothing.
    #[codec(index = 0)]
    remark {
        /// The bytes.
        remark: Vec<u8>,
    },
    /// Sets the number of Wasm heap pages. Root only.
    #[codec(index = 1)]
    set_heap_pages {
        /// Pages of 64 KiB.
        pages: u64,
    },
    /// Offers a new runtime. Root only; the spec version must rise. It is enacted once the authorities have tried it.
    #[codec(index = 2)]
    set_code {
        /// The Wasm blob.
        code: Vec<u8>,
    },
    /// Writes raw storage items. Root only.
    #[codec(index = 4)]
    set_storage {
        /// Keys and values.
        items: Vec<(Vec<u8>, Vec<u8>)>,
    },
    /// Removes raw storage items. Root only.
    #[codec(index = 5)]
    kill_storage {
        /// Keys.
        keys: Vec<Vec<u8>>,
    },
    /// Removes raw storage items that share a prefix. Root only.
    #[codec(index = 6)]
    kill_prefix {
        /// The prefix.
        prefix: Vec<u8>,
        /// At most so many.
        subkeys: u32,
    },
    /// Puts some bytes into the block and reports their hash.
    #[codec(index = 7)]
    remark_with_event {
        /// The bytes.
        remark: Vec<u8>,
    },
}

/// Events of System.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[scale_info(replace_segment("pallet_system", "frame_system"), capture_docs = "always")]
pub enum Event {
    /// An extrinsic was carried out.
    #[codec(index = 0)]
    ExtrinsicSuccess {
        /// What it weighed.
        dispatch_info: DispatchInfo,
    },
    /// An extrinsic failed; only its fee remains.
    #[codec(index = 1)]
    ExtrinsicFailed {
        /// Why.
        dispatch_error: DispatchError,
        /// What it weighed.
        dispatch_info: DispatchInfo,
    },
    /// `:code` was replaced.
    #[codec(index = 2)]
    CodeUpdated,
    /// An account came into being.
    #[codec(index = 3)]
    NewAccount {
        /// The account.
        account: AccountId,
    },
    /// An account was removed.
    #[codec(index = 4)]
    KilledAccount {
        /// The account.
        account: AccountId,
    },
    /// A remark was made.
    #[codec(index = 5)]
    Remarked {
        /// By whom.
        sender: AccountId,
        /// blake2-256 of the remark.
        hash: H256,
    },
}

/// Errors of System.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[scale_info(replace_segment("pallet_system", "frame_system"), capture_docs = "always")]
pub enum Error {
    /// The name of the new runtime's specification differs from the current one.
    InvalidSpecName = 0,
    /// The new runtime's spec version is not higher than the current one.
    SpecVersionNeedsToIncrease = 1,
    /// The new code is no runtime that can be loaded.
    FailedToExtractRuntimeVersion = 2,
    /// The account still holds more than defaults.
    NonDefaultComposite = 3,
    /// The account still has references.
    NonZeroRefCount = 4,
    /// The caller may not make this call on behalf of that account.
    CallFiltered = 5,
    /// The remark is longer than the limit.
    RemarkTooLong = 16,
    /// The code is longer than the limit.
    CodeTooLong = 17,
    /// Raw storage of the code, or of code that waits, cannot be written.
    ProtectedStorage = 18,
    /// The number of heap pages is out of bounds.
    HeapPagesOutOfBounds = 19,
}

pallet_support::impl_module_error!(Error, INDEX);
