//! Session: who authors and votes, and when that changes.
//!
//! Terms: a *session* is a stretch of slots with one set of authorities; its *boundary* is the block that ends it. An
//! *authority* is a member's account with its session keys. The *queue* is who would be in the next session. A *record*
//! is what is kept of a session for as long as an offence in it can be punished.
//!
//! ```text
//!            boundary into i            boundary into i+1          boundary into i+2
//!   set_keys     | queue for i+1 is fixed     | the queue takes over      |
//!   ------------>|---------------------------->|-- authors and votes ----->|
//!                | randomness of i is known    | randomness of i+1 is known|
//! ```
//!
//! Rules:
//! * R1. A session ends with the first block whose slot is at least `length_slots` after the slot of the block that ended
//!   the session before (for the first session: after the slot before the first block's). One block ends one session, so
//!   a stretch without blocks makes that session longer, skips none and bricks nothing.
//! * R2. A member sets keys that nobody else has set; `purge_keys` takes them back. Neither changes the running session.
//! * R3. At a boundary the queue for the session after the next is made: the members that have keys, a
//!   certificate that holds (Members R16), at least `minimum_stake` of active bond, and are not barred. Keys are so fixed a whole session before the randomness under
//!   which they are used is known: nobody chooses a key for the places or VRF outputs that it gives.
//! * R4. At a boundary the queue takes over, less whoever is fit no more. At most a third of the authorities, at least
//!   one, leave at one boundary, offenders first; the others stay with the keys they have until the next boundary. The
//!   set is never empty. A key in it stands once: who stays goes before who joins.
//! * R5. The list of Aura and `Validators` are one permutation of the set, drawn from the randomness of the session. The
//!   set of GRANDPA is sorted by key. Each of them is announced in the digest when it differs from the one before, and
//!   then once; the set of GRANDPA is so announced only when a member of it or a key changes.
//! * R6. The block at a boundary is its author's by the old list; the new one counts from the next block on.
//! * R7. An account that is barred loses its keys and is unfit for [`BARRED_SESSIONS`] sessions; to come back it must set
//!   keys anew, since two machines may have the old ones.
//! * R8. A record is kept until bonds that were unbonded at the end of its session are free (`unbonding_ticks` of the
//!   channel clock), and there are at most [`RECORDS_MAX`] records.
//!
//! | index | call | origin |
//! |---|---|---|
//! | 0 | `set_keys` | member |
//! | 1 | `purge_keys` | who has set keys |
//!
//! `set_keys` does not ask for a proof that its sender has the secrets, as wallets send none: the argument `proof` is
//! there for them and is not read. Naming a foreign key gains nothing: the offences of that key are then one's own.
//!
//! Out of scope: where randomness comes from (Randomness), what is an offence (Equivocation), seals and votes (the node).

#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod draw;
pub mod genesis;
mod invariants;
mod keys;
mod pallet;
mod record;
mod rotate;
pub mod storage;
mod types;
mod weights;

#[cfg(test)]
mod tests;

use alloc::vec;

use pallet_support::metadata::PalletMetadataParts;
use pallet_support::{Constant, DispatchResultWithInfo, Origin, ensure_signed, with_info};
use scale_info::meta_type;

pub use invariants::check_invariants;
pub use pallet::{Call, Error, Event};
pub use record::{current_index, record, session_of_set, session_of_slot};
pub use rotate::{author_account, bar, ends_with, on_finalize};
pub use types::{Authority, End, Forgotten, Parameters, Record, SessionIndex, SessionKeys};

/// Index of the pallet in the runtime's enums.
pub const INDEX: u8 = 6;
/// Name of the pallet, prefix of its storage.
pub const NAME: &str = "Session";

/// For how many sessions an offender is unfit (R7).
pub const BARRED_SESSIONS: SessionIndex = 16;
/// Most records that are kept (R8).
pub const RECORDS_MAX: u32 = 1_024;

/// Carries out a call.
///
/// # Errors
/// `BadOrigin`, or those of [`Error`].
pub fn dispatch(call: Call, origin: Origin) -> DispatchResultWithInfo {
    let who = ensure_signed(&origin)?;
    with_info(match call {
        Call::set_keys { keys, proof: _ } => keys::set(&who, keys),
        Call::purge_keys {} => keys::purge(&who),
    })
}

/// What metadata says about the pallet.
pub fn metadata() -> PalletMetadataParts {
    PalletMetadataParts {
        storage: vec![
            storage::VALIDATORS.entry_metadata(),
            storage::CURRENT_INDEX.entry_metadata(),
            storage::QUEUED_KEYS.entry_metadata(),
            storage::NEXT_KEYS.entry_metadata(),
            storage::KEY_OWNER.entry_metadata(),
            storage::STARTED_AFTER.entry_metadata(),
            storage::RECORDS.entry_metadata(),
            storage::OLDEST_RECORD.entry_metadata(),
            storage::SET_SESSIONS.entry_metadata(),
            storage::BARRED.entry_metadata(),
            storage::PARAMETERS.entry_metadata(),
        ],
        calls: Some(meta_type::<Call>()),
        events: Some(meta_type::<Event>()),
        errors: Some(meta_type::<Error>()),
        constants: vec![
            Constant::new("BarredSessions", &BARRED_SESSIONS, &["Sessions for which an offender is unfit."]),
            Constant::new("RecordsMax", &RECORDS_MAX, &["Most sessions of which a record is kept."]),
        ],
        docs: vec!["Who authors and votes, and when that changes."],
        ..PalletMetadataParts::new(NAME, INDEX)
    }
}
