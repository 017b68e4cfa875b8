//! Signature checks that a node does once: batch verification, and a memory of what verified.
//!
//! Rules:
//! * R1: what is remembered is only that a (scheme, signature, message, key) verified; a hit and a fresh check give the same
//!   answer, so a block executes alike with a full and with an empty cache.
//! * R2: entries are named by blake2-256, so nobody can forge a hit.
//! * R3: a batch gives for each item what the single check gives: when a batch fails it is halved until the bad ones stand
//!   alone. A bad signature costs its sender's batch a few checks, not everybody's.
//! * R4: the memory is bounded; what was used least lately goes first.

use ed25519_zebra::{Signature as EdSignature, VerificationKey};
use quick_cache::sync::Cache;
use quire_core::hash::blake2_256_concat;
use rayon::prelude::*;
use schnorrkel::{PublicKey, Signature, context::SigningContext, signing_context};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// schnorrkel context of extrinsics.
pub const SUBSTRATE_CONTEXT: &[u8] = b"substrate";
/// Items checked in one equation: from here on the gain per signature is small.
const BATCH_ITEMS: usize = 256;
/// Below this the single check is as fast.
const MIN_BATCH_ITEMS: usize = 4;

/// A signature to check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signed<'a> {
    /// sr25519 signature.
    pub signature: &'a [u8; 64],
    /// What was signed.
    pub message: &'a [u8],
    /// sr25519 public key.
    pub public: &'a [u8; 32],
}

#[derive(Debug, Clone, Copy)]
#[repr(u8)]
enum Scheme {
    Sr25519,
    Ed25519,
}

/// Remembers what verified.
#[derive(Debug)]
pub struct SignatureCache {
    verified: Cache<[u8; 32], ()>,
    hits: AtomicU64,
    misses: AtomicU64,
}

impl SignatureCache {
    /// A memory of at most `entries` signatures (about 90 bytes each).
    pub fn new(entries: usize) -> Self {
        SignatureCache {
            verified: Cache::new(entries),
            hits: AtomicU64::default(),
            misses: AtomicU64::default(),
        }
    }

    /// Signatures that were remembered, and those that had to be verified, since the start.
    pub fn checks(&self) -> (u64, u64) {
        (self.hits.load(Relaxed), self.misses.load(Relaxed))
    }

    /// Checks an sr25519 signature over a message in Substrate's context.
    pub fn verify_sr25519(&self, signed: &Signed<'_>) -> bool {
        let name = name(Scheme::Sr25519, signed.signature, signed.public, signed.message);
        self.remembered(name, || verify_sr25519(SUBSTRATE_CONTEXT, signed))
    }

    /// Checks an ed25519 signature by the ZIP-215 rules.
    pub fn verify_ed25519(&self, signature: &[u8; 64], message: &[u8], public: &[u8; 32]) -> bool {
        let name = name(Scheme::Ed25519, signature, public, message);
        self.remembered(name, || {
            let signature = EdSignature::from(*signature);
            VerificationKey::try_from(*public).is_ok_and(|key| key.verify(&signature, message).is_ok())
        })
    }

    /// Checks many sr25519 signatures in Substrate's context on all cores, and remembers the good ones.
    pub fn verify_batch_sr25519(&self, items: &[Signed<'_>]) -> Vec<bool> {
        let names: Vec<[u8; 32]> = items
            .par_iter()
            .with_min_len(BATCH_ITEMS)
            .map(|item| name(Scheme::Sr25519, item.signature, item.public, item.message))
            .collect();
        let mut verdicts: Vec<bool> = names.iter().map(|name| self.verified.get(name).is_some()).collect();
        let open: Vec<usize> = (0..items.len()).filter(|index| !verdicts[*index]).collect();
        self.hits.fetch_add((items.len() - open.len()) as u64, Relaxed);
        self.misses.fetch_add(open.len() as u64, Relaxed);
        let unknown: Vec<Signed<'_>> = open.iter().map(|index| items[*index]).collect();
        for (index, is_good) in open.into_iter().zip(verify_batch_sr25519(SUBSTRATE_CONTEXT, &unknown)) {
            if is_good {
                verdicts[index] = true;
                self.verified.insert(names[index], ());
            }
        }
        verdicts
    }

    fn remembered(&self, name: [u8; 32], check: impl FnOnce() -> bool) -> bool {
        if self.verified.get(&name).is_some() {
            self.hits.fetch_add(1, Relaxed);
            return true;
        }
        self.misses.fetch_add(1, Relaxed);
        let is_good = check();
        if is_good {
            self.verified.insert(name, ());
        }
        is_good
    }
}

fn name(scheme: Scheme, signature: &[u8; 64], public: &[u8; 32], message: &[u8]) -> [u8; 32] {
    blake2_256_concat(&[&[scheme as u8], signature, public, message])
}

/// Checks one sr25519 signature in a context.
pub fn verify_sr25519(context: &[u8], signed: &Signed<'_>) -> bool {
    let signature = Signature::from_bytes(signed.signature);
    let public = PublicKey::from_bytes(signed.public);
    match (signature, public) {
        (Ok(signature), Ok(public)) => public.verify_simple(context, signed.message, &signature).is_ok(),
        _ => false,
    }
}

/// Checks many sr25519 signatures in a context on all cores; each verdict is what [`verify_sr25519`] gives.
pub fn verify_batch_sr25519(context: &[u8], items: &[Signed<'_>]) -> Vec<bool> {
    let context = signing_context(context);
    items.par_chunks(BATCH_ITEMS).flat_map_iter(|items| verify_chunk(&context, items)).collect()
}

fn verify_chunk(context: &SigningContext, items: &[Signed<'_>]) -> Vec<bool> {
    let parsed: Vec<Option<(Signature, PublicKey)>> = items
        .iter()
        .map(|item| {
            Some((Signature::from_bytes(item.signature).ok()?, PublicKey::from_bytes(item.public).ok()?))
        })
        .collect();
    let mut verdicts = vec![false; items.len()];
    let whole: Vec<usize> = (0..items.len()).filter(|index| parsed[*index].is_some()).collect();
    let (signatures, publics): (Vec<Signature>, Vec<PublicKey>) = parsed.into_iter().flatten().unzip();
    let messages: Vec<&[u8]> = whole.iter().map(|index| items[*index].message).collect();
    let found = halve(context, &messages, &signatures, &publics);
    whole.into_iter().zip(found).for_each(|(index, is_good)| verdicts[index] = is_good);
    verdicts
}

/// Verdicts of a batch; halves it when it fails (R3). At most eight levels deep, since a batch has 256 items.
fn halve(
    context: &SigningContext,
    messages: &[&[u8]],
    signatures: &[Signature],
    publics: &[PublicKey],
) -> Vec<bool> {
    if messages.len() < MIN_BATCH_ITEMS {
        let single = messages.iter().zip(signatures).zip(publics);
        return single.map(|((message, sig), key)| key.verify(context.bytes(message), sig).is_ok()).collect();
    }
    let transcripts = messages.iter().map(|message| context.bytes(message));
    // The weights come from a transcript over all signatures, messages and keys, so no random source is needed.
    if schnorrkel::verify_batch_deterministic(transcripts, signatures, publics, false).is_ok() {
        return vec![true; messages.len()];
    }
    let middle = messages.len() / 2;
    let mut verdicts = halve(context, &messages[..middle], &signatures[..middle], &publics[..middle]);
    verdicts.extend(halve(context, &messages[middle..], &signatures[middle..], &publics[middle..]));
    verdicts
}

#[cfg(test)]
mod tests {
    use super::*;
    use schnorrkel::{ExpansionMode, Keypair, MiniSecretKey};

    fn keypair(seed: u8) -> Keypair {
        MiniSecretKey::from_bytes(&[seed; 32]).unwrap().expand_to_keypair(ExpansionMode::Ed25519)
    }

    struct Item {
        signature: [u8; 64],
        message: Vec<u8>,
        public: [u8; 32],
    }

    fn items(count: usize) -> Vec<Item> {
        let sign = |n: usize| {
            let pair = keypair((n % 7) as u8 + 1);
            let message = n.to_le_bytes().repeat(n % 40 + 1);
            Item {
                signature: pair.sign_simple(SUBSTRATE_CONTEXT, &message).to_bytes(),
                message,
                public: pair.public.to_bytes(),
            }
        };
        (0..count).map(sign).collect()
    }

    fn signed(items: &[Item]) -> Vec<Signed<'_>> {
        items
            .iter()
            .map(|item| Signed { signature: &item.signature, message: &item.message, public: &item.public })
            .collect()
    }

    #[test]
    fn r3_a_batch_agrees_with_single_checks_whatever_is_wrong_in_it() {
        let mut items = items(300);
        for (index, item) in items.iter_mut().enumerate() {
            match index % 37 {
                3 => item.signature[5] ^= 1,
                9 => item.signature[40] ^= 1,
                14 => item.signature[63] &= 0x7f,
                20 => item.message.push(0),
                26 => item.public = [0xff; 32],
                31 => item.public = keypair(9).public.to_bytes(),
                _ => {}
            }
        }
        let signed = signed(&items);
        let single: Vec<bool> = signed.iter().map(|item| verify_sr25519(SUBSTRATE_CONTEXT, item)).collect();
        assert_eq!(single.iter().filter(|is_good| !**is_good).count(), 49);
        assert_eq!(verify_batch_sr25519(SUBSTRATE_CONTEXT, &signed), single);
        let cache = SignatureCache::new(1_000);
        assert_eq!(cache.verify_batch_sr25519(&signed), single);
        assert_eq!(cache.verify_batch_sr25519(&signed), single, "the second time from memory");
    }

    #[test]
    fn r1_the_cache_answers_like_a_fresh_check() {
        let items = items(10);
        let signed = signed(&items);
        let cache = SignatureCache::new(100);
        for item in &signed {
            assert!(cache.verify_sr25519(item) && cache.verify_sr25519(item));
            let foreign = Signed { message: b"something else", ..*item };
            assert!(!cache.verify_sr25519(&foreign) && !cache.verify_sr25519(&foreign));
            assert!(!cache.verify_ed25519(item.signature, item.message, item.public), "schemes do not mix");
        }
    }

    #[test]
    fn another_context_is_another_signature() {
        let items = items(5);
        assert_eq!(verify_batch_sr25519(b"quire", &signed(&items)), [false; 5]);
    }

    #[test]
    fn ed25519_signatures_verify_once_and_again() {
        let secret = ed25519_zebra::SigningKey::from([7; 32]);
        let public = <[u8; 32]>::from(VerificationKey::from(&secret));
        let signature = <[u8; 64]>::from(secret.sign(b"message"));
        let cache = SignatureCache::new(100);
        assert!(cache.verify_ed25519(&signature, b"message", &public));
        assert!(cache.verify_ed25519(&signature, b"message", &public));
        assert!(!cache.verify_ed25519(&signature, b"massage", &public));
        assert!(!cache.verify_ed25519(&signature, b"message", &[0xff; 32]));
    }

    #[test]
    fn r4_the_memory_is_bounded() {
        let cache = SignatureCache::new(50);
        let items = items(200);
        assert!(cache.verify_batch_sr25519(&signed(&items)).into_iter().all(|is_good| is_good));
        assert!(cache.verified.len() <= 50);
    }
}
