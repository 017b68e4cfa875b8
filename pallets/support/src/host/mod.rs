//! What the runtime may ask of the machine it runs in.
//!
//! Terms: the *host* is whoever executes the runtime: the node (or a light client) for the Wasm build, a thread-local
//! stand-in for every other target. Both offer the functions of this module with the same meaning, so pallets are
//! written once, unit-tested natively and run in production as Wasm.
//!
//! Rules:
//! * R1. A value written inside a transaction is gone after its rollback and stays after its commit; transactions nest.
//! * R2. `storage_next_key` returns the least key strictly greater than its argument, whether or not that one exists.
//! * R3. `storage_append` to an absent or undecodable value starts a new vector of one item.
//! * R4. Signatures are judged alike on both sides: sr25519 in the context `substrate`, ed25519 by the ZIP-215 rules.
//! * R5. Keys are made in the keystore of a node, in an off-chain call of that node's own, and nowhere else; the
//!   thread-local stand-in has no keystore and derives them from type and seed.
//! * R6. Every access to the state is counted by [`crate::meter`], on both sides alike.
//!
//! Out of scope: child tries, offchain storage, randomness, time: no pallet has a use for them.

#[cfg(any(test, target_arch = "wasm32"))]
mod align;
#[cfg(target_arch = "wasm32")]
mod wasm;
#[cfg(target_arch = "wasm32")]
pub use wasm::*;

#[cfg(not(target_arch = "wasm32"))]
mod native;
#[cfg(not(target_arch = "wasm32"))]
pub use native::*;

#[cfg(test)]
mod tests;

/// Severity of a log line, numbered as `ext_logging_log` numbers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// Something is broken and needs an operator.
    Error = 1,
    /// Something is unexpected but handled.
    Warn = 2,
    /// Normal milestones.
    Info = 3,
    /// For developers.
    Debug = 4,
    /// For developers in despair.
    Trace = 5,
}

/// Outcome of [`storage_clear_prefix`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, parity_scale_codec::Encode, parity_scale_codec::Decode)]
pub enum ClearPrefix {
    /// Nothing with the prefix is left; the number of keys removed.
    AllRemoved(u32),
    /// The limit was reached first; the number of keys removed.
    SomeRemaining(u32),
}

impl ClearPrefix {
    /// The number of keys removed.
    #[must_use]
    pub const fn removed(&self) -> u32 {
        match self {
            Self::AllRemoved(count) | Self::SomeRemaining(count) => *count,
        }
    }
}
