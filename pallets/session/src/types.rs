//! Keys, parameters and records of sessions.

use alloc::vec::Vec;

use parity_scale_codec::{Decode, Encode};
use quire_core::{AccountId, AuraId, Balance, GrandpaId, KeyTypeId, Slot, keys};
use scale_info::TypeInfo;

/// Number of a session; the first is 0.
pub type SessionIndex = u32;

/// The keys of an authority node, in the order of `author_rotateKeys`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Encode, Decode, TypeInfo)]
#[scale_info(replace_segment("pallet_session", "quire_runtime"), replace_segment("types", "opaque"))]
pub struct SessionKeys {
    /// Seals blocks.
    pub aura: AuraId,
    /// Votes on finality.
    pub grandpa: GrandpaId,
}

impl SessionKeys {
    /// The keys with their types.
    pub fn typed(&self) -> [(KeyTypeId, [u8; 32]); 2] {
        [(keys::AURA, self.aura.0), (keys::GRANDPA, self.grandpa.0)]
    }
}

/// An account and the keys of its node.
pub type Authority = (AccountId, SessionKeys);

/// Figures fixed at genesis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct Parameters {
    /// Slots of a session (R1).
    pub length_slots: u32,
    /// Active bond that an authority needs; none when zero (R3).
    pub minimum_stake: Balance,
}

impl Default for Parameters {
    /// Ten minutes of one-second slots, no stake.
    fn default() -> Self {
        Self { length_slots: 600, minimum_stake: 0 }
    }
}

/// Where a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct End {
    /// Slot of its last block.
    pub slot: Slot,
    /// Tick of the channel clock in that block.
    pub tick: u32,
}

/// What is kept of a session.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct Record {
    /// Number of the GRANDPA set that voted in it.
    pub set_id: u64,
    /// Its slots are those after this one.
    pub after: Slot,
    /// Its last block; none while it runs.
    pub end: Option<End>,
    /// The authorities, by account.
    pub authorities: Vec<Authority>,
}

impl Record {
    /// Whether blocks of `slot` are of this session.
    pub fn covers(&self, slot: Slot) -> bool {
        slot > self.after && self.end.is_none_or(|end| slot <= end.slot)
    }

    /// Who had a key in it.
    pub fn owner(&self, key_type: KeyTypeId, key: &[u8; 32]) -> Option<AccountId> {
        let has = |(_, keys): &&Authority| keys.typed().contains(&(key_type, *key));
        self.authorities.iter().find(has).map(|(who, _)| *who)
    }
}

/// Records that are gone (R8).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Forgotten {
    /// Sessions whose record is gone.
    pub sessions: Vec<SessionIndex>,
    /// GRANDPA sets of which no record tells any more.
    pub sets: Vec<u64>,
}
