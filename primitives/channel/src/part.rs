//! One participant's batches for a block: plain form, anchor, custody receipt.
//!
//! R1 The plain form is the version byte 1 followed by the SCALE encodings of [`SignedBatch`]es one after the other, to the
//!    end of the bytes. Nothing else, no length in front.
//! R2 `root` of the anchor is the Merkle root over [`copy_hash`] of each batch copy in order, `count` the number of
//!    copies, `length` the bytes of the plain form. A copy's hash covers header, signature and which leaves are messages, so
//!    "this part held this message" needs two paths and no bulk data.
//! R3 A part that does not decode, exceeds a limit, or differs from its anchor counts as empty, for everybody.
//! R4 A custody receipt is a validator's promise to serve the part's bytes: sr25519 by its signing key over
//!    [`receipt_payload`], context [`RECEIPT_CONTEXT`].
//!
//! Signatures and Merkle roots of the batches are not looked at here: [`crate::merge`] does.

use crate::batch::{BatchHeader, HEADER_BYTES, SignedBatch};
use crate::limits::{MAX_BATCH_MESSAGES, MAX_CID_BYTES, MAX_PART_BATCHES, MAX_PART_BYTES, MAX_PART_MESSAGES};
use crate::merkle;
use crate::message::{MessageError, MessageRef, decode_bounded};
use crate::reader::{ReadError, Reader};
use alloc::vec::Vec;
use parity_scale_codec::{Compact, Decode, Encode, Error as CodecError, Input};
use quire_core::hash::blake2_256;
use quire_core::{AccountId, H256};
use scale_info::TypeInfo;

/// Context of schnorrkel signatures over channel data that the chain does not check itself (batches).
pub const SIGNING_CONTEXT: &[u8] = b"quire";
/// Context of the schnorrkel signature of a receipt: the chain checks receipts, and its host function knows no other. The
/// tag in [`receipt_payload`] keeps them apart from everything else signed in it.
pub const RECEIPT_CONTEXT: &[u8] = b"substrate";
/// First byte of the plain form (R1).
pub const VERSION: u8 = 1;

const RECEIPT_TAG: &[u8] = b"quire/receipt/1";
const COPY_TAG: &[u8] = b"quire/copy/1";
const LEAF_FULL: u8 = 0;
const LEAF_ID: u8 = 1;

/// A binary CID of at most [`MAX_CID_BYTES`].
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Encode, TypeInfo)]
pub struct CidBytes(Vec<u8>);

impl CidBytes {
    /// `None` when longer than [`MAX_CID_BYTES`].
    pub fn new(bytes: Vec<u8>) -> Option<Self> {
        (bytes.len() <= MAX_CID_BYTES as usize).then_some(Self(bytes))
    }

    /// The bytes.
    pub fn as_slice(&self) -> &[u8] {
        &self.0
    }
}

impl Decode for CidBytes {
    fn decode<I: Input>(input: &mut I) -> Result<Self, CodecError> {
        Ok(Self(decode_bounded(input, MAX_CID_BYTES as usize)?))
    }
}

/// What the chain stores of a part.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct PartAnchor {
    /// Address of the manifest, CIDv1.
    pub cid: CidBytes,
    /// R2.
    pub root: H256,
    /// Bytes of the plain form.
    pub length: u64,
    /// Batch copies.
    pub count: u32,
    /// blake2-256 of the block key.
    pub key_commitment: H256,
}

/// What a validator signs when it takes a part into custody (R4).
pub fn receipt_payload(
    genesis: H256,
    channel: u64,
    block: u32,
    participant: u8,
    anchor: &PartAnchor,
) -> Vec<u8> {
    let mut bytes = RECEIPT_TAG.to_vec();
    (genesis, channel, block, participant, anchor).encode_to(&mut bytes);
    bytes
}

/// A validator's promise to serve a part, as a value.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct Receipt {
    /// Who promises.
    pub validator: AccountId,
    /// sr25519 over [`receipt_payload`].
    pub signature: [u8; 64],
}

/// Why bytes are no part (R3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PartError {
    /// The first byte is not [`VERSION`].
    #[error("part begins with version {found:?}, expected {VERSION}; build it with this protocol version")]
    Version {
        /// First byte, if any.
        found: Option<u8>,
    },
    /// More bytes than allowed.
    #[error("part has {len} bytes, the limit is {MAX_PART_BYTES}; close blocks more often")]
    TooLong {
        /// Bytes.
        len: u64,
    },
    /// The bytes end inside a batch.
    #[error("part ends early in the batch copy at byte {at}; fetch it again")]
    Short {
        /// Where the copy begins.
        at: u64,
    },
    /// A leaf or length that is not canonical.
    #[error("part has a malformed leaf in the batch copy at byte {at}; its builder must fix it")]
    Leaf {
        /// Where the copy begins.
        at: u64,
    },
    /// A message inside does not decode.
    #[error("part holds bytes that are no message in the batch copy at byte {at}: {reason}")]
    Message {
        /// Where the copy begins.
        at: u64,
        /// Why.
        reason: MessageError,
    },
    /// More batches, leaves or leaves per batch than allowed.
    #[error("part exceeds a count limit at byte {at}; close blocks more often")]
    TooMany {
        /// Where the copy begins.
        at: u64,
    },
    /// Root, length or count differ from the anchor.
    #[error("part differs from its anchor in {field}; it counts as empty")]
    Anchor {
        /// Which figure.
        field: &'static str,
    },
}

/// One batch inside part bytes: header and signature read, leaves still encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchRef<'a> {
    /// What is signed.
    pub header: BatchHeader,
    /// Its signature.
    pub signature: [u8; 64],
    /// Number of leaves that follow (may differ from `header.count`; the merge excludes such a copy).
    pub leaf_count: u32,
    leaves: &'a [u8],
}

/// A leaf inside part bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeafRef<'a> {
    /// A message.
    Full(MessageRef<'a>),
    /// Only its id.
    Id(H256),
}

impl LeafRef<'_> {
    /// Id of the message that the leaf is or names; hashes a message.
    #[inline]
    pub fn id(&self) -> H256 {
        match self {
            Self::Full(message) => message.id(),
            Self::Id(id) => *id,
        }
    }
}

impl<'a> BatchRef<'a> {
    /// Reads the encoded [`SignedBatch`] at the front of `bytes`, walking all leaves once; gives what follows.
    pub fn read(bytes: &'a [u8]) -> Result<(Self, &'a [u8]), PartError> {
        read_batch(bytes, 0)
    }

    /// Bytes of the encoded leaves.
    pub fn leaf_bytes(&self) -> usize {
        self.leaves.len()
    }

    /// The leaves in order. They were walked by the reader, so each decodes.
    pub fn leaves(&self) -> LeafIter<'a> {
        LeafIter { reader: Reader::new(self.leaves) }
    }
}

/// Iterator over the leaves of a [`BatchRef`].
#[derive(Clone, Debug)]
pub struct LeafIter<'a> {
    reader: Reader<'a>,
}

impl<'a> Iterator for LeafIter<'a> {
    type Item = LeafRef<'a>;

    #[inline]
    fn next(&mut self) -> Option<LeafRef<'a>> {
        if self.reader.is_empty() {
            return None;
        }
        read_leaf(&mut self.reader, 0).ok()
    }
}

#[inline]
fn read_leaf<'a>(reader: &mut Reader<'a>, at: u64) -> Result<LeafRef<'a>, PartError> {
    match reader.u8().map_err(|e| field_error(e, at))? {
        LEAF_FULL => {
            let (message, rest) = MessageRef::read(reader.rest()).map_err(|reason| match reason {
                MessageError::Short { .. } => PartError::Short { at },
                reason => PartError::Message { at, reason },
            })?;
            *reader = Reader::new(rest);
            Ok(LeafRef::Full(message))
        }
        LEAF_ID => Ok(LeafRef::Id(H256(reader.array().map_err(|e| field_error(e, at))?))),
        _ => Err(PartError::Leaf { at }),
    }
}

fn field_error(error: ReadError, at: u64) -> PartError {
    match error {
        ReadError::Short => PartError::Short { at },
        ReadError::Compact => PartError::Leaf { at },
    }
}

fn read_batch(bytes: &[u8], at: u64) -> Result<(BatchRef<'_>, &[u8]), PartError> {
    let fail = |error| field_error(error, at);
    let mut reader = Reader::new(bytes);
    let header = reader.take(HEADER_BYTES).map_err(fail)?;
    let header = BatchHeader::decode(&mut &header[..]).map_err(|_| PartError::Leaf { at })?;
    let signature = reader.array().map_err(fail)?;
    let leaf_count = reader.compact().map_err(fail)?;
    if leaf_count > MAX_BATCH_MESSAGES {
        return Err(PartError::TooMany { at });
    }
    let start = reader.rest();
    for _ in 0..leaf_count {
        read_leaf(&mut reader, at)?;
    }
    let rest = reader.rest();
    let leaves = start.get(..start.len() - rest.len()).unwrap_or(start);
    Ok((BatchRef { header, signature, leaf_count, leaves }, rest))
}

/// Walks the batch copies of a plain part (R1), checking limits as it goes. Stops after the first error.
#[derive(Clone, Debug)]
pub struct PartReader<'a> {
    all: &'a [u8],
    rest: &'a [u8],
    batches: u32,
    leaves: u32,
    failed: bool,
}

impl<'a> PartReader<'a> {
    /// Checks version and length; batches are read by iterating.
    pub fn new(bytes: &'a [u8]) -> Result<Self, PartError> {
        let len = bytes.len() as u64;
        if len > MAX_PART_BYTES {
            return Err(PartError::TooLong { len });
        }
        match bytes.split_first() {
            Some((&VERSION, rest)) => Ok(Self { all: bytes, rest, batches: 0, leaves: 0, failed: false }),
            first => Err(PartError::Version { found: first.map(|(byte, _)| *byte) }),
        }
    }

    fn step(&mut self) -> Result<BatchRef<'a>, PartError> {
        let at = (self.all.len() - self.rest.len()) as u64;
        let (batch, rest) = read_batch(self.rest, at)?;
        self.batches += 1;
        self.leaves = self.leaves.saturating_add(batch.leaf_count);
        if self.batches > MAX_PART_BATCHES || self.leaves > MAX_PART_MESSAGES {
            return Err(PartError::TooMany { at });
        }
        self.rest = rest;
        Ok(batch)
    }
}

impl<'a> Iterator for PartReader<'a> {
    type Item = Result<BatchRef<'a>, PartError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed || self.rest.is_empty() {
            return None;
        }
        let step = self.step();
        self.failed = step.is_err();
        Some(step)
    }
}

/// Hash of one batch copy for the part's root (R2). `present` has one bit per leaf, lowest bit of the first byte first,
/// set where the leaf is a message.
pub fn copy_hash(header: &BatchHeader, signature: &[u8; 64], present: &[u8]) -> H256 {
    let mut bytes = Vec::with_capacity(COPY_TAG.len() + HEADER_BYTES + 64 + 4 + present.len());
    bytes.extend_from_slice(COPY_TAG);
    header.encode_to(&mut bytes);
    bytes.extend_from_slice(signature);
    present.encode_to(&mut bytes);
    H256(blake2_256(&bytes))
}

fn present_bits(batch: &BatchRef<'_>) -> Vec<u8> {
    let mut bits = alloc::vec![0u8; batch.leaf_count.div_ceil(8) as usize];
    for (index, leaf) in batch.leaves().enumerate() {
        if let (LeafRef::Full(_), Some(byte)) = (leaf, bits.get_mut(index / 8)) {
            *byte |= 1 << (index % 8);
        }
    }
    bits
}

/// Root, length and count of a plain part, as its anchor must state them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartSummary {
    /// R2.
    pub root: H256,
    /// Bytes of the plain form.
    pub length: u64,
    /// Batch copies.
    pub count: u32,
    /// Messages present (not only named).
    pub messages: u64,
}

/// Walks a plain part and computes its summary.
pub fn summarize(bytes: &[u8]) -> Result<PartSummary, PartError> {
    let mut hashes = Vec::new();
    let mut messages = 0u64;
    for batch in PartReader::new(bytes)? {
        let batch = batch?;
        let bits = present_bits(&batch);
        messages += bits.iter().map(|byte| u64::from(byte.count_ones())).sum::<u64>();
        hashes.push(copy_hash(&batch.header, &batch.signature, &bits));
    }
    let count = hashes.len() as u32; // PartReader stops at MAX_PART_BATCHES
    Ok(PartSummary { root: merkle::root(&hashes), length: bytes.len() as u64, count, messages })
}

/// R3: decodes and agrees with its anchor?
pub fn check_against_anchor(bytes: &[u8], anchor: &PartAnchor) -> Result<PartSummary, PartError> {
    if bytes.len() as u64 != anchor.length {
        return Err(PartError::Anchor { field: "length" });
    }
    let summary = summarize(bytes)?;
    if summary.count != anchor.count {
        return Err(PartError::Anchor { field: "count" });
    }
    if summary.root != anchor.root {
        return Err(PartError::Anchor { field: "root" });
    }
    Ok(summary)
}

/// Writes a plain part batch by batch into one flat vector.
#[derive(Clone, Debug)]
pub struct PartBuilder {
    bytes: Vec<u8>,
    hashes: Vec<H256>,
    leaves: u32,
    messages: u64,
}

impl Default for PartBuilder {
    fn default() -> Self {
        Self::new()
    }
}

/// What [`PartBuilder::push`] takes per leaf: encoded message bytes, or an id.
#[derive(Clone, Copy, Debug)]
pub enum LeafSource<'a> {
    /// Encoding of a message that was checked when it came in; copied as it is.
    Full(&'a [u8]),
    /// Its id.
    Id(H256),
}

impl PartBuilder {
    /// An empty part.
    pub fn new() -> Self {
        Self { bytes: alloc::vec![VERSION], hashes: Vec::new(), leaves: 0, messages: 0 }
    }

    /// Bytes so far.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// No batch yet?
    pub fn is_empty(&self) -> bool {
        self.hashes.is_empty()
    }

    /// Appends a batch copy whose leaves come as encoded messages or ids. On an error nothing was appended.
    pub fn push<'a>(
        &mut self,
        header: &BatchHeader,
        signature: &[u8; 64],
        leaves: impl ExactSizeIterator<Item = LeafSource<'a>>,
    ) -> Result<(), PartError> {
        let at = self.bytes.len() as u64;
        let count = u32::try_from(leaves.len()).ok().filter(|n| *n <= MAX_BATCH_MESSAGES);
        let (Some(count), true) = (count, self.hashes.len() < MAX_PART_BATCHES as usize) else {
            return Err(PartError::TooMany { at });
        };
        if self.leaves.saturating_add(count) > MAX_PART_MESSAGES {
            return Err(PartError::TooMany { at });
        }
        let start = self.bytes.len();
        header.encode_to(&mut self.bytes);
        self.bytes.extend_from_slice(signature);
        Compact(count).encode_to(&mut self.bytes);
        let mut bits = alloc::vec![0u8; count.div_ceil(8) as usize];
        for (index, leaf) in leaves.enumerate() {
            match leaf {
                LeafSource::Full(message) => {
                    self.bytes.push(LEAF_FULL);
                    self.bytes.extend_from_slice(message);
                    if let Some(byte) = bits.get_mut(index / 8) {
                        *byte |= 1 << (index % 8);
                    }
                }
                LeafSource::Id(id) => {
                    self.bytes.push(LEAF_ID);
                    self.bytes.extend_from_slice(&id.0);
                }
            }
        }
        let len = self.bytes.len() as u64;
        if len > MAX_PART_BYTES {
            self.bytes.truncate(start);
            return Err(PartError::TooLong { len });
        }
        self.leaves += count;
        self.messages += bits.iter().map(|byte| u64::from(byte.count_ones())).sum::<u64>();
        self.hashes.push(copy_hash(header, signature, &bits));
        Ok(())
    }

    /// Appends an owned batch.
    pub fn push_batch(&mut self, batch: &SignedBatch) -> Result<(), PartError> {
        let encoded: Vec<Option<Vec<u8>>> = batch
            .leaves
            .iter()
            .map(|leaf| match leaf {
                crate::batch::Leaf::Full(message) => Some(message.encode()),
                crate::batch::Leaf::Id(_) => None,
            })
            .collect();
        let sources = batch.leaves.iter().zip(&encoded).map(|(leaf, bytes)| match (leaf, bytes) {
            (crate::batch::Leaf::Id(id), _) => LeafSource::Id(*id),
            (_, bytes) => LeafSource::Full(bytes.as_deref().unwrap_or_default()),
        });
        self.push(&batch.header, &batch.signature, sources)
    }

    /// The plain form and its summary.
    pub fn finish(self) -> (Vec<u8>, PartSummary) {
        let summary = PartSummary {
            root: merkle::root(&self.hashes),
            length: self.bytes.len() as u64,
            count: self.hashes.len() as u32, // push refuses more than MAX_PART_BATCHES
            messages: self.messages,
        };
        (self.bytes, summary)
    }
}

#[cfg(test)]
pub(crate) mod tests;
