//! Proofs, with Substrate's encodings, and what they prove.

use alloc::vec::Vec;

use parity_scale_codec::{Decode, Encode};
use quire_core::{AccountId, AuraId, BlockNumber, GrandpaId, H256, Header, Slot};
use scale_info::TypeInfo;

/// Two sealed blocks of one slot.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct AuthorProof {
    /// The key that sealed both.
    pub offender: AuraId,
    /// The slot that both claim.
    pub slot: Slot,
    /// One header, with its seal.
    pub first_header: Header,
    /// The other one, with its seal.
    pub second_header: Header,
}

/// Two votes of one round.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct VoterProof {
    /// The voter set.
    pub set_id: u64,
    /// The votes.
    pub equivocation: Equivocation,
}

/// Two votes, by kind.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub enum Equivocation {
    /// Two prevotes.
    #[codec(index = 0)]
    Prevote(Votes),
    /// Two precommits.
    #[codec(index = 1)]
    Precommit(Votes),
}

/// Two votes of one voter in one round.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct Votes {
    /// The round.
    pub round_number: u64,
    /// The key that signed both.
    pub identity: GrandpaId,
    /// One vote and its signature.
    pub first: (Vote, [u8; 64]),
    /// The other one.
    pub second: (Vote, [u8; 64]),
}

/// What a vote is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct Vote {
    /// Hash of the block.
    pub target_hash: H256,
    /// Its number.
    pub target_number: BlockNumber,
}

/// Who owned a key: in which session.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[scale_info(replace_segment("pallet_equivocation", "sp_session"))]
pub struct MembershipProof {
    /// The session.
    pub session: u32,
    /// Empty: the record of the session is in the state.
    pub trie_nodes: Vec<Vec<u8>>,
    /// How many authorities the session had.
    pub validator_count: u32,
}

/// What an account is punished for, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub enum Offence {
    /// Authored twice in slots of a session.
    #[codec(index = 0)]
    Authored {
        /// The session.
        session: u32,
    },
    /// Voted twice in rounds of a set.
    #[codec(index = 1)]
    Voted {
        /// The set.
        set_id: u64,
    },
}

/// Who did what, proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Accused {
    /// The offender.
    pub who: AccountId,
    /// The offence.
    pub offence: Offence,
}

/// Figures fixed at genesis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct Parameters {
    /// Hundredths of the bond that an offence costs; at most 100.
    pub slash_percent: u8,
}

impl Default for Parameters {
    /// A tenth.
    fn default() -> Self {
        Self { slash_percent: 10 }
    }
}
