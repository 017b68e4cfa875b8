//! The life of a channel block: the one judge that pallet, collator, validator and litigation call.
//!
//! Terms: a *tick* is one step of the channel clock (it pauses while finality lags); `entered` is the tick at which the
//! present state began; *delegates* are the validators named by participants and frozen at the end of Collecting, each
//! counted once; a *supporter* of a result is a participant whose delegate revealed it.
//!
//! ```text
//!              all sealed            all parts          all committed        all revealed
//!              or period's end       or deadline        or deadline          or deadline
//!  Collecting ───────────────▶ Parts ──────────▶ Committing ──────────▶ Revealing ────────┐
//!      │ < 2 participants        │ no part           │ no commitment           │        │ R8
//!      │ with a delegate (R3)    │ (R4)              │ (R6)                    │ too few│
//!      ▼                         ▼                   ▼                         ▼        │
//!   Expired ◀────────────────────┴───────────────────┴──────────────────────────        │
//!                                                                                       │
//!   Disputed ◀── reveals differ ────────────────────────────────────────────────────────┤
//!      ▲                                                                                │
//!      └── a case opens ── Agreed ◀── equal, at least two supporters ───────────────────┘
//!                            │ challenge window over (R10)
//!                            ▼
//!                        Settling ── all outputs applied, all paid ──▶ Settled
//!                            └────── all outputs applied, some unpaid ─▶ Underfunded (debts recorded)
//! ```
//!
//! R1 Block `n` of an era covers `[start + (n − first_block)·period, +period)`. The era of a block is the last one whose
//!    `first_block` is not above it. Ticks saturate at the end of the clock's range.
//! R2 Collecting ends at the period's end, or as soon as every participant sealed and has an accepted delegate. A seal
//!    may come before the period begins: it is unanimous, so it harms nobody.
//! R3 At that moment the list of delegates is frozen. With fewer than two participants that have an accepted delegate no
//!    agreement is possible: the block expires.
//! R4 Parts ends `windows.parts` ticks after it began, or as soon as every participant's part counts. Without any part
//!    the block expires.
//! R5 A part counts with receipts from more than half of the delegates. Each delegate counts once; others do not count.
//! R6 Committing ends `windows.commit` ticks after it began, or as soon as every delegate committed. Without any
//!    commitment the block expires.
//! R7 Revealing ends `windows.reveal` ticks after it began, or as soon as everybody who committed revealed. A reveal fits
//!    when its commitment was made, and its header names the block, the era's program, and exactly the counted parts,
//!    and stays within the limit of outputs. A commitment without a reveal at the end is slashed.
//! R8 Agreement: all reveals equal and at least two distinct supporters: Agreed. Reveals differ: Disputed. Otherwise
//!    nothing was established: Expired (until further validators can be drawn).
//! R9 An early end takes effect at the tick at which the last missing thing came; a deadline at the deadline, even when it
//!    is noticed later. So deadlines do not depend on who looks when, and [`advance`] may skip several states.
//! R10 Agreed lasts `windows.challenge` ticks. A case that opens meanwhile makes the block Disputed.
//! R11 Outputs are applied in proven slices, in any order; index below the count, each index once, a slice never empty.
//!    A result without outputs needs none.
//! R12 A fee is shared equally among the validators that revealed the agreed result; the remainder goes to the first by
//!    account id.
//! R13 A payer whose deposit is short pays in fixed order: validators' fees, then auditors, then partners, the last of two
//!    equal rank pro rata (rounded down, the rest planck by planck in order of participant index). The rest is debt.
//! R14 Settled, Underfunded and Expired are terminal. Disputed waits for litigation, the money still.
//!
//! Out of scope: drawing further validators, verdicts, bonds (litigation); signatures; storage.

mod funding;
mod slices;

pub use funding::{Claim, ClaimRank, Payment, distribute, share_fee};
pub use slices::{AppliedOutputs, SliceError};

use crate::channel::{Era, Windows};
use crate::limits::MAX_OUTPUTS;
use crate::result::ResultHeader;
use parity_scale_codec::{Decode, Encode, MaxEncodedLen};
use quire_core::H256;
use scale_info::TypeInfo;

/// Fewest supporters of an agreed result (R8) and fewest participants with a delegate (R3).
pub const MIN_SUPPORTERS: u32 = 2;

/// Where a block stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode, TypeInfo, MaxEncodedLen)]
pub enum BlockState {
    /// Participants produce and exchange messages; they delegate and seal.
    #[codec(index = 0)]
    Collecting,
    /// Parts are anchored with custody receipts.
    #[codec(index = 1)]
    Parts,
    /// Delegates commit to results.
    #[codec(index = 2)]
    Committing,
    /// Delegates reveal results.
    #[codec(index = 3)]
    Revealing,
    /// One result stands; its total is reserved; it may be challenged.
    #[codec(index = 4)]
    Agreed,
    /// Outputs are being applied.
    #[codec(index = 5)]
    Settling,
    /// All outputs applied and paid. Terminal.
    #[codec(index = 6)]
    Settled,
    /// Results differ or a case is open; money stands still.
    #[codec(index = 7)]
    Disputed,
    /// All outputs applied, deposits did not cover them, the rest is debt. Terminal.
    #[codec(index = 8)]
    Underfunded,
    /// No result. Terminal; parts stay claimable by litigation.
    #[codec(index = 9)]
    Expired,
}

impl BlockState {
    /// R14.
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Settled | Self::Underfunded | Self::Expired)
    }
}

/// First tick of a block's period and first tick after it (R1). `None` when the block is before the era.
pub fn period(era: &Era, block: u32) -> Option<(u32, u32)> {
    let number = block.checked_sub(era.first_block)?;
    let start = era.start.saturating_add(number.saturating_mul(era.terms.period));
    Some((start, start.saturating_add(era.terms.period)))
}

/// The era of a block (R1): the last one that begins at or before it. `eras` are in order of `first_block`.
pub fn era_of(eras: &[Era], block: u32) -> Option<&Era> {
    eras.iter().rev().find(|era| era.first_block <= block)
}

/// What is known of a block, as far as the rules care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Participants of the channel.
    pub participants: u32,
    /// Participants with an accepted delegate.
    pub delegated: u32,
    /// Participants that sealed.
    pub sealed: u32,
    /// Counted parts.
    pub parts: u32,
    /// Distinct delegates.
    pub validators: u32,
    /// Delegates that committed.
    pub commits: u32,
    /// Delegates that revealed.
    pub reveals: u32,
    /// Judgement over the reveals ([`judge`]); only looked at in Revealing.
    pub verdict: Verdict,
    /// Open cases.
    pub cases: u32,
    /// Outputs of the agreed result.
    pub outputs: u32,
    /// Outputs applied.
    pub applied: u32,
    /// Did some payer fall short (R13)? Only looked at when all outputs are applied.
    pub unpaid: bool,
}

/// A state and when it began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo, MaxEncodedLen)]
pub struct Progress {
    /// The state.
    pub state: BlockState,
    /// Tick at which it began (R9). For Collecting: the start of the period, which may lie ahead.
    pub entered: u32,
}

/// The first tick at which the phase is over although nothing more came; `None` for states without a deadline.
pub fn deadline(progress: Progress, period: u32, windows: &Windows) -> Option<u32> {
    let length = match progress.state {
        BlockState::Collecting => period,
        BlockState::Parts => windows.parts,
        BlockState::Committing => windows.commit,
        BlockState::Revealing => windows.reveal,
        BlockState::Agreed => windows.challenge,
        _ => return None,
    };
    Some(progress.entered.saturating_add(length))
}

/// One transition that is due at `now`, or `None` (R2–R10, R14). Call it until it gives `None`, or use [`advance`].
pub fn next_state(
    progress: Progress,
    facts: &Facts,
    period: u32,
    windows: &Windows,
    now: u32,
) -> Option<Progress> {
    let due = deadline(progress, period, windows);
    let late = due.is_some_and(|due| now >= due);
    // R9: what ends early ends now, what is late ended at its deadline.
    let entered = due.map_or(now, |due| due.min(now));
    let state = match progress.state {
        BlockState::Collecting if late || everybody_sealed(facts) => {
            if facts.delegated < MIN_SUPPORTERS {
                BlockState::Expired
            } else {
                BlockState::Parts
            }
        }
        BlockState::Parts if late || facts.parts >= facts.participants => {
            if facts.parts == 0 {
                BlockState::Expired
            } else {
                BlockState::Committing
            }
        }
        BlockState::Committing if late || facts.commits >= facts.validators => {
            if facts.commits == 0 {
                BlockState::Expired
            } else {
                BlockState::Revealing
            }
        }
        BlockState::Revealing if late || facts.reveals >= facts.commits => match facts.verdict {
            Verdict::Agreed(_) => BlockState::Agreed,
            Verdict::Differ => BlockState::Disputed,
            Verdict::TooFew => BlockState::Expired,
        },
        BlockState::Agreed if facts.cases > 0 => BlockState::Disputed,
        BlockState::Agreed if late => BlockState::Settling,
        BlockState::Settling if facts.applied >= facts.outputs => {
            if facts.unpaid {
                BlockState::Underfunded
            } else {
                BlockState::Settled
            }
        }
        _ => return None,
    };
    Some(Progress { state, entered })
}

/// All transitions that are due at `now`. The facts of a state cannot change while it is passed through, because every
/// call that changes them advances first.
pub fn advance(mut progress: Progress, facts: &Facts, period: u32, windows: &Windows, now: u32) -> Progress {
    // Each transition moves to a later state, so there are fewer than the states.
    while let Some(next) = next_state(progress, facts, period, windows, now) {
        progress = next;
    }
    progress
}

/// R2.
fn everybody_sealed(facts: &Facts) -> bool {
    facts.sealed >= facts.participants && facts.delegated >= facts.participants
}

/// R5: do `receipts` distinct delegates out of `validators` make a part count?
pub const fn has_receipt_quorum(receipts: u32, validators: u32) -> bool {
    receipts as u64 * 2 > validators as u64
}

/// Judgement over the reveals of a block (R8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All equal, enough supporters; the result's hash.
    Agreed(H256),
    /// At least two different results.
    Differ,
    /// Not enough supporters.
    TooFew,
}

/// R8. `reveals` gives, per delegate that revealed, the result's hash and how many participants delegated to it; each
/// participant delegates to one validator, so the supporters are distinct.
pub fn judge(reveals: impl IntoIterator<Item = (H256, u32)>) -> Verdict {
    let mut agreed: Option<H256> = None;
    let mut supporters = 0u32;
    for (hash, delegated_by) in reveals {
        if agreed.is_some_and(|first| first != hash) {
            return Verdict::Differ;
        }
        agreed = Some(hash);
        supporters = supporters.saturating_add(delegated_by);
    }
    match agreed {
        Some(hash) if supporters >= MIN_SUPPORTERS => Verdict::Agreed(hash),
        _ => Verdict::TooFew,
    }
}

/// What a revealed header must name (R7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expected {
    /// Channel id.
    pub channel: u64,
    /// Channel block.
    pub block: u32,
    /// Program of the block's era.
    pub program: H256,
    /// Bitmap of counted parts.
    pub parts: u32,
}

/// Why a revealed header does not fit its block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RevealError {
    /// The commitment is another.
    #[error("result and salt do not give the commitment; reveal what was committed")]
    Commitment,
    /// Another channel or block.
    #[error("result is for channel {channel} block {block}; reveal it there")]
    Place {
        /// Channel of the header.
        channel: u64,
        /// Block of the header.
        block: u32,
    },
    /// Another program.
    #[error("result was made by program {program}, the era names another; run that one")]
    Program {
        /// Program of the header.
        program: H256,
    },
    /// Another set of parts.
    #[error("result covers parts {found:#b}, the chain counts {counted:#b}; merge exactly these")]
    Parts {
        /// Bitmap of the header.
        found: u32,
        /// Bitmap of the chain.
        counted: u32,
    },
    /// More outputs than a result may have.
    #[error("result has {count} outputs, the limit is {MAX_OUTPUTS}")]
    TooManyOutputs {
        /// Outputs of the header.
        count: u32,
    },
}

/// R7, all but the commitment itself (see [`crate::result::commitment`]).
pub fn check_reveal(header: &ResultHeader, expected: &Expected) -> Result<(), RevealError> {
    if (header.channel, header.block) != (expected.channel, expected.block) {
        return Err(RevealError::Place { channel: header.channel, block: header.block });
    }
    if header.program != expected.program {
        return Err(RevealError::Program { program: header.program });
    }
    if header.parts != expected.parts {
        return Err(RevealError::Parts { found: header.parts, counted: expected.parts });
    }
    if header.outputs_count > MAX_OUTPUTS {
        return Err(RevealError::TooManyOutputs { count: header.outputs_count });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
