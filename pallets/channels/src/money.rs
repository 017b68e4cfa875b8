//! Money inside channels: `deposit`, `withdraw`, and what `anchors` does with it (R4, R5, R9).

use alloc::vec::Vec;

use pallet_support::{deposit_event, ensure};
use quire_core::{AccountId, Balance, DispatchError, DispatchResult};

use crate::blocks;
use crate::storage::{CHANNELS, ChannelStatus, MONEY, Money, TOTAL_HELD, pot};
use crate::{Error, Event, INDEX};

/// Moves free money into the pot.
pub(crate) fn take_in(from: &AccountId, amount: Balance) -> DispatchResult {
    let held = TOTAL_HELD.get_or_default().checked_add(amount).ok_or(Error::Overflow)?;
    pallet_balances::transfer(from, &pot(), amount, true)?;
    TOTAL_HELD.put(&held);
    Ok(())
}

/// Moves money out of the pot.
pub(crate) fn give_out(to: &AccountId, amount: Balance) -> DispatchResult {
    pallet_balances::transfer(&pot(), to, amount, false)?;
    note_out(amount);
    Ok(())
}

/// Notes that `amount` left the pot.
fn note_out(amount: Balance) {
    TOTAL_HELD.mutate_default(|held| *held = held.saturating_sub(amount));
}

/// R4.
pub(crate) fn deposit(who: &AccountId, channel: u64, amount: Balance) -> DispatchResult {
    ensure!(amount > 0, Error::ZeroAmount);
    let record = CHANNELS.get(&channel).ok_or(Error::UnknownChannel)?;
    ensure!(record.status != ChannelStatus::Closed, Error::WrongStatus);
    let index = record.index_of(who).ok_or(Error::NotParticipant)?;
    take_in(who, amount)?;
    change(channel, index, |money| {
        money.deposit = money.deposit.checked_add(amount).ok_or(Error::Overflow)?;
        Ok(())
    })?;
    deposit_event(INDEX, &Event::Deposited { channel, who: *who, amount });
    Ok(())
}

/// What R5 lets a participant take out: credit, then deposit.
fn withdrawable(money: &Money, undecided: bool) -> (Balance, Balance) {
    let credit = money.credit.saturating_sub(money.debt);
    let debt_left = money.debt.saturating_sub(money.credit);
    let covered = if undecided { money.deposit } else { money.reserved.saturating_add(debt_left) };
    (credit, money.deposit.saturating_sub(covered))
}

/// R5.
pub(crate) fn withdraw(who: &AccountId, channel: u64, amount: Balance) -> DispatchResult {
    ensure!(amount > 0, Error::ZeroAmount);
    let record = CHANNELS.get(&channel).ok_or(Error::UnknownChannel)?;
    let index = record.index_of(who).ok_or(Error::NotParticipant)?;
    let undecided = blocks::any_undecided(channel);
    change(channel, index, |money| {
        let (credit, deposit) = withdrawable(money, undecided);
        let from_credit = credit.min(amount);
        let from_deposit = amount.saturating_sub(from_credit);
        ensure!(from_deposit <= deposit, Error::AboveExposure);
        money.credit = money.credit.saturating_sub(from_credit);
        money.deposit = money.deposit.saturating_sub(from_deposit);
        Ok(())
    })?;
    give_out(who, amount)?;
    deposit_event(INDEX, &Event::Withdrawn { channel, who: *who, amount });
    Ok(())
}

/// Changes one participant's money.
fn change(
    channel: u64,
    index: u8,
    change: impl FnOnce(&mut Money) -> Result<(), Error>,
) -> Result<(), DispatchError> {
    MONEY.try_mutate(&channel, |all| {
        let money = all.as_mut().and_then(|all| all.get_mut(usize::from(index)));
        change(money.ok_or(Error::UnknownChannel)?)?;
        Ok(())
    })
}

/// Money of all participants of a channel; empty for an unknown one.
pub fn money(channel: u64) -> Vec<Money> {
    MONEY.get(&channel).unwrap_or_default()
}

/// Reserves `total` for a block whose result is agreed, and returns what it reserves of each deposit.
///
/// The result's header does not name its payers; so every participant's deposit is reserved up to the total, and the
/// first block to agree is the first to be served, whoever pays.
pub fn reserve(channel: u64, total: Balance) -> Vec<Balance> {
    let mut all = money(channel);
    let reserves = all
        .iter_mut()
        .map(|money| {
            let reserve = total.min(money.deposit.saturating_sub(money.reserved));
            money.reserved = money.reserved.saturating_add(reserve);
            reserve
        })
        .collect();
    MONEY.insert(&channel, &all);
    reserves
}

/// Gives back what [`reserve`] returned.
pub fn release(channel: u64, reserves: &[Balance]) {
    let mut all = money(channel);
    for (money, reserve) in all.iter_mut().zip(reserves) {
        money.reserved = money.reserved.saturating_sub(*reserve);
    }
    MONEY.insert(&channel, &all);
}

/// Takes `amount` from a participant: free deposit first, then credit. Reserves of blocks are not touched.
///
/// # Errors
/// [`Error::AboveExposure`] when that is not enough.
fn debit(money: &mut Money, amount: Balance) -> Result<(), Error> {
    let from_deposit = money.deposit.saturating_sub(money.reserved).min(amount);
    let from_credit = amount.saturating_sub(from_deposit);
    money.deposit = money.deposit.saturating_sub(from_deposit);
    money.credit = money.credit.checked_sub(from_credit).ok_or(Error::AboveExposure)?;
    Ok(())
}

/// Moves money between two in-channel balances.
///
/// # Errors
/// [`Error::UnknownChannel`], [`Error::AboveExposure`], [`Error::Overflow`].
pub fn pay(channel: u64, from: u8, to: u8, amount: Balance) -> DispatchResult {
    change(channel, from, |money| debit(money, amount))?;
    change(channel, to, |money| {
        money.credit = money.credit.checked_add(amount).ok_or(Error::Overflow)?;
        Ok(())
    })
}

/// Moves money from an in-channel balance to a validator: to its account, or to its bond if that cannot receive it.
///
/// # Errors
/// As [`pay`], and those of the transfer.
pub fn pay_out(channel: u64, from: u8, to: &AccountId, amount: Balance) -> DispatchResult {
    change(channel, from, |money| debit(money, amount))?;
    let paid = pallet_support::with_transaction(|| pallet_balances::transfer(&pot(), to, amount, false));
    if paid.is_err() {
        pallet_bonds::reward(&pot(), to, amount)?;
    }
    note_out(amount);
    Ok(())
}

/// Credits money that another pallet has moved into the pot to participants, in equal shares; the remainder goes to the
/// first of them.
///
/// # Errors
/// As [`pay`].
pub fn compensate(channel: u64, participants: &[u8], amount: Balance) -> DispatchResult {
    let count = participants.len() as Balance;
    let (Some(share), Some(rest)) = (amount.checked_div(count), amount.checked_rem(count)) else {
        return Err(Error::NotParticipant.into());
    };
    let held = TOTAL_HELD.get_or_default().checked_add(amount).ok_or(Error::Overflow)?;
    TOTAL_HELD.put(&held);
    for (n, participant) in participants.iter().enumerate() {
        let share = if n == 0 { share.saturating_add(rest) } else { share };
        change(channel, *participant, |money| {
            money.credit = money.credit.checked_add(share).ok_or(Error::Overflow)?;
            Ok(())
        })?;
    }
    Ok(())
}

/// Changes what a participant owes for underfunded blocks, from `before` to `after`.
///
/// # Errors
/// [`Error::UnknownChannel`].
pub fn set_debt(channel: u64, participant: u8, before: Balance, after: Balance) -> DispatchResult {
    change(channel, participant, |money| {
        money.debt = money.debt.saturating_sub(before).saturating_add(after);
        Ok(())
    })
}
