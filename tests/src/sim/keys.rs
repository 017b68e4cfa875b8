//! Keys of the simulated authorities, from their index.

use quire_core::crypto::SIGNING_CONTEXT;
use quire_core::{AuraId, GrandpaId, H256};
use schnorrkel::context::{attach_rng, signing_context};

use super::rng::Rng;

/// Both keys of an authority.
#[derive(Clone)]
pub struct Keys {
    aura: schnorrkel::Keypair,
    grandpa: ed25519_zebra::SigningKey,
}

impl Keys {
    /// The keys of authority `index`.
    #[must_use]
    pub fn new(index: usize) -> Self {
        let seed = [u8::try_from(index).unwrap_or(u8::MAX).wrapping_add(1); 32];
        let mini = schnorrkel::MiniSecretKey::from_bytes(&seed).expect("32 bytes are a seed");
        Self {
            aura: mini.expand_to_keypair(schnorrkel::ExpansionMode::Ed25519),
            grandpa: ed25519_zebra::SigningKey::from(seed),
        }
    }

    /// The key that seals.
    #[must_use]
    pub fn aura_id(&self) -> AuraId {
        AuraId(self.aura.public.to_bytes())
    }

    /// The key that votes.
    #[must_use]
    pub fn grandpa_id(&self) -> GrandpaId {
        GrandpaId(ed25519_zebra::VerificationKey::from(&self.grandpa).into())
    }

    /// A seal; its randomness comes from the payload, so a run can be repeated.
    #[must_use]
    pub fn seal(&self, payload: H256) -> [u8; 64] {
        let seed = payload.0.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        let transcript = signing_context(SIGNING_CONTEXT).bytes(&payload.0);
        self.aura.sign(attach_rng(transcript, Rng::new(seed))).to_bytes()
    }

    /// The signature of a vote.
    #[must_use]
    pub fn vote(&self, payload: &[u8]) -> [u8; 64] {
        self.grandpa.sign(payload).into()
    }
}
