//! Who gets what of a settled block (R9, R10).

use alloc::vec::Vec;

use pallet_support::deposit_event;
use quire_channel::rules::{self, Claim, ClaimRank};
use quire_core::{AccountId, Balance, DispatchResult};

use crate::live::Live;
use crate::storage::{ClaimRecord, SETTLEMENTS};
use crate::{AUDITOR_ROLE, Event, INDEX, Payee};

/// Outcome of a payment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// Plancks that moved.
    pub(crate) moved: Balance,
    /// Plancks still owed.
    pub(crate) owed: Balance,
}

/// Pays the claims of a block as far as the payers' money goes, and records the rest as debt. The first time it gives
/// the block's reserves back before; each payer can spend what other blocks do not reserve.
///
/// # Errors
/// Those of moving money; none of them happens while the invariants hold.
pub(crate) fn pay_claims(live: &mut Live, first_time: bool) -> Result<Outcome, quire_core::DispatchError> {
    if first_time {
        pallet_channels::release(live.channel, &live.record.reserves);
        live.record.reserves.clear();
    }
    let Some(mut settlement) = SETTLEMENTS.get(&live.channel, &live.block) else {
        return Ok(Outcome::default());
    };
    // One look at everybody's money before any moves: what one earns in this block pays nothing in it, so that the order
    // of payers cannot matter.
    let money = pallet_channels::money(live.channel);
    let mut outcome = Outcome::default();
    for (payer, money) in (0..live.participants()).zip(money) {
        let mut mine: Vec<&mut ClaimRecord> =
            settlement.claims.iter_mut().filter(|c| c.from == payer).collect();
        let before = if first_time { 0 } else { owed(&mine) };
        let moved = pay_one(live, money.spendable(), &mut mine)?;
        let after = owed(&mine);
        pallet_channels::set_debt(live.channel, payer, before, after)?;
        if first_time {
            report_debts(live, &mine);
        }
        outcome.moved = outcome.moved.saturating_add(moved);
        outcome.owed = outcome.owed.saturating_add(after);
    }
    SETTLEMENTS.insert(&live.channel, &live.block, &settlement);
    Ok(outcome)
}

/// What is unpaid of some claims.
fn owed(claims: &[&mut ClaimRecord]) -> Balance {
    claims.iter().fold(0, |sum, claim| sum.saturating_add(unpaid(claim)))
}

/// What is unpaid of a claim.
fn unpaid(claim: &ClaimRecord) -> Balance {
    claim.amount.saturating_sub(claim.paid)
}

/// Pays one payer's claims from `available`, in the fixed priority; returns what moved.
fn pay_one(
    live: &Live,
    available: Balance,
    claims: &mut [&mut ClaimRecord],
) -> Result<Balance, quire_core::DispatchError> {
    let ranked: Vec<Claim> = claims.iter().map(|claim| ranked(live, claim)).collect();
    let mut moved: Balance = 0;
    for (claim, payment) in claims.iter_mut().zip(rules::distribute(available, &ranked)) {
        if payment.paid > 0 {
            pay(live, claim.from, claim.to, payment.paid)?;
            claim.paid = claim.paid.saturating_add(payment.paid);
            moved = moved.saturating_add(payment.paid);
        }
    }
    Ok(moved)
}

/// A claim as the rules see it.
fn ranked(live: &Live, claim: &ClaimRecord) -> Claim {
    let amount = unpaid(claim);
    match claim.to {
        Payee::Validators => Claim { rank: ClaimRank::Validators, payee: 0, amount },
        Payee::Participant(payee) => {
            let role = live.terms.participants.get(usize::from(payee)).map(|participant| participant.role);
            let rank = if role == Some(AUDITOR_ROLE) { ClaimRank::Auditors } else { ClaimRank::Partners };
            Claim { rank, payee, amount }
        }
    }
}

/// Moves money of one claim.
fn pay(live: &Live, from: u8, to: Payee, amount: Balance) -> DispatchResult {
    let (channel, block) = (live.channel, live.block);
    match to {
        Payee::Participant(to) => {
            pallet_channels::pay(channel, from, to, amount)?;
            deposit_event(INDEX, &Event::Paid { channel, block, from, to, amount });
        }
        Payee::Validators => {
            for (validator, amount) in rules::share_fee(amount, &agreeing(live)) {
                if amount > 0 {
                    pallet_channels::pay_out(channel, from, &validator, amount)?;
                    deposit_event(INDEX, &Event::FeePaid { channel, block, from, validator, amount });
                }
            }
        }
    }
    Ok(())
}

/// Validators that revealed the agreed result; there is at least one.
fn agreeing(live: &Live) -> Vec<AccountId> {
    let revealed =
        live.record.duties.iter().filter(|duty| duty.reveal.is_some() && duty.reveal == live.record.result);
    revealed.map(|duty| duty.validator).collect()
}

/// Tells who is owed.
fn report_debts(live: &Live, claims: &[&mut ClaimRecord]) {
    let (channel, block) = (live.channel, live.block);
    for claim in claims {
        let amount = unpaid(claim);
        if amount > 0 {
            deposit_event(INDEX, &Event::Owed { channel, block, from: claim.from, to: claim.to, amount });
        }
    }
}
