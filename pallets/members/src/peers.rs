//! Nodes of members: registered for all to see, revoked by their member or by motion (R14).

use alloc::vec;
use alloc::vec::Vec;

use pallet_support::{DispatchResult, Origin, deposit_event, ensure, ensure_signed};
use quire_certificate::{Certificate, RevokedPeer, Subject, Tower};
use quire_core::{AccountId, DispatchError, limits};

use crate::principals::{Host, chain, error, principals};
use crate::storage::{EFFECTIVE_TIME, PEER_USAGE, PEERS, PRINCIPALS, REVOKED_PEERS, ROOT};
use crate::types::{Holder, NodeKey, Peer, PeerUsage};
use crate::{Error, Event, INDEX, calendar};

/// Makes a node's certificate public, or its next one.
pub(crate) fn register(certificate: &Certificate) -> DispatchResult {
    let terms = &certificate.terms;
    let Subject::Peer { member, node, name } = &terms.subject else { return Err(Error::WrongLevel.into()) };
    let principal = PRINCIPALS.get(member).ok_or(Error::UnknownMember)?;
    let now = pallet_timestamp::now();
    // Registering asks for what holds now; what counts at the gate may lag behind until the next set change.
    let tower = Tower {
        chain: chain(),
        root: ROOT.get_or_default(),
        now_ms: now.max(terms.valid_from),
        effective_ms: now,
        principals: vec![(*member, principal)],
        revoked_peers: REVOKED_PEERS.get(member, node).map(|at| ((*member, *node), at)).into_iter().collect(),
    };
    tower.check_peer(certificate, node, &Host).map_err(|refusal| error(&refusal))?;
    let mut fresh = Peer {
        name: name.clone(),
        serial: terms.serial,
        valid_from: terms.valid_from,
        valid_until: terms.valid_until,
    };
    let holder = Holder::Peer { member: *member, node: *node };
    let valid_until = fresh.valid_until;
    match PEERS.get(member, node) {
        Some(present) => {
            ensure!(fresh.serial > present.serial, Error::OldSerial);
            ensure!(fresh.valid_until > present.valid_until, Error::NoRenewal);
            ensure!(fresh.valid_from <= present.valid_until, Error::Gap);
            fresh.valid_from = fresh.valid_from.min(present.valid_from);
            deposit_event(INDEX, &Event::Renewed { holder, valid_until });
        }
        None => {
            let usage = PEER_USAGE.get_or_default(member);
            ensure!(usage.registered < limits::MAX_PEERS_OF_MEMBER, Error::TooManyPeers);
            put_usage(member, PeerUsage { registered: usage.registered.saturating_add(1), ..usage });
            deposit_event(INDEX, &Event::PeerRegistered { member: *member, node: *node, valid_until });
        }
    }
    PEERS.insert(member, node, &fresh);
    calendar::enter(holder, valid_until, now);
    Ok(())
}

/// Revokes a node key: no certificate of the member helps it any more. By the member, or by Root.
pub(crate) fn revoke(origin: &Origin, member: AccountId, node: NodeKey) -> DispatchResult {
    if *origin != Origin::Root {
        let who = ensure_signed(origin)?;
        ensure!(who == member, DispatchError::BadOrigin);
    }
    ensure!(PRINCIPALS.contains(&member), Error::UnknownMember);
    ensure!(REVOKED_PEERS.get(&member, &node).is_none(), Error::CertificateRevoked);
    let usage = PEER_USAGE.get_or_default(&member);
    ensure!(usage.revoked < limits::MAX_REVOKED_PEERS_OF_MEMBER, Error::TooManyPeers);
    put_usage(&member, PeerUsage { revoked: usage.revoked.saturating_add(1), ..usage });
    if PEERS.contains(&member, &node) {
        unregister(&member, &node);
        calendar::forget(&Holder::Peer { member, node });
    }
    let at = pallet_timestamp::now();
    let until = calendar::forget_at(at);
    REVOKED_PEERS.insert(&member, &node, &RevokedPeer { at, until });
    deposit_event(INDEX, &Event::PeerRevoked { member, node });
    calendar::schedule(Holder::RevokedPeer { member, node }, until);
    Ok(())
}

/// Forgets a registered node.
pub(crate) fn unregister(member: &AccountId, node: &NodeKey) {
    if PEERS.take(member, node).is_some() {
        let usage = PEER_USAGE.get_or_default(member);
        put_usage(member, PeerUsage { registered: usage.registered.saturating_sub(1), ..usage });
    }
}

/// Forgets a revocation.
pub(crate) fn forget_revoked(member: &AccountId, node: &NodeKey) {
    if REVOKED_PEERS.take(member, node).is_some() {
        let usage = PEER_USAGE.get_or_default(member);
        put_usage(member, PeerUsage { revoked: usage.revoked.saturating_sub(1), ..usage });
    }
}

fn put_usage(member: &AccountId, usage: PeerUsage) {
    if usage == PeerUsage::default() { PEER_USAGE.remove(member) } else { PEER_USAGE.insert(member, &usage) }
}

/// The chain's word on the tower, for nodes (R17).
pub fn tower() -> Tower {
    let mut revoked_peers: Vec<_> =
        REVOKED_PEERS.iter().map(|(member, node, revoked)| ((member, node), revoked)).collect();
    revoked_peers.sort_unstable_by_key(|(key, _)| *key);
    Tower {
        chain: chain(),
        root: ROOT.get_or_default(),
        now_ms: pallet_timestamp::now(),
        effective_ms: EFFECTIVE_TIME.get_or_default(),
        principals: principals(),
        revoked_peers,
    }
}

/// Whose node a key is, as far as members registered it; a key can be of several.
pub fn members_of(node: &NodeKey) -> Vec<AccountId> {
    PRINCIPALS.iter_keys().filter(|member| PEERS.contains(member, node)).collect()
}
