//! `quire join`: a new member's node from one file.
//!
//! Rules:
//! * R1 The first time, keys of account, organisation, authorship and finality and a node key are made, the request for the
//!   organisation's certificate is written, and the organisation signs the certificate of its own node, which counts as
//!   soon as the members admit it. Later runs find all that and start the node only.
//! * R2 The request is written last: a run that was cut off begins again, with keys that nobody has seen.
//! * R3 The node runs as a full node with the keys of an authority, and becomes one when a set change says so.
//! * R4 A chain that contradicts the invitation's checkpoint stops the node.
use super::invite::JoinError;
use super::output;
use super::run::wait_with;
use crate::Error;
use crate::base_path::{BasePath, chain_path, new_node_key, node_key_path, read_node_key, write_node_key};
use crate::certificate::{self, CertificateError, Signer, date};
use crate::cli::JoinArgs;
use crate::clock::now_ms;
use crate::config::Config;
use crate::guard::Guard;
use crate::invitation::{Checkpoint, Invitation};
use crate::keystore::Keystore;
use crate::service::Node;
use crate::stop::StopReason;
use crate::suri::{self, Suri};
use quire_certificate::armour::Armoured;
use quire_certificate::{DAY_MS, Key, Request, RequestTerms, Subject, Terms};
use quire_core::{AccountId, H256, keys, ss58};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};

/// Words of the phrases of new keys.
const WORDS: usize = 12;
/// Days for which the node's first certificate holds.
const NODE_DAYS: u64 = 365;

/// What a newcomer has on its disk.
struct Place {
    chain: PathBuf,
    spec: PathBuf,
    request: PathBuf,
    certificate: PathBuf,
}

impl Place {
    fn new(base: &Path, id: &str) -> Self {
        let chain = chain_path(base, id);
        let certificate = certificate::own_path(&chain);
        Self {
            spec: chain.join("spec.json"),
            request: chain.join("organisation.request"),
            certificate,
            chain,
        }
    }
}

pub(super) fn run(args: &JoinArgs) -> Result<(), Error> {
    let (invitation, place) = prepare(args)?;
    let says = describe(&place)?;
    let text = if args.output.is_json() { format!("{says:#}") } else { instructions(&says) };
    output::text("what is to be done", &text, None)?;
    if args.prepare_only {
        return Ok(());
    }
    start(args, &invitation, &place)
}

/// R1, R2.
fn prepare(args: &JoinArgs) -> Result<(Invitation, Place), JoinError> {
    if args.run.shared.chain.is_some() || args.run.shared.dev || args.run.shared.tmp {
        return Err(JoinError::Usage("the invitation names the chain: leave --chain, --dev and --tmp out"));
    }
    let invitation = Invitation::read(&args.invitation)?;
    let base = args.run.shared.base_path.clone().unwrap_or_else(BasePath::default_path);
    let place = Place::new(&base, &invitation.chain_spec.id);
    if !place.request.exists() {
        let name = args.organisation.as_deref().ok_or(JoinError::Usage(
            "say by --organisation how you are to be called; it stands in the request",
        ))?;
        make(args, &invitation, &place, name)?;
    }
    Ok((invitation, place))
}

fn make(args: &JoinArgs, invitation: &Invitation, place: &Place, name: &str) -> Result<(), JoinError> {
    let unusable = |path: &Path| {
        let path = path.to_owned();
        move |source| CertificateError::File { what: "cannot write", path, source }
    };
    let network = place.chain.join("network");
    fs::create_dir_all(&network).map_err(unusable(&network))?;
    let spec = invitation.chain_spec.to_json()?;
    fs::write(&place.spec, spec).map_err(unusable(&place.spec))?;
    let directory = args.run.keystore.keystore_path.clone().unwrap_or_else(|| place.chain.join("keystore"));
    let password = args.run.keystore.password.source().read()?;
    let keystore = Keystore::open_with_password(&directory, Guard::in_memory(), password.clone())?;
    let account = AccountId(keystore.generate(keys::ACCOUNT, None)?);
    keystore.generate(keys::AURA, None)?;
    keystore.generate(keys::GRANDPA, None)?;
    let phrase = suri::new_phrase(WORDS)?;
    keystore.insert(keys::CERTIFICATE, &phrase, None)?;
    let suri = Suri::parse(&phrase)?.with_password(password.as_deref().map(String::as_str));
    let signer = Signer::new(suri, false);
    let key = signer.key()?;
    let chain = invitation.genesis;
    let node = node_key(args, place)?;
    if place.certificate.exists() {
        fs::remove_file(&place.certificate).map_err(unusable(&place.certificate))?;
    }
    certificate::write_new(&place.certificate, &node_certificate(chain, account, node, &signer)?, 0o644)?;
    let subject = Subject::Principal { account, key, name: name.to_owned() };
    let terms = RequestTerms { chain, subject };
    let signature = signer.sign(&terms.payload())?;
    let request = terms.signed(signature);
    request.check(&chain, 0, &certificate::Libraries).map_err(|_| {
        JoinError::Usage("--organisation: give a name of 1 to 64 bytes without control characters")
    })?;
    certificate::write_new(&place.request, &request.to_text(), 0o644)?;
    Ok(())
}

/// The public node key; made when there is none.
fn node_key(args: &JoinArgs, place: &Place) -> Result<[u8; 32], JoinError> {
    let flags = &args.run.network;
    if flags.node_key.is_some() {
        return Err(JoinError::Usage("a member's node key stays in a file: use --node-key-file, or none"));
    }
    let path = flags.node_key_file.clone().unwrap_or_else(|| node_key_path(&place.chain));
    let key = match fs::read(&path) {
        Ok(bytes) => read_node_key(&path, bytes)?,
        Err(_) => {
            let key = new_node_key()?;
            write_node_key(&path, &key, false)?;
            key
        }
    };
    Ok(*Signer::of_node(&key)?.key()?.bytes())
}

fn node_certificate(
    chain: H256,
    member: AccountId,
    node: [u8; 32],
    signer: &Signer,
) -> Result<String, JoinError> {
    let now = now_ms();
    let terms = Terms {
        chain,
        subject: Subject::Peer { member, node, name: "node-1".into() },
        issuer: signer.key()?,
        serial: 1,
        valid_from: now,
        valid_until: now.saturating_add(NODE_DAYS.saturating_mul(DAY_MS)),
    };
    let signature = signer.sign(&terms.payload())?;
    Ok(terms.signed(signature).to_text())
}

/// What this place holds, for machines.
fn describe(place: &Place) -> Result<Value, JoinError> {
    let request: Request = certificate::read_armoured(&place.request)?;
    let own: quire_certificate::Certificate = certificate::read_armoured(&place.certificate)?;
    let Subject::Principal { account, key, name } = &request.terms.subject else {
        return Err(JoinError::Usage(
            "organisation.request is no organisation's: move it away and join again",
        ));
    };
    let Key::Ed25519(node) = own.terms.subject.key() else {
        return Err(JoinError::Usage("network/certificate is no node's: move it away and join again"));
    };
    Ok(json!({
        "organisation": name,
        "account": ss58::encode(account, ss58::DEVELOPMENT_PREFIX),
        "key": certificate::key_text(key),
        "chain": request.terms.chain.to_string(),
        "request": place.request.display().to_string(),
        "chainSpec": place.spec.display().to_string(),
        "nodeCertificate": place.certificate.display().to_string(),
        "nodeCertificateUntil": date(own.terms.valid_until),
        "peerId": certificate::peer_id(&node),
    }))
}

fn instructions(says: &Value) -> String {
    let text = |name: &str| says[name].as_str().unwrap_or_default().to_owned();
    let request = text("request");
    format!(
        "{name} asks to join the chain {chain}.\n\
         \x20 account  {account}\n\
         \x20 node     {peer}\n\
         \n\
         What the members do:\n\
         \x20 1. Send them {request}\n\
         \x20 2. Who keeps the root key:  quire cert issue organisation.request --genesis {chain} --suri root.key -o organisation.certificate\n\
         \x20 3. A member proposes the call that `quire cert inspect organisation.certificate` prints as proposeAdmission;\n\
         \x20    the others vote, one executes. They also send {account} a little money for its first transactions.\n\
         What you do then:\n\
         \x20 4. With this node running, author_rotateKeys over JSON-RPC, and session.setKeys signed by your account.\n\
         Until then this node follows the chain as any reader does.",
        name = text("organisation"),
        chain = text("chain"),
        account = text("account"),
        peer = text("peerId"),
    )
}

/// R3, R4.
fn start(args: &JoinArgs, invitation: &Invitation, place: &Place) -> Result<(), Error> {
    let mut flags = args.run.clone();
    flags.shared.chain = Some(place.spec.display().to_string());
    flags.role.validator = true;
    crate::logging::start(&flags.shared.log).map_err(crate::config::ConfigError::Log)?;
    let node = Node::start(Config::from_args(&flags)?)?;
    let checkpoint = invitation.checkpoint;
    let handle = node.handle();
    let path = place.chain.display().to_string();
    let reason = wait_with(&node, async move {
        let mut finalised = handle.finalised();
        while finalised.borrow_and_update().number < checkpoint.number {
            if finalised.changed().await.is_err() {
                return;
            }
        }
        match handle.chain().hash_by_number(checkpoint.number) {
            Ok(Some(found)) => {
                if let Err(why) = check(&checkpoint, found, &path) {
                    handle.request_stop(StopReason::Fatal(why.to_string()));
                }
            }
            Ok(None) => {}
            Err(why) => tracing::warn!(target: "substrate", "the checkpoint was not compared: {why}"),
        }
    })?;
    node.stop();
    match reason {
        StopReason::Requested => Ok(()),
        StopReason::Fatal(why) => Err(Error::Stopped(why)),
    }
}

/// R4.
fn check(checkpoint: &Checkpoint, found: H256, path: &str) -> Result<(), JoinError> {
    if found == checkpoint.hash {
        return Ok(());
    }
    let Checkpoint { number, hash: expected } = *checkpoint;
    Err(JoinError::OtherHistory { number, path: path.into(), found, expected })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r4_another_block_at_the_checkpoint_is_another_chain() {
        let checkpoint = Checkpoint { number: 7, hash: H256([7; 32]) };
        assert!(check(&checkpoint, H256([7; 32]), "x").is_ok());
        let why = check(&checkpoint, H256([8; 32]), "x").err().unwrap().to_string();
        assert!(why.contains("not the inviters' chain"), "{why}");
    }
}
