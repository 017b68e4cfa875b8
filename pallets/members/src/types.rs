//! Motions and what they need; certificates as the chain keeps them.

use alloc::string::String;
use alloc::vec::Vec;

use parity_scale_codec::{Decode, Encode};
use quire_core::{AccountId, H256, Weight};
use scale_info::TypeInfo;

/// ed25519 public key of a node.
pub type NodeKey = [u8; 32];

/// A share of the members that approvals must exceed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[scale_info(capture_docs = "always")]
pub struct Share {
    /// Above the line.
    pub numerator: u32,
    /// Below the line.
    pub denominator: u32,
}

impl Share {
    /// More than half.
    pub const MAJORITY: Share = Share { numerator: 1, denominator: 2 };
    /// More than two thirds.
    pub const TWO_THIRDS: Share = Share { numerator: 2, denominator: 3 };

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

/// What a motion is about; each class has a share of its own (R10).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode, TypeInfo)]
#[scale_info(capture_docs = "always")]
pub enum Class {
    /// A new member.
    #[codec(index = 0)]
    Admit,
    /// The end of a member, or of a member's node by the others.
    #[codec(index = 1)]
    Revoke,
    /// Everything else that Root may do.
    #[codec(index = 2)]
    Parameters,
    /// New code, and whatever amounts to it.
    #[codec(index = 3)]
    Upgrade,
}

impl Class {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Admit, Self::Revoke, Self::Parameters, Self::Upgrade];
}

/// Shares by class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[scale_info(capture_docs = "always")]
pub struct Thresholds {
    /// To admit a member.
    pub admit: Share,
    /// To revoke one.
    pub revoke: Share,
    /// To change parameters, and for everything else.
    pub parameters: Share,
    /// To offer new code.
    pub upgrade: Share,
}

impl Thresholds {
    /// One share for all classes.
    pub const fn all(share: Share) -> Self {
        Self { admit: share, revoke: share, parameters: share, upgrade: share }
    }

    /// The share of a class.
    pub const fn of(&self, class: Class) -> Share {
        match class {
            Class::Admit => self.admit,
            Class::Revoke => self.revoke,
            Class::Parameters => self.parameters,
            Class::Upgrade => self.upgrade,
        }
    }

    /// Whether every share can be exceeded.
    pub fn is_valid(&self) -> bool {
        Class::ALL.iter().all(|class| self.of(*class).is_valid())
    }

    /// Approvals that a motion of these classes needs among `all` members: the most that one of them asks for.
    pub fn needed(&self, classes: &[Class], all: u32) -> u32 {
        let shares = classes.iter().map(|class| self.of(*class).more_than(all));
        shares.max().unwrap_or_else(|| self.parameters.more_than(all))
    }
}

impl Default for Thresholds {
    /// A majority admits and sets parameters; two thirds revoke and offer code.
    fn default() -> Self {
        Self {
            admit: Share::MAJORITY,
            revoke: Share::TWO_THIRDS,
            parameters: Share::MAJORITY,
            upgrade: Share::TWO_THIRDS,
        }
    }
}

/// A proposed call and the votes on it. Votes of who is no member any more stay and count for nothing.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[scale_info(capture_docs = "always")]
pub struct Motion {
    /// Who proposed it.
    pub proposer: AccountId,
    /// What it is about, sorted; a batch is about all that its calls are about.
    pub classes: Vec<Class>,
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
#[scale_info(capture_docs = "always")]
pub struct Usage {
    /// How many there are.
    pub motions: u32,
    /// Bytes of their calls.
    pub call_bytes: u32,
}

/// A registered node.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[scale_info(capture_docs = "always")]
pub struct Peer {
    /// The node's name.
    pub name: String,
    /// Serial of its certificate.
    pub serial: u64,
    /// From when it holds, milliseconds of chain time.
    pub valid_from: u64,
    /// From when it holds no more.
    pub valid_until: u64,
}

/// How many entries a member has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[scale_info(capture_docs = "always")]
pub struct PeerUsage {
    /// Registered nodes.
    pub registered: u32,
    /// Revoked nodes that are not forgotten yet.
    pub revoked: u32,
}

/// Whose certificate, or revocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode, TypeInfo)]
#[scale_info(capture_docs = "always")]
pub enum Holder {
    /// A member's.
    #[codec(index = 0)]
    Principal {
        /// Which.
        member: AccountId,
    },
    /// A registered node's.
    #[codec(index = 1)]
    Peer {
        /// Whose node.
        member: AccountId,
        /// Its key.
        node: NodeKey,
    },
    /// A revoked node's.
    #[codec(index = 2)]
    RevokedPeer {
        /// Whose node it was.
        member: AccountId,
        /// Its key.
        node: NodeKey,
    },
}
