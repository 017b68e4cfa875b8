//! Taking a fee, giving back what was not used, and paying the author (R1 to R4).

use pallet_support::{PostInfo, deposit_event};
use pallet_system::account;
use quire_core::{AccountId, Balance, DispatchInfo, InvalidTransaction};

use crate::fee::{compute_actual_fee, compute_fee};
use crate::storage::COLLECTED;
use crate::{Event, INDEX};

/// What a sender has paid in advance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "the fee is lost unless it is corrected and deposited"]
pub struct Paid {
    who: AccountId,
    fee: Balance,
    tip: Balance,
}

/// Whether an account can pay `fee` now (R1).
///
/// # Errors
/// `Payment`.
pub fn can_withdraw_fee(who: &AccountId, fee: Balance) -> Result<(), InvalidTransaction> {
    // Using the nonce writes a record for any signer; a provider makes it an account.
    let payable = account(who).providers > 0 && pallet_balances::spendable_balance(who, true) >= fee;
    if payable { Ok(()) } else { Err(InvalidTransaction::Payment) }
}

/// Takes fee and tip for the announced weight (R1).
///
/// # Errors
/// `Payment`; then nothing has changed.
pub fn withdraw_fee(
    who: &AccountId,
    length: u32,
    info: &DispatchInfo,
    tip: Balance,
) -> Result<Paid, InvalidTransaction> {
    let fee = compute_fee(length, info, tip);
    if fee == 0 {
        can_withdraw_fee(who, 0)?;
    } else {
        pallet_balances::take(who, fee).map_err(|_| InvalidTransaction::Payment)?;
    }
    Ok(Paid { who: *who, fee, tip })
}

/// Gives back what the call did not use, collects the rest for the author, reports it (R2 to R4).
pub fn correct_and_deposit(paid: Paid, length: u32, info: &DispatchInfo, post: &PostInfo) {
    let Paid { who, fee, tip } = paid;
    let actual = compute_actual_fee(length, info, post, tip).min(fee);
    // The call may have removed the account; what it then cannot take back stays with the author.
    let refunded = actual < fee && pallet_balances::give(&who, fee - actual).is_ok();
    let actual_fee = if refunded { actual } else { fee };
    if actual_fee > 0 {
        // Cannot overflow: all fees of a block are part of the total issuance, a u128.
        COLLECTED.mutate_default(|collected| *collected = collected.saturating_add(actual_fee));
    }
    deposit_event(INDEX, &Event::TransactionFeePaid { who, actual_fee, tip });
}

/// Ends a block: its fees go to its author (R3).
pub fn on_finalize(author: Option<AccountId>) {
    let collected = COLLECTED.take().unwrap_or(0);
    let given = author.is_some_and(|author| pallet_balances::give(&author, collected).is_ok());
    if !given {
        // Cannot underflow: what was collected is part of the issuance.
        let _ = pallet_balances::burn_taken(collected);
    }
}
