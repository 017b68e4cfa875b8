//! What System stores about an account and about the runtime.

use alloc::string::String;

use parity_scale_codec::{Decode, Encode, MaxEncodedLen};
use quire_core::{Balance, Nonce};
use scale_info::build::Fields;
use scale_info::{Path, Type, TypeInfo, TypeParameter, meta_type};

/// An account: its nonce, the counts of what keeps it, and its balance. 80 bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, MaxEncodedLen)]
pub struct AccountInfo {
    /// Transactions sent so far.
    pub nonce: Nonce,
    /// Reasons for which the account may not go away.
    pub consumers: u32,
    /// Reasons for which the account exists.
    pub providers: u32,
    /// Reasons for which the account exists that it does not own; not used by Quire's pallets.
    pub sufficients: u32,
    /// The balance, written by Balances.
    pub data: AccountData,
}

impl TypeInfo for AccountInfo {
    type Identity = Self;

    fn type_info() -> Type {
        let parameters = [
            TypeParameter::new("Nonce", Some(meta_type::<Nonce>())),
            TypeParameter::new("AccountData", Some(meta_type::<AccountData>())),
        ];
        Type::builder().path(Path::new("AccountInfo", "frame_system")).type_params(parameters).composite(
            Fields::named()
                .field(|f| f.ty::<Nonce>().name("nonce").type_name("Nonce"))
                .field(|f| f.ty::<u32>().name("consumers").type_name("RefCount"))
                .field(|f| f.ty::<u32>().name("providers").type_name("RefCount"))
                .field(|f| f.ty::<u32>().name("sufficients").type_name("RefCount"))
                .field(|f| f.ty::<AccountData>().name("data").type_name("AccountData")),
        )
    }
}

/// The balance of an account, in plancks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, MaxEncodedLen)]
pub struct AccountData {
    /// What the account can spend, down to `frozen` less `reserved`.
    pub free: Balance,
    /// What is set aside for others and cannot be spent.
    pub reserved: Balance,
    /// What must stay in the account, `reserved` included; not used by Quire's pallets.
    pub frozen: Balance,
    /// Marks.
    pub flags: ExtraFlags,
}

impl AccountData {
    /// Free and reserved together.
    pub const fn total(&self) -> Balance {
        self.free.saturating_add(self.reserved)
    }
}

impl TypeInfo for AccountData {
    type Identity = Self;

    fn type_info() -> Type {
        let parameters = [TypeParameter::new("Balance", Some(meta_type::<Balance>()))];
        Type::builder()
            .path(Path::new("AccountData", "pallet_balances::types"))
            .type_params(parameters)
            .composite(
                Fields::named()
                    .field(|f| f.ty::<Balance>().name("free").type_name("Balance"))
                    .field(|f| f.ty::<Balance>().name("reserved").type_name("Balance"))
                    .field(|f| f.ty::<Balance>().name("frozen").type_name("Balance"))
                    .field(|f| f.ty::<ExtraFlags>().name("flags").type_name("ExtraFlags")),
            )
    }
}

/// Marks of a balance: the highest bit is always set (clients read from it that consumers are counted).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, MaxEncodedLen)]
pub struct ExtraFlags(pub u128);

impl ExtraFlags {
    /// The mark that clients expect.
    const COUNTED: u128 = 1 << 127;
    /// The mark of a pallet's own account, which exists for ever and with any balance.
    const POT: u128 = 1;

    /// Whether the account is a pallet's own.
    pub const fn is_pot(self) -> bool {
        self.0 & Self::POT != 0
    }

    /// The same marks and that of a pallet's own account.
    pub const fn with_pot(self) -> Self {
        Self(self.0 | Self::POT)
    }
}

impl Default for ExtraFlags {
    fn default() -> Self {
        Self(Self::COUNTED)
    }
}

impl TypeInfo for ExtraFlags {
    type Identity = Self;

    fn type_info() -> Type {
        Type::builder()
            .path(Path::new("ExtraFlags", "pallet_balances::types"))
            .composite(Fields::unnamed().field(|f| f.ty::<u128>().type_name("u128")))
    }
}

/// The version of the runtime that produced the last block.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct LastRuntimeUpgradeInfo {
    /// Its spec version.
    #[codec(compact)]
    pub spec_version: u32,
    /// Its spec name.
    pub spec_name: String,
}

impl TypeInfo for LastRuntimeUpgradeInfo {
    type Identity = Self;

    fn type_info() -> Type {
        Type::builder().path(Path::new("LastRuntimeUpgradeInfo", "frame_system")).composite(
            Fields::named()
                .field(|f| f.compact::<u32>().name("spec_version").type_name("codec::Compact<u32>"))
                .field(|f| f.ty::<String>().name("spec_name").type_name("Cow<'static, str>")),
        )
    }
}

/// The name by which clients find the chain's hash function.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BlakeTwo256;

impl TypeInfo for BlakeTwo256 {
    type Identity = Self;

    fn type_info() -> Type {
        Type::builder().path(Path::new("BlakeTwo256", "sp_runtime::traits")).composite(Fields::unit())
    }
}
