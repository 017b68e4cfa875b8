//! Offers of parts to validators, and their receipts (R16 to R18 of the parent).

use super::Effect;
use super::message::{Key, Notice, Offer};
use super::peers::Peers;
use quire_core::AccountId;
use std::collections::BTreeMap;

/// How long a receipt is waited for before the offer is sent again, milliseconds.
pub const OFFER_MS: u64 = 5_000;
/// Offers without a receipt; more are not taken, and the machine behind asks again.
pub const OFFERS_MAX: usize = 4_096;

/// Channel, block, participant, validator.
type Place = (u64, u32, u8, AccountId);

#[derive(Debug, Clone)]
struct Open {
    offer: Offer,
    to: Key,
    sent: Option<u64>,
}

/// The machine.
#[derive(Debug, Clone, Default)]
pub(super) struct Custody {
    open: BTreeMap<Place, Open>,
}

impl Custody {
    pub(super) fn offer(&mut self, offer: Offer, to: Key, peers: &Peers, now: u64, out: &mut Vec<Effect>) {
        let place = (offer.channel, offer.block, offer.participant, offer.validator);
        if self.open.len() >= OFFERS_MAX && !self.open.contains_key(&place) {
            return;
        }
        self.open.insert(place, Open { offer, to, sent: None });
        self.look(peers, now, out);
    }

    /// R16: sends what is due to whoever showed the validator's key.
    pub(super) fn look(&mut self, peers: &Peers, now: u64, out: &mut Vec<Effect>) {
        for open in self.open.values_mut() {
            let is_due = open.sent.is_none_or(|sent| now.saturating_sub(sent) >= OFFER_MS);
            if is_due && let Some(peer) = peers.with(open.to).next() {
                open.sent = Some(now);
                out.push(Effect::Send { peer, notice: Notice::Offer(open.offer.clone()) });
            }
        }
    }

    /// R18: the key behind an offer that a receipt may answer.
    pub(super) fn awaited(&self, place: Place) -> Option<Key> {
        self.open.get(&place).map(|open| open.to)
    }

    pub(super) fn done(&mut self, place: Place) {
        self.open.remove(&place);
    }

    /// Offers of a block that is over are dropped.
    pub(super) fn keep_only(&mut self, mut is_open: impl FnMut(u64, u32) -> bool) {
        self.open.retain(|(channel, block, ..), _| is_open(*channel, *block));
    }

    pub(super) fn len(&self) -> usize {
        self.open.len()
    }
}
