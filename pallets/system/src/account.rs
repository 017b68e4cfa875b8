//! Accounts: nonces and reference counts (R5).

use pallet_support::{DispatchError, DispatchResult, deposit_event};
use quire_core::{AccountId, Nonce};

use crate::storage::ACCOUNT;
use crate::types::AccountInfo;
use crate::{CONSUMERS_MAX, Event, INDEX};

/// What adding a reference did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IncRefStatus {
    /// The account was created.
    Created,
    /// The account was there already.
    Existed,
}

/// What removing a reference did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecRefStatus {
    /// The account was removed.
    Reaped,
    /// The account is still there.
    Exists,
}

/// The account as stored, or an empty one.
pub fn account(who: &AccountId) -> AccountInfo {
    ACCOUNT.get_or_default(who)
}

/// Writes an account after its counts or balance changed: creates it, updates it, or removes it when it has no
/// provider left (R5), and reports the first and the last.
pub fn put_account(who: &AccountId, before: &AccountInfo, after: &AccountInfo) {
    let existed = exists(before);
    match exists(after) {
        true => ACCOUNT.insert(who, after),
        false => ACCOUNT.remove(who),
    }
    if !existed && exists(after) {
        deposit_event(INDEX, &Event::NewAccount { account: *who });
    }
    if existed && !exists(after) {
        deposit_event(INDEX, &Event::KilledAccount { account: *who });
    }
}

/// Whether something provides for the account.
const fn exists(info: &AccountInfo) -> bool {
    info.providers > 0 || info.sufficients > 0
}

/// Number of transactions the account has sent.
pub fn account_nonce(who: &AccountId) -> Nonce {
    account(who).nonce
}

/// Counts one more transaction.
pub fn inc_account_nonce(who: &AccountId) {
    let before = account(who);
    // Nonces are u32 because clients assume so; one account would have to fill a block a second for 136 years.
    ACCOUNT.insert(who, &AccountInfo { nonce: before.nonce.saturating_add(1), ..before });
}

/// Adds a reason for which the account exists.
pub fn inc_providers(who: &AccountId) -> IncRefStatus {
    let before = account(who);
    put_account(who, &before, &AccountInfo { providers: before.providers.saturating_add(1), ..before });
    if exists(&before) { IncRefStatus::Existed } else { IncRefStatus::Created }
}

/// Removes a reason for which the account exists; without any, the account is removed.
///
/// # Errors
/// `NoProviders` when there is none; `ConsumerRemaining` when it is the last and the account has consumers.
pub fn dec_providers(who: &AccountId) -> Result<DecRefStatus, DispatchError> {
    let before = account(who);
    let providers = before.providers.checked_sub(1).ok_or(DispatchError::NoProviders)?;
    let after = AccountInfo { providers, ..before };
    if !exists(&after) && after.consumers > 0 {
        return Err(DispatchError::ConsumerRemaining);
    }
    put_account(who, &before, &after);
    Ok(if exists(&after) { DecRefStatus::Exists } else { DecRefStatus::Reaped })
}

/// Adds a reason for which the account may not go away.
///
/// # Errors
/// `NoProviders` when the account does not exist, `TooManyConsumers` beyond [`CONSUMERS_MAX`].
pub fn inc_consumers(who: &AccountId) -> DispatchResult {
    let before = account(who);
    if !exists(&before) {
        return Err(DispatchError::NoProviders);
    }
    if before.consumers >= CONSUMERS_MAX {
        return Err(DispatchError::TooManyConsumers);
    }
    ACCOUNT.insert(who, &AccountInfo { consumers: before.consumers + 1, ..before });
    Ok(())
}

/// Removes a reason for which the account may not go away; without any, nothing happens.
pub fn dec_consumers(who: &AccountId) {
    let before = account(who);
    if before.consumers > 0 {
        ACCOUNT.insert(who, &AccountInfo { consumers: before.consumers - 1, ..before });
    }
}
