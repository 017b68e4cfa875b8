//! Keys that the runtime lets the node make (R6 of [`super`]).

use super::{ENV, Host, bytes, compute::give_array, parts, storage::fixed};
use parity_scale_codec::Decode;
use quire_core::KeyTypeId;
use wasmtime::{Caller, Linker, Result, bail, ensure, format_err};

type Call<'a> = Caller<'a, Host>;

/// Longest secret URI that a runtime may pass, bytes.
const MAX_SEED_BYTES: usize = 4 * 1024;

/// Makes keys in the keystore of a node. The error is for people.
pub trait KeyMaker: Send + Sync {
    /// Makes an sr25519 key, from a secret URI if one is given; returns its public key.
    fn sr25519(&self, key_type: KeyTypeId, suri: Option<&str>) -> Result<[u8; 32], String>;
    /// Makes an ed25519 key, from a secret URI if one is given; returns its public key.
    fn ed25519(&self, key_type: KeyTypeId, suri: Option<&str>) -> Result<[u8; 32], String>;
}

type Make = fn(&dyn KeyMaker, KeyTypeId, Option<&str>) -> Result<[u8; 32], String>;

pub(super) fn define(linker: &mut Linker<Host>) -> Result<()> {
    let makers: [(&str, Make); 2] = [
        ("ext_crypto_sr25519_generate_version_1", |keys, key_type, suri| keys.sr25519(key_type, suri)),
        ("ext_crypto_ed25519_generate_version_1", |keys, key_type, suri| keys.ed25519(key_type, suri)),
    ];
    for (name, make) in makers {
        linker.func_wrap(ENV, name, move |mut caller: Call<'_>, key_type: u32, seed: u64| {
            let (memory, host) = parts(&mut caller)?;
            let key_type = KeyTypeId(fixed(memory, key_type)?);
            let seed = bytes(memory, seed)?;
            ensure!(
                seed.len() <= MAX_SEED_BYTES,
                "a seed of {} bytes, the limit is {MAX_SEED_BYTES}",
                seed.len()
            );
            let Some(keys) = &host.keys else {
                bail!("keys are made in an off-chain call of the node's own only (author_rotateKeys)")
            };
            let seed = Option::<Vec<u8>>::decode(&mut &*seed)
                .map_err(|_| format_err!("the seed of a key does not decode"))?
                .map(String::from_utf8)
                .transpose()
                .map_err(|_| format_err!("the seed of a key is no text"))?;
            let public = make(&**keys, key_type, seed.as_deref()).map_err(wasmtime::Error::msg)?;
            give_array(&mut caller, &public)
        })?;
    }
    Ok(())
}
