//! `quire key`: one file per subcommand.
//!
//! Rules:
//! * R1 Text and JSON have the lines and names of Substrate's own key tool, so scripts for it keep working.
//! * R2 A secret is printed only where it was just made, or where it was given to be inspected.
//! * R3 What the chain does not verify (ecdsa) is refused with a sentence, not computed.
mod generate;
mod insert;
mod inspect;
mod node_key;
mod report;
mod sign;

use crate::Error;
use crate::base_path::BasePathError;
use crate::cli::{KeyArgs, KeyCommand, SchemeArg};
use crate::config::ConfigError;
use crate::keystore::KeystoreError;
use crate::secret_input::SecretInputError;
use crate::suri::{PublicUriError, SuriError};
use std::path::PathBuf;

/// Why a `key` command did not do it.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// A secret could not be read.
    #[error(transparent)]
    Input(#[from] SecretInputError),
    /// Not a secret URI.
    #[error(transparent)]
    Suri(#[from] SuriError),
    /// Not a public key.
    #[error(transparent)]
    Public(#[from] PublicUriError),
    /// Neither the one nor the other.
    #[error("this is no secret URI ({secret}) and no public key ({public})")]
    Neither {
        /// Why it is no secret URI.
        secret: SuriError,
        /// Why it is no public key.
        public: PublicUriError,
    },
    /// R3.
    #[error("ecdsa is not supported: nothing on a Quire chain verifies it; use --scheme sr25519 or ed25519")]
    Ecdsa,
    /// No key type.
    #[error("key type {given:?} must be four letters: aura, gran, acco, qmsg, qsig or qsea")]
    KeyType {
        /// What was given.
        given: String,
    },
    /// The node would derive another key.
    #[error("{key_type} keys are {right}, not {given}: leave --scheme out")]
    WrongScheme {
        /// Four letters.
        key_type: String,
        /// What the node uses.
        right: &'static str,
        /// What was asked for.
        given: &'static str,
    },
    /// The keystore refuses.
    #[error(transparent)]
    Keystore(#[from] KeystoreError),
    /// Which chain, where.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A folder or a node key file.
    #[error(transparent)]
    BasePath(#[from] BasePathError),
    /// The node key is none.
    #[error(transparent)]
    NodeKey(#[from] quire_network::NetworkError),
    /// Something is there.
    #[error("{path} exists: a new key there would change the node's identity; move it away first")]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// Message and secret both from standard input.
    #[error(
        "standard input cannot be both the secret and the message: give --message, or --suri with a file"
    )]
    StdinTwice,
    /// The message.
    #[error("the message after --hex is no hex: {reason}")]
    MessageHex {
        /// What is wrong.
        reason: String,
    },
    /// The message is too long.
    #[error("the message has more than {max} bytes")]
    MessageTooLong {
        /// The limit.
        max: u64,
    },
    /// The signature does not have its form.
    #[error("a signature has 128 hex digits")]
    SignatureForm,
    /// The signature is another's, or over another message.
    #[error("the signature is not right: it is of another key or over another message")]
    WrongSignature,
    /// The operating system.
    #[error("{what}: {source}")]
    Io {
        /// What failed.
        what: String,
        /// Its reason.
        source: std::io::Error,
    },
}

pub(super) fn run(args: &KeyArgs) -> Result<(), Error> {
    let done = match &args.command {
        KeyCommand::Generate(args) => generate::run(args),
        KeyCommand::Inspect(args) => inspect::run(args),
        KeyCommand::Insert(args) => insert::run(args),
        KeyCommand::GenerateNodeKey(args) => node_key::generate(args),
        KeyCommand::InspectNodeKey(args) => node_key::inspect(args),
        KeyCommand::Sign(args) => sign::run(args),
        KeyCommand::Verify(args) => sign::verify(args),
    };
    Ok(done?)
}

/// A scheme that this node has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum KeyScheme {
    Sr25519,
    Ed25519,
}

impl KeyScheme {
    /// R3.
    fn of(arg: SchemeArg) -> Result<Self, KeyError> {
        match arg {
            SchemeArg::Sr25519 => Ok(Self::Sr25519),
            SchemeArg::Ed25519 => Ok(Self::Ed25519),
            SchemeArg::Ecdsa => Err(KeyError::Ecdsa),
        }
    }
}

fn print(text: &str) -> Result<(), KeyError> {
    super::output::line(text).map_err(|source| KeyError::Io { what: "cannot write".into(), source })
}
