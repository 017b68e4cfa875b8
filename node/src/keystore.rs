//! The node's secret keys, and the only place that signs.
//!
//! Rules:
//! * R1 A key file is Substrate's: name = hex of the four letters of the key type and of the public key, content = the
//!   secret URI as a JSON string; mode 0600, in a directory of mode 0700.
//! * R2 What could contradict an earlier signature (seals, votes, message batches, commitments) is signed only after
//!   the guard permitted it durably.
//! * R3 Secrets are never printed; keys given for one run (development keys) are never written.
//! * R4 A password of the keystore is the password of every secret URI in its files and in no file. Keys given for one
//!   run have none.
//! * R5 Files that appear in the directory while the node runs are used without a restart; those that go away count until
//!   the next start. A new file that cannot be used is named in the log and left alone.
mod files;

use crate::guard::{Guard, PermitError};
use crate::suri::{self, Ed25519, Sr25519, Suri, SuriError, X25519};
use quire_channel::BatchHeader;
use quire_channel::part::RECEIPT_CONTEXT;
use quire_consensus::finality::solo::Vote;
use quire_consensus::finality::voter::SignRequest;
use quire_consensus::vote_guard::{Conflict, Request, VoteKind};
use quire_core::crypto::{CHANNEL_CONTEXT, SIGNING_CONTEXT};
use quire_core::randomness::{VRF_CONTEXT, VrfOutput};
use quire_core::{AuraId, GrandpaId, H256, KeyTypeId, Slot, keys};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use zeroize::Zeroizing;

/// Most key files that are read.
const MAX_KEYS: usize = 4_096;
/// Words of the phrase of a new key.
const NEW_PHRASE_WORDS: usize = 12;

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
    fn derive(scheme: Scheme, suri: &str, password: Option<&str>) -> Result<Self, SuriError> {
        let suri = Suri::parse(suri)?.with_password(password);
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
    password: Option<Zeroizing<String>>,
    pairs: RwLock<Pairs>,
    /// Names of files that were found useless while running (R5).
    useless: Mutex<BTreeSet<PathBuf>>,
    guard: Guard,
}

impl Keystore {
    /// Reads every key file of `directory`, which is created if need be.
    pub fn open(directory: &Path, guard: Guard) -> Result<Self, KeystoreError> {
        Self::open_with_password(directory, guard, None)
    }

    /// Like [`open`](Self::open), for files whose secret URIs need a password (R4).
    pub fn open_with_password(
        directory: &Path,
        guard: Guard,
        password: Option<Zeroizing<String>>,
    ) -> Result<Self, KeystoreError> {
        files::create_directory(directory)?;
        let mut pairs = BTreeMap::new();
        for (path, key_type, public) in files::list(directory)? {
            let pair = files::read(&path, key_type, public, password.as_deref().map(String::as_str))?;
            pairs.insert((key_type, public), Arc::new(pair));
        }
        Ok(Self {
            directory: Some(directory.into()),
            password,
            pairs: RwLock::new(pairs),
            useless: Mutex::default(),
            guard,
        })
    }

    /// A keystore without files.
    pub fn in_memory(guard: Guard) -> Self {
        Self { directory: None, password: None, pairs: RwLock::default(), useless: Mutex::default(), guard }
    }

    /// Adds a key for this run only (R3); returns its public key.
    pub fn add(&self, key_type: KeyTypeId, suri: &str) -> Result<[u8; 32], KeystoreError> {
        Ok(self.keep(key_type, Pair::derive(scheme_of(key_type), suri, None)?))
    }

    fn keep(&self, key_type: KeyTypeId, pair: Pair) -> [u8; 32] {
        let public = pair.public();
        let mut pairs = self.pairs.write().unwrap_or_else(PoisonError::into_inner);
        pairs.insert((key_type, public), Arc::new(pair));
        public
    }

    /// Adds a key and keeps it in a file (R1). When `expected` is given the key must be it.
    pub fn insert(
        &self,
        key_type: KeyTypeId,
        suri: &str,
        expected: Option<&[u8]>,
    ) -> Result<[u8; 32], KeystoreError> {
        let pair = Pair::derive(scheme_of(key_type), suri, self.password.as_deref().map(String::as_str))?;
        let derived = pair.public();
        if let Some(given) = expected.filter(|given| **given != derived) {
            return Err(KeystoreError::Mismatch {
                key_type: letters(key_type),
                given: hex::encode(given),
                derived: hex::encode(derived),
            });
        }
        if let Some(directory) = &self.directory {
            files::write(directory, key_type, &derived, suri)?;
        }
        Ok(self.keep(key_type, pair))
    }

    /// Makes a new key from the operating system's randomness, or from a given secret URI, and keeps it in a file.
    pub fn generate(&self, key_type: KeyTypeId, suri: Option<&str>) -> Result<[u8; 32], KeystoreError> {
        match suri {
            Some(suri) => self.insert(key_type, suri, None),
            None => self.insert(key_type, &suri::new_phrase(NEW_PHRASE_WORDS)?, None),
        }
    }

    /// R5: takes up files that appeared since.
    fn refresh(&self) {
        let Some(directory) = &self.directory else { return };
        let listed = match files::list(directory) {
            Ok(listed) => listed,
            Err(error) => {
                tracing::warn!(target: "keystore", "{error}");
                return;
            }
        };
        let is_new = |key: &(KeyTypeId, [u8; 32])| {
            !self.pairs.read().unwrap_or_else(PoisonError::into_inner).contains_key(key)
        };
        for (path, key_type, public) in listed {
            let mut useless = self.useless.lock().unwrap_or_else(PoisonError::into_inner);
            if useless.contains(&path) || !is_new(&(key_type, public)) {
                continue;
            }
            match files::read(&path, key_type, public, self.password.as_deref().map(String::as_str)) {
                Ok(pair) => {
                    tracing::info!(target: "keystore", "new {} key {}", letters(key_type), hex::encode(public));
                    self.keep(key_type, pair);
                }
                Err(error) => {
                    tracing::warn!(target: "keystore", "{error}");
                    useless.insert(path);
                }
            }
        }
    }

    /// Whether the secret of `public` is here.
    pub fn has(&self, key_type: KeyTypeId, public: &[u8; 32]) -> bool {
        self.refresh();
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

    /// The VRF output of an author's key. There is one for each input, so that it contradicts nothing.
    pub fn vrf(&self, author: &AuraId, input: &[u8]) -> Result<VrfOutput, KeystoreError> {
        match &*self.pair(keys::AURA, &author.0)? {
            Pair::Sr25519(pair) => Ok(pair.vrf(VRF_CONTEXT, input)),
            _ => Err(missing(keys::AURA, &author.0)),
        }
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

    /// Votes of one key, with one write of the guard: a signature for each, or none where the guard refuses.
    pub fn sign_votes(&self, votes: &[SignRequest]) -> Result<Vec<Option<[u8; 64]>>, KeystoreError> {
        let Some(first) = votes.first() else { return Ok(Vec::new()) };
        let pair = self.pair(keys::GRANDPA, &first.id.0)?;
        let Pair::Ed25519(pair) = &*pair else { return Err(missing(keys::GRANDPA, &first.id.0)) };
        let requests: Vec<Request> = votes.iter().map(SignRequest::guard_request).collect();
        let record = votes.iter().rev().find_map(|vote| vote.record.clone());
        let verdicts = self.guard.permit_votes(first.id.0, record, &requests)?;
        let sign = |(vote, verdict): (&SignRequest, Result<(), Conflict>)| match verdict {
            Ok(()) => Some(pair.sign(&vote.payload())),
            Err(why) => {
                tracing::warn!(target: "grandpa", "no {:?} in round {}: {why}", vote.kind, vote.round);
                None
            }
        };
        Ok(votes.iter().zip(verdicts).map(sign).collect())
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

    /// A certificate's payload, by a member's key, whatever else that key is for. Signing two of them contradicts nothing:
    /// the newer serial counts.
    pub fn sign_certificate(&self, key: &[u8; 32], payload: &[u8]) -> Result<[u8; 64], KeystoreError> {
        let types = [keys::CERTIFICATE, keys::ACCOUNT, keys::AURA];
        let found = types.into_iter().find(|key_type| self.public_keys(*key_type).contains(key));
        self.sign(found.unwrap_or(keys::CERTIFICATE), key, SIGNING_CONTEXT, payload, None)
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
        self.refresh();
        self.public_keys(keys::GRANDPA).into_iter().map(GrandpaId).collect()
    }

    /// The Aura keys of this node.
    pub fn aura_keys(&self) -> Vec<AuraId> {
        self.refresh();
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

#[cfg(test)]
mod tests;
