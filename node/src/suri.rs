//! Secret URIs: how Substrate tools write a key in one line, and the key pairs derived from them.
//!
//! `<phrase or 0x seed>//hard/soft///password`. Without a phrase the well-known development phrase is meant, so
//! `//Alice` is a key that everybody knows.
//!
//! Rules:
//! * R1 A phrase is BIP39, English; its seed comes from the entropy (not from the words, as in BIP39 itself).
//! * R2 A junction that is a number is its 8 bytes, little-endian; other text is its SCALE encoding; padded with zeros
//!   to 32 bytes, or hashed with blake2-256 when longer.
//! * R3 sr25519 derives hard and soft; ed25519 and x25519 only hard.
//! * R4 Nothing here prints a secret; errors never repeat the URI.
//! * R5 A password given apart from the URI replaces that of the URI; a `0x` seed has none.
//! * R6 The *secret seed* of a derived key is what `0x…` would have to hold to give the same key; after a soft junction
//!   there is none.
mod public;

use parity_scale_codec::Encode;
use quire_core::hash::blake2_256;
use quire_core::randomness::VrfOutput;
use schnorrkel::derive::{ChainCode, Derivation};
use schnorrkel::{ExpansionMode, MiniSecretKey};
use zeroize::Zeroizing;

pub use public::{PublicUri, PublicUriError, verify_ed25519, verify_sr25519};

/// Numbers of words that a BIP39 phrase may have.
pub const PHRASE_WORDS: [usize; 5] = [12, 15, 18, 21, 24];

/// The phrase behind `//Alice` and the other development keys.
pub const DEV_PHRASE: &str = "bottom drive obey lake curtain smoke basket hold race lonely fit walk";

/// Longest URI that is read, bytes.
const MAX_SURI_BYTES: usize = 2_048;

/// Why a secret URI is not one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SuriError {
    /// Too long to be one.
    #[error("the secret URI is longer than {MAX_SURI_BYTES} bytes")]
    TooLong,
    /// The part before the first `/` is no phrase.
    #[error(
        "the secret phrase is not 12, 15, 18, 21 or 24 English BIP39 words with a right checksum: {reason}"
    )]
    Phrase {
        /// What is wrong; never the words.
        reason: &'static str,
    },
    /// The seed after `0x` is no 32 bytes of hex.
    #[error("the seed after 0x is not 64 hex digits")]
    Seed,
    /// A slash with nothing after it.
    #[error("the derivation path has an empty junction: write //name for a hard and /name for a soft one")]
    EmptyJunction,
    /// No phrase of this length.
    #[error("a secret phrase has 12, 15, 18, 21 or 24 words, not {words}")]
    Words {
        /// What was asked for.
        words: usize,
    },
    /// The operating system gave no randomness.
    #[error("the operating system gives no randomness: {reason}")]
    Randomness {
        /// Its reason.
        reason: String,
    },
    /// R3.
    #[error("{scheme} keys have hard junctions (//name) only")]
    SoftJunction {
        /// The scheme.
        scheme: &'static str,
    },
}

/// One step of a derivation path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Junction {
    Hard([u8; 32]),
    Soft([u8; 32]),
}

/// A parsed secret URI.
pub struct Suri {
    root: Root,
    path: Vec<Junction>,
    password: Zeroizing<String>,
    is_phrase: bool,
}

/// A new secret phrase of 12, 15, 18, 21 or 24 words, from the operating system's randomness.
pub fn new_phrase(words: usize) -> Result<Zeroizing<String>, SuriError> {
    if !PHRASE_WORDS.contains(&words) {
        return Err(SuriError::Words { words });
    }
    // Three words carry 33 bits, one of them checksum: 4 bytes of entropy.
    let mut entropy = Zeroizing::new(vec![0; words / 3 * 4]);
    getrandom::fill(&mut entropy).map_err(|error| SuriError::Randomness { reason: error.to_string() })?;
    let phrase = bip39::Mnemonic::from_entropy_in(bip39::Language::English, &entropy);
    phrase.map(|phrase| Zeroizing::new(phrase.to_string())).map_err(|_| SuriError::Words { words })
}

enum Root {
    Phrase(bip39::Mnemonic),
    Seed(Zeroizing<[u8; 32]>),
}

/// An sr25519 key pair.
pub struct Sr25519(schnorrkel::Keypair);

/// An ed25519 key pair.
pub struct Ed25519(ed25519_zebra::SigningKey);

/// An x25519 key pair: for sealing, not for signing.
pub struct X25519 {
    secret: Zeroizing<[u8; 32]>,
    public: [u8; 32],
}

impl Suri {
    /// Reads a URI.
    pub fn parse(text: &str) -> Result<Self, SuriError> {
        if text.len() > MAX_SURI_BYTES {
            return Err(SuriError::TooLong);
        }
        let (rest, password) = text.split_once("///").unwrap_or((text, ""));
        let (root, path) = match rest.find('/') {
            Some(at) => rest.split_at(at),
            None => (rest, ""),
        };
        Ok(Self {
            root: parse_root(root)?,
            path: parse_path(path)?,
            password: Zeroizing::new(password.to_owned()),
            is_phrase: rest == text && path.is_empty() && !root.is_empty() && !root.starts_with("0x"),
        })
    }

    /// The same key under another password, when one is given (R5).
    pub fn with_password(mut self, password: Option<&str>) -> Self {
        if let Some(password) = password {
            self.password = Zeroizing::new(password.to_owned());
        }
        self
    }

    /// Whether the URI was a phrase and nothing else.
    pub fn is_phrase(&self) -> bool {
        self.is_phrase
    }

    /// The seed before any derivation.
    fn seed(&self) -> Zeroizing<[u8; 32]> {
        match &self.root {
            Root::Seed(seed) => seed.clone(),
            Root::Phrase(phrase) => {
                let entropy = Zeroizing::new(phrase.to_entropy());
                let mini = substrate_bip39::mini_secret_from_entropy(&entropy, &self.password).expect(
                    "BIP39 phrases have 16 to 32 bytes of entropy, a multiple of 4; that is all it checks",
                );
                Zeroizing::new(mini.to_bytes())
            }
        }
    }

    /// The sr25519 key of this URI.
    pub fn sr25519(&self) -> Sr25519 {
        self.sr25519_with_seed().0
    }

    /// The sr25519 key of this URI, and its secret seed unless a junction is soft (R6).
    pub fn sr25519_with_seed(&self) -> (Sr25519, Option<Zeroizing<[u8; 32]>>) {
        let mini = MiniSecretKey::from_bytes(&*self.seed()).expect("a mini secret is any 32 bytes");
        let mut secret = mini.expand(ExpansionMode::Ed25519);
        let mut seed = Some(mini);
        for junction in &self.path {
            (secret, seed) = match junction {
                Junction::Soft(code) => (secret.derived_key_simple(ChainCode(*code), []).0, None),
                Junction::Hard(code) => {
                    let (mini, _) = secret.hard_derive_mini_secret_key(Some(ChainCode(*code)), b"");
                    (mini.expand(ExpansionMode::Ed25519), seed.map(|_| mini))
                }
            };
        }
        (Sr25519(secret.to_keypair()), seed.map(|mini| Zeroizing::new(mini.to_bytes())))
    }

    /// The ed25519 key of this URI.
    pub fn ed25519(&self) -> Result<Ed25519, SuriError> {
        let seed = self.hard_seed("Ed25519HDKD", "ed25519")?;
        Ok(Ed25519(ed25519_zebra::SigningKey::from(*seed)))
    }

    /// The x25519 key of this URI. Substrate has no such scheme; the derivation follows that of ed25519.
    pub fn x25519(&self) -> Result<X25519, SuriError> {
        let secret = self.hard_seed("X25519HDKD", "x25519")?;
        let public = x25519_dalek::PublicKey::from(&x25519_dalek::StaticSecret::from(*secret)).to_bytes();
        Ok(X25519 { secret, public })
    }

    fn hard_seed(&self, tag: &str, scheme: &'static str) -> Result<Zeroizing<[u8; 32]>, SuriError> {
        self.path.iter().try_fold(self.seed(), |seed, junction| match junction {
            Junction::Hard(code) => Ok(Zeroizing::new(blake2_256(&(tag, *seed, code).encode()))),
            Junction::Soft(_) => Err(SuriError::SoftJunction { scheme }),
        })
    }
}

fn parse_root(text: &str) -> Result<Root, SuriError> {
    if let Some(digits) = text.strip_prefix("0x") {
        let mut seed = Zeroizing::new([0; 32]);
        hex::decode_to_slice(digits, &mut *seed).map_err(|_| SuriError::Seed)?;
        return Ok(Root::Seed(seed));
    }
    let words = if text.is_empty() { DEV_PHRASE } else { text };
    let phrase = bip39::Mnemonic::parse_in_normalized(bip39::Language::English, words);
    phrase.map(Root::Phrase).map_err(|error| SuriError::Phrase {
        reason: match error {
            bip39::Error::BadWordCount(_) => "wrong number of words",
            bip39::Error::UnknownWord(_) => "a word is not in the list",
            bip39::Error::InvalidChecksum => "the checksum is wrong, so a word is mistyped",
            _ => "not readable",
        },
    })
}

fn parse_path(path: &str) -> Result<Vec<Junction>, SuriError> {
    let mut junctions = Vec::new();
    let mut rest = path;
    while let Some(after) = rest.strip_prefix('/') {
        let (is_hard, after) = after.strip_prefix('/').map_or((false, after), |after| (true, after));
        let (name, next) = after.split_at(after.find('/').unwrap_or(after.len()));
        if name.is_empty() {
            return Err(SuriError::EmptyJunction);
        }
        let code = chain_code(name);
        junctions.push(if is_hard { Junction::Hard(code) } else { Junction::Soft(code) });
        rest = next;
    }
    Ok(junctions)
}

/// R2.
fn chain_code(name: &str) -> [u8; 32] {
    let encoded = name.parse::<u64>().map_or_else(|_| name.encode(), |number| number.encode());
    if encoded.len() > 32 {
        return blake2_256(&encoded);
    }
    let mut code = [0; 32];
    code[..encoded.len()].copy_from_slice(&encoded);
    code
}

impl Sr25519 {
    /// The public key.
    pub fn public(&self) -> [u8; 32] {
        self.0.public.to_bytes()
    }

    /// The output of this key's VRF for `input` in a schnorrkel context: always the same, with a proof.
    pub fn vrf(&self, context: &'static [u8], input: &[u8]) -> VrfOutput {
        let (output, proof, _) = self.0.vrf_sign(schnorrkel::signing_context(context).bytes(input));
        VrfOutput { output: output.to_preout().to_bytes(), proof: proof.to_bytes() }
    }

    /// A signature over `message` in a schnorrkel context.
    pub fn sign(&self, context: &'static [u8], message: &[u8]) -> [u8; 64] {
        self.0.sign_simple(context, message).to_bytes()
    }
}

impl Ed25519 {
    /// The public key.
    pub fn public(&self) -> [u8; 32] {
        ed25519_zebra::VerificationKeyBytes::from(&self.0).into()
    }

    /// A signature over `message`.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).into()
    }

    /// The seed, for the node key.
    pub fn seed(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.into())
    }
}

impl X25519 {
    /// The public key.
    pub fn public(&self) -> [u8; 32] {
        self.public
    }

    /// The secret, for whoever opens what was sealed to the public key.
    pub fn secret(&self) -> Zeroizing<[u8; 32]> {
        self.secret.clone()
    }
}

#[cfg(test)]
mod tests {
    //! Vectors of `subkey` and of sp-core's documentation.
    use super::*;
    use quire_core::{AccountId, ss58};

    fn sr(text: &str) -> String {
        ss58::encode(&AccountId(Suri::parse(text).unwrap().sr25519().public()), 42)
    }

    fn ed(text: &str) -> String {
        ss58::encode(&AccountId(Suri::parse(text).unwrap().ed25519().unwrap().public()), 42)
    }

    #[test]
    fn development_keys_are_the_well_known_ones() {
        assert_eq!(sr("//Alice"), "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY");
        assert_eq!(sr("//Bob"), "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty");
        assert_eq!(sr("//Alice//stash"), "5GNJqTPyNqANBkUVMN1LPPrxXnFouWXoe2wNSmmEoLctxiZY");
        assert_eq!(ed("//Alice"), "5FA9nQDVg267DEd8m1ZypXLBnvN7SFxYwV7ndqSYGiN9TTpu");
        assert_eq!(ed("//Bob"), "5GoNkf6WdbxCFnPdAnYYQyCjAKPJgLNxXwPjwTh6DGg6gN3E");
        assert_eq!(sr(&format!("{DEV_PHRASE}//Alice")), sr("//Alice"));
        assert_eq!(sr("0xe5be9a5092b81bca64be81d212e7f2f9eba183bb7a90954f7b76361f6edb5c0a"), sr("//Alice"));
    }

    #[test]
    fn r1_the_password_changes_the_key_of_a_phrase() {
        assert_eq!(sr(DEV_PHRASE), "5DfhGyQdFobKM8NsWvEeAKk5EQQgYe9AydgJ7rMB6E1EqRzV");
        assert_ne!(sr(&format!("{DEV_PHRASE}///secret")), sr(DEV_PHRASE));
        assert_eq!(sr("//Alice///"), sr("//Alice"));
    }

    #[test]
    fn r2_numbers_and_long_names_derive_apart() {
        assert_ne!(sr("//0"), sr("//00 "));
        assert_eq!(chain_code("1")[..9], [1, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(chain_code("Alice")[..6], [20, b'A', b'l', b'i', b'c', b'e']);
        let long = "a-name-that-is-longer-than-thirty-two-bytes";
        assert_eq!(chain_code(long), blake2_256(&long.encode()));
    }

    #[test]
    fn r3_soft_junctions_are_for_sr25519_only() {
        let soft = Suri::parse("//Alice/soft").unwrap();
        assert_ne!(soft.sr25519().public(), Suri::parse("//Alice//soft").unwrap().sr25519().public());
        assert_eq!(soft.ed25519().err(), Some(SuriError::SoftJunction { scheme: "ed25519" }));
        assert_eq!(soft.x25519().err(), Some(SuriError::SoftJunction { scheme: "x25519" }));
    }

    #[test]
    fn r4_mistakes_are_explained_without_the_secret() {
        for (text, error) in [
            ("0x12", SuriError::Seed),
            ("bottom drive", SuriError::Phrase { reason: "wrong number of words" }),
            (
                "bottom drive obey lake curtain smoke basket hold race lonely fit fit",
                SuriError::Phrase { reason: "the checksum is wrong, so a word is mistyped" },
            ),
            (
                "bottom drive obey lake curtain smoke basket hold race lonely fit quire",
                SuriError::Phrase { reason: "a word is not in the list" },
            ),
            ("//Alice/", SuriError::EmptyJunction),
        ] {
            assert_eq!(Suri::parse(text).err(), Some(error.clone()), "{text}");
            assert!(!error.to_string().contains("obey"));
        }
        assert_eq!(Suri::parse(&"/a".repeat(2_000)).err(), Some(SuriError::TooLong));
    }

    #[test]
    fn signatures_verify() {
        let key = Suri::parse("//Alice").unwrap();
        let sr = key.sr25519();
        let signature = schnorrkel::Signature::from_bytes(&sr.sign(b"substrate", b"hello")).unwrap();
        let public = schnorrkel::PublicKey::from_bytes(&sr.public()).unwrap();
        assert!(public.verify_simple(b"substrate", b"hello", &signature).is_ok());
        assert!(public.verify_simple(b"quire", b"hello", &signature).is_err());
        let ed = key.ed25519().unwrap();
        let public = ed25519_zebra::VerificationKey::try_from(ed.public()).unwrap();
        assert!(public.verify(&ed.sign(b"hello").into(), b"hello").is_ok());
    }
}
