//! Members: the organisations of the consortium, and their motions. A motion is the only way to act as Root.
//!
//! Terms: a *member* is a principal named in genesis; a *motion* is a call that a member proposes; it *passes* when
//! more than the *share* of all members approve it (a share of 1/2 is a majority; with one member, its own motions
//! pass at once). Ticks are those of the channel clock.
//!
//! ```text
//! propose ──> open ── vote ──> passed ── execute ──> gone (Executed, with the call's result)
//!               │  ├─ vote ──> gone (Rejected: it cannot pass any more)
//!               │  └─ withdraw ─> gone (Withdrawn)
//!               └─ time ─────> gone (Expired; passed motions too)
//! ```
//!
//! Rules:
//! * R1. There are 1 to `limits::MAX_MEMBERS` members, none of them twice; the share is below 1.
//! * R2. Only members propose, vote and execute.
//! * R3. Who proposes approves. A motion that passes with its proposal is executed at once.
//! * R4. A member has one vote in a motion and may turn it until the motion is gone.
//! * R5. Only a motion that has passed is executed; the call runs as Root. When it fails, what it did is undone and the
//!   failure is reported; the motion is gone either way.
//! * R6. A motion that can no longer pass is gone with the vote that makes it so.
//! * R7. A motion is gone [`MOTION_TICKS_MAX`] ticks after its proposal.
//! * R8. At most `limits::MAX_OPEN_MOTIONS` motions are open, with calls of at most `limits::MAX_MOTION_CALLS_BYTES`
//!   together; a call is at most [`MOTION_CALL_BYTES_MAX`] long. One member has at most
//!   `limits::MAX_OPEN_MOTIONS_OF_MEMBER` of them open, with `limits::MAX_MOTION_CALLS_BYTES_OF_MEMBER`, so that it
//!   cannot keep the others from proposing.
//! * R9. Who proposed a motion may withdraw it until it has passed; after that it is the members'.
//!
//! | index | call | origin |
//! |---|---|---|
//! | 0 | `propose` | member |
//! | 1 | `vote` | member |
//! | 2 | `execute` | member |
//! | 3 | `withdraw` | who proposed |
//!
//! Out of scope: admitting and revoking members, certificates (later); what happens to new code that a motion offers
//! (Upgrade).

#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod execute;
mod expire;
pub mod genesis;
mod invariants;
mod pallet;
mod propose;
pub mod storage;
mod types;
mod usage;
mod vote;
mod weights;
mod withdraw;

#[cfg(test)]
mod tests;

use alloc::vec;
use alloc::vec::Vec;

use pallet_support::metadata::PalletMetadataParts;
use pallet_support::{Constant, DispatchError, DispatchResultWithInfo, Origin, ensure, ensure_signed};
use parity_scale_codec::{Decode, Encode};
use quire_core::{AccountId, Weight, limits};
use scale_info::{StaticTypeInfo, meta_type};

pub use expire::on_initialize;
pub use invariants::check_invariants;
pub use pallet::{Call, Error, Event};
pub use types::{Motion, Share, Usage};

/// Index of the pallet in the runtime's enums.
pub const INDEX: u8 = 8;
/// Name of the pallet, prefix of its storage.
pub const NAME: &str = "Members";

/// A motion's life: a week of one-second blocks.
pub const MOTION_TICKS_MAX: u32 = 7 * 24 * 60 * 60;
/// Longest call of a motion: what an extrinsic can carry.
pub const MOTION_CALL_BYTES_MAX: u32 = limits::MAX_EXTRINSIC_BYTES;

/// What the runtime lends to this pallet: how to weigh and how to carry out one of its calls.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Runner<C> {
    weigh: fn(&C) -> Weight,
    run: fn(C, Origin) -> DispatchResultWithInfo,
}

/// The members, sorted.
pub fn members() -> Vec<AccountId> {
    storage::MEMBERS.get_or_default()
}

/// Whether an account is a member.
pub fn is_member(who: &AccountId) -> bool {
    members().binary_search(who).is_ok()
}

/// Approvals that a motion needs.
pub fn approvals_needed() -> u32 {
    storage::SHARE.get_or_default().more_than(members().len() as u32)
}

/// The signer, when it is a member (R2).
fn ensure_member(origin: &Origin) -> Result<AccountId, DispatchError> {
    let who = ensure_signed(origin)?;
    ensure!(is_member(&who), Error::NotMember);
    Ok(who)
}

/// Carries out a call; `run` carries out calls of the runtime, and `weigh` weighs them.
///
/// # Errors
/// `BadOrigin`, or those of [`Error`].
pub fn dispatch<C: Encode + Decode>(
    call: Call<C>,
    origin: Origin,
    weigh: fn(&C) -> Weight,
    run: fn(C, Origin) -> DispatchResultWithInfo,
) -> DispatchResultWithInfo {
    let who = ensure_member(&origin)?;
    let runner = Runner { weigh, run };
    match call {
        Call::propose { call } => propose::propose(who, *call, runner),
        Call::vote { motion, approve } => vote::vote(who, motion, approve),
        Call::execute { motion } => execute::execute(motion, runner),
        Call::withdraw { motion } => withdraw::withdraw(who, motion),
    }
}

/// What metadata says about the pallet; `C` is the runtime's call.
pub fn metadata<C: StaticTypeInfo>() -> PalletMetadataParts {
    PalletMetadataParts {
        storage: vec![
            storage::MEMBERS.entry_metadata(),
            storage::SHARE.entry_metadata(),
            storage::MOTION_COUNT.entry_metadata(),
            storage::MOTIONS.entry_metadata(),
            storage::MOTIONS.counter_metadata(),
            storage::MOTION_CALLS.entry_metadata(),
            storage::NEXT_EXPIRY.entry_metadata(),
            storage::USAGE.entry_metadata(),
            storage::TOTAL_CALL_BYTES.entry_metadata(),
        ],
        calls: Some(meta_type::<Call<C>>()),
        events: Some(meta_type::<Event>()),
        errors: Some(meta_type::<Error>()),
        constants: vec![
            Constant::new(
                "MotionTicksMax",
                &MOTION_TICKS_MAX,
                &["A motion's life, in ticks of the channel clock."],
            ),
            Constant::new("MotionsMax", &limits::MAX_OPEN_MOTIONS, &["Most motions that can be open."]),
            Constant::new(
                "MotionsOfMemberMax",
                &limits::MAX_OPEN_MOTIONS_OF_MEMBER,
                &["Most motions that one member can have open."],
            ),
            Constant::new(
                "MotionCallsBytesMax",
                &limits::MAX_MOTION_CALLS_BYTES,
                &["Most bytes that the calls of all open motions can have."],
            ),
            Constant::new(
                "MotionCallsBytesOfMemberMax",
                &limits::MAX_MOTION_CALLS_BYTES_OF_MEMBER,
                &["Most bytes that the calls of one member's open motions can have."],
            ),
        ],
        docs: vec!["The organisations of the consortium, and their motions."],
        ..PalletMetadataParts::new(NAME, INDEX)
    }
}
