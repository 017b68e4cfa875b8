//! The exchange of certificates with peers, as a machine without clock and sockets (`quire/certificate/1`).
//!
//! Terms: a *question* is a request with the byte 1 and the asker's own certificate behind it; the *answer* has the same
//! form. So one round trip tells both sides.
//!
//! Rules:
//! * E1 A connection is asked once when it opens, again [`ASK_AGAIN_MS`] after an answer that left it limited, so that who
//!   was admitted or renewed meanwhile comes in without a new connection.
//! * E2 What a peer presents is kept per link, at most `CERTIFICATE_BYTES_MAX` bytes of it; it is judged anew with every
//!   new view of the chain ([`Machine::look`]), so that expiry and revocation count from the set change on.
//! * E3 A frame of another form, or one that is too long, is as good as nothing presented.
//! * E4 Until its first answer, or until the question failed, nothing is refused to a peer: what it sends right after it
//!   connected is not lost. The network bounds how long that can take.
//! * E5 At most [`LINKS_MAX`] links are kept.
//!
//! Out of scope: who may do what ([`crate::admission`]), who is disconnected (nobody is, for lack of a certificate).
use crate::admission::{Scene, Standing, judge};
use crate::certificate::node_key;
use quire_certificate::{CERTIFICATE_BYTES_MAX, Tower};
use quire_core::AccountId;
use std::collections::BTreeMap;

/// First byte of questions and answers: the form of what follows.
const FORM: u8 = 1;
/// How long after a limited answer a peer is asked again, milliseconds.
pub const ASK_AGAIN_MS: u64 = 60_000;
/// Links that are kept.
pub const LINKS_MAX: usize = 4_096;

/// What the chain says, as far as the gate needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// Certificates.
    pub tower: Tower,
    /// Members in the present authority set.
    pub authorities: Vec<AccountId>,
}

/// What the shell does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Ask the peer with these bytes.
    Ask {
        /// Its link.
        link: u64,
        /// The request.
        bytes: Vec<u8>,
    },
    /// The peer's standing is another one now.
    Stands {
        /// Its link.
        link: u64,
        /// How.
        standing: Standing,
    },
}

struct Peer {
    node: Option<[u8; 32]>,
    presented: Option<Vec<u8>>,
    standing: Standing,
    ask_at: Option<u64>,
    /// E4.
    is_heard: bool,
}

/// The machine.
pub struct Machine {
    own: Option<Vec<u8>>,
    view: Option<View>,
    peers: BTreeMap<u64, Peer>,
}

impl Machine {
    /// Of a node with this encoded certificate, if it has one.
    pub fn new(own: Option<Vec<u8>>) -> Self {
        let own = own.filter(|bytes| bytes.len() <= CERTIFICATE_BYTES_MAX);
        Self { own, view: None, peers: BTreeMap::new() }
    }

    /// The node has another certificate of its own, or none.
    pub fn present(&mut self, own: Option<Vec<u8>>) {
        self.own = own.filter(|bytes| bytes.len() <= CERTIFICATE_BYTES_MAX);
    }

    /// A peer is there (E1).
    pub fn opened(&mut self, now: u64, link: u64, peer_id: &str) -> Vec<Effect> {
        if self.peers.len() >= LINKS_MAX {
            return Vec::new();
        }
        let standing = Standing::stranger();
        let node = node_key(peer_id);
        self.peers.insert(link, Peer { node, presented: None, standing, ask_at: None, is_heard: false });
        let mut effects = self.look_at(link);
        effects.push(Effect::Ask { link, bytes: self.frame() });
        if let Some(peer) = self.peers.get_mut(&link) {
            peer.ask_at = Some(now.saturating_add(ASK_AGAIN_MS));
        }
        effects
    }

    /// A peer is gone.
    pub fn closed(&mut self, link: u64) {
        self.peers.remove(&link);
    }

    /// A question, from a link or from somebody without one: the answer, and what follows (E3).
    pub fn question(&mut self, link: Option<u64>, bytes: &[u8]) -> (Vec<u8>, Vec<Effect>) {
        let effects = link.map_or_else(Vec::new, |link| self.presented(link, bytes));
        (self.frame(), effects)
    }

    /// A question that was not answered (E4).
    pub fn failed(&mut self, link: u64) {
        if let Some(peer) = self.peers.get_mut(&link) {
            peer.is_heard = true;
        }
    }

    /// Whether a peer may do what `may` says of its standing (E4).
    pub fn allows(&self, link: u64, may: impl FnOnce(&Standing) -> bool) -> bool {
        match self.peers.get(&link) {
            Some(peer) => !peer.is_heard || may(&peer.standing),
            None => may(&Standing::stranger()),
        }
    }

    /// An answer.
    pub fn answer(&mut self, link: u64, bytes: &[u8]) -> Vec<Effect> {
        if let Some(peer) = self.peers.get_mut(&link) {
            peer.is_heard = true;
        }
        self.presented(link, bytes)
    }

    /// Another view of the chain (E2).
    pub fn look(&mut self, view: View) -> Vec<Effect> {
        if self.view.as_ref() == Some(&view) {
            return Vec::new();
        }
        self.view = Some(view);
        let links: Vec<_> = self.peers.keys().copied().collect();
        links.into_iter().flat_map(|link| self.look_at(link)).collect()
    }

    /// Time passed (E1).
    pub fn tick(&mut self, now: u64) -> Vec<Effect> {
        let bytes = self.frame();
        let due = self
            .peers
            .iter_mut()
            .filter(|(_, peer)| !peer.standing.is_full() && peer.ask_at.is_some_and(|at| at <= now));
        let ask = |(link, peer): (&u64, &mut Peer)| {
            peer.ask_at = Some(now.saturating_add(ASK_AGAIN_MS));
            Effect::Ask { link: *link, bytes: bytes.clone() }
        };
        due.map(ask).collect()
    }

    /// How a peer stands.
    pub fn standing(&self, link: u64) -> Option<&Standing> {
        self.peers.get(&link).map(|peer| &peer.standing)
    }

    /// Question or answer.
    fn frame(&self) -> Vec<u8> {
        let mut out = vec![FORM];
        out.extend_from_slice(self.own.as_deref().unwrap_or_default());
        out
    }

    fn presented(&mut self, link: u64, bytes: &[u8]) -> Vec<Effect> {
        let certificate = bytes.strip_prefix(&[FORM]).filter(|rest| rest.len() <= CERTIFICATE_BYTES_MAX);
        let certificate = certificate.filter(|rest| !rest.is_empty()).map(<[u8]>::to_vec);
        let Some(peer) = self.peers.get_mut(&link) else { return Vec::new() };
        // Who shows nothing keeps what it showed before: a certificate does not get worse by silence.
        if certificate.is_some() {
            peer.presented = certificate;
        }
        self.look_at(link)
    }

    fn look_at(&mut self, link: u64) -> Vec<Effect> {
        let Some(peer) = self.peers.get_mut(&link) else { return Vec::new() };
        let (Some(view), Some(node)) = (&self.view, &peer.node) else { return Vec::new() };
        let scene = Scene { tower: &view.tower, authorities: &view.authorities };
        let standing = judge(&scene, node, peer.presented.as_deref());
        if standing == peer.standing {
            return Vec::new();
        }
        peer.standing = standing.clone();
        vec![Effect::Stands { link, standing }]
    }
}

#[cfg(test)]
mod tests;
