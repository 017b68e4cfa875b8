//! Session keys, made and read by the runtime, so that a later runtime may have more of them.
//!
//! Rule: keys are made in an off-chain call of the node's own, which only `author_rotateKeys` starts.
use super::{Inner, backend::query_error};
use crate::keystore::{Keystore, Scheme, scheme_of};
use parity_scale_codec::{Decode, Encode};
use quire_core::{KeyTypeId, codec::decode_vec};
use quire_executor::KeyMaker;
use quire_rpc::BackendError;
use std::sync::Arc;

/// Most keys of an authority.
const MAX_SESSION_KEYS: u32 = 32;

/// Makes keys in the node's keystore.
struct Maker(Arc<Keystore>);

impl Maker {
    fn make(&self, scheme: Scheme, key_type: KeyTypeId, suri: Option<&str>) -> Result<[u8; 32], String> {
        if scheme_of(key_type) != scheme {
            return Err(format!(
                "keys of type {:?} have another scheme",
                String::from_utf8_lossy(&key_type.0)
            ));
        }
        self.0.generate(key_type, suri).map_err(|why| why.to_string())
    }
}

impl KeyMaker for Maker {
    fn sr25519(&self, key_type: KeyTypeId, suri: Option<&str>) -> Result<[u8; 32], String> {
        self.make(Scheme::Sr25519, key_type, suri)
    }

    fn ed25519(&self, key_type: KeyTypeId, suri: Option<&str>) -> Result<[u8; 32], String> {
        self.make(Scheme::Ed25519, key_type, suri)
    }
}

/// `author_rotateKeys`.
pub(super) fn rotate(node: &Inner) -> Result<Vec<u8>, BackendError> {
    const METHOD: &str = "SessionKeys_generate_session_keys";
    let at = node.chain.best().hash;
    let code = node.chain.code_at(at).map_err(|why| query_error(at, why))?;
    let state = node.chain.state_at(at).map_err(|why| query_error(at, why))?;
    let keys = Arc::new(Maker(node.keystore.clone()));
    let answer = node
        .executor
        .call_with_keys(&code, &*state, METHOD, &None::<Vec<u8>>.encode(), keys)
        .map_err(|why| query_error(at, why.into()))?;
    decode(METHOD, &answer)
}

/// `author_hasSessionKeys`; none when the runtime does not decode them.
pub(super) fn has(node: &Inner, encoded: &[u8]) -> Result<Option<bool>, BackendError> {
    const METHOD: &str = "SessionKeys_decode_session_keys";
    let at = node.chain.best().hash;
    let answer = node.chain.call(at, METHOD, &encoded.encode()).map_err(|why| query_error(at, why))?;
    let mut input = answer.as_slice();
    let wrong = |why: parity_scale_codec::Error| {
        BackendError::Execution(format!("{METHOD} answered something that does not decode: {why}"))
    };
    if u8::decode(&mut input).map_err(wrong)? == 0 {
        return Ok(None);
    }
    let keys: Vec<(Vec<u8>, KeyTypeId)> = decode_vec(&mut input, MAX_SESSION_KEYS, METHOD).map_err(wrong)?;
    let has = |(public, key_type): &(Vec<u8>, KeyTypeId)| {
        <&[u8; 32]>::try_from(public.as_slice()).is_ok_and(|public| node.keystore.has(*key_type, public))
    };
    Ok(Some(keys.iter().all(has)))
}

fn decode(method: &str, answer: &[u8]) -> Result<Vec<u8>, BackendError> {
    Vec::<u8>::decode(&mut &*answer).map_err(|why| {
        BackendError::Execution(format!("{method} answered something that does not decode: {why}"))
    })
}
