//! GRANDPA justifications: the proof that a block is final.
//!
//! R1. A precommit is an ed25519 signature over [`precommit_payload`].
//! R2. A justification lists precommits of more than two thirds of the authorities, each on the target or on a
//!     descendant of it that `votes_ancestries` links to the target; no ancestry header is without use.
//!
//! Out of scope: checking signatures and thresholds (`node/consensus`).

use crate::codec::decode_vec;
use crate::{BlockNumber, GrandpaId, H256, Header, limits};
use alloc::vec::Vec;
use parity_scale_codec::{Decode, Encode, Error, Input, MaxEncodedLen};

/// One authority's precommit with its signature.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, MaxEncodedLen)]
pub struct SignedPrecommit {
    /// The block voted for.
    pub target_hash: H256,
    /// Its number.
    pub target_number: BlockNumber,
    /// ed25519 signature over [`precommit_payload`].
    pub signature: [u8; 64],
    /// The voter.
    pub id: GrandpaId,
}

/// Proof that a block is final.
#[derive(Clone, Debug, PartialEq, Eq, Encode)]
pub struct GrandpaJustification {
    /// Round of the votes.
    pub round: u64,
    /// The final block.
    pub target_hash: H256,
    /// Its number.
    pub target_number: BlockNumber,
    /// Votes, at most [`limits::MAX_AUTHORITIES`].
    pub precommits: Vec<SignedPrecommit>,
    /// Headers between the target and the blocks voted for, at most [`limits::MAX_VOTES_ANCESTRIES`].
    pub votes_ancestries: Vec<Header>,
}

impl Decode for GrandpaJustification {
    fn decode<I: Input>(input: &mut I) -> Result<Self, Error> {
        Ok(GrandpaJustification {
            round: u64::decode(input)?,
            target_hash: H256::decode(input)?,
            target_number: u32::decode(input)?,
            precommits: decode_vec(input, limits::MAX_AUTHORITIES, "GrandpaJustification.precommits")?,
            votes_ancestries: decode_vec(
                input,
                limits::MAX_VOTES_ANCESTRIES,
                "GrandpaJustification.votes_ancestries",
            )?,
        })
    }
}

/// What an authority signs when it precommits to a block:
/// `01 ++ hash ++ number (u32) ++ round (u64) ++ set id (u64)`, little-endian.
pub fn precommit_payload(hash: H256, number: BlockNumber, round: u64, set_id: u64) -> Vec<u8> {
    const PRECOMMIT: u8 = 1;
    (PRECOMMIT, hash, number, round, set_id).encode()
}

/// What an authority signs when it prevotes for a block: as [`precommit_payload`], with `00` before it.
pub fn prevote_payload(hash: H256, number: BlockNumber, round: u64, set_id: u64) -> Vec<u8> {
    const PREVOTE: u8 = 0;
    (PREVOTE, hash, number, round, set_id).encode()
}
