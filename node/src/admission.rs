//! The gate of the network: what a peer may do, judged from what it presented and what the chain says.
//!
//! Terms: *standing* is what a peer may do: [`Standing::Full`] peers take part, [`Standing::Limited`] ones read like a light
//! client and submit like a caller of JSON-RPC, at a bounded rate. The *tower* is the chain's word on certificates.
//!
//! Rules:
//! * A1 A valid Level 1 of a member in good standing makes a peer full; everything else leaves it limited, for the first
//!   reason that the rules of `quire-certificate` name (its C9).
//! * A2 Who proves by a signature to be the node of a member in the present authority set is full whatever its windows and
//!   revocations say: certificates never stop the network.
//! * A3 Limited peers still exchange blocks, headers, proofs and votes: a vote is its authority's by its own signature, so
//!   that the authority set votes even through peers that show nothing. What they do not get is what members share among
//!   themselves: batches and chunks of channels.
//! * A4 The answer depends on the arguments only; it is asked anew when the tower or the authority set changes.
//!
//! Out of scope: the exchange of certificates ([`crate::credentials`]), rates and connections (`quire-network`).
use crate::certificate::Libraries;
use quire_certificate::{Certificate, Refusal, Tower};
use quire_core::AccountId;
use quire_network::{Channel, Method};

/// What a peer may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It takes part.
    Full {
        /// Whose node it is.
        member: AccountId,
        /// Why.
        by: Ground,
    },
    /// It reads and submits.
    Limited {
        /// Why no more.
        reason: Refusal,
    },
}

/// Why a peer is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ground {
    /// A1.
    Certificate,
    /// A2.
    Authority,
}

/// What the gate looks at besides the peer.
#[derive(Debug, Clone, Copy)]
pub struct Scene<'a> {
    /// The chain's word.
    pub tower: &'a Tower,
    /// Members in the present authority set.
    pub authorities: &'a [AccountId],
}

/// The standing of the peer with this node key, which presented these bytes (A1, A2, A4).
pub fn judge(scene: &Scene<'_>, node: &[u8; 32], presented: Option<&[u8]>) -> Standing {
    let is_authority = |member: &AccountId| scene.authorities.contains(member);
    let certificate = presented.ok_or(Refusal::NoCertificate).and_then(Certificate::read);
    let certificate = match certificate {
        Ok(certificate) => certificate,
        Err(reason) => return Standing::Limited { reason },
    };
    match scene.tower.check_peer(&certificate, node, &Libraries) {
        Ok(member) => Standing::Full { member, by: Ground::Certificate },
        Err(reason) => match scene.tower.authentic_peer(&certificate, node, &Libraries) {
            Ok(member) if is_authority(&member) => Standing::Full { member, by: Ground::Authority },
            _ => Standing::Limited { reason },
        },
    }
}

impl Standing {
    /// Of somebody who showed nothing yet.
    pub const fn stranger() -> Self {
        Self::Limited { reason: Refusal::NoCertificate }
    }

    /// Whether it is full.
    pub const fn is_full(&self) -> bool {
        matches!(self, Self::Full { .. })
    }

    /// Whether notifications of a channel are taken from it and sent to it (A3).
    pub const fn may_notify(&self, channel: Channel) -> bool {
        match channel {
            Channel::BlockAnnounces | Channel::Transactions | Channel::Grandpa => true,
            Channel::Batches | Channel::Compact => self.is_full(),
        }
    }

    /// Whether its requests of a method are answered (A3).
    pub const fn may_request(&self, method: Method) -> bool {
        match method {
            Method::Sync
            | Method::Light
            | Method::State
            | Method::Warp
            | Method::Certificate
            | Method::Overlay => true,
            Method::Chunks => self.is_full(),
        }
    }

    /// A sentence for people.
    pub fn explanation(&self) -> String {
        match self {
            Self::Full { member, by: Ground::Certificate } => {
                format!("takes part as a node of {member}, by its certificate")
            }
            Self::Full { member, by: Ground::Authority } => {
                format!("takes part as a node of {member}, which is in the authority set")
            }
            Self::Limited { reason } => format!("reads and submits only: {reason}"),
        }
    }
}

#[cfg(test)]
mod tests;
