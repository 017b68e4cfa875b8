//! Messages of `grandpa/1`, byte for byte as Substrate sends them.
//!
//! ```text
//!  00 vote              round u64, set u64, kind u8, hash, number u32, signature[64], key[32]
//!  01 commit            round u64, set u64, target hash, number, Vec<(hash, number)>, Vec<(signature, key)>
//!  02 01 neighbour      round u64, set u64, finalised number u32
//!  03 catch-up request  round u64, set u64
//!  04 catch-up          set u64, round u64, Vec<prevote>, Vec<precommit>, base hash, number
//! ```
//!
//! Rules
//! - R1 Decoding is bounded: at most two votes of each kind per authority, and never more than
//!   [`MAX_MESSAGE_BYTES`].
//! - R2 Bytes left over make a message undecodable.
//! - R3 What is signed is `kind ++ hash ++ number ++ round ++ set`, the same for all kinds.
//!
//! Out of scope: what a message means ([`super::voter`]).

use parity_scale_codec::{Decode, Encode, Error, Input};
use quire_core::codec::decode_vec;
use quire_core::justification::SignedPrecommit;
use quire_core::{BlockNumber, GrandpaId, H256, limits};

use super::justification::verify_signature;
use crate::vote_guard::VoteKind;

/// Largest message of `grandpa/1`; Substrate's limit of a notification.
pub const MAX_MESSAGE_BYTES: usize = 1024 * 1024;
/// Votes of one kind in one message: two per authority, since an equivocation is two votes.
const MAX_VOTES: u32 = 2 * limits::MAX_AUTHORITIES;

/// A block that is voted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub struct Target {
    /// Its hash.
    pub hash: H256,
    /// Its number.
    pub number: BlockNumber,
}

/// A target with the signature of one authority; the kind of vote is known from the context.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub struct Ballot {
    /// The block voted for.
    pub target: Target,
    /// ed25519 signature over [`payload`].
    pub signature: [u8; 64],
    /// The voter.
    pub id: GrandpaId,
}

/// A vote as it is signed, without round and set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub struct SignedVote {
    /// Which phase.
    pub kind: VoteKind,
    /// Target, signature and voter.
    pub ballot: Ballot,
}

/// `00`: one vote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct VoteMessage {
    /// Round of the set, from 1.
    pub round: u64,
    /// Number of the voter set.
    pub set_id: u64,
    /// The vote.
    pub vote: SignedVote,
}

/// `01`: enough precommits of one round for its target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// Round of the votes.
    pub round: u64,
    /// Number of the voter set.
    pub set_id: u64,
    /// The block that is final.
    pub target: Target,
    /// The votes.
    pub precommits: Vec<Ballot>,
}

/// `02`: where the sender stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Neighbour {
    /// Its current round.
    pub round: u64,
    /// Its voter set.
    pub set_id: u64,
    /// Its last finalised block.
    pub finalised: BlockNumber,
}

/// `03`: asks for the votes that complete a round or a later one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct CatchUpRequest {
    /// The lowest round that helps.
    pub round: u64,
    /// Number of the voter set.
    pub set_id: u64,
}

/// `04`: the votes that complete a round.
#[derive(Clone, Debug, PartialEq, Eq, Encode)]
pub struct CatchUp {
    /// Number of the voter set.
    pub set_id: u64,
    /// The round.
    pub round: u64,
    /// Its prevotes.
    pub prevotes: Vec<Ballot>,
    /// Its precommits.
    pub precommits: Vec<Ballot>,
    /// The block on which the round was built.
    pub base: Target,
}

/// Everything that is sent on `grandpa/1`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// A vote.
    Vote(VoteMessage),
    /// A commit.
    Commit(Commit),
    /// A neighbour packet.
    Neighbour(Neighbour),
    /// A request to catch up.
    CatchUpRequest(CatchUpRequest),
    /// Its answer.
    CatchUp(CatchUp),
}

/// R3: what an authority signs.
#[must_use]
pub fn payload(kind: VoteKind, target: Target, round: u64, set_id: u64) -> Vec<u8> {
    (kind, target, round, set_id).encode()
}

impl Ballot {
    /// True if the signature is the voter's for this kind, round and set.
    #[must_use]
    pub fn is_signed(&self, kind: VoteKind, round: u64, set_id: u64) -> bool {
        verify_signature(&self.id, &payload(kind, self.target, round, set_id), &self.signature)
    }

    /// As a justification keeps it.
    #[must_use]
    pub fn to_precommit(&self) -> SignedPrecommit {
        SignedPrecommit {
            target_hash: self.target.hash,
            target_number: self.target.number,
            signature: self.signature,
            id: self.id,
        }
    }

    /// From a justification.
    #[must_use]
    pub fn from_precommit(precommit: &SignedPrecommit) -> Self {
        Self {
            target: Target { hash: precommit.target_hash, number: precommit.target_number },
            signature: precommit.signature,
            id: precommit.id,
        }
    }
}

impl Message {
    /// Decodes a notification (R1, R2).
    pub fn decode_bounded(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() > MAX_MESSAGE_BYTES {
            return Err("more than 1 MiB".into());
        }
        let mut rest = bytes;
        let message = Self::decode(&mut rest)?;
        if rest.is_empty() { Ok(message) } else { Err("bytes left over".into()) }
    }
}

impl Encode for Commit {
    fn encode_to<O: parity_scale_codec::Output + ?Sized>(&self, out: &mut O) {
        (self.round, self.set_id, self.target).encode_to(out);
        let targets: Vec<Target> = self.precommits.iter().map(|ballot| ballot.target).collect();
        let signed: Vec<_> = self.precommits.iter().map(|ballot| (ballot.signature, ballot.id)).collect();
        (targets, signed).encode_to(out);
    }
}

impl Decode for Commit {
    fn decode<I: Input>(input: &mut I) -> Result<Self, Error> {
        let (round, set_id, target) = Decode::decode(input)?;
        let targets: Vec<Target> = decode_vec(input, MAX_VOTES, "Commit.precommits")?;
        let signed: Vec<([u8; 64], GrandpaId)> = decode_vec(input, MAX_VOTES, "Commit.auth_data")?;
        if targets.len() != signed.len() {
            return Err("commit with other counts of votes and signatures".into());
        }
        let precommits = targets
            .into_iter()
            .zip(signed)
            .map(|(target, (signature, id))| Ballot { target, signature, id })
            .collect();
        Ok(Self { round, set_id, target, precommits })
    }
}

impl Decode for CatchUp {
    fn decode<I: Input>(input: &mut I) -> Result<Self, Error> {
        Ok(Self {
            set_id: u64::decode(input)?,
            round: u64::decode(input)?,
            prevotes: decode_vec(input, MAX_VOTES, "CatchUp.prevotes")?,
            precommits: decode_vec(input, MAX_VOTES, "CatchUp.precommits")?,
            base: Target::decode(input)?,
        })
    }
}

/// Version of the neighbour packet.
const NEIGHBOUR_V1: u8 = 1;

impl Encode for Message {
    fn encode_to<O: parity_scale_codec::Output + ?Sized>(&self, out: &mut O) {
        match self {
            Self::Vote(vote) => (0u8, vote).encode_to(out),
            Self::Commit(commit) => (1u8, commit).encode_to(out),
            Self::Neighbour(neighbour) => (2u8, NEIGHBOUR_V1, neighbour).encode_to(out),
            Self::CatchUpRequest(request) => (3u8, request).encode_to(out),
            Self::CatchUp(catch_up) => (4u8, catch_up).encode_to(out),
        }
    }
}

impl Decode for Message {
    fn decode<I: Input>(input: &mut I) -> Result<Self, Error> {
        match input.read_byte()? {
            0 => Ok(Self::Vote(Decode::decode(input)?)),
            1 => Ok(Self::Commit(Decode::decode(input)?)),
            2 if input.read_byte()? == NEIGHBOUR_V1 => Ok(Self::Neighbour(Decode::decode(input)?)),
            2 => Err("neighbour packet of an unknown version".into()),
            3 => Ok(Self::CatchUpRequest(Decode::decode(input)?)),
            4 => Ok(Self::CatchUp(Decode::decode(input)?)),
            _ => Err("unknown kind of message".into()),
        }
    }
}

#[cfg(test)]
mod tests;
