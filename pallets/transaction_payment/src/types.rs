//! Prices and quotes.

use parity_scale_codec::{Decode, Encode, MaxEncodedLen};
use quire_core::{Balance, DispatchClass, UNITS, Weight};
use scale_info::build::Fields;
use scale_info::{Path, Type, TypeInfo};

/// A fraction in units of 10^-18.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, MaxEncodedLen)]
pub struct FixedU128(pub u128);

impl FixedU128 {
    /// The number one.
    pub const ONE: FixedU128 = FixedU128(1_000_000_000_000_000_000);

    /// Product with an amount, rounded down; saturates.
    pub const fn saturating_mul_amount(self, amount: Balance) -> Balance {
        if self.0 == Self::ONE.0 {
            return amount;
        }
        // Whole and fractional part apart, so that the product of a large amount with a small factor does not saturate.
        let (whole, fraction) = (amount / Self::ONE.0, amount % Self::ONE.0);
        let of_fraction = fraction.saturating_mul(self.0) / Self::ONE.0;
        whole.saturating_mul(self.0).saturating_add(of_fraction)
    }
}

impl Default for FixedU128 {
    fn default() -> Self {
        Self::ONE
    }
}

impl TypeInfo for FixedU128 {
    type Identity = Self;

    fn type_info() -> Type {
        Type::builder()
            .path(Path::new("FixedU128", "sp_arithmetic::fixed_point"))
            .composite(Fields::unnamed().field(|f| f.ty::<u128>().type_name("u128")))
    }
}

/// Prices, in plancks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct FeeSchedule {
    /// Of any extrinsic.
    pub base: Balance,
    /// Of a byte of its encoding.
    pub per_byte: Balance,
    /// Of a microsecond of its weight.
    pub per_microsecond: Balance,
}

impl FeeSchedule {
    /// Nothing costs anything.
    pub const FREE: FeeSchedule = FeeSchedule { base: 0, per_byte: 0, per_microsecond: 0 };
}

impl Default for FeeSchedule {
    /// About 0.002 QIR for a transfer.
    fn default() -> Self {
        Self { base: UNITS / 1_000, per_byte: UNITS / 1_000_000, per_microsecond: UNITS / 50_000 }
    }
}

/// Parts of the fee for being in a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct InclusionFee {
    /// Of any extrinsic.
    pub base_fee: Balance,
    /// For its length.
    pub len_fee: Balance,
    /// For its weight.
    pub adjusted_weight_fee: Balance,
}

impl InclusionFee {
    /// The sum.
    pub const fn total(&self) -> Balance {
        self.base_fee.saturating_add(self.len_fee).saturating_add(self.adjusted_weight_fee)
    }
}

/// All parts of a fee.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct FeeDetails {
    /// For being in a block; none for free calls.
    pub inclusion_fee: Option<InclusionFee>,
    /// What the sender adds.
    pub tip: Balance,
}

impl FeeDetails {
    /// The sum.
    pub const fn total(&self) -> Balance {
        match &self.inclusion_fee {
            Some(fee) => fee.total().saturating_add(self.tip),
            None => self.tip,
        }
    }
}

/// What a client is told about an extrinsic before it sends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct RuntimeDispatchInfo {
    /// Weight, base included.
    pub weight: Weight,
    /// Class.
    pub class: DispatchClass,
    /// The fee without a tip.
    pub partial_fee: Balance,
}
