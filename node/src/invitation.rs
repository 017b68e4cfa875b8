//! An invitation: the one file with which an organisation joins a running consortium.
//!
//! Rules:
//! * I1 It holds the chain spec in raw form, boot nodes, a checkpoint (a block that was final when it was written), and
//!   the form of the certificate request. Nothing in it is secret.
//! * I2 A checksum over everything else tells a damaged file; it is no signature: get the file over a channel you trust.
//! * I3 The spec gives the genesis hash that the file names, or the file is refused.
//! * I4 A chain whose block at the checkpoint's height is another one is not the chain of the inviters.
use crate::chain_spec::{ChainSpec, SpecError};
use quire_core::{BlockNumber, H256, hash};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::io::Read;
use std::path::{Path, PathBuf};

/// The form that this version writes and reads.
const VERSION: u32 = 1;
/// Largest file, bytes: a raw spec with a million accounts.
const MAX_BYTES: u64 = 512 * 1024 * 1024;

/// Why an invitation cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InvitationError {
    /// The file.
    #[error("cannot read the invitation {path}: {source}")]
    File {
        /// Where.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// Not one.
    #[error("{path} is no invitation: {reason}; ask a member for a new one (quire invite)")]
    Form {
        /// Where.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// I2.
    #[error("the invitation {path} is damaged (wrong checksum): copy it again")]
    Damaged {
        /// Where.
        path: PathBuf,
    },
    /// I3.
    #[error(
        "the invitation {path} names the chain {named}, its chain spec makes {made}: ask a member for a new one"
    )]
    Genesis {
        /// Where.
        path: PathBuf,
        /// What it says.
        named: H256,
        /// What its spec gives.
        made: H256,
    },
    /// The spec.
    #[error(transparent)]
    Spec(#[from] SpecError),
}

/// A block that was final when the invitation was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checkpoint {
    /// Its height.
    pub number: BlockNumber,
    /// Its hash.
    #[serde(with = "hex_hash")]
    pub hash: H256,
}

/// What the newcomer fills in and signs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RequestForm {
    /// An organisation's.
    pub level: u8,
    /// The key that signs it afterwards.
    pub certificate_root: Option<String>,
    /// What is to be filled in.
    pub fields: Vec<String>,
}

/// The file.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Invitation {
    /// The form of the file.
    pub quire_invitation: u32,
    /// Genesis hash.
    #[serde(with = "hex_hash")]
    pub genesis: H256,
    /// A final block.
    pub checkpoint: Checkpoint,
    /// What the newcomer fills in.
    pub certificate_request: RequestForm,
    /// The chain.
    pub chain_spec: ChainSpec,
    /// I2.
    #[serde(default)]
    pub checksum: String,
}

impl Invitation {
    /// To the chain of this spec, which must be raw and name boot nodes.
    pub fn new(spec: ChainSpec, genesis: H256, checkpoint: Checkpoint, root: Option<String>) -> Self {
        let fields = ["account", "key", "name"].map(str::to_owned).to_vec();
        let certificate_request = RequestForm { level: 0, certificate_root: root, fields };
        Self {
            quire_invitation: VERSION,
            genesis,
            checkpoint,
            certificate_request,
            chain_spec: spec,
            checksum: String::new(),
        }
    }

    /// The file's text (I2).
    pub fn to_text(&self) -> Result<String, serde_json::Error> {
        let open = Self { checksum: String::new(), ..self.clone() };
        let checksum = open.sum()?;
        serde_json::to_string_pretty(&Self { checksum, ..open })
    }

    fn sum(&self) -> Result<String, serde_json::Error> {
        let value: Value = serde_json::to_value(Self { checksum: String::new(), ..self.clone() })?;
        Ok(format!("0x{}", hex::encode(hash::blake2_256(value.to_string().as_bytes()))))
    }

    /// Reads and checks a file (I2, I3).
    pub fn read(path: &Path) -> Result<Self, InvitationError> {
        let file = |source| InvitationError::File { path: path.into(), source };
        let form = |reason: String| InvitationError::Form { path: path.into(), reason };
        let mut text = Vec::new();
        std::fs::File::open(path).map_err(file)?.take(MAX_BYTES + 1).read_to_end(&mut text).map_err(file)?;
        if text.len() as u64 > MAX_BYTES {
            return Err(form(format!("it has more than {MAX_BYTES} bytes")));
        }
        let invitation: Self = serde_json::from_slice(&text).map_err(|error| form(error.to_string()))?;
        if invitation.quire_invitation != VERSION {
            return Err(form(format!(
                "it has form {}, this node reads {VERSION}",
                invitation.quire_invitation
            )));
        }
        if invitation.sum().map_err(|error| form(error.to_string()))? != invitation.checksum {
            return Err(InvitationError::Damaged { path: path.into() });
        }
        let (named, made) = (invitation.genesis, invitation.chain_spec.genesis()?.hash());
        if named != made {
            return Err(InvitationError::Genesis { path: path.into(), named, made });
        }
        Ok(invitation)
    }
}

mod hex_hash {
    //! Hashes as `0x` hex.
    use quire_core::H256;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(hash: &H256, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&hash.to_string())
    }

    pub(super) fn deserialize<'a, D: Deserializer<'a>>(from: D) -> Result<H256, D::Error> {
        String::deserialize(from)?.parse().map_err(|_| D::Error::custom("a hash is 0x and 64 hex digits"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invitation() -> Invitation {
        let spec = ChainSpec::dev().to_raw().unwrap();
        let genesis = spec.genesis().unwrap().hash();
        Invitation::new(spec, genesis, Checkpoint { number: 7, hash: H256([7; 32]) }, None)
    }

    fn read(text: &str) -> Result<Invitation, InvitationError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        Invitation::read(file.path())
    }

    #[test]
    fn i1_what_is_written_is_read() {
        let read = read(&invitation().to_text().unwrap()).unwrap();
        assert_eq!((read.checkpoint.number, read.checkpoint.hash), (7, H256([7; 32])));
        assert_eq!(read.genesis, invitation().genesis);
    }

    #[test]
    fn i2_i3_damage_and_foreign_specs_are_refused() {
        let text = invitation().to_text().unwrap();
        let damaged = text.replacen("\"number\": 7", "\"number\": 8", 1);
        assert!(matches!(read(&damaged), Err(InvitationError::Damaged { .. })));
        assert!(matches!(read(&text[..text.len() / 2]), Err(InvitationError::Form { .. })));
        let mut other = invitation();
        other.genesis = H256([1; 32]);
        assert!(matches!(read(&other.to_text().unwrap()), Err(InvitationError::Genesis { .. })));
        let newer = Invitation { quire_invitation: 2, ..invitation() };
        assert!(read(&newer.to_text().unwrap()).unwrap_err().to_string().contains("reads 1"));
    }
}
