//! Contributions, and what they become (R1, R2).

use alloc::string::String;
use alloc::vec::Vec;

use pallet_support::{DispatchResult, ensure, host};
use parity_scale_codec::Encode;
use quire_core::randomness::{VRF_CONTEXT, VRF_ID, VRF_MIX_CONTEXT, VrfOutput};
use quire_core::{AuraId, InherentData, Slot};
use schnorrkel::vrf::{VRFPreOut, VRFProof};
use schnorrkel::{PublicKey, signing_context};

use crate::storage::{DID_CONTRIBUTE, MIX, SESSION_RANDOMNESS};
use crate::{Call, Error};

/// Domain of the mix.
const MIX_DOMAIN: &[u8] = b"quire/mix";
/// Domain of a session's randomness.
const RANDOMNESS_DOMAIN: &[u8] = b"quire/randomness";

/// Randomness of the session.
pub fn session_randomness() -> [u8; 32] {
    SESSION_RANDOMNESS.get_or_default()
}

/// What the author of a slot of the running session puts through its VRF.
pub fn vrf_input(slot: Slot) -> Vec<u8> {
    (session_randomness(), slot).encode()
}

/// R1, R2.
pub(crate) fn contribute(output: &[u8; 32], proof: &[u8; 64]) -> DispatchResult {
    ensure!(!DID_CONTRIBUTE.get_or_default(), Error::AlreadyContributed);
    let author = pallet_aura::author().ok_or(Error::NoAuthor)?;
    let input = vrf_input(pallet_aura::current_slot());
    let bytes = verify(&author, &input, output, proof).ok_or(Error::BadOutput)?;
    DID_CONTRIBUTE.put(&true);
    MIX.mutate_default(|mix| *mix = host::blake2_256(&(MIX_DOMAIN, *mix, bytes).encode()));
    Ok(())
}

/// The bytes behind an output, when it is the one of this key for this input.
pub(crate) fn verify(key: &AuraId, input: &[u8], output: &[u8; 32], proof: &[u8; 64]) -> Option<[u8; 32]> {
    let key = PublicKey::from_bytes(&key.0).ok()?;
    let output = VRFPreOut::from_bytes(output).ok()?;
    let proof = VRFProof::from_bytes(proof).ok()?;
    let (in_out, _) = key.vrf_verify(signing_context(VRF_CONTEXT).bytes(input), &output, &proof).ok()?;
    Some(in_out.make_bytes(VRF_MIX_CONTEXT))
}

/// The author's inherent, when it told an output.
pub fn create_inherent(data: &InherentData) -> Option<Call> {
    let VrfOutput { output, proof } = data.get(&VRF_ID).ok().flatten()?;
    Some(Call::contribute { output, proof })
}

/// Whether the current block has a contribution (R3).
pub fn has_contributed() -> bool {
    DID_CONTRIBUTE.get_or_default()
}

/// Ends a block.
pub fn on_finalize() {
    DID_CONTRIBUTE.kill();
}

/// A session begins: its randomness.
pub fn on_session(index: u32) -> [u8; 32] {
    let mixed = (RANDOMNESS_DOMAIN, session_randomness(), index, MIX.get_or_default());
    let randomness = host::blake2_256(&mixed.encode());
    SESSION_RANDOMNESS.put(&randomness);
    randomness
}

/// Checks every stored invariant of Randomness.
///
/// # Errors
/// The first one that does not hold.
pub fn check_invariants() -> Result<(), String> {
    if DID_CONTRIBUTE.exists() {
        return Err("the mark of a contribution outlives the block (R1)".into());
    }
    Ok(())
}
