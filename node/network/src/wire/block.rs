//! `sync/2`: blocks by hash or height.
//!
//! ```text
//! request   { fields = 1, hash = 2 | number = 3 (u32 LE), direction = 5, max_blocks = 6, many_justifications = 7 }
//! response  { blocks = 1 … { hash = 1, header = 2, body = 3 …, justification = 6, justifications = 8 } }
//! ```
//!
//! Rules
//! - R1 The first block is included; from there upwards, or downwards along the parents.
//! - R2 At most [`MAX_BLOCKS`] blocks; a request for none or more asks for as many.
//! - R3 An answer has at most [`MAX_BLOCKS`] blocks and [`MAX_EXTRINSICS`] extrinsics in all.
//! - R4 Headers and extrinsics are complete: nothing follows them in their field. Whether the hash is that of the
//!   header is for the reader of the answer to check.
//! - R5 The fields are bits 24, 25 and 28 (header, body, justifications), as Substrate's byte order has it; unknown ones
//!   are not answered.

use super::protobuf::{ProtobufError, fields, put_bytes, put_varint};
use parity_scale_codec::{Decode, Encode};
use quire_core::codec::decode_vec;
use quire_core::digest::{ConsensusEngineId, GRANDPA_ENGINE_ID};
use quire_core::{BlockNumber, H256, Header, OpaqueExtrinsic, limits};

/// Most blocks of a request or an answer.
pub const MAX_BLOCKS: u32 = 128;
/// Most extrinsics in one answer: 16 MiB of the smallest signed transfers are 120,699.
pub const MAX_EXTRINSICS: usize = 131_072;
/// Most justifications of one block, of different engines.
const MAX_JUSTIFICATIONS: u32 = 8;

const HEADER: u64 = 1 << 24;
const BODY: u64 = 1 << 25;
const JUSTIFICATION: u64 = 1 << 28;

/// Where a request begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    /// At this block.
    Hash(H256),
    /// At the answerer's block of this height.
    Number(BlockNumber),
}

/// A request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockRequest {
    /// Whether headers are wanted.
    pub header: bool,
    /// Whether bodies are wanted.
    pub body: bool,
    /// Whether justifications are wanted.
    pub justification: bool,
    /// The first block.
    pub from: From,
    /// Towards the genesis.
    pub descending: bool,
    /// At most so many, between 1 and [`MAX_BLOCKS`].
    pub max_blocks: u32,
}

/// A block of an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BlockData {
    /// Its hash, as the answerer says.
    pub hash: H256,
    /// The header, if it was asked for.
    pub header: Option<Header>,
    /// The extrinsics, if they were asked for; an empty body and none look the same.
    pub body: Vec<OpaqueExtrinsic>,
    /// Justifications by engine, if they were asked for and there are any.
    pub justifications: Vec<(ConsensusEngineId, Vec<u8>)>,
}

/// Why bytes are no request or answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BlockError {
    /// They are no protobuf.
    #[error(transparent)]
    Protobuf(#[from] ProtobufError),
    /// A hash or height has the wrong length.
    #[error("field {field} has {bytes} bytes")]
    Length {
        /// The field's number.
        field: u64,
        /// Its length.
        bytes: usize,
    },
    /// The request begins nowhere.
    #[error("the request names no first block")]
    NoStart,
    /// Neither up nor down.
    #[error("direction {0} is unknown")]
    Direction(u64),
    /// R3.
    #[error("more than {MAX_BLOCKS} blocks or {MAX_EXTRINSICS} extrinsics")]
    TooMany,
    /// R4.
    #[error("a {0} does not decode")]
    Scale(&'static str),
}

impl BlockRequest {
    /// The message.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(64);
        let bit = |set: bool, bit: u64| if set { bit } else { 0 };
        let wanted = bit(self.header, HEADER) | bit(self.body, BODY) | bit(self.justification, JUSTIFICATION);
        put_varint(&mut out, 1, wanted);
        match self.from {
            From::Hash(hash) => put_bytes(&mut out, 2, &hash.0),
            From::Number(number) => put_bytes(&mut out, 3, &number.to_le_bytes()),
        }
        if self.descending {
            put_varint(&mut out, 5, 1);
        }
        put_varint(&mut out, 6, u64::from(self.max_blocks));
        put_varint(&mut out, 7, 1);
        out
    }

    /// Reads a request.
    ///
    /// # Errors
    /// When the bytes are none.
    pub fn decode(bytes: &[u8]) -> Result<Self, BlockError> {
        let (mut wanted, mut from, mut direction, mut max_blocks) = (0, None, 0, 0);
        for field in fields(bytes) {
            let field = field?;
            match field.number {
                1 => wanted = field.varint()?,
                2 => from = Some(From::Hash(H256(fixed(2, field.bytes()?)?))),
                3 => from = Some(From::Number(BlockNumber::from_le_bytes(fixed(3, field.bytes()?)?))),
                5 => direction = field.varint()?,
                6 => max_blocks = field.varint()?,
                _ => {}
            }
        }
        if direction > 1 {
            return Err(BlockError::Direction(direction));
        }
        // R2.
        let most = u64::from(MAX_BLOCKS);
        let max_blocks = if max_blocks == 0 { most } else { max_blocks.min(most) };
        Ok(Self {
            header: wanted & HEADER != 0,
            body: wanted & BODY != 0,
            justification: wanted & JUSTIFICATION != 0,
            from: from.ok_or(BlockError::NoStart)?,
            descending: direction == 1,
            max_blocks: u32::try_from(max_blocks).unwrap_or(MAX_BLOCKS),
        })
    }
}

fn fixed<const N: usize>(field: u64, bytes: &[u8]) -> Result<[u8; N], BlockError> {
    bytes.try_into().map_err(|_| BlockError::Length { field, bytes: bytes.len() })
}

/// Reads a value and nothing after it (R4).
fn whole<T: Decode>(what: &'static str, bytes: &[u8]) -> Result<T, BlockError> {
    let mut input = bytes;
    let value = T::decode(&mut input).map_err(|_| BlockError::Scale(what))?;
    if input.is_empty() { Ok(value) } else { Err(BlockError::Scale(what)) }
}

/// The answer with these blocks.
pub fn encode_response(blocks: &[BlockData]) -> Vec<u8> {
    let mut out = Vec::new();
    blocks.iter().for_each(|block| push_block(&mut out, block));
    out
}

/// Appends a block to an answer, so that one can be built until it is large enough.
pub fn push_block(out: &mut Vec<u8>, block: &BlockData) {
    put_bytes(out, 1, &block.encode());
}

/// Reads an answer.
///
/// # Errors
/// When the bytes are none, or more than R3 allows.
pub fn decode_response(bytes: &[u8]) -> Result<Vec<BlockData>, BlockError> {
    let (mut blocks, mut extrinsics_left) = (Vec::new(), MAX_EXTRINSICS);
    for field in fields(bytes) {
        let field = field?;
        if field.number != 1 {
            continue;
        }
        if blocks.len() >= MAX_BLOCKS as usize {
            return Err(BlockError::TooMany);
        }
        blocks.push(BlockData::decode(field.bytes()?, &mut extrinsics_left)?);
    }
    Ok(blocks)
}

impl BlockData {
    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_bytes(&mut out, 1, &self.hash.0);
        if let Some(header) = &self.header {
            put_bytes(&mut out, 2, &header.encode());
        }
        for extrinsic in &self.body {
            put_bytes(&mut out, 3, &extrinsic.encode());
        }
        if !self.justifications.is_empty() {
            put_bytes(&mut out, 8, &self.justifications.encode());
        }
        out
    }

    fn decode(bytes: &[u8], extrinsics_left: &mut usize) -> Result<Self, BlockError> {
        let mut block = Self::default();
        let mut hash = None;
        for field in fields(bytes) {
            let field = field?;
            match field.number {
                1 => hash = Some(H256(fixed(1, field.bytes()?)?)),
                2 => block.header = Some(whole("header", field.bytes()?)?),
                3 => {
                    *extrinsics_left = extrinsics_left.checked_sub(1).ok_or(BlockError::TooMany)?;
                    let extrinsic = OpaqueExtrinsic::from_encoded(field.bytes()?);
                    block.body.push(extrinsic.map_err(|_| BlockError::Scale("extrinsic"))?);
                }
                // One of GRANDPA, from before there could be several.
                6 if block.justifications.is_empty() && !field.bytes()?.is_empty() => {
                    block.justifications.push((GRANDPA_ENGINE_ID, field.bytes()?.to_vec()));
                }
                8 => block.justifications = whole::<Justifications>("justification", field.bytes()?)?.0,
                _ => {}
            }
        }
        block.hash = hash.ok_or(ProtobufError::Missing { number: 1 })?;
        Ok(block)
    }
}

struct Justifications(Vec<(ConsensusEngineId, Vec<u8>)>);

impl Decode for Justifications {
    fn decode<I: parity_scale_codec::Input>(input: &mut I) -> Result<Self, parity_scale_codec::Error> {
        struct One((ConsensusEngineId, Vec<u8>));
        impl Decode for One {
            fn decode<I: parity_scale_codec::Input>(
                input: &mut I,
            ) -> Result<Self, parity_scale_codec::Error> {
                let engine = Decode::decode(input)?;
                // A block's worth: what is stored beside a block cannot be larger.
                let bytes = quire_core::codec::decode_bytes(input, limits::MAX_BLOCK_BYTES, "justification")?;
                Ok(Self((engine, bytes)))
            }
        }
        let list: Vec<One> = decode_vec(input, MAX_JUSTIFICATIONS, "justifications")?;
        Ok(Self(list.into_iter().map(|one| one.0).collect()))
    }
}

#[cfg(test)]
mod tests;
