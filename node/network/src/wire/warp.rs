//! `sync/warp`: a proof of finality from an old block to the newest one, over every change of the voters between.
//!
//! ```text
//! request   32 bytes of hash
//! response  Vec<(Header, GrandpaJustification)> ++ is_finished u8
//! ```
//!
//! Rules
//! - R1 Header and justification of a fragment stand side by side, without a length.
//! - R2 At most [`MAX_FRAGMENTS`] fragments and [`MAX_RESPONSE_BYTES`] are read; a server cuts at [`ANSWER_BYTES`] and
//!   says that it is not finished.
//!
//! Out of scope: whether the proof proves anything (`quire_chain::warp`).

use parity_scale_codec::{Decode, Encode, Error, Input};
use quire_core::codec::decode_vec;
use quire_core::{GrandpaJustification, H256, Header};

/// Most fragments in one answer: the smallest possible ones fill its bytes.
pub const MAX_FRAGMENTS: u32 = 32_768;
/// Most bytes that are read.
pub const MAX_RESPONSE_BYTES: usize = 16 * 1024 * 1024;
/// Most bytes that are written; Substrate cuts there too.
pub const ANSWER_BYTES: usize = 8 * 1024 * 1024;

/// One step: a block and the proof that it is final.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Fragment {
    /// Header of the block.
    pub header: Header,
    /// Proof by the voters of its parent's state.
    pub justification: GrandpaJustification,
}

/// The answer to a request.
#[derive(Clone, Debug, PartialEq, Eq, Encode)]
pub struct WarpProof {
    /// The steps, ascending.
    pub fragments: Vec<Fragment>,
    /// The last step is the newest final block that the sender can prove.
    pub is_finished: bool,
}

impl Decode for WarpProof {
    fn decode<I: Input>(input: &mut I) -> Result<Self, Error> {
        let fragments = decode_vec(input, MAX_FRAGMENTS, "WarpProof.fragments")?;
        Ok(Self { fragments, is_finished: bool::decode(input)? })
    }
}

/// Why bytes are no message of `sync/warp`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WarpWireError {
    /// A request is a hash.
    #[error("a request of {bytes} bytes instead of a hash of 32")]
    Request {
        /// Its length.
        bytes: usize,
    },
    /// Longer than an answer may be.
    #[error("a proof of {bytes} bytes, at most {MAX_RESPONSE_BYTES} are read")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// The answer does not decode.
    #[error("the proof does not decode: {reason}")]
    Scale {
        /// Why not.
        reason: String,
    },
    /// Bytes are left over.
    #[error("{bytes} bytes follow the proof")]
    Long {
        /// How many.
        bytes: usize,
    },
}

/// Reads a request: the block that the sender knows to be final.
///
/// # Errors
/// When it is no hash.
pub fn decode_request(bytes: &[u8]) -> Result<H256, WarpWireError> {
    bytes.try_into().map(H256).map_err(|_| WarpWireError::Request { bytes: bytes.len() })
}

impl WarpProof {
    /// Reads an answer.
    ///
    /// # Errors
    /// When the bytes are none (R2).
    pub fn decode_response(bytes: &[u8]) -> Result<Self, WarpWireError> {
        if bytes.len() > MAX_RESPONSE_BYTES {
            return Err(WarpWireError::TooLong { bytes: bytes.len() });
        }
        let input = &mut &bytes[..];
        let proof =
            Self::decode(input).map_err(|error| WarpWireError::Scale { reason: error.to_string() })?;
        if input.is_empty() { Ok(proof) } else { Err(WarpWireError::Long { bytes: input.len() }) }
    }
}

#[cfg(test)]
mod tests;
