//! Content addresses of off-chain bytes: CIDv1 with sha2-256.
//!
//! Rules
//! * R1: a chunk of a part is `raw` (0x55), a manifest `dag-cbor` (0x71); no other codec, version or hash is accepted.
//! * R2: the binary form has exactly 36 bytes; the text form is base32, as other tools print it.

use cid::Cid;
use multihash::Multihash;
use sha2::{Digest as _, Sha256};
use std::fmt;

/// Bytes of the binary form.
pub const CID_BYTES: usize = 36;
const SHA2_256: u64 = 0x12;
const RAW: u64 = 0x55;
const DAG_CBOR: u64 = 0x71;

/// What the addressed bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Codec {
    /// Encrypted bytes.
    Raw,
    /// A manifest.
    DagCbor,
}

/// Address of a chunk or a manifest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ChunkId {
    codec: Codec,
    digest: [u8; 32],
}

/// Bytes that are no address of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("these {length} bytes are no CIDv1 of sha2-256 with codec raw or dag-cbor")]
pub struct BadCid {
    /// Length of the bytes.
    pub length: usize,
}

impl ChunkId {
    /// The address of these bytes.
    pub fn of(codec: Codec, bytes: &[u8]) -> ChunkId {
        ChunkId { codec, digest: Sha256::digest(bytes).into() }
    }

    /// Whether these bytes are the addressed ones.
    pub fn is_of(&self, bytes: &[u8]) -> bool {
        self.digest[..] == Sha256::digest(bytes)[..]
    }

    /// What the addressed bytes are.
    pub fn codec(&self) -> Codec {
        self.codec
    }

    /// The binary form.
    pub fn to_bytes(self) -> [u8; CID_BYTES] {
        let codec = match self.codec {
            Codec::Raw => RAW as u8,
            Codec::DagCbor => DAG_CBOR as u8,
        };
        let mut bytes = [0; CID_BYTES];
        bytes[..4].copy_from_slice(&[1, codec, SHA2_256 as u8, 32]);
        bytes[4..].copy_from_slice(&self.digest);
        bytes
    }

    /// Reads the binary form (R1, R2).
    ///
    /// # Errors
    /// Anything but one of our addresses.
    pub fn from_bytes(bytes: &[u8]) -> Result<ChunkId, BadCid> {
        let bad = BadCid { length: bytes.len() };
        let cid = Cid::try_from(bytes).map_err(|_| bad)?;
        let codec = match cid.codec() {
            RAW => Codec::Raw,
            DAG_CBOR => Codec::DagCbor,
            _ => return Err(bad),
        };
        let is_ours =
            cid.version() == cid::Version::V1 && cid.hash().code() == SHA2_256 && bytes.len() == CID_BYTES;
        match <[u8; 32]>::try_from(cid.hash().digest()) {
            Ok(digest) if is_ours => Ok(ChunkId { codec, digest }),
            _ => Err(bad),
        }
    }
}

impl fmt::Display for ChunkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let codec = match self.codec {
            Codec::Raw => RAW,
            Codec::DagCbor => DAG_CBOR,
        };
        match Multihash::<64>::wrap(SHA2_256, &self.digest) {
            Ok(hash) => Cid::new_v1(codec, hash).fmt(f),
            Err(_) => Err(fmt::Error),
        }
    }
}

impl fmt::Debug for ChunkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The address that `ipfs add --cid-version 1 --raw-leaves` prints for "hello world" without a line feed.
    #[test]
    fn r2_text_is_what_other_tools_print() {
        let id = ChunkId::of(Codec::Raw, b"hello world");
        assert_eq!(id.to_string(), "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e");
    }

    #[test]
    fn r1_only_our_addresses_are_read() {
        for codec in [Codec::Raw, Codec::DagCbor] {
            let id = ChunkId::of(codec, b"x");
            let bytes = id.to_bytes();
            assert_eq!(ChunkId::from_bytes(&bytes), Ok(id));
            for at in 0..4 {
                let mut wrong = bytes;
                wrong[at] ^= 0x01;
                assert!(ChunkId::from_bytes(&wrong).is_err(), "byte {at} of {id}");
            }
            assert!(ChunkId::from_bytes(&bytes[..35]).is_err());
            assert!(ChunkId::from_bytes(&[&bytes[..], &[0]].concat()).is_err());
        }
        assert!(ChunkId::from_bytes(&[]).is_err());
    }

    #[test]
    fn an_address_fits_its_bytes_only() {
        let id = ChunkId::of(Codec::Raw, b"x");
        assert!(id.is_of(b"x") && !id.is_of(b"y"));
    }
}
