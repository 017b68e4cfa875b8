//! The node's memory: finalised state with its recent history, blocks, and what must survive a crash.
//!
//! [`Database`] implements [`quire_chain::Store`] over any [`backend::Backend`]: sled on disk, a map in tests. The map of what
//! is stored is in `column.rs`, how older states stay readable in `history.rs`, how a commit survives the loss of power in
//! `backend/sled.rs`.
//!
//! Out of scope: unfinalised state (the chain keeps it in memory and journals it here), keys and chunks.

pub mod backend;
mod cache;
mod cell;
pub mod column;
mod database;
mod history;
mod pruning;
pub mod schema;

pub use database::{Database, Options, Sizes, SledStore};
pub use pruning::{Keeping, Pruning, Wanted};
pub use schema::OpenError;
