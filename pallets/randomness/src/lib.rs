//! Randomness: a value per session that no one could know before, mixed from what the authors of the session before
//! contributed.
//!
//! Terms: the *VRF* is schnorrkel's over the author's Aura key: for a key and an input there is one output, nobody can
//! tell it without the secret, everybody can check it with the proof. The *contribution* of a block is that output for
//! `(randomness of the session, slot)`.
//!
//! ```text
//!   slot s of session i: output = VRF(author's key, randomness(i) ‖ s)
//!   mix            := blake2-256("quire/mix", mix, output)
//!   randomness(i+1) = blake2-256("quire/randomness", randomness(i), i+1, mix at the end of session i)
//! ```
//!
//! Rules:
//! * R1. A block has one contribution at most: the output for its own slot, in [`VRF_CONTEXT`], with the proof by the key
//!   to which the slot belongs. Anything else makes the block invalid.
//! * R2. A contribution goes into the mix of the running session; the randomness of the session does not change within it.
//! * R3. A block without a contribution is valid, so that whoever has no secret of an authority can still try code on the
//!   state; its author gets no fees. Withholding so costs what leaving the slot empty costs.
//!
//! **What bias remains.** An author knows its own outputs for the session as soon as the session starts, and may leave
//! its slots empty or hold its contributions back, at the price of their fees. Whoever owns the last `k` slots of a session
//! chooses among up to `2^k` values; nobody chooses more, since keys are fixed before the randomness that they meet
//! (Session R3). So a draw about something worth more than some blocks' fees hashes its own id with randomness of a
//! session that began after everything it is about was final, and does not hang on a single session's value.
//!
//! The check runs in Wasm with schnorrkel: there is no host function for it that other executors know. An sr25519 or
//! ed25519 signature would be cheaper to check and worthless: its maker can choose among any number of valid ones.
//!
//! | index | call | origin |
//! |---|---|---|
//! | 0 | `contribute` | inherent |
//!
//! Out of scope: when sessions end, and what is drawn (Session).

#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod contribute;
mod pallet;
pub mod storage;
mod weights;

#[cfg(test)]
mod tests;

use alloc::vec;

use pallet_support::metadata::PalletMetadataParts;
use pallet_support::{DispatchResultWithInfo, Origin, ensure_none, with_info};
use scale_info::meta_type;

pub use contribute::{
    check_invariants, create_inherent, has_contributed, on_finalize, on_session, session_randomness,
    vrf_input,
};
pub use pallet::{Call, Error};

/// Index of the pallet in the runtime's enums.
pub const INDEX: u8 = 15;
/// Name of the pallet, prefix of its storage.
pub const NAME: &str = "Randomness";

/// Carries out a call.
///
/// # Errors
/// `BadOrigin`, or those of [`Error`]; either makes the block invalid.
pub fn dispatch(call: Call, origin: Origin) -> DispatchResultWithInfo {
    let Call::contribute { output, proof } = call;
    with_info(ensure_none(&origin).and_then(|()| contribute::contribute(&output, &proof)))
}

/// What metadata says about the pallet.
pub fn metadata() -> PalletMetadataParts {
    PalletMetadataParts {
        storage: vec![
            storage::SESSION_RANDOMNESS.entry_metadata(),
            storage::MIX.entry_metadata(),
            storage::DID_CONTRIBUTE.entry_metadata(),
        ],
        calls: Some(meta_type::<Call>()),
        errors: Some(meta_type::<Error>()),
        docs: vec!["Randomness of a session, from what authors contribute."],
        ..PalletMetadataParts::new(NAME, INDEX)
    }
}
