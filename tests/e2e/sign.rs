//! Signed extrinsics, built from the documented layout and not with the node's own signer.

use crate::rpc;
use parity_scale_codec::{Compact, Encode};
use schnorrkel::{ExpansionMode, Keypair, MiniSecretKey, signing_context};
use serde_json::json;

/// //Alice's seed.
const ALICE: &str = "e5be9a5092b81bca64be81d212e7f2f9eba183bb7a90954f7b76361f6edb5c0a";
/// `Balances.transfer_keep_alive`.
const TRANSFER_KEEP_ALIVE: [u8; 2] = [2, 3];

/// //Alice.
pub(crate) fn alice() -> Keypair {
    let seed = hex::decode(ALICE).expect("hex");
    MiniSecretKey::from_bytes(&seed).expect("32 bytes").expand_to_keypair(ExpansionMode::Ed25519)
}

/// What a signature covers besides the extrinsic.
pub(crate) struct Domain {
    genesis: Vec<u8>,
    spec: u32,
    transaction: u32,
}

impl Domain {
    /// Asks a node.
    pub(crate) fn of(port: u16) -> Domain {
        let genesis = rpc::bytes(&rpc::call(port, "chain_getBlockHash", json!([0]))).expect("a hash");
        let version = rpc::call(port, "state_getRuntimeVersion", json!([]));
        let field = |name: &str| u32::try_from(version[name].as_u64().expect(name)).expect("a u32");
        Domain { genesis, spec: field("specVersion"), transaction: field("transactionVersion") }
    }

    /// A transfer from //Alice, immortal, without a tip.
    pub(crate) fn transfer(&self, nonce: u32, to: &[u8; 32], amount: u128) -> Vec<u8> {
        let mut call = TRANSFER_KEEP_ALIVE.to_vec();
        call.push(0);
        call.extend(to);
        Compact(amount).encode_to(&mut call);
        self.signed(nonce, &call)
    }

    /// Any call from //Alice, immortal, without a tip.
    pub(crate) fn signed(&self, nonce: u32, call: &[u8]) -> Vec<u8> {
        let key = alice();
        let mut extra = vec![0];
        Compact(nonce).encode_to(&mut extra);
        extra.extend([0, 0]);
        let mut payload = [call, &extra].concat();
        (self.spec, self.transaction).encode_to(&mut payload);
        payload.extend(&self.genesis);
        payload.extend(&self.genesis);
        payload.push(0);
        // Long payloads are signed by their hash.
        if payload.len() > 256 {
            payload = quire_core::hash::blake2_256(&payload).to_vec();
        }
        let signature = key.sign(signing_context(b"substrate").bytes(&payload)).to_bytes();
        let mut body = vec![0x84, 0];
        body.extend(key.public.to_bytes());
        body.push(1);
        body.extend(signature);
        body.extend(extra);
        body.extend(call);
        body.encode()
    }
}

/// Key of //Alice's account in the state.
pub(crate) fn alice_account_key() -> Vec<u8> {
    pallet_system::storage::ACCOUNT.key_for(&quire_core::AccountId(alice().public.to_bytes()))
}

/// //Alice's next nonce in the last finalised state.
pub(crate) fn finalised_nonce(port: u16) -> u32 {
    let account = rpc::storage(port, &alice_account_key()).expect("//Alice has an account");
    u32::from_le_bytes(account[..4].try_into().expect("an account starts with its nonce"))
}
