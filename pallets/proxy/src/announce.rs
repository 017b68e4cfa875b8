//! Announcing calls, and taking announcements back (R4, R5).

use pallet_support::{DispatchResult, deposit_event, ensure};
use quire_core::{AccountId, H256};

use crate::storage::{ANNOUNCEMENTS, PROXIES};
use crate::{Announcement, DepositKind, Error, Event, INDEX, MAX_PENDING, deposit};

/// Announces a call.
pub(crate) fn announce(proxy: &AccountId, real: AccountId, call_hash: H256) -> DispatchResult {
    let (proxies, _) = PROXIES.get_or_default(&real);
    ensure!(proxies.iter().any(|one| one.delegate == *proxy), Error::NotProxy);
    let (mut pending, old_deposit) = ANNOUNCEMENTS.get_or_default(proxy);
    ensure!(pending.len() < MAX_PENDING as usize, Error::TooMany);
    pending.push(Announcement { real, call_hash, height: pallet_system::block_number() });
    deposit::store(&ANNOUNCEMENTS, DepositKind::Announcements, proxy, pending, old_deposit)?;
    deposit_event(INDEX, &Event::Announced { real, proxy: *proxy, call_hash });
    Ok(())
}

/// Takes the announcements of a call back, whether proxy or real account want it.
pub(crate) fn remove(proxy: &AccountId, real: AccountId, call_hash: H256) -> DispatchResult {
    take(proxy, |one| one.real == real && one.call_hash == call_hash)
}

/// Removes the announcements that `is_meant`; at least one must be.
pub(crate) fn take(proxy: &AccountId, is_meant: impl Fn(&Announcement) -> bool) -> DispatchResult {
    let (mut pending, old_deposit) = ANNOUNCEMENTS.get(proxy).ok_or(Error::NotFound)?;
    let before = pending.len();
    pending.retain(|one| !is_meant(one));
    ensure!(pending.len() < before, Error::NotFound);
    deposit::store(&ANNOUNCEMENTS, DepositKind::Announcements, proxy, pending, old_deposit)
}
