//! Accounts and the addresses that extrinsics name them by.

use crate::hash::{ParseHexError, parse_hex32, write_hex};
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;
use parity_scale_codec::{Compact, Decode, Encode, MaxEncodedLen};
use scale_info::{
    Path, Type, TypeInfo, TypeParameter,
    build::{Fields, Variants},
};

/// An account: the public key that controls it (sr25519 or ed25519), or blake2-256 of an ECDSA key.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, MaxEncodedLen)]
pub struct AccountId(pub [u8; 32]);

impl AccountId {
    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The SS58 text under a network prefix (42 on development chains).
    pub fn to_ss58(&self, prefix: u16) -> String {
        crate::ss58::encode(self, prefix)
    }
}

impl TypeInfo for AccountId {
    type Identity = Self;

    fn type_info() -> Type {
        Type::builder()
            .path(Path::new("AccountId32", "sp_core::crypto"))
            .composite(Fields::unnamed().field(|f| f.ty::<[u8; 32]>().type_name("[u8; 32]")))
    }
}

impl From<[u8; 32]> for AccountId {
    fn from(bytes: [u8; 32]) -> Self {
        AccountId(bytes)
    }
}

impl From<AccountId> for [u8; 32] {
    fn from(account: AccountId) -> Self {
        account.0
    }
}

impl AsRef<[u8]> for AccountId {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(f, &self.0)
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(f, &self.0)
    }
}

impl FromStr for AccountId {
    type Err = ParseHexError;

    /// Reads hex; SS58 text is read by [`crate::ss58::decode`].
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse_hex32(text).map(AccountId)
    }
}

/// How an extrinsic names an account. Clients always send [`MultiAddress::Id`].
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum MultiAddress {
    /// The account itself.
    #[codec(index = 0)]
    Id(AccountId),
    /// An index into a table of accounts; Quire has none.
    #[codec(index = 1)]
    Index(Compact<()>),
    /// Raw bytes.
    #[codec(index = 2)]
    Raw(Vec<u8>),
    /// Thirty-two bytes that are no account.
    #[codec(index = 3)]
    Address32([u8; 32]),
    /// Twenty bytes, as Ethereum's addresses.
    #[codec(index = 4)]
    Address20([u8; 20]),
}

impl MultiAddress {
    /// The account, when the address names one.
    pub fn account(&self) -> Option<AccountId> {
        match self {
            MultiAddress::Id(account) => Some(*account),
            _ => None,
        }
    }
}

impl From<AccountId> for MultiAddress {
    fn from(account: AccountId) -> Self {
        MultiAddress::Id(account)
    }
}

impl TypeInfo for MultiAddress {
    type Identity = Self;

    fn type_info() -> Type {
        Type::builder()
            .path(Path::new("MultiAddress", "sp_runtime::multiaddress"))
            .type_params(vec![
                TypeParameter::new("AccountId", Some(scale_info::meta_type::<AccountId>())),
                TypeParameter::new("AccountIndex", Some(scale_info::meta_type::<()>())),
            ])
            .variant(
                Variants::new()
                    .variant("Id", |v| {
                        v.index(0)
                            .fields(Fields::unnamed().field(|f| f.ty::<AccountId>().type_name("AccountId")))
                    })
                    .variant("Index", |v| {
                        v.index(1)
                            .fields(Fields::unnamed().field(|f| f.compact::<()>().type_name("AccountIndex")))
                    })
                    .variant("Raw", |v| {
                        v.index(2).fields(Fields::unnamed().field(|f| f.ty::<Vec<u8>>().type_name("Vec<u8>")))
                    })
                    .variant("Address32", |v| {
                        v.index(3)
                            .fields(Fields::unnamed().field(|f| f.ty::<[u8; 32]>().type_name("[u8; 32]")))
                    })
                    .variant("Address20", |v| {
                        v.index(4)
                            .fields(Fields::unnamed().field(|f| f.ty::<[u8; 20]>().type_name("[u8; 20]")))
                    }),
            )
    }
}
