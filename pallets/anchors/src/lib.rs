//! # pallet-anchors: the life of a channel block on chain
//!
//! Purpose: carries every channel block from collection to settlement. Who decides what a set of facts means
//! is `quire_channel::rules`; this pallet checks who speaks, records facts, asks the rules, and moves money
//! through `channels` and bonds through `bonds`.
//!
//! Terms: *delegate*, the validator a participant named for a block; *accepted*, the validator took the duty
//! and locked a bond; *receipt*, a validator's signature that it holds a part's bytes; *counted part*, one
//! with receipts from more than half of the accepted validators; *touch*, applying transitions that are due.
//!
//! ```text
//!  Collecting -> Parts -> Committing -> Revealing -> Agreed -> Settling -> Settled
//!      |           |          |           |    |                   |
//!      +-----------+----------+-----------+    +-> Disputed        +-> Underfunded
//!                  v
//!               Expired
//! ```
//!
//! # Rules
//! * R1. A block opens with its first `delegate`, while its period runs or at most
//!   `MAX_BLOCKS_AHEAD` before, and only if the era covers it and no `close` ends before it. Numbers of open
//!   blocks are bounded per channel.
//! * R2. A participant names one registered validator that the era does not exclude, and may change its mind
//!   until it seals or collection ends. The validator's `accept` locks its duty bond; its signing key is
//!   pinned then.
//! * R3. Collection ends at the period's end, or when every participant sealed; `seal` needs an accepted
//!   delegate of one's own. The list of validators is frozen then.
//! * R4. A part counts only with receipts, checked here, from more than half of the accepted validators, before
//!   the part deadline, one part per participant, all with the key commitment of the first.
//! * R5. Only accepted validators commit, once each.
//! * R6. A reveal must open the commitment, and its header must name this channel, block, program and exactly
//!   the counted parts. Whoever commits and does not reveal in time is slashed.
//! * R7. Equal reveals with at least two participants behind them agree. The total is reserved from the
//!   deposits at once. Two different reveals are Disputed: the money stands still until a verdict.
//! * R8. After the challenge window outputs are settled in slices, in any order, each proven against `outputs_root`,
//!   each index exactly once. Reports and notices take effect with their slice. An output that names no participant, or
//!   pays its own payer, has no effect.
//! * R9. Money moves once, with the last slice, so that the order of slices cannot matter: transfers between
//!   in-channel balances of the participants only; fees to the validators that revealed the agreed result,
//!   in equal shares, the remainder to the first by account id.
//! * R10. What deposits cannot cover is paid in fixed priority (validators, auditors, the others pro rata); the
//!   rest is recorded as debt and the block is Underfunded for good. `advance` pays debts when money has come.
//! * R11. A block that cannot reach a result is Expired. Validators that held every counted part and stayed
//!   silent are slashed: with a receipt a validator says that it has bytes and key, so it should sign none before.
//!   Of slashed money half goes to the participants that did not choose the validator, the rest is burned.
//! * R12. Every call applies due transitions first; `advance` does nothing else and is open to everybody. A phase
//!   ended by its deadline hands over at the deadline, not at the call that noticed.
//! * R13. Blocks are independent: a later one may settle first.
//! * R14. A duty ends when its block is done (Settled, Underfunded, Expired); Disputed keeps it locked.
//!
//! | call | who | when |
//! |---|---|---|
//! | `delegate{channel, block, validator}` | a participant | before its collection ends |
//! | `accept{channel, block}` | a named validator | before collection ends |
//! | `seal{channel, block}` | a participant | before collection ends |
//! | `submit_part{channel, block, part, receipts}` | a participant | Parts |
//! | `commit{channel, block, commitment}` | an accepted validator | Committing |
//! | `reveal{channel, block, result, salt}` | who committed | Revealing |
//! | `settle{channel, block, first, outputs, proof}` | anybody | Settling |
//! | `advance{channel, block}` | anybody | a deadline passed, or debts can be paid |
//!
//! Out of scope: drawing further validators, cases and verdicts (`litigation`), the bytes of parts (off chain), removal
//! of records of done blocks (clients and later cases read them).
#![no_std]
extern crate alloc;

mod delegate;
pub mod genesis;
mod invariants;
mod live;
pub mod pallet;
mod part;
mod payment;
mod result;
mod settle;
pub mod storage;
mod transition;
pub mod weights;

#[cfg(test)]
mod tests;

use alloc::vec;
use pallet_support::{Constant, DispatchResultWithInfo, Origin, PalletMetadataParts, ensure_signed, metered};
use quire_channel::limits::MAX_OUTPUTS;
use quire_core::limits::MAX_SETTLE_OUTPUTS;
use scale_info::meta_type;

pub use invariants::check_invariants;
pub use pallet::{Breach, Call, Error, Event, Payee};
pub use storage::{BlockRecord, ClaimRecord, DutyRecord, PartRecord, Settlement};

/// The pallet's index in calls, events and errors.
pub const INDEX: u8 = 11;
/// The pallet's name in storage and metadata.
pub const NAME: &str = "Anchors";
/// Role of participants that R10 pays before other participants.
pub const AUDITOR_ROLE: u8 = 2;

/// A block, as it was stored last: transitions that are due since then are not applied.
pub fn block(channel: u64, number: u32) -> Option<BlockRecord> {
    storage::BLOCKS.get(&channel, &number)
}

/// Runs a call.
///
/// # Errors
/// `BadOrigin` when the call is not signed, and the errors of the call's rule.
pub fn dispatch(call: Call, origin: Origin) -> DispatchResultWithInfo {
    let who = ensure_signed(&origin)?;
    metered(call.besides(), || match call {
        Call::delegate { channel, block, validator } => delegate::delegate(&who, channel, block, validator),
        Call::accept { channel, block } => delegate::accept(&who, channel, block),
        Call::seal { channel, block } => delegate::seal(&who, channel, block),
        Call::submit_part { channel, block, part, receipts } => {
            part::submit(&who, channel, block, part, &receipts)
        }
        Call::commit { channel, block, commitment } => result::commit(&who, channel, block, commitment),
        Call::reveal { channel, block, result, salt } => result::reveal(&who, channel, block, result, &salt),
        Call::settle { channel, block, first, outputs, proof } => {
            settle::settle(channel, block, first, outputs, &proof)
        }
        Call::advance { channel, block } => transition::advance(channel, block),
    })
}

/// What the pallet shows to the world.
pub fn metadata() -> PalletMetadataParts {
    PalletMetadataParts {
        storage: vec![
            storage::BLOCKS.entry_metadata(),
            storage::SETTLEMENTS.entry_metadata(),
            storage::REPORTS.entry_metadata(),
        ],
        calls: Some(meta_type::<Call>()),
        events: Some(meta_type::<Event>()),
        errors: Some(meta_type::<Error>()),
        constants: vec![
            Constant::new("MaxOutputs", &MAX_OUTPUTS, &["Outputs of one result."]),
            Constant::new("MaxSettleOutputs", &MAX_SETTLE_OUTPUTS, &["Outputs applied by one settle."]),
            Constant::new("AuditorRole", &AUDITOR_ROLE, &["Role that is paid before other participants."]),
        ],
        docs: vec!["The life of channel blocks: parts, results, settlement."],
        ..PalletMetadataParts::new(NAME, INDEX)
    }
}
