//! The workers of the data plane: what happens to messages between their senders and the chain.
//!
//! Pure cores decide; the modules marked *file* own a folder and its durability and nothing else of the outside world.
//! No clock, no socket, no random source: keys, seeds and time come in.
//!
//! | module | holds |
//! |---|---|
//! | [`batcher`], [`signing`] | cutting and signing batches, verifying many at once |
//! | [`mailbox`] | *file*: a participant's own and received batches, with replay and equivocation |
//! | [`collator`] | which messages make up a participant's part |
//! | [`part_store`] | plain form to encrypted chunks and back |
//! | [`validator`] | parts to a result |
//! | [`participant`], [`duty`], [`view`] | the machines of participant and validator, what they see of the chain |
//! | [`exchange`] | batches, chunks and custody between nodes |
//! | [`log`] | *file*: append-only records with group commit |
//! | [`chunk_store`] | *file*: content-addressed chunks on such a log |
//! | [`cid`], [`manifest`] | addresses, the list of a part's chunks |
//! | [`ratchet`], [`seal`], [`crypt`] | block keys, sealing them to validators, encrypting chunks |

pub mod batcher;
pub mod chunk_store;
pub mod cid;
pub mod collator;
pub mod crypt;
pub mod duty;
pub mod exchange;
pub mod log;
pub mod mailbox;
pub mod manifest;
pub mod part_store;
pub mod participant;
pub mod ratchet;
pub mod seal;
pub mod signing;
pub mod validator;
pub mod view;
