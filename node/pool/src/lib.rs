//! The transaction pool: what waits to get into a block, and in which order.
//!
//! Overview: a transaction is handed in, validated by the runtime (an effect that the shell carries out), and then
//! *ready* or *future*, depending on the tags that it requires and others provide. Blocks take it out; a retracted
//! block gives it back.
//!
//! Usage: [`Pool::step`] with each [`Input`], carry out each [`Effect`]; [`Pool::ready`] for the author.
//!
//! Out of scope: running validations, gossip, the clock, and any guarantee that a transaction gets into a block.

mod ban;
mod error;
mod key;
mod order;
mod pool;
mod transaction;

pub use error::PoolError;
pub use pool::{
    BlockBody, BlockRef, Config, Effect, Input, Pool, ReadyTransaction, Sizes, Status, Submission,
};
pub use transaction::{Place, Tag, Transaction, nonce_tag, nonce_tag_bytes, sender_of};
