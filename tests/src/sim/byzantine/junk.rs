//! A node that does its work and floods everybody with valid-looking nonsense besides.

use std::sync::Arc;

use parity_scale_codec::Encode;
use quire_chain::sync::RequestId;
use quire_consensus::finality::message::{
    Ballot, CatchUp, Commit, Message, SignedVote, Target, VoteMessage, payload,
};
use quire_consensus::slots::claim;
use quire_consensus::vote_guard::VoteKind;
use quire_core::{Digest, H256, Header, Slot};

use super::{Behaviour, View};
use crate::sim::packet::Packet;
use crate::sim::rng::Rng;
use crate::sim::runtime::{SLOT_MS, transfer};

/// See the module doc.
pub struct Junk;

impl Behaviour for Junk {
    fn name(&self) -> &'static str {
        "junk"
    }

    fn outgoing(&mut self, _: &View<'_>, _: usize, packet: Packet, _: &mut Rng) -> Vec<Packet> {
        vec![packet]
    }

    fn idle(&mut self, view: &View<'_>, rng: &mut Rng) -> Vec<(usize, Packet)> {
        let others = (0..view.nodes).filter(|to| *to != view.index);
        others.map(|to| (to, nonsense(view, rng))).collect()
    }
}

fn hash(rng: &mut Rng) -> H256 {
    let mut bytes = [0; 32];
    rand_core::RngCore::fill_bytes(rng, &mut bytes);
    H256(bytes)
}

fn nonsense(view: &View<'_>, rng: &mut Rng) -> Packet {
    let (set_id, round) = view.round;
    let number = view.chain.best().number.saturating_add(1);
    let target = Target { hash: hash(rng), number };
    let kind = if rng.chance(500) { VoteKind::Prevote } else { VoteKind::Precommit };
    let signature = view.keys.vote(&payload(kind, target, round, set_id));
    let ballot = Ballot { target, signature, id: view.keys.grandpa_id() };
    match rng.below(9) {
        // A right vote for a block that does not exist.
        0 => grandpa(&Message::Vote(VoteMessage { round, set_id, vote: SignedVote { kind, ballot } })),
        // A vote in somebody else's name.
        1 => {
            let stolen = Ballot { id: super::super::keys::Keys::new(0).grandpa_id(), ..ballot };
            grandpa(&Message::Vote(VoteMessage { round, set_id, vote: SignedVote { kind, ballot: stolen } }))
        }
        2 => grandpa(&Message::Commit(Commit { round, set_id, target, precommits: vec![ballot; 3] })),
        3 => {
            let votes = vec![ballot; 4];
            let base = Target { hash: view.chain.genesis(), number: 0 };
            let round = round.saturating_add(5);
            grandpa(&Message::CatchUp(CatchUp {
                set_id,
                round,
                prevotes: votes.clone(),
                precommits: votes,
                base,
            }))
        }
        4 => Packet::Grandpa(hash(rng).0.to_vec()),
        5 => Packet::Announce { header: Arc::new(sealed(view, rng, number)), is_best: true },
        6 => Packet::Response { id: RequestId(rng.below(8)), blocks: Vec::new() },
        7 => Packet::Grandpa(Vec::new()),
        _ => {
            let from = u8::try_from(rng.below(40)).unwrap_or(0);
            let amount = rng.draw();
            Packet::Transactions(vec![Arc::new(transfer(from, u32::MAX - 1, 0, amount))])
        }
    }
}

fn grandpa(message: &Message) -> Packet {
    Packet::Grandpa(message.encode())
}

/// A header in a slot of ours, with a right seal over a wrong state.
fn sealed(view: &View<'_>, rng: &mut Rng, number: u32) -> Header {
    let nodes = u64::try_from(view.nodes).unwrap_or(1);
    let index = u64::try_from(view.index).unwrap_or(0);
    let now = view.now_ms / SLOT_MS;
    let slot = Slot(now - now % nodes + index);
    let unsealed = Header {
        parent_hash: view.chain.best().hash,
        number,
        state_root: hash(rng),
        extrinsics_root: hash(rng),
        digest: Digest::for_slot(slot),
    };
    let seal = view.keys.seal(claim::seal_payload(&unsealed));
    claim::seal(unsealed, seal)
}
