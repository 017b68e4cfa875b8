//! # pallet-bonds: bonds behind duties
//!
//! Purpose: a validator puts money at risk, takes duties against it (one channel block each), and loses a
//! part of it when it breaks one. The pallet holds the money and the validator list; it does not know what
//! a duty is. `anchors` locks, unlocks and slashes.
//!
//! Terms: *bond*, money that can be slashed; *active*, the bonded money that may back duties; *unbonding*,
//! bonded money on its way out, still slashable; *locked*, the slice of the active money that backs open
//! duties; *pot*, the account that holds all bonded money; *tick*, one step of the channel clock.
//!
//! ```text
//!   free --bond--> active --unbond--> unbonding --(delay ticks) withdraw--> free
//!                    | lock per duty      |
//!                    +------- slash ------+--> beneficiary, rest burned
//! ```
//!
//! # Rules
//! * R1. Bonded money sits in the pot `pot(b"quire/stak")`: the pot's balance is at least the sum of active
//!   and unbonding money over all ledgers, and that sum equals `TotalBonded`.
//! * R2. `bond` moves free money to active. The active money afterwards must reach the minimum bond.
//! * R3. `unbond` moves active money to the unbonding queue, due after the unbonding delay. It never touches
//!   locked money; what stays is nothing or at least the minimum bond, and a registered validator keeps at
//!   least the minimum (it chills first).
//! * R4. `withdraw` pays what is due, and nothing earlier. The delay counts channel-clock ticks, which pause
//!   while finality lags, so a stalled chain frees no money that a case could still claim.
//! * R5. `validate` needs the minimum bond and keys that no other validator uses: a shared signing key would
//!   let one machine pose as two witnesses.
//! * R6. `chill` takes the validator off the list. Its open duties, locks and unbonding money stay.
//! * R7. A duty locks the duty bond out of active money not locked yet; without enough there is no duty.
//! * R8. A slash takes active money first, then unbonding money, the one freed last first. It takes what is
//!   there and no more. A validator left below the minimum bond is chilled.
//! * R9. Of slashed money a share goes to a beneficiary named by the caller, the rest is burned, so that
//!   nobody gains the whole by provoking a breach.
//! * R10. The unbonding queue has a bounded number of entries; entries due at one tick are merged.
//!
//! | call | who | effect |
//! |---|---|---|
//! | `bond{amount}` | anyone | R2 |
//! | `unbond{amount}` | who bonded | R3, R10 |
//! | `withdraw{}` | who unbonded | R4 |
//! | `validate{keys}` | who bonded enough | R5; called again it replaces the keys |
//! | `chill{}` | a validator | R6 |
//!
//! The pallet is not called Staking: clients that find a pallet of that name beside Session take it for Substrate's and
//! read eras and nominators from it (`api.derive.session` fails then).
//!
//! Out of scope: which duties exist and what breaks them (`anchors`, `litigation`, `equivocation`), rewards per session,
//! the authority list (`session`).
#![no_std]
extern crate alloc;

pub mod genesis;
mod invariants;
mod ledger;
pub mod pallet;
mod slash;
pub mod storage;
mod validator;
pub mod weights;

#[cfg(test)]
mod tests;

use alloc::vec;
use pallet_support::{Constant, DispatchResultWithInfo, Origin, PalletMetadataParts, ensure_signed, metered};
use scale_info::meta_type;

pub use invariants::check_invariants;
pub use ledger::{active, total, unbonding_ticks};
pub use pallet::{Call, Error, Event};
pub use slash::{Beneficiary, Slashed, lock, reward, slash, unlock};
pub use storage::{Ledger, Parameters, UnbondingChunk, ValidatorKeys};
pub use validator::{is_validator, keys};

/// The pallet's index in calls, events and errors.
pub const INDEX: u8 = 9;
/// The pallet's name in storage and metadata.
pub const NAME: &str = "Bonds";

/// Runs a call.
///
/// # Errors
/// `BadOrigin` when the call is not signed, and the errors of the call's rule.
pub fn dispatch(call: Call, origin: Origin) -> DispatchResultWithInfo {
    let who = ensure_signed(&origin)?;
    metered(weights::BESIDES, || match call {
        Call::bond { amount } => ledger::bond(&who, amount),
        Call::unbond { amount } => ledger::unbond(&who, amount),
        Call::withdraw {} => ledger::withdraw(&who),
        Call::validate { keys } => validator::validate(&who, keys),
        Call::chill {} => validator::chill(&who),
    })
}

/// What the pallet shows to the world.
pub fn metadata() -> PalletMetadataParts {
    PalletMetadataParts {
        storage: vec![
            storage::LEDGERS.entry_metadata(),
            storage::VALIDATORS.entry_metadata(),
            storage::VALIDATORS.counter_metadata(),
            storage::SIGNING_KEYS.entry_metadata(),
            storage::TOTAL_BONDED.entry_metadata(),
            storage::PARAMETERS.entry_metadata(),
        ],
        calls: Some(meta_type::<Call>()),
        events: Some(meta_type::<Event>()),
        errors: Some(meta_type::<Error>()),
        constants: vec![Constant::new("Pot", &storage::pot(), &["Account that holds all bonded money."])],
        docs: vec!["Bonds behind the duties of validators."],
        ..PalletMetadataParts::new(NAME, INDEX)
    }
}
