//! Sealing a block key to one validator's X25519 key.
//!
//! Format: ephemeral public key (32 bytes), ciphertext of the key (32), tag (16).
//!
//! Rules
//! * R1: the encryption key is HKDF-SHA256 over the shared secret, salted with both public keys; so it is used once
//!   and its nonce is zero.
//! * R2: the context (genesis, channel, block) is authenticated: a sealed key cannot be passed off for another block.
//! * R3: a shared secret of zero (a key of low order) is refused.
//!
//! The ephemeral secret comes in from the shell: a core has no random source.

use crate::ratchet::BlockKey;
use chacha20poly1305::aead::{Aead as _, Payload};
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305, XNonce};
use hkdf::Hkdf;
use parity_scale_codec::Encode as _;
use quire_core::H256;
use sha2::Sha256;
use x25519_dalek::{PublicKey, SharedSecret, StaticSecret};
use zeroize::Zeroizing;

/// Bytes of a sealed key.
pub const SEALED_BYTES: usize = 80;
const TAG: &[u8] = b"quire/seal/1";

/// What a sealed key is for (R2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SealContext {
    /// Hash of the chain's genesis block.
    pub genesis: H256,
    /// Channel id.
    pub channel: u64,
    /// Channel block.
    pub block: u32,
}

/// Why a key could not be sealed or opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// R3.
    #[error("the sealing key is weak; register another X25519 key")]
    WeakKey,
    /// Not sealed to this key, for this block, or not a sealed key at all.
    #[error(
        "the sealed key does not open for block {block} of channel {channel}; ask the participant to send it again"
    )]
    Refused {
        /// Channel id.
        channel: u64,
        /// Channel block.
        block: u32,
    },
}

/// Seals a block key to `recipient`.
///
/// # Errors
/// R3.
pub fn seal(
    key: &BlockKey,
    recipient: &[u8; 32],
    ephemeral: [u8; 32],
    context: &SealContext,
) -> Result<[u8; SEALED_BYTES], SealError> {
    let ephemeral = StaticSecret::from(ephemeral);
    let public = PublicKey::from(&ephemeral);
    let recipient = PublicKey::from(*recipient);
    let cipher = cipher(&ephemeral.diffie_hellman(&recipient), &public, &recipient)?;
    let payload = Payload { msg: key.as_bytes(), aad: &associated(context) };
    let sealed = cipher.encrypt(&XNonce::default(), payload).map_err(|_| SealError::WeakKey)?;
    let mut out = [0; SEALED_BYTES];
    out[..32].copy_from_slice(public.as_bytes());
    out[32..].copy_from_slice(&sealed);
    Ok(out)
}

/// Opens a sealed block key with the recipient's secret.
///
/// # Errors
/// Everything that was not sealed to this key for this block.
pub fn open(sealed: &[u8], secret: &[u8; 32], context: &SealContext) -> Result<BlockKey, SealError> {
    let refused = SealError::Refused { channel: context.channel, block: context.block };
    let sealed: &[u8; SEALED_BYTES] = sealed.try_into().map_err(|_| refused)?;
    let (public, ciphertext) = sealed.split_first_chunk::<32>().ok_or(refused)?;
    let public = PublicKey::from(*public);
    let secret = StaticSecret::from(*secret);
    let cipher = cipher(&secret.diffie_hellman(&public), &public, &PublicKey::from(&secret))?;
    let payload = Payload { msg: ciphertext, aad: &associated(context) };
    let opened = Zeroizing::new(cipher.decrypt(&XNonce::default(), payload).map_err(|_| refused)?);
    let key = <[u8; 32]>::try_from(opened.as_slice()).map_err(|_| refused)?;
    Ok(BlockKey::from_bytes(key))
}

/// The public key to register for a secret.
pub fn public(secret: &[u8; 32]) -> [u8; 32] {
    PublicKey::from(&StaticSecret::from(*secret)).to_bytes()
}

fn cipher(
    shared: &SharedSecret,
    public: &PublicKey,
    recipient: &PublicKey,
) -> Result<XChaCha20Poly1305, SealError> {
    if !shared.was_contributory() {
        return Err(SealError::WeakKey);
    }
    let salt = [public.to_bytes(), recipient.to_bytes()].concat();
    let mut key = Zeroizing::new([0; 32]);
    Hkdf::<Sha256>::new(Some(&salt), shared.as_bytes())
        .expand(TAG, key.as_mut())
        .map_err(|_| SealError::WeakKey)?;
    Ok(XChaCha20Poly1305::new(key.as_ref().into()))
}

fn associated(context: &SealContext) -> Vec<u8> {
    let mut bytes = TAG.to_vec();
    (context.genesis, context.channel, context.block).encode_to(&mut bytes);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ratchet::Ratchet;

    const CONTEXT: SealContext = SealContext { genesis: H256([1; 32]), channel: 2, block: 3 };

    fn key() -> BlockKey {
        Ratchet::new([9; 32]).key(3).expect("near")
    }

    #[test]
    fn a_sealed_key_opens_for_its_recipient_only() {
        let sealed = seal(&key(), &public(&[5; 32]), [6; 32], &CONTEXT).expect("sealed");
        assert_eq!(open(&sealed, &[5; 32], &CONTEXT), Ok(key()));
        assert!(open(&sealed, &[4; 32], &CONTEXT).is_err());
        assert!(open(&sealed[1..], &[5; 32], &CONTEXT).is_err());
        for at in 0..SEALED_BYTES {
            let mut wrong = sealed;
            wrong[at] ^= 1;
            assert!(open(&wrong, &[5; 32], &CONTEXT).is_err(), "byte {at}");
        }
    }

    #[test]
    fn r2_the_context_is_bound() {
        let sealed = seal(&key(), &public(&[5; 32]), [6; 32], &CONTEXT).expect("sealed");
        for other in [
            SealContext { genesis: H256([2; 32]), ..CONTEXT },
            SealContext { channel: 3, ..CONTEXT },
            SealContext { block: 4, ..CONTEXT },
        ] {
            assert!(matches!(open(&sealed, &[5; 32], &other), Err(SealError::Refused { .. })));
        }
    }

    #[test]
    fn r3_weak_keys_are_refused() {
        assert_eq!(seal(&key(), &[0; 32], [6; 32], &CONTEXT), Err(SealError::WeakKey));
        assert_eq!(open(&[0; SEALED_BYTES], &[5; 32], &CONTEXT), Err(SealError::WeakKey));
    }
}
