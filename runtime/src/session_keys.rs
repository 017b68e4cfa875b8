//! The keys of an authority as one byte string, as `author_rotateKeys` gives it and `author_hasSessionKeys` takes it:
//! the Aura key (sr25519, 32 bytes), then the GRANDPA key (ed25519, 32 bytes).
//!
//! * **R1** Making keys needs the keystore of a node, so it works only in an off-chain call of that node's own; in a block,
//!   in a call of somebody else's and in a light client it ends the call.
//! * **R2** What has not exactly the length of all keys decodes to nothing.

use alloc::{vec, vec::Vec};
use pallet_support::host;
use quire_core::{KeyTypeId, keys};

/// Bytes of one key.
const KEY_BYTES: usize = 32;
/// What the string is made of, in order.
const KEY_TYPES: [KeyTypeId; 2] = [keys::AURA, keys::GRANDPA];

/// Makes new keys in the node's keystore; from a secret URI, if one is given.
pub fn generate(seed: Option<Vec<u8>>) -> Vec<u8> {
    let aura = host::sr25519_generate(keys::AURA, seed.as_deref());
    let grandpa = host::ed25519_generate(keys::GRANDPA, seed.as_deref());
    [aura, grandpa].concat()
}

/// The keys with their types.
pub fn decode(encoded: &[u8]) -> Option<Vec<(Vec<u8>, KeyTypeId)>> {
    if encoded.len() != KEY_TYPES.len() * KEY_BYTES {
        return None;
    }
    let mut keys = vec![];
    for (key, key_type) in encoded.chunks(KEY_BYTES).zip(KEY_TYPES) {
        keys.push((key.to_vec(), key_type));
    }
    Some(keys)
}

#[cfg(test)]
mod tests {
    use super::*;
    use pallet_support::testing::TestExternalities;

    #[test]
    fn keys_that_were_made_decode_to_their_types() {
        TestExternalities::new().execute(|| {
            let encoded = generate(Some(b"//Alice".to_vec()));
            let decoded = decode(&encoded).unwrap();
            assert_eq!(decoded.iter().map(|(_, key_type)| *key_type).collect::<Vec<_>>(), KEY_TYPES);
            assert_eq!(decoded.iter().flat_map(|(key, _)| key.clone()).collect::<Vec<_>>(), encoded);
            assert_ne!(decoded[0].0, decoded[1].0);
            assert_ne!(generate(None), encoded);
        });
    }

    #[test]
    fn r2_other_lengths_decode_to_nothing() {
        for length in [0, 32, 63, 65, 96] {
            assert_eq!(decode(&vec![1; length]), None);
        }
    }
}
