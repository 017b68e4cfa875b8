//! Keys of a channel: a ratchet that only turns forward.
//!
//! Terms: the *state* of block n yields the key of block n and the state of block n + 1; the state of block 0 is the
//! channel secret that the participants share.
//!
//! Rules
//! * R1: key n = HKDF-SHA256(state n, tag); state n + 1 = blake2-256(tag ‖ state n). Nobody can go back.
//! * R2: forgetting the states up to block n erases those blocks for good: [`Ratchet::forget`].
//! * R3: the chain knows commitments only: that of the secret at open, that of the block key with the first anchor
//!   (the cipher does not commit to its key, the anchor must).
//! * R4: one call turns at most [`TURNS_MAX`] times, so a block number from outside cannot keep a node busy.

use hkdf::Hkdf;
use quire_core::H256;
use quire_core::hash::{blake2_256, blake2_256_concat};
use sha2::Sha256;
use zeroize::{Zeroize, ZeroizeOnDrop};

const NEXT_TAG: &[u8] = b"quire/ratchet/next/1";
const KEY_TAG: &[u8] = b"quire/ratchet/key/1";
const SECRET_TAG: &[u8] = b"quire/ratchet/secret/1";
/// Turns in one call: a tenth of a second of work.
pub const TURNS_MAX: u32 = 1 << 19;

/// The key under which all parts of one block are encrypted.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct BlockKey([u8; 32]);

impl BlockKey {
    /// A key that was received sealed.
    pub fn from_bytes(bytes: [u8; 32]) -> BlockKey {
        BlockKey(bytes)
    }

    /// The secret bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// What an anchor says about the key (R3).
    pub fn commitment(&self) -> H256 {
        H256(blake2_256(&self.0))
    }
}

impl std::fmt::Debug for BlockKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "BlockKey(commitment {})", self.commitment())
    }
}

/// Why there is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RatchetError {
    /// R2.
    #[error(
        "the key of block {block} was erased after retention; the first block that can be read is {first}"
    )]
    Erased {
        /// Block asked for.
        block: u32,
        /// First block with a key.
        first: u32,
    },
    /// R4.
    #[error("block {block} is more than {TURNS_MAX} blocks ahead of block {first}; check the block number")]
    TooFar {
        /// Block asked for.
        block: u32,
        /// First block with a key.
        first: u32,
    },
}

/// The state of the first block that was not forgotten.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Ratchet {
    first: u32,
    state: [u8; 32],
}

impl std::fmt::Debug for Ratchet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Ratchet(from block {})", self.first)
    }
}

impl Ratchet {
    /// The ratchet of a channel secret.
    pub fn new(secret: [u8; 32]) -> Ratchet {
        Ratchet { first: 0, state: secret }
    }

    /// A ratchet as [`Ratchet::to_bytes`] stored it.
    pub fn from_bytes(bytes: &[u8; 36]) -> Ratchet {
        let (mut first, mut state) = ([0; 4], [0; 32]);
        first.copy_from_slice(&bytes[..4]);
        state.copy_from_slice(&bytes[4..]);
        Ratchet { first: u32::from_le_bytes(first), state }
    }

    /// The secret form for the disk: first block as u32 little-endian, state.
    pub fn to_bytes(&self) -> [u8; 36] {
        let mut bytes = [0; 36];
        bytes[..4].copy_from_slice(&self.first.to_le_bytes());
        bytes[4..].copy_from_slice(&self.state);
        bytes
    }

    /// What the chain knows of a channel secret (R3).
    pub fn secret_commitment(secret: &[u8; 32]) -> H256 {
        H256(blake2_256_concat(&[SECRET_TAG, secret]))
    }

    /// First block whose key can still be made.
    pub fn first(&self) -> u32 {
        self.first
    }

    /// The key of a block (R1).
    ///
    /// # Errors
    /// Blocks that were forgotten or are absurdly far ahead.
    pub fn key(&self, block: u32) -> Result<BlockKey, RatchetError> {
        let mut turned = self.clone();
        turned.turn(block)?;
        let mut key = BlockKey([0; 32]);
        let expanded = Hkdf::<Sha256>::new(None, &turned.state).expand(KEY_TAG, &mut key.0);
        debug_assert!(expanded.is_ok(), "32 bytes are within what HKDF-SHA256 may expand to");
        Ok(key)
    }

    /// Forgets the states of all blocks before `block` (R2).
    ///
    /// # Errors
    /// Blocks that are absurdly far ahead. Forgetting what is forgotten is no error.
    pub fn forget(&mut self, block: u32) -> Result<(), RatchetError> {
        if block <= self.first { Ok(()) } else { self.turn(block) }
    }

    fn turn(&mut self, block: u32) -> Result<(), RatchetError> {
        let first = self.first;
        let turns = block.checked_sub(first).ok_or(RatchetError::Erased { block, first })?;
        if turns > TURNS_MAX {
            return Err(RatchetError::TooFar { block, first });
        }
        for _ in 0..turns {
            self.state = blake2_256_concat(&[NEXT_TAG, &self.state]);
        }
        self.first = block;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r1_keys_follow_from_any_earlier_state() {
        let ratchet = Ratchet::new([7; 32]);
        let mut later = ratchet.clone();
        later.forget(5).expect("near");
        assert_eq!(later.key(9), ratchet.key(9));
        assert_ne!(ratchet.key(9), ratchet.key(10));
        assert_ne!(ratchet.key(0).expect("first").as_bytes(), &[7; 32]);
    }

    #[test]
    fn r2_forgotten_blocks_have_no_key() {
        let mut ratchet = Ratchet::new([7; 32]);
        ratchet.forget(3).expect("near");
        ratchet.forget(2).expect("nothing to do");
        assert_eq!(ratchet.key(2), Err(RatchetError::Erased { block: 2, first: 3 }));
        assert!(ratchet.key(3).is_ok());
        assert_eq!(Ratchet::from_bytes(&ratchet.to_bytes()), ratchet);
    }

    #[test]
    fn r3_commitments_differ_from_what_they_hide() {
        let key = Ratchet::new([7; 32]).key(0).expect("first");
        assert_ne!(&key.commitment().0, key.as_bytes());
        assert_ne!(Ratchet::secret_commitment(&[7; 32]), Ratchet::secret_commitment(&[8; 32]));
        assert!(!format!("{key:?} {:?}", Ratchet::new([7; 32])).contains("7, 7"));
    }

    #[test]
    fn r4_the_far_future_is_refused() {
        assert!(matches!(Ratchet::new([7; 32]).key(TURNS_MAX + 1), Err(RatchetError::TooFar { .. })));
    }
}
