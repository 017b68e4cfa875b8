//! `quire cert request`.
use super::{CertError, hand_out, inspect, named_chain, signer};
use crate::Error;
use crate::certificate::Libraries;
use crate::cli::CertRequestArgs;
use crate::suri::PublicUri;
use quire_certificate::{Key, Request, RequestTerms, Subject, work_bits};
use quire_core::{AccountId, H256};

/// Most bits of work that are searched for: about an hour.
const MAX_WORK_BITS: u32 = 32;

pub(super) fn run(args: &CertRequestArgs) -> Result<(), Error> {
    let request = make(args)?;
    let says = inspect::request_json(&request);
    hand_out("the request", &request, says, args.out.as_deref(), args.output.is_json())
}

fn make(args: &CertRequestArgs) -> Result<Request, CertError> {
    let chain = named_chain(&args.chain)?;
    let signer = signer(&args.signer)?;
    let key = signer.key()?;
    let name = || {
        args.name.clone().ok_or(CertError::Usage("say by --name how organisation or node are to be called"))
    };
    let subject = match (&args.account, &args.member, &args.peer) {
        (Some(address), ..) => {
            Subject::Principal { account: account("account", address)?, key, name: name()? }
        }
        (_, Some(address), _) => {
            let Key::Ed25519(node) = key else {
                return Err(CertError::Usage("a node is known by its node key: name it by --node-key-file"));
            };
            Subject::Peer { member: account("member", address)?, node, name: name()? }
        }
        (_, _, Some(peer)) => client(&chain, key, peer, args.work_bits)?,
        _ => {
            return Err(CertError::Usage(
                "say for whom: --account for an organisation, --member for a node, --peer for a client",
            ));
        }
    };
    let terms = RequestTerms { chain, subject };
    let signature = signer.sign(&terms.payload())?;
    let request = terms.signed(signature);
    request.check(&chain, 0, &Libraries).map_err(CertError::Useless)?;
    Ok(request)
}

fn account(flag: &'static str, text: &str) -> Result<AccountId, CertError> {
    let wrong = |reason: String| CertError::Flag { flag, value: text.to_owned(), reason };
    let uri = PublicUri::parse(text).map_err(|error| wrong(error.to_string()))?;
    uri.sr25519().map(AccountId).map_err(|error| wrong(error.to_string()))
}

fn client(chain: &H256, key: Key, peer: &str, bits: u32) -> Result<Subject, CertError> {
    let mut node = [0; 32];
    hex::decode_to_slice(peer.strip_prefix("0x").unwrap_or(peer), &mut node).map_err(|_| {
        CertError::Flag {
            flag: "peer",
            value: peer.into(),
            reason: "give the 64 hex digits of the peer's node key, as quire cert inspect prints them".into(),
        }
    })?;
    if bits > MAX_WORK_BITS {
        return Err(CertError::Flag {
            flag: "work-bits",
            value: bits.to_string(),
            reason: format!("more than {MAX_WORK_BITS} bits take hours"),
        });
    }
    let nonce = (0..u64::MAX).find(|nonce| work_bits(chain, &node, &key, *nonce) >= bits);
    let nonce = nonce.ok_or(CertError::Usage("no nonce has that much work: ask for fewer bits"))?;
    Ok(Subject::Client { key, peer: node, nonce })
}
