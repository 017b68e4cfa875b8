//! The new JSON-RPC API (`paritytech/json-rpc-interface-spec`), beside the legacy methods: `chainSpec_v1`,
//! `chainHead_v1`, `transactionWatch_v1`, `transaction_v1`, `archive_v1`.
//!
//! ```text
//!  block events ──► Follow (pure) ──► events ──► sink         one task per follow subscription
//!  operations  ──►    ▲
//!                     └── unpin, body, call, storage, continue, stopOperation: from the same connection
//! ```
//!
//! Terms: a *follow* is one `chainHead_v1_follow` subscription; an *operation* is what `body`, `call` or `storage`
//! started on one of its pinned blocks.
//!
//! Rules:
//! * R1 A group is listed only when all of it is here: clients choose by the presence of a prefix.
//! * R2 What a follow reports, and what is refused, is decided in [`follow`] alone; the shell waits, reads and sends.
//! * R3 A follow belongs to its connection. Seen from another one, and after `stop` or `unfollow`, it is not there:
//!   `header` answers `null`, `body`, `call` and `storage` answer `limitReached`, the others `null`.
//! * R4 The reply that names an operation leaves before the operation's first event. Not so in a batch, whose replies
//!   leave together.
//! * R5 Operations read in bounded pages, each under the limit on concurrent reads that all methods share, and only while
//!   the client takes what it is sent; what waits for it is counted as output of its connection. Stopping an operation,
//!   unfollowing or leaving ends it after the page or call in work.
//! * R6 A block that lost stays readable while the chain keeps it in memory; when its state, or that of an old final
//!   block, is gone, operations on it end with `operationInaccessible`.
//! * R7 An operation that the runtime refuses ends with `operationError`, a call of the archive with
//!   `{"success": false}`. None of them stays silent.
//! * R8 Quire has no child tries: a look-up in one finds nothing.
//! * R9 The archive knows the headers of all final blocks, bodies and states as far back as the node keeps them: a body
//!   that is gone is `null`, a state that is gone is an error that says so.
mod archive;
mod broadcast;
mod chain_head;
mod chain_spec;
mod event;
mod follow;
pub(crate) mod follower;
pub(crate) mod operation;
mod params;
pub(crate) mod pins;
mod storage;
mod storage_diff;
pub(crate) mod watch;

use crate::api::Context;
use jsonrpsee::RpcModule;
use jsonrpsee::core::RegisterMethodError;

type Registered = Result<(), RegisterMethodError>;

/// Adds every group.
pub(crate) fn register(module: &mut RpcModule<Context>) -> Registered {
    chain_spec::register(module)?;
    chain_head::register(module)?;
    archive::register(module)?;
    storage_diff::register(module)?;
    watch::register(module)?;
    broadcast::register(module)
}
