//! The work behind a client's certificate (C7).

use parity_scale_codec::Encode;
use quire_core::{H256, hash};

use crate::Key;

const DOMAIN: &[u8] = b"quire/certificate-work/1";

/// The hash whose leading zero bits count.
pub fn work_hash(chain: &H256, peer: &[u8; 32], client: &Key, nonce: u64) -> [u8; 32] {
    hash::blake2_256_concat(&[DOMAIN, chain.as_bytes(), peer, &client.encode(), &nonce.to_le_bytes()])
}

/// How many bits of work a nonce stands for.
pub fn work_bits(chain: &H256, peer: &[u8; 32], client: &Key, nonce: u64) -> u32 {
    let hash = work_hash(chain, peer, client, nonce);
    let zero_bytes = hash.iter().take_while(|byte| **byte == 0).count() as u32;
    let next = hash.get(zero_bytes as usize).map_or(0, |byte| byte.leading_zeros());
    zero_bytes.saturating_mul(8).saturating_add(next)
}
