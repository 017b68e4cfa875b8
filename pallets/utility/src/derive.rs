//! Derivative accounts (R6).

use pallet_support::{DispatchResultWithInfo, Dispatchable, Origin, ensure_signed, host, nested};
use parity_scale_codec::Encode;
use quire_core::AccountId;

use crate::weights::AS_DERIVATIVE;

/// Before what derived addresses are a hash of; Substrate's.
const DOMAIN: &[u8; 16] = b"modlpy/utilisuba";

/// The address of an account's derivative.
pub fn derivative_account(owner: &AccountId, index: u16) -> AccountId {
    AccountId(host::blake2_256(&(DOMAIN, owner, index).encode()))
}

/// R6.
pub(crate) fn as_derivative<C: Dispatchable>(origin: &Origin, index: u16, call: C) -> DispatchResultWithInfo {
    let who = ensure_signed(origin).map_err(|error| nested::failed(error, AS_DERIVATIVE))?;
    nested::run(call, Origin::Signed(derivative_account(&who, index))).passed_on(AS_DERIVATIVE)
}
