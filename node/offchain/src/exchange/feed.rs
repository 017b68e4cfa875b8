//! The batches of one channel between its participants (R3 to R8 of the parent).

use super::message::{ENDS_MAX, End, Have, Key, NOTICE_BATCHES_MAX, Notice, RANGES_MAX};
use super::ranges::Ranges;
use super::{Effect, Facts, Peer, Verdict, cost};
use parity_scale_codec::Decode as _;
use quire_channel::BatchHeader;
use quire_core::H256;
use std::collections::{BTreeMap, BTreeSet};

/// Bytes that one peer may have to judge before it acknowledged any: R5.
pub const WINDOW_BYTES: u64 = 4 * 1024 * 1024;
/// Bytes of one peer that may wait to be judged: an honest one never has more than its window on the way, counted by
/// us with one batch of slack.
pub const INTAKE_BYTES_MAX: u64 = WINDOW_BYTES + quire_core::limits::MAX_BATCH_BYTES as u64;
/// Bytes in one notice, unless a single batch has more.
const NOTICE_BYTES: u64 = 1024 * 1024;
/// How long unacknowledged batches are waited for before they are sent again, milliseconds.
pub const RESEND_MS: u64 = 5_000;
/// How long a peer may lack messages of somebody else before we send them in that one's place, milliseconds.
pub const RELAY_AFTER_MS: u64 = 3_000;
/// How often news are told to those who did not bring them, milliseconds.
pub const TELL_MS: u64 = 1_000;
/// How often everything is told, news or not, milliseconds.
pub const TELL_AGAIN_MS: u64 = 10_000;
/// Batches of one sender in one block: whoever cuts finer than that does it to harm.
pub const BLOCK_BATCHES_MAX: u32 = 65_536;

/// Sender, first number, root.
type Place = (u8, u64, H256);

#[derive(Debug, Clone, Copy)]
struct Batch {
    header: BatchHeader,
    bytes: u64,
    since: u64,
}

/// A peer that holds a participant's key.
#[derive(Debug, Clone, Default)]
struct Partner {
    index: u8,
    /// What it has of what it wants; `None` before it said so.
    wants: Option<BTreeMap<u8, Ranges>>,
    /// Up to here everything was sent, relayed or had, by sender.
    cursors: BTreeMap<u8, u64>,
    flight: BTreeMap<Place, (u64, u64)>,
    flight_bytes: u64,
    moved: BTreeMap<u8, u64>,
    last_ack: u64,
    told: Option<u64>,
    has_news: bool,
    intake_bytes: u64,
}

/// The machine of one channel.
#[derive(Debug, Clone)]
pub(super) struct Feed {
    pub(super) facts: Facts,
    held: BTreeMap<Place, Batch>,
    counts: BTreeMap<(u32, u8), u32>,
    got: BTreeMap<u8, Ranges>,
    ends: BTreeMap<(u32, u8), End>,
    complete: BTreeSet<u32>,
    partners: BTreeMap<Peer, Partner>,
}

impl Feed {
    pub(super) fn new(facts: Facts) -> Feed {
        Feed {
            facts,
            held: BTreeMap::new(),
            counts: BTreeMap::new(),
            got: BTreeMap::new(),
            ends: BTreeMap::new(),
            complete: BTreeSet::new(),
            partners: BTreeMap::new(),
        }
    }

    /// R8: what belongs to closed blocks is let go.
    pub(super) fn set_facts(&mut self, facts: Facts) {
        self.facts = facts;
        let facts = &self.facts;
        self.held.retain(|_, batch| facts.is_open(batch.header.block));
        self.counts.retain(|(block, _), _| facts.is_open(*block));
        self.ends.retain(|(block, _), _| facts.is_open(*block));
        self.complete.retain(|block| facts.is_open(*block));
    }

    /// A peer showed a key: if it is a participant's, it is told what is here (R3).
    pub(super) fn join(&mut self, peer: Peer, key: &Key, now: u64, out: &mut Vec<Effect>) {
        let Some(index) = self.facts.index_of(key) else { return };
        if self.facts.me.is_none() || Some(index) == self.facts.me || self.partners.contains_key(&peer) {
            return;
        }
        self.partners.insert(peer, Partner { index, last_ack: now, ..Partner::default() });
        self.tell(peer, now, out);
    }

    pub(super) fn leave(&mut self, peer: Peer) {
        self.partners.remove(&peer);
    }

    /// Batches that are durable here: own ones, and at the start everything in the mailbox.
    pub(super) fn hold(&mut self, batches: &[(BatchHeader, u64)], now: u64, out: &mut Vec<Effect>) {
        for (header, bytes) in batches {
            self.keep(header, *bytes, now);
        }
        self.pump_all(now, out);
    }

    fn keep(&mut self, header: &BatchHeader, bytes: u64, now: u64) {
        let to = header.end_seq().unwrap_or(u64::MAX);
        self.got.entry(header.sender).or_default().insert(header.first_seq, to);
        let place = (header.sender, header.first_seq, header.root);
        if !self.facts.is_open(header.block) || self.held.contains_key(&place) {
            return;
        }
        self.held.insert(place, Batch { header: *header, bytes, since: now });
        let count = self.counts.entry((header.block, header.sender)).or_default();
        *count = count.saturating_add(1);
        for partner in self.partners.values_mut() {
            let cursor = partner.cursors.entry(header.sender).or_default();
            *cursor = (*cursor).min(header.first_seq);
            partner.has_news = true;
        }
    }

    /// No more own messages in a block.
    pub(super) fn end(&mut self, end: End, now: u64, out: &mut Vec<Effect>) {
        let Some(me) = self.facts.me else { return };
        if !self.facts.is_open(end.block) {
            return;
        }
        self.ends.insert((end.block, me), end);
        for peer in self.partners.keys().copied().collect::<Vec<_>>() {
            self.tell(peer, now, out);
        }
        self.check_complete(end.block, out);
    }

    /// R4: only what a participant says counts.
    pub(super) fn told(&mut self, peer: Peer, have: Have, now: u64, out: &mut Vec<Effect>) {
        let count = self.facts.participants.len();
        let Some(partner) = self.partners.get_mut(&peer) else {
            // It may know of a channel before we do; it says it again.
            return out.push(Effect::Report {
                peer,
                rule: "batches: no key of the channel shown",
                cost: cost::EARLY,
            });
        };
        let is_first = partner.wants.is_none();
        let mut wants = BTreeMap::new();
        for (sender, ranges) in have.senders {
            if usize::from(sender) >= count {
                return out.push(Effect::Report {
                    peer,
                    rule: "batches: no such participant",
                    cost: cost::LIE,
                });
            }
            let ranges: Ranges = ranges.into_iter().collect();
            let before = partner.wants.as_ref().and_then(|wants| wants.get(&sender)).map_or(0, Ranges::count);
            if ranges.count() > before {
                partner.moved.insert(sender, now);
                partner.last_ack = now;
            }
            wants.insert(sender, ranges);
        }
        partner.flight.retain(|(sender, from, _), (to, _)| {
            !wants.get(sender).is_some_and(|ranges: &Ranges| ranges.covers(*from, *to))
        });
        partner.flight_bytes =
            partner.flight.values().fold(0, |sum: u64, (_, bytes)| sum.saturating_add(*bytes));
        partner.wants = Some(wants);
        let index = partner.index;
        for end in have.ends.into_iter().filter(|end| self.facts.is_open(end.block) && end.from <= end.to) {
            // As many as may be open at once; a participant that names more is not believed about them.
            if self.ends.len() < ENDS_MAX * count || self.ends.contains_key(&(end.block, index)) {
                self.ends.insert((end.block, index), end);
            }
        }
        if is_first {
            // What we said before it knew us was lost on it.
            self.tell(peer, now, out);
        }
        self.pump(peer, now, out);
        self.check_all_complete(out);
    }

    /// R4 to R6: batches of a peer, before anything costly is done with them.
    pub(super) fn arrived(&mut self, peer: Peer, batches: Vec<Vec<u8>>, out: &mut Vec<Effect>) {
        let Some(partner) = self.partners.get_mut(&peer) else {
            return out.push(Effect::Report {
                peer,
                rule: "batches: no key of the channel shown",
                cost: cost::JUNK,
            });
        };
        let mut judge = Vec::new();
        for bytes in batches {
            let Ok(header) = BatchHeader::decode(&mut &bytes[..]) else {
                out.push(Effect::Report { peer, rule: "batches: no batch", cost: cost::LIE });
                continue;
            };
            let BatchHeader { sender, block, .. } = header;
            let is_wanted = self.facts.wants(sender) && Some(sender) != self.facts.me;
            if self.held.contains_key(&(sender, header.first_seq, header.root)) || !is_wanted {
                // A copy that was on the way before we said that we have it.
                partner.has_news = true;
                continue;
            }
            let count = self.counts.get(&(block, sender)).copied().unwrap_or(0);
            let length = bytes.len() as u64;
            let is_flood =
                count >= BLOCK_BATCHES_MAX || partner.intake_bytes.saturating_add(length) > INTAKE_BYTES_MAX;
            if is_flood {
                out.push(Effect::Report { peer, rule: "batches: more than the window", cost: cost::FLOOD });
                continue;
            }
            partner.intake_bytes = partner.intake_bytes.saturating_add(length);
            judge.push(bytes);
        }
        if !judge.is_empty() {
            out.push(Effect::Judge { peer, channel: self.facts.channel, batches: judge });
        }
    }

    /// The mailbox's answers: what was taken is durable.
    pub(super) fn judged(
        &mut self,
        peer: Peer,
        bytes: u64,
        verdicts: Vec<Verdict>,
        now: u64,
        out: &mut Vec<Effect>,
    ) {
        let index = self.partners.get(&peer).map(|partner| partner.index);
        if let Some(partner) = self.partners.get_mut(&peer) {
            partner.intake_bytes = partner.intake_bytes.saturating_sub(bytes);
        }
        for verdict in verdicts {
            match verdict {
                Verdict::Taken { header, bytes } => self.keep(&header, bytes, now),
                // Whose header it is was not checked, so it says something about the sender's own numbers only.
                Verdict::Late { header } if index == Some(header.sender) => {
                    let to = header.end_seq().unwrap_or(u64::MAX);
                    self.got.entry(header.sender).or_default().insert(header.first_seq, to);
                }
                Verdict::Late { .. } => {}
                Verdict::Refused => {
                    out.push(Effect::Report {
                        peer,
                        rule: "batches: a batch that is refused",
                        cost: cost::LIE,
                    });
                }
            }
        }
        self.tell(peer, now, out);
        self.check_all_complete(out);
    }

    /// Time passed: tell news, send again, relay.
    pub(super) fn tick(&mut self, now: u64, out: &mut Vec<Effect>) {
        for peer in self.partners.keys().copied().collect::<Vec<_>>() {
            let Some(partner) = self.partners.get_mut(&peer) else { continue };
            let age = partner.told.map_or(u64::MAX, |told| now.saturating_sub(told));
            let is_stuck = now.saturating_sub(partner.last_ack) >= RESEND_MS;
            if is_stuck && !partner.flight.is_empty() {
                partner.flight.clear();
                partner.flight_bytes = 0;
                partner.cursors.clear();
                partner.last_ack = now;
            }
            if age >= TELL_AGAIN_MS || partner.has_news && age >= TELL_MS {
                self.tell(peer, now, out);
            }
            self.pump(peer, now, out);
        }
    }

    fn pump_all(&mut self, now: u64, out: &mut Vec<Effect>) {
        for peer in self.partners.keys().copied().collect::<Vec<_>>() {
            self.pump(peer, now, out);
        }
    }

    /// R5, R6: sends what the peer lacks, as far as its window reaches.
    fn pump(&mut self, peer: Peer, now: u64, out: &mut Vec<Effect>) {
        let (me, held) = (self.facts.me, &self.held);
        let Some(partner) = self.partners.get_mut(&peer) else { return };
        let Some(wants) = partner.wants.as_ref() else { return };
        let mut chosen = Vec::new();
        'senders: for (sender, has) in wants.iter().filter(|(sender, _)| **sender != partner.index) {
            let cursor = partner.cursors.entry(*sender).or_default();
            let moved = partner.moved.get(sender).copied().unwrap_or(0);
            for (place, batch) in
                held.range((*sender, *cursor, H256::ZERO)..=(*sender, u64::MAX, H256([0xff; 32])))
            {
                let to = batch.header.end_seq().unwrap_or(u64::MAX);
                let is_sent = has.covers(batch.header.first_seq, to) || partner.flight.contains_key(place);
                if !is_sent {
                    let is_due =
                        Some(*sender) == me || now.saturating_sub(batch.since.max(moved)) >= RELAY_AFTER_MS;
                    if !is_due {
                        break;
                    }
                    let is_full = partner.flight_bytes.saturating_add(batch.bytes) > WINDOW_BYTES;
                    if is_full && !partner.flight.is_empty() {
                        break 'senders;
                    }
                    if partner.flight.is_empty() {
                        partner.last_ack = now;
                    }
                    partner.flight.insert(*place, (to, batch.bytes));
                    partner.flight_bytes = partner.flight_bytes.saturating_add(batch.bytes);
                    chosen.push((batch.header, batch.bytes));
                }
                *cursor = batch.header.first_seq.saturating_add(1);
            }
        }
        send(peer, self.facts.channel, chosen, out);
    }

    /// What is here of what is wanted, and the own ends.
    fn tell(&mut self, peer: Peer, now: u64, out: &mut Vec<Effect>) {
        let Some(me) = self.facts.me else { return };
        let Some(partner) = self.partners.get_mut(&peer) else { return };
        partner.told = Some(now);
        partner.has_news = false;
        let senders = (0u8..).take(self.facts.participants.len());
        let wanted = senders.filter(|sender| *sender != me && self.facts.wants(*sender));
        let ranges = |sender: u8| self.got.get(&sender).map_or_else(Vec::new, |got| got.highest(RANGES_MAX));
        let own = self.ends.iter().filter(|((_, sender), _)| *sender == me);
        let have = Have {
            channel: self.facts.channel,
            senders: wanted.map(|sender| (sender, ranges(sender))).collect(),
            ends: own.map(|(_, end)| *end).take(ENDS_MAX).collect(),
        };
        out.push(Effect::Send { peer, notice: Notice::Have(have) });
    }

    fn check_all_complete(&mut self, out: &mut Vec<Effect>) {
        let Some(me) = self.facts.me else { return };
        let ended: Vec<u32> =
            self.ends.keys().filter(|(_, sender)| *sender == me).map(|(block, _)| *block).collect();
        for block in ended {
            self.check_complete(block, out);
        }
    }

    /// R7.
    fn check_complete(&mut self, block: u32, out: &mut Vec<Effect>) {
        let Some(me) = self.facts.me else { return };
        if self.complete.contains(&block) || !self.facts.is_open(block) {
            return;
        }
        let is_whole = |sender: u8| {
            self.ends.get(&(block, sender)).is_some_and(|end| {
                end.from == end.to || self.got.get(&sender).is_some_and(|got| got.covers(end.from, end.to))
            })
        };
        let senders = (0u8..).take(self.facts.participants.len());
        let mut needed = senders.filter(|sender| *sender == me || self.facts.wants(*sender));
        if needed.all(is_whole) {
            self.complete.insert(block);
            out.push(Effect::Complete { channel: self.facts.channel, block });
        }
    }

    /// Numbers that must stay bounded.
    pub(super) fn sizes(&self) -> super::Sizes {
        let flight = self.partners.values().map(|partner| partner.flight_bytes).max().unwrap_or(0);
        let intake = self.partners.values().map(|partner| partner.intake_bytes).max().unwrap_or(0);
        super::Sizes {
            batches: self.held.len(),
            ends: self.ends.len(),
            flight_bytes_max: flight,
            intake_bytes_max: intake,
            ..super::Sizes::default()
        }
    }
}

/// Cuts into notices.
fn send(peer: Peer, channel: u64, chosen: Vec<(BatchHeader, u64)>, out: &mut Vec<Effect>) {
    let (mut headers, mut total) = (Vec::new(), 0u64);
    for (header, bytes) in chosen {
        let is_full = total.saturating_add(bytes) > NOTICE_BYTES || headers.len() == NOTICE_BATCHES_MAX;
        if is_full && !headers.is_empty() {
            out.push(Effect::SendBatches { peer, channel, headers: std::mem::take(&mut headers) });
            total = 0;
        }
        headers.push(header);
        total = total.saturating_add(bytes);
    }
    if !headers.is_empty() {
        out.push(Effect::SendBatches { peer, channel, headers });
    }
}
