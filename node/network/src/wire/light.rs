//! `light/2`: what a light client asks about a state, and the proofs that answer it.
//!
//! ```text
//! request   call = 1 { block = 2, method = 3, data = 4 }
//!         | read = 2 { block = 2, keys = 3 … }
//!         | read_child = 4 { block = 2, storage_key = 3, keys = 6 … }
//! response  call = 1 { proof = 2 } | read = 2 { proof = 2 }
//! ```
//!
//! Rules
//! - R1 A proof is the SCALE encoding of its items (`Vec<Vec<u8>>`), never the compact form.
//! - R2 A message without the proof means that the state or the answer cannot be had here; reads of child tries are
//!   answered as reads.
//! - R3 Keys, name and arguments have limits; a request beyond them is no request.

use parity_scale_codec::Encode;
use quire_core::H256;
use quire_core::codec::decode_vec;
use quire_core::limits::{MAX_PROOF_ITEMS, MAX_STORAGE_KEY_BYTES};

use super::protobuf::{ProtobufError, fields, put_bytes};

/// Most bytes of a request.
pub const MAX_REQUEST_BYTES: usize = 1024 * 1024;
/// Most keys in one request.
pub const MAX_KEYS: usize = 1_024;
/// Longest name of a runtime's entry point.
pub const MAX_METHOD_BYTES: usize = 128;

/// A question about the state after a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LightRequest {
    /// Call an entry point of the runtime.
    Call {
        /// The block.
        block: H256,
        /// The entry point.
        method: String,
        /// Its SCALE-encoded arguments.
        data: Vec<u8>,
    },
    /// Read values.
    Read {
        /// The block.
        block: H256,
        /// The keys, as asked.
        keys: Vec<Vec<u8>>,
    },
    /// Read values of a child trie.
    ReadChild {
        /// The block.
        block: H256,
        /// Key of the child trie in the state: `:child_storage:default:` and its name.
        child: Vec<u8>,
        /// The keys in it, as asked.
        keys: Vec<Vec<u8>>,
    },
}

/// Items of a proof, if there is one.
pub type Proof = Option<Vec<Vec<u8>>>;

/// The answer to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LightResponse {
    /// To a call.
    Call(Proof),
    /// To a read, of a child trie too.
    Read(Proof),
}

/// Why bytes are no message of `light/2`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LightError {
    /// The envelope.
    #[error(transparent)]
    Protobuf(#[from] ProtobufError),
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
    /// A key, or too many of them.
    #[error("a key has at most {MAX_STORAGE_KEY_BYTES} bytes and a request at most {MAX_KEYS} keys")]
    Keys,
    /// The name of the entry point.
    #[error("an entry point has a name of at most {MAX_METHOD_BYTES} bytes of ASCII")]
    Method,
    /// None of the questions above.
    #[error("the message asks or answers nothing")]
    Empty,
    /// The proof does not decode.
    #[error("the proof is no list of items: {reason}")]
    Proof {
        /// Why not.
        reason: String,
    },
}

const CALL: u64 = 1;
const READ: u64 = 2;
const READ_CHILD: u64 = 4;
const PROOF: u64 = 2;

/// What the three questions have in common, read.
#[derive(Default)]
struct Parts<'a> {
    block: Option<&'a [u8]>,
    name: &'a [u8],
    data: &'a [u8],
    keys: Vec<Vec<u8>>,
}

fn parts(message: &[u8], keys_field: u64) -> Result<Parts<'_>, LightError> {
    let mut parts = Parts::default();
    for field in fields(message) {
        let field = field?;
        match field.number {
            2 => parts.block = Some(field.bytes()?),
            number if number == keys_field => {
                let key = field.bytes()?;
                if key.len() > MAX_STORAGE_KEY_BYTES as usize || parts.keys.len() == MAX_KEYS {
                    return Err(LightError::Keys);
                }
                parts.keys.push(key.to_vec());
            }
            3 => parts.name = field.bytes()?,
            4 => parts.data = field.bytes()?,
            _ => {}
        }
    }
    Ok(parts)
}

impl Parts<'_> {
    fn block(&self) -> Result<H256, LightError> {
        let block = self.block.ok_or(ProtobufError::Missing { number: 2 })?;
        block.try_into().map(H256).map_err(|_| LightError::Block { bytes: block.len() })
    }
}

impl LightRequest {
    /// The block whose state is asked about.
    #[must_use]
    pub fn block(&self) -> H256 {
        match self {
            Self::Call { block, .. } | Self::Read { block, .. } | Self::ReadChild { block, .. } => *block,
        }
    }

    /// Reads a request.
    ///
    /// # Errors
    /// When the bytes are none (R3).
    pub fn decode(bytes: &[u8]) -> Result<Self, LightError> {
        if bytes.len() > MAX_REQUEST_BYTES {
            return Err(LightError::TooLong { bytes: bytes.len() });
        }
        let mut found = None;
        for field in fields(bytes) {
            let field = field?;
            match field.number {
                CALL => found = Some(Self::decode_call(field.bytes()?)?),
                READ => {
                    let parts = parts(field.bytes()?, 3)?;
                    found = Some(Self::Read { block: parts.block()?, keys: parts.keys });
                }
                READ_CHILD => {
                    let parts = parts(field.bytes()?, 6)?;
                    if parts.name.len() > MAX_STORAGE_KEY_BYTES as usize {
                        return Err(LightError::Keys);
                    }
                    let (block, child) = (parts.block()?, parts.name.to_vec());
                    found = Some(Self::ReadChild { block, child, keys: parts.keys });
                }
                _ => {}
            }
        }
        found.ok_or(LightError::Empty)
    }

    fn decode_call(message: &[u8]) -> Result<Self, LightError> {
        // No list in a call: a field number that cannot be.
        let parts = parts(message, 0)?;
        if parts.name.len() > MAX_METHOD_BYTES || !parts.name.is_ascii() {
            return Err(LightError::Method);
        }
        let method = String::from_utf8(parts.name.to_vec()).map_err(|_| LightError::Method)?;
        Ok(Self::Call { block: parts.block()?, method, data: parts.data.to_vec() })
    }

    /// The bytes of the request.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut inner = Vec::new();
        put_bytes(&mut inner, 2, &self.block().0);
        let number = match self {
            Self::Call { method, data, .. } => {
                put_bytes(&mut inner, 3, method.as_bytes());
                put_bytes(&mut inner, 4, data);
                CALL
            }
            Self::Read { keys, .. } => {
                keys.iter().for_each(|key| put_bytes(&mut inner, 3, key));
                READ
            }
            Self::ReadChild { child, keys, .. } => {
                put_bytes(&mut inner, 3, child);
                keys.iter().for_each(|key| put_bytes(&mut inner, 6, key));
                READ_CHILD
            }
        };
        let mut out = Vec::with_capacity(inner.len() + 8);
        put_bytes(&mut out, number, &inner);
        out
    }
}

impl LightResponse {
    /// Reads an answer.
    ///
    /// # Errors
    /// When the bytes are none.
    pub fn decode(bytes: &[u8]) -> Result<Self, LightError> {
        let mut found = None;
        for field in fields(bytes) {
            let field = field?;
            match field.number {
                CALL => found = Some(Self::Call(decode_proof(field.bytes()?)?)),
                READ => found = Some(Self::Read(decode_proof(field.bytes()?)?)),
                _ => {}
            }
        }
        found.ok_or(LightError::Empty)
    }

    /// The bytes of the answer.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let (number, proof) = match self {
            Self::Call(proof) => (CALL, proof),
            Self::Read(proof) => (READ, proof),
        };
        let mut inner = Vec::new();
        if let Some(proof) = proof {
            put_bytes(&mut inner, PROOF, &proof.encode());
        }
        let mut out = Vec::with_capacity(inner.len() + 8);
        put_bytes(&mut out, number, &inner);
        out
    }
}

fn decode_proof(message: &[u8]) -> Result<Proof, LightError> {
    let mut proof = None;
    for field in fields(message) {
        let field = field?;
        if field.number == PROOF {
            proof = Some(decode_items(field.bytes()?)?);
        }
    }
    Ok(proof)
}

/// A SCALE-encoded `Vec<Vec<u8>>` that ends with its bytes.
pub(super) fn decode_items(bytes: &[u8]) -> Result<Vec<Vec<u8>>, LightError> {
    let input = &mut &bytes[..];
    let wrong = |reason: String| LightError::Proof { reason };
    let items = decode_vec::<Vec<u8>, _>(input, MAX_PROOF_ITEMS, "proof");
    let items = items.map_err(|error| wrong(error.to_string()))?;
    if input.is_empty() { Ok(items) } else { Err(wrong(format!("{} bytes are left", input.len()))) }
}

#[cfg(test)]
mod tests;
