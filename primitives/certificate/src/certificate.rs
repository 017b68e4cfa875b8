//! A certificate: what it says, and what is signed (C1 to C4).

use alloc::string::String;
use alloc::vec::Vec;

use parity_scale_codec::{Decode, DecodeAll, Encode};
use quire_core::{AccountId, H256};
use scale_info::TypeInfo;

use crate::{CERTIFICATE_BYTES_MAX, Key, NAME_BYTES_MAX, Refusal, Verify, WINDOW_MS_MAX};

/// What every signed certificate begins with, before the level (C2).
const DOMAIN: &[u8] = b"quire/certificate/1/level-";

/// Who a certificate is for.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[scale_info(capture_docs = "always")]
pub enum Subject {
    /// Level 0: a member organisation.
    #[codec(index = 0)]
    Principal {
        /// Its account, which votes.
        account: AccountId,
        /// The key that signs for its peers.
        key: Key,
        /// Its name.
        name: String,
    },
    /// Level 1: a node of a member.
    #[codec(index = 1)]
    Peer {
        /// Whose node it is.
        member: AccountId,
        /// ed25519 public key of the node: its libp2p identity.
        node: [u8; 32],
        /// The node's name.
        name: String,
    },
    /// Level 2: a client of a peer.
    #[codec(index = 2)]
    Client {
        /// The client's key.
        key: Key,
        /// Node key of the peer that vouches.
        peer: [u8; 32],
        /// The work (C7).
        nonce: u64,
    },
}

impl Subject {
    /// The floor of the tower.
    pub const fn level(&self) -> u8 {
        match self {
            Self::Principal { .. } => 0,
            Self::Peer { .. } => 1,
            Self::Client { .. } => 2,
        }
    }

    /// The key that is certified.
    pub const fn key(&self) -> Key {
        match self {
            Self::Principal { key, .. } | Self::Client { key, .. } => *key,
            Self::Peer { node, .. } => Key::Ed25519(*node),
        }
    }

    /// The name, where the level has one.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Principal { name, .. } | Self::Peer { name, .. } => Some(name),
            Self::Client { .. } => None,
        }
    }

    /// C4.
    pub(crate) fn check_form(&self) -> Result<(), Refusal> {
        let Some(name) = self.name() else { return Ok(()) };
        let is_good = !name.is_empty() && name.len() <= NAME_BYTES_MAX && !name.chars().any(char::is_control);
        if is_good {
            Ok(())
        } else {
            Err(Refusal::Form { what: "the name is empty, too long or not printable" })
        }
    }
}

/// What a certificate says.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[scale_info(capture_docs = "always")]
pub struct Terms {
    /// Genesis hash of the chain that it is for.
    pub chain: H256,
    /// Who it is for.
    pub subject: Subject,
    /// Who vouches.
    pub issuer: Key,
    /// The issuer's count: of two certificates of one subject, the one with the higher serial is the newer.
    pub serial: u64,
    /// From when it holds, milliseconds since the Unix epoch.
    pub valid_from: u64,
    /// From when it holds no more, milliseconds since the Unix epoch.
    pub valid_until: u64,
}

impl Terms {
    /// What the issuer signs (C2).
    pub fn payload(&self) -> Vec<u8> {
        let mut out = DOMAIN.to_vec();
        out.push(b'0'.saturating_add(self.subject.level()));
        self.encode_to(&mut out);
        out
    }

    /// The certificate, with the issuer's signature of [`Self::payload`].
    pub const fn signed(self, signature: [u8; 64]) -> Certificate {
        Certificate { terms: self, signature }
    }

    /// Whether the terms are such as an issuer may sign (C3, C4).
    ///
    /// # Errors
    /// [`Refusal::Form`].
    pub fn check_form(&self) -> Result<(), Refusal> {
        self.subject.check_form()?;
        let form = |what| Err(Refusal::Form { what });
        if self.serial == 0 {
            return form("serials start at 1");
        }
        let Some(window) = self.valid_until.checked_sub(self.valid_from).filter(|window| *window > 0) else {
            return form("it ends before it begins");
        };
        if WINDOW_MS_MAX.get(usize::from(self.subject.level())).is_none_or(|max| window > *max) {
            return form("it holds for longer than its level may");
        }
        Ok(())
    }
}

/// Terms and the issuer's signature.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[scale_info(capture_docs = "always")]
pub struct Certificate {
    /// What it says.
    pub terms: Terms,
    /// The issuer's signature, of the scheme of its key.
    pub signature: [u8; 64],
}

impl Certificate {
    /// Reads a whole certificate.
    ///
    /// # Errors
    /// [`Refusal::Undecodable`] when it is too long, cut off, or has bytes left over.
    pub fn read(bytes: &[u8]) -> Result<Self, Refusal> {
        if bytes.len() > CERTIFICATE_BYTES_MAX {
            return Err(Refusal::Undecodable);
        }
        Self::decode_all(&mut &*bytes).map_err(|_| Refusal::Undecodable)
    }

    /// Whether the issuer that it names signed it (not whether that issuer may).
    pub fn is_signed(&self, verify: &impl Verify) -> bool {
        verify.verify(&self.terms.issuer, &self.terms.payload(), &self.signature)
    }

    /// C1 and level, before anything else (C9).
    pub(crate) fn check_place(&self, chain: &H256, level: u8) -> Result<(), Refusal> {
        if self.terms.chain != *chain {
            return Err(Refusal::OtherChain { named: self.terms.chain });
        }
        let got = self.terms.subject.level();
        if got != level { Err(Refusal::WrongLevel { got, wanted: level }) } else { Ok(()) }
    }
}
