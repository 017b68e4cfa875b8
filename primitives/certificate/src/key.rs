//! Public keys of the tower, and whoever checks their signatures.

use parity_scale_codec::{Decode, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

/// A public key that signs certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode, MaxEncodedLen, TypeInfo)]
#[scale_info(capture_docs = "always")]
pub enum Key {
    /// ed25519: node keys, hardware.
    #[codec(index = 0)]
    Ed25519([u8; 32]),
    /// sr25519: accounts.
    #[codec(index = 1)]
    Sr25519([u8; 32]),
}

impl Key {
    /// The bytes, without the scheme.
    pub const fn bytes(&self) -> &[u8; 32] {
        match self {
            Self::Ed25519(bytes) | Self::Sr25519(bytes) => bytes,
        }
    }

    /// The scheme's name.
    pub const fn scheme(&self) -> &'static str {
        match self {
            Self::Ed25519(_) => "ed25519",
            Self::Sr25519(_) => "sr25519",
        }
    }
}

impl Default for Key {
    /// A key that nobody has: nothing verifies under it.
    fn default() -> Self {
        Self::Sr25519([0; 32])
    }
}

/// Checks signatures: sr25519 in the context `substrate`, ed25519 by the ZIP-215 rules.
pub trait Verify {
    /// Whether `signature` is `key`'s signature of `message`.
    fn verify(&self, key: &Key, message: &[u8], signature: &[u8; 64]) -> bool;
}
