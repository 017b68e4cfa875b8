//! Admitting, renewing and revoking members (R11 to R13).

use alloc::vec::Vec;

use pallet_support::{DispatchError, DispatchResult, deposit_event, ensure, host};
use quire_certificate::{Certificate, FormerKey, Key, Principal, Refusal, Subject, Terms, Verify};
use quire_core::{AccountId, H256, limits};

use crate::storage::{MEMBERS, PRINCIPALS, ROOT};
use crate::types::Holder;
use crate::{Error, Event, INDEX, calendar, members};

/// Signatures, checked by the host.
pub(crate) struct Host;

impl Verify for Host {
    fn verify(&self, key: &Key, message: &[u8], signature: &[u8; 64]) -> bool {
        match key {
            Key::Ed25519(public) => host::ed25519_verify(signature, message, public),
            Key::Sr25519(public) => host::sr25519_verify(signature, message, public),
        }
    }
}

/// The chain that certificates are for.
pub(crate) fn chain() -> H256 {
    pallet_system::block_hash(0).unwrap_or_default()
}

/// A new member, or one that was revoked and comes back (R11).
pub(crate) fn admit(certificate: &Certificate) -> DispatchResult {
    let (account, fresh) = subject(certificate)?;
    let former = PRINCIPALS.get(&account);
    ensure!(former.as_ref().is_none_or(|former| former.revoked_at.is_some()), Error::AlreadyMember);
    check(certificate, None)?;
    let newest = former.as_ref().map_or(0, |former| former.serial);
    ensure!(certificate.terms.serial > newest, Error::OldSerial);
    ensure!(former.is_some() || PRINCIPALS.count() < limits::MAX_PRINCIPALS, Error::TooManyMembers);
    let mut sorted = members();
    ensure!(sorted.len() < limits::MAX_MEMBERS as usize, Error::TooManyMembers);
    // Who is revoked or unknown is not among the members, so that there is a place to put it.
    let Err(place) = sorted.binary_search(&account) else { return Err(Error::AlreadyMember.into()) };
    sorted.insert(place, account);
    MEMBERS.put(&sorted);
    let valid_until = fresh.valid_until;
    PRINCIPALS.insert(&account, &fresh);
    deposit_event(INDEX, &Event::Admitted { member: account, key: fresh.key, valid_until });
    calendar::enter(Holder::Principal { member: account }, valid_until, pallet_timestamp::now());
    Ok(())
}

/// A member's next certificate (R12).
pub(crate) fn renew(certificate: &Certificate) -> DispatchResult {
    let (account, mut fresh) = subject(certificate)?;
    let now = pallet_timestamp::now();
    let present = PRINCIPALS.get(&account).filter(|present| present.revoked_at.is_none());
    let present = present.ok_or(Error::UnknownMember)?;
    let is_valid = now < present.valid_until;
    check(certificate, is_valid.then_some(&present.key))?;
    ensure!(fresh.serial > present.serial, Error::OldSerial);
    let terms = &certificate.terms;
    ensure!(terms.valid_until > present.valid_until, Error::NoRenewal);
    ensure!(terms.valid_from <= present.valid_until.max(now), Error::Gap);
    fresh.valid_from = if is_valid { present.valid_from.min(fresh.valid_from) } else { fresh.valid_from };
    if fresh.key != present.key {
        fresh.former_key = Some(FormerKey { key: present.key, valid_until: present.valid_until });
    } else {
        fresh.former_key = present.former_key.filter(|former| now < former.valid_until);
    }
    let valid_until = fresh.valid_until;
    PRINCIPALS.insert(&account, &fresh);
    let holder = Holder::Principal { member: account };
    deposit_event(INDEX, &Event::Renewed { holder, valid_until });
    calendar::enter(holder, valid_until, now);
    Ok(())
}

/// The end of a member (R13).
pub(crate) fn revoke(member: AccountId) -> DispatchResult {
    let mut sorted = members();
    let place = sorted.binary_search(&member).map_err(|_| Error::UnknownMember)?;
    ensure!(sorted.len() > 1, Error::LastMember);
    sorted.remove(place);
    MEMBERS.put(&sorted);
    let now = pallet_timestamp::now();
    PRINCIPALS.mutate(&member, |principal| {
        if let Some(principal) = principal {
            principal.revoked_at = Some(now);
        }
    });
    deposit_event(INDEX, &Event::Revoked { member });
    calendar::schedule(Holder::Principal { member }, calendar::forget_at(now));
    Ok(())
}

/// Another root key: certificates that the former one signed stay what they are, new ones need the new one.
pub(crate) fn set_root(key: Key) -> DispatchResult {
    ROOT.put(&key);
    deposit_event(INDEX, &Event::RootChanged { key });
    Ok(())
}

/// Account and record of a Level 0.
fn subject(certificate: &Certificate) -> Result<(AccountId, Principal), DispatchError> {
    let Terms { subject, serial, valid_from, valid_until, .. } = &certificate.terms;
    let Subject::Principal { account, key, name } = subject else { return Err(Error::WrongLevel.into()) };
    let (serial, valid_from, valid_until) = (*serial, *valid_from, *valid_until);
    let principal = Principal {
        name: name.clone(),
        key: *key,
        former_key: None,
        serial,
        valid_from,
        valid_until,
        revoked_at: None,
    };
    Ok((*account, principal))
}

fn check(certificate: &Certificate, present: Option<&Key>) -> DispatchResult {
    let (root, now) = (ROOT.get_or_default(), pallet_timestamp::now());
    certificate
        .check_principal(&chain(), &root, present, now, &Host)
        .map_err(|refusal| error(&refusal).into())
}

/// The pallet's word for a refusal.
pub(crate) const fn error(refusal: &Refusal) -> Error {
    match refusal {
        Refusal::NoCertificate | Refusal::Undecodable | Refusal::Form { .. } => Error::BadForm,
        Refusal::OtherChain { .. } => Error::OtherChain,
        Refusal::WrongLevel { .. } | Refusal::WrongSubject | Refusal::TooLittleWork { .. } => {
            Error::WrongLevel
        }
        Refusal::UnknownPrincipal { .. } => Error::UnknownMember,
        Refusal::WrongPrincipal => Error::WrongIssuer,
        Refusal::BadSignature => Error::BadSignature,
        Refusal::Revoked { .. } => Error::CertificateRevoked,
        Refusal::NotYetValid { .. } => Error::NotYetValid,
        Refusal::Expired { .. } => Error::CertificateIsOver,
    }
}

/// Every principal, sorted.
pub fn principals() -> Vec<(AccountId, Principal)> {
    let mut all: Vec<_> = PRINCIPALS.iter().collect();
    all.sort_unstable_by_key(|(account, _)| *account);
    all
}
