//! Delay and time of upgrades.

use parity_scale_codec::{Decode, Encode};
use quire_core::BlockNumber;
use scale_info::TypeInfo;

/// Longest delay and time: a month of one-second blocks.
const LONGEST: u32 = 30 * 24 * 60 * 60;

/// Delay and time of upgrades.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[scale_info(capture_docs = "always")]
pub struct Parameters {
    /// Blocks between the one in which enough authorities accepted the code and the one that enacts it: time for nodes to
    /// compile it, and for operators and members to stop it.
    pub enactment_delay_blocks: BlockNumber,
    /// Ticks of the channel clock for which authorities may attest.
    pub attestation_ticks: u32,
}

impl Parameters {
    /// Whether both are within bounds.
    pub(crate) const fn is_valid(&self) -> bool {
        let (delay, ticks) = (self.enactment_delay_blocks, self.attestation_ticks);
        1 <= delay && delay <= LONGEST && 1 <= ticks && ticks <= LONGEST
    }
}

impl Default for Parameters {
    /// Ten minutes and a day of one-second blocks.
    fn default() -> Self {
        Self { enactment_delay_blocks: 600, attestation_ticks: 24 * 60 * 60 }
    }
}
