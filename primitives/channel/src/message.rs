//! The signed application record of a channel, owned and borrowed.
//!
//! R1 The id of a message is the blake2-256 of its SCALE encoding.
//! R2 A key has at most [`MAX_MESSAGE_KEY_BYTES`], a body at most [`MAX_MESSAGE_BODY_BYTES`].
//! R3 Only the canonical encoding (shortest length prefixes) is a message, so bytes, value and id determine each other.
//!
//! [`MessageRef`] reads without copying: hot paths walk millions of messages in flat arenas.

use crate::limits::{MAX_MESSAGE_BODY_BYTES, MAX_MESSAGE_KEY_BYTES};
use crate::reader::{ReadError, Reader};
use alloc::vec::Vec;
use parity_scale_codec::{Decode, Encode, Error as CodecError, Input};
use quire_core::H256;
use quire_core::hash::blake2_256;
use scale_info::TypeInfo;

/// Bytes before the key's length prefix.
const FIXED_BYTES: usize = 8 + 4 + 1 + 8 + 8 + 2;

/// A record inside one channel block. Messages to be processed together share `key`.
#[derive(Clone, Debug, PartialEq, Eq, Encode, TypeInfo)]
pub struct Message {
    /// Channel id.
    pub channel: u64,
    /// Number of the channel block, chosen by the application when the event began.
    pub block: u32,
    /// Index of the sending participant.
    pub sender: u8,
    /// Counts the sender's messages in this channel; two ids with one (sender, seq) are equivocation.
    pub seq: u64,
    /// Time of the event, milliseconds since 1970; information only, it closes no block.
    pub time_ms: u64,
    /// Meaning of the body, defined by the program.
    pub kind: u16,
    /// What groups messages: impression id, chunk id.
    pub key: Vec<u8>,
    /// The program's business.
    pub body: Vec<u8>,
}

impl Message {
    /// R1.
    pub fn id(&self) -> H256 {
        H256(blake2_256(&self.encode()))
    }

    /// R2, for messages that were not decoded.
    pub fn check(&self) -> Result<(), MessageError> {
        check_lengths(self.key.len(), self.body.len())
    }
}

impl Decode for Message {
    fn decode<I: Input>(input: &mut I) -> Result<Self, CodecError> {
        Ok(Self {
            channel: u64::decode(input)?,
            block: u32::decode(input)?,
            sender: u8::decode(input)?,
            seq: u64::decode(input)?,
            time_ms: u64::decode(input)?,
            kind: u16::decode(input)?,
            key: decode_bounded(input, MAX_MESSAGE_KEY_BYTES as usize)?,
            body: decode_bounded(input, MAX_MESSAGE_BODY_BYTES as usize)?,
        })
    }
}

/// A byte vector of at most `limit` bytes; nothing is allocated for a longer one.
pub(crate) fn decode_bounded<I: Input>(input: &mut I, limit: usize) -> Result<Vec<u8>, CodecError> {
    let len = parity_scale_codec::Compact::<u32>::decode(input)?.0 as usize;
    if len > limit {
        return Err("byte field longer than its limit".into());
    }
    let mut bytes = alloc::vec![0; len];
    input.read(&mut bytes)?;
    Ok(bytes)
}

/// Why bytes are no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// The bytes end inside a field.
    #[error("message ends early: {len} bytes are too few for its fields; send the whole record")]
    Short {
        /// Bytes present.
        len: usize,
    },
    /// A length prefix is not in its shortest form.
    #[error("message has a length prefix that is not in its shortest form; encode it canonically")]
    NotCanonical,
    /// R2.
    #[error("message key has {len} bytes, the limit is {MAX_MESSAGE_KEY_BYTES}; shorten the key")]
    KeyTooLong {
        /// Bytes of the key.
        len: usize,
    },
    /// R2.
    #[error("message body has {len} bytes, the limit is {MAX_MESSAGE_BODY_BYTES}; split the record")]
    BodyTooLong {
        /// Bytes of the body.
        len: usize,
    },
    /// Bytes follow the message.
    #[error("{len} bytes follow the message; send one message per record")]
    Trailing {
        /// Bytes left over.
        len: usize,
    },
}

fn check_lengths(key: usize, body: usize) -> Result<(), MessageError> {
    if key > MAX_MESSAGE_KEY_BYTES as usize {
        return Err(MessageError::KeyTooLong { len: key });
    }
    if body > MAX_MESSAGE_BODY_BYTES as usize {
        return Err(MessageError::BodyTooLong { len: body });
    }
    Ok(())
}

/// A message inside bytes that somebody else holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageRef<'a> {
    /// See [`Message::channel`].
    pub channel: u64,
    /// See [`Message::block`].
    pub block: u32,
    /// See [`Message::sender`].
    pub sender: u8,
    /// See [`Message::seq`].
    pub seq: u64,
    /// See [`Message::time_ms`].
    pub time_ms: u64,
    /// See [`Message::kind`].
    pub kind: u16,
    /// See [`Message::key`].
    pub key: &'a [u8],
    /// See [`Message::body`].
    pub body: &'a [u8],
    /// The whole encoding.
    pub bytes: &'a [u8],
}

impl<'a> MessageRef<'a> {
    /// Reads the message at the front of `bytes`; gives what follows it too.
    #[inline]
    pub fn read(bytes: &'a [u8]) -> Result<(Self, &'a [u8]), MessageError> {
        let fail = |error| match error {
            ReadError::Short => MessageError::Short { len: bytes.len() },
            ReadError::Compact => MessageError::NotCanonical,
        };
        let mut reader = Reader::new(bytes);
        let fixed: [u8; FIXED_BYTES] = reader.array().map_err(fail)?;
        let key_len = reader.compact().map_err(fail)? as usize;
        check_lengths(key_len, 0)?;
        let key = reader.take(key_len).map_err(fail)?;
        let body_len = reader.compact().map_err(fail)? as usize;
        check_lengths(key_len, body_len)?;
        let body = reader.take(body_len).map_err(fail)?;
        let rest = reader.rest();
        let [c0, c1, c2, c3, c4, c5, c6, c7, b0, b1, b2, b3, sender, tail @ ..] = fixed;
        let [s0, s1, s2, s3, s4, s5, s6, s7, t0, t1, t2, t3, t4, t5, t6, t7, k0, k1] = tail;
        let message = Self {
            channel: u64::from_le_bytes([c0, c1, c2, c3, c4, c5, c6, c7]),
            block: u32::from_le_bytes([b0, b1, b2, b3]),
            sender,
            seq: u64::from_le_bytes([s0, s1, s2, s3, s4, s5, s6, s7]),
            time_ms: u64::from_le_bytes([t0, t1, t2, t3, t4, t5, t6, t7]),
            kind: u16::from_le_bytes([k0, k1]),
            key,
            body,
            bytes: bytes.get(..bytes.len() - rest.len()).unwrap_or(bytes),
        };
        Ok((message, rest))
    }

    /// Reads bytes that are one message and nothing else.
    pub fn read_exact(bytes: &'a [u8]) -> Result<Self, MessageError> {
        let (message, rest) = Self::read(bytes)?;
        if rest.is_empty() { Ok(message) } else { Err(MessageError::Trailing { len: rest.len() }) }
    }

    /// R1.
    #[inline]
    pub fn id(&self) -> H256 {
        H256(blake2_256(self.bytes))
    }

    /// The owned message.
    pub fn to_message(&self) -> Message {
        Message {
            channel: self.channel,
            block: self.block,
            sender: self.sender,
            seq: self.seq,
            time_ms: self.time_ms,
            kind: self.kind,
            key: self.key.to_vec(),
            body: self.body.to_vec(),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
