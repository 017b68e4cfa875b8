//! Judging certificates against what the chain says (C5 to C10).

use alloc::string::String;
use alloc::vec::Vec;

use parity_scale_codec::{Decode, Encode};
use quire_core::{AccountId, H256};
use scale_info::TypeInfo;

use crate::{Certificate, Key, Subject, Verify, work_bits};

/// Why a certificate is not accepted (C9).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Nothing was presented.
    #[error("no certificate was presented")]
    NoCertificate,
    /// Not a certificate.
    #[error("what was presented is no certificate: it is damaged, cut off or too long")]
    Undecodable,
    /// C1.
    #[error("the certificate is for another chain (genesis {named})")]
    OtherChain {
        /// The chain that it names.
        named: H256,
    },
    /// Another floor of the tower.
    #[error("the certificate is of Level {got}, Level {wanted} is needed")]
    WrongLevel {
        /// What it is.
        got: u8,
        /// What is needed.
        wanted: u8,
    },
    /// It vouches for somebody else.
    #[error("the certificate is for another key than the one that presents it")]
    WrongSubject,
    /// C3, C4.
    #[error("the certificate has no valid form: {what}")]
    Form {
        /// What is wrong.
        what: &'static str,
    },
    /// C6: no such member.
    #[error("the certificate names {member} as its principal, which is no member of the consortium")]
    UnknownPrincipal {
        /// Whom it names.
        member: AccountId,
    },
    /// C5 to C7: the issuer may not vouch for this subject.
    #[error(
        "the certificate was signed by the wrong principal: its issuer's key may not vouch for this subject"
    )]
    WrongPrincipal,
    /// The signature is not the issuer's.
    #[error("the certificate's signature is not its issuer's")]
    BadSignature,
    /// C7.
    #[error("the work behind the certificate has {bits} bits, {wanted} are needed")]
    TooLittleWork {
        /// What it has.
        bits: u32,
        /// What is needed.
        wanted: u32,
    },
    /// The subject or its principal was revoked.
    #[error("{what} was revoked at {at_ms} ms of chain time")]
    Revoked {
        /// Peer or principal.
        what: &'static str,
        /// When.
        at_ms: u64,
    },
    /// Its time has not come.
    #[error("{what} is not valid before {from_ms} ms of chain time")]
    NotYetValid {
        /// Certificate or principal.
        what: &'static str,
        /// From when.
        from_ms: u64,
    },
    /// Its time is over.
    #[error("{what} expired at {at_ms} ms of chain time")]
    Expired {
        /// Certificate or principal.
        what: &'static str,
        /// When.
        at_ms: u64,
    },
}

/// A key that a principal used before its present one (C6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[scale_info(capture_docs = "always")]
pub struct FormerKey {
    /// The key.
    pub key: Key,
    /// Until when what it signed counts: the end of the certificate that it had.
    pub valid_until: u64,
}

/// What the chain keeps of a member.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[scale_info(capture_docs = "always")]
pub struct Principal {
    /// Its name.
    pub name: String,
    /// The key that signs for its peers.
    pub key: Key,
    /// The key before.
    pub former_key: Option<FormerKey>,
    /// Serial of its certificate; 0 for founders, who have none.
    pub serial: u64,
    /// From when it holds, milliseconds of chain time.
    pub valid_from: u64,
    /// From when it holds no more.
    pub valid_until: u64,
    /// When the members revoked it.
    pub revoked_at: Option<u64>,
}

impl Principal {
    /// Whether it may vouch (C10); `now` is chain time, `effective` that of the last set change.
    ///
    /// # Errors
    /// Revoked, not yet valid, or expired.
    pub fn check(&self, now: u64, effective: u64) -> Result<(), Refusal> {
        let what = "the certificate of the peer's organisation";
        if let Some(at_ms) = self.revoked_at.filter(|at| *at <= effective) {
            return Err(Refusal::Revoked { what: "the peer's organisation", at_ms });
        }
        check_window(what, (self.valid_from, self.valid_until), now, effective)
    }

    /// Whether `key` signs for its peers (C6).
    fn may_sign(&self, key: &Key, effective: u64) -> bool {
        let is_former = |former: &FormerKey| former.key == *key && former.valid_until > effective;
        self.key == *key || self.former_key.as_ref().is_some_and(is_former)
    }
}

/// C3, C10.
fn check_window(what: &'static str, window: (u64, u64), now: u64, effective: u64) -> Result<(), Refusal> {
    let (from_ms, at_ms) = window;
    if now < from_ms {
        return Err(Refusal::NotYetValid { what, from_ms });
    }
    if effective >= at_ms { Err(Refusal::Expired { what, at_ms }) } else { Ok(()) }
}

/// A node key that no certificate of its member helps any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[scale_info(capture_docs = "always")]
pub struct RevokedPeer {
    /// When it was revoked, milliseconds of chain time.
    pub at: u64,
    /// When the entry is forgotten: every certificate of that time has expired by then.
    pub until: u64,
}

/// The chain's word on the tower: what the runtime tells nodes.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct Tower {
    /// Genesis hash.
    pub chain: H256,
    /// The root key.
    pub root: Key,
    /// Chain time, milliseconds.
    pub now_ms: u64,
    /// Chain time of the last set change: what had expired or was revoked by then counts as such (C10).
    pub effective_ms: u64,
    /// Members of old and new, sorted by account.
    pub principals: Vec<(AccountId, Principal)>,
    /// Revoked node keys, each by the member whose certificates do not help it any more, sorted: no member can revoke what
    /// another one vouches for.
    pub revoked_peers: Vec<((AccountId, [u8; 32]), RevokedPeer)>,
}

impl Tower {
    /// The chain's record of a member.
    pub fn principal(&self, member: &AccountId) -> Option<&Principal> {
        let place = self.principals.binary_search_by_key(&member, |(account, _)| account).ok()?;
        self.principals.get(place).map(|(_, principal)| principal)
    }

    /// Whether a Level 1 was really signed by the member that it names, for this node: what holds for ever, whatever its
    /// window and revocations say. Returns the member.
    ///
    /// # Errors
    /// C1, C3, C4, C6, in the order of C9.
    pub fn authentic_peer(
        &self,
        certificate: &Certificate,
        node: &[u8; 32],
        verify: &impl Verify,
    ) -> Result<AccountId, Refusal> {
        certificate.check_place(&self.chain, 1)?;
        let Subject::Peer { member, node: subject, .. } = &certificate.terms.subject else {
            return Err(Refusal::WrongLevel { got: certificate.terms.subject.level(), wanted: 1 });
        };
        if subject != node {
            return Err(Refusal::WrongSubject);
        }
        certificate.terms.check_form()?;
        let principal = self.principal(member).ok_or(Refusal::UnknownPrincipal { member: *member })?;
        if !principal.may_sign(&certificate.terms.issuer, self.effective_ms) {
            return Err(Refusal::WrongPrincipal);
        }
        if certificate.is_signed(verify) { Ok(*member) } else { Err(Refusal::BadSignature) }
    }

    /// Whether a Level 1 lets `node` take part; returns its member.
    ///
    /// # Errors
    /// The first rule that does not hold (C9).
    pub fn check_peer(
        &self,
        certificate: &Certificate,
        node: &[u8; 32],
        verify: &impl Verify,
    ) -> Result<AccountId, Refusal> {
        let member = self.authentic_peer(certificate, node, verify)?;
        let found = self.revoked_peers.binary_search_by_key(&(member, *node), |(key, _)| *key).ok();
        let revoked = found.and_then(|place| self.revoked_peers.get(place)).map(|(_, revoked)| revoked.at);
        if let Some(at_ms) = revoked.filter(|at| *at <= self.effective_ms) {
            return Err(Refusal::Revoked { what: "the peer's node key", at_ms });
        }
        // It is there: `authentic_peer` found it.
        if let Some(principal) = self.principal(&member) {
            principal.check(self.now_ms, self.effective_ms)?;
        }
        let window = (certificate.terms.valid_from, certificate.terms.valid_until);
        check_window("the certificate", window, self.now_ms, self.effective_ms)?;
        Ok(member)
    }

    /// Whether a Level 2 lets a client of `peer` in; the peer's own standing is not looked at. Time is chain time: nothing
    /// of the network depends on clients, so that a client's window ends when it says (C10 is about peers).
    ///
    /// # Errors
    /// The first rule that does not hold (C9).
    pub fn check_client(
        &self,
        certificate: &Certificate,
        client: &Key,
        peer: &[u8; 32],
        work_bits_min: u32,
        verify: &impl Verify,
    ) -> Result<(), Refusal> {
        certificate.check_place(&self.chain, 2)?;
        let terms = &certificate.terms;
        let Subject::Client { key, peer: named, nonce } = &terms.subject else {
            return Err(Refusal::WrongLevel { got: terms.subject.level(), wanted: 2 });
        };
        if key != client {
            return Err(Refusal::WrongSubject);
        }
        terms.check_form()?;
        if named != peer || terms.issuer != Key::Ed25519(*peer) {
            return Err(Refusal::WrongPrincipal);
        }
        if !certificate.is_signed(verify) {
            return Err(Refusal::BadSignature);
        }
        let bits = work_bits(&self.chain, peer, key, *nonce);
        if bits < work_bits_min {
            return Err(Refusal::TooLittleWork { bits, wanted: work_bits_min });
        }
        check_window("the certificate", (terms.valid_from, terms.valid_until), self.now_ms, self.now_ms)
    }
}

impl Certificate {
    /// Whether a Level 0 makes its subject a principal, or keeps it one (C5); `present` is the principal's present key,
    /// when it may renew itself. A window that has not begun yet is fine: renewals overlap.
    ///
    /// # Errors
    /// The first rule that does not hold (C9).
    pub fn check_principal(
        &self,
        chain: &H256,
        root: &Key,
        present: Option<&Key>,
        now: u64,
        verify: &impl Verify,
    ) -> Result<(), Refusal> {
        self.check_place(chain, 0)?;
        self.terms.check_form()?;
        if self.terms.issuer != *root && present != Some(&self.terms.issuer) {
            return Err(Refusal::WrongPrincipal);
        }
        if !self.is_signed(verify) {
            return Err(Refusal::BadSignature);
        }
        let at_ms = self.terms.valid_until;
        if now >= at_ms { Err(Refusal::Expired { what: "the certificate", at_ms }) } else { Ok(()) }
    }
}
