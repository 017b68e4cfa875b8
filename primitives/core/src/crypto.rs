//! Signatures and public keys as they are encoded. Checking them is the host's work.

use parity_scale_codec::{Decode, Encode, MaxEncodedLen};
use scale_info::{
    Path, Type, TypeInfo,
    build::{Fields, Variants},
};

/// Context of every sr25519 signature that Substrate clients make: extrinsics and block seals.
pub const SIGNING_CONTEXT: &[u8] = b"substrate";
/// Context of sr25519 signatures inside channels: batches and custody receipts.
pub const CHANNEL_CONTEXT: &[u8] = b"quire";

/// A signature of an extrinsic, with its scheme.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, MaxEncodedLen)]
pub enum MultiSignature {
    /// ed25519.
    #[codec(index = 0)]
    Ed25519([u8; 64]),
    /// sr25519 (schnorrkel), the default of wallets.
    #[codec(index = 1)]
    Sr25519([u8; 64]),
    /// ECDSA over secp256k1 with recovery byte.
    #[codec(index = 2)]
    Ecdsa([u8; 65]),
}

impl TypeInfo for MultiSignature {
    type Identity = Self;

    fn type_info() -> Type {
        Type::builder().path(Path::new("MultiSignature", "sp_runtime")).variant(
            Variants::new()
                .variant("Ed25519", |v| {
                    v.index(0).fields(
                        Fields::unnamed().field(|f| f.ty::<[u8; 64]>().type_name("ed25519::Signature")),
                    )
                })
                .variant("Sr25519", |v| {
                    v.index(1).fields(
                        Fields::unnamed().field(|f| f.ty::<[u8; 64]>().type_name("sr25519::Signature")),
                    )
                })
                .variant("Ecdsa", |v| {
                    v.index(2)
                        .fields(Fields::unnamed().field(|f| f.ty::<[u8; 65]>().type_name("ecdsa::Signature")))
                }),
        )
    }
}

macro_rules! public_key {
    ($(#[$meta:meta])* $name:ident, $ident:literal, $module:literal, $type_name:literal) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, MaxEncodedLen)]
        pub struct $name(pub [u8; 32]);

        impl TypeInfo for $name {
            type Identity = Self;

            fn type_info() -> Type {
                Type::builder()
                    .path(Path::new($ident, $module))
                    .composite(Fields::unnamed().field(|f| f.ty::<[u8; 32]>().type_name($type_name)))
            }
        }

        impl From<[u8; 32]> for $name {
            fn from(bytes: [u8; 32]) -> Self {
                $name(bytes)
            }
        }

        impl AsRef<[u8]> for $name {
            fn as_ref(&self) -> &[u8] {
                &self.0
            }
        }

        impl core::fmt::Debug for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                crate::hash::write_hex(f, &self.0)
            }
        }

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                crate::hash::write_hex(f, &self.0)
            }
        }
    };
}

public_key!(
    /// The sr25519 key that seals Aura blocks.
    AuraId,
    "Public",
    "sp_consensus_aura::sr25519::app_sr25519",
    "sr25519::Public"
);
public_key!(
    /// The ed25519 key that votes in GRANDPA.
    GrandpaId,
    "Public",
    "sp_consensus_grandpa::app",
    "ed25519::Public"
);
