//! Channel programs: what a module may be ([`validate`]), the bytes it exchanges with its host ([`abi`]), how
//! much it may do ([`gas`]), and the record of each unit of work ([`record`]).
//!
//! A program is a core WebAssembly module in map-reduce form. Messages of a block come sorted; stage 0 maps messages to
//! pairs and reduces groups of pairs with one key; each later stage maps the pairs that the stage before emitted.
//! Execution and metering live in `node/executor`; everything that all engines must agree on lives here.

pub mod abi;
pub mod gas;
pub mod record;
mod validate;

pub use validate::{ProgramError, ProgramInfo, RESERVED_PREFIX, validate};
