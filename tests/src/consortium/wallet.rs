//! Clients' keys and transfers, built from the documented layout and not with the node's own signer.
use super::Result;
use crate::soak::socket;
use parity_scale_codec::{Compact, Encode};
use schnorrkel::derive::ChainCode;
use schnorrkel::{ExpansionMode, Keypair, MiniSecretKey, signing_context};
use serde_json::json;

/// Seed of the development phrase that `//Alice` and the others are derived from.
const ROOT: &str = "fac7959dbfe72f052e5a0c3c8d6530f202b02fd8f9f5ca3580ec8deb7797479e";
/// `Balances.transfer_keep_alive`.
const TRANSFER_KEEP_ALIVE: [u8; 2] = [2, 3];

/// What a signature covers besides the extrinsic.
#[derive(Debug, Clone)]
pub struct Domain {
    genesis: Vec<u8>,
    spec: u32,
    transaction: u32,
}

impl Domain {
    /// Asks a node.
    pub async fn of(port: u16) -> Result<Self> {
        let genesis = socket::call(port, "chain_getBlockHash", json!([0])).await?;
        let genesis = genesis.as_str().and_then(|text| hex::decode(text.trim_start_matches("0x")).ok());
        let version = socket::call(port, "state_getRuntimeVersion", json!([])).await?;
        let field = |name: &str| {
            let number = version[name].as_u64().and_then(|number| u32::try_from(number).ok());
            number.ok_or_else(|| format!("the runtime version has no {name}"))
        };
        Ok(Self {
            genesis: genesis.ok_or("block 0 has no hash")?,
            spec: field("specVersion")?,
            transaction: field("transactionVersion")?,
        })
    }
}

/// A client.
pub struct Wallet(Keypair);

impl Wallet {
    /// `//<name>` of the development phrase.
    pub fn named(name: &str) -> Result<Self> {
        let wrong = |what: &str| format!("no key of //{name}: {what}");
        let seed = hex::decode(ROOT).map_err(|_| wrong("the root is no hex"))?;
        let root = MiniSecretKey::from_bytes(&seed).map_err(|_| wrong("the root is no seed"))?;
        let root = root.expand_to_keypair(ExpansionMode::Ed25519);
        let mut code = [0; 32];
        let encoded = name.encode();
        code.get_mut(..encoded.len()).ok_or_else(|| wrong("the name is too long"))?.copy_from_slice(&encoded);
        let (derived, _) = root.secret.hard_derive_mini_secret_key(Some(ChainCode(code)), b"");
        Ok(Self(derived.expand_to_keypair(ExpansionMode::Ed25519)))
    }

    /// The account.
    pub fn account(&self) -> [u8; 32] {
        self.0.public.to_bytes()
    }

    /// An encoded, immortal transfer without a tip.
    pub fn transfer(&self, domain: &Domain, nonce: u32, to: &[u8; 32], amount: u128) -> Vec<u8> {
        let mut call = TRANSFER_KEEP_ALIVE.to_vec();
        call.push(0);
        call.extend(to);
        Compact(amount).encode_to(&mut call);
        let mut extra = vec![0];
        Compact(nonce).encode_to(&mut extra);
        extra.extend([0, 0]);
        let mut payload = [&call[..], &extra].concat();
        (domain.spec, domain.transaction).encode_to(&mut payload);
        payload.extend(&domain.genesis);
        payload.extend(&domain.genesis);
        payload.push(0);
        let signature = self.0.sign(signing_context(b"substrate").bytes(&payload)).to_bytes();
        let mut body = vec![0x84, 0];
        body.extend(self.account());
        body.push(1);
        body.extend(signature);
        body.extend(extra);
        body.extend(call);
        body.encode()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_development_accounts() {
        let alice = hex::encode(Wallet::named("Alice").unwrap().account());
        assert_eq!(alice, "d43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d");
        let bob = hex::encode(Wallet::named("Bob").unwrap().account());
        assert_eq!(bob, "8eaf04151687736326c9fea17e25fc5287613693c912909cb226aa4794f26a48");
        assert!(Wallet::named(&"x".repeat(40)).is_err());
    }
}
