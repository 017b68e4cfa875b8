//! Public keys as people write them: an SS58 address or `0x` hex, with soft junctions behind, and what they verify.
//!
//! Rules:
//! * R1 `<address or 0x key>/soft/soft`: sr25519 derives public keys along soft junctions, ed25519 along none.
//! * R2 A hard junction needs the secret, so it is refused here.
use super::{Junction, SuriError, parse_path};
use quire_core::ss58::{self, Ss58Error};
use schnorrkel::derive::{ChainCode, Derivation};

/// Longest text that is read, bytes.
const MAX_TEXT_BYTES: usize = 2_048;

/// Why a text names no public key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PublicUriError {
    /// Too long to be one.
    #[error("the public key is longer than {MAX_TEXT_BYTES} bytes")]
    TooLong,
    /// Hex, but not 32 bytes of it.
    #[error("a public key after 0x has 64 hex digits")]
    Hex,
    /// Not an address. The text is not repeated: it may be a mistyped secret phrase.
    #[error("it is neither 0x and 64 hex digits nor an SS58 address: {reason}")]
    Address {
        /// What is wrong.
        reason: Ss58Error,
    },
    /// The junctions.
    #[error(transparent)]
    Path(#[from] SuriError),
    /// R2.
    #[error("a hard junction (//name) derives from a secret, not from a public key")]
    HardJunction,
    /// The bytes are no point of the curve.
    #[error("these 32 bytes are no public key of the scheme")]
    NoKey,
}

/// A public key, read from text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUri {
    key: [u8; 32],
    path: Vec<Junction>,
    /// The network prefix, when the key was written as an address.
    pub prefix: Option<u16>,
}

impl PublicUri {
    /// Reads a text.
    pub fn parse(text: &str) -> Result<Self, PublicUriError> {
        if text.len() > MAX_TEXT_BYTES {
            return Err(PublicUriError::TooLong);
        }
        let (root, path) = text.split_at(text.find('/').unwrap_or(text.len()));
        let path = parse_path(path)?;
        if path.iter().any(|junction| matches!(junction, Junction::Hard(_))) {
            return Err(PublicUriError::HardJunction);
        }
        if let Some(digits) = root.strip_prefix("0x") {
            let mut key = [0; 32];
            hex::decode_to_slice(digits, &mut key).map_err(|_| PublicUriError::Hex)?;
            return Ok(Self { key, path, prefix: None });
        }
        let (account, prefix) = ss58::decode(root).map_err(|reason| PublicUriError::Address { reason })?;
        Ok(Self { key: account.0, path, prefix: Some(prefix) })
    }

    /// The sr25519 key (R1).
    pub fn sr25519(&self) -> Result<[u8; 32], PublicUriError> {
        let key = schnorrkel::PublicKey::from_bytes(&self.key).map_err(|_| PublicUriError::NoKey)?;
        let derived = self.path.iter().fold(key, |key, junction| match junction {
            Junction::Soft(code) | Junction::Hard(code) => key.derived_key_simple(ChainCode(*code), []).0,
        });
        Ok(derived.to_bytes())
    }

    /// The ed25519 key (R1).
    pub fn ed25519(&self) -> Result<[u8; 32], PublicUriError> {
        if !self.path.is_empty() {
            return Err(SuriError::SoftJunction { scheme: "ed25519" }.into());
        }
        ed25519_zebra::VerificationKey::try_from(self.key).map_err(|_| PublicUriError::NoKey)?;
        Ok(self.key)
    }
}

/// Whether `signature` is `public`'s over `message` in a schnorrkel context.
pub fn verify_sr25519(public: &[u8; 32], context: &[u8], message: &[u8], signature: &[u8; 64]) -> bool {
    let (Ok(public), Ok(signature)) =
        (schnorrkel::PublicKey::from_bytes(public), schnorrkel::Signature::from_bytes(signature))
    else {
        return false;
    };
    public.verify_simple(context, message, &signature).is_ok()
}

/// Whether `signature` is `public`'s over `message`.
pub fn verify_ed25519(public: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> bool {
    ed25519_zebra::VerificationKey::try_from(*public)
        .is_ok_and(|public| public.verify(&(*signature).into(), message).is_ok())
}

#[cfg(test)]
mod tests {
    use super::super::Suri;
    use super::*;

    const ALICE: &str = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";

    #[test]
    fn r1_soft_junctions_derive_the_key_that_the_secret_derives() {
        let secret = Suri::parse("//Alice/soft/7").unwrap().sr25519().public();
        let public = PublicUri::parse(&format!("{ALICE}/soft/7")).unwrap();
        assert_eq!((public.sr25519(), public.prefix), (Ok(secret), Some(42)));
        let hex = format!("0x{}/soft/7", hex::encode(Suri::parse("//Alice").unwrap().sr25519().public()));
        assert_eq!(PublicUri::parse(&hex).unwrap().sr25519(), Ok(secret));
        assert!(matches!(public.ed25519(), Err(PublicUriError::Path(SuriError::SoftJunction { .. }))));
    }

    #[test]
    fn r2_hard_junctions_and_other_texts_are_refused() {
        assert_eq!(PublicUri::parse(&format!("{ALICE}//hard")).err(), Some(PublicUriError::HardJunction));
        assert_eq!(PublicUri::parse("0x12").err(), Some(PublicUriError::Hex));
        let mistyped = PublicUri::parse(&ALICE.replace('G', "H")).err().unwrap().to_string();
        assert!(mistyped.contains("checksum"), "{mistyped}");
        assert_eq!(PublicUri::parse(&"1".repeat(3_000)).err(), Some(PublicUriError::TooLong));
        let no_point = PublicUri::parse(&format!("0x{}", "ff".repeat(32))).unwrap();
        assert_eq!(no_point.sr25519(), Err(PublicUriError::NoKey));
    }

    #[test]
    fn signatures_are_judged() {
        let key = Suri::parse("//Alice").unwrap();
        let (sr, ed) = (key.sr25519(), key.ed25519().unwrap());
        let (by_sr, by_ed) = (sr.sign(b"substrate", b"hello"), ed.sign(b"hello"));
        assert!(verify_sr25519(&sr.public(), b"substrate", b"hello", &by_sr));
        assert!(!verify_sr25519(&sr.public(), b"substrate", b"hullo", &by_sr));
        assert!(!verify_sr25519(&ed.public(), b"substrate", b"hello", &by_ed));
        assert!(verify_ed25519(&ed.public(), b"hello", &by_ed));
        assert!(!verify_ed25519(&ed.public(), b"hello", &by_sr));
        assert!(!verify_sr25519(&[0xff; 32], b"substrate", b"hello", &[0; 64]));
    }
}
