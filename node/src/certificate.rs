//! Certificates in the node: signing and checking them, key texts, files.
//!
//! Rules:
//! * R1 A key is written as `sr25519:` or `ed25519:` and an SS58 address or `0x` hex.
//! * R2 What is secret is written to a file that did not exist, mode 0600, synced.
//! * R3 A node's own certificate lies at `network/certificate` in the chain's folder.
//!
//! Out of scope: what certificates say and mean (`quire-certificate`), what the chain keeps of them (`pallet-members`).
use crate::suri::{PublicUri, PublicUriError, Suri, SuriError, verify_ed25519, verify_sr25519};
use quire_certificate::armour::{Armoured, TEXT_BYTES_MAX};
use quire_certificate::{Key, Verify};
use quire_core::crypto::SIGNING_CONTEXT;
use quire_core::{AccountId, ss58};
use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Why a certificate, request or key cannot be read or made.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file.
    #[error("{what} {path}: {source}")]
    File {
        /// What it is.
        what: &'static str,
        /// Where.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// The text is no armoured certificate or request.
    #[error("{path}: {reason}")]
    Armour {
        /// Where it was read.
        path: PathBuf,
        /// What is wrong.
        reason: quire_certificate::armour::ArmourError,
    },
    /// R1.
    #[error("{text:?} is no signing key: write sr25519: or ed25519: and an address or 0x and 64 hex digits")]
    Key {
        /// What was given.
        text: String,
    },
    /// R1, behind the colon.
    #[error(transparent)]
    Public(#[from] PublicUriError),
    /// Not a secret URI.
    #[error(transparent)]
    Suri(#[from] SuriError),
}

/// Checks signatures with this machine's libraries.
#[derive(Debug, Clone, Copy)]
pub struct Libraries;

impl Verify for Libraries {
    fn verify(&self, key: &Key, message: &[u8], signature: &[u8; 64]) -> bool {
        match key {
            Key::Ed25519(public) => verify_ed25519(public, message, signature),
            Key::Sr25519(public) => verify_sr25519(public, SIGNING_CONTEXT, message, signature),
        }
    }
}

/// A secret that signs certificates or requests.
pub struct Signer {
    suri: Suri,
    is_ed25519: bool,
}

impl Signer {
    /// Of a secret URI.
    pub fn new(suri: Suri, is_ed25519: bool) -> Self {
        Self { suri, is_ed25519 }
    }

    /// Of a node key.
    pub fn of_node(key: &[u8; 32]) -> Result<Self, CertificateError> {
        let seed = zeroize::Zeroizing::new(format!("0x{}", hex::encode(key)));
        Ok(Self { suri: Suri::parse(&seed)?, is_ed25519: true })
    }

    /// Its public key.
    pub fn key(&self) -> Result<Key, CertificateError> {
        if self.is_ed25519 {
            return Ok(Key::Ed25519(self.suri.ed25519()?.public()));
        }
        Ok(Key::Sr25519(self.suri.sr25519().public()))
    }

    /// Its signature of a payload.
    pub fn sign(&self, payload: &[u8]) -> Result<[u8; 64], CertificateError> {
        if self.is_ed25519 {
            return Ok(self.suri.ed25519()?.sign(payload));
        }
        Ok(self.suri.sr25519().sign(SIGNING_CONTEXT, payload))
    }
}

/// A key as text (R1).
pub fn key_text(key: &Key) -> String {
    format!("{}:{}", key.scheme(), ss58::encode(&AccountId(*key.bytes()), ss58::DEVELOPMENT_PREFIX))
}

/// A key from text (R1).
pub fn read_key(text: &str) -> Result<Key, CertificateError> {
    match text.split_once(':') {
        Some(("sr25519", public)) => Ok(Key::Sr25519(PublicUri::parse(public)?.sr25519()?)),
        Some(("ed25519", public)) => Ok(Key::Ed25519(PublicUri::parse(public)?.ed25519()?)),
        _ => Err(CertificateError::Key { text: text.into() }),
    }
}

/// Reads an armoured file; `-` is standard input.
pub fn read_armoured<T: Armoured>(path: &Path) -> Result<T, CertificateError> {
    let text = read_text(path)?;
    T::from_text(&text).map_err(|reason| CertificateError::Armour { path: path.into(), reason })
}

/// The text of a file that may be armoured; `-` is standard input.
pub fn read_text(path: &Path) -> Result<String, CertificateError> {
    let fail = |source| CertificateError::File { what: "cannot read", path: path.into(), source };
    let mut text = String::new();
    let limit = TEXT_BYTES_MAX as u64 + 1;
    if path == Path::new("-") {
        std::io::stdin().lock().take(limit).read_to_string(&mut text).map_err(fail)?;
    } else {
        std::fs::File::open(path).map_err(fail)?.take(limit).read_to_string(&mut text).map_err(fail)?;
    }
    Ok(text)
}

/// Writes a secret to a new file (R2).
pub fn write_secret(path: &Path, text: &str) -> Result<(), CertificateError> {
    write_new(path, text, 0o600)
}

/// Writes a file that must not exist.
pub fn write_new(path: &Path, text: &str, mode: u32) -> Result<(), CertificateError> {
    let write = || -> std::io::Result<()> {
        let mut file = OpenOptions::new().create_new(true).write(true).mode(mode).open(path)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()
    };
    write().map_err(|source| CertificateError::File { what: "cannot write", path: path.into(), source })
}

/// Where a node's own certificate lies (R3).
pub fn own_path(chain: &Path) -> PathBuf {
    chain.join("network").join("certificate")
}

/// What stands before an ed25519 key in its peer id: an identity multihash of a protobuf message.
const PEER_ID_HEAD: [u8; 6] = [0x00, 0x24, 0x08, 0x01, 0x12, 0x20];

/// The peer id of a public node key, base58.
pub fn peer_id(node: &[u8; 32]) -> String {
    bs58::encode([PEER_ID_HEAD.as_slice(), node].concat()).into_string()
}

/// The public node key of a peer id; none for ids of other kinds of keys.
pub fn node_key(peer_id: &str) -> Option<[u8; 32]> {
    const MAX_CHARS: usize = 64;
    let bytes = bs58::decode(peer_id.get(..MAX_CHARS).unwrap_or(peer_id)).into_vec().ok()?;
    bytes.strip_prefix(&PEER_ID_HEAD)?.try_into().ok()
}

/// A time as people read it: the date, hours and minutes, UTC.
pub fn date(unix_ms: u64) -> String {
    let ((year, month, day), ms) = crate::clock::civil(unix_ms);
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02} UTC", ms / 3_600_000, ms / 60_000 % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r1_keys_are_read_as_they_are_written() {
        for (suri, is_ed25519) in [("//Root", false), ("//Root", true)] {
            let signer = Signer::new(Suri::parse(suri).unwrap(), is_ed25519);
            let key = signer.key().unwrap();
            assert_eq!(read_key(&key_text(&key)).unwrap(), key);
            let signature = signer.sign(b"payload").unwrap();
            assert!(Libraries.verify(&key, b"payload", &signature));
            assert!(!Libraries.verify(&key, b"payloab", &signature));
        }
        for wrong in ["5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY", "ecdsa:0x00", "sr25519:x", ""] {
            assert!(read_key(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn r2_secrets_are_private_and_never_overwritten() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("root");
        write_secret(&path, "secret").unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(write_secret(&path, "other").is_err());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "secret");
    }

    #[test]
    fn a_node_key_signs_as_its_peer_id_says() {
        let signer = Signer::of_node(&[7; 32]).unwrap();
        let expected = ed25519_zebra::VerificationKeyBytes::from(&ed25519_zebra::SigningKey::from([7; 32]));
        assert_eq!(signer.key().unwrap(), Key::Ed25519(expected.into()));
        let id = quire_network::peer_id([7; 32]).unwrap();
        assert_eq!(peer_id(&expected.into()), id);
        assert_eq!(node_key(&id), Some(expected.into()));
        for wrong in ["", "Qm", "12D3Koo", &format!("{id}{id}")] {
            assert_eq!(node_key(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn dates_are_utc() {
        assert_eq!(date(1_795_177_440_000), "2026-11-20 12:24 UTC");
    }
}
