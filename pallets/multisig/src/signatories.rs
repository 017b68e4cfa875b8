//! Sets of signatories, and the accounts that are theirs (R1, R2).

use alloc::vec::Vec;

use pallet_support::{ensure, host};
use parity_scale_codec::Encode;
use quire_core::AccountId;

use crate::{Error, MAX_SIGNATORIES};

/// Before what derived addresses are a hash of; Substrate's.
const DOMAIN: &[u8; 16] = b"modlpy/utilisuba";

/// The account of sorted signatories and a threshold (R1).
pub fn multisig_account(signatories: &[AccountId], threshold: u16) -> AccountId {
    AccountId(host::blake2_256(&(DOMAIN, signatories, threshold).encode()))
}

/// R2, for two approvals and more: the multisig account.
pub(crate) fn check(who: &AccountId, threshold: u16, others: Vec<AccountId>) -> Result<AccountId, Error> {
    ensure!(threshold >= 2, Error::MinimumThreshold);
    Ok(multisig_account(&all(who, others)?, threshold))
}

/// R2, where one approval is enough: the multisig account.
pub(crate) fn check_single(who: &AccountId, others: Vec<AccountId>) -> Result<AccountId, Error> {
    Ok(multisig_account(&all(who, others)?, 1))
}

/// All signatories, sorted.
fn all(who: &AccountId, mut others: Vec<AccountId>) -> Result<Vec<AccountId>, Error> {
    ensure!(!others.is_empty(), Error::TooFewSignatories);
    ensure!(others.len() < MAX_SIGNATORIES as usize, Error::TooManySignatories);
    ensure!(others.windows(2).all(|pair| pair[0] < pair[1]), Error::SignatoriesOutOfOrder);
    match others.binary_search(who) {
        Ok(_) => Err(Error::SenderInSignatories),
        Err(place) => {
            others.insert(place, *who);
            Ok(others)
        }
    }
}
