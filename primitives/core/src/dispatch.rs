//! Outcomes of calls: errors with Substrate's variants in Substrate's order, classes and fees.

use crate::Weight;
use parity_scale_codec::{Decode, Encode, MaxEncodedLen};
use scale_info::{
    Path, Type, TypeInfo,
    build::{Fields, Variants},
};

/// Defines an enum of unit variants together with its codec and the `TypeInfo` of a foreign path.
macro_rules! unit_enum {
    (
        $(#[$meta:meta])*
        $name:ident in $module:literal {
            $( $(#[$variant_meta:meta])* $variant:ident = $index:literal, )*
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode, MaxEncodedLen)]
        pub enum $name {
            $( $(#[$variant_meta])* #[codec(index = $index)] $variant, )*
        }

        impl TypeInfo for $name {
            type Identity = Self;

            fn type_info() -> Type {
                Type::builder().path(Path::new(stringify!($name), $module)).variant(
                    Variants::new()$( .variant_unit(stringify!($variant), $index) )*
                )
            }
        }
    };
}

unit_enum! {
    /// What is wrong with a token operation.
    TokenError in "sp_runtime" {
        /// Funds are unavailable.
        FundsUnavailable = 0,
        /// Some part of the balance gives the only provider reference to the account and thus cannot be (re)moved.
        OnlyProvider = 1,
        /// The account cannot exist with the funds that would be given.
        BelowMinimum = 2,
        /// The account cannot be created.
        CannotCreate = 3,
        /// The asset is unknown.
        UnknownAsset = 4,
        /// The funds exist but are frozen.
        Frozen = 5,
        /// The operation is not supported by the asset.
        Unsupported = 6,
        /// The account cannot be created for recording an amount on hold.
        CannotCreateHold = 7,
        /// The withdrawal would close the account, which was not wished for.
        NotExpendable = 8,
        /// The account cannot receive the assets.
        Blocked = 9,
    }
}

unit_enum! {
    /// What went wrong in arithmetic.
    ArithmeticError in "sp_arithmetic" {
        /// Below the smallest value.
        Underflow = 0,
        /// Above the largest value.
        Overflow = 1,
        /// Division by zero.
        DivisionByZero = 2,
    }
}

unit_enum! {
    /// What went wrong with nested storage transactions.
    TransactionalError in "sp_runtime" {
        /// Too many nested transactions.
        LimitReached = 0,
        /// A layer was expected and is not there.
        NoLayer = 1,
    }
}

unit_enum! {
    /// What a call is to the block it is in.
    DispatchClass in "frame_support::dispatch" {
        /// A user's call.
        Normal = 0,
        /// A call that keeps the chain going.
        Operational = 1,
        /// An inherent: in the block whatever it costs.
        Mandatory = 2,
    }
}

unit_enum! {
    /// Whether the sender pays for the call.
    Pays in "frame_support::dispatch" {
        /// The sender pays.
        Yes = 0,
        /// The call is free.
        No = 1,
    }
}

/// An error of a pallet: the pallet's index, and in the first byte of `error` the error's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode, MaxEncodedLen)]
pub struct ModuleError {
    /// Index of the pallet.
    pub index: u8,
    /// Encoded error of the pallet, padded with zeros.
    pub error: [u8; 4],
}

impl TypeInfo for ModuleError {
    type Identity = Self;

    fn type_info() -> Type {
        Type::builder().path(Path::new("ModuleError", "sp_runtime")).composite(
            Fields::named()
                .field(|f| f.ty::<u8>().name("index").type_name("u8"))
                .field(|f| f.ty::<[u8; 4]>().name("error").type_name("[u8; MAX_MODULE_ERROR_ENCODED_SIZE]")),
        )
    }
}

/// Why a call failed. Its effects are rolled back, its fee is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode)]
pub enum DispatchError {
    /// Something without a number; the text is not encoded.
    #[codec(index = 0)]
    Other(#[codec(skip)] &'static str),
    /// An address that names no account.
    #[codec(index = 1)]
    CannotLookup,
    /// The caller may not do this.
    #[codec(index = 2)]
    BadOrigin,
    /// An error of a pallet.
    #[codec(index = 3)]
    Module(ModuleError),
    /// The account still has consumers and cannot be removed.
    #[codec(index = 4)]
    ConsumerRemaining,
    /// The account has no providers.
    #[codec(index = 5)]
    NoProviders,
    /// The account has too many consumers.
    #[codec(index = 6)]
    TooManyConsumers,
    /// A token error.
    #[codec(index = 7)]
    Token(TokenError),
    /// An arithmetic error.
    #[codec(index = 8)]
    Arithmetic(ArithmeticError),
    /// An error of nested storage transactions.
    #[codec(index = 9)]
    Transactional(TransactionalError),
    /// Resources are exhausted; try later.
    #[codec(index = 10)]
    Exhausted,
    /// The state is corrupt.
    #[codec(index = 11)]
    Corruption,
    /// A resource is unavailable.
    #[codec(index = 12)]
    Unavailable,
    /// Root may not do this.
    #[codec(index = 13)]
    RootNotAllowed,
}

/// Outcome of a call.
pub type DispatchResult = Result<(), DispatchError>;

impl From<&'static str> for DispatchError {
    fn from(text: &'static str) -> Self {
        DispatchError::Other(text)
    }
}

impl From<ModuleError> for DispatchError {
    fn from(error: ModuleError) -> Self {
        DispatchError::Module(error)
    }
}

impl From<TokenError> for DispatchError {
    fn from(error: TokenError) -> Self {
        DispatchError::Token(error)
    }
}

impl From<ArithmeticError> for DispatchError {
    fn from(error: ArithmeticError) -> Self {
        DispatchError::Arithmetic(error)
    }
}

impl MaxEncodedLen for DispatchError {
    fn max_encoded_len() -> usize {
        ModuleError::max_encoded_len().saturating_add(1)
    }
}

impl TypeInfo for DispatchError {
    type Identity = Self;

    fn type_info() -> Type {
        Type::builder().path(Path::new("DispatchError", "sp_runtime")).variant(
            Variants::new()
                .variant_unit("Other", 0)
                .variant_unit("CannotLookup", 1)
                .variant_unit("BadOrigin", 2)
                .variant("Module", |v| {
                    v.index(3)
                        .fields(Fields::unnamed().field(|f| f.ty::<ModuleError>().type_name("ModuleError")))
                })
                .variant_unit("ConsumerRemaining", 4)
                .variant_unit("NoProviders", 5)
                .variant_unit("TooManyConsumers", 6)
                .variant("Token", |v| {
                    v.index(7)
                        .fields(Fields::unnamed().field(|f| f.ty::<TokenError>().type_name("TokenError")))
                })
                .variant("Arithmetic", |v| {
                    v.index(8).fields(
                        Fields::unnamed().field(|f| f.ty::<ArithmeticError>().type_name("ArithmeticError")),
                    )
                })
                .variant("Transactional", |v| {
                    v.index(9).fields(
                        Fields::unnamed()
                            .field(|f| f.ty::<TransactionalError>().type_name("TransactionalError")),
                    )
                })
                .variant_unit("Exhausted", 10)
                .variant_unit("Corruption", 11)
                .variant_unit("Unavailable", 12)
                .variant_unit("RootNotAllowed", 13),
        )
    }
}

/// What a dispatched call weighed and whether its sender paid, as events report it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
#[scale_info(replace_segment("quire_core", "frame_support"))]
pub struct DispatchInfo {
    /// Weight of the call.
    pub weight: Weight,
    /// Class of the call.
    pub class: DispatchClass,
    /// Whether the sender pays.
    pub pays_fee: Pays,
}
