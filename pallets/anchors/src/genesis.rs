//! The first state: no block is open.

use alloc::string::String;

/// What genesis fixes: nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Config {}

impl Config {
    /// Writes the first state.
    ///
    /// # Errors
    /// None; the other pallets' `build` may fail.
    pub fn build(&self) -> Result<(), String> {
        Ok(())
    }
}
