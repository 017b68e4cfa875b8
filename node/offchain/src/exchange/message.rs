//! What nodes of a channel say to each other, decoded. The bytes are `quire_network::wire`'s business.

use crate::cid::ChunkId;
use crate::seal::SEALED_BYTES;
use quire_channel::PartAnchor;
use quire_core::AccountId;
use quire_core::limits::{MAX_BATCH_BYTES, MAX_CHUNK_BYTES, MAX_PARTICIPANTS};

/// Public key of a participant (messages) or a validator (receipts).
pub type Key = [u8; 32];

/// Batches in one notice.
pub const NOTICE_BATCHES_MAX: usize = 64;
/// Ranges of sequence numbers that are told of one sender.
pub const RANGES_MAX: usize = 32;
/// Ends of blocks in one notice: as many as may collect at once, and some more.
pub const ENDS_MAX: usize = 64;
/// Senders in one notice.
pub const SENDERS_MAX: usize = MAX_PARTICIPANTS as usize;
/// A notice as bytes.
pub const NOTICE_BYTES_MAX: usize = MAX_BATCH_BYTES as usize;
/// A batch that travels: it shares the notice with its frame, so it is a little shorter than the longest that is legal.
pub const BATCH_BYTES_MAX: usize = NOTICE_BYTES_MAX - 64;
/// Addresses in one request for chunks: with their frames they stay below 1 MiB.
pub const REQUEST_CHUNKS_MAX: usize = 3;
/// An answer as bytes: the largest chunks and their frames.
pub const RESPONSE_BYTES_MAX: usize = REQUEST_CHUNKS_MAX * (MAX_CHUNK_BYTES as usize + 8) + 8;

/// A notification of the channel `batches`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// Show that you hold keys: sign this.
    Challenge {
        /// Fresh random bytes.
        nonce: [u8; 32],
    },
    /// One key that the sender holds.
    Proof {
        /// The key.
        key: Key,
        /// Over [`super::proof_payload`], context [`super::PROOF_CONTEXT`].
        signature: [u8; 64],
    },
    /// What the sender has of the messages it wants, and where its own end.
    Have(Have),
    /// Encoded signed batches.
    Batches {
        /// Channel id.
        channel: u64,
        /// Each a `SignedBatch`.
        batches: Vec<Vec<u8>>,
    },
    /// A participant asks a validator to take a part into custody.
    Offer(Offer),
    /// A validator holds a part.
    Receipt(Receipt),
}

/// Numbers `from..to` of one sender.
pub type Range = (u64, u64);

/// See [`Notice::Have`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Have {
    /// Channel id.
    pub channel: u64,
    /// For each sender whose messages are wanted: the numbers that are here, ascending, apart from each other.
    pub senders: Vec<(u8, Vec<Range>)>,
    /// Blocks for which the speaker sends no more messages of its own.
    pub ends: Vec<End>,
}

/// All messages of a sender in one block have numbers in `from..to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    /// Channel block.
    pub block: u32,
    /// First number.
    pub from: u64,
    /// First number after the last; `from` when the sender has no message in the block.
    pub to: u64,
}

/// See [`Notice::Offer`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// Channel id.
    pub channel: u64,
    /// Channel block.
    pub block: u32,
    /// Whose part.
    pub participant: u8,
    /// To whom.
    pub validator: AccountId,
    /// The part.
    pub anchor: PartAnchor,
    /// The block's key, sealed to the validator's X25519 key.
    pub sealed: [u8; SEALED_BYTES],
}

/// See [`Notice::Receipt`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// Channel id.
    pub channel: u64,
    /// Channel block.
    pub block: u32,
    /// Whose part.
    pub participant: u8,
    /// Who holds it.
    pub validator: AccountId,
    /// Over the part's receipt payload.
    pub signature: [u8; 64],
}

/// A request for chunks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChunkRequest {
    /// At most [`REQUEST_CHUNKS_MAX`] addresses.
    pub ids: Vec<ChunkId>,
}

/// The answer: for each address the bytes, or that they are not here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChunkResponse {
    /// In the order of the request.
    pub chunks: Vec<Option<Vec<u8>>>,
}
