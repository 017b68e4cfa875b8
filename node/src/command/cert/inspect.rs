//! `quire cert inspect`, and what certificates say as JSON.
use super::{CertError, chain};
use crate::Error;
use crate::certificate::{CertificateError, Libraries, date, key_text, read_key, read_text};
use crate::cli::CertInspectArgs;
use crate::clock::now_ms;
use crate::command::output;
use pallet_members::Call;
use parity_scale_codec::Encode;
use quire_certificate::armour::{ArmourError, Armoured};
use quire_certificate::{Certificate, DAY_MS, Refusal, Request, Subject, work_bits};
use quire_core::{AccountId, H256, ss58};
use quire_runtime::RuntimeCall;
use serde_json::{Value, json};

pub(super) fn run(args: &CertInspectArgs) -> Result<(), Error> {
    let says = read(args)?;
    let text = if args.output.is_json() { format!("{says:#}") } else { table(&says) };
    output::text("the certificate", &text, None)
}

fn read(args: &CertInspectArgs) -> Result<Value, CertError> {
    let path = &args.file;
    let chain = chain(&args.chain)?;
    let refused = |reason| CertError::Refused { path: path.clone(), reason };
    let armour = |reason| CertificateError::Armour { path: path.clone(), reason };
    let of_chain = |named: H256| match chain {
        Some(wanted) if wanted != named => Err(refused(Refusal::OtherChain { named })),
        _ => Ok(()),
    };
    let text = read_text(path)?;
    match Certificate::from_text(&text) {
        Ok(certificate) => {
            of_chain(certificate.terms.chain)?;
            certificate.terms.check_form().map_err(refused)?;
            if !certificate.is_signed(&Libraries) {
                return Err(refused(Refusal::BadSignature));
            }
            if let Some(issuer) = &args.issuer
                && read_key(issuer)? != certificate.terms.issuer
            {
                return Err(refused(Refusal::WrongPrincipal));
            }
            Ok(certificate_json(&certificate))
        }
        Err(ArmourError::NoBegin { .. }) => {
            let request = Request::from_text(&text).map_err(armour)?;
            of_chain(request.terms.chain)?;
            request.check(&request.terms.chain, 0, &Libraries).map_err(refused)?;
            Ok(request_json(&request))
        }
        Err(reason) => Err(armour(reason).into()),
    }
}

fn address(account: &AccountId) -> String {
    ss58::encode(account, ss58::DEVELOPMENT_PREFIX)
}

fn subject_json(chain: &H256, subject: &Subject) -> Value {
    match subject {
        Subject::Principal { account, key, name } => {
            json!({ "account": address(account), "key": key_text(key), "name": name })
        }
        Subject::Peer { member, node, name } => json!({
            "member": address(member),
            "node": format!("0x{}", hex::encode(node)),
            "peerId": crate::certificate::peer_id(node),
            "name": name,
        }),
        Subject::Client { key, peer, nonce } => json!({
            "key": key_text(key),
            "peer": format!("0x{}", hex::encode(peer)),
            "nonce": nonce,
            "workBits": work_bits(chain, peer, key, *nonce),
        }),
    }
}

/// What a request says.
pub(super) fn request_json(request: &Request) -> Value {
    let subject = &request.terms.subject;
    json!({
        "kind": "request",
        "level": subject.level(),
        "chain": request.terms.chain.to_string(),
        "subject": subject_json(&request.terms.chain, subject),
    })
}

/// What a certificate says; `calls` are calls of the chain in hex, for any tool that signs extrinsics.
pub(super) fn certificate_json(certificate: &Certificate) -> Value {
    let terms = &certificate.terms;
    let now = now_ms();
    let state = match () {
        () if now < terms.valid_from => "not yet valid",
        () if now >= terms.valid_until => "expired",
        () => "valid",
    };
    json!({
        "kind": "certificate",
        "level": terms.subject.level(),
        "chain": terms.chain.to_string(),
        "subject": subject_json(&terms.chain, &terms.subject),
        "issuer": key_text(&terms.issuer),
        "serial": terms.serial,
        "validFrom": terms.valid_from,
        "validUntil": terms.valid_until,
        "from": date(terms.valid_from),
        "until": date(terms.valid_until),
        "state": state,
        "daysLeft": terms.valid_until.saturating_sub(now) / DAY_MS,
        "calls": calls(certificate),
    })
}

fn calls(certificate: &Certificate) -> Value {
    let members = RuntimeCall::Members;
    let hex = |call: RuntimeCall| format!("0x{}", hex::encode(call.encode()));
    let certificate = certificate.clone();
    match &certificate.terms.subject {
        Subject::Principal { .. } => {
            let admit = Box::new(members(Call::admit { certificate: certificate.clone() }));
            json!({
                "proposeAdmission": hex(members(Call::propose { call: admit })),
                "renew": hex(members(Call::renew { certificate })),
            })
        }
        Subject::Peer { .. } => json!({ "register": hex(members(Call::register_peer { certificate })) }),
        Subject::Client { .. } => json!({}),
    }
}

/// One line per figure.
fn table(says: &Value) -> String {
    let mut lines = Vec::new();
    flatten("", says, &mut lines);
    let width = lines.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let lines: Vec<_> = lines.iter().map(|(name, value)| format!("{name:width$}  {value}")).collect();
    lines.join("\n")
}

fn flatten(prefix: &str, value: &Value, lines: &mut Vec<(String, String)>) {
    let Value::Object(object) = value else { return };
    for (name, value) in object {
        let name = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        match value {
            Value::Object(_) => flatten(&name, value, lines),
            Value::String(text) => lines.push((name, text.clone())),
            other => lines.push((name, other.to_string())),
        }
    }
}
