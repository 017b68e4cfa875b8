//! An author that makes two blocks in each of its slots and shows one half of the network the other one.

use std::collections::BTreeMap;
use std::sync::Arc;

use quire_core::inherent::TIMESTAMP_ID;
use quire_core::{H256, Header, InherentData};

use super::{Behaviour, View};
use crate::sim::packet::Packet;
use crate::sim::rng::Rng;
use crate::sim::runtime::SLOT_MS;

/// See the module doc.
#[derive(Default)]
pub struct AuthorTwice {
    /// The twin of each block made.
    twins: BTreeMap<H256, Option<Arc<Header>>>,
}

impl Behaviour for AuthorTwice {
    fn name(&self) -> &'static str {
        "author twice"
    }

    fn outgoing(&mut self, view: &View<'_>, to: usize, packet: Packet, _: &mut Rng) -> Vec<Packet> {
        let Packet::Announce { header, is_best } = &packet else { return vec![packet] };
        let Some(slot) = header.digest.aura_slot() else { return vec![packet] };
        let turn = usize::try_from(slot.0).unwrap_or(0) % view.nodes;
        let is_twin = self.twins.values().flatten().any(|twin| twin == header);
        if turn != view.index || is_twin || to.is_multiple_of(2) {
            return vec![packet];
        }
        let twin = self.twins.entry(header.hash()).or_insert_with(|| twin_of(view, header)).clone();
        twin.map_or(vec![packet.clone()], |header| vec![Packet::Announce { header, is_best: *is_best }])
    }
}

/// Another block on the same parent in the same slot; imported, so that it can be served.
fn twin_of(view: &View<'_>, header: &Header) -> Option<Arc<Header>> {
    let slot = header.digest.aura_slot()?;
    let mut inherents = InherentData::new();
    inherents.put(TIMESTAMP_ID, &slot.0.saturating_mul(SLOT_MS).saturating_add(1));
    let proposer = view.chain.proposer(header.parent_hash, slot, &inherents).ok()?;
    let built = proposer.finish().ok()?;
    let seal = view.keys.seal(built.seal_payload());
    let imported = view.chain.import_built(built, seal).ok()?;
    Some(imported.header)
}
