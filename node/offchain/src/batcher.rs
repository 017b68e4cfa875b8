//! Cuts a sender's messages into batches.
//!
//! Messages are written into one flat arena and counted up; a batch is cut when it is full, when the block changes, or
//! when the sender asks for it.
//!
//! Rules
//! * R1: sequence numbers rise by one, over all blocks of the channel.
//! * R2: a batch has at most [`BatchLimits::messages`] messages and [`BatchLimits::bytes`] bytes, all of one block.
//! * R3: how messages are cut changes no message id, hence no result.
//! * R4: a message over a limit is refused and takes no sequence number.

use parity_scale_codec::{Compact, Encode as _};
use quire_channel::limits::{MAX_BATCH_MESSAGES, MAX_MESSAGE_BODY_BYTES, MAX_MESSAGE_KEY_BYTES};
use quire_channel::{BatchHeader, merkle};
use quire_core::H256;
use quire_core::hash::blake2_256;

/// Sizes of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchLimits {
    /// Messages in a batch, at most [`MAX_BATCH_MESSAGES`].
    pub messages: u32,
    /// A batch is cut before it grows above this, in bytes of encoded messages.
    pub bytes: usize,
}

impl Default for BatchLimits {
    fn default() -> Self {
        BatchLimits { messages: 1_024, bytes: 4 * 1024 * 1024 }
    }
}

/// Who sends where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sender {
    /// Hash of the chain's genesis block.
    pub genesis: H256,
    /// Channel id.
    pub channel: u64,
    /// Index of the sending participant.
    pub index: u8,
}

/// What the application says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event<'a> {
    /// Channel block.
    pub block: u32,
    /// Milliseconds since 1970.
    pub time_ms: u64,
    /// Meaning of the body.
    pub kind: u16,
    /// What groups messages.
    pub key: &'a [u8],
    /// The program's business.
    pub body: &'a [u8],
}

/// R4.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// The key is too long.
    #[error("message key has {length} bytes, the limit is {MAX_MESSAGE_KEY_BYTES}; shorten the key")]
    Key {
        /// Bytes.
        length: usize,
    },
    /// The body is too long.
    #[error("message body has {length} bytes, the limit is {MAX_MESSAGE_BODY_BYTES}; split the record")]
    Body {
        /// Bytes.
        length: usize,
    },
    /// The last sequence number was used.
    #[error("the sender has used all sequence numbers of the channel; open another channel")]
    Exhausted,
}

/// Messages of a batch before anything was hashed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    sender: Sender,
    block: u32,
    first_seq: u64,
    leaves: Vec<u8>,
    ends: Vec<u32>,
}

impl Cut {
    /// Channel block.
    pub fn block(&self) -> u32 {
        self.block
    }

    /// Number of messages.
    pub fn count(&self) -> u32 {
        self.ends.len() as u32
    }

    /// Hashes the messages: the expensive half of cutting, which other threads can do.
    pub fn into_draft(self) -> Draft {
        let mut ids = Vec::with_capacity(self.ends.len());
        let mut start = 0;
        for end in &self.ends {
            ids.push(H256(blake2_256(&self.leaves[start + 1..*end as usize])));
            start = *end as usize;
        }
        let header = BatchHeader {
            genesis: self.sender.genesis,
            channel: self.sender.channel,
            block: self.block,
            sender: self.sender.index,
            first_seq: self.first_seq,
            count: self.count(),
            root: merkle::root(&ids),
        };
        Draft { header, leaves: self.leaves }
    }
}

/// A batch that is not signed yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// What will be signed.
    pub header: BatchHeader,
    /// Leaf encodings one after the other: for each message the tag byte 0 and its encoding.
    pub leaves: Vec<u8>,
}

/// Gathers one sender's messages.
#[derive(Debug)]
pub struct Batcher {
    sender: Sender,
    limits: BatchLimits,
    block: u32,
    next_seq: u64,
    leaves: Vec<u8>,
    ends: Vec<u32>,
}

impl Batcher {
    /// A batcher that goes on at a sequence number.
    pub fn new(sender: Sender, limits: BatchLimits, next_seq: u64) -> Batcher {
        let messages = limits.messages.clamp(1, MAX_BATCH_MESSAGES);
        let limits = BatchLimits { messages, ..limits };
        Batcher { sender, limits, block: 0, next_seq, leaves: Vec::new(), ends: Vec::new() }
    }

    /// The sequence number of the next message.
    pub fn next_seq(&self) -> u64 {
        self.next_seq
    }

    /// Adds a message; gives a batch when one had to be cut before it.
    ///
    /// # Errors
    /// R4.
    pub fn push(&mut self, event: &Event<'_>) -> Result<Option<Cut>, EventError> {
        if event.key.len() > MAX_MESSAGE_KEY_BYTES as usize {
            return Err(EventError::Key { length: event.key.len() });
        }
        if event.body.len() > MAX_MESSAGE_BODY_BYTES as usize {
            return Err(EventError::Body { length: event.body.len() });
        }
        let next = self.next_seq.checked_add(1).ok_or(EventError::Exhausted)?;
        let is_full =
            self.ends.len() >= self.limits.messages as usize || self.leaves.len() >= self.limits.bytes;
        let cut = if is_full || self.block != event.block { self.cut() } else { None };
        self.block = event.block;
        self.write(event);
        self.next_seq = next;
        Ok(cut)
    }

    /// Cuts a batch of what has gathered.
    pub fn cut(&mut self) -> Option<Cut> {
        if self.ends.is_empty() {
            return None;
        }
        let (bytes, count) = (self.leaves.len(), self.ends.len());
        Some(Cut {
            sender: self.sender,
            block: self.block,
            first_seq: self.next_seq - count as u64,
            leaves: std::mem::replace(&mut self.leaves, Vec::with_capacity(bytes + bytes / 8)),
            ends: std::mem::replace(&mut self.ends, Vec::with_capacity(count)),
        })
    }

    /// The encoding of [`quire_channel::Message`], without building one.
    fn write(&mut self, event: &Event<'_>) {
        let out = &mut self.leaves;
        out.push(0);
        out.extend_from_slice(&self.sender.channel.to_le_bytes());
        out.extend_from_slice(&event.block.to_le_bytes());
        out.push(self.sender.index);
        out.extend_from_slice(&self.next_seq.to_le_bytes());
        out.extend_from_slice(&event.time_ms.to_le_bytes());
        out.extend_from_slice(&event.kind.to_le_bytes());
        for bytes in [event.key, event.body] {
            Compact(bytes.len() as u32).encode_to(out);
            out.extend_from_slice(bytes);
        }
        self.ends.push(out.len() as u32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parity_scale_codec::Decode as _;
    use quire_channel::part::BatchRef;
    use quire_channel::{Leaf, Message, SignedBatch};

    const SENDER: Sender = Sender { genesis: H256([1; 32]), channel: 9, index: 2 };

    fn event(block: u32, key: &[u8]) -> Event<'_> {
        Event { block, time_ms: 5, kind: 1, key, body: b"body" }
    }

    fn drafts(limits: BatchLimits, events: &[(u32, Vec<u8>)]) -> Vec<Draft> {
        let mut batcher = Batcher::new(SENDER, limits, 100);
        let mut out: Vec<Draft> = Vec::new();
        for (block, key) in events {
            out.extend(batcher.push(&event(*block, key)).expect("within limits").map(Cut::into_draft));
        }
        out.extend(batcher.cut().map(Cut::into_draft));
        out
    }

    fn signed(draft: &Draft) -> SignedBatch {
        let mut bytes = draft.header.encode();
        bytes.extend_from_slice(&[0; 64]);
        Compact(draft.header.count).encode_to(&mut bytes);
        bytes.extend_from_slice(&draft.leaves);
        let (read, rest) = BatchRef::read(&bytes).expect("a batch");
        assert!(rest.is_empty() && read.leaf_count == draft.header.count);
        SignedBatch::decode(&mut &bytes[..]).expect("a batch")
    }

    fn messages(drafts: &[Draft]) -> Vec<Message> {
        drafts
            .iter()
            .flat_map(|draft| signed(draft).leaves)
            .map(|leaf| match leaf {
                Leaf::Full(message) => message,
                Leaf::Id(_) => panic!("drafts are full"),
            })
            .collect()
    }

    fn many() -> Vec<(u32, Vec<u8>)> {
        (0..100u8).map(|n| (u32::from(n / 40), vec![n; 3])).collect()
    }

    #[test]
    fn r1_r2_batches_are_whole_and_count_up() {
        let limits = BatchLimits { messages: 16, bytes: 1 << 20 };
        let drafts = drafts(limits, &many());
        for draft in &drafts {
            assert!(signed(draft).root_matches());
            assert!(draft.header.count <= 16);
        }
        let messages = messages(&drafts);
        assert_eq!(messages.len(), 100);
        for (n, message) in messages.iter().enumerate() {
            assert_eq!((message.seq, message.block), (100 + n as u64, n as u32 / 40));
            assert_eq!((message.sender, message.channel), (2, 9));
        }
        assert_eq!(
            drafts.iter().map(|draft| draft.header.count).collect::<Vec<_>>(),
            [16, 16, 8, 16, 16, 8, 16, 4]
        );
    }

    #[test]
    fn r2_bytes_are_limited_too() {
        let drafts = drafts(BatchLimits { messages: 1_024, bytes: 200 }, &many());
        assert!(drafts.len() >= 20 && drafts.iter().all(|draft| draft.leaves.len() < 260));
    }

    #[test]
    fn r3_the_cut_changes_no_message() {
        let whole = messages(&drafts(BatchLimits::default(), &many()));
        for messages_per_batch in [0, 1, 7, 99] {
            let limits = BatchLimits { messages: messages_per_batch, bytes: 1 << 20 };
            assert_eq!(messages(&drafts(limits, &many())), whole);
        }
    }

    #[test]
    fn r4_messages_over_a_limit_take_no_number() {
        let mut batcher = Batcher::new(SENDER, BatchLimits::default(), 0);
        let long = vec![0; MAX_MESSAGE_BODY_BYTES as usize + 1];
        assert!(matches!(batcher.push(&event(0, &long[..65])), Err(EventError::Key { length: 65 })));
        let body = Event { body: &long, ..event(0, b"k") };
        assert!(batcher.push(&body).expect_err("too long").to_string().contains("split the record"));
        assert_eq!(batcher.next_seq(), 0);
        assert!(batcher.push(&Event { body: &long[1..], ..event(0, &long[..64]) }).is_ok());
        let mut last = Batcher::new(SENDER, BatchLimits::default(), u64::MAX);
        assert_eq!(last.push(&event(0, b"k")), Err(EventError::Exhausted));
    }
}
