//! Members: the organisations of the consortium, their certificates, and their motions. A motion is the only way to act as
//! Root.
//!
//! Terms: a *member* is an organisation with a vote; a *principal* is what the chain keeps of its certificate (Level 0 of
//! `quire-certificate`), also for a while after it was revoked; a *peer* is a node of a member. A *motion* is a call that a
//! member proposes; it has the *classes* of the calls in it; it *passes* when more than the share of all members approve
//! it that each of its classes asks for (a share of 1/2 is a majority; with one member, its own motions pass at once).
//! Ticks are those of the channel clock; certificates run on chain time.
//!
//! ```text
//! propose ──> open ── vote ──> passed ── execute ──> gone (Executed, with the call's result)
//!               │  ├─ vote ──> gone (Rejected: it cannot pass any more)
//!               │  └─ withdraw ─> gone (Withdrawn)
//!               └─ time ─────> gone (Expired; passed motions too)
//!
//! founder ─┐            ┌── renew (member alone, overlapping) ──┐
//!          ├─> member ──┴── time ──> expired: votes, but is eligible for no new authority set
//! admit ───┘  (motion)  └── revoke (motion) ──> no vote at once, no authority from the next set change on
//! ```
//!
//! Rules:
//! * R1. There are 1 to `limits::MAX_MEMBERS` members, none of them twice; every share is below 1.
//! * R2. Only members propose, vote and execute.
//! * R3. Who proposes approves. A motion that passes with its proposal is executed at once.
//! * R4. A member has one vote in a motion and may turn it until the motion is gone. Votes count while who cast them is a
//!   member.
//! * R5. Only a motion that has passed is executed; the call runs as Root. When it fails, what it did is undone and the
//!   failure is reported; the motion is gone either way.
//! * R6. A motion that can no longer pass is gone with the vote that makes it so.
//! * R7. A motion is gone [`MOTION_TICKS_MAX`] ticks after its proposal.
//! * R8. At most `limits::MAX_OPEN_MOTIONS` motions are open, with calls of at most `limits::MAX_MOTION_CALLS_BYTES`
//!   together; a call is at most [`MOTION_CALL_BYTES_MAX`] long. One member has at most
//!   `limits::MAX_OPEN_MOTIONS_OF_MEMBER` of them open, with `limits::MAX_MOTION_CALLS_BYTES_OF_MEMBER`, so that it
//!   cannot keep the others from proposing.
//! * R9. Who proposed a motion may withdraw it until it has passed; after that it is the members'.
//! * R10. Classes are admit, revoke, parameters and upgrade, each with its own share; the runtime says which class a call
//!   has. A batch needs what the most demanding of its calls needs, and shares themselves change only by what the most
//!   demanding class needs: no motion makes a later one easier.
//! * R11. `admit` (Root) makes a member of whom the root key certified: the certificate is for this chain, not over, and its
//!   serial is higher than any that the account had before. Founders need none.
//! * R12. `renew` takes a member's next certificate from anybody, without a motion: signed by the root key, or by the
//!   member's own key as long as the present certificate holds. Serial and end rise, no gap is left. With a new key, what
//!   the old one signed holds until the old certificate would have ended.
//! * R13. `revoke` (Root) takes a member's vote at once. The last member stays. What its certificates and keys are good for
//!   follows R16 and R17.
//! * R14. `register_peer` publishes a node's Level 1, from anybody; `revoke_peer`, by its member or Root, ends whatever that
//!   member signs for the node key. A member has at most `limits::MAX_PEERS_OF_MEMBER` registered, and
//!   `limits::MAX_REVOKED_PEERS_OF_MEMBER` revoked. A certificate need not be registered to be valid.
//! * R15. The chain warns [`WARNING_DAYS`] before a certificate ends and says when it has, once a day at most, at the first
//!   block of the day; a block looks at [`DUE_PER_BLOCK_MAX`] certificates. What has ended is forgotten when nothing
//!   depends on it any more.
//! * R16. Expired and revoked members are not [eligible](is_eligible) for the next authority set. The present set keeps them,
//!   and a new one takes over all but a third: certificates never stop the network.
//! * R17. At the gate of the network expiry and revocation count from the set change after them ([`tower`]); the first set
//!   counts from the first time of the chain.
//!
//! | index | call | origin |
//! |---|---|---|
//! | 0 | `propose` | member |
//! | 1 | `vote` | member |
//! | 2 | `execute` | member |
//! | 3 | `withdraw` | who proposed |
//! | 4 | `admit` | root |
//! | 5 | `renew` | anybody with the certificate |
//! | 6 | `revoke` | root |
//! | 7 | `register_peer` | anybody with the certificate |
//! | 8 | `revoke_peer` | its member, or root |
//! | 9 | `set_thresholds` | root |
//! | 10 | `set_root` | root |
//!
//! Why an expired member keeps its vote: if it lost it, a consortium that forgot to renew could not even admit itself again.
//!
//! Out of scope: who authors and votes for finality (Session asks R16), what happens to new code that a motion offers
//! (Upgrade), Level 2 (peers and their clients see to it), recovery without a working chain (off the chain).

#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod calendar;
mod eligible;
mod execute;
mod expire;
pub mod genesis;
mod invariants;
mod pallet;
mod peers;
mod principals;
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
use pallet_support::{
    Constant, DispatchError, DispatchResult, DispatchResultWithInfo, Origin, ensure, ensure_root,
    ensure_signed, with_info,
};
use parity_scale_codec::{Decode, Encode};
use quire_core::{AccountId, Weight, limits};
use scale_info::{StaticTypeInfo, meta_type};

pub use eligible::{is_eligible, note_set_change};
pub use expire::on_initialize;
pub use invariants::check_invariants;
pub use pallet::{Call, Error, Event};
pub use peers::{members_of, tower};
pub use principals::principals;
pub use types::{Class, Holder, Motion, NodeKey, Peer, PeerUsage, Share, Thresholds, Usage};

/// Index of the pallet in the runtime's enums.
pub const INDEX: u8 = 8;
/// Name of the pallet, prefix of its storage.
pub const NAME: &str = "Members";

/// A motion's life: a week of one-second blocks.
pub const MOTION_TICKS_MAX: u32 = 7 * 24 * 60 * 60;
/// Longest call of a motion: what an extrinsic can carry.
pub const MOTION_CALL_BYTES_MAX: u32 = limits::MAX_EXTRINSIC_BYTES;

/// Days before the end of a certificate on which the chain warns.
pub const WARNING_DAYS: [u32; 3] = [30, 7, 1];
/// Certificates that one block looks at.
pub const DUE_PER_BLOCK_MAX: u32 = 16;

/// What the runtime lends to this pallet: how to weigh, to carry out and to classify one of its calls.
#[derive(Debug)]
pub struct Runner<C> {
    /// What a call weighs.
    pub weigh: fn(&C) -> Weight,
    /// Carries a call out.
    pub run: fn(C, Origin) -> DispatchResultWithInfo,
    /// What a call is about, calls inside it included (R10).
    pub classes: fn(&C) -> Vec<Class>,
}

/// The members, sorted.
pub fn members() -> Vec<AccountId> {
    storage::MEMBERS.get_or_default()
}

/// Whether an account is a member.
pub fn is_member(who: &AccountId) -> bool {
    members().binary_search(who).is_ok()
}

/// Approvals that a motion of these classes needs.
pub fn approvals_needed(classes: &[Class]) -> u32 {
    storage::THRESHOLDS.get_or_default().needed(classes, members().len() as u32)
}

/// How many of those who voted are members (R4).
fn count(voters: &[AccountId], members: &[AccountId]) -> u32 {
    voters.iter().filter(|voter| members.binary_search(voter).is_ok()).count() as u32
}

/// Whether a motion has the approvals that it needs.
fn has_passed(motion: &Motion) -> bool {
    count(&motion.ayes, &members()) >= approvals_needed(&motion.classes)
}

/// The signer, when it is a member (R2).
fn ensure_member(origin: &Origin) -> Result<AccountId, DispatchError> {
    let who = ensure_signed(origin)?;
    ensure!(is_member(&who), Error::NotMember);
    Ok(who)
}

/// Carries out a call.
///
/// # Errors
/// `BadOrigin`, or those of [`Error`].
pub fn dispatch<C: Encode + Decode>(
    call: Call<C>,
    origin: Origin,
    runner: &Runner<C>,
) -> DispatchResultWithInfo {
    match call {
        Call::propose { call } => propose::propose(ensure_member(&origin)?, *call, runner),
        Call::vote { motion, approve } => vote::vote(ensure_member(&origin)?, motion, approve),
        Call::execute { motion } => {
            ensure_member(&origin)?;
            execute::execute(motion, runner)
        }
        Call::withdraw { motion } => withdraw::withdraw(ensure_member(&origin)?, motion),
        other => with_info(dispatch_certificates(other, &origin)),
    }
}

/// The calls that are about certificates.
fn dispatch_certificates<C>(call: Call<C>, origin: &Origin) -> DispatchResult {
    match call {
        Call::admit { certificate } => ensure_root(origin).and_then(|()| principals::admit(&certificate)),
        Call::renew { certificate } => ensure_signed(origin).and_then(|_| principals::renew(&certificate)),
        Call::revoke { member } => ensure_root(origin).and_then(|()| principals::revoke(member)),
        Call::register_peer { certificate } => {
            ensure_signed(origin).and_then(|_| peers::register(&certificate))
        }
        Call::revoke_peer { member, node } => peers::revoke(origin, member, node),
        Call::set_thresholds { thresholds } => {
            ensure_root(origin)?;
            ensure!(thresholds.is_valid(), Error::BadForm);
            storage::THRESHOLDS.put(&thresholds);
            Ok(())
        }
        Call::set_root { key } => ensure_root(origin).and_then(|()| principals::set_root(key)),
        Call::propose { .. } | Call::vote { .. } | Call::execute { .. } | Call::withdraw { .. } => {
            Err(DispatchError::BadOrigin)
        }
    }
}

/// What metadata says about the pallet; `C` is the runtime's call.
pub fn metadata<C: StaticTypeInfo>() -> PalletMetadataParts {
    PalletMetadataParts {
        storage: vec![
            storage::MEMBERS.entry_metadata(),
            storage::THRESHOLDS.entry_metadata(),
            storage::MOTION_COUNT.entry_metadata(),
            storage::MOTIONS.entry_metadata(),
            storage::MOTIONS.counter_metadata(),
            storage::MOTION_CALLS.entry_metadata(),
            storage::NEXT_EXPIRY.entry_metadata(),
            storage::USAGE.entry_metadata(),
            storage::TOTAL_CALL_BYTES.entry_metadata(),
            storage::ROOT.entry_metadata(),
            storage::PRINCIPALS.entry_metadata(),
            storage::PRINCIPALS.counter_metadata(),
            storage::PEERS.entry_metadata(),
            storage::REVOKED_PEERS.entry_metadata(),
            storage::PEER_USAGE.entry_metadata(),
            storage::DUE.entry_metadata(),
            storage::DUE_ON.entry_metadata(),
            storage::NEXT_DAY.entry_metadata(),
            storage::EFFECTIVE_TIME.entry_metadata(),
        ],
        calls: Some(meta_type::<Call<C>>()),
        events: Some(meta_type::<Event>()),
        errors: Some(meta_type::<Error>()),
        constants: constants(),
        docs: vec!["The organisations of the consortium, their certificates and their motions."],
        ..PalletMetadataParts::new(NAME, INDEX)
    }
}

fn constants() -> Vec<Constant> {
    vec![
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
        Constant::new(
            "WarningDays",
            &WARNING_DAYS,
            &["Days before the end of a certificate on which the chain warns."],
        ),
        Constant::new(
            "PeersOfMemberMax",
            &limits::MAX_PEERS_OF_MEMBER,
            &["Most nodes that one member can have registered."],
        ),
    ]
}
