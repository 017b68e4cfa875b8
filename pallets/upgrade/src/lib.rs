//! Upgrade: new code on its way from a motion to `:code`, in two stages, because a runtime that does not run cannot be
//! taken back by any transaction.
//!
//! Terms: an *upgrade* is code that Root offered with `System.set_code`; a *verdict* is what one authority's node says
//! after a dry run of it on live state. Ticks are those of the channel clock, heights are blocks.
//!
//! ```text
//!  System.set_code ──> attesting ── enough accept ──> scheduled ── its height ──> enacted (:code changes)
//!       (Root)          │ │  ^                          │ │  │
//!                       │ │  └─── not enough any more ──┘ │  └── cancel (Root) ──> cancelled
//!                       │ └─ time is over ──> expired     │
//!                       └───── so many refuse it that not enough can accept it ──> refused
//! ```
//!
//! Rules:
//! * R1. `System.set_code` never changes `:code`. It stores the code beside it, with hash, version and height. The code
//!   must be what System demands of it. Whatever way Root takes to that call (a motion, a batch inside one), this holds.
//! * R2. At most one upgrade is open; a newer one takes its place, verdicts included, and Root may cancel it. What became
//!   of the last one, and its verdicts, stay readable until the next one.
//! * R3. A verdict is an inherent of a block's author about the open upgrade: it is the author's own by its seal, and
//!   costs nothing. A block has one at most; an authority may turn its verdict until the upgrade is closed.
//! * R4. At the end of every block the verdicts of the *present* authorities are counted. When more than two thirds of
//!   them accept, the upgrade is scheduled [`Parameters::enactment_delay_blocks`] later.
//! * R5. At the end of the block of that height the code is put under `:code`, if still enough accept it; the next block
//!   is the first that it executes. The block's digest says so (`RuntimeEnvironmentUpdated`), and System's `CodeUpdated`.
//! * R6. When so many refuse that not enough can accept any more, the upgrade is refused for good.
//! * R7. [`Parameters::attestation_ticks`] after the proposal an upgrade that is not scheduled expires.
//!
//! | index | call | origin |
//! |---|---|---|
//! | 0 | `attest` | inherent |
//! | 1 | `cancel` | root |
//! | 2 | `set_parameters` | root |
//!
//! Why the end of a block and not its start: Substrate's clients take the code in the state *after* block n as that of
//! block n + 1, and everything that happens inside n, a verdict turned in its inherent or a motion that cancels, still
//! counts. Why a pallet of its own and not Members: it needs authorities and slots, which Members has nothing to do with,
//! and the rule must hold for Root by any way.
//!
//! Out of scope: the dry run (the node's `task/upgrade.rs`), migrations (the runtime's `migrations.rs`), getting rid of
//! enacted code that turns out bad (a recovery motion, off the chain).

#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod attest;
mod cancel;
mod decide;
pub mod genesis;
mod invariants;
mod offer;
mod pallet;
pub mod storage;
mod types;
mod weights;

#[cfg(test)]
mod tests;

use alloc::vec;

use pallet_support::metadata::PalletMetadataParts;
use pallet_support::{Constant, DispatchResultWithInfo, Origin, ensure_none, ensure_root, with_info};
use quire_core::limits;
use scale_info::meta_type;

pub use attest::create_inherent;
pub use decide::{on_finalize, pending_code, status};
pub use invariants::check_invariants;
pub use offer::offer;
pub use pallet::{Call, Error, Event};
pub use types::Parameters;

/// Index of the pallet in the runtime's enums.
pub const INDEX: u8 = 7;
/// Name of the pallet, prefix of its storage.
pub const NAME: &str = "Upgrade";
/// How all its storage keys begin; Root may not write there raw.
pub const STORAGE_PREFIX: [u8; 16] = quire_core::hash::twox_128_const(NAME.as_bytes());

/// Carries out a call.
///
/// # Errors
/// `BadOrigin`, or those of [`Error`].
pub fn dispatch(call: Call, origin: Origin) -> DispatchResultWithInfo {
    with_info(match call {
        Call::attest { code_hash, verdict } => {
            ensure_none(&origin).and_then(|()| attest::attest(code_hash, verdict))
        }
        Call::cancel { code_hash } => ensure_root(&origin).and_then(|()| cancel::cancel(code_hash)),
        Call::set_parameters { parameters } => {
            ensure_root(&origin).and_then(|()| cancel::set_parameters(parameters))
        }
    })
}

/// What metadata says about the pallet.
pub fn metadata() -> PalletMetadataParts {
    PalletMetadataParts {
        storage: vec![
            storage::PARAMETERS.entry_metadata(),
            storage::UPGRADE.entry_metadata(),
            storage::PENDING_CODE.entry_metadata(),
            storage::VERDICTS.entry_metadata(),
            storage::DID_ATTEST.entry_metadata(),
        ],
        calls: Some(meta_type::<Call>()),
        events: Some(meta_type::<Event>()),
        errors: Some(meta_type::<Error>()),
        constants: vec![
            Constant::new("CodeBytesMax", &limits::MAX_CODE_BYTES, &["Longest code, in bytes."]),
            Constant::new(
                "ReasonBytesMax",
                &limits::MAX_VERDICT_REASON_BYTES,
                &["Longest reason of a refusal, in bytes."],
            ),
        ],
        docs: vec!["New code, tried by the authorities before it is enacted."],
        ..PalletMetadataParts::new(NAME, INDEX)
    }
}
