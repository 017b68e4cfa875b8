//! Grandpa: who votes on finality, and what the chain knows to be final.
//!
//! Terms: a *set* of authorities has an id that counts the changes; each authority has weight 1, because light clients
//! count heads. The *finality note* is an inherent in which an author tells the last block it knows to be final.
//!
//! Rules:
//! * R1. There are 1 to `limits::MAX_AUTHORITIES` authorities, none of them twice, each of weight 1, sorted by key.
//! * R2. A change puts one scheduled change with delay 0 into the digest and raises the set id; the same list changes
//!   nothing, since every set change costs light clients a warp fragment for ever.
//! * R3. A finality note names a block before the current one; it only ever moves forward. A block has one at most.
//! * R4. The lag is the distance from the last noted block to the current one; unknown until the first note.
//! * R5. Only Root notes a stall. It is recorded and reported for operators; leaving it needs a recovery motion, off
//!   the chain.
//!
//! | index | call | origin |
//! |---|---|---|
//! | 2 | `note_stalled` | root |
//! | 3 | `note_finalised` | inherent |
//!
//! A lying author can make the channel clock run during a stall by noting a block that is not final; it cannot hold the
//! clock, since later notes only move forward. The nodes see the lie, because they know what is final.
//!
//! Out of scope: votes, rounds and justifications (`node/consensus`), reports of equivocation (Equivocation).

#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod authorities;
mod finality;
pub mod genesis;
mod invariants;
mod pallet;
pub mod storage;
mod weights;

#[cfg(test)]
mod tests;

use alloc::vec;

use pallet_support::metadata::PalletMetadataParts;
use pallet_support::{DispatchResultWithInfo, Origin, ensure_none, ensure_root, with_info};
use scale_info::meta_type;

pub use authorities::{AuthoritiesError, authorities, change_authorities, current_set_id};
pub use finality::{FINALISED_ID, create_inherent, finality_lag, last_finalised, on_finalize};
pub use invariants::check_invariants;
pub use pallet::{Call, Error, Event};

/// Index of the pallet in the runtime's enums.
pub const INDEX: u8 = 5;
/// Name of the pallet, prefix of its storage.
pub const NAME: &str = "Grandpa";

/// Weight of every authority.
pub const AUTHORITY_WEIGHT: u64 = 1;

/// Carries out a call.
///
/// # Errors
/// `BadOrigin`, or those of [`Error`].
pub fn dispatch(call: Call, origin: Origin) -> DispatchResultWithInfo {
    match call {
        Call::note_stalled { delay, best_finalized_block_number } => with_info(
            ensure_root(&origin).map(|()| finality::note_stalled(delay, best_finalized_block_number)),
        ),
        Call::note_finalised { number } => {
            with_info(ensure_none(&origin).and_then(|()| finality::note_finalised(number)))
        }
    }
}

/// What metadata says about the pallet.
pub fn metadata() -> PalletMetadataParts {
    PalletMetadataParts {
        storage: vec![
            storage::AUTHORITIES.entry_metadata(),
            storage::CURRENT_SET_ID.entry_metadata(),
            storage::STALLED.entry_metadata(),
            storage::LAST_FINALISED.entry_metadata(),
            storage::DID_NOTE.entry_metadata(),
        ],
        calls: Some(meta_type::<Call>()),
        events: Some(meta_type::<Event>()),
        errors: Some(meta_type::<Error>()),
        docs: vec!["Voters on finality, and what is known to be final."],
        ..PalletMetadataParts::new(NAME, INDEX)
    }
}
