//! Wasm inside the node: the chain's runtime, and the programs of channels.
//!
//! [`WasmExecutor`] implements [`quire_chain::Execute`]: a fresh pooled instance for every call, code compiled once and kept on
//! disk. [`SignatureCache`] is shared with the pool, so that a signature is verified once. `program` runs channel programs.
//!
//! Out of scope: deciding what to call, and what a failure means for a block (the chain).

mod engine;
mod executor;
mod heap;
mod host;
mod inspect;
pub mod program;
mod recorder;
pub mod signatures;
pub mod version;

#[cfg(test)]
mod tests;

pub use engine::check_code;
pub use executor::{Options, WasmExecutor};
pub use host::KeyMaker;
pub use signatures::{SUBSTRATE_CONTEXT, SignatureCache, Signed, verify_batch_sr25519, verify_sr25519};
