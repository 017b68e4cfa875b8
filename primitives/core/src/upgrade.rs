//! The attested upgrade, as runtime, node and clients name it.
//!
//! Terms: an *upgrade* is new code on its way to `:code`; a *verdict* is what one authority's dry run of it said. The
//! rules are those of the pallet Upgrade.

use crate::inherent::InherentIdentifier;
use crate::{AuraId, BlockNumber, H256};
use alloc::string::String;
use alloc::vec::Vec;
use parity_scale_codec::{Decode, Encode};
use scale_info::TypeInfo;

/// Inherent data of the author's verdict: hash of the code, and the verdict.
pub const VERDICT_ID: InherentIdentifier = *b"upgrade0";

/// What an authority's dry run said about new code.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[scale_info(capture_docs = "always")]
pub enum Verdict {
    /// It ran as a runtime must.
    Accept,
    /// It did not.
    Refuse {
        /// What went wrong, for people; at most `limits::MAX_VERDICT_REASON_BYTES` long.
        reason: String,
    },
}

/// Where an upgrade stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[scale_info(capture_docs = "always")]
pub enum UpgradeState {
    /// Authorities attest their dry runs.
    Attesting,
    /// Enough authorities accept it.
    Scheduled {
        /// The block at whose end it is enacted; the next one is the first that the new code executes.
        at: BlockNumber,
    },
    /// It is under `:code`.
    Enacted {
        /// The block that put it there.
        at: BlockNumber,
    },
    /// So many authorities refuse it that it can never be enacted.
    Refused {
        /// The block in which that became certain.
        at: BlockNumber,
    },
    /// Not enough authorities accepted it in time.
    Expired {
        /// The block in which its time was over.
        at: BlockNumber,
    },
    /// The members took it back.
    Cancelled {
        /// The block in which they did.
        at: BlockNumber,
    },
}

impl UpgradeState {
    /// Whether it may still be enacted.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Attesting | Self::Scheduled { .. })
    }
}

/// New code on its way to `:code`, or what became of the last one.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[scale_info(capture_docs = "always")]
pub struct Upgrade {
    /// blake2-256 of the code.
    pub code_hash: H256,
    /// Length of the code.
    pub code_bytes: u32,
    /// Version that the code declares.
    pub spec_version: u32,
    /// The block that proposed it.
    pub proposed_at: BlockNumber,
    /// Tick of the channel clock until which authorities may attest.
    pub deadline: u32,
    /// Where it stands.
    pub state: UpgradeState,
}

/// An upgrade with the verdicts on it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[scale_info(capture_docs = "always")]
pub struct UpgradeStatus {
    /// The upgrade.
    pub upgrade: Upgrade,
    /// Authorities at present.
    pub authorities: u32,
    /// How many of them must accept it.
    pub needed: u32,
    /// Authorities at present that accept it.
    pub accepted: u32,
    /// Authorities at present that refuse it.
    pub refused: u32,
    /// Every verdict so far, also of authorities that have left since.
    pub verdicts: Vec<(AuraId, Verdict)>,
}
