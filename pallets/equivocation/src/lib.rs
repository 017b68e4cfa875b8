//! Equivocation: authorities that signed two things where one is allowed, and what it costs them.
//!
//! Terms: an *equivocation* is two different blocks by one key in one slot, or two votes of one kind by one key in one
//! round for different blocks. An *offence* is all of one account's equivocations of authoring in one session, or of voting
//! in one GRANDPA set: a node that runs twice makes many of them before a boundary stops it, and is punished once.
//!
//! Rules:
//! * R1. Two headers are proof when both are sealed by the offender's key, claim the same slot and differ in more than the
//!   seal: the same block sealed again is none.
//! * R2. Two votes are proof when both are signed by the offender's key for the same set, round and kind, and differ in
//!   their target.
//! * R3. The offender is the account that had the key in the session that the report names, by the record that Session
//!   keeps. The slot is one of that session, the set the one that voted in it. Without a record nothing can be reported.
//! * R4. An offence is punished once, for as long as it could be reported again: `slash_percent` of everything that the
//!   account has bonded, unbonding money included, is burned, and the account is barred (Session R7): it is out of the
//!   next set at the boundary, as far as a third at once allows.
//! * R5. A report needs no signer and costs nothing: a transaction without signature is valid when its proof is and the
//!   offence is not punished yet, and there is one in the pool for each offence.
//!
//! | index | call | origin |
//! |---|---|---|
//! | 0 | `report_author` | none |
//! | 1 | `report_voter` | none |
//!
//! The proofs have Substrate's encodings (`sp_consensus_slots`, `sp_consensus_grandpa`, `sp_session`). That of who owned the
//! key names a session and how many authorities it had; its trie nodes are empty, since the record is in the state.
//!
//! Out of scope: finding equivocations (the node), those of channel messages (Litigation).

#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod examine;
pub mod genesis;
mod invariants;
mod pallet;
mod punish;
pub mod storage;
mod types;
mod weights;

#[cfg(test)]
mod tests;

use alloc::vec;

use pallet_support::metadata::PalletMetadataParts;
use pallet_support::{DispatchResultWithInfo, Origin, ensure_none, with_info};
use scale_info::meta_type;

pub use examine::{examine, key_ownership, report_author, report_voter, validate};
pub use invariants::check_invariants;
pub use pallet::{Call, Error, Event};
pub use punish::on_forgotten;
pub use types::{
    Accused, AuthorProof, Equivocation, MembershipProof, Offence, Parameters, Vote, VoterProof, Votes,
};

/// Index of the pallet in the runtime's enums.
pub const INDEX: u8 = 16;
/// Name of the pallet, prefix of its storage.
pub const NAME: &str = "Equivocation";

/// Carries out a call.
///
/// # Errors
/// `BadOrigin`, or those of [`Error`].
pub fn dispatch(call: Call, origin: Origin) -> DispatchResultWithInfo {
    with_info(ensure_none(&origin).and_then(|()| examine(&call)).and_then(|accused| punish::punish(&accused)))
}

/// What metadata says about the pallet.
pub fn metadata() -> PalletMetadataParts {
    PalletMetadataParts {
        storage: vec![storage::PUNISHED.entry_metadata(), storage::PARAMETERS.entry_metadata()],
        calls: Some(meta_type::<Call>()),
        events: Some(meta_type::<Event>()),
        errors: Some(meta_type::<Error>()),
        docs: vec!["Authorities that signed two things where one is allowed."],
        ..PalletMetadataParts::new(NAME, INDEX)
    }
}
