//! `quire cert issue` and `quire cert renew`.
use super::{CertError, hand_out, inspect, named_chain, signer, window};
use crate::Error;
use crate::certificate::{Libraries, Signer, read_armoured};
use crate::cli::{CertIssueArgs, CertRenewArgs};
use quire_certificate::{Certificate, Key, Request, Subject, Terms};

pub(super) fn run(args: &CertIssueArgs) -> Result<(), Error> {
    let certificate = issue(args)?;
    let says = inspect::certificate_json(&certificate);
    hand_out("the certificate", &certificate, says, args.out.as_deref(), args.output.is_json())
}

pub(super) fn renew(args: &CertRenewArgs) -> Result<(), Error> {
    let certificate = next(args)?;
    let says = inspect::certificate_json(&certificate);
    hand_out("the certificate", &certificate, says, args.out.as_deref(), args.output.is_json())
}

fn issue(args: &CertIssueArgs) -> Result<Certificate, CertError> {
    let chain = named_chain(&args.chain)?;
    let request: Request = read_armoured(&args.request)?;
    let refused = |reason| CertError::Refused { path: args.request.clone(), reason };
    request.check(&chain, args.work_bits, &Libraries).map_err(refused)?;
    let (valid_from, valid_until, serial) = window(&args.window, 0);
    let signer = signer(&args.signer)?;
    let issuer = signer.key()?;
    let terms = Terms { chain, subject: request.terms.subject, issuer, serial, valid_from, valid_until };
    sign(&signer, terms)
}

fn next(args: &CertRenewArgs) -> Result<Certificate, CertError> {
    let present: Certificate = read_armoured(&args.certificate)?;
    if !present.is_signed(&Libraries) {
        let reason = quire_certificate::Refusal::BadSignature;
        return Err(CertError::Refused { path: args.certificate.clone(), reason });
    }
    let (valid_from, valid_until, serial) = window(&args.window, present.terms.serial);
    let signer = signer(&args.signer)?;
    let issuer = signer.key()?;
    let is_self = present.terms.subject.level() == 0 && issuer == present.terms.subject.key();
    if issuer != present.terms.issuer && !is_self {
        return Err(CertError::Usage(
            "this key did not sign the present certificate; a new issuer answers a request: quire cert issue",
        ));
    }
    sign(&signer, Terms { issuer, serial, valid_from, valid_until, ..present.terms })
}

/// R1.
fn sign(signer: &Signer, terms: Terms) -> Result<Certificate, CertError> {
    terms.check_form().map_err(CertError::Useless)?;
    if let Subject::Client { peer, .. } = &terms.subject
        && terms.issuer != Key::Ed25519(*peer)
    {
        return Err(CertError::Usage(
            "the request asks another peer: sign with the node key that it names (--node-key-file)",
        ));
    }
    let signature = signer.sign(&terms.payload())?;
    Ok(terms.signed(signature))
}
