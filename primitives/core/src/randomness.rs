//! What the author of a block contributes to the chain's randomness: a VRF output of its Aura key. The pallet Randomness
//! says what becomes of it.

use parity_scale_codec::{Decode, Encode};

use crate::inherent::InherentIdentifier;

/// Inherent data of the contribution: a [`VrfOutput`].
pub const VRF_ID: InherentIdentifier = *b"quirevrf";
/// The signing context of the VRF: no signature of another kind is made in it.
pub const VRF_CONTEXT: &[u8] = b"quire/vrf";
/// The context in which an output becomes bytes.
pub const VRF_MIX_CONTEXT: &[u8] = b"quire/vrf/mix";

/// An output of the VRF with its proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct VrfOutput {
    /// A compressed Ristretto point.
    pub output: [u8; 32],
    /// That it is the output of a key for an input.
    pub proof: [u8; 64],
}
