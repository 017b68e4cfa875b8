//! The list of a part's chunks, as dag-cbor, so that any IPFS tool can walk it.
//!
//! `{"chunks": [link…], "length": bytes of all chunks, "version": number of the encryption}`; links are tag 42 with a zero
//! byte before the binary CID.
//!
//! Rules
//! * R1: only the canonical encoding is a manifest: what is read must give the same bytes when written again.
//! * R2: a manifest is itself a chunk, so it has at most [`MAX_CHUNK_BYTES`]; that bounds the number of links.
//! * R3: every link is a `raw` address.

use crate::cid::{CID_BYTES, ChunkId, Codec};
use minicbor::data::Tag;
use minicbor::{Decoder, Encoder};
use quire_core::limits::MAX_CHUNK_BYTES;

const LINK: Tag = Tag::new(42);

/// Chunks of one part in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// Addresses of the encrypted chunks.
    pub chunks: Vec<ChunkId>,
    /// Bytes of all chunks together.
    pub length: u64,
    /// Number of the encryption; it is part of the key derivation.
    pub version: u32,
}

/// Why bytes are no manifest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// R1 or R3.
    #[error("the manifest is not canonical dag-cbor of our form; its builder must write it again")]
    Malformed,
    /// R2.
    #[error("the manifest has {length} bytes, the limit is {MAX_CHUNK_BYTES}; close blocks more often")]
    TooLong {
        /// Bytes.
        length: usize,
    },
}

impl Manifest {
    /// The canonical encoding.
    ///
    /// # Errors
    /// More chunks than R2 allows.
    pub fn encode(&self) -> Result<Vec<u8>, ManifestError> {
        let mut encoder = Encoder::new(Vec::with_capacity(64 + self.chunks.len() * 44));
        self.write(&mut encoder).map_err(|_| ManifestError::Malformed)?;
        let bytes = encoder.into_writer();
        if bytes.len() > MAX_CHUNK_BYTES as usize {
            return Err(ManifestError::TooLong { length: bytes.len() });
        }
        Ok(bytes)
    }

    fn write(
        &self,
        encoder: &mut Encoder<Vec<u8>>,
    ) -> Result<(), minicbor::encode::Error<std::convert::Infallible>> {
        encoder.map(3)?.str("chunks")?.array(self.chunks.len() as u64)?;
        for chunk in &self.chunks {
            let mut link = [0; CID_BYTES + 1];
            link[1..].copy_from_slice(&chunk.to_bytes());
            encoder.tag(LINK)?.bytes(&link)?;
        }
        encoder.str("length")?.u64(self.length)?.str("version")?.u32(self.version)?;
        Ok(())
    }

    /// Reads a manifest (R1 to R3).
    ///
    /// # Errors
    /// Whatever is not the canonical encoding of a manifest.
    pub fn decode(bytes: &[u8]) -> Result<Manifest, ManifestError> {
        if bytes.len() > MAX_CHUNK_BYTES as usize {
            return Err(ManifestError::TooLong { length: bytes.len() });
        }
        let manifest = read(bytes).ok_or(ManifestError::Malformed)?;
        if manifest.encode()? == bytes { Ok(manifest) } else { Err(ManifestError::Malformed) }
    }
}

fn read(bytes: &[u8]) -> Option<Manifest> {
    let mut decoder = Decoder::new(bytes);
    let is_form = decoder.map().ok()? == Some(3) && decoder.str().ok()? == "chunks";
    let count = decoder.array().ok()??;
    // A link takes more than CID_BYTES, so a count that lies ends with the input.
    let mut chunks = Vec::with_capacity((count as usize).min(bytes.len() / CID_BYTES));
    for _ in 0..count {
        if decoder.tag().ok()? != LINK {
            return None;
        }
        let link = decoder.bytes().ok()?.strip_prefix(&[0])?;
        chunks.push(ChunkId::from_bytes(link).ok().filter(|id| id.codec() == Codec::Raw)?);
    }
    let is_length = decoder.str().ok()? == "length";
    let length = decoder.u64().ok()?;
    let is_version = decoder.str().ok()? == "version";
    let version = decoder.u32().ok()?;
    (is_form && is_length && is_version).then_some(Manifest { chunks, length, version })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn manifest(count: u8) -> Manifest {
        let chunks = (0..count).map(|byte| ChunkId::of(Codec::Raw, &[byte])).collect();
        Manifest { chunks, length: u64::from(count) * 256 * 1024, version: 3 }
    }

    #[test]
    fn r1_the_empty_manifest_is_frozen() {
        let bytes = manifest(0).encode().expect("short");
        assert_eq!(bytes, b"\xa3\x66chunks\x80\x66length\x00\x67version\x03");
    }

    #[test]
    fn r1_other_encodings_of_the_same_are_refused() {
        let bytes = manifest(0).encode().expect("short");
        for wrong in [
            &b"\xa3\x66chunks\x98\x00\x66length\x00\x67version\x03"[..],
            b"\xa3\x66chunks\x80\x66length\x18\x00\x67version\x03",
        ] {
            assert_eq!(Manifest::decode(wrong), Err(ManifestError::Malformed));
        }
        assert_eq!(Manifest::decode(&[&bytes[..], &[0]].concat()), Err(ManifestError::Malformed));
        assert_eq!(Manifest::decode(b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff"), Err(ManifestError::Malformed));
    }

    #[test]
    fn r2_too_many_chunks_are_refused() {
        let many = Manifest { chunks: vec![ChunkId::of(Codec::Raw, b""); 7_000], length: 0, version: 0 };
        assert!(matches!(many.encode(), Err(ManifestError::TooLong { .. })));
        assert!(matches!(
            Manifest::decode(&vec![0; 300_000]),
            Err(ManifestError::TooLong { length: 300_000 })
        ));
    }

    #[test]
    fn r3_links_are_raw() {
        let nested = Manifest { chunks: vec![ChunkId::of(Codec::DagCbor, b"")], length: 0, version: 0 };
        assert_eq!(Manifest::decode(&nested.encode().expect("short")), Err(ManifestError::Malformed));
    }

    proptest! {
        #[test]
        fn manifests_survive_the_round_trip(count in 0u8..50, length: u64, version: u32) {
            let manifest = Manifest { length, version, ..manifest(count) };
            prop_assert_eq!(Manifest::decode(&manifest.encode().expect("short")), Ok(manifest));
        }

        #[test]
        fn r1_arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Manifest::decode(&bytes);
        }
    }
}
