//! # pallet-channels: agreements, programs and the money inside them
//!
//! Purpose: a channel is an agreement between 2 to 16 participants to process bulk messages off the chain by
//! one program and to settle what comes out. This pallet holds who takes part, with which keys and roles, on
//! which terms (eras), and each participant's money inside the channel. What happens to single blocks is
//! `anchors`' business, which tells this pallet which blocks are open and moves money through its functions.
//!
//! Terms: *participant*, an account with an index in the channel (its bit in every bitmap); *era*, terms that
//! hold from a block number on; *deposit*, money put in as coverage; *credit*, money earned inside; *reserve*,
//! the slice of a deposit that an agreed block may take; *debt*, what an underfunded block could not pay;
//! *undecided block*, an open one whose result is not agreed; *pot*, the account that holds it all.
//!
//! ```text
//!   Proposed --last approve--> Open --close--> Closing{last_block} --all blocks done--> Closed
//! ```
//!
//! # Rules
//! * R1. A program is registered by its code: validated inside the runtime, stored under its blake2-256 hash,
//!   limited in size, and paid for with a deposit per byte that stays in the pot as long as the code does.
//! * R2. `open` names 2 to 16 distinct accounts with distinct message keys, the opener among them; period and
//!   windows are above zero and bounded; the program is registered. The opener approves by opening.
//! * R3. `approve` repeats the secret commitment of `open`: who was handed another secret cannot approve by
//!   accident. With the last approval the channel is open and era 0 starts at the current tick with block 0.
//! * R4. `deposit` adds to the participant's deposit, in any status but Closed.
//! * R5. `withdraw` pays credit first, then deposit, but only above exposure: the whole deposit while a block
//!   is undecided (nobody knows yet what it will cost), the reserves while blocks are agreed, and debts. Who wants
//!   its coverage back lets the blocks end, with `close` if need be; credit is free at any time.
//! * R6. `update` is one participant's last word on the next era. It takes effect when the last words of all
//!   are equal, at a block boundary in the future, after every block that is open already.
//! * R7. `close` names a last block that is not over yet; a later `close` may only lower it. No block after it
//!   can open. When every block up to it is done, all money is paid out and the channel is Closed; a debtor's
//!   money stays until its debts are paid; what the account cannot receive (existential deposit) stays
//!   withdrawable.
//! * R8. `set_keys` takes effect at the next block number, so that every validator reads the same keys for a
//!   block; superseded keys are kept while a block that needs them may be open.
//! * R9. The pot `pot(b"quire/chnl")` holds at least the sum of deposits, credits and program deposits (more only if
//!   somebody gave it money), and that sum equals `TotalHeld`. Reserves and debts are slices and claims, not money.
//! * R10. Lists are bounded: participants, eras, key versions, open blocks, exclusions, parameter bytes. Eras have at
//!   most `MAX_ERAS_BYTES` together, so that a record has at most `MAX_RECORD_BYTES` and keys always fit.
//!
//! | call | who | effect |
//! |---|---|---|
//! | `register_program{code}` | anyone | R1 |
//! | `open{participants, era, secret}` | a participant | R2; the new channel's id is in the event |
//! | `approve{channel, secret}` | every other participant | R3 |
//! | `deposit{channel, amount}` | a participant | R4 |
//! | `withdraw{channel, amount}` | a participant | R5 |
//! | `update{channel, era, first_block}` | all participants | R6 |
//! | `close{channel, last_block}` | a participant | R7 |
//! | `set_keys{channel, message_key, sealing_key}` | a participant | R8 |
//!
//! Out of scope: blocks, parts and results (`anchors`), the secrets themselves (off the chain; the chain holds
//! commitments), removal of programs (eras may pin them for ever).
#![no_std]
extern crate alloc;

mod blocks;
mod close;
pub mod genesis;
mod invariants;
mod money;
mod open;
pub mod pallet;
mod program;
pub mod storage;
mod update;
pub mod weights;

#[cfg(test)]
mod tests;

use alloc::vec;
use pallet_support::{Constant, DispatchResultWithInfo, Origin, PalletMetadataParts, ensure_signed, metered};
use scale_info::meta_type;

pub use blocks::{open_block, set_stage};
pub use invariants::check_invariants;
pub use money::{compensate, money, pay, pay_out, release, reserve, set_debt};
pub use pallet::{Call, Error, Event};
pub use storage::{BlockStage, ChannelRecord, ChannelStatus, Money, ParticipantRecord};
pub use update::update_hash;

/// The pallet's index in calls, events and errors.
pub const INDEX: u8 = 10;
/// The pallet's name in storage and metadata.
pub const NAME: &str = "Channels";

/// The channel with this id.
pub fn channel(id: u64) -> Option<ChannelRecord> {
    storage::CHANNELS.get(&id)
}

/// Runs a call.
///
/// # Errors
/// `BadOrigin` when the call is not signed, and the errors of the call's rule.
pub fn dispatch(call: Call, origin: Origin) -> DispatchResultWithInfo {
    let who = ensure_signed(&origin)?;
    metered(call.besides(), || match call {
        Call::register_program { code } => program::register(&who, &code),
        Call::open { participants, era, secret } => open::open(&who, participants, era, secret),
        Call::approve { channel, secret } => open::approve(&who, channel, secret),
        Call::deposit { channel, amount } => money::deposit(&who, channel, amount),
        Call::withdraw { channel, amount } => money::withdraw(&who, channel, amount),
        Call::update { channel, era, first_block } => update::update(&who, channel, era, first_block),
        Call::close { channel, last_block } => close::close(&who, channel, last_block),
        Call::set_keys { channel, message_key, sealing_key } => {
            update::set_keys(&who, channel, message_key, sealing_key)
        }
    })
}

/// What the pallet shows to the world.
pub fn metadata() -> PalletMetadataParts {
    PalletMetadataParts {
        storage: vec![
            storage::NEXT_CHANNEL.entry_metadata(),
            storage::CHANNELS.entry_metadata(),
            storage::MONEY.entry_metadata(),
            storage::OPEN_BLOCKS.entry_metadata(),
            storage::UPDATES.entry_metadata(),
            storage::PROGRAMS.entry_metadata(),
            storage::PROGRAM_CODE.entry_metadata(),
            storage::TOTAL_HELD.entry_metadata(),
        ],
        calls: Some(meta_type::<Call>()),
        events: Some(meta_type::<Event>()),
        errors: Some(meta_type::<Error>()),
        constants: vec![
            Constant::new("Pot", &storage::pot(), &["Account that holds the money of all channels."]),
            Constant::new(
                "MaxPeriodTicks",
                &storage::MAX_PERIOD_TICKS,
                &["Longest period of a block, in ticks."],
            ),
            Constant::new("MaxWindowTicks", &storage::MAX_WINDOW_TICKS, &["Longest window, in ticks."]),
            Constant::new(
                "MaxOpenBlocks",
                &storage::MAX_OPEN_BLOCKS,
                &["Open blocks of a channel at a time."],
            ),
            Constant::new(
                "MaxErasBytes",
                &storage::MAX_ERAS_BYTES,
                &["Bytes of all eras that a channel keeps."],
            ),
            Constant::new(
                "MaxBlocksAhead",
                &storage::MAX_BLOCKS_AHEAD,
                &["How far ahead of the clock a block opens."],
            ),
            Constant::new(
                "ProgramDepositPerByte",
                &storage::PROGRAM_DEPOSIT_PER_BYTE,
                &["Plancks of deposit per byte of a program."],
            ),
        ],
        docs: vec!["Agreements between participants, their programs and the money inside them."],
        ..PalletMetadataParts::new(NAME, INDEX)
    }
}
