//! What is printed about a key (R1 of [`super`]).
use super::{KeyError, KeyScheme};
use crate::cli::network_name;
use crate::suri::{PublicUri, Suri};
use quire_core::{AccountId, ss58};
use serde_json::{Value, json};
use zeroize::Zeroizing;

/// How the key was given.
pub(super) enum Given<'a> {
    /// A phrase alone.
    Phrase(&'a str),
    /// Another secret URI.
    SecretUri(&'a str),
    /// An address.
    PublicUri(&'a str),
    /// Hex after --public.
    PublicHex,
}

/// A key with everything that is printed about it.
pub(super) struct Report<'a> {
    given: Given<'a>,
    prefix: u16,
    seed: Option<Zeroizing<String>>,
    public: [u8; 32],
}

impl<'a> Report<'a> {
    /// Of a secret URI.
    pub(super) fn secret(
        text: &'a str,
        password: Option<&str>,
        scheme: KeyScheme,
        network: Option<u16>,
    ) -> Result<Self, KeyError> {
        let suri = Suri::parse(text)?.with_password(password);
        let (public, seed) = match scheme {
            KeyScheme::Sr25519 => {
                let (pair, seed) = suri.sr25519_with_seed();
                (pair.public(), seed)
            }
            KeyScheme::Ed25519 => {
                let pair = suri.ed25519()?;
                (pair.public(), Some(pair.seed()))
            }
        };
        let given = if suri.is_phrase() { Given::Phrase(text) } else { Given::SecretUri(text) };
        let seed = seed.map(|seed| Zeroizing::new(hex0x(&*seed)));
        Ok(Self { given, prefix: network.unwrap_or(ss58::DEVELOPMENT_PREFIX), seed, public })
    }

    /// Of a public key.
    pub(super) fn public(
        text: &'a str,
        is_hex: bool,
        scheme: KeyScheme,
        network: Option<u16>,
    ) -> Result<Self, KeyError> {
        let uri = PublicUri::parse(text)?;
        let public = match scheme {
            KeyScheme::Sr25519 => uri.sr25519()?,
            KeyScheme::Ed25519 => uri.ed25519()?,
        };
        let prefix = network.or(uri.prefix).unwrap_or(ss58::DEVELOPMENT_PREFIX);
        let given = if is_hex { Given::PublicHex } else { Given::PublicUri(text) };
        Ok(Self { given, prefix, seed: None, public })
    }

    pub(super) fn text(&self) -> Zeroizing<String> {
        let (hex, address) = (hex0x(&self.public), self.address());
        let network = network_name(self.prefix);
        let seed = self.seed.as_ref().map_or("n/a", |seed| seed.as_str());
        let secret_lines = |head: String| {
            format!(
                "{head}\n  Network ID:        {network}\n  Secret seed:       {seed}\n  Public key (hex):  {hex}\n  \
                 Account ID:        {hex}\n  Public key (SS58): {address}\n  SS58 Address:      {address}"
            )
        };
        let public_lines = |head: &str| {
            format!(
                "{head}Network ID/Version: {network}\n  Public key (hex):   {hex}\n  Account ID:         {hex}\n  \
                 Public key (SS58):  {address}\n  SS58 Address:       {address}"
            )
        };
        Zeroizing::new(match self.given {
            Given::Phrase(phrase) => secret_lines(format!("Secret phrase:       {phrase}")),
            Given::SecretUri(uri) => secret_lines(format!("Secret Key URI `{uri}` is account:")),
            Given::PublicUri(uri) => public_lines(&format!("Public Key URI `{uri}` is account:\n  ")),
            Given::PublicHex => public_lines(""),
        })
    }

    pub(super) fn json(&self) -> Value {
        let (hex, address) = (hex0x(&self.public), self.address());
        let mut object = match self.given {
            Given::Phrase(phrase) => json!({ "secretPhrase": phrase }),
            Given::SecretUri(uri) => json!({ "secretKeyUri": uri }),
            Given::PublicUri(uri) => json!({ "publicKeyUri": uri }),
            Given::PublicHex => json!({}),
        };
        object["networkId"] = json!(network_name(self.prefix));
        if matches!(self.given, Given::Phrase(_) | Given::SecretUri(_)) {
            object["secretSeed"] = json!(self.seed.as_ref().map_or("n/a", |seed| seed.as_str()));
        }
        object["publicKey"] = json!(hex);
        object["ss58PublicKey"] = json!(address);
        object["accountId"] = json!(hex);
        object["ss58Address"] = json!(address);
        object
    }

    pub(super) fn print(&self, as_json: bool) -> Result<(), KeyError> {
        if as_json {
            return super::print(&format!("{:#}", self.json()));
        }
        super::print(&self.text())
    }

    fn address(&self) -> String {
        ss58::encode(&AccountId(self.public), self.prefix)
    }
}

fn hex0x(bytes: &[u8]) -> String {
    format!("0x{}", hex::encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suri::DEV_PHRASE;

    fn report(text: &str, scheme: KeyScheme) -> Report<'_> {
        Report::secret(text, None, scheme, None).unwrap()
    }

    #[test]
    fn r1_a_phrase_is_printed_as_subkey_prints_it() {
        let text = report(DEV_PHRASE, KeyScheme::Sr25519).text();
        let expected = "\
Secret phrase:       bottom drive obey lake curtain smoke basket hold race lonely fit walk
  Network ID:        substrate
  Secret seed:       0xfac7959dbfe72f052e5a0c3c8d6530f202b02fd8f9f5ca3580ec8deb7797479e
  Public key (hex):  0x46ebddef8cd9bb167dc30878d7113b7e168e6f0646beffd77d69d39bad76b47a
  Account ID:        0x46ebddef8cd9bb167dc30878d7113b7e168e6f0646beffd77d69d39bad76b47a
  Public key (SS58): 5DfhGyQdFobKM8NsWvEeAKk5EQQgYe9AydgJ7rMB6E1EqRzV
  SS58 Address:      5DfhGyQdFobKM8NsWvEeAKk5EQQgYe9AydgJ7rMB6E1EqRzV";
        assert_eq!(*text, expected);
    }

    #[test]
    fn r1_other_uris_name_themselves_and_soft_junctions_have_no_seed() {
        let alice = report("//Alice", KeyScheme::Sr25519);
        assert!(alice.text().starts_with("Secret Key URI `//Alice` is account:\n  Network ID:"));
        let seed = "0xe5be9a5092b81bca64be81d212e7f2f9eba183bb7a90954f7b76361f6edb5c0a";
        assert_eq!(alice.json()["secretSeed"], seed);
        let soft = report("//Alice/soft//hard", KeyScheme::Sr25519);
        assert_eq!(soft.json()["secretSeed"], "n/a");
        let ed = report("//Alice", KeyScheme::Ed25519).json();
        assert_eq!(ed["secretSeed"], "0xabf8e5bdbe30c65656c0a3cbd181ff8a56294a69dfedd27982aace4a76909115");
        assert_eq!(ed["ss58Address"], "5FA9nQDVg267DEd8m1ZypXLBnvN7SFxYwV7ndqSYGiN9TTpu");
    }

    #[test]
    fn r1_public_keys_are_shown_for_their_network_or_the_one_asked_for() {
        let alice = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
        let polkadot = "15oF4uVJwmo4TdGW7VfQxNLavjCXviqxT9S1MgbjMNHr6Sp5";
        let shown = Report::public(alice, false, KeyScheme::Sr25519, Some(0)).unwrap();
        assert_eq!(
            (&shown.json()["ss58Address"], &shown.json()["networkId"]),
            (&json!(polkadot), &json!("polkadot"))
        );
        let back = Report::public(polkadot, false, KeyScheme::Sr25519, None).unwrap();
        assert!(back.text().contains("Network ID/Version: polkadot"), "{}", *back.text());
        assert_eq!(back.json().get("secretSeed"), None);
        let hex = back.json()["publicKey"].as_str().unwrap().to_owned();
        let by_hex = Report::public(&hex, true, KeyScheme::Sr25519, None).unwrap();
        assert_eq!(by_hex.json()["ss58Address"], alice);
        assert!(by_hex.text().starts_with("Network ID/Version: substrate"));
    }
}
