//! Who the peers are: keys that they showed to hold (R1, R2 of the parent).

use super::message::{Key, Notice};
use super::{Effect, PROOF_CONTEXT, Peer, cost, proof_payload};
use quire_core::H256;
use schnorrkel::{PublicKey, Signature};
use std::collections::{BTreeMap, BTreeSet};

/// Keys that one peer may show.
const PROVED_MAX: usize = 64;
/// Wrong or superfluous proofs and challenges that are borne before they cost.
const CHALLENGES_MAX: u32 = 4;

/// A peer whose channel is open.
#[derive(Debug, Clone)]
struct Known {
    name: String,
    nonce: [u8; 32],
    /// Its last challenge.
    challenge: Option<[u8; 32]>,
    challenges: u32,
    proved: BTreeSet<Key>,
}

/// All of them.
#[derive(Debug, Clone)]
pub(super) struct Peers {
    genesis: H256,
    me: String,
    keys: BTreeSet<Key>,
    known: BTreeMap<Peer, Known>,
}

impl Peers {
    pub(super) fn new(genesis: H256, me: String) -> Peers {
        Peers { genesis, me, keys: BTreeSet::new(), known: BTreeMap::new() }
    }

    pub(super) fn open(&mut self, peer: Peer, name: String, nonce: [u8; 32], out: &mut Vec<Effect>) {
        let known = Known { name, nonce, challenge: None, challenges: 0, proved: BTreeSet::new() };
        self.known.insert(peer, known);
        out.push(Effect::Send { peer, notice: Notice::Challenge { nonce } });
    }

    pub(super) fn close(&mut self, peer: Peer) {
        self.known.remove(&peer);
    }

    /// Keys of this node: new ones are shown to everybody who asked.
    pub(super) fn set_keys(&mut self, keys: BTreeSet<Key>, out: &mut Vec<Effect>) {
        let new: Vec<Key> = keys.difference(&self.keys).copied().collect();
        self.keys = keys;
        for peer in self.known.keys() {
            self.show(*peer, &new, out);
        }
    }

    pub(super) fn challenged(&mut self, peer: Peer, nonce: [u8; 32], out: &mut Vec<Effect>) {
        let Some(known) = self.known.get_mut(&peer) else { return };
        known.challenges = known.challenges.saturating_add(1);
        if known.challenges > CHALLENGES_MAX {
            return out.push(Effect::Report {
                peer,
                rule: "batches: challenged again and again",
                cost: cost::JUNK,
            });
        }
        known.challenge = Some(nonce);
        let keys: Vec<Key> = self.keys.iter().copied().collect();
        self.show(peer, &keys, out);
    }

    fn show(&self, peer: Peer, keys: &[Key], out: &mut Vec<Effect>) {
        let Some(known) = self.known.get(&peer) else { return };
        let Some(nonce) = known.challenge else { return };
        for key in keys.iter().take(PROVED_MAX) {
            let payload = proof_payload(self.genesis, &known.name, &self.me, &nonce);
            out.push(Effect::Sign { peer, key: *key, payload });
        }
    }

    /// R1: whether the peer holds the key; `true` when that is news.
    pub(super) fn prove(
        &mut self,
        peer: Peer,
        key: Key,
        signature: &[u8; 64],
        out: &mut Vec<Effect>,
    ) -> bool {
        let Some(known) = self.known.get_mut(&peer) else { return false };
        if known.proved.contains(&key) || known.proved.len() >= PROVED_MAX {
            return false;
        }
        let payload = proof_payload(self.genesis, &self.me, &known.name, &known.nonce);
        let is_right = PublicKey::from_bytes(&key).is_ok_and(|public| {
            Signature::from_bytes(signature)
                .is_ok_and(|signature| public.verify_simple(PROOF_CONTEXT, &payload, &signature).is_ok())
        });
        if !is_right {
            out.push(Effect::Report {
                peer,
                rule: "batches: a proof of a key that is none",
                cost: cost::LIE,
            });
            return false;
        }
        known.proved.insert(key)
    }

    pub(super) fn has_proved(&self, peer: Peer, key: &Key) -> bool {
        self.known.get(&peer).is_some_and(|known| known.proved.contains(key))
    }

    /// Whether the peer holds any of these keys.
    pub(super) fn has_any<'a>(&self, peer: Peer, mut keys: impl Iterator<Item = &'a Key>) -> bool {
        keys.any(|key| self.has_proved(peer, key))
    }

    /// Peers that hold a key, in the order of their connections.
    pub(super) fn with(&self, key: Key) -> impl Iterator<Item = Peer> + '_ {
        self.known.iter().filter(move |(_, known)| known.proved.contains(&key)).map(|(peer, _)| *peer)
    }

    pub(super) fn len(&self) -> usize {
        self.known.len()
    }
}
