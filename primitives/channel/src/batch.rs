//! Messages of one sender under one signature.
//!
//! R1 `root` is the Merkle root ([`crate::merkle`]) of the message ids in order, `count` their number, at least 1 and at
//!    most [`MAX_BATCH_MESSAGES`]; `first_seq + count` does not overflow.
//! R2 The signature is sr25519 by the sender's message key over [`BatchHeader::signing_bytes`]. It binds genesis, channel and
//!    block, so a batch cannot be replayed elsewhere.
//! R3 A batch may be held sparsely: each leaf is the message or only its id. The ids of all leaves give the root.

use crate::limits::MAX_BATCH_MESSAGES;
use crate::merkle;
use crate::message::Message;
use alloc::vec::Vec;
use parity_scale_codec::{Compact, Decode, Encode, Error as CodecError, Input, MaxEncodedLen};
use quire_core::H256;
use quire_core::hash::blake2_256;
use scale_info::TypeInfo;

/// Separates batch signatures from everything else that a message key might sign.
const SIGNING_TAG: &[u8] = b"quire/batch/1";

/// Bytes of an encoded [`BatchHeader`].
pub const HEADER_BYTES: usize = 32 + 8 + 4 + 1 + 8 + 4 + 32;

/// What the sender signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode, TypeInfo, MaxEncodedLen)]
pub struct BatchHeader {
    /// Hash of the chain's genesis block.
    pub genesis: H256,
    /// Channel id.
    pub channel: u64,
    /// Channel block.
    pub block: u32,
    /// Index of the sending participant.
    pub sender: u8,
    /// Lowest sequence number the batch may hold.
    pub first_seq: u64,
    /// Number of leaves; sequence numbers lie in `first_seq..first_seq + count`.
    pub count: u32,
    /// Merkle root of the ids.
    pub root: H256,
}

impl BatchHeader {
    /// The bytes under the signature (R2), schnorrkel context [`crate::part::SIGNING_CONTEXT`].
    pub fn signing_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(SIGNING_TAG.len() + HEADER_BYTES);
        bytes.extend_from_slice(SIGNING_TAG);
        self.encode_to(&mut bytes);
        bytes
    }

    /// Names the batch: blake2-256 of the signing bytes.
    pub fn hash(&self) -> H256 {
        H256(blake2_256(&self.signing_bytes()))
    }

    /// First sequence number after the batch; `None` when it overflows (R1).
    pub fn end_seq(&self) -> Option<u64> {
        self.first_seq.checked_add(u64::from(self.count))
    }
}

/// A message, or only its id (R3).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub enum Leaf {
    /// The message itself.
    #[codec(index = 0)]
    Full(Message),
    /// Its id; such a leaf proves the others but is no message.
    #[codec(index = 1)]
    Id(H256),
}

impl Leaf {
    /// Id of the message that the leaf is or names.
    pub fn id(&self) -> H256 {
        match self {
            Self::Full(message) => message.id(),
            Self::Id(id) => *id,
        }
    }
}

/// A signed header with its leaves.
#[derive(Clone, Debug, PartialEq, Eq, Encode, TypeInfo)]
pub struct SignedBatch {
    /// What is signed.
    pub header: BatchHeader,
    /// sr25519, by the sender's message key.
    pub signature: [u8; 64],
    /// `header.count` leaves.
    pub leaves: Vec<Leaf>,
}

impl Decode for SignedBatch {
    fn decode<I: Input>(input: &mut I) -> Result<Self, CodecError> {
        let header = BatchHeader::decode(input)?;
        let signature = <[u8; 64]>::decode(input)?;
        let count = Compact::<u32>::decode(input)?.0;
        if count > MAX_BATCH_MESSAGES {
            return Err("batch has more leaves than its limit".into());
        }
        // Grown leaf by leaf: a count that lies allocates nothing.
        let mut leaves = Vec::new();
        for _ in 0..count {
            leaves.push(Leaf::decode(input)?);
        }
        Ok(Self { header, signature, leaves })
    }
}

impl SignedBatch {
    /// The header that a sender signs for `messages` in their order.
    ///
    /// `None` when there are none or more than [`MAX_BATCH_MESSAGES`] (R1).
    pub fn header_for(genesis: H256, first: &Message, ids: &[H256]) -> Option<BatchHeader> {
        let count = u32::try_from(ids.len()).ok().filter(|n| (1..=MAX_BATCH_MESSAGES).contains(n))?;
        first.seq.checked_add(u64::from(count))?;
        Some(BatchHeader {
            genesis,
            channel: first.channel,
            block: first.block,
            sender: first.sender,
            first_seq: first.seq,
            count,
            root: merkle::root(ids),
        })
    }

    /// R1 and R3 without the signature: do the leaves give count and root?
    pub fn root_matches(&self) -> bool {
        if usize::try_from(self.header.count).ok() != Some(self.leaves.len()) {
            return false;
        }
        let ids: Vec<H256> = self.leaves.iter().map(Leaf::id).collect();
        merkle::root(&ids) == self.header.root
    }
}
