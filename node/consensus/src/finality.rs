//! Finality in GRANDPA's formats.
//!
//! Terms: *voter set* = the authorities with the number of their set; *round* = one attempt of a set to finalise
//! something; *precommit* = an ed25519 signature that says "final, as far as I am concerned"; *justification* = enough
//! precommits of one round.
//!
//! Rules
//! - R1 A justification is verified with the voter set in the state of the target's parent: a set change in a block
//!   takes effect after that block.
//! - R2 Nothing above an unfinalised set change is finalised by the old set (`quire-chain` checks it).
//! - R3 Equal weights; the threshold is `floor(2n / 3) + 1` distinct authorities.
//!
//!
//! | module | does |
//! |---|---|
//! | [`voter`] | the machine of a node: votes, gossip, catch-up, commits, explanation |
//! | [`round`], [`votes`] | counting one round; votes and equivocations |
//! | [`commit`], [`justification`] | from precommits to a proof; checking proofs |
//! | [`change`] | the voters that a header names for the blocks after it |
//! | [`message`] | wire formats of `grandpa/1` |
//! | [`blocks`] | the chain as finality sees it |
//! | [`solo`] | the same for a node that votes alone and talks to nobody |
//!
//! Out of scope: sockets, signing, the tree of blocks (`quire-chain`), slashing.

pub mod blocks;
pub mod change;
pub mod commit;
pub mod justification;
pub mod message;
pub mod round;
pub mod solo;
#[cfg(test)]
mod testing;
pub mod voter;
pub mod votes;
