//! From the plain form of a part to encrypted chunks and back.
//!
//! Writing: plain form → zstd frames → cut → encrypt each piece → chunks → manifest. Reading runs backwards and checks the
//! result against the anchor.
//!
//! Rules
//! * R1: reading tells two failures apart. *Unavailable*: bytes are missing or altered on the way; somebody else may have
//!   them. *Undecodable*: the addressed bytes are there and are no such part; it counts as empty, for everybody.
//! * R2: nothing is expanded beyond the length that the anchor states, nor beyond the limit of a part.
//! * R3: a key that is not the anchored one opens nothing: the cipher does not commit to its key, the anchor does.
//! * R4: chunks are durable before the anchor is returned.
//!
//! The plain form is compressed in independent frames of [`FRAME_BYTES`], so all cores work on it; a decoder reads the
//! frames one after the other as one stream.

use crate::chunk_store::{ChunkError, ChunkStore, FetchChunk};
use crate::cid::{ChunkId, Codec};
use crate::crypt::{PLAIN_CHUNK_BYTES, PartCipher, PartPlace, Undecryptable};
use crate::manifest::{Manifest, ManifestError};
use crate::ratchet::BlockKey;
use quire_channel::limits::MAX_PART_BYTES;
use quire_channel::part::{PartError, PartSummary, check_against_anchor};
use quire_channel::{CidBytes, PartAnchor};
use rayon::prelude::*;
use std::io::Read;

/// Plain bytes of one zstd frame.
pub const FRAME_BYTES: usize = 1024 * 1024;
/// Frames or chunks that are in work at a time: bounds the memory.
const WINDOW: usize = 16;
const LEVEL: i32 = 1;
/// Largest zstd window that is accepted: ours never needs more than a frame.
const WINDOW_LOG_MAX: u32 = 23;

/// Why a part could not be stored.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The chunk store failed.
    #[error(transparent)]
    Chunk(#[from] ChunkError),
    /// Too many chunks for one manifest.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The compressor failed.
    #[error("the part does not compress: {why}")]
    Compress {
        /// What zstd said.
        why: String,
    },
    /// The cipher refused a chunk.
    #[error(transparent)]
    Encrypt(#[from] Undecryptable),
}

/// Why a part could not be read (R1).
#[derive(Debug, Clone, thiserror::Error)]
pub enum OpenError {
    /// Bytes are missing: ask another custodian, or again later.
    #[error("chunk {id} of the part is not available; ask another custodian")]
    Unavailable {
        /// The first missing address.
        id: ChunkId,
    },
    /// The part counts as empty.
    #[error("the part counts as empty: {0}")]
    Undecodable(#[from] Undecodable),
    /// The own disk failed.
    #[error(transparent)]
    Store(#[from] ChunkError),
}

/// Why a part counts as empty, for everybody.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Undecodable {
    /// The anchor's address is none of ours, or not of a manifest.
    #[error("the anchor does not address a manifest")]
    Address,
    /// The addressed bytes are no manifest.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// R3.
    #[error("the anchor commits to another key than the block's")]
    Key,
    /// A chunk does not decrypt.
    #[error(transparent)]
    Cipher(#[from] Undecryptable),
    /// The bytes are no zstd stream of the stated length.
    #[error("the decrypted bytes do not expand to the stated length: {why}")]
    Expand {
        /// What is wrong.
        why: String,
    },
    /// The plain form is no part or differs from the anchor.
    #[error(transparent)]
    Part(#[from] PartError),
}

/// Compresses, encrypts and stores a part.
///
/// # Errors
/// Failing disks, parts beyond the limits.
pub fn store_part(
    plain: &[u8],
    summary: &PartSummary,
    key: &BlockKey,
    place: PartPlace,
    version: u32,
    store: &ChunkStore,
) -> Result<PartAnchor, StoreError> {
    let cipher = PartCipher::new(key, place, version);
    let mut manifest = Manifest { chunks: Vec::new(), length: 0, version };
    let mut stream = Vec::with_capacity(WINDOW * FRAME_BYTES);
    let mut frames = plain.chunks(FRAME_BYTES).peekable();
    while frames.peek().is_some() {
        let window: Vec<&[u8]> = frames.by_ref().take(WINDOW).collect();
        let compressed: Result<Vec<Vec<u8>>, std::io::Error> =
            window.par_iter().map(|frame| zstd::bulk::compress(frame, LEVEL)).collect();
        for frame in compressed.map_err(|error| StoreError::Compress { why: error.to_string() })? {
            stream.extend_from_slice(&frame);
        }
        let is_last = frames.peek().is_none();
        let whole = if is_last { stream.len() } else { stream.len() - stream.len() % PLAIN_CHUNK_BYTES };
        seal_pieces(&stream[..whole], &cipher, &mut manifest, store)?;
        stream.drain(..whole);
    }
    let id = store.put(Codec::DagCbor, &manifest.encode()?)?;
    store.sync()?;
    let cid = CidBytes::new(id.to_bytes().to_vec()).unwrap_or_default();
    let PartSummary { root, length, count, .. } = *summary;
    Ok(PartAnchor { cid, root, length, count, key_commitment: key.commitment() })
}

fn seal_pieces(
    stream: &[u8],
    cipher: &PartCipher,
    manifest: &mut Manifest,
    store: &ChunkStore,
) -> Result<(), StoreError> {
    let first = manifest.chunks.len() as u32;
    let pieces: Vec<(u32, &[u8])> = (first..).zip(stream.chunks(PLAIN_CHUNK_BYTES)).collect();
    let sealed: Result<Vec<(ChunkId, u64)>, StoreError> = pieces
        .into_par_iter()
        .map(|(index, piece)| {
            let mut chunk = Vec::with_capacity(piece.len() + crate::crypt::TAG_BYTES);
            chunk.extend_from_slice(piece);
            cipher.seal(index, &mut chunk)?;
            Ok((store.put(Codec::Raw, &chunk)?, chunk.len() as u64))
        })
        .collect();
    for (id, length) in sealed? {
        manifest.chunks.push(id);
        manifest.length += length;
    }
    Ok(())
}

/// Fetches the manifest of a part.
///
/// # Errors
/// Missing bytes, and addresses or bytes that are no manifest.
pub fn fetch_manifest(
    anchor: &PartAnchor,
    source: &impl FetchChunk,
) -> Result<(ChunkId, Manifest), OpenError> {
    let id = ChunkId::from_bytes(anchor.cid.as_slice()).map_err(|_| Undecodable::Address)?;
    if id.codec() != Codec::DagCbor {
        return Err(Undecodable::Address.into());
    }
    let bytes = source.fetch(&id)?.ok_or(OpenError::Unavailable { id })?;
    Ok((id, Manifest::decode(&bytes).map_err(Undecodable::Manifest)?))
}

/// Takes a part into custody: afterwards the manifest and all its chunks are durable in `own`, verified.
///
/// # Errors
/// Missing bytes; an address that leads to no manifest is a reason to give no receipt.
pub fn take_custody(
    anchor: &PartAnchor,
    source: &impl FetchChunk,
    own: &ChunkStore,
) -> Result<(), OpenError> {
    let (id, manifest) = fetch_manifest(anchor, source)?;
    for chunk in manifest.chunks.iter().chain([&id]) {
        if !own.contains(chunk) {
            let bytes = source.fetch(chunk)?.ok_or(OpenError::Unavailable { id: *chunk })?;
            own.put(chunk.codec(), &bytes)?;
        }
    }
    own.sync()?;
    Ok(())
}

/// Fetches, decrypts and expands a part, and checks it against its anchor.
///
/// # Errors
/// R1.
pub fn open_part(
    anchor: &PartAnchor,
    key: &BlockKey,
    place: PartPlace,
    source: &impl FetchChunk,
) -> Result<Vec<u8>, OpenError> {
    let (_, manifest) = fetch_manifest(anchor, source)?;
    if key.commitment() != anchor.key_commitment {
        return Err(Undecodable::Key.into());
    }
    if anchor.length > MAX_PART_BYTES {
        return Err(Undecodable::Part(PartError::TooLong { len: anchor.length }).into());
    }
    let cipher = PartCipher::new(key, place, manifest.version);
    let stream =
        Stream { cipher, source, chunks: &manifest.chunks, next: 0, ready: Vec::new(), at: 0, failure: None };
    let plain = expand(stream, anchor.length)?;
    check_against_anchor(&plain, anchor).map_err(Undecodable::Part)?;
    Ok(plain)
}

/// R2.
fn expand<F: FetchChunk>(mut stream: Stream<'_, F>, length: u64) -> Result<Vec<u8>, OpenError> {
    let undecodable = |why: String| OpenError::Undecodable(Undecodable::Expand { why });
    let mut plain = Vec::new();
    let read = {
        let decoder = zstd::stream::read::Decoder::new(&mut stream);
        decoder.and_then(|mut decoder| {
            decoder.window_log_max(WINDOW_LOG_MAX)?;
            // One byte more shows that there is more.
            decoder.take(length.saturating_add(1)).read_to_end(&mut plain)
        })
    };
    if let Some(failure) = stream.failure.take() {
        return Err(failure);
    }
    read.map_err(|error| undecodable(error.to_string()))?;
    if plain.len() as u64 != length {
        return Err(undecodable(format!("{} bytes or more came out, {length} were stated", plain.len())));
    }
    Ok(plain)
}

/// The decrypted chunks of a part as one stream; a window of them is fetched and decrypted on all cores.
struct Stream<'a, F> {
    cipher: PartCipher,
    source: &'a F,
    chunks: &'a [ChunkId],
    next: usize,
    ready: Vec<u8>,
    at: usize,
    /// What stopped the stream, in its own words; the decoder sees an end of input.
    failure: Option<OpenError>,
}

impl<F: FetchChunk> Stream<'_, F> {
    fn refill(&mut self) -> Result<(), OpenError> {
        let end = self.chunks.len().min(self.next + WINDOW);
        let window: Vec<(u32, ChunkId)> =
            (self.next as u32..).zip(self.chunks[self.next..end].iter().copied()).collect();
        let (cipher, source) = (&self.cipher, self.source);
        let opened: Vec<Result<Vec<u8>, OpenError>> = window
            .into_par_iter()
            .map(|(index, id)| {
                let mut chunk = source.fetch(&id)?.ok_or(OpenError::Unavailable { id })?;
                cipher.open(index, &mut chunk).map_err(Undecodable::Cipher)?;
                Ok(chunk)
            })
            .collect();
        self.ready.clear();
        self.at = 0;
        self.next = end;
        // An unavailable chunk says nothing about the part, whatever the others look like.
        let missing = opened.iter().find_map(|outcome| match outcome {
            Err(failure @ (OpenError::Unavailable { .. } | OpenError::Store(_))) => Some(failure.clone()),
            _ => None,
        });
        if let Some(failure) = missing {
            return Err(failure);
        }
        for chunk in opened {
            self.ready.extend_from_slice(&chunk?);
        }
        Ok(())
    }
}

impl<F: FetchChunk> Read for Stream<'_, F> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        while self.at == self.ready.len() {
            if self.failure.is_some() || self.next == self.chunks.len() {
                return Ok(0);
            }
            if let Err(failure) = self.refill() {
                self.failure = Some(failure);
                return Ok(0);
            }
        }
        let length = out.len().min(self.ready.len() - self.at);
        out[..length].copy_from_slice(&self.ready[self.at..self.at + length]);
        self.at += length;
        Ok(length)
    }
}

#[cfg(test)]
pub(crate) mod tests;
