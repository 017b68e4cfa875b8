//! Delay and time that the chain starts with.

use alloc::format;
use alloc::string::String;

use crate::storage::PARAMETERS;
use crate::types::Parameters;

/// What Upgrade is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// Delay and time.
    pub parameters: Parameters,
}

impl Config {
    /// Writes the state.
    ///
    /// # Errors
    /// When delay or time is out of bounds.
    pub fn build(&self) -> Result<(), String> {
        if !self.parameters.is_valid() {
            let Parameters { enactment_delay_blocks, attestation_ticks } = self.parameters;
            return Err(format!(
                "upgrade: a delay of {enactment_delay_blocks} blocks and {attestation_ticks} ticks to attest; choose 1 to 2592000 for each"
            ));
        }
        PARAMETERS.put(&self.parameters);
        Ok(())
    }
}
