//! Naming proxies, and taking them off the list (R1, R5).

use pallet_support::{DispatchResult, deposit_event, ensure};
use quire_core::AccountId;

use crate::storage::PROXIES;
use crate::{DepositKind, Error, Event, INDEX, MAX_PROXIES, ProxyDefinition, deposit};

/// R1.
pub(crate) fn add(delegator: &AccountId, proxy: ProxyDefinition) -> DispatchResult {
    let ProxyDefinition { delegate, proxy_type, delay } = proxy;
    ensure!(*delegator != delegate, Error::NoSelfProxy);
    let (mut proxies, old_deposit) = PROXIES.get_or_default(delegator);
    let place = proxies.binary_search(&proxy).err().ok_or(Error::Duplicate)?;
    ensure!(proxies.len() < MAX_PROXIES as usize, Error::TooMany);
    proxies.insert(place, proxy);
    deposit::store(&PROXIES, DepositKind::Proxies, delegator, proxies, old_deposit)?;
    let added = Event::ProxyAdded { delegator: *delegator, delegatee: delegate, proxy_type, delay };
    deposit_event(INDEX, &added);
    Ok(())
}

/// Takes one proxy off the list.
pub(crate) fn remove(delegator: &AccountId, proxy: ProxyDefinition) -> DispatchResult {
    let ProxyDefinition { delegate, proxy_type, delay } = proxy;
    let (mut proxies, old_deposit) = PROXIES.get_or_default(delegator);
    let place = proxies.binary_search(&proxy).map_err(|_| Error::NotFound)?;
    proxies.remove(place);
    deposit::store(&PROXIES, DepositKind::Proxies, delegator, proxies, old_deposit)?;
    let removed = Event::ProxyRemoved { delegator: *delegator, delegatee: delegate, proxy_type, delay };
    deposit_event(INDEX, &removed);
    Ok(())
}

/// Takes all proxies off the list.
pub(crate) fn remove_all(delegator: &AccountId) -> DispatchResult {
    if let Some((_, deposit)) = PROXIES.take(delegator) {
        pallet_balances::unreserve(delegator, deposit)?;
    }
    Ok(())
}
