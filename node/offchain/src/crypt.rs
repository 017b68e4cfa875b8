//! Encryption of a part's chunks: XChaCha20-Poly1305.
//!
//! Rules
//! * R1: every part has its own key: HKDF-SHA256(block key, participant, version). A version is used for one part only;
//!   whoever encrypts again counts it up first, so no key and nonce ever meet two plain texts.
//! * R2: the nonce is the chunk's index; the associated data are genesis, channel, block, participant and index, so a
//!   chunk cannot stand in another place.
//! * R3: a sealed chunk has [`TAG_BYTES`] more than its plain text and at most [`MAX_CHUNK_BYTES`].

use crate::ratchet::BlockKey;
use chacha20poly1305::aead::AeadInPlace as _;
use chacha20poly1305::{KeyInit as _, Tag, XChaCha20Poly1305, XNonce};
use hkdf::Hkdf;
use parity_scale_codec::Encode as _;
use quire_core::H256;
use quire_core::limits::MAX_CHUNK_BYTES;
use sha2::Sha256;
use zeroize::Zeroizing;

/// What encryption adds to a chunk.
pub const TAG_BYTES: usize = 16;
/// Plain bytes of a full chunk (R3).
pub const PLAIN_CHUNK_BYTES: usize = MAX_CHUNK_BYTES as usize - TAG_BYTES;
const KEY_TAG: &[u8] = b"quire/part/key/1";
const CHUNK_TAG: &[u8] = b"quire/part/chunk/1";

/// Which part a chunk belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartPlace {
    /// Hash of the chain's genesis block.
    pub genesis: H256,
    /// Channel id.
    pub channel: u64,
    /// Channel block.
    pub block: u32,
    /// Index of the participant whose part it is.
    pub participant: u8,
}

/// A chunk that does not decrypt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("chunk {index} of the part does not decrypt with the block's key; the part counts as empty")]
pub struct Undecryptable {
    /// Place in the part.
    pub index: u32,
}

/// The cipher of one part.
pub struct PartCipher {
    cipher: XChaCha20Poly1305,
    place: PartPlace,
}

impl PartCipher {
    /// Derives the part's key (R1).
    pub fn new(key: &BlockKey, place: PartPlace, version: u32) -> PartCipher {
        let mut info = KEY_TAG.to_vec();
        (place.participant, version).encode_to(&mut info);
        let mut part_key = Zeroizing::new([0; 32]);
        let expanded = Hkdf::<Sha256>::new(None, key.as_bytes()).expand(&info, part_key.as_mut());
        debug_assert!(expanded.is_ok(), "32 bytes are within what HKDF-SHA256 may expand to");
        PartCipher { cipher: XChaCha20Poly1305::new(part_key.as_ref().into()), place }
    }

    /// Encrypts a chunk in place and appends its tag.
    ///
    /// # Errors
    /// A chunk longer than the cipher allows; chunks of ours never are.
    pub fn seal(&self, index: u32, chunk: &mut Vec<u8>) -> Result<(), Undecryptable> {
        let sealed = self.cipher.encrypt_in_place_detached(&nonce(index), &self.associated(index), chunk);
        let tag = sealed.map_err(|_| Undecryptable { index })?;
        chunk.extend_from_slice(&tag);
        Ok(())
    }

    /// Decrypts a chunk in place and removes its tag.
    ///
    /// # Errors
    /// A chunk of another key, place or content. The bytes are unchanged then.
    pub fn open(&self, index: u32, chunk: &mut Vec<u8>) -> Result<(), Undecryptable> {
        let failed = Undecryptable { index };
        let length = chunk.len().checked_sub(TAG_BYTES).ok_or(failed)?;
        let (text, tag) = chunk.split_at_mut_checked(length).ok_or(failed)?;
        let tag = *Tag::from_slice(tag);
        self.cipher
            .decrypt_in_place_detached(&nonce(index), &self.associated(index), text, &tag)
            .map_err(|_| failed)?;
        chunk.truncate(length);
        Ok(())
    }

    fn associated(&self, index: u32) -> Vec<u8> {
        let mut bytes = CHUNK_TAG.to_vec();
        let PartPlace { genesis, channel, block, participant } = self.place;
        (genesis, channel, block, participant, index).encode_to(&mut bytes);
        bytes
    }
}

fn nonce(index: u32) -> XNonce {
    let mut nonce = XNonce::default();
    nonce[..4].copy_from_slice(&index.to_le_bytes());
    nonce
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ratchet::Ratchet;

    const PLACE: PartPlace = PartPlace { genesis: H256([1; 32]), channel: 2, block: 3, participant: 1 };

    fn key() -> BlockKey {
        Ratchet::new([9; 32]).key(3).expect("near")
    }

    #[test]
    fn chunks_survive_the_round_trip() {
        let cipher = PartCipher::new(&key(), PLACE, 1);
        for length in [0, 1, 1000, PLAIN_CHUNK_BYTES] {
            let mut chunk = vec![5; length];
            cipher.seal(7, &mut chunk).expect("short");
            assert_eq!(chunk.len(), length + TAG_BYTES);
            assert!(chunk.len() <= MAX_CHUNK_BYTES as usize);
            cipher.open(7, &mut chunk).expect("ours");
            assert_eq!(chunk, vec![5; length]);
        }
    }

    #[test]
    fn r1_r2_key_version_place_and_index_are_bound() {
        let mut chunk = b"text".to_vec();
        PartCipher::new(&key(), PLACE, 1).seal(7, &mut chunk).expect("short");
        let other_key = Ratchet::new([8; 32]).key(3).expect("near");
        let others = [
            (PartCipher::new(&other_key, PLACE, 1), 7),
            (PartCipher::new(&key(), PLACE, 2), 7),
            (PartCipher::new(&key(), PLACE, 1), 8),
            (PartCipher::new(&key(), PartPlace { genesis: H256([2; 32]), ..PLACE }, 1), 7),
            (PartCipher::new(&key(), PartPlace { channel: 3, ..PLACE }, 1), 7),
            (PartCipher::new(&key(), PartPlace { block: 4, ..PLACE }, 1), 7),
            (PartCipher::new(&key(), PartPlace { participant: 0, ..PLACE }, 1), 7),
        ];
        for (cipher, index) in others {
            let mut copy = chunk.clone();
            assert_eq!(cipher.open(index, &mut copy), Err(Undecryptable { index }));
            assert_eq!(copy, chunk);
        }
    }

    #[test]
    fn changed_or_short_chunks_are_refused() {
        let cipher = PartCipher::new(&key(), PLACE, 1);
        let mut chunk = b"text".to_vec();
        cipher.seal(0, &mut chunk).expect("short");
        for at in 0..chunk.len() {
            let mut wrong = chunk.clone();
            wrong[at] ^= 1;
            assert!(cipher.open(0, &mut wrong).is_err(), "byte {at}");
            assert!(cipher.open(0, &mut chunk[..at].to_vec()).is_err(), "cut at {at}");
        }
    }
}
