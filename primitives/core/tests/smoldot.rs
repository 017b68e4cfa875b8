//! Headers and justifications against smoldot, an independent implementation, on random values.

use parity_scale_codec::Encode;
use proptest::collection::vec;
use proptest::prelude::*;
use quire_core::digest::{AURA_ENGINE_ID, GRANDPA_ENGINE_ID};
use quire_core::justification::SignedPrecommit;
use quire_core::{Digest, DigestItem, GrandpaId, GrandpaJustification, H256, Header, Slot};

const NUMBER_BYTES: usize = 4;

fn hash() -> impl Strategy<Value = H256> {
    any::<[u8; 32]>().prop_map(H256)
}

/// Digests that a Quire block can have: slot, authority changes, code change, seal.
fn digest() -> impl Strategy<Value = Digest> {
    let authorities = vec(any::<[u8; 32]>(), 1..4);
    let aura =
        authorities.clone().prop_map(|keys| DigestItem::Consensus(AURA_ENGINE_ID, (1_u8, keys).encode()));
    let grandpa = authorities.prop_map(|keys| {
        let weighted: Vec<([u8; 32], u64)> = keys.into_iter().map(|key| (key, 1)).collect();
        DigestItem::Consensus(GRANDPA_ENGINE_ID, (1_u8, weighted, 0_u32).encode())
    });
    let other = vec(any::<u8>(), 0..40).prop_map(DigestItem::Other);
    let middle = vec(prop_oneof![aura, grandpa, other], 0..4);
    (any::<u64>(), middle, any::<bool>(), prop::option::of(any::<[u8; 64]>())).prop_map(
        |(slot, middle, changes_code, seal)| {
            let mut digest = Digest::for_slot(Slot(slot));
            digest.logs.extend(middle);
            if changes_code {
                digest.push(DigestItem::RuntimeEnvironmentUpdated);
            }
            if let Some(seal) = seal {
                digest.push(DigestItem::Seal(AURA_ENGINE_ID, seal.to_vec()));
            }
            digest
        },
    )
}

fn header() -> impl Strategy<Value = Header> {
    (hash(), any::<u32>(), hash(), hash(), digest()).prop_map(
        |(parent_hash, number, state_root, extrinsics_root, digest)| Header {
            parent_hash,
            number,
            state_root,
            extrinsics_root,
            digest,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn smoldot_reads_our_headers_and_hashes_them_alike(header in header()) {
        let bytes = header.encode();
        let theirs = smoldot::header::decode(&bytes, NUMBER_BYTES).expect("smoldot reads the header");
        prop_assert_eq!(theirs.hash(NUMBER_BYTES), header.hash().0);
        prop_assert_eq!(smoldot::header::hash_from_scale_encoded_header(&bytes), header.hash().0);
        prop_assert_eq!(theirs.parent_hash, &header.parent_hash.0);
        prop_assert_eq!(theirs.number, u64::from(header.number));
        prop_assert_eq!(theirs.state_root, &header.state_root.0);
        prop_assert_eq!(theirs.extrinsics_root, &header.extrinsics_root.0);
        let slot = theirs.digest.aura_pre_runtime().map(|digest| Slot(digest.slot_number));
        prop_assert_eq!(slot, header.digest.aura_slot());
        prop_assert_eq!(theirs.digest.aura_seal().copied(), header.digest.seal());
        prop_assert_eq!(theirs.digest.has_runtime_environment_updated(), header.digest.changes_code());
        prop_assert_eq!(&theirs.scale_encoding_vec(NUMBER_BYTES), &bytes);
        // What the author signs is the header without its seal.
        let mut unsealed = theirs.clone();
        unsealed.digest.pop_seal();
        prop_assert_eq!(unsealed.hash(NUMBER_BYTES), header.pre_hash().0);
    }

    #[test]
    fn smoldot_reads_our_justifications(
        round in any::<u64>(),
        target_hash in hash(),
        target_number in any::<u32>(),
        votes in vec((hash(), any::<u32>(), any::<[u8; 64]>(), any::<[u8; 32]>()), 0..5),
        votes_ancestries in vec(header(), 0..3),
    ) {
        let precommits: Vec<_> = votes.into_iter().map(|(target_hash, target_number, signature, id)| {
            SignedPrecommit { target_hash, target_number, signature, id: GrandpaId(id) }
        }).collect();
        let ours = GrandpaJustification { round, target_hash, target_number, precommits, votes_ancestries };
        let bytes = ours.encode();
        let theirs = smoldot::finality::decode::decode_grandpa_justification(&bytes, NUMBER_BYTES)
            .expect("smoldot reads the justification");
        prop_assert_eq!(theirs.round, ours.round);
        prop_assert_eq!(theirs.target_hash, &ours.target_hash.0);
        prop_assert_eq!(theirs.target_number, u64::from(ours.target_number));
        let votes: Vec<_> = theirs.precommits.iter().collect();
        prop_assert_eq!(votes.len(), ours.precommits.len());
        for (theirs, ours) in votes.iter().zip(&ours.precommits) {
            prop_assert_eq!(theirs.target_hash, &ours.target_hash.0);
            prop_assert_eq!(theirs.target_number, u64::from(ours.target_number));
            prop_assert_eq!(theirs.signature, &ours.signature);
            prop_assert_eq!(theirs.authority_public_key, &ours.id.0);
        }
        let hashes: Vec<_> = theirs.votes_ancestries.map(|header| header.hash(NUMBER_BYTES)).collect();
        let ours: Vec<_> = ours.votes_ancestries.iter().map(|header| header.hash().0).collect();
        prop_assert_eq!(hashes, ours);
    }
}
