//! `state/2`: the whole state after a block, in pieces.
//!
//! ```text
//! request   { block = 1, start = 2 …, no_proof = 3 }
//! response  { entries = 1 … { state_root = 1, entries = 2 … { key = 1, value = 2 }, complete = 3 }, proof = 2 }
//! ```
//!
//! Rules
//! - R1 An answer holds the keys strictly above the last `start`, in order, as many as fit; without a `start` it begins
//!   with the first key. More than one `start` names a place in a child trie.
//! - R2 With a proof the answer is the SCALE encoding of a compact proof (`quire_trie::compact`) and nothing else; without
//!   one it is pairs, and `complete` says that no key follows.
//! - R3 The state after a finished download is checked against the state root as a whole in both cases.

use parity_scale_codec::Encode;
use quire_core::H256;
use quire_core::limits::MAX_STORAGE_KEY_BYTES;

use super::light::{LightError, decode_items};
use super::protobuf::{ProtobufError, fields, put_bytes, put_varint};

/// Most bytes of a request: a hash and a place in a child trie.
pub const MAX_REQUEST_BYTES: usize = 16 * 1024;
/// Most keys that name a start.
pub const MAX_STARTS: usize = 2;
/// Most pairs in one answer.
pub const MAX_PAIRS: usize = 65_536;

/// Asks for a piece of the state after a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateRequest {
    /// The block.
    pub block: H256,
    /// The last key that is known already (R1).
    pub start: Vec<Vec<u8>>,
    /// Pairs are wanted instead of a proof.
    pub no_proof: bool,
}

/// A key with its value.
pub type Pair = (Vec<u8>, Vec<u8>);

/// Pairs of one trie.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StateEntries {
    /// Root of a child trie; empty for the state itself.
    pub root: Vec<u8>,
    /// The pairs in the order of keys.
    pub pairs: Vec<Pair>,
    /// No key of this trie follows.
    pub complete: bool,
}

/// A piece of the state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StateResponse {
    /// Without a proof.
    Pairs(Vec<StateEntries>),
    /// Items of a compact proof.
    Proof(Vec<Vec<u8>>),
}

/// Why bytes are no message of `state/2`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StateWireError {
    /// The envelope.
    #[error(transparent)]
    Protobuf(#[from] ProtobufError),
    /// The proof does not decode.
    #[error(transparent)]
    Proof(#[from] LightError),
    /// Longer than a request may be.
    #[error("a request of {bytes} bytes, at most {MAX_REQUEST_BYTES} are read")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// The block is no hash.
    #[error("the block is named by {bytes} bytes instead of 32")]
    Block {
        /// How many bytes.
        bytes: usize,
    },
    /// Too many starts, or too long ones.
    #[error("a start is named by at most {MAX_STARTS} keys of at most {MAX_STORAGE_KEY_BYTES} bytes")]
    Start,
    /// Too many pairs, or a key that is too long.
    #[error("an answer has at most {MAX_PAIRS} pairs with keys of at most {MAX_STORAGE_KEY_BYTES} bytes")]
    Pairs,
}

impl StateRequest {
    /// Reads a request.
    ///
    /// # Errors
    /// When the bytes are none.
    pub fn decode(bytes: &[u8]) -> Result<Self, StateWireError> {
        if bytes.len() > MAX_REQUEST_BYTES {
            return Err(StateWireError::TooLong { bytes: bytes.len() });
        }
        let (mut block, mut start, mut no_proof) = (None, Vec::new(), false);
        for field in fields(bytes) {
            let field = field?;
            match field.number {
                1 => block = Some(field.bytes()?),
                2 => {
                    let key = field.bytes()?;
                    if key.len() > MAX_STORAGE_KEY_BYTES as usize || start.len() == MAX_STARTS {
                        return Err(StateWireError::Start);
                    }
                    start.push(key.to_vec());
                }
                3 => no_proof = field.varint()? != 0,
                _ => {}
            }
        }
        let block = block.ok_or(ProtobufError::Missing { number: 1 })?;
        let block = block.try_into().map(H256).map_err(|_| StateWireError::Block { bytes: block.len() })?;
        Ok(Self { block, start, no_proof })
    }

    /// The bytes of the request.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_bytes(&mut out, 1, &self.block.0);
        self.start.iter().for_each(|key| put_bytes(&mut out, 2, key));
        if self.no_proof {
            put_varint(&mut out, 3, 1);
        }
        out
    }
}

impl StateResponse {
    /// Reads an answer.
    ///
    /// # Errors
    /// When the bytes are none.
    pub fn decode(bytes: &[u8]) -> Result<Self, StateWireError> {
        let (mut entries, mut proof, mut pairs_left) = (Vec::new(), None, MAX_PAIRS);
        for field in fields(bytes) {
            let field = field?;
            match field.number {
                1 => entries.push(decode_entries(field.bytes()?, &mut pairs_left)?),
                2 if !field.bytes()?.is_empty() => proof = Some(decode_items(field.bytes()?)?),
                _ => {}
            }
        }
        Ok(proof.map_or(Self::Pairs(entries), Self::Proof))
    }

    /// The bytes of the answer.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Self::Proof(items) => put_bytes(&mut out, 2, &items.encode()),
            Self::Pairs(tries) => tries.iter().for_each(|one| put_bytes(&mut out, 1, &encode_entries(one))),
        }
        out
    }
}

fn encode_entries(entries: &StateEntries) -> Vec<u8> {
    let mut out = Vec::new();
    if !entries.root.is_empty() {
        put_bytes(&mut out, 1, &entries.root);
    }
    for (key, value) in &entries.pairs {
        let mut pair = Vec::with_capacity(key.len() + value.len() + 12);
        put_bytes(&mut pair, 1, key);
        put_bytes(&mut pair, 2, value);
        put_bytes(&mut out, 2, &pair);
    }
    if entries.complete {
        put_varint(&mut out, 3, 1);
    }
    out
}

fn decode_entries(message: &[u8], pairs_left: &mut usize) -> Result<StateEntries, StateWireError> {
    let mut entries = StateEntries::default();
    for field in fields(message) {
        let field = field?;
        match field.number {
            1 => entries.root = field.bytes()?.to_vec(),
            2 => {
                *pairs_left = pairs_left.checked_sub(1).ok_or(StateWireError::Pairs)?;
                entries.pairs.push(decode_pair(field.bytes()?)?);
            }
            3 => entries.complete = field.varint()? != 0,
            _ => {}
        }
    }
    Ok(entries)
}

fn decode_pair(message: &[u8]) -> Result<Pair, StateWireError> {
    let (mut key, mut value): (&[u8], &[u8]) = (&[], &[]);
    for field in fields(message) {
        let field = field?;
        match field.number {
            1 => key = field.bytes()?,
            2 => value = field.bytes()?,
            _ => {}
        }
    }
    if key.len() > MAX_STORAGE_KEY_BYTES as usize {
        return Err(StateWireError::Pairs);
    }
    Ok((key.to_vec(), value.to_vec()))
}

#[cfg(test)]
mod tests;
