//! Accounts that only proxies act for (R6).

use alloc::vec;

use pallet_support::{DispatchResult, deposit_event, ensure, host};
use parity_scale_codec::Encode;
use quire_core::{AccountId, BlockNumber};

use crate::storage::PROXIES;
use crate::{DepositKind, Error, Event, INDEX, ProxyDefinition, ProxyType};

/// Before what pure addresses are a hash of; Substrate's.
const DOMAIN: &[u8; 16] = b"modlpy/proxy____";

/// The pure account that `spawner` creates with these arguments in the extrinsic of this block and index.
pub fn pure_account(
    spawner: &AccountId,
    proxy_type: ProxyType,
    index: u16,
    (height, ext_index): (BlockNumber, u32),
) -> AccountId {
    AccountId(host::blake2_256(&(DOMAIN, spawner, height, ext_index, proxy_type, index).encode()))
}

/// Creates a pure account.
pub(crate) fn create(
    who: &AccountId,
    proxy_type: ProxyType,
    delay: BlockNumber,
    disambiguation_index: u16,
) -> DispatchResult {
    let now = (pallet_system::block_number(), pallet_system::extrinsic_index());
    let pure = pure_account(who, proxy_type, disambiguation_index, now);
    ensure!(!PROXIES.contains(&pure), Error::Duplicate);
    let deposit = DepositKind::Proxies.deposit(1);
    pallet_balances::reserve(who, deposit)?;
    PROXIES.insert(&pure, &(vec![ProxyDefinition { delegate: *who, proxy_type, delay }], deposit));
    deposit_event(INDEX, &Event::PureCreated { pure, who: *who, proxy_type, disambiguation_index });
    Ok(())
}

/// Kills the pure account that asks for it.
pub(crate) fn kill(
    who: &AccountId,
    spawner: AccountId,
    proxy_type: ProxyType,
    disambiguation_index: u16,
    created: (BlockNumber, u32),
) -> DispatchResult {
    let pure = pure_account(&spawner, proxy_type, disambiguation_index, created);
    ensure!(pure == *who, Error::NoPermission);
    if let Some((_, deposit)) = PROXIES.take(&pure) {
        pallet_balances::unreserve(&spawner, deposit)?;
    }
    deposit_event(INDEX, &Event::PureKilled { pure, spawner, proxy_type, disambiguation_index });
    Ok(())
}
