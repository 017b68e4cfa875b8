//! Every key this pallet owns.

use alloc::vec::Vec;

use pallet_support::{Blake2_128Concat, CountedMap, Identity, StorageMap, StorageValue};
use parity_scale_codec::{Decode, Encode};
use quire_core::{AccountId, Balance};
use scale_info::TypeInfo;

use crate::NAME;

/// Tag of the account that holds all bonded money (R1).
pub const POT_TAG: &[u8] = b"quire/stak";

/// The account that holds all bonded money (R1).
pub fn pot() -> AccountId {
    pallet_balances::pot(POT_TAG)
}

/// Bonded money on its way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct UnbondingChunk {
    /// Plancks.
    pub amount: Balance,
    /// Channel-clock tick at which it can be withdrawn.
    pub free_at: u32,
}

/// One account's bond.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct Ledger {
    /// Money that may back duties.
    pub active: Balance,
    /// The slice of `active` that backs open duties.
    pub locked: Balance,
    /// Money on its way out, ascending by tick; at most `MAX_UNBONDING_CHUNKS` entries.
    pub unbonding: Vec<UnbondingChunk>,
}

impl Ledger {
    /// All bonded money, saturating.
    pub fn total(&self) -> Balance {
        self.unbonding.iter().fold(self.active, |sum, chunk| sum.saturating_add(chunk.amount))
    }

    /// Active money that backs no duty.
    pub fn free(&self) -> Balance {
        self.active.saturating_sub(self.locked)
    }
}

/// Keys of a validator node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct ValidatorKeys {
    /// sr25519 key that signs custody receipts.
    pub signing: [u8; 32],
    /// X25519 key that block keys are sealed to.
    pub sealing: [u8; 32],
}

/// Figures fixed at genesis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct Parameters {
    /// Least active bond of who bonds.
    pub minimum_bond: Balance,
    /// What one duty locks.
    pub duty_bond: Balance,
    /// Ticks from `unbond` to `withdraw`: the litigation window.
    pub unbonding_ticks: u32,
}

impl Default for Parameters {
    /// 100 QIR to bond, 10 QIR per duty, an hour of one-second ticks to withdraw.
    fn default() -> Self {
        let minimum_bond = 100_000_000_000_000;
        Self { minimum_bond, duty_bond: 10_000_000_000_000, unbonding_ticks: 3_600 }
    }
}

/// Bonds by account. Written by every call that moves bonded money and by slashes; gone when empty.
pub const LEDGERS: StorageMap<AccountId, Ledger, Blake2_128Concat> =
    StorageMap::new(NAME, "Ledgers", &["Bonds by account."]);

/// Registered validators and their keys. Written by `validate`, `chill` and slashes.
pub const VALIDATORS: CountedMap<AccountId, ValidatorKeys, Blake2_128Concat> =
    CountedMap::new(NAME, "Validators", &["Registered validators and their keys."]);

/// Who uses a signing key (R5). Written with `VALIDATORS`.
pub const SIGNING_KEYS: StorageMap<[u8; 32], AccountId, Identity> =
    StorageMap::new(NAME, "SigningKeys", &["The validator that uses a signing key."]);

/// Sum over all ledgers. Written with `LEDGERS`.
pub const TOTAL_BONDED: StorageValue<Balance> =
    StorageValue::new(NAME, "TotalBonded", &["Sum of active and unbonding money over all bonds."])
        .defaulted();

/// Figures fixed at genesis.
pub const PARAMETERS: StorageValue<Parameters> =
    StorageValue::new(NAME, "Parameters", &["Minimum bond, bond per duty, unbonding delay."]).defaulted();
