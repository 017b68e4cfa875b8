//! A node that keeps its blocks back until others have built on their parents, shows its votes to some, serves nothing of
//! its own, and passes nobody's votes on.

use std::collections::BTreeMap;

use quire_consensus::finality::message::Message;

use super::{Behaviour, View};
use crate::sim::packet::Packet;
use crate::sim::rng::Rng;

/// How long a block is kept back, milliseconds.
const KEPT_MS: u64 = 2_500;

/// See the module doc.
#[derive(Default)]
pub struct Withhold {
    kept: BTreeMap<(u64, usize), Packet>,
}

impl Behaviour for Withhold {
    fn name(&self) -> &'static str {
        "withhold"
    }

    fn outgoing(&mut self, view: &View<'_>, to: usize, packet: Packet, rng: &mut Rng) -> Vec<Packet> {
        match &packet {
            Packet::Announce { header, .. } => {
                let slot = header.digest.aura_slot().map_or(0, |slot| slot.0);
                if usize::try_from(slot).unwrap_or(0) % view.nodes == view.index {
                    self.kept.insert((view.now_ms + KEPT_MS, to), packet);
                    return Vec::new();
                }
                vec![packet]
            }
            Packet::Response { .. } if rng.chance(500) => Vec::new(),
            Packet::Grandpa(bytes) => match Message::decode_bounded(bytes) {
                Ok(Message::Vote(message)) => {
                    let is_own = message.vote.ballot.id == view.keys.grandpa_id();
                    if is_own && to.is_multiple_of(3) { vec![packet] } else { Vec::new() }
                }
                Ok(Message::CatchUp(_) | Message::Commit(_)) => Vec::new(),
                _ => vec![packet],
            },
            _ => vec![packet],
        }
    }

    fn idle(&mut self, view: &View<'_>, _: &mut Rng) -> Vec<(usize, Packet)> {
        let later = self.kept.split_off(&(view.now_ms, usize::MAX));
        let due = std::mem::replace(&mut self.kept, later);
        due.into_iter().map(|((_, to), packet)| (to, packet)).collect()
    }
}
