//! What an extrinsic costs.

use pallet_support::PostInfo;
use pallet_system::{BASE_EXTRINSIC, limits};
use quire_core::weight::WEIGHT_REF_TIME_PER_MICROS;
use quire_core::{Balance, DispatchClass, DispatchInfo, Pays, Weight};

use crate::OPERATIONAL_FEE_MULTIPLIER;
use crate::storage::{FEES, NEXT_FEE_MULTIPLIER};
use crate::types::{FeeDetails, FeeSchedule, InclusionFee, RuntimeDispatchInfo};

/// Fee of a weight, before the multiplier.
pub fn weight_to_fee(weight: Weight) -> Balance {
    weight_fee(&FEES.get_or_default(), weight)
}

/// Fee of a length.
pub fn length_to_fee(length: u32) -> Balance {
    FEES.get_or_default().per_byte.saturating_mul(Balance::from(length))
}

/// Fee of a weight by these prices; started microseconds count.
fn weight_fee(fees: &FeeSchedule, weight: Weight) -> Balance {
    let micros = weight.ref_time.div_ceil(WEIGHT_REF_TIME_PER_MICROS);
    fees.per_microsecond.saturating_mul(Balance::from(micros))
}

/// All parts of the fee of an extrinsic of `length` bytes that weighs `weight` besides the base.
fn details(length: u32, weight: Weight, pays: Pays, tip: Balance) -> FeeDetails {
    if pays == Pays::No {
        return FeeDetails { inclusion_fee: None, tip };
    }
    let fees = FEES.get_or_default();
    let by_weight = weight_fee(&fees, weight);
    let inclusion_fee = InclusionFee {
        base_fee: fees.base,
        len_fee: fees.per_byte.saturating_mul(Balance::from(length)),
        adjusted_weight_fee: NEXT_FEE_MULTIPLIER.get_or_default().saturating_mul_amount(by_weight),
    };
    FeeDetails { inclusion_fee: Some(inclusion_fee), tip }
}

/// Fee and tip for the announced weight.
pub fn compute_fee(length: u32, info: &DispatchInfo, tip: Balance) -> Balance {
    details(length, info.weight, info.pays_fee, tip).total()
}

/// Fee and tip for what the call really used; never more than announced.
pub fn compute_actual_fee(length: u32, info: &DispatchInfo, post: &PostInfo, tip: Balance) -> Balance {
    let weight = post.actual_weight.unwrap_or(info.weight).min(info.weight);
    let pays = if info.pays_fee == Pays::No || post.pays_fee == Pays::No { Pays::No } else { Pays::Yes };
    details(length, weight, pays, tip).total()
}

/// Answer to `TransactionPaymentApi_query_info`. Unsigned extrinsics cost nothing.
pub fn query_info(length: u32, info: &DispatchInfo, is_signed: bool) -> RuntimeDispatchInfo {
    RuntimeDispatchInfo {
        weight: info.weight + BASE_EXTRINSIC,
        class: info.class,
        partial_fee: if is_signed { compute_fee(length, info, 0) } else { 0 },
    }
}

/// Answer to `TransactionPaymentApi_query_fee_details`. Unsigned extrinsics cost nothing.
pub fn query_fee_details(length: u32, info: &DispatchInfo, tip: Balance, is_signed: bool) -> FeeDetails {
    let pays = if is_signed { info.pays_fee } else { Pays::No };
    details(length, info.weight, pays, tip)
}

/// Priority in the pool: the tip (and one planck, so that nobody without a tip counts nothing) per share of a block
/// that the extrinsic takes up, by bytes or by weight, whichever is larger. Operational ones add their fee, multiplied.
pub fn priority(tip: Balance, fee: Balance, info: &DispatchInfo, length: u32) -> u64 {
    let weight = info.weight.ref_time.saturating_add(BASE_EXTRINSIC.ref_time).max(1);
    let by_weight = limits::block_weights().max_block.ref_time / weight;
    let by_length = *limits::block_length().max.get(info.class) / length.max(1);
    let per_block = Balance::from(by_weight.min(u64::from(by_length)).max(1));
    let paid = tip.saturating_add(1).saturating_mul(per_block);
    let bonus = match info.class {
        DispatchClass::Operational => {
            fee.saturating_mul(Balance::from(OPERATIONAL_FEE_MULTIPLIER)).saturating_mul(per_block)
        }
        DispatchClass::Normal | DispatchClass::Mandatory => 0,
    };
    u64::try_from(paid.saturating_add(bonus)).unwrap_or(u64::MAX)
}
