//! A notification of `block-announces/1`: the header, `u8` whether it is the announcer's best block, and data that
//! Substrate leaves to the chain (`Vec<u8>`; empty here).
//!
//! Rules:
//! * R1 Nothing follows the data, and the flag is 0 or 1: an announce has one encoding.
//! * R2 At most [`MAX_DATA_BYTES`] of data.

use parity_scale_codec::{Decode, Encode, Error, Input};
use quire_core::Header;
use quire_core::codec::decode_bytes;

/// Most bytes of data.
pub const MAX_DATA_BYTES: u32 = 1_024;

/// A block that a peer has.
#[derive(Clone, Debug, PartialEq, Eq, Encode)]
pub struct BlockAnnounce {
    /// Its header, seal included.
    pub header: Header,
    /// Whether it is the best block that the peer knows.
    pub is_best: bool,
    /// Empty, unless another implementation has a use for it.
    pub data: Vec<u8>,
}

impl Decode for BlockAnnounce {
    fn decode<I: Input>(input: &mut I) -> Result<Self, Error> {
        Ok(Self {
            header: Header::decode(input)?,
            is_best: bool::decode(input)?,
            data: decode_bytes(input, MAX_DATA_BYTES, "BlockAnnounce.data")?,
        })
    }
}

impl BlockAnnounce {
    /// Reads a notification.
    ///
    /// # Errors
    /// When the bytes are no announce (R1, R2).
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let mut input = bytes;
        let announce = Self::decode(&mut input)?;
        if input.is_empty() { Ok(announce) } else { Err("bytes left after the announce".into()) }
    }
}

#[cfg(test)]
mod tests;
