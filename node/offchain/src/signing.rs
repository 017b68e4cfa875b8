//! sr25519 signatures of batches: who makes them, and checking many at once.
//!
//! Rules
//! * R1: verifying in batches gives the same answers as verifying one by one: a batch that fails as a whole is divided
//!   until the culprits are found.
//! * R2: the coefficients of batch verification come from a hash of everything that is verified, so it needs no random
//!   source and every node computes the same.

use quire_channel::BatchHeader;
use quire_channel::merge::{BatchVerifier, SignatureCheck};
use quire_channel::part::SIGNING_CONTEXT;
use rayon::prelude::*;
use schnorrkel::{PublicKey, Signature, signing_context};

/// Signatures that are verified together; more gain little and cost more when one is wrong.
const GROUP: usize = 64;

/// The keeper of a participant's message key.
pub trait BatchSigner: Sync {
    /// Signs headers of one sender in order, context [`SIGNING_CONTEXT`]. It refuses what contradicts an earlier
    /// signature, and remembers durably what it signs before it answers.
    ///
    /// # Errors
    /// A sentence that says why nothing was signed.
    fn sign_batches(&self, headers: &[BatchHeader]) -> Result<Vec<[u8; 64]>, String>;
}

/// The message keys of a channel's participants, by index.
#[derive(Debug, Clone)]
pub struct ChannelKeys {
    keys: Vec<Option<PublicKey>>,
}

impl ChannelKeys {
    /// Reads the keys once; one that is no curve point verifies nothing.
    pub fn new(keys: &[[u8; 32]]) -> ChannelKeys {
        ChannelKeys { keys: keys.iter().map(|key| PublicKey::from_bytes(key).ok()).collect() }
    }

    /// Number of participants.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    fn key(&self, sender: u8) -> Option<&PublicKey> {
        self.keys.get(usize::from(sender))?.as_ref()
    }
}

impl BatchVerifier for ChannelKeys {
    fn verify(&self, sender: u8, payload: &[u8], signature: &[u8; 64]) -> bool {
        let (Some(key), Ok(signature)) = (self.key(sender), Signature::from_bytes(signature)) else {
            return false;
        };
        key.verify_simple(SIGNING_CONTEXT, payload, &signature).is_ok()
    }

    fn verify_many(&self, checks: &[SignatureCheck]) -> Vec<bool> {
        checks.par_chunks(GROUP).flat_map_iter(|group| verify_group(self, group)).collect()
    }
}

fn verify_group(keys: &ChannelKeys, group: &[SignatureCheck]) -> Vec<bool> {
    let context = signing_context(SIGNING_CONTEXT);
    let mut answers = vec![false; group.len()];
    let (mut places, mut transcripts) = (Vec::new(), Vec::new());
    let (mut signatures, mut signers) = (Vec::new(), Vec::new());
    for (place, check) in group.iter().enumerate() {
        if let (Some(key), Ok(signature)) = (keys.key(check.sender), Signature::from_bytes(&check.signature))
        {
            places.push(place);
            transcripts.push(context.bytes(&check.payload));
            signatures.push(signature);
            signers.push(*key);
        }
    }
    let mut pending = vec![(0, places.len())];
    while let Some((from, to)) = pending.pop() {
        if from == to {
            continue;
        }
        let together = transcripts[from..to].iter().cloned();
        if schnorrkel::verify_batch_deterministic(together, &signatures[from..to], &signers[from..to], false)
            .is_ok()
        {
            places[from..to].iter().for_each(|place| answers[*place] = true);
        } else if to - from > 1 {
            let middle = from + (to - from) / 2;
            pending.push((from, middle));
            pending.push((middle, to));
        }
    }
    answers
}

#[cfg(test)]
pub(crate) mod tests;
