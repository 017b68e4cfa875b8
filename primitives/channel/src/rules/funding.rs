//! Who gets how much: sharing of fees (R12) and payment from a short deposit (R13) of [`crate::rules`].

use alloc::vec::Vec;
use parity_scale_codec::{Decode, Encode, MaxEncodedLen};
use quire_core::AccountId;
use scale_info::TypeInfo;

/// R12: what each validator gets of a fee, in order of account id. Duplicates in `validators` are one. Empty when nobody
/// is there to be paid (the caller then moves nothing).
pub fn share_fee(amount: u128, validators: &[AccountId]) -> Vec<(AccountId, u128)> {
    let mut ordered = validators.to_vec();
    ordered.sort_unstable();
    ordered.dedup();
    let count = ordered.len() as u128;
    let Some(share) = amount.checked_div(count) else { return Vec::new() };
    // amount % count: share is amount / count, so the product does not exceed amount.
    let remainder = amount.saturating_sub(share.saturating_mul(count));
    let first = ordered.first().copied();
    ordered
        .into_iter()
        .map(|validator| {
            // share + remainder <= amount, because count is at least 1.
            let extra = if Some(validator) == first { remainder } else { 0 };
            (validator, share.saturating_add(extra))
        })
        .collect()
}

/// Rank of a claim on a short deposit (R13), first paid first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode, TypeInfo, MaxEncodedLen)]
pub enum ClaimRank {
    /// Fees of validators.
    #[codec(index = 0)]
    Validators,
    /// Transfers to auditors.
    #[codec(index = 1)]
    Auditors,
    /// All other transfers.
    #[codec(index = 2)]
    Partners,
}

/// What one payer owes to one payee.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo, MaxEncodedLen)]
pub struct Claim {
    /// Rank.
    pub rank: ClaimRank,
    /// Participant index of the payee; for [`ClaimRank::Validators`] any fixed value.
    pub payee: u8,
    /// Plancks owed.
    pub amount: u128,
}

/// How a claim came out, in the order of the claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Payment {
    /// Plancks paid now.
    pub paid: u128,
    /// Plancks owed still.
    pub debt: u128,
}

/// R13: pays `claims` of one payer from `available`. Never pays more than available or owed; what is paid plus what is
/// owed is the claim.
pub fn distribute(available: u128, claims: &[Claim]) -> Vec<Payment> {
    let mut payments: Vec<Payment> =
        claims.iter().map(|claim| Payment { paid: 0, debt: claim.amount }).collect();
    let mut left = available;
    for rank in [ClaimRank::Validators, ClaimRank::Auditors, ClaimRank::Partners] {
        let mut order: Vec<usize> =
            (0..claims.len()).filter(|i| claims.get(*i).is_some_and(|c| c.rank == rank)).collect();
        order.sort_by_key(|i| claims.get(*i).map(|claim| claim.payee));
        left = pay_rank(left, &order, &mut payments);
    }
    payments
}

/// Pays the claims at `order` from `left`, pro rata when short; gives what is left.
fn pay_rank(left: u128, order: &[usize], payments: &mut [Payment]) -> u128 {
    let owed = order.iter().filter_map(|i| payments.get(*i)).fold(0u128, |sum, p| sum.saturating_add(p.debt));
    let budget = left.min(owed);
    let mut spent = 0u128;
    for i in order {
        if let Some(payment) = payments.get_mut(*i) {
            let share = mul_div(payment.debt, budget, owed).min(budget.saturating_sub(spent));
            pay(payment, share);
            spent = spent.saturating_add(share);
        }
    }
    // Rounding left less than one planck per claim.
    for i in order {
        if let Some(payment) = payments.get_mut(*i) {
            let extra = budget.saturating_sub(spent).min(payment.debt).min(if budget == owed {
                u128::MAX
            } else {
                1
            });
            pay(payment, extra);
            spent = spent.saturating_add(extra);
        }
    }
    left.saturating_sub(spent)
}

fn pay(payment: &mut Payment, amount: u128) {
    payment.paid = payment.paid.saturating_add(amount);
    payment.debt = payment.debt.saturating_sub(amount);
}

/// `a * b / c` rounded down, exact for all inputs with `b <= c` (so it fits); 0 when `c` is 0.
fn mul_div(a: u128, b: u128, c: u128) -> u128 {
    if c == 0 {
        return 0;
    }
    if let Some(product) = a.checked_mul(b) {
        return product.checked_div(c).unwrap_or(0);
    }
    // Long division of the 256-bit product, bit by bit: remainder stays below c, quotient below a.
    let (mut quotient, mut remainder) = (0u128, 0u128);
    for bit in (0..128).rev() {
        let (doubled, carry) = remainder.overflowing_add(remainder);
        let mut next = doubled;
        quotient = quotient.wrapping_shl(1);
        if carry || next >= c {
            next = next.wrapping_sub(c);
            quotient |= 1;
        }
        if (a >> bit) & 1 == 1 {
            let (sum, carry) = next.overflowing_add(b);
            next = sum;
            if carry || next >= c {
                next = next.wrapping_sub(c);
                quotient = quotient.wrapping_add(1);
            }
        }
        remainder = next;
    }
    quotient
}

#[cfg(test)]
pub(super) fn mul_div_for_tests(a: u128, b: u128, c: u128) -> u128 {
    mul_div(a, b, c)
}
