//! JSON-RPC 2.0 over HTTP and WebSocket on one port: the methods that unmodified Substrate clients call.
//!
//! Terms: a *backend* is what the methods need of a node ([`Backend`]); this crate knows nothing else of it, so every
//! answer can be tested against a fake. A *read* is a method that may touch the disk or run Wasm.
//!
//! Rules:
//! * R1 `rpc_methods` lists exactly the methods and aliases that exist.
//! * R2 The reply to a subscribe call leaves before the first notification, and the first item follows at once.
//! * R3 `params` may be absent, `null`, short or longer than needed; a missing or `null` optional parameter is none.
//! * R4 Bytes are hex with or without `0x`, in any case, `""` is empty; output is lower-case `0x` hex. Block numbers are
//!   JSON numbers or hex strings.
//! * R5 A method marked unsafe answers -32601 unless the listener may serve it.
//! * R6 Reads run on blocking threads, never more at once than [`RpcConfig::concurrent_reads`], so that block production
//!   keeps its share of the machine.
//! * R7 A subscriber that does not read for [`RpcConfig::slow_reader_ms`] loses its subscription, and then its
//!   connection, with a reason.
//! * R8 Requests, responses, batches, connections, subscriptions and keys per call have limits ([`RpcConfig`]); the
//!   module `transport` states what memory they add up to, and what happens to clients that flood, stall or hold on.
//!
//! The legacy methods are in `api`, the groups of the new API in `v2`.
//!
//! Out of scope: deciding anything about the chain or the pool.
mod api;
mod backend;
mod config;
mod cors;
mod error;
mod files;
mod json;
pub mod metrics;
mod params;
mod sealing;
mod server;
mod subscription;
mod transport;
mod v2;

pub use backend::{
    Backend, BackendError, Block, BlockEvent, BlockRef, ChangedKeys, FinalityRound, FinalityState, Health,
    Justification, Peer, Runtime, Snapshot, SnapshotBlock, SubmitError, SyncState, SystemInfo, TxStatus,
    Votes,
};
pub use config::{Cors, RpcConfig, UnsafeMethods};
pub use json::{HeaderJson, Hex};
pub use sealing::{Created, ManualSealing, SealError};
pub use server::{Listener, RpcServer, StartError, methods, start};

#[cfg(test)]
mod tests;
