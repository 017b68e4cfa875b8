//! `quire/chunks/1`: off-chain chunks by content address.
//!
//! Format: the request is one byte for the number of addresses, then 36 bytes each (CIDv1, sha2-256). The answer has
//! for each address, in order, one byte (1 here, 0 not here) and, if it is here, its length as u32 little-endian and its bytes.
//!
//! Rules:
//! * R1 At least one and at most [`REQUEST_CHUNKS_MAX`] addresses, of our two codecs; nothing follows them.
//! * R2 An answer has as many entries as it has, at most [`REQUEST_CHUNKS_MAX`], each chunk at most
//!   [`MAX_CHUNK_BYTES`]; whether they are the addressed ones is the reader's business.
//! * R3 Nothing is allocated by a length that was read.

use quire_core::limits::MAX_CHUNK_BYTES;
use quire_offchain::cid::{CID_BYTES, ChunkId};
use quire_offchain::exchange::message::{REQUEST_CHUNKS_MAX, RESPONSE_BYTES_MAX};
use quire_offchain::exchange::{ChunkRequest, ChunkResponse};

const ABSENT: u8 = 0;
const PRESENT: u8 = 1;

/// Why bytes are no request or no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChunksError {
    /// R1, R2.
    #[error("it names {0} chunks, more or fewer than it may")]
    Count(usize),
    /// R1.
    #[error("an address is none of ours")]
    Address,
    /// R2.
    #[error("a chunk of {0} bytes is over the limit")]
    TooLong(u32),
    /// It ends early, or something follows it.
    #[error("its length is not what its parts say")]
    Length,
    /// R2.
    #[error("{0} is no mark of a chunk")]
    Mark(u8),
}

/// The bytes of a request.
pub fn encode_request(request: &ChunkRequest) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(1 + request.ids.len() * CID_BYTES);
    bytes.push(u8::try_from(request.ids.len()).unwrap_or(u8::MAX));
    request.ids.iter().for_each(|id| bytes.extend_from_slice(&id.to_bytes()));
    bytes
}

/// Reads a request.
pub fn decode_request(bytes: &[u8]) -> Result<ChunkRequest, ChunksError> {
    let (count, rest) = bytes.split_first().ok_or(ChunksError::Length)?;
    let count = usize::from(*count);
    if !(1..=REQUEST_CHUNKS_MAX).contains(&count) {
        return Err(ChunksError::Count(count));
    }
    if rest.len() != count * CID_BYTES {
        return Err(ChunksError::Length);
    }
    let ids = rest.chunks(CID_BYTES).map(ChunkId::from_bytes).collect::<Result<Vec<_>, _>>();
    Ok(ChunkRequest { ids: ids.map_err(|_| ChunksError::Address)? })
}

/// The bytes of an answer.
pub fn encode_response(response: &ChunkResponse) -> Vec<u8> {
    let length: usize = response.chunks.iter().flatten().map(|chunk| chunk.len() + 4).sum();
    let mut bytes = Vec::with_capacity(length + response.chunks.len());
    for chunk in &response.chunks {
        match chunk {
            None => bytes.push(ABSENT),
            Some(chunk) => {
                bytes.push(PRESENT);
                bytes.extend_from_slice(&u32::try_from(chunk.len()).unwrap_or(u32::MAX).to_le_bytes());
                bytes.extend_from_slice(chunk);
            }
        }
    }
    bytes
}

/// Reads an answer.
pub fn decode_response(bytes: &[u8]) -> Result<ChunkResponse, ChunksError> {
    if bytes.len() > RESPONSE_BYTES_MAX {
        return Err(ChunksError::Length);
    }
    let (mut rest, mut chunks) = (bytes, Vec::new());
    while let Some((mark, after)) = rest.split_first() {
        if chunks.len() == REQUEST_CHUNKS_MAX {
            return Err(ChunksError::Count(chunks.len() + 1));
        }
        rest = after;
        match *mark {
            ABSENT => chunks.push(None),
            PRESENT => {
                let (length, after) = rest.split_first_chunk().ok_or(ChunksError::Length)?;
                let length = u32::from_le_bytes(*length);
                if length > MAX_CHUNK_BYTES {
                    return Err(ChunksError::TooLong(length));
                }
                let (chunk, after) = after.split_at_checked(length as usize).ok_or(ChunksError::Length)?;
                chunks.push(Some(chunk.to_vec()));
                rest = after;
            }
            mark => return Err(ChunksError::Mark(mark)),
        }
    }
    if chunks.is_empty() { Err(ChunksError::Count(0)) } else { Ok(ChunkResponse { chunks }) }
}

#[cfg(test)]
mod tests;
