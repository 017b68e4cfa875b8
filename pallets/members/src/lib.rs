//! Members: the organisations of the consortium, and the motions by which they act as one.
//!
//! Terms: a *member* is an account that votes for an organisation; a *motion* is a call that members vote on and that
//! the chain then carries out as Root.
//!
//! ```text
//!   propose --> Open --ayes reach the threshold--> Passed --execute--> gone (Executed)
//!                |                                   |
//!                +--noes make it impossible--> gone (Rejected)
//!                +------------- end block passed ----+--> gone (Expired)
//! ```
//!
//! Rules:
//! * R1. Only members propose, vote and execute.
//! * R2. A proposer votes for its motion by proposing it. A member may change its vote while the motion is open; a
//!   repeated equal vote is refused.
//! * R3. A motion passes with more than two thirds of the members (`floor(2n/3) + 1`), and is rejected as soon as it
//!   can no longer reach that. With one member it passes at once.
//! * R4. A passed motion runs once, as Root, when a member executes it. If its call fails, the motion is gone all the
//!   same, nothing else has changed, and the event carries the error.
//! * R5. A motion ends [`MOTION_LIFE_BLOCKS`] after it was proposed, passed or not.
//! * R6. At most `limits::MAX_OPEN_MOTIONS` motions are open; the weight of a proposed call is at most
//!   [`MOTION_WEIGHT_MAX`], so that executing it fits into a block.
//! * R7. Only the votes of who is a member at that moment count.
//!
//! | index | call | origin |
//! |---|---|---|
//! | 0 | `propose` | member |
//! | 1 | `vote` | member |
//! | 2 | `execute` | member |
//!
//! Out of scope: certificates, admission and removal of members, thresholds by class of call, attested upgrades.

#![no_std]

extern crate alloc;

pub mod genesis;
mod invariants;
mod motion;
mod pallet;
pub mod storage;
mod weights;

#[cfg(test)]
mod tests;

use alloc::boxed::Box;
use pallet_support::metadata::PalletMetadataParts;
use pallet_support::{Constant, DispatchResultWithInfo, Origin, PostInfo, ensure_signed, with_info};
use parity_scale_codec::{Codec, EncodeLike};
use quire_core::{AccountId, BlockNumber, Weight};
use scale_info::TypeInfo;

pub use invariants::check_invariants;
pub use motion::{Motion, threshold};
pub use pallet::{Call, Error, Event};

/// Index of the pallet in the runtime's enums.
pub const INDEX: u8 = 8;
/// Name of the pallet, prefix of its storage.
pub const NAME: &str = "Members";

/// For how many blocks a motion can be voted on and executed: a week of one-second slots.
pub const MOTION_LIFE_BLOCKS: BlockNumber = 7 * 24 * 3_600;
/// Most that the call of a motion may weigh.
pub const MOTION_WEIGHT_MAX: Weight = Weight::from_micros(500_000);

/// What the runtime's call must offer for members to vote on it.
pub trait Motionable: Codec + EncodeLike + Clone + TypeInfo + 'static {
    /// What the call weighs at most.
    fn weight(&self) -> Weight;
    /// Carries the call out as Root, in a storage transaction of its own.
    ///
    /// # Errors
    /// Those of the call.
    fn dispatch_as_root(self) -> DispatchResultWithInfo;
}

/// The members, in ascending order of account id.
pub fn members() -> alloc::vec::Vec<AccountId> {
    storage::MEMBERS.get_or_default()
}

/// Whether `who` votes.
pub fn is_member(who: &AccountId) -> bool {
    members().binary_search(who).is_ok()
}

/// Carries out a call.
///
/// # Errors
/// `BadOrigin`, or those of [`Error`].
pub fn dispatch<C: Motionable>(call: Call<C>, origin: Origin) -> DispatchResultWithInfo {
    let who = ensure_signed(&origin)?;
    match call {
        Call::propose { call } => with_info(motion::propose(&who, *call)),
        Call::vote { motion, approve } => with_info(motion::vote::<C>(&who, motion, approve)),
        Call::execute { motion } => {
            let used = motion::execute::<C>(&who, motion)?;
            Ok(PostInfo::from(Some(used)))
        }
    }
}

/// What metadata says about the pallet; `C` is the runtime's call.
pub fn metadata<C: Motionable>() -> PalletMetadataParts {
    PalletMetadataParts {
        storage: alloc::vec![
            storage::MEMBERS.entry_metadata(),
            storage::motions::<C>().entry_metadata(),
            storage::OPEN.entry_metadata(),
            storage::NEXT_MOTION.entry_metadata(),
        ],
        calls: Some(scale_info::meta_type::<Call<C>>()),
        events: Some(scale_info::meta_type::<Event>()),
        errors: Some(scale_info::meta_type::<Error>()),
        constants: alloc::vec![
            Constant::new("MotionLife", &MOTION_LIFE_BLOCKS, &["Blocks for which a motion can be voted on."]),
            Constant::new(
                "MotionWeightMax",
                &MOTION_WEIGHT_MAX,
                &["Most that the call of a motion may weigh."]
            ),
        ],
        docs: alloc::vec!["Members of the consortium and their motions."],
        ..PalletMetadataParts::new(NAME, INDEX)
    }
}

/// A boxed call: calls of calls must not make the enum infinite.
pub type BoxedCall<C> = Box<C>;
