//! The chain: fork tree, block import, authoring, finalisation and queries, over what the shells provide.
//!
//! Pure: no clock, disk, socket, random source, threads. What executes a runtime and what keeps bytes are the traits
//! of [`environment`]; the time is an argument; signing is the shell's.
//!
//! | module | does |
//! |---|---|
//! | [`environment`] | traits that shells implement, commits, errors with their fault |
//! | [`chain`] | opening, restart, locks, the one door to the store |
//! | [`import`] | the steps of a foreign block |
//! | [`author`] | the steps of an own block |
//! | [`finalise`] | justification to durable finality |
//! | [`ballot`] | the chain as finality votes on it |
//! | [`proof`] | pieces of a state with proofs |
//! | [`query`] | heads, blocks, states, calls |
//! | [`revert`] | dropping blocks that are not final |
//! | [`sync`] | which blocks to ask whom for |
//! | [`trial`] | blocks that new code would make, for nobody to see |
//! | [`warp`] | proofs of finality over every change of the voters, and starting from one |
//! | [`tree`] | fork tree and best head |
//! | [`overlay`], [`layer`], [`genesis`] | writes of a call, of a block, of the beginning |
//!
//! Out of scope: fetching and announcing blocks (`quire-network`), the pool (`quire-pool`), voting
//! (`quire-consensus`).

pub mod author;
pub mod ballot;
pub mod chain;
mod dropped;
pub mod environment;
pub mod finalise;
pub mod genesis;
pub mod import;
pub mod layer;
pub mod overlay;
pub mod proof;
pub mod query;
pub mod revert;
pub mod sync;
#[cfg(test)]
mod testing;
pub mod tree;
pub mod trial;
mod view;
pub mod warp;
#[cfg(test)]
mod with_pool;

pub use author::{Built, Pace, ProposeError, Proposer};
pub use chain::{Chain, Config, OpenError};
pub use environment::{
    CODE_KEY, Commit, Execute, ExecuteError, Fault, Finalise, Head, Install, Journalled, NewBlock,
    ProvedBlock, RuntimeCode, StateError, StateView, Store, StoreError,
};
pub use finalise::{FinaliseError, Finalised};
pub use genesis::{Genesis, GenesisError};
pub use import::{ImportError, Imported, Received, RecheckError, Rechecked};
pub use layer::Layer;
pub use overlay::Overlay;
pub use query::{QueryError, TreeSnapshot, Unfinalised, WaitingBlock};
pub use revert::{RevertError, Reverted};
pub use tree::TreeRoute;
pub use trial::{Enacted, TrialError, Tried};
