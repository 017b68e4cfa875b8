//! `quire invite`: writes the one file with which an organisation joins.
use super::explain::{self, ExplainError};
use super::output;
use crate::Error;
use crate::chain_spec::{ChainSpec, GenesisJson, SpecError};
use crate::cli::InviteArgs;
use crate::invitation::{Checkpoint, Invitation, InvitationError};
use quire_core::H256;
use serde_json::{Value, json};

/// Why there is no invitation, or nobody can join by it.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// The file.
    #[error(transparent)]
    Invitation(#[from] InvitationError),
    /// The chain spec.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// The node.
    #[error(transparent)]
    Call(#[from] ExplainError),
    /// Keys, certificates, their files.
    #[error(transparent)]
    Certificate(#[from] crate::certificate::CertificateError),
    /// The keystore.
    #[error(transparent)]
    Keystore(#[from] crate::keystore::KeystoreError),
    /// The node key.
    #[error(transparent)]
    BasePath(#[from] crate::base_path::BasePathError),
    /// The keystore's password.
    #[error(transparent)]
    Input(#[from] crate::secret_input::SecretInputError),
    /// A secret phrase.
    #[error(transparent)]
    Suri(#[from] crate::suri::SuriError),
    /// Another chain runs there.
    #[error(
        "the node on port {port} runs the chain {runs}, --chain is {given}: name the spec that it was started with"
    )]
    OtherChain {
        /// The port.
        port: u16,
        /// What runs.
        runs: H256,
        /// What was given.
        given: H256,
    },
    /// Nobody could be reached.
    #[error("the node on port {port} listens on no address that others could dial: name one with --bootnode")]
    NoBootNode {
        /// The port.
        port: u16,
    },
    /// An answer of unknown form.
    #[error("the node on port {port} answered {method} with {answer}")]
    Strange {
        /// The port.
        port: u16,
        /// What was asked.
        method: &'static str,
        /// What it said.
        answer: String,
    },
    /// The flags do not say enough.
    #[error("{0}")]
    Usage(&'static str),
    /// I4 of the invitation.
    #[error(
        "block {number} of the chain in {path} is {found}, the invitation says {expected}: this is not the inviters' chain"
    )]
    OtherHistory {
        /// The height.
        number: u32,
        /// Where.
        path: String,
        /// What is there.
        found: H256,
        /// What should be.
        expected: H256,
    },
    /// What would be written.
    #[error("the invitation cannot be written: {0}")]
    Json(#[from] serde_json::Error),
}

pub(super) fn run(args: &InviteArgs) -> Result<(), Error> {
    let invitation = make(args)?;
    let text = invitation.to_text().map_err(JoinError::Json)?;
    output::text("the invitation", &text, Some(&args.out))?;
    let Checkpoint { number, hash } = invitation.checkpoint;
    let said = if args.output.is_json() {
        let boot_nodes = &invitation.chain_spec.boot_nodes;
        let genesis = invitation.genesis.to_string();
        let checkpoint = json!({ "number": number, "hash": hash.to_string() });
        format!(
            "{:#}",
            json!({ "file": args.out.display().to_string(), "genesis": genesis, "checkpoint": checkpoint, "bootNodes": boot_nodes })
        )
    } else {
        format!(
            "{} invites to {} (genesis {}), final up to block {number} at least.\nThe newcomer runs: quire join {} --organisation NAME --base-path FOLDER",
            args.out.display(),
            invitation.chain_spec.name,
            invitation.genesis,
            args.out.display()
        )
    };
    output::text("what was invited to", &said, None)
}

fn make(args: &InviteArgs) -> Result<Invitation, JoinError> {
    let spec = ChainSpec::load(&args.chain)?;
    let port = args.rpc_port;
    let given = spec.genesis()?.hash();
    let runs = hash(port, "chain_getBlockHash", &json!([0]))?;
    if runs != given {
        return Err(JoinError::OtherChain { port, runs, given });
    }
    let hash = hash(port, "chain_getFinalizedHead", &json!([]))?;
    let header = call(port, "chain_getHeader", &json!([hash.to_string()]))?;
    let digits = header["number"].as_str().and_then(|text| text.strip_prefix("0x"));
    let number = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
    let number = number.ok_or_else(|| strange(port, "chain_getHeader", &header))?;
    let boot_nodes = if args.bootnode.is_empty() { addresses(port)? } else { args.bootnode.clone() };
    if boot_nodes.is_empty() && spec.boot_nodes.is_empty() {
        return Err(JoinError::NoBootNode { port });
    }
    let root = match &spec.genesis {
        GenesisJson::RuntimeGenesis(plain) => Some(plain.certificate_root().to_owned()),
        GenesisJson::Raw(_) => None,
    };
    let spec = spec.to_raw()?.with_boot_nodes(&boot_nodes)?;
    Ok(Invitation::new(spec, given, Checkpoint { number, hash }, root))
}

/// Where the node listens, unless nobody else could dial it.
fn addresses(port: u16) -> Result<Vec<String>, JoinError> {
    const METHOD: &str = "system_localListenAddresses";
    let answer = call(port, METHOD, &json!([]))?;
    let list = answer.as_array().ok_or_else(|| strange(port, METHOD, &answer))?;
    let can_dial = |text: &&str| !text.starts_with("/ip4/0.0.0.0/") && !text.starts_with("/ip6/::/");
    Ok(list.iter().filter_map(Value::as_str).filter(can_dial).map(str::to_owned).collect())
}

fn call(port: u16, method: &str, params: &Value) -> Result<Value, ExplainError> {
    explain::call(&format!("http://127.0.0.1:{port}"), method, params)
}

fn hash(port: u16, method: &'static str, params: &Value) -> Result<H256, JoinError> {
    let answer = call(port, method, params)?;
    let hash = answer.as_str().and_then(|text| text.parse().ok());
    hash.ok_or_else(|| strange(port, method, &answer))
}

fn strange(port: u16, method: &'static str, answer: &Value) -> JoinError {
    JoinError::Strange { port, method, answer: answer.to_string().chars().take(200).collect() }
}
