//! The workers of the data plane: what happens to messages between their senders and the chain.
//!
//! Pure cores decide; the modules marked *file* own a folder and its durability and nothing else of the outside world.
//! No clock, no socket, no random source: keys, seeds and time come in.
//!
//! | module | holds |
//! |---|---|
//! | [`log`] | *file*: append-only records with group commit |
//! | [`chunk_store`] | *file*: content-addressed chunks on such a log |
//! | [`cid`], [`manifest`] | addresses, the list of a part's chunks |
//! | [`ratchet`], [`seal`], [`crypt`] | block keys, sealing them to validators, encrypting chunks |

pub mod chunk_store;
pub mod cid;
pub mod crypt;
pub mod log;
pub mod manifest;
pub mod ratchet;
pub mod seal;
