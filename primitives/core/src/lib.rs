//! Words that both sides of the Wasm boundary speak: hashes, accounts, headers, blocks, extrinsics, limits.
//!
//! Every encoding here is Substrate's, byte for byte, because unmodified clients read it; every `TypeInfo` carries the
//! path under which those clients recognise the type. The bytes are frozen by `vectors/*.json`.
//!
//! R1. A decoder never allocates by a length that it read: it allocates by bytes that are really there, and counts are
//!     checked against [`limits`].
//! R2. Decoding never panics, whatever the bytes; recursion is bounded by [`limits::MAX_CALL_DEPTH`].
//! R3. Hashes and accounts print as `0x` and lower-case hex.
//!
//! Out of scope: signing and signature checks (host functions, keystore), the state trie (`quire-trie`), channel data
//! (`quire-channel`).
#![no_std]

extern crate alloc;

pub mod account;
pub mod block;
pub mod codec;
pub mod crypto;
pub mod digest;
pub mod dispatch;
pub mod era;
pub mod extrinsic;
pub mod hash;
pub mod header;
pub mod inherent;
pub mod justification;
pub mod keys;
pub mod limits;
pub mod randomness;
pub mod ss58;
pub mod upgrade;
pub mod validity;
pub mod version;
pub mod weight;

#[cfg(test)]
mod tests;

pub use account::{AccountId, MultiAddress};
pub use block::{Block, OpaqueExtrinsic};
pub use crypto::{AuraId, GrandpaId, MultiSignature};
pub use digest::{Digest, DigestItem};
pub use dispatch::{
    ArithmeticError, DispatchClass, DispatchError, DispatchInfo, DispatchResult, ModuleError, Pays,
    TokenError, TransactionalError,
};
pub use era::Era;
pub use extrinsic::{Additional, Extra, UncheckedExtrinsic, signing_payload};
pub use hash::H256;
pub use header::Header;
pub use inherent::InherentData;
pub use justification::GrandpaJustification;
pub use keys::KeyTypeId;
pub use upgrade::{Upgrade, UpgradeState, UpgradeStatus, Verdict};
pub use validity::{
    ApplyExtrinsicResult, InvalidTransaction, TransactionSource, TransactionValidity,
    TransactionValidityError, UnknownTransaction, ValidTransaction,
};
pub use version::RuntimeVersion;
pub use weight::Weight;

use parity_scale_codec::{Decode, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

/// An amount in plancks, the smallest unit; [`UNITS`] plancks are one QIR.
pub type Balance = u128;
/// Number of a base-chain block. Clients assume four bytes.
pub type BlockNumber = u32;
/// Count of transactions an account has sent.
pub type Nonce = u32;
/// Plancks in one QIR (12 decimals).
pub const UNITS: Balance = 1_000_000_000_000;

/// Number of an Aura slot: milliseconds since the Unix epoch divided by the slot duration.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, MaxEncodedLen, TypeInfo,
)]
#[scale_info(replace_segment("quire_core", "sp_consensus_slots"))]
pub struct Slot(pub u64);

impl From<u64> for Slot {
    fn from(slot: u64) -> Self {
        Slot(slot)
    }
}
