//! What a channel consists of: participants, eras, windows.
//!
//! Terms: an *era* fixes period, windows, program and parameters from its `first_block` on; a *tick* is one step of the
//! channel clock; a *window* is the length of one phase of a block's life (see [`crate::rules`]) in ticks.

use alloc::vec::Vec;
use parity_scale_codec::{Decode, Encode, MaxEncodedLen};
use quire_core::{AccountId, H256};
use scale_info::TypeInfo;

/// One party of a channel. Its place in the list is its index in messages, outputs and bitmaps.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo, MaxEncodedLen)]
pub struct Participant {
    /// Owns the deposit; never signs messages.
    pub account: AccountId,
    /// What the program takes the participant for, e.g. DSP 0, SSP 1, auditor 2.
    pub role: u8,
    /// sr25519 key that signs its batches.
    pub message_key: [u8; 32],
    /// X25519 key that channel secrets are sealed to.
    pub sealing_key: [u8; 32],
}

/// Lengths of the phases after collecting, in ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo, MaxEncodedLen)]
pub struct Windows {
    /// For anchoring parts.
    pub parts: u32,
    /// For commitments.
    pub commit: u32,
    /// For reveals.
    pub reveal: u32,
    /// For opening a case against an agreed result.
    pub challenge: u32,
}

/// What participants agree on for a run of blocks.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct EraTerms {
    /// Length of a block's period, in ticks, at least 1.
    pub period: u32,
    /// Lengths of the later phases.
    pub windows: Windows,
    /// Hash of the program's code.
    pub program: H256,
    /// Handed to the program as they are; at most [`crate::limits::MAX_PARAMETERS_BYTES`].
    pub parameters: Vec<u8>,
    /// Validators that must not see this channel's messages.
    pub exclusions: Vec<AccountId>,
}

/// Terms with the block and the tick from which they hold.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct Era {
    /// First block under these terms.
    pub first_block: u32,
    /// Tick at which the period of `first_block` begins.
    pub start: u32,
    /// The terms.
    pub terms: EraTerms,
}
