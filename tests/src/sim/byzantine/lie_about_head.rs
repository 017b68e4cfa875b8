//! A node that claims heads, rounds and finalised heights that nobody has, and answers questions about them with others'
//! blocks or not at all.

use std::sync::Arc;

use parity_scale_codec::Encode;
use quire_chain::Head;
use quire_consensus::finality::message::Message;
use quire_core::H256;

use super::{Behaviour, View};
use crate::sim::packet::Packet;
use crate::sim::rng::Rng;

/// See the module doc.
pub struct LieAboutHead;

impl Behaviour for LieAboutHead {
    fn name(&self) -> &'static str {
        "lie about head"
    }

    fn outgoing(&mut self, _: &View<'_>, _: usize, packet: Packet, rng: &mut Rng) -> Vec<Packet> {
        match packet {
            Packet::Hello { .. } => {
                let number = u32::try_from(rng.between(5, 1 << 20)).unwrap_or(5);
                vec![Packet::Hello { best: Head { number, hash: H256([0xee; 32]) } }]
            }
            Packet::Announce { header, .. } => {
                let mut lie = (*header).clone();
                lie.number = lie.number.saturating_add(u32::try_from(rng.between(1, 2_000)).unwrap_or(1));
                lie.parent_hash = H256([0xdd; 32]);
                vec![
                    Packet::Announce { header, is_best: false },
                    Packet::Announce { header: Arc::new(lie), is_best: true },
                ]
            }
            Packet::Grandpa(bytes) => match Message::decode_bounded(&bytes) {
                Ok(Message::Neighbour(mut view)) => {
                    view.round = view.round.saturating_add(1_000);
                    view.finalised = view.finalised.saturating_add(1_000);
                    vec![Packet::Grandpa(Message::Neighbour(view).encode())]
                }
                Ok(Message::CatchUp(_)) => Vec::new(),
                _ => vec![Packet::Grandpa(bytes)],
            },
            Packet::Response { id, mut blocks } => {
                blocks.reverse();
                vec![Packet::Response { id, blocks }]
            }
            other => vec![other],
        }
    }
}
