//! `quire key insert`: a key file for a node. A running node takes it up by itself.
use super::KeyError;
use crate::base_path::chain_path;
use crate::cli::{InsertArgs, SchemeArg};
use crate::command::place;
use crate::guard::Guard;
use crate::keystore::{Keystore, Scheme, scheme_of};
use crate::secret_input::read_secret;
use quire_core::KeyTypeId;

pub(super) fn run(args: &InsertArgs) -> Result<(), KeyError> {
    let key_type = parse_key_type(&args.key_type)?;
    check_scheme(key_type, args.scheme)?;
    let directory = match &args.keystore_path {
        Some(path) => path.clone(),
        None => {
            let spec = place::spec(&args.chain)?;
            chain_path(&place::base_path(&args.chain), &spec.id).join("keystore")
        }
    };
    let password = args.password.source().read()?;
    let suri = read_secret("the secret URI", args.suri.as_deref())?;
    // The guard belongs to a running node; nothing is signed here.
    let keystore = Keystore::open_with_password(&directory, Guard::in_memory(), password)?;
    let public = keystore.insert(key_type, &suri, None)?;
    eprintln!("{} key 0x{} is in {}", args.key_type, hex::encode(public), directory.display());
    Ok(())
}

fn parse_key_type(text: &str) -> Result<KeyTypeId, KeyError> {
    let letters = text.as_bytes().try_into().ok().filter(|_| text.chars().all(|c| c.is_ascii_alphanumeric()));
    letters.map(KeyTypeId).ok_or_else(|| KeyError::KeyType { given: text.chars().take(32).collect() })
}

/// The node derives with the scheme of the key type; another one would give a key that it does not find.
fn check_scheme(key_type: KeyTypeId, given: Option<SchemeArg>) -> Result<(), KeyError> {
    let right = scheme_of(key_type);
    let given = match given {
        None => return Ok(()),
        Some(SchemeArg::Ecdsa) => return Err(KeyError::Ecdsa),
        Some(SchemeArg::Sr25519) => Scheme::Sr25519,
        Some(SchemeArg::Ed25519) => Scheme::Ed25519,
    };
    if given == right {
        return Ok(());
    }
    let key_type = String::from_utf8_lossy(&key_type.0).into_owned();
    Err(KeyError::WrongScheme { key_type, right: name(right), given: name(given) })
}

fn name(scheme: Scheme) -> &'static str {
    match scheme {
        Scheme::Sr25519 => "sr25519",
        Scheme::Ed25519 => "ed25519",
        Scheme::X25519 => "x25519",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quire_core::keys;

    #[test]
    fn key_types_are_four_letters_with_one_scheme() {
        assert_eq!(parse_key_type("aura").unwrap(), keys::AURA);
        for wrong in ["", "aur", "auras", "äur", "au/a"] {
            assert!(matches!(parse_key_type(wrong), Err(KeyError::KeyType { .. })), "{wrong}");
        }
        assert!(check_scheme(keys::AURA, None).is_ok());
        assert!(check_scheme(keys::GRANDPA, Some(SchemeArg::Ed25519)).is_ok());
        let wrong = check_scheme(keys::GRANDPA, Some(SchemeArg::Sr25519)).err().unwrap().to_string();
        assert!(wrong.contains("gran keys are ed25519"), "{wrong}");
        assert!(matches!(check_scheme(keys::AURA, Some(SchemeArg::Ecdsa)), Err(KeyError::Ecdsa)));
    }
}
