//! Motions, and what share of the members they need.

use alloc::vec::Vec;

use parity_scale_codec::{Decode, Encode};
use quire_core::{AccountId, H256, Weight};
use scale_info::TypeInfo;

/// A share of the members that approvals must exceed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct Share {
    /// Above the line.
    pub numerator: u32,
    /// Below the line.
    pub denominator: u32,
}

impl Share {
    /// More than half.
    pub const MAJORITY: Share = Share { numerator: 1, denominator: 2 };

    /// Whether it is a share: from zero, and below one.
    pub const fn is_valid(self) -> bool {
        self.numerator < self.denominator
    }

    /// The least count that is more than this share of `all`; never more than `all` for valid shares.
    pub fn more_than(self, all: u32) -> u32 {
        let product = u64::from(all).saturating_mul(u64::from(self.numerator));
        let part = product.checked_div(u64::from(self.denominator)).unwrap_or(u64::from(all));
        u32::try_from(part.saturating_add(1)).unwrap_or(u32::MAX)
    }
}

impl Default for Share {
    fn default() -> Self {
        Self::MAJORITY
    }
}

/// A proposed call and the votes on it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct Motion {
    /// Who proposed it.
    pub proposer: AccountId,
    /// blake2-256 of the encoded call.
    pub call_hash: H256,
    /// Length of the encoded call.
    pub call_bytes: u32,
    /// What the call weighs.
    pub weight: Weight,
    /// Tick of the channel clock at which it is gone.
    pub expires_at: u32,
    /// Who is for it.
    pub ayes: Vec<AccountId>,
    /// Who is against it.
    pub nays: Vec<AccountId>,
}

/// What a member's open motions take up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct Usage {
    /// How many there are.
    pub motions: u32,
    /// Bytes of their calls.
    pub call_bytes: u32,
}
