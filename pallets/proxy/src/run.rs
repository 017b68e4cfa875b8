//! Acting for another account (R2, R4).

use pallet_support::nested::{self, Ran};
use pallet_support::{DispatchError, Dispatchable, Origin, deposit_event, ensure, host};
use parity_scale_codec::Encode;
use quire_core::{AccountId, H256, MultiAddress, Weight};

use crate::storage::PROXIES;
use crate::{Error, Event, INDEX, ProxyDefinition, ProxyType, Proxyable, announce, lookup};

/// Makes a call at once; returns what it weighed.
pub(crate) fn proxy<C: Dispatchable + Proxyable>(
    who: AccountId,
    real: &MultiAddress,
    wanted: Option<ProxyType>,
    call: C,
) -> Result<Weight, DispatchError> {
    let real = lookup(real)?;
    let registered = find(&real, &who, wanted)?;
    ensure!(registered.delay == 0, Error::Unannounced);
    Ok(run(registered.proxy_type, real, call))
}

/// R4: makes a call that was announced; returns what it weighed.
pub(crate) fn proxy_announced<C: Dispatchable + Proxyable + Encode>(
    delegate: &MultiAddress,
    real: &MultiAddress,
    wanted: Option<ProxyType>,
    call: C,
) -> Result<Weight, DispatchError> {
    let (delegate, real) = (lookup(delegate)?, lookup(real)?);
    let registered = find(&real, &delegate, wanted)?;
    let call_hash = H256(host::blake2_256(&call.encode()));
    let now = pallet_system::block_number();
    announce::take(&delegate, |one| {
        let is_due = now.saturating_sub(one.height) >= registered.delay;
        one.real == real && one.call_hash == call_hash && is_due
    })
    .map_err(|error| if error == Error::NotFound.into() { Error::Unannounced.into() } else { error })?;
    Ok(run(registered.proxy_type, real, call))
}

/// The registration under which `delegate` acts for `real` (R2).
fn find(real: &AccountId, delegate: &AccountId, wanted: Option<ProxyType>) -> Result<ProxyDefinition, Error> {
    let (proxies, _) = PROXIES.get_or_default(real);
    let is_wanted = |one: &ProxyDefinition| wanted.is_none_or(|wanted| one.proxy_type == wanted);
    proxies.into_iter().find(|one| one.delegate == *delegate && is_wanted(one)).ok_or(Error::NotProxy)
}

/// R2, R3: runs the call as the real account when its type permits it; returns what it weighed.
fn run<C: Dispatchable + Proxyable>(by: ProxyType, real: AccountId, call: C) -> Weight {
    let Ran { result, weight } = match call.is_permitted(by) {
        true => nested::run(call, Origin::Signed(real)),
        false => Ran { result: Err(pallet_system::Error::CallFiltered.into()), weight: Weight::ZERO },
    };
    deposit_event(INDEX, &Event::ProxyExecuted { result });
    weight
}
