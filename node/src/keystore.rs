//! The node's secret keys, and the only place that signs.
//!
//! Rules:
//! * R1 A key file is Substrate's: name = hex of the four letters of the key type and of the public key, content = the
//!   secret URI as a JSON string; mode 0600, in a directory of mode 0700.
//! * R2 What could contradict an earlier signature (seals, votes, message batches, commitments) is signed only after
//!   the guard permitted it durably.
//! * R3 Secrets are never printed; keys given for one run (development keys) are never written.
use crate::guard::{Guard, PermitError};
use crate::suri::{Ed25519, Sr25519, Suri, SuriError, X25519};
use quire_channel::BatchHeader;
use quire_channel::part::RECEIPT_CONTEXT;
use quire_consensus::finality::solo::Vote;
use quire_consensus::vote_guard::{Request, VoteKind};
use quire_core::crypto::{CHANNEL_CONTEXT, SIGNING_CONTEXT};
use quire_core::{AuraId, GrandpaId, H256, KeyTypeId, Slot, keys};
use std::collections::BTreeMap;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use zeroize::Zeroizing;

/// Largest key file that is read, bytes.
const MAX_KEY_FILE_BYTES: u64 = 8 * 1024;
/// Most key files that are read.
const MAX_KEYS: usize = 4_096;

/// What a key type is used with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// schnorrkel over Ristretto.
    Sr25519,
    /// EdDSA, for GRANDPA.
    Ed25519,
    /// Diffie-Hellman, for sealing.
    X25519,
}

/// The scheme of a key type.
pub fn scheme_of(key_type: KeyTypeId) -> Scheme {
    match key_type {
        keys::GRANDPA => Scheme::Ed25519,
        keys::SEALING => Scheme::X25519,
        _ => Scheme::Sr25519,
    }
}

enum Pair {
    Sr25519(Sr25519),
    Ed25519(Ed25519),
    X25519(X25519),
}

impl Pair {
    fn derive(scheme: Scheme, suri: &str) -> Result<Self, SuriError> {
        let suri = Suri::parse(suri)?;
        Ok(match scheme {
            Scheme::Sr25519 => Self::Sr25519(suri.sr25519()),
            Scheme::Ed25519 => Self::Ed25519(suri.ed25519()?),
            Scheme::X25519 => Self::X25519(suri.x25519()?),
        })
    }

    fn public(&self) -> [u8; 32] {
        match self {
            Self::Sr25519(pair) => pair.public(),
            Self::Ed25519(pair) => pair.public(),
            Self::X25519(pair) => pair.public(),
        }
    }
}

/// Why the keystore did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum KeystoreError {
    /// The secret URI is none.
    #[error("{0}")]
    Suri(#[from] SuriError),
    /// The public key is not that of the URI.
    #[error(
        "the public key {given} is not that of the secret URI ({derived}) under the scheme of key type {key_type}"
    )]
    Mismatch {
        /// Four letters.
        key_type: String,
        /// Hex of the key given.
        given: String,
        /// Hex of the key derived.
        derived: String,
    },
    /// No such key here.
    #[error(
        "the keystore has no {key_type} key {public}: insert it with author_insertKey or a file in the keystore folder"
    )]
    Missing {
        /// Four letters.
        key_type: String,
        /// Hex of the public key.
        public: String,
    },
    /// R2.
    #[error(transparent)]
    Permit(#[from] PermitError),
    /// A file cannot be used.
    #[error("cannot use the key file {path}: {reason}")]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

impl KeystoreError {
    /// True when the node must stop.
    pub fn is_fatal(&self) -> bool {
        matches!(self, Self::Permit(error) if error.is_fatal())
    }
}

type Pairs = BTreeMap<(KeyTypeId, [u8; 32]), Arc<Pair>>;

/// Secret keys by type and public key.
pub struct Keystore {
    directory: Option<PathBuf>,
    pairs: RwLock<Pairs>,
    guard: Guard,
}

impl Keystore {
    /// Reads every key file of `directory`, which is created if need be.
    pub fn open(directory: &Path, guard: Guard) -> Result<Self, KeystoreError> {
        let fail = |reason: std::io::Error| KeystoreError::File {
            path: directory.into(),
            reason: reason.to_string(),
        };
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(fail)?;
        let mut pairs = BTreeMap::new();
        for entry in std::fs::read_dir(directory).map_err(fail)? {
            let path = entry.map_err(fail)?.path();
            let Some((key_type, public)) = parse_name(&path) else { continue };
            if pairs.len() == MAX_KEYS {
                return Err(fail(std::io::Error::other(format!("more than {MAX_KEYS} keys"))));
            }
            pairs.insert((key_type, public), Arc::new(read_key(&path, key_type, public)?));
        }
        Ok(Self { directory: Some(directory.into()), pairs: RwLock::new(pairs), guard })
    }

    /// A keystore without files.
    pub fn in_memory(guard: Guard) -> Self {
        Self { directory: None, pairs: RwLock::default(), guard }
    }

    /// Adds a key for this run only (R3); returns its public key.
    pub fn add(&self, key_type: KeyTypeId, suri: &str) -> Result<[u8; 32], KeystoreError> {
        let pair = Pair::derive(scheme_of(key_type), suri)?;
        let public = pair.public();
        let mut pairs = self.pairs.write().unwrap_or_else(PoisonError::into_inner);
        pairs.insert((key_type, public), Arc::new(pair));
        Ok(public)
    }

    /// Adds a key and keeps it in a file (R1). When `expected` is given the key must be it.
    pub fn insert(
        &self,
        key_type: KeyTypeId,
        suri: &str,
        expected: Option<&[u8]>,
    ) -> Result<[u8; 32], KeystoreError> {
        let derived = Pair::derive(scheme_of(key_type), suri)?.public();
        if let Some(given) = expected.filter(|given| **given != derived) {
            return Err(KeystoreError::Mismatch {
                key_type: letters(key_type),
                given: hex::encode(given),
                derived: hex::encode(derived),
            });
        }
        if let Some(directory) = &self.directory {
            let path = directory.join(format!("{}{}", hex::encode(key_type.0), hex::encode(derived)));
            write_key(&path, suri).map_err(|why| KeystoreError::File { path, reason: why.to_string() })?;
        }
        self.add(key_type, suri)
    }

    /// Whether the secret of `public` is here.
    pub fn has(&self, key_type: KeyTypeId, public: &[u8; 32]) -> bool {
        self.pairs.read().unwrap_or_else(PoisonError::into_inner).contains_key(&(key_type, *public))
    }

    /// The public keys of one type, in ascending order.
    pub fn public_keys(&self, key_type: KeyTypeId) -> Vec<[u8; 32]> {
        let pairs = self.pairs.read().unwrap_or_else(PoisonError::into_inner);
        pairs.range((key_type, [0; 32])..=(key_type, [0xff; 32])).map(|((_, public), _)| *public).collect()
    }

    /// What was signed, sent and promised before.
    pub fn guard(&self) -> &Guard {
        &self.guard
    }

    /// The seal of a block: sr25519 over the hash of the unsealed header.
    pub fn sign_seal(&self, author: &AuraId, slot: Slot, payload: H256) -> Result<[u8; 64], KeystoreError> {
        let request = Request::Seal { key: author.0, slot, payload };
        self.sign(keys::AURA, &author.0, SIGNING_CONTEXT, &payload.0, Some(&request))
    }

    /// A precommit.
    pub fn sign_precommit(&self, vote: &Vote) -> Result<[u8; 64], KeystoreError> {
        let pair = self.pair(keys::GRANDPA, &vote.id.0)?;
        let Pair::Ed25519(pair) = &*pair else { return Err(missing(keys::GRANDPA, &vote.id.0)) };
        self.guard.permit(&Request::Vote {
            key: vote.id.0,
            kind: VoteKind::Precommit,
            set_id: vote.set_id,
            round: vote.round,
            target_hash: vote.target_hash,
            target_number: vote.target_number,
        })?;
        Ok(pair.sign(&vote.payload()))
    }

    /// A batch of channel messages, by a participant's message key; `signing_bytes` is the batch header's.
    pub fn sign_batch(
        &self,
        key: &[u8; 32],
        channel: u64,
        first_seq: u64,
        count: u32,
        root: H256,
        signing_bytes: &[u8],
    ) -> Result<[u8; 64], KeystoreError> {
        let request = Request::Messages { key: *key, channel, first_seq, count, root };
        self.sign(keys::MESSAGE, key, CHANNEL_CONTEXT, signing_bytes, Some(&request))
    }

    /// Several batches of one sender in order, with one write of the guard.
    pub fn sign_batches(
        &self,
        key: &[u8; 32],
        headers: &[BatchHeader],
    ) -> Result<Vec<[u8; 64]>, KeystoreError> {
        let pair = self.pair(keys::MESSAGE, key)?;
        let Pair::Sr25519(pair) = &*pair else { return Err(missing(keys::MESSAGE, key)) };
        let request = |header: &BatchHeader| {
            let BatchHeader { channel, first_seq, count, root, .. } = *header;
            Request::Messages { key: *key, channel, first_seq, count, root }
        };
        let requests: Vec<Request> = headers.iter().map(request).collect();
        self.guard.permit_all(&requests)?;
        Ok(headers.iter().map(|header| pair.sign(CHANNEL_CONTEXT, &header.signing_bytes())).collect())
    }

    /// Permits a commitment to a result: it may be submitted once this returned.
    pub fn permit_commit(
        &self,
        key: &[u8; 32],
        channel: u64,
        block: u32,
        commitment: H256,
    ) -> Result<(), KeystoreError> {
        Ok(self.guard.permit(&Request::Commit { key: *key, channel, block, commitment })?)
    }

    /// A custody receipt, by a validator's signing key. Repeating one contradicts nothing.
    pub fn sign_receipt(&self, key: &[u8; 32], payload: &[u8]) -> Result<[u8; 64], KeystoreError> {
        self.sign(keys::SIGNING, key, RECEIPT_CONTEXT, payload, None)
    }

    /// An extrinsic's payload, by an account. The chain's nonce guards against repetition.
    pub fn sign_extrinsic(&self, account: &[u8; 32], payload: &[u8]) -> Result<[u8; 64], KeystoreError> {
        self.sign(keys::ACCOUNT, account, SIGNING_CONTEXT, payload, None)
    }

    /// The secret behind a sealing key, to open what was sealed to it.
    pub fn sealing_secret(&self, public: &[u8; 32]) -> Result<Zeroizing<[u8; 32]>, KeystoreError> {
        match &*self.pair(keys::SEALING, public)? {
            Pair::X25519(pair) => Ok(pair.secret()),
            _ => Err(missing(keys::SEALING, public)),
        }
    }

    /// A 32-byte secret that only this key and `context` give, the same for ever: salts of commitments.
    pub fn derive_secret(
        &self,
        key: &[u8; 32],
        context: &[u8],
    ) -> Result<Zeroizing<[u8; 32]>, KeystoreError> {
        match &*self.pair(keys::SEALING, key)? {
            Pair::X25519(pair) => Ok(Zeroizing::new(quire_core::hash::blake2_256_concat(&[
                b"quire/prf",
                pair.secret().as_slice(),
                context,
            ]))),
            _ => Err(missing(keys::SEALING, key)),
        }
    }

    /// The GRANDPA keys of this node.
    pub fn grandpa_keys(&self) -> Vec<GrandpaId> {
        self.public_keys(keys::GRANDPA).into_iter().map(GrandpaId).collect()
    }

    /// The Aura keys of this node.
    pub fn aura_keys(&self) -> Vec<AuraId> {
        self.public_keys(keys::AURA).into_iter().map(AuraId).collect()
    }

    fn pair(&self, key_type: KeyTypeId, public: &[u8; 32]) -> Result<Arc<Pair>, KeystoreError> {
        let pairs = self.pairs.read().unwrap_or_else(PoisonError::into_inner);
        pairs.get(&(key_type, *public)).cloned().ok_or_else(|| missing(key_type, public))
    }

    /// R2: permitted first when `request` is given, then signed with sr25519.
    fn sign(
        &self,
        key_type: KeyTypeId,
        public: &[u8; 32],
        context: &'static [u8],
        message: &[u8],
        request: Option<&Request>,
    ) -> Result<[u8; 64], KeystoreError> {
        let pair = self.pair(key_type, public)?;
        let Pair::Sr25519(pair) = &*pair else { return Err(missing(key_type, public)) };
        if let Some(request) = request {
            self.guard.permit(request)?;
        }
        Ok(pair.sign(context, message))
    }
}

fn missing(key_type: KeyTypeId, public: &[u8; 32]) -> KeystoreError {
    KeystoreError::Missing { key_type: letters(key_type), public: hex::encode(public) }
}

fn letters(key_type: KeyTypeId) -> String {
    String::from_utf8_lossy(&key_type.0).into_owned()
}

/// R1: the type and the public key from a file's name; other files are left alone.
fn parse_name(path: &Path) -> Option<(KeyTypeId, [u8; 32])> {
    let mut bytes = [0; 36];
    hex::decode_to_slice(path.file_name()?.to_str()?, &mut bytes).ok()?;
    let (key_type, public) = bytes.split_at(4);
    Some((KeyTypeId(key_type.try_into().ok()?), public.try_into().ok()?))
}

fn read_key(path: &Path, key_type: KeyTypeId, public: [u8; 32]) -> Result<Pair, KeystoreError> {
    let fail = |reason: String| KeystoreError::File { path: path.into(), reason };
    let length = std::fs::metadata(path).map_err(|why| fail(why.to_string()))?.len();
    if length > MAX_KEY_FILE_BYTES {
        return Err(fail(format!("it has {length} bytes, more than {MAX_KEY_FILE_BYTES}")));
    }
    let text = Zeroizing::new(std::fs::read_to_string(path).map_err(|why| fail(why.to_string()))?);
    let suri: Zeroizing<String> = serde_json::from_str(&text)
        .map(Zeroizing::new)
        .map_err(|_| fail("the content must be one JSON string, the secret URI".into()))?;
    let pair = Pair::derive(scheme_of(key_type), &suri).map_err(|why| fail(why.to_string()))?;
    if pair.public() == public {
        Ok(pair)
    } else {
        Err(fail("its secret belongs to another public key than its name".into()))
    }
}

/// Through a temporary file, so that a crash leaves the old key or the new one.
fn write_key(path: &Path, suri: &str) -> std::io::Result<()> {
    let text = Zeroizing::new(serde_json::to_string(suri)?);
    let temporary = path.with_extension("new");
    let mut file =
        std::fs::OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&temporary)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&temporary, path)?;
    path.parent().map_or(Ok(()), |directory| std::fs::File::open(directory)?.sync_all())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn alice(keystore: &Keystore, key_type: KeyTypeId) -> [u8; 32] {
        keystore.insert(key_type, "//Alice", None).unwrap()
    }

    #[test]
    fn r1_files_are_those_of_substrate() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("keystore");
        let keystore = Keystore::open(&path, Guard::in_memory()).unwrap();
        alice(&keystore, keys::AURA);
        alice(&keystore, keys::GRANDPA);
        let aura = path.join("61757261d43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d");
        let gran = path.join("6772616e88dc3417d5058ec4b4503e0c12ea1a0a89be200fe98922423d4334014fa6b0ee");
        assert_eq!(std::fs::read_to_string(&aura).unwrap(), "\"//Alice\"");
        assert!(gran.exists());
        assert_eq!(std::fs::metadata(&aura).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        let again = Keystore::open(&path, Guard::in_memory()).unwrap();
        assert_eq!(again.aura_keys(), keystore.aura_keys());
        assert_eq!(again.grandpa_keys().len(), 1);
    }

    #[test]
    fn r1_a_file_with_another_key_in_it_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let name = format!("61757261{}", "11".repeat(32));
        std::fs::write(directory.path().join(&name), "\"//Alice\"").unwrap();
        let error = Keystore::open(directory.path(), Guard::in_memory()).err().unwrap().to_string();
        assert!(error.contains(&name) && error.contains("another public key"), "{error}");
        std::fs::write(directory.path().join(&name), "//Alice").unwrap();
        assert!(Keystore::open(directory.path(), Guard::in_memory()).is_err());
    }

    #[test]
    fn a_public_key_that_does_not_match_is_refused() {
        let keystore = Keystore::in_memory(Guard::in_memory());
        let wrong = keystore.insert(keys::AURA, "//Alice", Some(&[1; 32]));
        assert!(matches!(wrong, Err(KeystoreError::Mismatch { .. })));
        assert!(keystore.aura_keys().is_empty());
    }

    #[test]
    fn r2_one_slot_is_sealed_once() {
        let keystore = Keystore::in_memory(Guard::in_memory());
        let author = AuraId(alice(&keystore, keys::AURA));
        keystore.sign_seal(&author, Slot(1), H256([1; 32])).unwrap();
        let second = keystore.sign_seal(&author, Slot(1), H256([2; 32]));
        assert!(matches!(second, Err(KeystoreError::Permit(PermitError::Conflict(_)))));
    }

    #[test]
    fn r2_one_round_is_voted_once() {
        let keystore = Keystore::in_memory(Guard::in_memory());
        let id = GrandpaId(alice(&keystore, keys::GRANDPA));
        let vote =
            |target: u8| Vote { id, set_id: 0, round: 1, target_hash: H256([target; 32]), target_number: 1 };
        keystore.sign_precommit(&vote(1)).unwrap();
        keystore.sign_precommit(&vote(1)).unwrap();
        assert!(keystore.sign_precommit(&vote(2)).is_err());
    }

    #[test]
    fn unknown_keys_sign_nothing() {
        let keystore = Keystore::in_memory(Guard::in_memory());
        let missing = keystore.sign_extrinsic(&[1; 32], b"payload").err().unwrap().to_string();
        assert!(missing.contains("acco") && missing.contains(&"01".repeat(32)), "{missing}");
        assert!(keystore.sign_seal(&AuraId([1; 32]), Slot(1), H256::ZERO).is_err());
        assert!(keystore.sealing_secret(&[1; 32]).is_err());
    }

    #[test]
    fn sealing_keys_agree_with_each_other() {
        let keystore = Keystore::in_memory(Guard::in_memory());
        let (alice, bob) =
            (keystore.add(keys::SEALING, "//Alice").unwrap(), keystore.add(keys::SEALING, "//Bob").unwrap());
        let shared = |secret: [u8; 32], public: [u8; 32]| {
            x25519_dalek::StaticSecret::from(secret).diffie_hellman(&public.into()).to_bytes()
        };
        let (a, b) = (keystore.sealing_secret(&alice).unwrap(), keystore.sealing_secret(&bob).unwrap());
        assert_eq!(shared(*a, bob), shared(*b, alice));
        assert_ne!(
            keystore.derive_secret(&alice, b"1").unwrap(),
            keystore.derive_secret(&alice, b"2").unwrap()
        );
    }
}
