//! `quire key sign` and `verify`, as `subkey` does: sr25519 in the context `substrate`, ed25519 plain.
use super::{KeyError, KeyScheme};
use crate::cli::{MessageArgs, SignArgs, VerifyArgs};
use crate::secret_input::read_secret;
use crate::suri::{PublicUri, Suri, verify_ed25519, verify_sr25519};
use quire_core::crypto::SIGNING_CONTEXT;
use std::io::Read;

/// Largest message, bytes.
const MAX_MESSAGE_BYTES: u64 = 64 * 1024 * 1024;

pub(super) fn run(args: &SignArgs) -> Result<(), KeyError> {
    let scheme = KeyScheme::of(args.scheme.scheme)?;
    let stdin_is_secret = matches!(args.suri.as_deref(), None | Some("-"));
    if stdin_is_secret && args.message.message.is_none() {
        return Err(KeyError::StdinTwice);
    }
    let password = args.password.source().read()?;
    let suri = read_secret("the secret URI", args.suri.as_deref())?;
    let suri = Suri::parse(&suri)?.with_password(password.as_deref().map(String::as_str));
    let message = message(&args.message)?;
    let signature = match scheme {
        KeyScheme::Sr25519 => suri.sr25519().sign(SIGNING_CONTEXT, &message),
        KeyScheme::Ed25519 => suri.ed25519()?.sign(&message),
    };
    super::print(&format!("0x{}", hex::encode(signature)))
}

pub(super) fn verify(args: &VerifyArgs) -> Result<(), KeyError> {
    let scheme = KeyScheme::of(args.scheme.scheme)?;
    let mut signature = [0; 64];
    let digits = args.signature.strip_prefix("0x").unwrap_or(&args.signature);
    hex::decode_to_slice(digits, &mut signature).map_err(|_| KeyError::SignatureForm)?;
    let public = signer(&args.uri, scheme)?;
    let message = message(&args.message)?;
    let is_right = match scheme {
        KeyScheme::Sr25519 => verify_sr25519(&public, SIGNING_CONTEXT, &message, &signature),
        KeyScheme::Ed25519 => verify_ed25519(&public, &message, &signature),
    };
    if is_right { super::print("Signature verifies correctly.") } else { Err(KeyError::WrongSignature) }
}

/// A public key first: 32 bytes of hex are a key here, not a seed.
fn signer(text: &str, scheme: KeyScheme) -> Result<[u8; 32], KeyError> {
    let public = PublicUri::parse(text).map_err(KeyError::from).and_then(|uri| match scheme {
        KeyScheme::Sr25519 => Ok(uri.sr25519()?),
        KeyScheme::Ed25519 => Ok(uri.ed25519()?),
    });
    match public {
        Err(KeyError::Public(public)) => {
            let suri = Suri::parse(text).map_err(|secret| KeyError::Neither { secret, public })?;
            Ok(match scheme {
                KeyScheme::Sr25519 => suri.sr25519().public(),
                KeyScheme::Ed25519 => suri.ed25519()?.public(),
            })
        }
        other => other,
    }
}

fn message(args: &MessageArgs) -> Result<Vec<u8>, KeyError> {
    let bytes = match &args.message {
        Some(text) => text.as_bytes().to_vec(),
        None => {
            let mut bytes = Vec::new();
            std::io::stdin().lock().take(MAX_MESSAGE_BYTES + 1).read_to_end(&mut bytes).map_err(
                |source| KeyError::Io { what: "cannot read the message from standard input".into(), source },
            )?;
            bytes
        }
    };
    if bytes.len() as u64 > MAX_MESSAGE_BYTES {
        return Err(KeyError::MessageTooLong { max: MAX_MESSAGE_BYTES });
    }
    if !args.hex {
        return Ok(bytes);
    }
    let digits = bytes.trim_ascii();
    let digits = digits.strip_prefix(b"0x").unwrap_or(digits);
    hex::decode(digits).map_err(|why| KeyError::MessageHex { reason: why.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signer_may_be_named_in_every_way() {
        let alice = Suri::parse("//Alice").unwrap().sr25519().public();
        let hex = format!("0x{}", hex::encode(alice));
        for text in ["//Alice", "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY", &hex] {
            assert_eq!(signer(text, KeyScheme::Sr25519).unwrap(), alice, "{text}");
        }
        assert!(matches!(signer("nobody", KeyScheme::Sr25519), Err(KeyError::Neither { .. })));
    }

    #[test]
    fn messages_are_text_or_hex() {
        let args = |text: &str, hex| MessageArgs { message: Some(text.into()), hex };
        assert_eq!(message(&args("0xff", false)).unwrap(), b"0xff");
        assert_eq!(message(&args("0xff00", true)).unwrap(), [0xff, 0]);
        assert_eq!(message(&args("ff00\n", true)).unwrap(), [0xff, 0]);
        assert!(matches!(message(&args("0xf", true)), Err(KeyError::MessageHex { .. })));
    }
}
