//! A voter that tells one half of the network another vote than the other half, in both phases.

use parity_scale_codec::Encode;
use quire_consensus::finality::message::{Ballot, Message, SignedVote, Target, VoteMessage, payload};

use super::{Behaviour, View};
use crate::sim::packet::Packet;
use crate::sim::rng::Rng;

/// See the module doc.
pub struct VoteTwice;

impl Behaviour for VoteTwice {
    fn name(&self) -> &'static str {
        "vote twice"
    }

    fn outgoing(&mut self, view: &View<'_>, to: usize, packet: Packet, _: &mut Rng) -> Vec<Packet> {
        let Packet::Grandpa(bytes) = &packet else { return vec![packet] };
        let Ok(Message::Vote(message)) = Message::decode_bounded(bytes) else { return vec![packet] };
        if message.vote.ballot.id != view.keys.grandpa_id() || to.is_multiple_of(2) {
            return vec![packet];
        }
        let Some(target) = other_target(view, message.vote.ballot.target) else { return vec![packet] };
        let VoteMessage { round, set_id, vote: SignedVote { kind, ballot } } = message;
        let signature = view.keys.vote(&payload(kind, target, round, set_id));
        let ballot = Ballot { target, signature, id: ballot.id };
        let vote = SignedVote { kind, ballot };
        vec![Packet::Grandpa(Message::Vote(VoteMessage { round, set_id, vote }).encode())]
    }
}

/// A head of another fork if there is one, else the parent.
fn other_target(view: &View<'_>, target: Target) -> Option<Target> {
    let leaves = view.chain.leaves();
    let other = leaves.into_iter().find(|leaf| leaf.hash != target.hash && leaf.number >= target.number);
    if let Some(leaf) = other {
        return Some(Target { hash: leaf.hash, number: leaf.number });
    }
    let header = view.chain.header(target.hash).ok().flatten()?;
    let number = header.number.checked_sub(1)?;
    Some(Target { hash: header.parent_hash, number })
}
