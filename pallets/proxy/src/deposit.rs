//! What lists of proxies and announcements cost (R5, R7).

use alloc::vec::Vec;

use pallet_support::{DispatchError, DispatchResult, StorageMap, Twox64Concat, deposit_event};
use parity_scale_codec::{Decode, Encode};
use quire_core::{AccountId, Balance};

use crate::storage::{ANNOUNCEMENTS, PROXIES};
use crate::{
    ANNOUNCEMENT_DEPOSIT_BASE, ANNOUNCEMENT_DEPOSIT_FACTOR, DEPOSIT_BASE, DEPOSIT_FACTOR, DepositKind, Event,
    INDEX,
};

/// A list of one account, and the deposit for it.
type Lists<T> = StorageMap<AccountId, (Vec<T>, Balance), Twox64Concat>;

impl DepositKind {
    /// The deposit for a list of so many items.
    pub(crate) fn deposit(self, items: usize) -> Balance {
        let (base, factor) = match self {
            Self::Proxies => (DEPOSIT_BASE, DEPOSIT_FACTOR),
            Self::Announcements => (ANNOUNCEMENT_DEPOSIT_BASE, ANNOUNCEMENT_DEPOSIT_FACTOR),
        };
        match items {
            0 => 0,
            items => base.saturating_add(factor.saturating_mul(items as Balance)),
        }
    }
}

/// Stores a changed list of an account, with its deposit brought in line; an empty one is removed.
pub(crate) fn store<T: Encode + Decode>(
    lists: &Lists<T>,
    kind: DepositKind,
    who: &AccountId,
    list: Vec<T>,
    old_deposit: Balance,
) -> DispatchResult {
    let deposit = kind.deposit(list.len());
    adjust(who, old_deposit, deposit)?;
    match list.is_empty() {
        true => lists.remove(who),
        false => lists.insert(who, &(list, deposit)),
    }
    Ok(())
}

/// Changes what an account has reserved.
fn adjust(who: &AccountId, old: Balance, new: Balance) -> DispatchResult {
    if new > old {
        pallet_balances::reserve(who, new.saturating_sub(old))?;
    } else if new < old {
        pallet_balances::unreserve(who, old.saturating_sub(new))?;
    }
    Ok(())
}

/// R7: whether a deposit changed.
pub(crate) fn poke(who: &AccountId) -> Result<bool, DispatchError> {
    let proxies = poke_one(&PROXIES, DepositKind::Proxies, who)?;
    let announcements = poke_one(&ANNOUNCEMENTS, DepositKind::Announcements, who)?;
    Ok(proxies || announcements)
}

fn poke_one<T: Encode + Decode>(
    lists: &Lists<T>,
    kind: DepositKind,
    who: &AccountId,
) -> Result<bool, DispatchError> {
    let Some((list, old_deposit)) = lists.get(who) else { return Ok(false) };
    let new_deposit = kind.deposit(list.len());
    if new_deposit == old_deposit {
        return Ok(false);
    }
    store(lists, kind, who, list, old_deposit)?;
    deposit_event(INDEX, &Event::DepositPoked { who: *who, kind, old_deposit, new_deposit });
    Ok(true)
}
