//! The record of a program run: one leaf per call, so that two results can be bisected.
//!
//! R1 Every map call and every reduce call that the protocol demands has one record; repeats after a failure belong to
//!    the record of the call that failed.
//! R2 Records stand in the order (stage, vBucket, phase, index); the root over their leaves is `groups_root`.
//! R3 `read` covers what went in: in a map call of stage 0 the message ids in order, else the input bytes. `written` covers
//!    what came out: the pairs or emits as they were returned, after a failure those of the items or groups that did not
//!    fail, one after the other.
//!
//! Why per call and not per key group: a program may aggregate all groups of a call into one emit (the rtb program
//! does), and an instance may remember what it saw, so only the calls of one (stage, vBucket) are re-executable. Two results
//! that differ differ first in one call, which names at most [`crate::limits::MAP_BATCH_ITEMS`] items or groups.

use parity_scale_codec::{Decode, Encode};
use quire_core::H256;
use quire_core::hash::blake2_256;

const RECORD_TAG: &[u8] = b"quire/record/1";

/// Phase of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub enum Phase {
    /// `quire_map`.
    #[codec(index = 0)]
    Map,
    /// `quire_reduce`.
    #[codec(index = 1)]
    Reduce,
}

/// One call of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct CallRecord {
    /// Stage.
    pub stage: u8,
    /// vBucket.
    pub vbucket: u16,
    /// Map or reduce.
    pub phase: Phase,
    /// Number of the call in its phase.
    pub index: u32,
    /// Items or groups in it.
    pub items: u32,
    /// Items or groups of it that failed.
    pub failed: u32,
    /// R3.
    pub read: H256,
    /// R3.
    pub written: H256,
}

impl CallRecord {
    /// The leaf under `groups_root`.
    pub fn leaf(&self) -> H256 {
        let mut bytes = RECORD_TAG.to_vec();
        self.encode_to(&mut bytes);
        H256(blake2_256(&bytes))
    }
}
