//! Off-chain data between nodes: who gets which bytes of whom. One machine for all channels of a node.
//!
//! ```text
//!   mailbox ── Hold, End ──▶ ┌──────────┐ ── SendBatches, Send ──▶ peers
//!   peers ── Notice ───────▶ │ Exchange │ ── Judge ──▶ mailbox ── Judged ──▶ (acknowledged)
//!   validator ── Fetch ────▶ │          │ ── Request ──▶ peers ── Answered ──▶ Store ──▶ disk
//!   peers ── Asked ────────▶ └──────────┘ ── Serve, Refuse ──▶ disk ──▶ peers
//! ```
//!
//! Terms: a *partner* is a peer that showed a participant's key of a channel; a *part* is named by the address of its
//! manifest; a *survey* asks the disk which chunks of a part it lacks.
//!
//! Rules: identity
//! * R1: every peer is challenged when its channel opens. It holds a key when it signed [`proof_payload`] with it, which
//!   names both ends of the connection, so that nobody passes on the proof of another one.
//! * R2: own keys are shown to whoever challenges; that a node works for a participant is no secret among peers.
//!
//! Batches
//! * R3: batches are plain messages, so they go to partners only, and only to nodes where this one has a participant too.
//! * R4: what a peer says about a channel counts only if it is a partner; junk lowers its score.
//! * R5: a partner says which numbers of which senders it has durably ([`Have`]). What it lacks is sent, at most
//!   [`feed::WINDOW_BYTES`] ahead of what it acknowledged, and again after [`feed::RESEND_MS`] without progress; after a
//!   reconnection it says again what it has. So the exchange heals by itself, and no queue grows with a slow partner.
//! * R6: everybody sends its own messages. Those of another one are relayed when the partner has made no progress with
//!   them for [`feed::RELAY_AFTER_MS`]: a participant that is cut off from the sender is reached through a third.
//!   The signature of the sender protects them on the way.
//! * R7: a block is complete here when this node and everybody whose messages it wants said that they end, and all of
//!   them are here. Ends are believed from the sender's own node only.
//! * R8: batches of blocks that collect no more are neither sent nor kept in mind.
//!
//! Chunks
//! * R9: a part is fetched from peers that showed the key of one of its providers: its participant and the validators
//!   with a duty for the block, who gave receipts.
//! * R10: what is on disk is not fetched: before and after, the disk is surveyed; so a restart goes on where it was.
//! * R11: chunks are asked for at several peers at once, at most [`fetch::REQUESTS_MAX`] requests together and
//!   [`fetch::PEER_REQUESTS_MAX`] at one peer, the least busy first. Bytes are checked against their address before they are stored.
//! * R12: who does not answer rests, longer each time; who lacks a chunk is asked again a little later; who sends other
//!   bytes is reported and never asked again on this connection. All of it is asked elsewhere at once.
//! * R13: at most [`fetch::ACTIVE_MAX`] parts are at work; one that nobody gives makes room for the next one.
//!
//! Serving
//! * R14: chunks are encrypted and named by a hash that only the channel and the chain tell, so any participant or validator of
//!   any channel that this node knows may have them; nobody else does, because their traffic costs.
//! * R15: one peer gets [`serve::BYTES_PER_S`] after a burst of [`serve::BURST_BYTES`], and few answers are made at a
//!   time. What is above is refused without blame.
//!
//! Custody
//! * R16: an offer (anchor, block key sealed to the validator) goes to the node that showed the validator's signing key,
//!   and again every [`custody::OFFER_MS`] until its receipt comes or the block is over.
//! * R17: an offer is believed from the node of that participant only. Whether the validator has the duty, and whether
//!   the sealed key is that of this block and no other, is checked behind [`Effect::Offered`].
//! * R18: a receipt is taken from the node of the validator that was asked, once.
//!
//! Out of scope: bytes on the wire (`quire_network::wire`), judging batches ([`crate::mailbox`]), what is due on the
//! chain ([`crate::participant`], [`crate::duty`]), extracting what an equivocation proves: whoever has one version of
//! a number is not sent the other one; the parts bring both together.

pub mod custody;
pub mod feed;
pub mod fetch;
pub mod message;
mod peers;
mod ranges;
pub mod serve;

pub use message::{ChunkRequest, ChunkResponse, End, Have, Key, Notice, Offer, Range, Receipt};

use crate::cid::ChunkId;
use custody::Custody;
use feed::Feed;
use fetch::Fetches;
use parity_scale_codec::Encode as _;
use peers::Peers;
use quire_channel::BatchHeader;
use quire_core::H256;
use serve::Serving;
use std::collections::{BTreeMap, BTreeSet};

/// Context of the signature over [`proof_payload`]; no other signature of these keys has it.
pub const PROOF_CONTEXT: &[u8] = b"quire/peer";
/// Domain of what is signed.
const PROOF_TAG: &[u8] = b"quire/batches/proof/1";
/// Channels that one node takes part in.
pub const CHANNELS_MAX: usize = 4_096;

/// What misbehaviour costs; at 100 a peer is banned.
pub mod cost {
    /// Can happen when two nodes see different blocks.
    pub const EARLY: u32 = 1;
    /// Useless, and cheap to have avoided.
    pub const JUNK: u32 = 10;
    /// More than the limits that both know.
    pub const FLOOD: u32 = 20;
    /// Cannot happen by mistake.
    pub const LIE: u32 = 50;
}

/// One connection. A peer that comes back has another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Peer(pub u64);

/// What is signed to show a key: both ends of the connection by name, and the challenger's nonce.
pub fn proof_payload(genesis: H256, challenger: &str, prover: &str, nonce: &[u8; 32]) -> Vec<u8> {
    let mut bytes = PROOF_TAG.to_vec();
    (genesis, challenger, prover, nonce).encode_to(&mut bytes);
    bytes
}

/// What the chain says about a channel, and what this node does in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// Channel id.
    pub channel: u64,
    /// Index of the participant that this node works for.
    pub me: Option<u8>,
    /// Bit n: messages of participant n are wanted.
    pub wanted: u32,
    /// Message keys by index.
    pub participants: Vec<Key>,
    /// Signing keys of validators with a duty in it.
    pub validators: BTreeSet<Key>,
    /// Blocks below this one collect no more.
    pub open_from: u32,
    /// Neither do these.
    pub closed: BTreeSet<u32>,
    /// Blocks that still take parts.
    pub taking: BTreeSet<u32>,
}

impl Facts {
    pub(crate) fn is_open(&self, block: u32) -> bool {
        block >= self.open_from && !self.closed.contains(&block)
    }

    fn wants(&self, sender: u8) -> bool {
        self.wanted >> (sender & 31) & 1 == 1
    }

    fn index_of(&self, key: &Key) -> Option<u8> {
        self.participants.iter().position(|known| known == key).and_then(|index| u8::try_from(index).ok())
    }

    fn keys(&self) -> impl Iterator<Item = &Key> {
        self.participants.iter().chain(&self.validators)
    }
}

/// What the mailbox made of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is durable here, new or known.
    Taken {
        /// Its header.
        header: BatchHeader,
        /// Its encoded length.
        bytes: u64,
    },
    /// Its block collects no more.
    Late {
        /// Its header, unchecked.
        header: BatchHeader,
    },
    /// It cannot be right.
    Refused,
}

/// Everything the machine can be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// The channel for batches is open with a peer.
    Opened {
        /// The connection.
        peer: Peer,
        /// Its name on the network, as the handshake proved it.
        name: String,
        /// 32 fresh random bytes.
        nonce: [u8; 32],
    },
    /// It is closed.
    Closed {
        /// The connection.
        peer: Peer,
    },
    /// A peer said something.
    Notice {
        /// The connection.
        peer: Peer,
        /// What.
        notice: Notice,
    },
    /// A peer sent bytes that are no notice.
    Malformed {
        /// The connection.
        peer: Peer,
    },
    /// The keys of this node's participants and validators.
    Keys(BTreeSet<Key>),
    /// An answer to [`Effect::Sign`].
    Signed {
        /// For whom.
        peer: Peer,
        /// By which key.
        key: Key,
        /// The signature.
        signature: [u8; 64],
    },
    /// A channel as the last finalised block shows it.
    Channel(Facts),
    /// A channel that is no business of this node any more.
    Gone {
        /// Channel id.
        channel: u64,
    },
    /// Batches of this node's participant that are durable and signed, or, after a start, all that are in the mailbox.
    Hold {
        /// Channel id.
        channel: u64,
        /// Headers and encoded lengths.
        batches: Vec<(BatchHeader, u64)>,
    },
    /// No more own messages in a block.
    End {
        /// Channel id.
        channel: u64,
        /// Which numbers they have.
        end: End,
    },
    /// An answer to [`Effect::Judge`].
    Judged {
        /// Who sent them.
        peer: Peer,
        /// Channel id.
        channel: u64,
        /// Bytes of all of them.
        bytes: u64,
        /// One verdict each.
        verdicts: Vec<Verdict>,
    },
    /// Offer a part to a validator.
    Offer {
        /// What is offered.
        offer: Offer,
        /// The validator's signing key.
        to: Key,
    },
    /// A part that was offered is held: tell the participant.
    Give {
        /// The receipt.
        receipt: Receipt,
    },
    /// Fetch a part.
    Fetch {
        /// Address of its manifest.
        part: ChunkId,
        /// Keys of those who should have it.
        providers: Vec<Key>,
    },
    /// Fetch it no more.
    Abandon {
        /// Address of its manifest.
        part: ChunkId,
    },
    /// An answer to [`Effect::Survey`].
    Surveyed {
        /// Address of its manifest.
        part: ChunkId,
        /// What the disk lacks: the manifest, or else chunks of it; nothing when the part is whole or can never be.
        missing: Vec<ChunkId>,
    },
    /// An answer to [`Effect::Request`].
    Answered {
        /// Which.
        request: u64,
        /// The answer; `None` when there was none in time or it was refused.
        chunks: Option<Vec<Option<Vec<u8>>>>,
    },
    /// A peer asks for chunks.
    Asked {
        /// The connection.
        peer: Peer,
        /// Names the question in [`Effect::Serve`] or [`Effect::Refuse`].
        token: u64,
        /// What it wants.
        ids: Vec<ChunkId>,
    },
    /// An answer to [`Effect::Serve`].
    Served {
        /// Which.
        token: u64,
        /// Bytes of the answer.
        bytes: u64,
    },
    /// Time passed; several times a second.
    Tick,
}

/// Everything the machine can ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Send a notice.
    Send {
        /// To whom.
        peer: Peer,
        /// What.
        notice: Notice,
    },
    /// Read batches from the mailbox and send them in one notice.
    SendBatches {
        /// To whom.
        peer: Peer,
        /// Channel id.
        channel: u64,
        /// Which.
        headers: Vec<BatchHeader>,
    },
    /// Sign with one of the own keys, context [`PROOF_CONTEXT`]; answer with [`Input::Signed`].
    Sign {
        /// For whom.
        peer: Peer,
        /// By which key.
        key: Key,
        /// What.
        payload: Vec<u8>,
    },
    /// Lower a peer's score.
    Report {
        /// Whose.
        peer: Peer,
        /// Why.
        rule: &'static str,
        /// By how much: see [`cost`].
        cost: u32,
    },
    /// Give batches to the mailbox, make them durable, answer with [`Input::Judged`].
    Judge {
        /// Who sent them.
        peer: Peer,
        /// Channel id.
        channel: u64,
        /// The batches.
        batches: Vec<Vec<u8>>,
    },
    /// R7.
    Complete {
        /// Channel id.
        channel: u64,
        /// Channel block.
        block: u32,
    },
    /// A participant wants this node's validator to hold a part (R17).
    Offered(Offer),
    /// A validator holds a part.
    Received(Receipt),
    /// Ask the disk what it lacks of a part; answer with [`Input::Surveyed`].
    Survey {
        /// Address of its manifest.
        part: ChunkId,
    },
    /// Store bytes that are verified.
    Store {
        /// Their address.
        id: ChunkId,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// All chunks of a part are stored.
    Fetched {
        /// Address of its manifest.
        part: ChunkId,
    },
    /// Too much is being fetched to take this one: ask again later.
    NotFetched {
        /// Address of its manifest.
        part: ChunkId,
    },
    /// Ask a peer for chunks; answer with [`Input::Answered`].
    Request {
        /// Whom.
        peer: Peer,
        /// Names the answer.
        request: u64,
        /// Addresses.
        ids: Vec<ChunkId>,
    },
    /// Answer a question from the disk; then [`Input::Served`].
    Serve {
        /// Which.
        token: u64,
        /// Addresses.
        ids: Vec<ChunkId>,
    },
    /// Leave a question without an answer.
    Refuse {
        /// Which.
        token: u64,
    },
}

/// Numbers that must stay bounded, for tests and metrics.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sizes {
    /// Peers.
    pub peers: usize,
    /// Batches in mind.
    pub batches: usize,
    /// Ends in mind.
    pub ends: usize,
    /// Most unacknowledged bytes of one partner.
    pub flight_bytes_max: u64,
    /// Most bytes of one partner that wait to be judged.
    pub intake_bytes_max: u64,
    /// Parts to be fetched.
    pub parts: usize,
    /// Requests on their way.
    pub requests: usize,
    /// Addresses that wait to be asked for.
    pub ids: usize,
    /// Answers that are being made.
    pub serving: usize,
    /// Offers without a receipt.
    pub offers: usize,
}

/// The machine.
#[derive(Debug, Clone)]
pub struct Exchange {
    peers: Peers,
    feeds: BTreeMap<u64, Feed>,
    fetches: Fetches,
    serving: Serving,
    custody: Custody,
}

impl Exchange {
    /// A machine that knows nobody. `me` is this node's name on the network.
    pub fn new(genesis: H256, me: String) -> Exchange {
        Exchange {
            peers: Peers::new(genesis, me),
            feeds: BTreeMap::new(),
            fetches: Fetches::default(),
            serving: Serving::default(),
            custody: Custody::default(),
        }
    }

    /// One step. `now` in milliseconds, from any start, never backwards.
    pub fn step(&mut self, now: u64, input: Input, out: &mut Vec<Effect>) {
        match input {
            Input::Opened { peer, name, nonce } => self.peers.open(peer, name, nonce, out),
            Input::Closed { peer } => self.close(peer, now, out),
            Input::Notice { peer, notice } => self.notice(peer, notice, now, out),
            Input::Malformed { peer } => {
                out.push(Effect::Report { peer, rule: "batches: no notice", cost: cost::LIE });
            }
            Input::Keys(keys) => self.peers.set_keys(keys, out),
            Input::Signed { peer, key, signature } => {
                out.push(Effect::Send { peer, notice: Notice::Proof { key, signature } });
            }
            Input::Channel(facts) => self.channel(facts, now, out),
            Input::Gone { channel } => {
                self.feeds.remove(&channel);
                self.custody.keep_only(|open, _| open != channel);
            }
            Input::Hold { channel, batches } => {
                if let Some(feed) = self.feeds.get_mut(&channel) {
                    feed.hold(&batches, now, out);
                }
            }
            Input::End { channel, end } => {
                if let Some(feed) = self.feeds.get_mut(&channel) {
                    feed.end(end, now, out);
                }
            }
            Input::Judged { peer, channel, bytes, verdicts } => {
                if let Some(feed) = self.feeds.get_mut(&channel) {
                    feed.judged(peer, bytes, verdicts, now, out);
                }
            }
            Input::Offer { offer, to } => self.custody.offer(offer, to, &self.peers, now, out),
            Input::Give { receipt } => self.give(receipt, out),
            Input::Tick => self.tick(now, out),
            chunks => self.chunks(chunks, now, out),
        }
    }

    fn chunks(&mut self, input: Input, now: u64, out: &mut Vec<Effect>) {
        match input {
            Input::Fetch { part, providers } => {
                self.fetches.want(part, &providers, now, out);
                self.fetches.look(&self.peers, now, out);
            }
            Input::Abandon { part } => self.fetches.abandon(&part, now, out),
            Input::Surveyed { part, missing } => {
                self.fetches.surveyed(part, missing, &self.peers, now, out);
            }
            Input::Answered { request, chunks } => {
                self.fetches.answered(request, chunks, &self.peers, now, out);
            }
            Input::Asked { peer, token, ids } => {
                let mut feeds = self.feeds.values();
                let is_entitled = feeds.any(|feed| self.peers.has_any(peer, feed.facts.keys()));
                self.serving.asked(peer, token, ids, is_entitled, now, out);
            }
            Input::Served { token, bytes } => self.serving.served(token, bytes),
            _ => {}
        }
    }

    fn close(&mut self, peer: Peer, now: u64, out: &mut Vec<Effect>) {
        self.peers.close(peer);
        self.feeds.values_mut().for_each(|feed| feed.leave(peer));
        self.serving.close(peer);
        self.fetches.close(peer);
        self.fetches.look(&self.peers, now, out);
    }

    fn tick(&mut self, now: u64, out: &mut Vec<Effect>) {
        self.feeds.values_mut().for_each(|feed| feed.tick(now, out));
        self.fetches.tick(&self.peers, now, out);
        self.custody.look(&self.peers, now, out);
    }

    fn channel(&mut self, facts: Facts, now: u64, out: &mut Vec<Effect>) {
        let (channel, keys) = (facts.channel, facts.participants.clone());
        if let Some(feed) = self.feeds.get_mut(&channel) {
            feed.set_facts(facts);
        } else if self.feeds.len() < CHANNELS_MAX {
            self.feeds.insert(channel, Feed::new(facts));
        }
        let feeds = &self.feeds;
        self.custody.keep_only(|of, block| {
            of != channel || feeds.get(&of).is_some_and(|feed| feed.facts.taking.contains(&block))
        });
        if let Some(feed) = self.feeds.get_mut(&channel) {
            for key in keys {
                let peers: Vec<Peer> = self.peers.with(key).collect();
                peers.into_iter().for_each(|peer| feed.join(peer, &key, now, out));
            }
        }
        self.fetches.look(&self.peers, now, out);
    }

    fn notice(&mut self, peer: Peer, notice: Notice, now: u64, out: &mut Vec<Effect>) {
        match notice {
            Notice::Challenge { nonce } => self.peers.challenged(peer, nonce, out),
            Notice::Proof { key, signature } => {
                if self.peers.prove(peer, key, &signature, out) {
                    self.feeds.values_mut().for_each(|feed| feed.join(peer, &key, now, out));
                    self.fetches.look(&self.peers, now, out);
                    self.custody.look(&self.peers, now, out);
                }
            }
            Notice::Have(have) => match self.feeds.get_mut(&have.channel) {
                Some(feed) => feed.told(peer, have, now, out),
                None => out.push(unknown_channel(peer)),
            },
            Notice::Batches { channel, batches } => match self.feeds.get_mut(&channel) {
                Some(feed) => feed.arrived(peer, batches, out),
                None => out.push(unknown_channel(peer)),
            },
            Notice::Offer(offer) => self.offered(peer, offer, out),
            Notice::Receipt(receipt) => self.receipt(peer, receipt, out),
        }
    }

    /// R17.
    fn offered(&self, peer: Peer, offer: Offer, out: &mut Vec<Effect>) {
        let Some(feed) = self.feeds.get(&offer.channel) else { return out.push(unknown_channel(peer)) };
        let key = feed.facts.participants.get(usize::from(offer.participant));
        if key.is_some_and(|key| self.peers.has_proved(peer, key)) {
            out.push(Effect::Offered(offer));
        } else {
            let rule = "custody: an offer in another's name";
            out.push(Effect::Report { peer, rule, cost: cost::JUNK });
        }
    }

    /// R18.
    fn receipt(&mut self, peer: Peer, receipt: Receipt, out: &mut Vec<Effect>) {
        let place = (receipt.channel, receipt.block, receipt.participant, receipt.validator);
        // One more after a repeated offer is no lie.
        let Some(key) = self.custody.awaited(place) else { return };
        if self.peers.has_proved(peer, &key) {
            self.custody.done(place);
            out.push(Effect::Received(receipt));
        } else {
            let rule = "custody: a receipt in another's name";
            out.push(Effect::Report { peer, rule, cost: cost::LIE });
        }
    }

    fn give(&self, receipt: Receipt, out: &mut Vec<Effect>) {
        let feed = self.feeds.get(&receipt.channel);
        let key = feed.and_then(|feed| feed.facts.participants.get(usize::from(receipt.participant)));
        if let Some(peer) = key.and_then(|key| self.peers.with(*key).next()) {
            out.push(Effect::Send { peer, notice: Notice::Receipt(receipt) });
        }
    }

    /// What is in memory.
    pub fn sizes(&self) -> Sizes {
        let mut sizes = self.fetches.sizes();
        for feed in self.feeds.values().map(Feed::sizes) {
            sizes.batches += feed.batches;
            sizes.ends += feed.ends;
            sizes.flight_bytes_max = sizes.flight_bytes_max.max(feed.flight_bytes_max);
            sizes.intake_bytes_max = sizes.intake_bytes_max.max(feed.intake_bytes_max);
        }
        let (peers, serving, offers) = (self.peers.len(), self.serving.len(), self.custody.len());
        Sizes { peers, serving, offers, ..sizes }
    }
}

/// No lie: finalised blocks reach nodes at different times.
fn unknown_channel(peer: Peer) -> Effect {
    Effect::Report { peer, rule: "batches: a channel that is none of ours", cost: cost::EARLY }
}

#[cfg(test)]
mod tests;
