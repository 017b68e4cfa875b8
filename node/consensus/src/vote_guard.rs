//! What must never be signed twice differently, whatever crashes in between.
//!
//! ```text
//!  ask(request) -> Safe{after} -- write() --> shell: fdatasync --> written() -- is_durable(after) --> keystore signs
//!       \-> NotSafe(conflict): do not sign
//! ```
//!
//! Rules
//! - R1 Per key one header per slot, and slots only rise.
//! - R2 Per key and kind one vote per (set, round), and (set, round) only rise.
//! - R3 Per key and channel every message sequence number belongs to one batch. A repeated batch is safe if it is one
//!   of the last [`BATCHES_KEPT`]; the sender therefore logs its messages before it asks.
//! - R4 Per key, channel and block one commitment. Blocks below the retired one get none any more.
//! - R5 The same request again is safe: a crash after the guard and before the signature loses nothing.
//! - R6 Nothing is signed before the entry is durable. The guard is written whole, alternating between two files, so
//!   that a torn write destroys only what nobody relied upon yet. Both files exist before the first signature.
//! - R7 Memory is bounded by [`ENTRIES_MAX`]; a full guard refuses ([`Conflict::Full`]), it does not forget.
//! - R8 Beside a vote for finality the completed round that it builds on is kept, in the same write: without it a
//!   restarted voter would not know what it promised.
//!
//! Out of scope: two nodes with one key (operator's mistake), a disk that forgets what it synced.

mod file;

pub use file::{GuardError, GuardWrite};

use std::collections::BTreeMap;

use parity_scale_codec::{Decode, Encode};
use quire_core::{BlockNumber, H256, Slot};

use crate::finality::solo::LastVote;
use crate::finality::voter::{OwnVotes, own_votes};

/// Entries of all kinds together: 64 channels with 1,000 open blocks each. At about 80 bytes an entry the file stays
/// near 5 MiB.
pub const ENTRIES_MAX: usize = 65_536;
/// Batches per key and channel that may be signed again after a crash.
pub const BATCHES_KEPT: usize = 16;

/// A public key that signs, of whatever scheme.
pub type SignerKey = [u8; 32];

/// Kinds of GRANDPA votes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub enum VoteKind {
    /// First phase.
    Prevote,
    /// Second phase.
    Precommit,
    /// Proposal of the round's primary.
    Propose,
}

/// Something about to be signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// The seal of a block.
    Seal {
        /// Aura key.
        key: SignerKey,
        /// The slot.
        slot: Slot,
        /// Hash of the unsealed header.
        payload: H256,
    },
    /// A vote for finality.
    Vote {
        /// GRANDPA key.
        key: SignerKey,
        /// Phase.
        kind: VoteKind,
        /// Number of the voter set.
        set_id: u64,
        /// Round in the set.
        round: u64,
        /// Block voted for.
        target_hash: H256,
        /// Its number.
        target_number: BlockNumber,
    },
    /// A batch of channel messages.
    Messages {
        /// The participant's message key.
        key: SignerKey,
        /// The channel.
        channel: u64,
        /// Sequence number of the first message.
        first_seq: u64,
        /// Number of messages, at least 1.
        count: u32,
        /// Merkle root of their ids.
        root: H256,
    },
    /// A commitment to a result.
    Commit {
        /// The validator's account or signing key.
        key: SignerKey,
        /// The channel.
        channel: u64,
        /// The channel block.
        block: u32,
        /// The commitment.
        commitment: H256,
    },
}

/// The guard's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Verdict {
    /// Sign as soon as [`VoteGuard::is_durable`] says so for `after`.
    Safe {
        /// Number of the entry to wait for.
        after: u64,
    },
    /// Do not sign.
    NotSafe(Conflict),
}

/// Why something must not be signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    /// R1.
    #[error("slot {slot} is not above slot {sealed}, in which this key sealed another block", slot = slot.0, sealed = sealed.0)]
    Slot {
        /// Slot asked for.
        slot: Slot,
        /// Last slot sealed.
        sealed: Slot,
    },
    /// R2.
    #[error(
        "round {round} of set {set_id} is not above round {voted_round} of set {voted_set}, in which this key voted otherwise"
    )]
    Round {
        /// Set asked for.
        set_id: u64,
        /// Round asked for.
        round: u64,
        /// Set of the last vote.
        voted_set: u64,
        /// Round of the last vote.
        voted_round: u64,
    },
    /// R3.
    #[error(
        "messages from {first_seq} of channel {channel} may repeat numbers: the next free one is {next_seq}"
    )]
    Sequence {
        /// The channel.
        channel: u64,
        /// First number asked for.
        first_seq: u64,
        /// First number never used.
        next_seq: u64,
    },
    /// R3: an empty batch, or one beyond the last number.
    #[error("a batch of {count} messages from {first_seq} is not possible")]
    BadBatch {
        /// First number asked for.
        first_seq: u64,
        /// Messages in it.
        count: u32,
    },
    /// R4.
    #[error("this key committed to another result of channel {channel} block {block}")]
    Committed {
        /// The channel.
        channel: u64,
        /// The block.
        block: u32,
    },
    /// R4.
    #[error(
        "channel {channel} block {block} is closed: blocks below {retired_below} get no commitment any more"
    )]
    Retired {
        /// The channel.
        channel: u64,
        /// The block.
        block: u32,
        /// First block that may be committed to.
        retired_below: u32,
    },
    /// R7.
    #[error("the vote guard holds {ENTRIES_MAX} entries; retire settled channel blocks")]
    Full,
}

#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
struct Voted {
    set_id: u64,
    round: u64,
    target_hash: H256,
    target_number: BlockNumber,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
struct Sequence {
    next: u64,
    /// The last batches as (first, count, root), oldest first.
    recent: Vec<(u64, u32, H256)>,
}

/// Everything that is written to the guard's files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode)]
struct Entries {
    /// Counts the entries ever recorded.
    recorded: u64,
    /// Counts the writes ever prepared: the parity chooses the file.
    writes: u64,
    sealed: BTreeMap<SignerKey, (Slot, H256)>,
    votes: BTreeMap<(SignerKey, VoteKind), Voted>,
    sequences: BTreeMap<(SignerKey, u64), Sequence>,
    commits: BTreeMap<(SignerKey, u64, u32), H256>,
    retired_below: BTreeMap<(SignerKey, u64), u32>,
    /// The completed round that the last votes of a key build on, encoded by `finality::voter`.
    rounds: BTreeMap<SignerKey, Vec<u8>>,
}

/// Remembers what each key signed; see the module doc.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VoteGuard {
    entries: Entries,
    /// Entries up to this number are on disk.
    durable: u64,
    /// A write that the shell has not confirmed yet covers entries up to this number.
    in_flight: Option<u64>,
}

impl VoteGuard {
    /// Asks whether `request` may be signed and records it if so.
    pub fn ask(&mut self, request: &Request) -> Verdict {
        let answer = match *request {
            Request::Seal { key, slot, payload } => self.ask_seal(key, slot, payload),
            Request::Vote { key, kind, set_id, round, target_hash, target_number } => {
                self.ask_vote(key, kind, Voted { set_id, round, target_hash, target_number })
            }
            Request::Messages { key, channel, first_seq, count, root } => {
                self.ask_messages(key, channel, (first_seq, count, root))
            }
            Request::Commit { key, channel, block, commitment } => {
                self.ask_commit(key, channel, block, commitment)
            }
        };
        match answer {
            Ok(true) => {
                self.entries.recorded = self.entries.recorded.saturating_add(1);
                Verdict::Safe { after: self.entries.recorded }
            }
            Ok(false) => Verdict::Safe { after: self.entries.recorded },
            Err(conflict) => Verdict::NotSafe(conflict),
        }
    }

    /// True when the entries up to `after` have reached the disk: now the keystore may sign.
    #[must_use]
    pub fn is_durable(&self, after: u64) -> bool {
        after <= self.durable
    }

    /// Keeps the encoded record of the completed round that the next votes of `key` build on (R8); the vote that is
    /// asked for next makes it durable.
    pub fn keep_round(&mut self, key: SignerKey, record: Vec<u8>) {
        if self.entries.rounds.get(&key) != Some(&record) {
            self.entries.rounds.insert(key, record);
            self.entries.recorded = self.entries.recorded.saturating_add(1);
        }
    }

    /// The record that [`Self::keep_round`] was given last.
    #[must_use]
    pub fn round(&self, key: &SignerKey) -> Option<&[u8]> {
        self.entries.rounds.get(key).map(Vec::as_slice)
    }

    /// The last votes of `key`, for [`crate::finality::voter::Start`].
    #[must_use]
    pub fn own_votes(&self, key: &SignerKey) -> OwnVotes {
        own_votes(|kind| self.last_vote(key, kind))
    }

    /// The last precommit of `key`, for [`crate::finality::solo::Solo`].
    #[must_use]
    pub fn last_precommit(&self, key: &SignerKey) -> Option<LastVote> {
        self.last_vote(key, VoteKind::Precommit)
    }

    fn last_vote(&self, key: &SignerKey, kind: VoteKind) -> Option<LastVote> {
        self.entries.votes.get(&(*key, kind)).map(|vote| LastVote {
            set_id: vote.set_id,
            round: vote.round,
            target_hash: vote.target_hash,
            target_number: vote.target_number,
        })
    }

    /// The last slot that `key` sealed.
    #[must_use]
    pub fn last_slot(&self, key: &SignerKey) -> Option<Slot> {
        self.entries.sealed.get(key).map(|(slot, _)| *slot)
    }

    /// The first message number of `channel` that `key` never used.
    #[must_use]
    pub fn next_seq(&self, key: &SignerKey, channel: u64) -> u64 {
        self.entries.sequences.get(&(*key, channel)).map_or(0, |sequence| sequence.next)
    }

    /// The commitment that `key` made for a channel block.
    #[must_use]
    pub fn commitment(&self, key: &SignerKey, channel: u64, block: u32) -> Option<H256> {
        self.entries.commits.get(&(*key, channel, block)).copied()
    }

    /// Forgets the commitments of `key` for blocks of `channel` below `block`, all of them terminal on chain; no
    /// commitment to them is safe any more.
    pub fn retire(&mut self, key: SignerKey, channel: u64, block: u32) {
        let below = self.entries.retired_below.entry((key, channel)).or_default();
        if *below >= block {
            return;
        }
        *below = block;
        let gone: Vec<_> =
            self.entries.commits.range((key, channel, 0)..(key, channel, block)).map(|(at, _)| *at).collect();
        for at in gone {
            self.entries.commits.remove(&at);
        }
        self.entries.recorded = self.entries.recorded.saturating_add(1);
    }

    fn ask_seal(&mut self, key: SignerKey, slot: Slot, payload: H256) -> Result<bool, Conflict> {
        match self.entries.sealed.get(&key) {
            Some(known) if *known == (slot, payload) => return Ok(false),
            Some((sealed, _)) if slot <= *sealed => return Err(Conflict::Slot { slot, sealed: *sealed }),
            Some(_) => {}
            None => self.check_room()?,
        }
        self.entries.sealed.insert(key, (slot, payload));
        Ok(true)
    }

    fn ask_vote(&mut self, key: SignerKey, kind: VoteKind, vote: Voted) -> Result<bool, Conflict> {
        match self.entries.votes.get(&(key, kind)) {
            Some(known) if *known == vote => return Ok(false),
            Some(known) if (vote.set_id, vote.round) <= (known.set_id, known.round) => {
                return Err(Conflict::Round {
                    set_id: vote.set_id,
                    round: vote.round,
                    voted_set: known.set_id,
                    voted_round: known.round,
                });
            }
            Some(_) => {}
            None => self.check_room()?,
        }
        self.entries.votes.insert((key, kind), vote);
        Ok(true)
    }

    fn ask_messages(
        &mut self,
        key: SignerKey,
        channel: u64,
        batch: (u64, u32, H256),
    ) -> Result<bool, Conflict> {
        let (first_seq, count, _) = batch;
        let bad = Conflict::BadBatch { first_seq, count };
        let next = first_seq.checked_add(u64::from(count)).filter(|_| count > 0).ok_or(bad)?;
        if !self.entries.sequences.contains_key(&(key, channel)) {
            self.check_room()?;
        }
        let sequence = self.entries.sequences.entry((key, channel)).or_default();
        if sequence.recent.contains(&batch) {
            return Ok(false);
        }
        if first_seq < sequence.next {
            return Err(Conflict::Sequence { channel, first_seq, next_seq: sequence.next });
        }
        sequence.next = next;
        sequence.recent.push(batch);
        if sequence.recent.len() > BATCHES_KEPT {
            sequence.recent.remove(0);
        }
        Ok(true)
    }

    fn ask_commit(
        &mut self,
        key: SignerKey,
        channel: u64,
        block: u32,
        commitment: H256,
    ) -> Result<bool, Conflict> {
        let retired_below = self.entries.retired_below.get(&(key, channel)).copied().unwrap_or(0);
        if block < retired_below {
            return Err(Conflict::Retired { channel, block, retired_below });
        }
        match self.entries.commits.get(&(key, channel, block)) {
            Some(known) if *known == commitment => return Ok(false),
            Some(_) => return Err(Conflict::Committed { channel, block }),
            None => self.check_room()?,
        }
        self.entries.commits.insert((key, channel, block), commitment);
        Ok(true)
    }

    fn check_room(&self) -> Result<(), Conflict> {
        if self.entries.len() < ENTRIES_MAX { Ok(()) } else { Err(Conflict::Full) }
    }
}

impl Entries {
    fn len(&self) -> usize {
        [
            self.sealed.len(),
            self.votes.len(),
            self.sequences.len(),
            self.commits.len(),
            self.retired_below.len(),
        ]
        .iter()
        .sum()
    }
}

#[cfg(test)]
mod tests;
