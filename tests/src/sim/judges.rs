//! What must hold in every run. The judges know packets, blocks and balances; they never call a predicate of the code
//! under test.
//!
//! Rules
//! - J1 No two final blocks at one height, on any node, at any time.
//! - J2 The finalised chain of a node only grows, block by block, over crashes too.
//! - J3 A transaction is final at most once, in the block in which the pool said so.
//! - J4 The balances of every final state add up to the endowment.
//! - J5 No honest node signs two votes of a kind in a round, or two headers in a slot.
//! - J6 Who is accused of signing twice did it: the proof has two different statements with right signatures, and the
//!   accused is not honest.
//! - J7 Honest nodes do not accuse each other of anything worse than being late.
//! - J8 Some time after everything healed, all honest nodes have one chain, finality follows its head, and every
//!   transaction that was handed in before is final.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ed25519_zebra::{Signature, VerificationKey};
use parity_scale_codec::Encode;
use quire_chain::Head;
use quire_consensus::finality::message::Message;
use quire_consensus::finality::votes::{Phase, VoteEquivocation};
use quire_core::crypto::SIGNING_CONTEXT;
use quire_core::{DigestItem, GrandpaId, H256, Header, OpaqueExtrinsic};

use super::keys::Keys;
use super::node::{Observation, SimChain};
use super::packet::Packet;
use super::runtime::{ENDOWMENT, account_key};

/// Accusations that cost this much or more are held against an honest accuser (J7).
const SERIOUS: u32 = 20;
/// Violations kept; more say nothing new.
const VIOLATIONS_MAX: usize = 20;

/// All judges.
pub struct Judges {
    honest: Vec<bool>,
    ids: Vec<GrandpaId>,
    accounts: u8,
    /// J1: the final block at each height, and its extrinsics.
    final_at: BTreeMap<u32, H256>,
    /// J2: the last final height of each node that the world heard of.
    heads: Vec<u32>,
    /// J3: where a transaction is final.
    pub(super) final_in: BTreeMap<H256, H256>,
    votes: BTreeMap<(GrandpaId, u64, u64, u8), H256>,
    seals: BTreeMap<(usize, u64), H256>,
    /// Who sealed the headers that were looked at.
    authors: BTreeMap<H256, Option<usize>>,
    /// Nodes that were rightly accused of signing twice.
    pub(super) caught: BTreeSet<usize>,
    pub(super) violations: Vec<String>,
}

impl Judges {
    /// Judges over nodes of which some are honest.
    #[must_use]
    pub fn new(honest: Vec<bool>, ids: Vec<GrandpaId>, accounts: u8) -> Self {
        Self {
            heads: vec![0; honest.len()],
            honest,
            ids,
            accounts,
            final_at: BTreeMap::new(),
            final_in: BTreeMap::new(),
            votes: BTreeMap::new(),
            seals: BTreeMap::new(),
            authors: BTreeMap::new(),
            caught: BTreeSet::new(),
            violations: Vec::new(),
        }
    }

    /// Notes a violation.
    pub fn violate(&mut self, what: String) {
        if self.violations.len() < VIOLATIONS_MAX {
            self.violations.push(what);
        }
    }

    /// Highest final block that any node told.
    #[must_use]
    pub fn highest(&self) -> u32 {
        self.final_at.keys().next_back().copied().unwrap_or(0)
    }

    /// A node told something.
    pub fn observe(&mut self, node: usize, chain: &SimChain, observation: &Observation) {
        match observation {
            Observation::Finalised(blocks) => {
                for (head, body) in blocks {
                    self.finalised(node, *head, body);
                }
                if let Some((head, _)) = blocks.last() {
                    self.check_balances(node, chain, *head);
                }
            }
            Observation::TransactionFinal { hash, block } => {
                if self.honest[node] && self.final_in.get(hash) != Some(block) {
                    self.violate(format!("J3: node {node} says {hash} is final in {block}, it is not"));
                }
            }
            Observation::SealTwice(proof) => self.check_seals(node, &proof.first, &proof.second),
            Observation::VoteTwice(proof) => self.check_votes(node, proof),
            Observation::Report { peer, rule, cost } => {
                if self.honest[node] && self.honest[*peer] && *cost >= SERIOUS {
                    self.violate(format!("J7: node {node} accuses honest node {peer}: {rule}"));
                }
            }
            Observation::Fatal(why) => self.violate(format!("node {node} would stop: {why}")),
        }
    }

    /// J1, J2, J3.
    fn finalised(&mut self, node: usize, head: Head, body: &Arc<Vec<OpaqueExtrinsic>>) {
        if !self.honest[node] {
            return;
        }
        let known = *self.final_at.entry(head.number).or_insert(head.hash);
        if known != head.hash {
            self.violate(format!(
                "J1: node {node} has {} final at {}, others {known}",
                head.hash, head.number
            ));
        }
        // After a crash a node may tell what it told before; the chain below is the same, or J1 says so.
        let last = self.heads[node];
        if head.number > last + 1 {
            self.violate(format!("J2: node {node} jumps from final {last} to {}", head.number));
        }
        self.heads[node] = last.max(head.number);
        for extrinsic in body.iter().skip(1) {
            let known = *self.final_in.entry(extrinsic.hash()).or_insert(head.hash);
            if known != head.hash {
                self.violate(format!("J3: {} is final in {known} and in {}", extrinsic.hash(), head.hash));
            }
        }
    }

    /// J2 over a restart: what a node told before the crash is still final.
    pub fn restarted(&mut self, node: usize, chain: &SimChain) {
        let told = self.heads[node];
        let found = chain.hash_by_number(told).ok().flatten();
        let finalised = chain.finalised().number;
        if self.honest[node] && told > 0 && (finalised < told || found != self.final_at.get(&told).copied()) {
            self.violate(format!("J2: node {node} forgot final block {told} over a crash: has {found:?}"));
        }
        // What became final and was not told before the power went counts now.
        for number in told + 1..=finalised {
            let Some(hash) = chain.hash_by_number(number).ok().flatten() else { continue };
            let body = chain.body(hash).ok().flatten().unwrap_or_default();
            self.finalised(node, Head { number, hash }, &Arc::new(body));
        }
    }

    /// J4.
    fn check_balances(&mut self, node: usize, chain: &SimChain, head: Head) {
        let Ok(state) = chain.state_at(head.hash) else {
            return self
                .violate(format!("J4: node {node} cannot read the state of final block {}", head.number));
        };
        let sum = (0..self.accounts)
            .filter_map(|account| state.get(&account_key(account)).ok().flatten())
            .filter_map(|bytes| bytes.first_chunk::<8>().map(|amount| u64::from_le_bytes(*amount)))
            .fold(0u64, u64::saturating_add);
        let expected = ENDOWMENT.saturating_mul(u64::from(self.accounts));
        if sum != expected {
            self.violate(format!("J4: balances after block {} are {sum}, not {expected}", head.number));
        }
    }

    /// J5: looks at everything that a node sends.
    pub fn overhear(&mut self, from: usize, packet: &Packet) {
        if !self.honest[from] {
            return;
        }
        match packet {
            Packet::Grandpa(bytes) => {
                let Ok(Message::Vote(message)) = Message::decode_bounded(bytes) else { return };
                let ballot = message.vote.ballot;
                if ballot.id != self.ids[from] {
                    return;
                }
                let kind = message.vote.kind.encode().first().copied().unwrap_or(0);
                let key = (ballot.id, message.set_id, message.round, kind);
                let known = *self.votes.entry(key).or_insert(ballot.target.hash);
                if known != ballot.target.hash {
                    self.violate(format!(
                        "J5: node {from} voted twice: kind {kind} in round {}",
                        message.round
                    ));
                }
            }
            Packet::Announce { header, .. } => {
                let Some(slot) = header.digest.aura_slot() else { return };
                if self.author(header) != Some(from) {
                    return;
                }
                let known = *self.seals.entry((from, slot.0)).or_insert_with(|| header.hash());
                if known != header.hash() {
                    self.violate(format!("J5: node {from} sealed twice in slot {}", slot.0));
                }
            }
            _ => {}
        }
    }

    /// J6.
    fn check_votes(&mut self, node: usize, proof: &VoteEquivocation) {
        let Some(offender) = self.ids.iter().position(|id| *id == proof.first.id) else {
            return self.violate(format!("J6: node {node} accuses a stranger"));
        };
        let kind = match proof.phase {
            Phase::Prevote => 0u8,
            Phase::Precommit => 1,
        };
        let is_right = |ballot: &quire_consensus::finality::message::Ballot| {
            let said = (kind, ballot.target.hash, ballot.target.number, proof.round, proof.set_id).encode();
            let key = VerificationKey::try_from(ballot.id.0);
            key.is_ok_and(|key| key.verify(&Signature::from(ballot.signature), &said).is_ok())
        };
        let differs = proof.first.target != proof.second.target && proof.first.id == proof.second.id;
        self.accuse(node, offender, differs && is_right(&proof.first) && is_right(&proof.second));
    }

    /// J6.
    fn check_seals(&mut self, node: usize, first: &Header, second: &Header) {
        let (author, other) = (self.author(first), self.author(second));
        let Some(offender) = author else {
            return self.violate(format!("J6: node {node} accuses a stranger"));
        };
        let is_one_slot = first.digest.aura_slot() == second.digest.aura_slot();
        self.accuse(node, offender, author == other && is_one_slot && first.hash() != second.hash());
    }

    /// Whose key made the seal over everything before it; places of authors differ from fork to fork and say nothing.
    fn author(&mut self, header: &Header) -> Option<usize> {
        let hash = header.hash();
        if !self.authors.contains_key(&hash) {
            let nodes = self.honest.len();
            self.authors.insert(hash, (0..nodes).find(|node| is_sealed_by(header, *node)));
        }
        self.authors.get(&hash).copied().flatten()
    }

    fn accuse(&mut self, node: usize, offender: usize, is_proven: bool) {
        if self.honest[node] && (!is_proven || self.honest[offender]) {
            self.violate(format!("J6: node {node} accuses node {offender}, proven: {is_proven}"));
        }
        if self.honest[node] && is_proven {
            self.caught.insert(offender);
        }
    }

    /// J8: `heads` are the final and best heights of the nodes at the end, `due` the transactions handed in early enough
    /// and `target` the height that everybody must have reached.
    pub fn finish(&mut self, heads: &[(u32, u32)], target: u32, due: &[H256]) {
        for (node, (finalised, best)) in heads.iter().enumerate() {
            if self.honest[node] && *finalised < target {
                self.violate(format!(
                    "J8: node {node} ends at final {finalised}, best {best}; {target} was due"
                ));
            }
        }
        let missing = due.iter().filter(|hash| !self.final_in.contains_key(hash)).count();
        if missing > 0 {
            self.violate(format!("J8: {missing} of {} transactions are not final", due.len()));
        }
    }
}

fn is_sealed_by(header: &Header, node: usize) -> bool {
    let mut open = header.clone();
    let Some(DigestItem::Seal(_, seal)) = open.digest.logs.pop() else { return false };
    let key = schnorrkel::PublicKey::from_bytes(&Keys::new(node).aura_id().0);
    let seal = schnorrkel::Signature::from_bytes(&seal);
    let said = schnorrkel::signing_context(SIGNING_CONTEXT).bytes(&open.hash().0);
    key.is_ok_and(|key| seal.is_ok_and(|seal| key.verify(said, &seal).is_ok()))
}

#[cfg(test)]
mod tests;
