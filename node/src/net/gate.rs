//! The gate of the network: carries out what the machine of certificates says ([`crate::credentials`]).
//!
//! Rules
//! - R1 The chain is asked for its view once per final block, and only then: what counts is final.
//! - R2 Without a file, a node whose keystore has the key of a member signs its own certificate, for [`OWN_DAYS`] days, and
//!   again when half of them are over: the development presets need no files, and who keeps that key offline uses one.
//! - R3 A peer that is not full is not disconnected; what it may not have is refused.
use super::Wire;
use crate::admission::Standing;
use crate::certificate::{node_key, own_path, read_armoured};
use crate::clock::now_ms;
use crate::credentials::{Effect, Machine, View};
use crate::service::Inner;
use parity_scale_codec::{Decode, Encode};
use quire_certificate::{Certificate, DAY_MS, Key, Subject, Terms, Tower};
use quire_core::{AccountId, H256, keys};
use quire_network::{Channel, Link, Method, RequestError};
use std::collections::BTreeMap;
use tokio::sync::oneshot;

/// Days for which a node certifies itself.
const OWN_DAYS: u64 = 30;

/// See the module doc.
pub(super) struct Gate {
    machine: Machine,
    /// Questions under way, by the network's number.
    asked: BTreeMap<u64, Link>,
    looked_at: Option<H256>,
    /// When the own certificate is made or read again, milliseconds since the Unix epoch.
    own_again_ms: u64,
}

impl Gate {
    /// Nobody is there yet.
    pub(super) fn new() -> Self {
        let machine = Machine::new(None);
        Self { machine, asked: BTreeMap::new(), looked_at: None, own_again_ms: 0 }
    }

    pub(super) fn opened(&mut self, wire: &dyn Wire, now: u64, link: Link, id: &str) {
        let effects = self.machine.opened(now, link.0, id);
        self.carry_out(wire, effects);
    }

    pub(super) fn closed(&mut self, link: Link) {
        self.machine.closed(link.0);
        self.asked.retain(|_, of| *of != link);
    }

    /// A peer's question.
    pub(super) fn question(
        &mut self,
        wire: &dyn Wire,
        link: Option<Link>,
        bytes: &[u8],
        answer: oneshot::Sender<Vec<u8>>,
    ) {
        let (text, effects) = self.machine.question(link.map(|link| link.0), bytes);
        // Who has gone does not hear it.
        let _ = answer.send(text);
        self.carry_out(wire, effects);
    }

    /// Whether the answer was to a question of the gate.
    pub(super) fn response(
        &mut self,
        wire: &dyn Wire,
        number: u64,
        result: &Result<Vec<u8>, RequestError>,
    ) -> bool {
        let Some(link) = self.asked.remove(&number) else { return false };
        match result {
            Ok(bytes) => {
                let effects = self.machine.answer(link.0, bytes);
                self.carry_out(wire, effects);
            }
            Err(_) => self.machine.failed(link.0),
        }
        true
    }

    /// Time passed, or a block is final (R1, R2).
    pub(super) fn tick(&mut self, node: &Inner, wire: &dyn Wire, now: u64) {
        let at = node.chain.finalised().hash;
        if self.looked_at != Some(at) {
            self.looked_at = Some(at);
            if let Some(view) = view(node, at) {
                self.certify_itself(node, &view.tower);
                let effects = self.machine.look(view);
                self.carry_out(wire, effects);
            }
        }
        let effects = self.machine.tick(now);
        self.carry_out(wire, effects);
    }

    /// How a peer stands, in a sentence.
    pub(super) fn explanation(&self, link: Link) -> Option<String> {
        self.machine.standing(link.0).map(Standing::explanation)
    }

    /// Whether a notification of this channel is taken from a peer.
    pub(super) fn may_notify(&self, link: Link, channel: Channel) -> bool {
        self.machine.allows(link.0, |standing| standing.may_notify(channel))
    }

    /// Whether a request is answered; who opened no announces reads like any light client.
    pub(super) fn may_request(&self, link: Option<Link>, method: Method) -> bool {
        match link {
            Some(link) => self.machine.allows(link.0, |standing| standing.may_request(method)),
            None => Standing::stranger().may_request(method),
        }
    }

    fn carry_out(&mut self, wire: &dyn Wire, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Ask { link, bytes } => {
                    let number = wire.request(Link(link), Method::Certificate, bytes);
                    self.asked.insert(number, Link(link));
                }
                Effect::Stands { link, standing } => {
                    tracing::debug!(target: "certificate", "link {link} {}", standing.explanation());
                }
            }
        }
    }

    /// R2.
    fn certify_itself(&mut self, node: &Inner, tower: &Tower) {
        let now = now_ms();
        if now < self.own_again_ms {
            return;
        }
        const LOOK_AGAIN_MS: u64 = 60_000;
        self.own_again_ms = now.saturating_add(LOOK_AGAIN_MS);
        let own = read_armoured::<Certificate>(&own_path(node.chain_dir())).ok();
        let is_good = |own: &Certificate| own.terms.valid_until > now && own.terms.chain == tower.chain;
        let own = match own {
            Some(own) if is_good(&own) => Some(own),
            // What is no good any more is shown nevertheless, so that peers can say what is wrong with it.
            other => match self_signed(node, tower, now) {
                Some(made) => {
                    self.own_again_ms = now.saturating_add(OWN_DAYS.saturating_mul(DAY_MS) / 2);
                    Some(made)
                }
                None => other,
            },
        };
        self.machine.present(own.map(|own| own.encode()));
    }
}

/// R1.
fn view(node: &Inner, at: H256) -> Option<View> {
    let tower = node.chain.call(at, "QuireMembers_tower", &[]).ok()?;
    let authorities = node.chain.call(at, "QuireMembers_authorities", &[]).ok()?;
    let mut tower = Tower::decode(&mut tower.as_slice()).ok()?;
    // The state of block 0 cannot hold its own hash.
    tower.chain = node.chain.genesis();
    let authorities = Vec::<AccountId>::decode(&mut authorities.as_slice()).ok()?;
    Some(View { tower, authorities })
}

/// R2.
fn self_signed(node: &Inner, tower: &Tower, now: u64) -> Option<Certificate> {
    let own = node_key(node.network()?.peer_id())?;
    // Founders of simple chains have one key for everything.
    let types = [keys::CERTIFICATE, keys::ACCOUNT, keys::AURA];
    let keys: Vec<_> = types.into_iter().flat_map(|key_type| node.keystore.public_keys(key_type)).collect();
    let (member, key) = tower.principals.iter().find_map(|(member, principal)| match principal.key {
        Key::Sr25519(key) if principal.revoked_at.is_none() && keys.contains(&key) => Some((*member, key)),
        _ => None,
    })?;
    let terms = Terms {
        chain: tower.chain,
        subject: Subject::Peer { member, node: own, name: node.name().chars().take(16).collect() },
        issuer: Key::Sr25519(key),
        serial: (now / 1_000).max(1),
        // Chain time may stand a little behind this machine's.
        valid_from: now.saturating_sub(DAY_MS),
        valid_until: now.saturating_add(OWN_DAYS.saturating_mul(DAY_MS)),
    };
    let signature = node.keystore.sign_certificate(&key, &terms.payload()).ok()?;
    Some(terms.signed(signature))
}
