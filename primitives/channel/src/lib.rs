//! The words of the data plane: messages, batches, parts, merge, programs, results and the rules that judge them.
//!
//! Purpose: one definition of everything about a channel block that more than one side must agree on. The pallets,
//! the collator, the validator, the program host and litigation all call this crate, so a rule exists once.
//!
//! | module | holds |
//! |---|---|
//! | [`channel`] | participants, eras and windows of a channel |
//! | [`message`] | the signed application record and its zero-copy reader |
//! | [`batch`] | messages of one sender under one signature |
//! | [`part`] | one participant's batches for a block, plain form, anchor, custody receipt |
//! | [`merkle`] | trees over hashes, bound to count and position |
//! | [`merge`] | parts to ordered, distinct messages |
//! | [`program`] | what a channel program may be, and the bytes it reads and writes |
//! | [`result`] | outputs, result header, commitment |
//! | [`rules`] | the life of a channel block |
//! | [`vbucket`] | the 1,024 logical shards |
//! | [`limits`] | a number for everything that comes from outside |
//!
//! Out of scope: compression, encryption, chunking and content ids (`node/offchain`), signatures (they come in
//! through [`merge::BatchVerifier`]), execution of programs (`node/executor`).
#![no_std]

extern crate alloc;

pub mod batch;
pub mod channel;
pub mod limits;
pub mod merge;
pub mod merkle;
pub mod message;
pub mod part;
pub mod program;
pub mod result;
pub mod rules;
pub mod vbucket;

mod reader;

pub use batch::{BatchHeader, Leaf, SignedBatch};
pub use channel::{Era, EraTerms, Participant, Windows};
pub use message::{Message, MessageRef};
pub use part::{CidBytes, PartAnchor, PartBuilder, PartReader, receipt_payload};
pub use result::{Output, ResultHeader, commitment};
pub use rules::BlockState;
pub use vbucket::{VBUCKETS, vbucket};
