//! The pallet's face: what can be asked of it, what it reports, and how it refuses.

use parity_scale_codec::{Decode, Encode};
use quire_core::{AuraId, BlockNumber, H256, Verdict};
use scale_info::TypeInfo;

use crate::INDEX;
use crate::types::Parameters;

/// Calls of Upgrade.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[scale_info(capture_docs = "always")]
#[allow(non_camel_case_types, reason = "clients know calls by their snake-case names")]
pub enum Call {
    /// Tells the verdict of the block's author on the open upgrade. Inherent: at most once a block.
    #[codec(index = 0)]
    attest {
        /// Which code.
        code_hash: H256,
        /// What the author's dry run said.
        verdict: Verdict,
    },
    /// Takes back the open upgrade. Root only.
    #[codec(index = 1)]
    cancel {
        /// Which code.
        code_hash: H256,
    },
    /// Changes delay and time of later upgrades. Root only.
    #[codec(index = 2)]
    set_parameters {
        /// The new ones.
        parameters: Parameters,
    },
}

/// Events of Upgrade.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[scale_info(capture_docs = "always")]
pub enum Event {
    /// New code waits for the verdicts of the authorities.
    #[codec(index = 0)]
    Offered {
        /// blake2-256 of the code.
        code_hash: H256,
        /// Version that it declares.
        spec_version: u32,
        /// Tick of the channel clock until which authorities may attest.
        deadline: u32,
    },
    /// An authority told its verdict.
    #[codec(index = 1)]
    Attested {
        /// On which code.
        code_hash: H256,
        /// Who.
        authority: AuraId,
        /// What its dry run said.
        verdict: Verdict,
    },
    /// Enough authorities accept the code.
    #[codec(index = 2)]
    Scheduled {
        /// Which code.
        code_hash: H256,
        /// The block at whose end it is enacted.
        at: BlockNumber,
    },
    /// Not enough authorities accept the code any more.
    #[codec(index = 3)]
    Postponed {
        /// Which code.
        code_hash: H256,
    },
    /// The code is under `:code`; the next block is the first that it executes.
    #[codec(index = 4)]
    Enacted {
        /// Which code.
        code_hash: H256,
        /// Its version.
        spec_version: u32,
    },
    /// So many authorities refuse the code that it is never enacted.
    #[codec(index = 5)]
    Refused {
        /// Which code.
        code_hash: H256,
        /// Authorities that refuse it.
        refused: u32,
        /// Authorities at present.
        authorities: u32,
    },
    /// Not enough authorities accepted the code in time.
    #[codec(index = 6)]
    Expired {
        /// Which code.
        code_hash: H256,
    },
    /// The members took the code back.
    #[codec(index = 7)]
    Cancelled {
        /// Which code.
        code_hash: H256,
    },
    /// Newer code took the place of this one.
    #[codec(index = 8)]
    Replaced {
        /// Which code.
        code_hash: H256,
    },
    /// Delay and time of later upgrades changed.
    #[codec(index = 9)]
    ParametersChanged {
        /// The new ones.
        parameters: Parameters,
    },
}

/// Errors of Upgrade.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[scale_info(capture_docs = "always")]
pub enum Error {
    /// There is no open upgrade to this code; it was enacted, refused, cancelled, has expired or never was.
    NoSuchUpgrade,
    /// The block has told a verdict already.
    AlreadyAttested,
    /// The reason of the refusal is longer than the limit.
    ReasonTooLong,
    /// The block has no author who could have a verdict.
    NoAuthor,
    /// Delay or time is out of bounds.
    BadParameters,
}

pallet_support::impl_module_error!(Error, INDEX);
