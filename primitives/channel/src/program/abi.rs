//! The bytes that a channel program and its host exchange. All integers little-endian, no padding.
//!
//! **Exports** (signatures are checked at registration):
//!
//! | export | type | meaning |
//! |---|---|---|
//! | `memory` | memory with a maximum | |
//! | `quire_alloc` | `(len: i32) -> i32` | a place for `len` bytes of input |
//! | `quire_init` | `(ptr: i32, len: i32)` | the context; called once per instance, before anything else |
//! | `quire_stages` | `() -> i32` | number of stages, 1..=[`crate::limits::MAX_STAGES`] |
//! | `quire_map` | `(stage: i32, ptr: i32, len: i32) -> i64` | items → pairs |
//! | `quire_reduce` | `(stage: i32, ptr: i32, len: i32) -> i64` | groups → emits |
//!
//! R1 A result is `len << 32 | ptr`: where the returned bytes lie. At most [`crate::limits::MAX_CALL_OUTPUT_BYTES`].
//! R2 A call to `quire_alloc` ends the life of everything allocated or returned before, so a bump allocator may start over.
//! R3 For each stage and vBucket there is one fresh instance: `quire_init`, all map calls in order, then all reduce
//!    calls in order. Only a failure puts another fresh instance in its place. What an instance remembers between calls is the
//!    program's business: it is the same everywhere.
//! R4 Items of a map call are consecutive in the order of the vBucket: messages by (key, time, id), pairs by (key, then
//!    the order of their emission). A call takes as many as fit into [`crate::limits::MAP_BATCH_ITEMS`] and
//!    [`crate::limits::CALL_INPUT_BYTES`], at least one; likewise groups of a reduce call, in order of their keys.
//! R5 Pairs of a map call are grouped by key inside the vBucket that emitted them, values in order of emission. Pairs of a
//!    reduce call go to the next stage, to the vBucket of their key.
//! R6 In the last stage a pair is an error. Bytes that break a layout or a limit are treated like a trap.
//!
//! **Context**: `channel u64, block u32, participants u8, role u8 each, length u32, parameters`.
//!
//! **Map input, stage 0**: `count u32`, then per message
//! `sender u8, role u8, kind u16, key_len u16, body_len u32, seq u64, time_ms u64, key, body` ([`MESSAGE_HEAD_BYTES`]).
//!
//! **Pairs** (map output; map input of later stages): `count u32`, then per pair
//! `key_len u16, value_len u32, key, value` ([`PAIR_HEAD_BYTES`]).
//!
//! **Groups** (reduce input): `count u32`, then per group `key_len u16, values u32, key`, then per value
//! `value_len u32, value`.
//!
//! **Emits** (reduce output): `count u32`, then per emit `tag u8` and
//!
//! | tag | fields |
//! |---|---|
//! | 0 pair | `key_len u16, value_len u32, key, value` |
//! | 1 transfer | `from u8, to u8, amount u128` |
//! | 2 fee | `from u8, amount u128` |
//! | 3 report | `key_len u16, value u128, key` |
//! | 4 notice | `node u8, kind u16, data_len u16, data` |

use crate::channel::Participant;
use crate::limits::{MAX_NOTICE_BYTES, MAX_PAIR_KEY_BYTES, MAX_PAIR_VALUE_BYTES, MAX_REPORT_KEY_BYTES};
use crate::message::MessageRef;
use crate::reader::{ReadError, Reader};
use crate::result::Output;
use alloc::vec::Vec;

/// Bytes in front of key and body of a message in a map call.
pub const MESSAGE_HEAD_BYTES: usize = 26;
/// Bytes in front of key and value of a pair.
pub const PAIR_HEAD_BYTES: usize = 6;
/// Bytes in front of the key of a group.
pub const GROUP_HEAD_BYTES: usize = 6;
/// Bytes in front of a value of a group.
pub const VALUE_HEAD_BYTES: usize = 4;
/// Names of the functions, as exported.
pub mod export {
    /// Linear memory.
    pub const MEMORY: &str = "memory";
    /// See [`super`].
    pub const ALLOC: &str = "quire_alloc";
    /// See [`super`].
    pub const INIT: &str = "quire_init";
    /// See [`super`].
    pub const STAGES: &str = "quire_stages";
    /// See [`super`].
    pub const MAP: &str = "quire_map";
    /// See [`super`].
    pub const REDUCE: &str = "quire_reduce";
}

/// What a program knows before it sees a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Context {
    /// Channel id.
    pub channel: u64,
    /// Channel block.
    pub block: u32,
    /// Role of each participant, by index.
    pub roles: Vec<u8>,
    /// Parameters of the era.
    pub parameters: Vec<u8>,
}

impl Context {
    /// The context of a block.
    pub fn new(channel: u64, block: u32, participants: &[Participant], parameters: &[u8]) -> Self {
        let roles = participants.iter().map(|participant| participant.role).collect();
        Self { channel, block, roles, parameters: parameters.to_vec() }
    }

    /// Number of participants; indices at or above it mean nobody.
    pub fn participants(&self) -> u8 {
        u8::try_from(self.roles.len()).unwrap_or(u8::MAX)
    }

    /// The role of a participant; 255 for an index out of range (a merged message never has one).
    pub fn role(&self, participant: u8) -> u8 {
        self.roles.get(usize::from(participant)).copied().unwrap_or(u8::MAX)
    }

    /// The bytes for `quire_init`.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(17 + self.roles.len() + self.parameters.len());
        bytes.extend_from_slice(&self.channel.to_le_bytes());
        bytes.extend_from_slice(&self.block.to_le_bytes());
        bytes.push(self.participants());
        bytes.extend(self.roles.iter().take(usize::from(self.participants())));
        bytes.extend_from_slice(&(self.parameters.len() as u32).to_le_bytes());
        bytes.extend_from_slice(&self.parameters);
        bytes
    }
}

/// A packed result (R1) as (pointer, length).
pub const fn unpack(packed: i64) -> (u32, u32) {
    (packed as u32, (packed >> 32) as u32)
}

/// Packs a result (R1).
pub const fn pack(ptr: u32, len: u32) -> i64 {
    ((len as i64) << 32) | ptr as i64
}

/// Why returned bytes are not what they should be (R6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AbiError {
    /// The bytes end early.
    #[error("the program returned bytes that end inside a field")]
    Short,
    /// Bytes follow the last item.
    #[error("the program returned {len} bytes after the last item")]
    Trailing {
        /// Bytes left over.
        len: usize,
    },
    /// A field above its limit.
    #[error("the program returned a field of {len} bytes, the limit is {limit}")]
    TooLong {
        /// Bytes.
        len: usize,
        /// Limit, bytes.
        limit: usize,
    },
    /// A tag that no emit has.
    #[error("the program returned an emit with the unknown tag {tag}")]
    Tag {
        /// The tag.
        tag: u8,
    },
}

impl From<ReadError> for AbiError {
    fn from(_: ReadError) -> Self {
        Self::Short
    }
}

/// Begins a list: the count goes in front, [`end_list`] writes it.
pub fn begin_list(bytes: &mut Vec<u8>) {
    bytes.clear();
    bytes.extend_from_slice(&[0; 4]);
}

/// Ends a list of `count` items.
pub fn end_list(bytes: &mut [u8], count: u32) {
    if let Some(place) = bytes.first_chunk_mut() {
        *place = count.to_le_bytes();
    }
}

/// Appends a message of a map call in stage 0.
#[inline]
pub fn push_message(bytes: &mut Vec<u8>, message: &MessageRef<'_>, role: u8) {
    let [k0, k1] = message.kind.to_le_bytes();
    let [l0, l1, ..] = (message.key.len() as u32).to_le_bytes();
    let [b0, b1, b2, b3] = (message.body.len() as u32).to_le_bytes();
    bytes.extend_from_slice(&[message.sender, role, k0, k1, l0, l1, b0, b1, b2, b3]);
    bytes.extend_from_slice(&message.seq.to_le_bytes());
    bytes.extend_from_slice(&message.time_ms.to_le_bytes());
    bytes.extend_from_slice(message.key);
    bytes.extend_from_slice(message.body);
}

/// Appends a pair of a map call in a later stage. Lengths must be within the limits (they were when it was emitted).
#[inline]
pub fn push_pair(bytes: &mut Vec<u8>, key: &[u8], value: &[u8]) {
    bytes.extend_from_slice(&(key.len() as u16).to_le_bytes());
    bytes.extend_from_slice(&(value.len() as u32).to_le_bytes());
    bytes.extend_from_slice(key);
    bytes.extend_from_slice(value);
}

/// Appends the head of a group; its values follow.
#[inline]
pub fn push_group(bytes: &mut Vec<u8>, key: &[u8], values: u32) {
    bytes.extend_from_slice(&(key.len() as u16).to_le_bytes());
    bytes.extend_from_slice(&values.to_le_bytes());
    bytes.extend_from_slice(key);
}

/// Appends a value of the group begun last.
#[inline]
pub fn push_value(bytes: &mut Vec<u8>, value: &[u8]) {
    bytes.extend_from_slice(&(value.len() as u32).to_le_bytes());
    bytes.extend_from_slice(value);
}

/// A pair inside bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PairRef<'a> {
    /// At most [`MAX_PAIR_KEY_BYTES`].
    pub key: &'a [u8],
    /// At most [`MAX_PAIR_VALUE_BYTES`].
    pub value: &'a [u8],
}

/// One emit of a reduce call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EmitRef<'a> {
    /// For the next stage.
    Pair(PairRef<'a>),
    /// For the result; participant indices are not checked here ([`crate::result::check_output`]).
    Output(Output),
}

fn bounded<'a>(reader: &mut Reader<'a>, len: usize, limit: usize) -> Result<&'a [u8], AbiError> {
    if len > limit { Err(AbiError::TooLong { len, limit }) } else { Ok(reader.take(len)?) }
}

#[inline]
fn read_pair<'a>(reader: &mut Reader<'a>) -> Result<PairRef<'a>, AbiError> {
    let key_len = usize::from(reader.u16()?);
    let value_len = reader.u32()? as usize;
    let key = bounded(reader, key_len, MAX_PAIR_KEY_BYTES)?;
    let value = bounded(reader, value_len, MAX_PAIR_VALUE_BYTES)?;
    Ok(PairRef { key, value })
}

fn read_emit<'a>(reader: &mut Reader<'a>) -> Result<EmitRef<'a>, AbiError> {
    let output = match reader.u8()? {
        0 => return Ok(EmitRef::Pair(read_pair(reader)?)),
        1 => Output::Transfer { from: reader.u8()?, to: reader.u8()?, amount: reader.u128()? },
        2 => Output::Fee { from: reader.u8()?, amount: reader.u128()? },
        3 => {
            let key_len = usize::from(reader.u16()?);
            let value = reader.u128()?;
            Output::Report { key: bounded(reader, key_len, MAX_REPORT_KEY_BYTES as usize)?.to_vec(), value }
        }
        4 => {
            let (node, kind) = (reader.u8()?, reader.u16()?);
            let len = usize::from(reader.u16()?);
            Output::Notice { node, kind, data: bounded(reader, len, MAX_NOTICE_BYTES as usize)?.to_vec() }
        }
        tag => return Err(AbiError::Tag { tag }),
    };
    Ok(EmitRef::Output(output))
}

/// Calls `each` for every pair of a map result; an error leaves what was handed out before it, so callers discard it.
pub fn read_pairs<'a>(bytes: &'a [u8], mut each: impl FnMut(PairRef<'a>)) -> Result<u32, AbiError> {
    let mut reader = Reader::new(bytes);
    let count = reader.u32()?;
    for _ in 0..count {
        each(read_pair(&mut reader)?);
    }
    end(&reader, count)
}

/// Calls `each` for every emit of a reduce result; see [`read_pairs`] about errors.
pub fn read_emits<'a>(bytes: &'a [u8], mut each: impl FnMut(EmitRef<'a>)) -> Result<u32, AbiError> {
    let mut reader = Reader::new(bytes);
    let count = reader.u32()?;
    for _ in 0..count {
        each(read_emit(&mut reader)?);
    }
    end(&reader, count)
}

fn end(reader: &Reader<'_>, count: u32) -> Result<u32, AbiError> {
    if reader.is_empty() { Ok(count) } else { Err(AbiError::Trailing { len: reader.rest().len() }) }
}

/// Data of a host notice about one unit of work: stage, phase (0 map, 1 reduce), then the message id (map in stage 0) or
/// the key.
pub fn failure_data(stage: u8, phase: u8, name: &[u8]) -> Vec<u8> {
    let mut data = alloc::vec![stage, phase];
    data.extend(name.iter().take(MAX_NOTICE_BYTES as usize - 2));
    data
}

#[cfg(test)]
mod tests;
