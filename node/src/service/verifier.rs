//! Checks the signatures of many extrinsics in one batch before the runtime sees them.
//!
//! What verifies is remembered where the runtime's host function looks first, so validation and execution check it no
//! more. Nothing is decided here: a signature that does not verify, or whose payload was guessed wrongly, is simply not
//! remembered, and the runtime judges.
use super::Chain;
use quire_core::extrinsic::decode_envelope;
use quire_core::{Additional, BlockNumber, Era, H256, MultiSignature, OpaqueExtrinsic, signing_payload};
use quire_executor::{SignatureCache, Signed};
use quire_pool::BlockRef;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The memory of verified signatures, and what payloads at one block have in common.
pub(crate) struct Verifier {
    cache: Arc<SignatureCache>,
    versions: Mutex<Option<(H256, u32, u32)>>,
}

struct Item {
    signature: [u8; 64],
    public: [u8; 32],
    payload: Vec<u8>,
}

impl Verifier {
    pub(crate) fn new(cache: Arc<SignatureCache>) -> Self {
        Self { cache, versions: Mutex::default() }
    }

    /// Verifies the sr25519 signatures of `extrinsics` as they would be judged on top of `at`.
    pub(crate) fn verify(&self, chain: &Chain, at: &BlockRef, extrinsics: &[Arc<OpaqueExtrinsic>]) {
        let Some((spec_version, transaction_version)) = self.versions(chain, at) else { return };
        let mut births = BTreeMap::new();
        let items: Vec<Item> = extrinsics
            .iter()
            .filter_map(|extrinsic| {
                let mut birth = |era: Era| birth_hash(chain, at.number, era, &mut births);
                item(extrinsic, spec_version, transaction_version, chain.genesis(), &mut birth)
            })
            .collect();
        let signed: Vec<Signed> = items
            .iter()
            .map(|item| Signed { signature: &item.signature, message: &item.payload, public: &item.public })
            .collect();
        self.cache.verify_batch_sr25519(&signed);
    }

    fn versions(&self, chain: &Chain, at: &BlockRef) -> Option<(u32, u32)> {
        let mut known = self.versions.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, spec, transaction)) = known.filter(|(hash, _, _)| *hash == at.hash) {
            return Some((spec, transaction));
        }
        let version = chain.runtime_version(at.hash).ok()?;
        *known = Some((at.hash, version.spec_version, version.transaction_version));
        Some((version.spec_version, version.transaction_version))
    }
}

fn item(
    extrinsic: &OpaqueExtrinsic,
    spec_version: u32,
    transaction_version: u32,
    genesis_hash: H256,
    birth: &mut impl FnMut(Era) -> Option<H256>,
) -> Option<Item> {
    let (parts, call) = decode_envelope(&extrinsic.0).ok()?;
    let (address, signature, extra) = parts?;
    let (MultiSignature::Sr25519(signature), 0) = (signature, extra.mode) else { return None };
    let additional = Additional {
        spec_version,
        transaction_version,
        genesis_hash,
        era_hash: birth(extra.era)?,
        metadata_hash: None,
    };
    let payload = signing_payload(call, &extra, &additional);
    Some(Item { signature, public: address.account()?.0, payload })
}

/// The hash that a mortal extrinsic signs; the block number that the runtime sees is that of the next block.
fn birth_hash(
    chain: &Chain,
    at: BlockNumber,
    era: Era,
    known: &mut BTreeMap<BlockNumber, Option<H256>>,
) -> Option<H256> {
    let number = era.birth(at.saturating_add(1));
    *known.entry(number).or_insert_with(|| chain.hash_by_number(number).ok().flatten())
}
