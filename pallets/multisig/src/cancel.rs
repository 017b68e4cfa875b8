//! Cancelling operations, and bringing their deposits in line with the prices (R7, R8).

use alloc::vec::Vec;

use pallet_support::{DispatchError, deposit_event, ensure};
use quire_core::{AccountId, Pays};

use crate::storage::MULTISIGS;
use crate::{Done, Error, Event, INDEX, Timepoint, deposit, signatories};

/// R7.
pub(crate) fn cancel(
    who: AccountId,
    threshold: u16,
    others: Vec<AccountId>,
    timepoint: Timepoint,
    call_hash: [u8; 32],
) -> Result<Done, DispatchError> {
    let multisig = signatories::check(&who, threshold, others)?;
    let open = MULTISIGS.get(&multisig, &call_hash).ok_or(Error::NotFound)?;
    ensure!(open.when == timepoint, Error::WrongTimepoint);
    ensure!(open.depositor == who, Error::NotOwner);
    MULTISIGS.remove(&multisig, &call_hash);
    pallet_balances::unreserve(&who, open.deposit)?;
    deposit_event(INDEX, &Event::MultisigCancelled { cancelling: who, timepoint, multisig, call_hash });
    Ok(Done::default())
}

/// R8.
pub(crate) fn poke_deposit(
    who: AccountId,
    threshold: u16,
    others: Vec<AccountId>,
    call_hash: [u8; 32],
) -> Result<Done, DispatchError> {
    let multisig = signatories::check(&who, threshold, others)?;
    let mut open = MULTISIGS.get(&multisig, &call_hash).ok_or(Error::NotFound)?;
    ensure!(open.depositor == who, Error::NotOwner);
    let (old_deposit, new_deposit) = (open.deposit, deposit(threshold));
    if old_deposit == new_deposit {
        return Ok(Done::default());
    }
    if new_deposit > old_deposit {
        pallet_balances::reserve(&who, new_deposit.saturating_sub(old_deposit))?;
    } else {
        pallet_balances::unreserve(&who, old_deposit.saturating_sub(new_deposit))?;
    }
    open.deposit = new_deposit;
    MULTISIGS.insert(&multisig, &call_hash, &open);
    deposit_event(INDEX, &Event::DepositPoked { who, call_hash, old_deposit, new_deposit });
    Ok(Done { pays_fee: Pays::No, ..Done::default() })
}
