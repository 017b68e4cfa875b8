//! What an offence costs.

use alloc::format;
use alloc::string::String;

use crate::storage::PARAMETERS;
use crate::types::Parameters;

/// What Equivocation is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// What an offence costs.
    pub parameters: Parameters,
}

impl Config {
    /// Writes the state.
    ///
    /// # Errors
    /// When an offence would cost more than there is.
    pub fn build(&self) -> Result<(), String> {
        let percent = self.parameters.slash_percent;
        if percent > 100 {
            return Err(format!("equivocation: an offence costs {percent} % of the bond; choose 0 to 100"));
        }
        PARAMETERS.put(&self.parameters);
        Ok(())
    }
}
