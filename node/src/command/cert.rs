//! `quire cert`: the tower of certificates by hand.
//!
//! Rules:
//! * R1 Nothing is signed that its verifier would refuse: chain, form, possession and work are checked first.
//! * R2 The result is armoured text; with --json an object that holds the text and what it says.
//! * R3 Secrets are read like those of `quire key`, and written to new files of mode 0600 only.
mod inspect;
mod issue;
mod request;

use crate::Error;
use crate::base_path::read_node_key;
use crate::certificate::{self, CertificateError, Signer};
use crate::chain_spec::SpecError;
use crate::cli::{CertArgs, CertChainArgs, CertCommand, CertRootArgs, CertScheme, SignerArgs, WindowArgs};
use crate::clock::now_ms;
use crate::command::{output, place};
use crate::config::ConfigError;
use crate::secret_input::{SecretInputError, read_secret};
use crate::suri::{self, Suri, SuriError};
use quire_certificate::armour::Armoured;
use quire_certificate::{DAY_MS, Refusal};
use quire_core::H256;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Words of the phrase of a root key.
const ROOT_WORDS: usize = 24;

/// Why a `cert` command did not do it.
#[derive(Debug, thiserror::Error)]
pub enum CertError {
    /// A file, key or text.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// A secret could not be read.
    #[error(transparent)]
    Input(#[from] SecretInputError),
    /// Not a secret URI.
    #[error(transparent)]
    Suri(#[from] SuriError),
    /// Which chain.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The chain spec.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// The node key.
    #[error(transparent)]
    BasePath(#[from] crate::base_path::BasePathError),
    /// R1.
    #[error("{path}: {reason}")]
    Refused {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: Refusal,
    },
    /// The flags do not say enough.
    #[error("{0}")]
    Usage(&'static str),
    /// A flag's value.
    #[error("--{flag} {value}: {reason}")]
    Flag {
        /// Its name.
        flag: &'static str,
        /// What was given.
        value: String,
        /// What it must be.
        reason: String,
    },
    /// What was made would be refused.
    #[error("such a certificate would be refused: {0}")]
    Useless(Refusal),
}

pub(super) fn run(args: &CertArgs) -> Result<(), Error> {
    match &args.command {
        CertCommand::Root(args) => root(args),
        CertCommand::Request(args) => request::run(args),
        CertCommand::Issue(args) => issue::run(args),
        CertCommand::Renew(args) => issue::renew(args),
        CertCommand::Inspect(args) => inspect::run(args),
    }
}

/// `quire cert root`.
fn root(args: &CertRootArgs) -> Result<(), Error> {
    let make = || -> Result<String, CertError> {
        let phrase = suri::new_phrase(ROOT_WORDS)?;
        let key = Signer::new(Suri::parse(&phrase)?, false).key()?;
        certificate::write_secret(&args.file, &format!("{}\n", *phrase))?;
        Ok(certificate::key_text(&key))
    };
    let key = make()?;
    let text = if args.output.is_json() {
        format!("{:#}", json!({ "certificateRoot": key, "file": args.file.display().to_string() }))
    } else {
        format!(
            "Root key:  {key}\nSecret in: {}\nWrite the key into the chain spec as certificateRoot, and keep the file offline.",
            args.file.display()
        )
    };
    output::text("the root key", &text, None)
}

/// The chain that the flags name, if they do.
fn chain(args: &CertChainArgs) -> Result<Option<H256>, CertError> {
    if let Some(text) = &args.genesis {
        let hash = text.parse().map_err(|_| CertError::Flag {
            flag: "genesis",
            value: text.clone(),
            reason: "give 0x and 64 hex digits".into(),
        })?;
        return Ok(Some(hash));
    }
    if args.chain.chain.is_none() && !args.chain.dev {
        return Ok(None);
    }
    Ok(Some(place::spec(&args.chain)?.genesis()?.hash()))
}

/// The chain that the flags must name.
fn named_chain(args: &CertChainArgs) -> Result<H256, CertError> {
    chain(args)?.ok_or(CertError::Usage(
        "certificates are for one chain: name it by --chain with a preset or spec, --dev, or --genesis with its hash",
    ))
}

fn signer(args: &SignerArgs) -> Result<Signer, CertError> {
    if let Some(path) = &args.node_key_file {
        let fail =
            |source| CertificateError::File { what: "cannot read the node key", path: path.clone(), source };
        let key = read_node_key(path, std::fs::read(path).map_err(fail)?)?;
        return Ok(Signer::of_node(&key)?);
    }
    let password = args.password.source().read()?;
    let text = read_secret("the secret URI", args.suri.as_deref())?;
    let suri = Suri::parse(&text)?.with_password(password.as_deref().map(String::as_str));
    Ok(Signer::new(suri, args.scheme == CertScheme::Ed25519))
}

/// First and last millisecond, and serial.
fn window(args: &WindowArgs, newer_than: u64) -> (u64, u64, u64) {
    let now = now_ms();
    let from = args.from.unwrap_or(now);
    let serial = args.serial.unwrap_or((now / 1_000).max(newer_than.saturating_add(1)));
    (from, from.saturating_add(args.days.saturating_mul(DAY_MS)), serial)
}

/// R2.
fn hand_out<T: Armoured>(
    what: &str,
    item: &T,
    says: Value,
    out: Option<&Path>,
    is_json: bool,
) -> Result<(), Error> {
    let text = item.to_text();
    if !is_json {
        return output::text(what, text.trim_end(), out);
    }
    if let Some(path) = out {
        output::text(what, text.trim_end(), Some(path))?;
    }
    let mut object = says;
    object["text"] = json!(text);
    object["file"] = json!(out.map(|path| path.display().to_string()));
    output::text(what, &format!("{object:#}"), None)
}
